"""How is a render written, with nothing in it that was not asked for? A small mp4 writer, streamed.

ISO/IEC 14496-12. One `moov`, one `mdat`, no fragments, no metadata, no date, no name of a program. The index stands first:
its place is reserved from the number of packets, and what is left of it is filled with zeros (`free`). Times are exact:
the time scale is the source's, pictures carry signed offsets, and an edit list only ever delays a track.
"""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from lapel.base.errors import Invalid
from lapel.redaction.boxes_out import box, full

_FTYP = box(b"ftyp", b"iso6", struct.pack(">I", 0), b"iso6isomavc1mp41")
_TURNS = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}  # degrees clockwise
_U32 = 2**32


@dataclass(slots=True)
class OutTrack:
    """One track. `time_base`: seconds a tick, numerator and denominator. `entry`: its sample entry, needed at `finish`."""

    kind: str
    time_base: tuple[int, int]
    width: int = 0
    height: int = 0
    rotation: int = 0
    aspect: tuple[int, int] = (1, 1)
    entry: bytes = b""
    _pts: array[int] = field(default_factory=lambda: array("q"))
    _dts: array[int] = field(default_factory=lambda: array("q"))
    _sizes: array[int] = field(default_factory=lambda: array("I"))
    _keys: array[int] = field(default_factory=lambda: array("I"))
    _chunks: array[int] = field(default_factory=lambda: array("Q"))
    _in_chunk: array[int] = field(default_factory=lambda: array("I"))
    last_duration: int = 0

    def add(self, size: int, pts: int, dts: int, *, key: bool) -> None:
        """Note one sample; a decode time that steps back is held at the one before."""
        if self._dts and dts < self._dts[-1]:
            dts = self._dts[-1]
        self._pts.append(pts)
        self._dts.append(dts)
        self._sizes.append(size)
        if key:
            self._keys.append(len(self._sizes))

    @property
    def count(self) -> int:
        """Samples so far."""
        return len(self._sizes)

    @property
    def scale(self) -> int:
        return self.time_base[1]

    def first(self) -> int:
        """The earliest presentation time, in units of the scale."""
        return min(self._pts) * self.time_base[0]

    def end(self) -> int:
        """When the last sample is over, in units of the scale."""
        return max(self._pts) * self.time_base[0] + max(1, self.last_duration) * self.time_base[0]

    def new_chunk(self, offset: int) -> None:
        self._chunks.append(offset)
        self._in_chunk.append(0)

    def in_chunk(self) -> None:
        self._in_chunk[-1] += 1

    def tables(self, first: int) -> bytes:
        """The sample table, presentation times counted from `first` (units of the scale)."""
        step = self.time_base[0]
        # Ticks between decode times; the last sample lasts as long as it is shown.
        deltas = [(b - a) * step for a, b in zip(self._dts, self._dts[1:], strict=False)]
        deltas.append(max(1, self.last_duration) * step)
        zero = self._dts[0]
        offsets = [
            pts * step - first - (dts - zero) * step for pts, dts in zip(self._pts, self._dts, strict=True)
        ]
        parts = [full(b"stsd", 0, 0, struct.pack(">I", 1), self.entry), _run_table(b"stts", 0, deltas, ">II")]
        if any(offsets):
            parts.append(_run_table(b"ctts", 1 if min(offsets) < 0 else 0, offsets, ">Ii"))
        if self.kind == "video":
            parts.append(full(b"stss", 0, 0, struct.pack(">I", len(self._keys)), _big(self._keys)))
        parts.append(_chunk_table(self._in_chunk))
        parts.append(full(b"stsz", 0, 0, struct.pack(">II", 0, len(self._sizes)), _big(self._sizes)))
        large = self._chunks[-1] >= _U32
        places = self._chunks if large else array("I", self._chunks)
        kind = b"co64" if large else b"stco"
        parts.append(full(kind, 0, 0, struct.pack(">I", len(places)), _big(places)))
        return box(b"stbl", *parts)


class Mp4Writer:
    """Writes one mp4 into an open, seekable file. `samples`: at most so many will be added, of all tracks together."""

    def __init__(self, out: BinaryIO, tracks: Sequence[OutTrack], samples: int) -> None:
        self._out = out
        self._tracks = tracks
        self._reserved = 4096 + 4096 * len(tracks) + 44 * samples
        self._last: OutTrack | None = None
        out.write(_FTYP)
        out.write(bytes(self._reserved))
        self._mdat = out.tell()
        out.write(bytes(16))
        self._at = self._mdat + 16

    def add(self, track: int, body: bytes, *, pts: int, dts: int, key: bool) -> None:
        """Append one sample; times in ticks of the track's time base."""
        one = self._tracks[track]
        if one is not self._last or one._in_chunk[-1] >= 64:
            one.new_chunk(self._at)
            self._last = one
        one.add(len(body), pts, dts, key=key)
        one.in_chunk()
        self._out.write(body)
        self._at += len(body)

    def finish(self, shift: tuple[int, int]) -> None:
        """Write the index. `shift`: seconds, as a fraction, that are taken from every presentation time.

        Raises `Invalid` when a track is empty or a time cannot be written.
        """
        if not all(track.count for track in self._tracks):
            raise Invalid("A track of the render has no packet.")
        try:
            moov = self._moov(shift)
        except (struct.error, OverflowError):
            raise Invalid("The times of the clip cannot be written into an mp4.") from None
        if len(moov) + 8 > self._reserved:
            raise Invalid("The index of the render is larger than the place kept for it.")
        self._out.seek(len(_FTYP))
        self._out.write(moov + struct.pack(">I4s", self._reserved - len(moov), b"free"))
        self._out.seek(self._mdat)
        self._out.write(struct.pack(">I4sQ", 1, b"mdat", self._at - self._mdat))
        self._out.seek(self._at)

    def _moov(self, shift: tuple[int, int]) -> bytes:
        scale = math.lcm(1000, *(track.scale for track in self._tracks))
        if scale >= 2**31:
            scale = 1000
        traks, longest = [], 0
        for number, track in enumerate(self._tracks, 1):
            first, rest = divmod(track.first() * shift[1] - shift[0] * track.scale, shift[1])
            if rest:
                raise Invalid("The tracks of the clip have no common clock.")
            origin = track.first() - first  # of the presentation, in units of the track's scale
            delay, inexact = divmod(first * scale, track.scale)
            if inexact or delay < 0:
                delay, first = 0, 0
            else:
                origin += first
            shown = -(-(track.end() - origin) * scale // track.scale)
            longest = max(longest, delay + shown)
            traks.append(_trak(number, track, origin, delay, shown))
        head = struct.pack(
            ">QQIQIH10x9I24xI", 0, 0, scale, longest, 0x10000, 0x100, *_identity(), len(traks) + 1
        )
        return box(b"moov", full(b"mvhd", 1, 0, head), *traks)


def _trak(number: int, track: OutTrack, origin: int, delay: int, shown: int) -> bytes:
    video = track.kind == "video"
    wide, high = _shown_size(track) if video else (0, 0)
    matrix = _turned(track, wide, high) if video else _identity()
    head = struct.pack(
        ">QQI4xQ8xHHHxx9iII",
        0,
        0,
        number,
        delay + shown,
        0,
        0,
        0 if video else 0x100,
        *matrix,
        wide << 16,
        high << 16,
    )
    length = track.end() - origin
    media = struct.pack(">QQIQHH", 0, 0, track.scale, length, 0x55C4, 0)
    handler = struct.pack(">I4s12x", 0, b"vide" if video else b"soun") + b"\0"
    local = full(b"dref", 0, 0, struct.pack(">I", 1), full(b"url ", 0, 1))
    about = full(b"vmhd", 0, 1, bytes(8)) if video else full(b"smhd", 0, 0, bytes(4))
    edits = b""
    if delay:
        entries = struct.pack(">QqI", delay, -1, 0x10000) + struct.pack(">QqI", shown, 0, 0x10000)
        edits = box(b"edts", full(b"elst", 1, 0, struct.pack(">I", 2), entries))
    return box(
        b"trak",
        full(b"tkhd", 1, 3, head),
        edits,
        box(
            b"mdia",
            full(b"mdhd", 1, 0, media),
            full(b"hdlr", 0, 0, handler),
            box(b"minf", about, box(b"dinf", local), track.tables(origin)),
        ),
    )


def _shown_size(track: OutTrack) -> tuple[int, int]:
    num, den = track.aspect
    return (track.width * num // den if num and den else track.width), track.height


def _identity() -> tuple[int, ...]:
    return (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def _turned(track: OutTrack, wide: int, high: int) -> tuple[int, ...]:
    """The display matrix; what is turned is moved back into view."""
    a, b, c, d = (part << 16 for part in _TURNS[track.rotation])
    across = {90: high, 180: wide}.get(track.rotation, 0)
    down = {180: high, 270: wide}.get(track.rotation, 0)
    return (a, b, 0, c, d, 0, across << 16, down << 16, 0x40000000)


def _runs(values: Sequence[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    count, last = 0, 0
    for value in values:
        if count and value == last:
            count += 1
            continue
        if count:
            runs.append((count, last))
        count, last = 1, value
    runs.append((count, last))
    return runs


def _run_table(kind: bytes, version: int, values: Sequence[int], form: str) -> bytes:
    runs = _runs(values)
    return full(
        kind, version, 0, struct.pack(">I", len(runs)), b"".join(struct.pack(form, *run) for run in runs)
    )


def _chunk_table(in_chunk: Sequence[int]) -> bytes:
    entries, last = [], 0
    for number, count in enumerate(in_chunk, 1):
        if count != last:
            entries.append(struct.pack(">III", number, count, 1))
            last = count
    return full(b"stsc", 0, 0, struct.pack(">I", len(entries)), b"".join(entries))


def _big(values: array[int]) -> bytes:
    turned = array(values.typecode, values)
    turned.byteswap()
    return turned.tobytes()
