"""How is a picture encoded again so that it fits between copied ones? One encoder, a picture in, its NAL units out.

H.264: parameter sets with an id of their own, the same for every group (x264 `sps-id`, `stitchable`); H.265: parameter
sets in band. No picture waits in the encoder, none refers to a later one; a group begins with an IDR picture when asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from lapel.footage import nal
from lapel.footage.nal import Part

PRESET, CRF = "superfast", {"h264": "20", "hevc": "22"}
_X264 = "stitchable=1:keyint=infinite:scenecut=0:bframes=0:open-gop=0:sliced-threads=0:threads=1"
_X265 = (
    "log-level=none:pools=none:frame-threads=1:keyint=-1:bframes=0:scenecut=0:open-gop=0"
    ":repeat-headers=1:info=0:rc-lookahead=0"
)
_INTRA = 1


class EncoderFailedError(Exception):
    """The encoder gave something that cannot be stitched; the text says what."""


@dataclass(slots=True)
class Encoder:
    """`codec`: h264 or hevc. `set_id`: the id of the parameter sets (H.264). Opens with the first picture."""

    codec: str
    time_base: tuple[int, int]
    rate: Fraction
    set_id: int = 0
    profile: str = "high"
    sets: dict[tuple[int, int], bytes] = field(default_factory=dict)
    _context: Any = None

    def encode(self, frame: Any, *, begins: bool) -> list[bytes]:
        """The picture's NAL units, without parameter sets and SEI. `begins`: as the first of a group."""
        if self._context is None:
            self._open(frame)
        frame.time_base = Fraction(*self.time_base)
        frame.pict_type = _INTRA if begins else 0
        packets = self._context.encode(frame)
        if len(packets) != 1:
            raise EncoderFailedError("The encoder held a picture back.")
        kind = nal.CODECS[self.codec]
        pictures, idr = [], False
        for unit in nal.split_start_codes(memoryview(bytes(packets[0]))):
            part = kind.parts[kind.type_of(unit[0])]
            if part is Part.PARAMETERS:
                self._remember(kind, bytes(unit))
            elif part <= Part.FIRST_PICTURE:
                pictures.append(bytes(unit))
                idr = idr or part is Part.FIRST_PICTURE
        if idr != begins or not pictures:
            raise EncoderFailedError("The encoder began a group elsewhere than it was told to.")
        return pictures

    def _open(self, frame: Any) -> None:
        import av
        from av.codec.context import Flags

        context: Any = av.CodecContext.create("libx264" if self.codec == "h264" else "libx265", "w")
        context.width, context.height, context.pix_fmt = frame.width, frame.height, frame.format.name
        context.time_base, context.framerate = Fraction(*self.time_base), self.rate
        context.thread_count = 1
        for name in ("color_range", "color_primaries", "color_trc", "colorspace"):
            setattr(context, name, getattr(frame, name))
        options = {"preset": PRESET, "tune": "zerolatency", "crf": CRF[self.codec], "forced-idr": "1"}
        if self.codec == "h264":
            options |= {"profile": self.profile, "x264-params": f"sps-id={self.set_id}:{_X264}"}
            context.flags |= Flags.global_header
        else:
            options["x265-params"] = _X265
        context.options = options
        context.open()
        self._context = context
        if context.extradata:
            kind = nal.CODECS[self.codec]
            for unit in nal.split_start_codes(memoryview(bytes(context.extradata))):
                if kind.parts[kind.type_of(unit[0])] is Part.PARAMETERS:
                    self._remember(kind, bytes(unit))

    def _remember(self, kind: nal.Codec, unit: bytes) -> None:
        place = (kind.type_of(unit[0]), nal.parameter_id(kind, unit))
        if self.sets.setdefault(place, unit) != unit:
            raise EncoderFailedError("The encoder changed its parameters.")


def rate_of(stream: Any) -> Fraction:
    """The stream's mean rate, or 25 where it says none that makes sense."""
    rate = stream.average_rate or stream.guessed_rate
    return Fraction(rate) if rate and 1 <= rate <= 240 else Fraction(25)


def prefixed(units: list[bytes]) -> bytes:
    """NAL units as a sample of an mp4: each behind its length in four bytes."""
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


def in_order(sets: Mapping[tuple[int, int], bytes]) -> list[bytes]:
    """Parameter sets as a decoder needs them: by type, then id."""
    return [unit for _, unit in sorted(sets.items(), key=lambda item: item[0])]
