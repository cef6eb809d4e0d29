"""Clips with something odd, each named for it. Made on the spot: none of them is stored."""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "footage"))

from footage_clips import boxes, clip, remuxed
from releases import RATE, film

# A picture that stands from 0.48 s to 2.4 s, then the usual 25 a second.
HELD = [*range(13), *range(60, 85)]


def variable_frame_rate() -> bytes:
    return clip(frames=len(HELD), pts=HELD)


def variable_frame_rate_mkv() -> bytes:
    return clip("mkv", frames=len(HELD), pts=HELD)


def matroska_with_sound() -> bytes:
    return remuxed(film(), "mkv")


def transport_stream() -> bytes:
    return clip("ts")


def turned_a_quarter() -> bytes:
    return clip(rotation=90)


def one_key_frame() -> bytes:
    return clip(gop=1000)


def open_groups() -> bytes:
    return clip(b_frames=2, options={"x264-params": "open-gop=1:keyint=10:min-keyint=10:bframes=2"})


def open_groups_hevc() -> bytes:
    return film(
        "libx265",
        options_x265="log-level=none:pools=none:frame-threads=1:keyint=10:min-keyint=10:open-gop=1:bframes=2",
    )


def interlaced() -> bytes:
    return clip(options={"x264-params": "interlaced=1"}, height=64)


def odd_size() -> bytes:
    return clip(codec="mpeg4", width=63, height=47)


def odd_size_motion_jpeg() -> bytes:
    return clip("avi", codec="mjpeg", width=63, height=47)


def damaged_packet() -> bytes:
    """In the middle of the third group a length that reaches beyond its packet."""
    content = bytearray(clip())
    at = _sample(content, 24)
    content[at : at + 4] = b"\0\xff\xff\xff"
    return bytes(content)


def damaged_picture() -> bytes:
    """In the third group, where nothing is hidden, noise in place of a picture."""
    content = bytearray(clip())
    at = _sample(content, 24)
    content[at + 6 : at + 30] = bytes(range(97, 121))
    return bytes(content)


def cut_by_an_edit_list() -> bytes:
    """The first thirteen pictures are in the file, and not to be seen."""
    content = clip(b_frames=0)
    moov = next((start, end) for kind, start, end in boxes(content) if kind == b"moov")
    index = content[moov[0] : moov[1]]
    at = index.index(b"elst") + 4
    scale_at = index.index(b"mdhd") + 4 + 12
    scale = int.from_bytes(index[scale_at : scale_at + 4], "big")
    entry = struct.pack(">IiI", int.from_bytes(index[at + 8 : at + 12], "big"), 13 * scale // 25, 0x10000)
    return content[: moov[0]] + index[: at + 8] + entry + index[at + 20 :] + content[moov[1] :]


def sound_in_pcm() -> bytes:
    return _with_sound("mov", "pcm_s16le")


def sound_that_says_he_aac() -> bytes:
    """AAC whose configuration says that half of its band is to be made up (SBR): 4 kHz coded, 8 kHz heard."""
    content = film()
    low = content.index(b"\x15\x88")  # AAC-LC, 8 kHz, mono
    assert content.count(b"\x15\x88") == 1
    # type 5, 8 kHz, mono, extension 16 kHz, type 2
    made = (5 << 11 | 11 << 7 | 1 << 3 | 8 >> 1) << 16 | (8 & 1) << 15 | 2 << 10
    return content[:low] + made.to_bytes(4, "big") + content[low + 4 :]


def pictures_of_zero_frames() -> bytes:
    """An mp4 whose picture track has not one picture."""
    content = bytearray(clip(frames=1))
    for kind, at in ((b"stts", 8), (b"stsc", 8), (b"stco", 8), (b"stss", 8), (b"stsz", 12)):
        place = content.find(kind) + at
        if place >= at:
            content[place : place + 4] = bytes(4)
    return bytes(content)


def _with_sound(container: str, codec: str) -> bytes:
    out = io.BytesIO()
    with av.open(io.BytesIO(film(sound=0))) as source, av.open(out, "w", format=container) as box:
        shown = source.streams.video[0]
        made = box.add_stream_from_template(shown)
        tone: Any = box.add_stream(codec, rate=RATE, layout="mono")
        for packet in source.demux(shown):
            if packet.size:
                packet.stream = made
                box.mux(packet)
        for at in range(0, 2 * RATE, 1000):
            heard = av.AudioFrame(format="s16", layout="mono", samples=1000)
            wave = b"".join(struct.pack("<h", (at + n) * 37 % 4000 - 2000) for n in range(1000))
            heard.planes[0].update(wave)
            heard.sample_rate, heard.pts, heard.time_base = RATE, at, Fraction(1, RATE)
            box.mux(tone.encode(heard))
        box.mux(tone.encode(None))
    return out.getvalue()


def _sample(content: bytes | bytearray, number: int) -> int:
    """Where a picture lies."""
    with av.open(io.BytesIO(bytes(content))) as box:
        packets = [packet for packet in box.demux(video=0) if packet.size]
        return int(packets[number].pos)


# What is rendered, and what the release says of it.
RENDERED: dict[Callable[[], bytes], str] = {
    variable_frame_rate: "",
    variable_frame_rate_mkv: "",
    matroska_with_sound: "",
    transport_stream: "",
    turned_a_quarter: "",
    one_key_frame: "0 groups are bit for bit what was delivered",
    open_groups: "0 groups are bit for bit what was delivered",
    open_groups_hevc: "1 groups are bit for bit what was delivered",  # two IDR pictures among five that open
    interlaced: "encoded again as a whole: the picture is interlaced",
    odd_size: "encoded again as a whole: the picture is mpeg4",
    odd_size_motion_jpeg: "encoded again as a whole: the picture is mjpeg",
    damaged_packet: "",
    damaged_picture: "",
    cut_by_an_edit_list: "",
    sound_in_pcm: "encoded again as a whole: the sound is",
    sound_that_says_he_aac: "encoded again as a whole",
}
