"""What a camera system says is read as it is meant, or kept as it came; reading never fails."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lapel.footage import axis, model

AT = datetime(2026, 11, 24, 10, 15, tzinfo=UTC)
USER = "1f0a7d6e-0000-4000-8000-000000000001"


def meta(**said: str) -> axis.Metadata:
    return axis.read_metadata([(f"X-Object-Meta-{k}".encode(), v.encode()) for k, v in said.items()])


@pytest.mark.parametrize(
    "written", ["20261124T101500Z", "20261124_101500"], ids=["today's form", "the old form"]
)
def test_a_recording_containers_name_says_wearer_camera_and_time(written):
    there = axis.read_container(f"{USER}_ACCC8E000001_{written}".encode())
    assert (there.kind, there.user, there.camera, there.at) == ("recording", USER, "ACCC8E000001", AT)
    assert there.flags == ()


def test_a_user_id_with_underscores_is_kept_whole():
    assert axis.read_container(b"a_b_c_SERIAL_20261124T101500Z").user == "a_b_c"


@pytest.mark.parametrize("name", ["abc", "a_b_20269999T999999Z", "_x_20261124T101500Z", "Systems", "users"])
def test_a_container_of_no_known_shape_is_a_recordings_and_never_refused(name):
    there = axis.read_container(name.encode())
    assert there.kind == "recording"
    assert there.at is None or model.NAME_UNREADABLE in there.flags


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("System", "system"),
        ("Users", "users"),
        ("Devices", "devices"),
        ("RejectedContent_UnknownTime_6b0c", "rejected"),
        ("RejectedContent_", "rejected"),
    ],
)
def test_the_other_containers_are_told_by_their_names(name, kind):
    assert axis.read_container(name.encode()).kind == kind


@pytest.mark.parametrize(
    ("name", "said", "kind"),
    [
        ("20190101_090909_7CF7.mkv", {}, "clip"),
        ("20190101T090909Z_7CF7.MP4", {}, "clip"),
        ("20190101_090909_7CF7.key", {}, "key"),
        ("20190101_090909_7CF7.mkv.key", {}, "key"),
        ("20190101_090909_7CF7_ACCC_gpstrail.json", {"FileType": "json"}, "trail"),
        ("bookmark_20190101T090909Z_1", {}, "bookmark"),
        ("something", {"ContainerType": "mkv"}, "clip"),
        ("something", {"FileType": "key"}, "key"),
        ("something", {}, "other"),
    ],
)
def test_an_object_is_what_its_name_or_its_metadata_says(name, said, kind):
    assert axis.object_kind(name, meta(**said)) == kind


@pytest.mark.parametrize(
    "raw",
    [b"a%00b", b"a%0Ab", b"caf%E9", b"%zz", b"100%", b"\xff\xfe", b"%ed%a0%80"],
    ids=["NUL", "newline", "latin-1", "no hex", "half an escape", "raw bytes", "half a surrogate pair"],
)
def test_a_name_in_bad_encoding_is_kept_as_it_came_and_flagged(raw):
    name = axis.read_name(raw)
    assert name.text == raw.decode("latin-1")
    assert name.flags == (model.BAD_ENCODING,)


@pytest.mark.parametrize("text", ["../../etc/passwd", "a/b", "😀 клип.mp4", "Ünïted", "..", "a%b"])
def test_a_name_is_data_and_comes_through_unchanged(text):
    assert axis.read_name(quote(text, safe="").encode()) == axis.Name(text)


def test_two_names_that_are_too_long_stay_two_names():
    one, two = axis.read_name(b"x" * 4096 + b"1"), axis.read_name(b"x" * 4096 + b"2")
    assert one.text != two.text
    assert one == axis.read_name(b"x" * 4096 + b"1")
    assert len(one.text.encode()) == axis.MAX_NAME_BYTES
    assert one.flags == (model.CUT,)


@settings(deadline=None)
@given(st.binary(max_size=600))
def test_any_bytes_are_a_name_that_can_be_kept(raw):
    name = axis.read_name(raw)
    assert len(name.text.encode()) <= axis.MAX_NAME_BYTES
    assert "\0" not in name.text or b"\0" in raw
    axis.read_container(raw)
    axis.object_kind(name.text, axis.Metadata())


@settings(deadline=None)
@given(st.text(max_size=100))
def test_what_is_encoded_well_is_decoded_to_itself_or_flagged(text):
    try:
        encoded = quote(text, safe="").encode()
    except UnicodeEncodeError:
        return
    value, good = axis.decode(encoded)
    assert (value == text) if good else any(ord(c) < 32 or ord(c) == 127 for c in text)


def test_keys_ignore_case_and_both_prefixes_are_read():
    said = axis.read_metadata(
        [
            (b"x-container-meta-bwcserialnumber", b"A"),
            (b"X-OBJECT-META-STATUS", b"Complete"),
            (b"X-Object-Meta-New-Thing", b"1"),
            (b"X-Auth-Token", b"secret"),
        ]
    )
    assert said.values == {"BWCSerialNumber": "A", "Status": "Complete", "New-Thing": "1"}


def test_a_value_in_bad_encoding_is_kept_raw_and_flagged():
    said = axis.read_metadata([(b"X-Object-Meta-Name", b"caf%E9"), (b"X-Object-Meta-Model", b"caf%C3%A9")])
    assert said.values == {"Name": "caf%E9", "Model": "café"}
    assert said.flags == (model.BAD_ENCODING,)


def test_metadata_beyond_the_limits_is_cut_and_flagged():
    many = axis.read_metadata([(f"X-Object-Meta-K{i}".encode(), b"v") for i in range(200)])
    assert len(many.values) == axis.MAX_KEYS
    long = axis.read_metadata([(b"X-Object-Meta-Name", "é".encode() * 4000)])
    assert len(long.values["Name"].encode()) <= axis.MAX_VALUE_BYTES
    heavy = axis.read_metadata([(f"X-Object-Meta-K{i}".encode(), b"v" * 4096) for i in range(100)])
    assert sum(len(v) for v in heavy.values.values()) <= axis.MAX_METADATA_BYTES
    assert all(model.CUT in said.flags for said in (many, long, heavy))


@pytest.mark.parametrize(
    "text",
    ["1795515300", "1795515300.0", "2026-11-24T10:15:00Z", "2026-11-24T05:15:00-05:00", "20261124T101500Z"],
)
def test_an_instant_is_read_however_it_is_written(text):
    assert axis.read_instant(text) == AT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-11-24T10:15:00",
        "99999999999999999",
        "-99999999999999999",
        "2026-13-01T00:00:00Z",
    ],
)
def test_what_is_no_instant_is_none(text):
    assert axis.read_instant(text) is None


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_text_makes_reading_fail(text):
    axis.read_instant(text)
    axis.read_tags(text)
    place = axis.read_location(text)
    assert place is None or (abs(place.latitude) <= 90 and abs(place.longitude) <= 180)


@pytest.mark.parametrize(
    "text",
    [
        "55.71 13.19 5 1795515300",
        "55.71,13.19,5,1795515300",
        "55.71;13.19;5;1795515300",
        "+55.71+13.19+5+1795515300",
    ],
)
def test_a_location_is_read_whatever_stands_between_the_numbers(text):
    assert axis.read_location(text) == axis.Location(55.71, 13.19, 5, AT)


@pytest.mark.parametrize("text", ["", "nowhere", "12", "91 0", "0 181"])
def test_what_is_no_location_is_none(text):
    assert axis.read_location(text) is None


def test_tags_are_read_with_unknown_keys():
    assert axis.read_tags("TriggerOn:Button; Some:a:b;;lone") == {
        "TriggerOn": "Button",
        "Some": "a:b",
        "lone": "",
    }
