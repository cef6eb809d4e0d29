"""A small release with picture and sound, made on the spot, and ways to change it."""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

sys.path.insert(0, str(Path(__file__).parents[1] / "footage"))

from footage_clips import picture

from lapel.redaction.plan import Plan, Reviewed, Sound, Source
from lapel.redaction.releasing import release_file
from lapel.redaction.track import Keyframe, Track
from lapel.redaction.verify import Verdict

RATE = 8000


def film(
    codec: str = "libx264", *, frames: int = 50, sound: int = 1, b_frames: int = 0, **options: str
) -> bytes:
    """Two seconds of picture in groups of ten, with so many tracks of tone."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as box:
        stream: Any = box.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        context = stream.codec_context
        if "aspect" in options:
            context.sample_aspect_ratio = Fraction(options.pop("aspect").replace(":", "/"))
        context.thread_count, context.gop_size, context.max_b_frames = 1, 10, b_frames
        context.options = options
        if codec == "libx264":
            context.options = {"sc_threshold": "0", **options}
        elif codec == "libx265":
            params = (
                options.get("options_x265")
                or "log-level=none:pools=none:frame-threads=1:keyint=10:open-gop=0"
            )
            context.options = {"x265-params": params}
        tones: list[Any] = [box.add_stream("aac", rate=RATE, layout="mono") for _ in range(sound)]
        for number in range(frames):
            frame = picture(number, 64, 48)
            frame.pts = number
            box.mux(stream.encode(frame))
        box.mux(stream.encode(None))
        for pitch, tone in enumerate(tones, 2):
            for at in range(0, frames * RATE // 25, 1024):
                heard = av.AudioFrame(format="fltp", layout="mono", samples=1024)
                wave = bytes((at + n) * pitch * 5 & 0x3F | 0x10 for n in range(4096))
                heard.planes[0].update(b"".join(b"\0\0" + wave[n : n + 1] + b"\x3c" for n in range(1024)))
                heard.sample_rate, heard.pts = RATE, at
                box.mux(tone.encode(heard))
            box.mux(tone.encode(None))
    return out.getvalue()


def plan_of(
    content: bytes, *, spans: tuple[tuple[int, int], ...] = ((900_000, 1_000_000),), mute: bool = True
) -> Plan:
    """A face to hide in each span; a name to mute in the second half second."""
    faces = tuple(
        Track(f"f{n}", "face", begins, ends, (Keyframe(begins, 8, 8, 16, 16),), state="accepted", by="B-1", exemption="b(6)")
        for n, (begins, ends) in enumerate(spans)
    )  # fmt: skip
    name = Sound("n1", "name", 700_000, 900_000, "a name", "b(6)", "accepted", "B-1")
    source = Source(hashlib.sha256(content).hexdigest(), len(content))
    return Plan(
        source, 64, 48, faces, (name,) if mute else (), reviewed=Reviewed("B-1", "2026-11-24T10:00:00Z")
    )


def release(
    content: bytes, place: Path, plan: Plan | None = None, *, auto: bool = False
) -> tuple[Path, Verdict]:
    """The release of a clip, and what was said of it."""
    source, out = place / "clip.bin", place / "release"
    place.mkdir(exist_ok=True)
    source.write_bytes(content)
    verdict = release_file(source, plan or plan_of(content), out, auto=auto, told=lambda _done, _total: None)
    assert source.read_bytes() == content
    return out, verdict


def decoded(content: bytes) -> list[Any]:
    """Everything that a player shows and sounds, with its times."""
    with av.open(io.BytesIO(content)) as box:
        pictures = [(f.pts, hashlib.sha256(bytes(f.planes[0])).digest()) for f in box.decode(video=0)]
    with av.open(io.BytesIO(content)) as box:
        return [*pictures, *((f.pts, bytes(f.planes[0])) for f in box.decode(audio=0))]


def repacked(
    content: bytes, change: Callable[[list[Any], list[Any]], list[Any]] = lambda packets, _: packets
) -> bytes:
    """The same packets through FFmpeg's muxer, after `change(packets, streams)`."""
    out = io.BytesIO()
    with av.open(io.BytesIO(content)) as source, av.open(out, "w", format="mp4") as box:
        streams = [*source.streams.video, *source.streams.audio]
        made = {stream.index: box.add_stream_from_template(stream) for stream in streams}
        packets = [packet for packet in source.demux(streams) if packet.size]
        for packet in change(packets, streams):
            packet.stream = made[packet.stream_index]
            box.mux(packet)
    return out.getvalue()
