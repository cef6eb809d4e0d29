"""Does a plan hide what it says, and do a reviewer's acts keep its laws?"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapel.base.errors import Conflict, Invalid
from lapel.redaction import edits
from lapel.redaction.edits import History
from lapel.redaction.plan import PAD_US, Plan, Sound, Source, Suspect, boxes_at, sound_spans, spans
from lapel.redaction.track import Box, Keyframe, Track, joined

WIDTH, HEIGHT = 640, 480
LONG_US = 2_000_000


@st.composite
def tracks(draw: Any, track_id: str = "t1", hidden: bool = True) -> Track:
    times = sorted(draw(st.sets(st.integers(0, LONG_US), min_size=1, max_size=6)))
    keys = []
    for at in times:
        w, h = draw(st.integers(1, 200)), draw(st.integers(1, 200))
        x, y = draw(st.integers(1 - w, WIDTH - 1)), draw(st.integers(1 - h, HEIGHT - 1))
        keys.append(Keyframe(at, x, y, w, h, hidden and draw(st.integers(0, 4)) == 0))
    begins = draw(st.integers(0, LONG_US - 1))
    ends = draw(st.integers(begins + 1, LONG_US))
    return Track(track_id, "face", begins, ends, tuple(keys), state="accepted", by="B-1", exemption="b(7)(C)")


def plan_of(*chosen: Track, **more: Any) -> Plan:
    return Plan(Source("0" * 64, 10), WIDTH, HEIGHT, tracks=chosen, **more)


def still(track_id: str, begins_us: int, ends_us: int, **more: Any) -> Track:
    facts = {"state": "accepted", "by": "B-1", "exemption": "b(6)", **more}
    return Track(track_id, "face", begins_us, ends_us, (Keyframe(begins_us, 100, 100, 50, 60),), **facts)


def boxes(plan: Plan, at_us: int) -> list[Box]:
    return [region.whole for region in boxes_at(plan, at_us)]


@given(tracks(), st.integers(0, LONG_US + PAD_US))
def test_what_is_hidden_lies_in_the_spans_and_nowhere_else(track: Track, at_us: int) -> None:
    plan = plan_of(track)
    inside = any(begins <= at_us < ends for begins, ends in spans(plan))
    assert (track.box_at(at_us) is not None) == inside


@given(tracks(hidden=False), st.integers(0, LONG_US))
def test_a_box_moves_without_jumps(track: Track, at_us: int) -> None:
    """No side moves in a microsecond by more than the steepest line between keyframes, and a pixel of rounding."""
    plan = plan_of(dataclasses.replace(track, begins_us=0, ends_us=LONG_US + 1, grow_milli=1000))
    one, two = boxes(plan, at_us), boxes(plan, at_us + 1)
    if not one or not two:
        return
    steepest = max(
        (
            abs(b - a) / (second.at_us - first.at_us)
            for first, second in zip(track.keyframes, track.keyframes[1:], strict=False)
            for a, b in zip(dataclasses.astuple(first.box), dataclasses.astuple(second.box), strict=True)
        ),
        default=0,
    )
    for a, b in zip(dataclasses.astuple(one[0]), dataclasses.astuple(two[0]), strict=True):
        assert abs(a - b) <= steepest + 1


@given(tracks(hidden=False))
def test_at_a_keyframe_the_box_is_the_keyframes(track: Track) -> None:
    for key in track.keyframes:
        if track.begins_us <= key.at_us < track.ends_us:
            assert track.box_at(key.at_us) == key.box


@given(
    st.integers(-50, 600),
    st.integers(-50, 600),
    st.integers(1, 300),
    st.integers(1, 300),
    st.integers(1000, 5000),
)
def test_a_grown_box_holds_the_box(x: int, y: int, w: int, h: int, grow_milli: int) -> None:
    grown = Box(x, y, w, h).grown(grow_milli)
    assert grown.x <= x
    assert grown.y <= y
    assert grown.x + grown.w >= x + w
    assert grown.y + grown.h >= y + h
    assert grown.w <= w * grow_milli / 1000 + 2


@given(tracks(), st.data())
def test_split_and_merged_it_is_the_same_track(track: Track, data: Any) -> None:
    plan = plan_of(track, still("t9", 0, 10))
    if track.ends_us - track.begins_us < 2:
        return
    at_us = data.draw(st.integers(track.begins_us + 1, track.ends_us - 1))
    parts = edits.split(plan, "t1", at_us, "t2")
    assert edits.merge(parts, "t1", "t2") == plan


@given(tracks(hidden=False), st.data())
def test_a_split_track_hides_what_the_whole_one_hid(track: Track, data: Any) -> None:
    plan = plan_of(track)
    if track.ends_us - track.begins_us < 2:
        return
    cut_us = data.draw(st.integers(track.begins_us + 1, track.ends_us - 1))
    at_us = data.draw(st.integers(track.begins_us, track.ends_us - 1))
    parts = edits.split(plan, "t1", cut_us, "t2")
    assert boxes(plan, at_us)[0] in boxes(parts, at_us)


@given(tracks(), tracks("t2"), st.lists(st.integers(0, 6), max_size=12), st.data())
def test_undo_brings_back_each_plan_before_and_redo_each_after(
    one: Track, two: Track, acts: list[int], data: Any
) -> None:
    history = History(plan_of(one, two, suspects=(Suspect("s1", "weak", "face", 0, 10, 1, 1, 5, 5),)))
    seen = [history.plan]
    for act in acts:
        at = data.draw(st.integers(0, LONG_US))
        chosen = [
            lambda p: edits.accept(p, ["t1"], by="B-2", exemption="b(6)"),
            lambda p: edits.reject(p, ["t2"], by="B-2", reason="an officer on duty"),
            lambda p, at=at: edits.extend(p, "t1", 0, at + 1),
            lambda p, at=at: edits.keyframe(p, "t2", Keyframe(at, 5, 5, 10, 10)),
            lambda p: edits.group(p, ["t1", "t2"], "driver"),
            lambda p: edits.look(p, "s1", "nothing", by="B-2"),
            lambda p: edits.mask(p, "t1", shape="box", how="blur", grow_milli=1500),
        ][act]
        history = history.do(chosen)
        seen.append(history.plan)
    for plan in reversed(seen[:-1]):
        history = history.undo()
        assert history.plan == plan
    assert history.undo() == history
    for plan in seen[1:]:
        history = history.redo()
        assert history.plan == plan


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50))))
def test_joined_spans_cover_the_same_instants_without_touching(given_spans: list[tuple[int, int]]) -> None:
    found = joined(given_spans)
    covered = {at for begins, ends in given_spans for at in range(begins, ends)}
    assert {at for begins, ends in found for at in range(begins, ends)} == covered
    assert all(a[1] < b[0] for a, b in itertools.pairwise(found))


def test_only_what_a_person_accepted_is_hidden_unless_it_is_said() -> None:
    proposed = still("t1", 0, 1000, state="proposed")
    rejected = still("t2", 0, 1000, state="rejected", reason="seen by all")
    accepted = still("t3", 0, 1000)
    plan = plan_of(proposed, rejected, accepted)
    assert [region.track for region in boxes_at(plan, 500)] == ["t3"]
    assert [region.track for region in boxes_at(plan, 500, auto=True)] == ["t1", "t3"]


def test_between_a_hidden_keyframe_and_the_next_nothing_is_masked() -> None:
    keys = (
        Keyframe(0, 0, 0, 9, 9),
        Keyframe(500_000, 0, 0, 9, 9, hidden=True),
        Keyframe(1_500_000, 0, 0, 9, 9),
    )
    plan = plan_of(dataclasses.replace(still("t1", 0, 2_000_000), keyframes=keys))
    assert spans(plan) == [(0, 600_000), (1_400_000, 2_100_000)]
    assert boxes(plan, 1_000_000) == []


def test_a_mask_at_the_edge_is_clipped_but_keeps_its_whole_ellipse() -> None:
    track = dataclasses.replace(
        still("t1", 0, 1000), keyframes=(Keyframe(0, -20, 10, 40, 40),), grow_milli=1000
    )
    (region,) = boxes_at(plan_of(track), 0)
    assert (region.box, region.whole) == (Box(0, 10, 20, 40), Box(-20, 10, 40, 40))


def test_words_are_muted_a_little_longer_than_they_were_heard() -> None:
    said = Sound("w1", "name", 1_000_000, 1_500_000, "…", "b(6)", "accepted", "B-1")
    assert sound_spans(plan_of(sound=(said,))) == [(850_000, 1_650_000)]


def test_accepting_needs_a_code_that_exists() -> None:
    plan = plan_of(still("t1", 0, 10, state="proposed", exemption="", by=""))
    with pytest.raises(Invalid, match="no exemption code"):
        edits.accept(plan, ["t1"], by="B-1")
    with pytest.raises(Invalid, match=r"no exemption 'b\(99\)'"):
        edits.accept(plan, ["t1"], by="B-1", exemption="b(99)")
    assert edits.accept(plan, ["t1"], by="B-1", exemption="b(6)").tracks[0].state == "accepted"


def test_rejecting_needs_a_reason() -> None:
    with pytest.raises(Invalid, match="needs a reason"):
        edits.reject(plan_of(still("t1", 0, 10)), ["t1"], by="B-1", reason=" ")


def test_a_plan_with_anything_left_to_look_at_is_not_reviewed() -> None:
    plan = plan_of(still("t1", 0, 10), suspects=(Suspect("s1", "weak", "face", 0, 10, 1, 1, 5, 5),))
    with pytest.raises(Conflict, match="1 suspects"):
        edits.review(plan, by="B-1", at="2026-11-24T10:00:00Z")
    seen = edits.look(plan, "s1", "nothing", by="B-1")
    done = edits.review(seen, by="B-1", at="2026-11-24T10:00:00Z")
    with pytest.raises(Invalid, match="another person"):
        edits.second_reading(done, by="B-1")
    assert edits.second_reading(done, by="B-2").reviewed == dataclasses.replace(done.reviewed, second="B-2")


def test_an_edit_takes_the_review_back() -> None:
    done = edits.review(plan_of(still("t1", 0, 10)), by="B-1", at="2026-11-24T10:00:00Z")
    assert edits.extend(done, "t1", 0, 20).reviewed is None


def test_two_kinds_of_thing_are_not_merged() -> None:
    plan = plan_of(still("t1", 0, 10), dataclasses.replace(still("t2", 20, 30), kind="plate"))
    with pytest.raises(Invalid, match="cannot be one track"):
        edits.merge(plan, "t1", "t2")


def test_an_id_that_is_taken_is_not_given_again() -> None:
    plan = plan_of(still("t1", 0, 10), still("t2", 0, 10))
    with pytest.raises(Conflict):
        edits.split(plan, "t1", 5, "t2")
    with pytest.raises(Conflict):
        edits.draw(plan, still("t1", 0, 10))
