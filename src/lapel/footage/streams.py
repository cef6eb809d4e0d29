"""What tracks does this file have, and what is each of them? Turns what PyAV says into plain values.

Runs in the parser's cell only. Track order is that of the media tree: every video track in the order of the file, then
every sound track; pictures attached as covers are no tracks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lapel.base.digest import Value
from lapel.footage.inspection import TrackFacts
from lapel.footage.mediatree import Track

# Only containers that cameras and recorders write; playlists and the like, which open other files, are not among them.
FORMATS = "mov,matroska,webm,mpegts,mpeg,avi,asf,flv,mxf,ogg,wav,w64,aiff,caf"
MAX_TRACKS = 64
MAX_PICTURE_PX = 8192 * 8192


@dataclass(slots=True)
class Counted:
    """What the packets of one track added up to; times in ticks."""

    packets: int = 0
    keys: int = 0
    hidden: int = 0
    bytes: int = 0
    first: int | None = None
    end: int | None = None

    def see(self, size: int, key: bool, at: int | None, duration: int | None) -> None:
        """One packet of `size` bytes; `duration` None means that it is never shown."""
        self.packets += 1
        self.keys += key
        self.bytes += size
        if duration is None:
            self.hidden += 1
        elif at is not None:
            if self.first is None or at < self.first:
                self.first = at
            if self.end is None or at + duration > self.end:
                self.end = at + duration

    def span_ms(self, time_base: tuple[int, int]) -> tuple[int, int] | None:
        """First shown instant and last, in milliseconds."""
        if self.first is None or self.end is None:
            return None
        numerator, denominator = 1000 * time_base[0], time_base[1]
        return self.first * numerator // denominator, self.end * numerator // denominator


def open_file(remote: Any) -> Any:
    """An input container over a seekable object. Nothing else can be opened from within it."""
    import av

    return av.open(
        remote,
        mode="r",
        metadata_errors="replace",
        buffer_size=1 << 18,
        container_options={"format_whitelist": FORMATS},
        io_open=_refuse,
    )


def _refuse(url: str, flags: int, options: dict[str, Any]) -> Any:
    raise PermissionError("The file refers to another file.")


def media_streams(container: Any) -> list[Any]:
    """The streams of the media tree, in its order."""
    video = [s for s in container.streams.video if not _is_cover(s) and s.codec_context is not None]
    audio = [s for s in container.streams.audio if s.codec_context is not None]
    return [*video, *audio][:MAX_TRACKS]


def _is_cover(stream: Any) -> bool:
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


def tree_track(stream: Any, rotation: int) -> Track:
    """The track as the media tree's header describes it."""
    context = stream.codec_context
    facts: dict[str, Value]
    if stream.type == "video":
        facts = {
            "width": context.width,
            "height": context.height,
            "aspect": list(_ratio(stream.sample_aspect_ratio) or (0, 1)),
            "pixel_format": context.pix_fmt or "",
            "rotation": rotation,
        }
    else:
        facts = {
            "sample_rate": context.sample_rate or 0,
            "channels": context.channels or 0,
            "layout": _layout(context) or "",
            "profile": str(context.profile or ""),
        }
    return Track(
        kind=stream.type,
        codec=codec_name(stream),
        time_base=_ratio(stream.time_base) or (0, 1),
        extradata=context.extradata or b"",
        facts=facts,
    )


def facts_of(stream: Any, rotation: int, counted: Counted) -> TrackFacts:
    """The track as a person reads it."""
    context = stream.codec_context
    is_video = stream.type == "video"
    span = counted.span_ms(_ratio(stream.time_base) or (0, 1))
    return TrackFacts(
        kind=stream.type,
        codec=codec_name(stream),
        profile=str(context.profile or ""),
        width_px=context.width if is_video else None,
        height_px=context.height if is_video else None,
        pixel_format=context.pix_fmt if is_video else None,
        aspect=_ratio(stream.sample_aspect_ratio) if is_video else None,
        rotation=rotation,
        rate=_ratio(stream.average_rate) if is_video else None,
        sample_rate=None if is_video else context.sample_rate,
        channels=None if is_video else context.channels,
        layout=None if is_video else _layout(context),
        language=text(stream.language),
        name=text(stream.metadata.get("handler_name")),
        packets=counted.packets,
        key_packets=counted.keys,
        hidden_packets=counted.hidden,
        bytes=counted.bytes,
        duration_ms=span[1] - span[0] if span else None,
    )


def codec_name(stream: Any) -> str:
    """FFmpeg's name of the codec (not of the decoder), such as `h264`."""
    return str(stream.codec_context.codec.canonical_name)


def text(value: object, limit: int = 100) -> str:
    """A text out of a file, safe to show: printable characters only, cut at `limit`."""
    return "".join(c for c in str(value or "") if c.isprintable())[:limit].strip()


def _layout(context: Any) -> str | None:
    return context.layout.name if context.layout is not None else None


def _ratio(value: Any) -> tuple[int, int] | None:
    return (int(value.numerator), int(value.denominator)) if value else None
