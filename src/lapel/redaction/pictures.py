"""What becomes of each packet of the picture? Copied, or, in a group that holds something to hide, decoded and encoded again.

The second pass over a video track, in the parser's cell. Gives `Sample`s in decode order; nothing of the clip is held but
the packets inside the decoder.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from lapel.footage import nal
from lapel.footage.nal import Part
from lapel.footage.treehash import NOTHING
from lapel.redaction.encoding import Encoder, in_order, prefixed
from lapel.redaction.masking import painted
from lapel.redaction.plan import Region
from lapel.redaction.sps import PROFILES, free_id, read_sps
from lapel.redaction.survey import NO_TIME, TrackSurvey
from lapel.redaction.touched import WHOLE, micro, touched_units

COPIED, ENCODED, SILENT, LEFT_OUT = range(4)
FORMATS = ("yuv420p", "yuvj420p")
Regions = Callable[[int, int], list[Region]]


@dataclass(frozen=True, slots=True)
class Sample:
    """One packet of the render, or one of the source that is left out. Times in ticks; `dts` None: the source has none.

    `unit`, `number`: where it stands in the tree. `rest`: the digest of what was stripped from a copied picture;
    `payload`: that of the source's packet, for sound that is silenced or left out.
    """

    track: int
    what: int
    unit: int
    number: int
    pts: int
    dts: int | None
    body: bytes
    key: bool = False
    rest: bytes = NOTHING
    payload: bytes = NOTHING


@dataclass(slots=True)
class Way:
    """How a video track is rendered. `whole`: why all of it must be encoded again, or nothing."""

    codec: str
    set_id: int = 0
    profile: str = "high"
    whole: str = ""
    touched: Mapping[int, str] = field(default_factory=dict)


def way(one: TrackSurvey, spans: list[tuple[int, int]], origin: int) -> Way:
    """Decide how to render a video track; `spans` are in microseconds after `origin`."""
    units = one.spans(origin)
    found = Way("hevc" if one.track.codec == "hevc" else "h264")
    found.whole = _why_whole(one, found)
    if found.whole:
        found.codec, found.set_id, found.profile = "h264", 0, "high"
        found.touched = dict.fromkeys(range(one.units), WHOLE)
    else:
        found.touched = touched_units(units, spans)
    return found


def _why_whole(one: TrackSurvey, found: Way) -> str:
    codec = nal.CODECS.get(one.track.codec)
    layout = one.track.facts.get("pixel_format")
    if codec is None:
        return f"the picture is {one.track.codec}, of which no part can be stitched into another stream"
    if layout not in FORMATS:
        return f"the picture is {layout}, not 8-bit 4:2:0"
    if one.changes:
        return "the parameter sets of the picture change within the clip"
    return _why_sets(one, codec, found)


def _why_sets(one: TrackSurvey, codec: nal.Codec, found: Way) -> str:
    sets = dict(one.sets)
    wanted = {7, 8} if codec is nal.H264 else {32, 33, 34}
    if {kind for kind, _ in sets} != wanted or any(number == nal.NO_ID for _, number in sets):
        return "the parameter sets of the picture are not of the usual kinds"
    if codec is nal.H265:
        return "" if nal.length_bytes(codec, one.track.extradata) else "the stream has no hvcC record"
    sequences = [read_sps(unit) for (kind, _), unit in sets.items() if kind == 7]
    number = free_id(sets)
    if not all(sps.frames_only for sps in sequences):
        return "the picture is interlaced"
    if number is None:
        return "every number of a parameter set is taken"
    found.set_id, found.profile = number, PROFILES.get(sequences[0].profile, "high")
    return ""


class VideoPass:
    """Renders one video track. `regions(begins_us, ends_us)` says what to hide in a picture shown then; times count from `origin` (ticks)."""

    def __init__(
        self,
        number: int,
        one: TrackSurvey,
        chosen: Way,
        stream: Any,
        rate: Fraction,
        regions: Regions,
        origin: int,
    ) -> None:
        self._number, self._one, self._way = number, one, chosen
        self._context = stream.codec_context
        self._regions, self._origin = regions, origin
        self._codec = nal.CODECS.get(one.track.codec)
        self._length = nal.length_bytes(self._codec, one.track.extradata) if self._codec else None
        self._at = 0
        self._places = places(one)
        self._running = False
        self._unit_of: dict[int, int] = {}
        self._dts: dict[int, list[int]] = {}
        self._begins: list[tuple[int, int]] = []
        self._last_pts: int | None = None
        self._shown = array("q", sorted(pts for pts in one.pts if pts != NO_TIME))
        self._end = one.end()
        self._group = -1
        self._in_group = 0
        self._needs_sets = False
        self.sets = in_order(one.sets) if not chosen.whole else []
        self.encoder = Encoder(chosen.codec, one.track.time_base, rate, chosen.set_id, chosen.profile)

    def packet(self, packet: Any) -> Iterator[Sample]:
        """The next packet of the source."""
        at, self._at = self._at, self._at + 1
        unit = self._one.unit[at]
        if unit in self._way.touched or (unit < 0 and (self._running or self._way.whole)):
            yield from self._encode(packet, at, unit)
            return
        yield from self.end()
        if unit >= 0:
            yield self._copy(packet, at, unit)

    def end(self) -> Iterator[Sample]:
        """The run of touched groups is over: everything still inside the decoder comes out."""
        if not self._running:
            return
        yield from self._frames(None)
        self._context.flush_buffers()
        self._running = False
        self._unit_of.clear()
        self._dts.clear()
        self._begins.clear()

    def _copy(self, packet: Any, at: int, unit: int) -> Sample:
        assert self._codec is not None
        view = memoryview(bytes(packet))
        split = nal.split_prefixed(view, self._length) if self._length else nal.split_start_codes(view)
        pictures = [
            bytes(u) for u in split if self._codec.parts[self._codec.type_of(u[0])] <= Part.FIRST_PICTURE
        ]
        before = self.sets if self._needs_sets else []
        self._needs_sets = False
        number = self._places[at]
        pts, dts = self._one.pts[at], self._one.dts[at]
        return Sample(
            self._number,
            COPIED,
            unit,
            number,
            pts,
            None if dts == NO_TIME else dts,
            prefixed([*before, *pictures]),
            key=number == 0,
            rest=self._one.rest(unit, number),
        )

    def _encode(self, packet: Any, at: int, unit: int) -> Iterator[Sample]:
        if not self._running:
            self._running = True
            self._begin_decoder()
        pts, dts = self._one.pts[at], self._one.dts[at]
        if unit >= 0:
            if pts != NO_TIME:
                self._unit_of[pts] = unit
            self._dts.setdefault(unit, []).append(dts if dts != NO_TIME else pts)
        yield from self._frames(packet)

    def _begin_decoder(self) -> None:
        if not self._context.is_open:
            # One thread: with more, a damaged packet takes good pictures with it when the decoder is emptied.
            self._context.thread_count = 1
            self._context.thread_type = "NONE"
        else:
            self._context.flush_buffers()

    def _frames(self, packet: Any) -> Iterator[Sample]:
        import av

        try:
            frames = self._context.decode(packet)
        except (av.FFmpegError, ValueError):
            return  # damaged; what cannot be decoded cannot be shown
        for frame in frames:
            yield from self._picture(frame)

    def _picture(self, frame: Any) -> Iterator[Sample]:
        pts = frame.pts
        if pts is None or (self._last_pts is not None and pts <= self._last_pts):
            return
        self._last_pts = pts
        unit = self._unit_of.pop(pts, max(self._group, 0))
        unit = max(unit, self._group)
        begins = unit != self._group
        if begins:
            self._group, self._in_group = unit, 0
        following = bisect_right(self._shown, pts)
        until = self._shown[following] if following < len(self._shown) else self._end
        base = self._one.track.time_base
        regions = self._regions(micro(pts - self._origin, base), micro(until - self._origin, base, up=True))
        made = painted(_fitting(frame, self._one, self._way), regions, even=bool(self._way.whole))
        pictures = self.encoder.encode(made, begins=begins)
        before = in_order(self.encoder.sets) if begins and self._way.codec == "hevc" else []
        self._needs_sets = self._way.codec == "hevc"
        yield Sample(
            self._number,
            ENCODED,
            unit,
            self._in_group,
            pts,
            self._decode_time(unit, pts),
            prefixed([*before, *pictures]),
            key=begins,
        )
        self._in_group += 1

    def _decode_time(self, unit: int, pts: int) -> int:
        """The unit's own decode times, in order, as long as they last."""
        times = sorted(time for time in self._dts.get(unit, []) if time != NO_TIME)
        return min(pts, times[self._in_group]) if self._in_group < len(times) else pts


def _fitting(frame: Any, one: TrackSurvey, chosen: Way) -> Any:
    """The picture as the encoder takes it; only a track that is encoded again as a whole may need a change."""
    if not chosen.whole:
        return frame
    width, height = int(str(one.track.facts["width"])), int(str(one.track.facts["height"]))
    if frame.format.name in FORMATS and (frame.width, frame.height) == (width, height):
        return frame
    made = frame.reformat(width=width, height=height, format="yuv420p", threads=1)
    made.pts = frame.pts
    return made


def places(one: TrackSurvey) -> list[int]:
    """The number of each packet in its unit."""
    numbers, last, count = [], -1, 0
    for unit in one.unit:
        if unit != last and unit >= 0:
            last, count = unit, 0
        numbers.append(count)
        count += unit >= 0
    return numbers
