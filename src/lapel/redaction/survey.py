"""What is in this clip, unit by unit, before anything of it is rendered? The first pass, in the parser's cell.

Builds the media tree as the inspection did, and notes of each packet when it is shown and which unit it belongs to, so
that the second pass can decide with the whole clip in view and hold nothing of it.
"""

from __future__ import annotations

import contextlib
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lapel.footage import nal, thumbnails
from lapel.footage.mediatree import MediaTree, Track, TreeBuilder
from lapel.footage.streams import codec_name, media_streams, open_file, tree_track
from lapel.footage.treehash import NOTHING
from lapel.redaction.touched import UnitSpan, micro

NO_TIME = -(2**63)
_FOLDED = -1
_REST_BYTES = 36


@dataclass(slots=True)
class TrackSurvey:
    """One track of the tree, packet by packet in decode order; times in ticks, `NO_TIME` where there is none."""

    track: Track
    rotation: int = 0
    pts: array[int] = field(default_factory=lambda: array("q"))
    dts: array[int] = field(default_factory=lambda: array("q"))
    duration: array[int] = field(default_factory=lambda: array("q"))
    unit: array[int] = field(default_factory=lambda: array("i"))
    hidden: bytearray = field(default_factory=bytearray)
    damaged: set[int] = field(default_factory=set)
    rests: dict[int, bytearray] = field(default_factory=dict)
    sets: Mapping[tuple[int, int], bytes] = field(default_factory=dict)
    changes: int = 0

    @property
    def units(self) -> int:
        """How many units it has; the last packets may be folded into earlier ones."""
        return max(self.unit, default=_FOLDED) + 1

    def first_shown(self) -> int | None:
        """The earliest time at which something of the track is presented."""
        shown = [pts for pts, hid in zip(self.pts, self.hidden, strict=True) if not hid and pts != NO_TIME]
        return min(shown, default=None)

    def end(self) -> int:
        """When the last picture or sound is over, as far as the packets say."""
        return max(
            (pts + d for pts, d in zip(self.pts, self.duration, strict=True) if pts != NO_TIME), default=0
        )

    def rest(self, unit: int, number: int) -> bytes:
        """The digest of what came with a packet and is not picture."""
        kept = self.rests.get(unit, b"")
        wanted = number.to_bytes(4, "big")
        for at in range(0, len(kept), _REST_BYTES):
            if kept[at : at + 4] == wanted:
                return bytes(kept[at + 4 : at + _REST_BYTES])
        return NOTHING

    def spans(self, origin: int) -> list[UnitSpan]:
        """When each unit is shown, in microseconds after `origin` (ticks)."""
        first: list[int | None] = [None] * self.units
        last: list[int] = [0] * self.units
        odd = set()
        for pts, duration, unit, hid in zip(self.pts, self.duration, self.unit, self.hidden, strict=True):
            if hid:
                odd.add(unit)
            if unit == _FOLDED or pts == NO_TIME:
                continue
            begins = first[unit]
            first[unit] = pts if begins is None else min(begins, pts)
            last[unit] = max(last[unit], pts + duration) if begins is not None else pts + duration
        base = self.track.time_base
        spans = []
        for unit, begins in enumerate(first):
            start, end = (begins or 0) - origin, last[unit] - origin
            # A packet may say too short a time; the unit lasts at least until the next one begins.
            following = first[unit + 1] if unit + 1 < len(first) else None
            if following is not None:
                end = max(end, following - origin)
            spans.append(
                UnitSpan(micro(start, base), micro(end, base, up=True), unit in odd, unit in self.damaged)
            )
        return spans


@dataclass(slots=True)
class Survey:
    """The whole clip after the first pass. `broken_off`: why reading stopped before the end, or nothing."""

    tracks: list[TrackSurvey]
    tree: MediaTree
    packets: int
    broken_off: str = ""


class NothingToRenderError(Exception):
    """The clip holds nothing that could be rendered; the text says why."""


def survey(remote: Any, seed: bytes, told: Any) -> Survey:
    """Read every packet once. `told(done_bytes)` hears how far it is. Raises `NothingToRenderError`."""
    rotations = _rotations(remote)
    with open_file(remote) as container:
        streams = media_streams(container)
        if not streams:
            raise NothingToRenderError("There is neither a picture nor a sound track in this file.")
        return _pass(container, streams, rotations, seed, told)


def _pass(container: Any, streams: list[Any], rotations: Mapping[int, int], seed: bytes, told: Any) -> Survey:
    import av

    tracks = [
        TrackSurvey(tree_track(stream, rotations.get(stream.index, 0)), rotations.get(stream.index, 0))
        for stream in streams
    ]

    def packet_told(
        track: int, unit: int, number: int, start: int, pts: int, dts: int, payload: bytes, rest: bytes
    ) -> None:
        if rest != NOTHING:
            tracks[track].rests.setdefault(unit, bytearray()).extend(number.to_bytes(4, "big") + rest)

    builder = TreeBuilder(seed, [one.track for one in tracks], told=packet_told)
    place = {stream.index: number for number, stream in enumerate(streams)}
    count, broken_off = 0, ""
    try:
        for packet in container.demux(streams):
            if packet.size == 0:
                continue
            number = place[packet.stream_index]
            one = tracks[number]
            pts, dts = packet.pts, packet.dts
            _, before = builder.counts(number)
            broken = builder.broken(number)
            builder.add(number, packet, pts=pts, dts=dts, key=packet.is_keyframe)
            units, after = builder.counts(number)
            one.pts.append(NO_TIME if pts is None else pts)
            one.dts.append(NO_TIME if dts is None else dts)
            one.duration.append(packet.duration or 0)
            one.unit.append(units - 1 if after > before else _FOLDED)
            one.hidden.append(packet.is_discard)
            if builder.broken(number) > broken:
                one.damaged.add(units - 1)
            count += 1
            if count % 500 == 0:
                told(packet.pos or 0)
    except av.FFmpegError:
        broken_off = "Reading stopped in the middle: the file is damaged there."
    for number, one in enumerate(tracks):
        one.sets, one.changes = builder.sets(number)
        one.sets = dict(one.sets)
    return Survey(tracks, builder.finish(), count, broken_off)


def _rotations(remote: Any) -> dict[int, int]:
    """How each video track is to be turned, found as the inspection finds it."""
    import av

    remote.seek(0)
    turned: dict[int, int] = {}
    with open_file(remote) as container:
        for stream in media_streams(container):
            if stream.type != "video" or not thumbnails.can_be_pictured(stream):
                continue
            rotation = None
            with contextlib.suppress(av.FFmpegError, MemoryError):
                rotation = thumbnails.first_rotation(container, stream)
                container.seek(0)
            turned[stream.index] = rotation or 0
    remote.seek(0)
    return turned


def codec_of(stream: Any) -> nal.Codec | None:
    """H.264 or H.265 as the tree knows them; None for any other codec."""
    return nal.CODECS.get(codec_name(stream))
