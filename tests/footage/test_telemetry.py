"""Trails, telemetry and signatures: what cameras write beside and into their pictures, read from hostile bytes too."""

from __future__ import annotations

import contextlib
import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lapel.base.errors import Invalid
from lapel.footage import gpmf
from lapel.footage.boxes import what_is_missing
from lapel.footage.gnss import read_trail
from lapel.footage.inspection import Point
from lapel.footage.look import trail_to_keep
from lapel.footage.nal import unescape
from lapel.footage.signedvideo import SignatureScan


def trail(*entries: Any) -> bytes:
    return json.dumps({"CoordinateEntries": list(entries)}).encode()


def entry(
    wkt: str = "POINT(-77.0365 38.8977)", seconds: Any = 1.0, stamp: Any = "2026-11-24T03:37:44Z"
) -> dict[str, Any]:
    return {"LocationWKT": wkt, "SecondsFromStart": seconds, "Timestamp": stamp}


def test_longitude_comes_first_and_entries_are_sorted() -> None:
    found = read_trail(trail(entry(seconds=64.5), entry("POINT (-77.1 38.9)", 2)))
    assert found.points == (
        Point(2000, 389000000, -771000000, None, "2026-11-24T03:37:44.000Z"),
        Point(64500, 388977000, -770365000, None, "2026-11-24T03:37:44.000Z"),
    )
    assert found.skipped == 0


@pytest.mark.parametrize(
    "bad",
    [
        entry("POINT(38.8977 -177.0 9 9 9)"), entry("POINT(200 10)"), entry("POINT(10 91)"), entry("POINT(0 0)"),
        entry("POINT(NaN 1)"), entry("LINESTRING(1 2, 3 4)"), entry("POINT(1e999 1)"), entry(""), entry(seconds=-1),
        entry(seconds=1e300), entry(seconds="1"), entry(seconds=None), entry(seconds=True), entry(seconds=10**400),
        "no object", None, 7, {}, {"LocationWKT": 5, "SecondsFromStart": 1},
    ],
)  # fmt: skip
def test_an_entry_that_makes_no_sense_is_skipped_and_counted(bad: Any) -> None:
    found = read_trail(trail(entry(), bad))
    assert (len(found.points), found.skipped) == (1, 1)


@pytest.mark.parametrize("stamp", [None, 5, "yesterday", "2026-11-24T03:37:44", "9" * 1000])
def test_a_stamp_that_is_none_leaves_the_place(stamp: Any) -> None:
    (point,) = read_trail(trail(entry(stamp=stamp))).points
    assert point.utc is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe{}", "not JSON"),
        (b"[]", "no list"),
        (b'{"CoordinateEntries": {}}', "no list"),
        (b'{"CoordinateEntries": [{"SecondsFromStart": NaN}]}', "not JSON"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"CoordinateEntries": [' + b"9" * 10_000 + b"]}", "not JSON"),
        (b" " * (17 << 20), "at most"),
    ],
)
def test_a_file_that_is_no_trail_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        read_trail(body)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_a_trail_of_any_bytes_is_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(Invalid):
        read_trail(body)


def klv(key: bytes, kind: str, size: int, body: bytes) -> bytes:
    count = len(body) // size if size else 0
    return key + kind.encode() + bytes([size]) + struct.pack(">H", count) + body + bytes(-len(body) % 4)


def nested(key: bytes, *items: bytes) -> bytes:
    return klv(key, "\0", 1, b"".join(items))


SCALES = klv(b"SCAL", "l", 4, struct.pack(">5i", 10**7, 10**7, 1000, 1000, 100))


def gps5(*rows: tuple[int, int, int, int, int], fix: int = 3, scales: bytes = SCALES) -> bytes:
    samples = klv(b"GPS5", "l", 20, b"".join(struct.pack(">5i", *row) for row in rows))
    stream = nested(
        b"STRM",
        klv(b"GPSF", "L", 4, struct.pack(">I", fix)),
        klv(b"GPSU", "U", 16, b"191118234514.500"),
        scales,
        samples,
    )
    return nested(b"DEVC", klv(b"DVNM", "c", 1, b"Camera"), stream)


ROW = (331268000, -1173273000, 20_500, 1000, 100)


def test_gps5_gives_points_spread_over_the_packet() -> None:
    found, skipped = gpmf.points(gps5(ROW, ROW), 2000, 1000)
    assert skipped == 0
    assert found == [
        Point(2000, 331268000, -1173273000, 20500, "2019-11-18T23:45:14.500Z"),
        Point(2500, 331268000, -1173273000, 20500, "2019-11-18T23:45:15.000Z"),
    ]


def test_gps9_brings_its_own_time_and_fix() -> None:
    scales = klv(b"SCAL", "l", 4, struct.pack(">9i", 10**7, 10**7, 1000, 1000, 100, 1, 1000, 100, 1))
    row = struct.pack(">7i2H", 331268000, -1173273000, 20_500, 0, 0, 8766, 5000, 120, 3)
    lost = row[:-2] + b"\0\0"
    stream = nested(b"STRM", klv(b"TYPE", "c", 1, b"lllllllSS"), scales, klv(b"GPS9", "?", 32, row + lost))
    found, skipped = gpmf.points(nested(b"DEVC", stream), 0, 1000)
    assert (len(found), skipped) == (1, 1)
    assert found[0].utc == "2024-01-01T00:00:05.000Z"


def test_samples_without_a_fix_are_skipped_and_counted() -> None:
    assert gpmf.points(gps5(ROW, fix=0), 0, 1000) == ([], 1)


def test_a_scale_of_zero_divides_nothing() -> None:
    assert gpmf.points(gps5(ROW, scales=klv(b"SCAL", "l", 4, bytes(20))), 0, 1000) == ([], 0)


@settings(deadline=None)
@given(st.data())
def test_telemetry_of_any_bytes_is_read_without_an_exception(data: st.DataObject) -> None:
    body = bytearray(gps5(ROW, ROW))
    for _ in range(data.draw(st.integers(0, 6))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    gpmf.points(bytes(body[: data.draw(st.integers(0, len(body)))]), 0, 1000)


SIGNED_VIDEO = bytes.fromhex("5369676e656420566964656f2e2e2e30")


def tlv(tag: int, value: bytes, length_bytes: int = 2) -> bytes:
    return bytes([tag]) + len(value).to_bytes(length_bytes, "big") + value


def sei(payload: bytes, header: bytes = b"\x06") -> bytes:
    size = b"\xff" * (len(payload) // 255) + bytes([len(payload) % 255])
    return header + b"\x05" + size + payload + b"\x80"


def escaped(unit: bytes) -> bytes:
    out = bytearray()
    for byte in unit:
        if byte <= 3 and out[-2:] == b"\0\0":
            out.append(3)
        out.append(byte)
    return bytes(out)


PRODUCT = b"\1" + b"".join(
    bytes([len(t) + 1]) + t + b"\0" for t in (b"W120", b"11.2.1", b"B8A44F000000", b"Maker", b"a.b")
)
BODY = (
    SIGNED_VIDEO
    + b"\0"
    + tlv(1, bytes(23), 1)
    + tlv(3, PRODUCT)
    + tlv(2, b"key")
    + tlv(4, bytes(1200))
    + tlv(5, b"sig")
)


@pytest.mark.parametrize("header", [b"\x06", b"\x4e\x01"])
def test_a_signature_is_counted_and_its_maker_read(header: bytes) -> None:
    scan = SignatureScan()
    scan.see(escaped(sei(BODY, header)), len(header))
    scan.see(escaped(sei(SIGNED_VIDEO + b"\0" + tlv(5, b"sig"), header)), len(header))
    (signed,) = scan.found()
    assert (signed.scheme, signed.signatures) == ("signed-video", 2)
    assert (signed.hardware, signed.firmware, signed.serial) == ("W120", "11.2.1", "B8A44F000000")
    assert (signed.manufacturer, signed.address) == ("Maker", "a.b")
    assert len(signed.certificates_sha256) == 64


def test_an_encoders_note_is_no_signature() -> None:
    scan = SignatureScan()
    scan.see(sei(bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef") + b"x264 - core"), 1)
    assert scan.found() == ()


@settings(deadline=None)
@given(st.data())
def test_a_damaged_signature_never_raises(data: st.DataObject) -> None:
    unit = bytearray(sei(BODY))
    for _ in range(data.draw(st.integers(0, 6))):
        unit[data.draw(st.integers(0, len(unit) - 1))] = data.draw(st.integers(0, 255))
    scan = SignatureScan()
    scan.see(bytes(unit[: data.draw(st.integers(1, len(unit)))]), 1)
    scan.found()


@settings(deadline=None)
@given(st.binary(max_size=60).map(lambda b: b.replace(b"\x80", b"\0")))
def test_emulation_prevention_is_undone(payload: bytes) -> None:
    assert unescape(escaped(payload + b"\x80")) == payload + b"\x80"


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", b"\0\0\0\x18ftypisom", b"\x1a\x45\xdf\xa3"]))
def test_the_frame_of_any_bytes_is_looked_at_without_an_exception(tail: bytes, head: bytes) -> None:
    content = head + tail
    what_is_missing(lambda at, n: content[at : at + n], len(content))


def test_a_kept_trail_is_written_as_its_page_says() -> None:
    page = (Path(__file__).parents[2] / "docs" / "formats" / "trail.md").read_text()
    example = next(line.strip() for line in page.splitlines() if line.startswith('    {"v":1'))
    found = read_trail(trail(entry(), entry("nowhere")))
    assert trail_to_keep(found).content.decode() == example
