"""What does the clip look like, at a glance? A few of its key frames, small, upright, as JPEG.

Runs in the parser's cell only. One thread, one frame at a time: a key frame is decoded alone and the decoder is flushed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from lapel.footage.streams import MAX_PICTURE_PX

LONG_SIDE_PX = 320
MAX_KEPT = 64


class Moments:
    """Remembers key frames evenly: at most 64 of however many there are, by doubling the stride."""

    def __init__(self) -> None:
        self._kept: list[int] = []
        self._stride = 1
        self._seen = 0

    def see(self, pts: int) -> None:
        """One key frame's time."""
        if self._seen % self._stride == 0:
            self._kept.append(pts)
            if len(self._kept) > MAX_KEPT:
                self._kept = self._kept[::2]
                self._stride *= 2
        self._seen += 1

    def pick(self, count: int) -> list[int]:
        """At most `count` of them, evenly spaced, the first among them."""
        if len(self._kept) <= count:
            return list(self._kept)
        return [self._kept[i * len(self._kept) // count] for i in range(count)]


def can_be_pictured(stream: Any) -> bool:
    """Is one decoded picture small enough for the cell's memory?"""
    context = stream.codec_context
    return bool(0 < context.width * context.height <= MAX_PICTURE_PX)


def first_rotation(container: Any, stream: Any) -> int | None:
    """By how many degrees clockwise the first picture must be turned to stand upright (0, 90, 180, 270).

    None when no picture can be decoded.
    """
    frame = _frame(container, stream)
    return None if frame is None else _clockwise(frame)


def take(container: Any, stream: Any, moments: Sequence[int]) -> Iterator[tuple[int, int, int, bytes]]:
    """For each of these key frames that can be decoded: its pts, width and height of the small picture, and the JPEG."""
    if not can_be_pictured(stream):
        return
    for pts in moments:
        container.seek(pts, stream=stream)
        frame = _frame(container, stream)
        if frame is None:
            continue
        small = _turned(_small(frame, stream), _clockwise(frame))
        yield (frame.pts if frame.pts is not None else pts, small.width, small.height, _jpeg(small))


def _frame(container: Any, stream: Any) -> Any:
    context = stream.codec_context
    if not context.is_open:
        context.thread_count = 1
        context.thread_type = "NONE"
    for tried, packet in enumerate(container.demux(stream)):
        if packet.size == 0 or tried > 300:
            return None
        if not packet.is_keyframe:
            continue
        frames = [*context.decode(packet), *context.decode(None)]
        context.flush_buffers()
        return frames[0] if frames else None
    return None


def _clockwise(frame: Any) -> int:
    return int(round(-frame.rotation / 90) * 90) % 360


def _small(frame: Any, stream: Any) -> Any:
    aspect = stream.sample_aspect_ratio
    width = frame.width * float(aspect) if aspect else float(frame.width)
    scale = min(1.0, LONG_SIDE_PX / max(width, frame.height))
    return frame.reformat(
        width=_even(width * scale),
        height=_even(frame.height * scale),
        format="yuvj420p",
        dst_color_range="JPEG",
        interpolation="AREA",
        threads=1,
    )


def _even(length: float) -> int:
    return max(2, min(LONG_SIDE_PX, round(length / 2) * 2))


def _turned(frame: Any, clockwise: int) -> Any:
    """The picture turned by a multiple of 90°, plane by plane."""
    import av

    if clockwise == 0:
        return frame
    on_its_side = clockwise in (90, 270)
    width, height = (frame.height, frame.width) if on_its_side else (frame.width, frame.height)
    turned = av.VideoFrame(width, height, "yuvj420p")
    for source, target in zip(frame.planes, turned.planes, strict=True):
        pixels = bytes(source)
        rows = [pixels[y * source.line_size :][: source.width] for y in range(source.height)]
        target.update(_padded(_turned_rows(rows, clockwise), target))
    turned.color_range = frame.color_range
    return turned


def _turned_rows(rows: list[bytes], clockwise: int) -> list[bytes]:
    if clockwise == 180:
        return [row[::-1] for row in reversed(rows)]
    columns = [bytes(column) for column in zip(*rows, strict=True)]
    return [column[::-1] for column in columns] if clockwise == 90 else columns[::-1]


def _padded(rows: list[bytes], plane: Any) -> bytes:
    padded = b"".join(row.ljust(plane.line_size, b"\0") for row in rows)
    return padded.ljust(plane.buffer_size, b"\0")[: plane.buffer_size]


def _jpeg(frame: Any) -> bytes:
    from fractions import Fraction

    import av

    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.thread_count = 1
    encoder.qmin, encoder.qmax = 2, 5
    encoder.bit_rate = 4_000_000
    frame.pts = None
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
