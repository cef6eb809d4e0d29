"""From the protocol's words to ours: what is missing or cannot be right is kept and flagged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lapel.footage import axis, axis_said, model

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
AT = datetime(2026, 11, 24, 10, 15, tzinfo=UTC)
NAME = b"user-1_ACCC8E000001_20261124T101500Z"


def meta(**said: str) -> axis.Metadata:
    return axis.Metadata(said)


def epoch(at: datetime) -> str:
    return str(int(at.timestamp()))


def test_a_recording_begins_with_its_buffer_then_its_trigger_then_its_name():
    container = axis.read_container(NAME)
    buffered, triggered = AT - timedelta(seconds=90), AT + timedelta(seconds=1)
    both = meta(StartTime=epoch(buffered), TriggerOnTime=epoch(triggered))
    assert axis_said.recorded(container, both, NOW).started_at == buffered
    assert axis_said.recorded(container, meta(TriggerOnTime=epoch(triggered)), NOW).started_at == triggered
    assert axis_said.recorded(container, meta(), NOW).started_at == AT


def test_wearer_and_camera_come_from_the_metadata_and_else_from_the_name():
    container = axis.read_container(NAME)
    assert axis_said.recorded(container, meta(), NOW).user == "user-1"
    said = axis_said.recorded(container, meta(UserID="u2", BWCSerialNumber="C2"), NOW)
    assert (said.user, said.serial) == ("u2", "C2")


@pytest.mark.parametrize(
    "at",
    [
        NOW + timedelta(days=1, seconds=1),
        NOW - timedelta(days=90, seconds=1),
        datetime(2009, 12, 31, tzinfo=UTC),
    ],
    ids=["ahead", "behind", "before there were such cameras"],
)
def test_a_clock_that_cannot_be_right_is_flagged_and_its_time_kept(at):
    said = axis_said.recorded(axis.read_container(NAME), meta(StartTime=epoch(at)), NOW)
    assert said.flags == (model.CLOCK_OFF,)
    assert said.started_at == at


@pytest.mark.parametrize("at", [NOW + timedelta(hours=23), NOW - timedelta(days=89)])
def test_a_clock_that_may_be_right_is_not_flagged(at):
    assert axis_said.recorded(axis.read_container(NAME), meta(StartTime=epoch(at)), NOW).flags == ()


def test_rejected_content_is_of_the_recording_it_was_meant_for():
    container = axis.read_container(b"RejectedContent_20261124T120000Z_6b0c")
    said = axis_said.recorded(
        container, meta(RejectedContentOriginalContainer=NAME.decode(), Status="Complete"), NOW
    )
    assert said.external_id == NAME.decode()
    assert (said.user, said.serial, said.started_at) == ("user-1", "ACCC8E000001", AT)
    assert model.REJECTED_BY_CAMERA in said.flags
    assert not said.complete


def test_rejected_content_of_nothing_known_is_a_recording_of_its_own():
    container = axis.read_container(b"RejectedContent_UnknownTime_6b0c")
    assert axis_said.recorded(container, meta(), NOW).external_id == "RejectedContent_UnknownTime_6b0c"


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"StartTime": epoch(AT)},
        {"StartTime": epoch(AT), "StopTime": epoch(AT)},
        {"StartTime": epoch(AT), "StopTime": epoch(AT - timedelta(seconds=1))},
        {"StartTime": epoch(AT), "StopTime": "soon"},
    ],
    ids=["nothing said", "no end", "ends as it begins", "ends before", "no instant"],
)
def test_a_clip_without_a_duration_is_flagged(said):
    clip = axis_said.said(axis.Name("20261124_101500_AB12.mp4"), "clip", meta(**said), NOW, rejected=False)
    assert clip.flags == (model.NO_DURATION,)
    assert clip.started_at == AT


def test_a_clip_with_a_duration_is_not_flagged():
    said = meta(StartTime=epoch(AT), StopTimeISO="2026-11-24T10:16:00Z")
    clip = axis_said.said(axis.Name("x.mp4"), "clip", said, NOW, rejected=False)
    assert (clip.flags, clip.ended_at) == ((), AT + timedelta(minutes=1))


def test_a_bookmark_says_when_what_and_where():
    said = meta(
        StartTime="2026-11-24T10:15:00Z", Location="55.71 13.19 5 1795515300", Tags="TriggerOn:Button"
    )
    marked = axis_said.bookmark(axis.Name("bookmark_1"), said, "Träff".encode())
    assert (marked["at"], marked["until"], marked["words"]) == (AT, None, "Träff")
    assert marked["facts"]["latitude"] == "55.71"
    assert marked["facts"]["tags"] == {"TriggerOn": "Button"}


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a\0b"], ids=["not UTF-8", "NUL"])
def test_a_bookmarks_words_in_bad_encoding_keep_their_bytes_as_escapes(body):
    marked = axis_said.bookmark(axis.Name("bookmark_1"), meta(), body)
    assert "\0" not in marked["words"]
    assert "\\x" in marked["words"]
    assert marked["facts"]["flags"] == [model.BAD_ENCODING]
