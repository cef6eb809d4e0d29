"""What becomes of each packet of the sound? Copied, or replaced by silence; only where that cannot be, encoded again.

The second pass over a sound track, in the parser's cell. A packet of AAC at time p changes what is heard from p to twice
its length later: windows overlap. So the packet before a span is silenced too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lapel.footage.treehash import payload_digest
from lapel.redaction.pictures import COPIED, ENCODED, LEFT_OUT, SILENT, Sample, places
from lapel.redaction.survey import NO_TIME, TrackSurvey
from lapel.redaction.touched import meets, micro

FRAME = 1024
RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_LAYOUTS = {1: "mono", 2: "stereo"}
_ENCODER_BIT_RATE = 96_000


@dataclass(slots=True)
class SoundWay:
    """`whole`: why the track must be encoded again; `left_out`: why it cannot be rendered at all; `silence`: the packet."""

    whole: str = ""
    left_out: str = ""
    silence: bytes = b""


def sound_way(one: TrackSurvey, spans: list[tuple[int, int]]) -> SoundWay:
    """Decide how to render a sound track."""
    track = one.track
    rate, channels = int(str(track.facts["sample_rate"])), int(str(track.facts["channels"]))
    why = ""
    if track.codec != "aac":
        why = f"the sound is {track.codec}; a render holds AAC"
    elif len(track.extradata) < 2:
        why = "the sound is framed as in a broadcast stream"
    elif spans and (track.facts["profile"] != "LC" or not _is_plain(track.extradata, rate, channels)):
        why = "no packet of silence can be put into this kind of AAC"
    if not why:
        return SoundWay(silence=silence(rate, channels) if spans else b"")
    if rate not in RATES or channels not in _LAYOUTS:
        return SoundWay(left_out=f"{why}, and not at {rate} Hz with {channels} channels")
    return SoundWay(whole=why)


def silence(rate: int, channels: int) -> bytes:
    """One packet of AAC-LC that is silent."""
    encoder = AacEncoder(rate, channels)
    packets = [*encoder.add(bytes(4 * FRAME * 8 * channels)), *encoder.finish()]
    return packets[4][1]


class SoundPass:
    """Renders one sound track. `origin_us`: when the first picture is shown, on this track's own clock."""

    def __init__(
        self,
        number: int,
        one: TrackSurvey,
        chosen: SoundWay,
        stream: Any,
        spans: list[tuple[int, int]],
        origin_us: int,
    ) -> None:
        self._number, self._one, self._way = number, one, chosen
        self._context = stream.codec_context
        self._spans, self._origin_us = spans, origin_us
        self._places = places(one)
        self._at = 0
        self._rate = int(str(one.track.facts["sample_rate"])) or 1
        self._again = (
            Again(self._rate, int(str(one.track.facts["channels"])), spans) if chosen.whole else None
        )

    @property
    def again(self) -> bool:
        """Is the track encoded again?"""
        return self._again is not None

    @property
    def config(self) -> bytes:
        """The AudioSpecificConfig of what is written."""
        return self._again.config if self._again else self._one.track.extradata

    def packet(self, packet: Any) -> Iterator[Sample]:
        """The next packet of the source."""
        at, self._at = self._at, self._at + 1
        if self._again:
            yield from self._encode(packet, at)
            return
        unit, number = self._one.unit[at], self._places[at]
        pts, dts = self._one.pts[at], self._one.dts[at]
        body = bytes(packet)
        what = COPIED
        if self._one.hidden[at] or pts == NO_TIME or (pts < 0 <= self._origin_us):
            what = LEFT_OUT  # priming, and what an edit list cut away
        elif self._meets(pts):
            what = SILENT
        yield Sample(
            self._number,
            what,
            unit,
            number,
            pts,
            None if dts == NO_TIME else dts,
            {COPIED: body, SILENT: self._way.silence}.get(what, b""),
            key=True,
            payload=payload_digest([body]),
        )

    def end(self) -> Iterator[Sample]:
        """The track is over."""
        if self._again:
            yield from self._decoded(None)
            yield from self._samples(self._again.finish())

    def _meets(self, pts: int) -> bool:
        base = self._one.track.time_base
        begins_us = micro(pts, base) - self._origin_us
        ends_us = begins_us + 2 * FRAME * 1_000_000 // self._rate + 1
        return meets(self._spans, begins_us, ends_us)

    def _encode(self, packet: Any, at: int) -> Iterator[Sample]:
        if self._one.hidden[at] or self._one.pts[at] == NO_TIME:
            return
        yield from self._decoded(packet)

    def _decoded(self, packet: Any) -> Iterator[Sample]:
        import av

        assert self._again is not None
        try:
            frames = self._context.decode(packet)
        except (av.FFmpegError, ValueError):
            return
        for frame in frames:
            if frame.pts is not None:
                num, den = self._one.track.time_base
                at = (frame.pts * num * self._rate * 2 + den) // (2 * den)
                origin = self._origin_us * self._rate // 1_000_000
                yield from self._samples(self._again.add(frame, at, origin))

    def _samples(self, packets: list[tuple[int, bytes]]) -> Iterator[Sample]:
        for pts, body in packets:
            yield Sample(self._number, ENCODED, 0, 0, pts, pts, body, key=True)


class AacEncoder:
    """Planar float samples in, packets of AAC-LC with their times (in samples) out; the priming is left out."""

    def __init__(self, rate: int, channels: int, begins: int = 0) -> None:
        from fractions import Fraction

        import av
        from av.codec.context import Flags

        context: Any = av.CodecContext.create("aac", "w")
        context.sample_rate, context.layout, context.format = rate, _LAYOUTS[channels], "fltp"
        context.bit_rate = min(_ENCODER_BIT_RATE * channels, rate * 4 * channels)
        context.time_base = Fraction(1, rate)
        context.thread_count = 1
        context.flags |= Flags.global_header
        context.options = {"profile": "aac_low"}
        context.open()
        self._context = context
        self._channels, self._begins, self._at = channels, begins, 0
        self._rate = rate
        self.config = bytes(context.extradata)

    def add(self, planes: bytes) -> list[tuple[int, bytes]]:
        """A whole number of frames: for each channel, one after the other, as many float32 samples."""
        import numpy as np

        samples = np.frombuffer(planes, np.float32).reshape(self._channels, -1)
        found = []
        for start in range(0, samples.shape[1], FRAME):
            found += self._frame(samples[:, start : start + FRAME])
        return found

    def finish(self) -> list[tuple[int, bytes]]:
        """What the encoder still holds."""
        return self._packets(self._context.encode(None))

    def _frame(self, samples: Any) -> list[tuple[int, bytes]]:
        from fractions import Fraction

        import av
        import numpy as np

        frame: Any = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples), format="fltp", layout=_LAYOUTS[self._channels]
        )
        frame.sample_rate, frame.pts, frame.time_base = self._rate, self._at, Fraction(1, self._rate)
        self._at += samples.shape[1]
        return self._packets(self._context.encode(frame))

    def _packets(self, packets: Any) -> list[tuple[int, bytes]]:
        return [
            (p.pts + self._begins, bytes(p)) for p in packets if p.size and p.pts is not None and p.pts >= 0
        ]


class Again:
    """A sound track decoded, silenced in its spans, laid on one even clock, and encoded again."""

    def __init__(self, rate: int, channels: int, spans: list[tuple[int, int]]) -> None:
        self._rate, self._channels = rate, channels
        self._spans = spans
        self._encoder: AacEncoder | None = None
        self._next = 0
        self._held: Any = None
        self.config = AacEncoder(rate, channels).config

    def add(self, frame: Any, at: int, origin: int) -> list[tuple[int, bytes]]:
        """Samples from `at` (in samples); `origin`: the first picture's instant on that clock."""
        import numpy as np

        samples = _floats(frame, self._channels)
        if self._encoder is None:
            self._encoder = AacEncoder(self._rate, self._channels, begins=at)
            self._next, self._held = at, np.zeros((self._channels, 0), np.float32)
        gap = at - self._next
        if gap > self._rate // 100:  # a hole longer than a hundredth of a second
            self._held = np.concatenate([self._held, np.zeros((self._channels, gap), np.float32)], 1)
            self._next = at
        self._mute(samples, self._next, origin)
        self._next += samples.shape[1]
        self._held = np.concatenate([self._held, samples], 1)
        whole = self._held.shape[1] // FRAME * FRAME
        ready, self._held = self._held[:, :whole], self._held[:, whole:]
        return self._encoder.add(np.ascontiguousarray(ready).tobytes()) if whole else []

    def finish(self) -> list[tuple[int, bytes]]:
        """The last, shorter frame and what the encoder holds."""
        import numpy as np

        if self._encoder is None:
            return []
        found = []
        if self._held.shape[1]:
            padded = np.zeros((self._channels, FRAME), np.float32)
            padded[:, : self._held.shape[1]] = self._held
            found = self._encoder.add(padded.tobytes())
        return found + self._encoder.finish()

    def _mute(self, samples: Any, at: int, origin: int) -> None:
        for begins_us, ends_us in self._spans:
            start = begins_us * self._rate // 1_000_000 + origin - at
            end = -(-ends_us * self._rate // 1_000_000) + origin - at
            if end > 0 and start < samples.shape[1]:
                samples[:, max(0, start) : max(0, end)] = 0


def _floats(frame: Any, channels: int) -> Any:
    """Decoded sound as float32, one row a channel."""
    import numpy as np

    raw = frame.to_ndarray()
    kind = frame.format.name
    if not frame.format.is_planar:
        raw = raw.reshape(-1, channels).T
    scale = {"u8": 128.0, "s16": 32768.0, "s32": 2147483648.0}.get(kind.rstrip("p"), 1.0)
    samples = raw.astype(np.float32) / scale
    return np.array(samples - 1.0 if kind.startswith("u8") else samples, np.float32, order="C")


def _is_plain(config: bytes, rate: int, channels: int) -> bool:
    """AAC-LC in frames of 1024 samples, mono or stereo by its channel configuration (ISO/IEC 14496-3 §1.6.2.1)."""
    bits = int.from_bytes(config[:2], "big")
    kind, index, layout, short = bits >> 11, bits >> 7 & 15, bits >> 3 & 15, bits >> 2 & 1
    return kind == 2 and index < len(RATES) and RATES[index] == rate and layout == channels <= 2 and not short
