"""Where was an action camera, by the telemetry track of its clip (GPMF)?

GPMF is nested key-length-value: key (4 characters), type (1), size of one item (1), number of items (2, big-endian), then
the items, padded to 4 bytes (the GPMF introduction of its maker). Positions come as `GPS5` (five 32-bit integers to be
divided by `SCAL`, with `GPSU` the time and `GPSF` the kind of fix) or as `GPS9`. Pure: hostile bytes give fewer points,
never an exception.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from lapel.footage.inspection import Point
from lapel.footage.places import point

MAX_ITEMS = 100_000
MAX_POINTS = 100_000
POINT_EVERY_MS = 1000
_GPS9_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_INTEGERS = {"b": 1, "B": 1, "s": 2, "S": 2, "l": 4, "L": 4}


@dataclass(slots=True)
class _Stream:
    """What one STRM has said so far: scales, time and fix stand before the samples that they are for."""

    scales: list[int] = field(default_factory=list)
    utc: datetime | None = None
    fix: int | None = None
    complex_type: str = ""


class Gathered:
    """The trail of a whole clip, one point a second, out of the packets of its data tracks."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.skipped = 0

    def see(self, packet: bytes, start_ms: float, duration_ms: float) -> None:
        """One packet of a data track, whatever it holds."""
        if packet[:4] != b"DEVC" or len(self.points) >= MAX_POINTS:
            return
        found, skipped = points(packet, start_ms, duration_ms)
        self.skipped += skipped
        for here in found:
            if not self.points or here.at_ms >= self.points[-1].at_ms + POINT_EVERY_MS:
                self.points.append(here)


def points(packet: bytes, start_ms: float, duration_ms: float) -> tuple[list[Point], int]:
    """The points of one packet, spread evenly over its time, and how many samples had no fix or made no sense."""
    found: list[Point] = []
    skipped = 0
    for stream in _streams(packet):
        state = _Stream()
        for key, kind, size, count, body in _items(stream):
            _note(state, key, kind, size, count, body)
            samples = _samples(state, key, size, count, body)
            for at, (latitude, longitude, altitude, utc, fix) in enumerate(samples):
                offset_ms = duration_ms * at / len(samples)
                stamp = utc or (state.utc + timedelta(milliseconds=offset_ms) if state.utc else None)
                here = point(start_ms + offset_ms, latitude, longitude, altitude, stamp)
                if here is None or not (fix if fix is not None else state.fix or 0) >= 2:
                    skipped += 1
                else:
                    found.append(here)
    return found, skipped


def _streams(packet: bytes) -> Iterator[bytes]:
    for key, _, _, _, body in _items(packet):
        if key == b"DEVC":
            yield from (inner for name, _, _, _, inner in _items(body) if name == b"STRM")


def _items(body: bytes) -> Iterator[tuple[bytes, str, int, int, bytes]]:
    at = 0
    for _ in range(MAX_ITEMS):
        if at + 8 > len(body):
            return
        key, kind = body[at : at + 4], chr(body[at + 4])
        size, count = body[at + 5], int.from_bytes(body[at + 6 : at + 8], "big")
        end = at + 8 + size * count
        if end > len(body):
            return
        yield key, kind, size, count, body[at + 8 : end]
        at = (end + 3) & ~3


def _note(state: _Stream, key: bytes, kind: str, size: int, count: int, body: bytes) -> None:
    if key == b"SCAL" and kind in _INTEGERS and size and size % _INTEGERS[kind] == 0:
        width = _INTEGERS[kind]
        state.scales = [
            int.from_bytes(body[i : i + width], "big", signed=kind.islower())
            for i in range(0, size * count, width)
        ]
    elif key == b"GPSU":
        state.utc = _gpsu(body)
    elif key == b"GPSF" and kind == "L" and len(body) >= 4:
        state.fix = int.from_bytes(body[:4], "big")
    elif key == b"TYPE":
        state.complex_type = body.decode("ascii", "replace")


Sample = tuple[float, float, float, datetime | None, int | None]


def _samples(state: _Stream, key: bytes, size: int, count: int, body: bytes) -> list[Sample]:
    if any(scale == 0 for scale in state.scales):
        return []
    if key == b"GPS5" and size == 20 and len(state.scales) >= 5:
        rows: Iterator[Any] = struct.iter_unpack(">5i", body)
        return [(*_scaled(row, state.scales, 3), None, None) for row in rows]
    if (
        key == b"GPS9"
        and size == 32
        and len(state.scales) >= 9
        and state.complex_type.startswith("lllllllSS")
    ):
        return [
            (
                *_scaled(row, state.scales, 3),
                _gps9_time(row[5] / state.scales[5], row[6] / state.scales[6]),
                row[8],
            )
            for row in struct.iter_unpack(">7i2H", body)
        ]
    return []


def _scaled(row: tuple[int, ...], scales: list[int], count: int) -> tuple[float, float, float]:
    latitude, longitude, altitude = (row[i] / scales[i] for i in range(count))
    return latitude, longitude, altitude


def _gpsu(body: bytes) -> datetime | None:
    """`yymmddhhmmss.sss`."""
    found = re.match(rb"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)\.(\d{3})", body)
    if not found:
        return None
    year, month, day, hour, minute, second, ms = map(int, found.groups())
    try:
        return datetime(2000 + year, month, day, hour, minute, second, ms * 1000, tzinfo=UTC)
    except ValueError:
        return None


def _gps9_time(days: float, seconds: float) -> datetime | None:
    try:
        return _GPS9_EPOCH + timedelta(days=days, seconds=seconds)
    except OverflowError:
        return None
