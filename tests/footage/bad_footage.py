"""Footage with something wrong, each named for its defect. Made on the spot: none of it is stored."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

from footage_clips import boxes, clip


def zero_bytes() -> bytes:
    return b""


def one_byte() -> bytes:
    return b"\0"


def text_named_mp4() -> bytes:
    return b"This is a report, not a video.\n" * 400


def noise() -> bytes:
    return random.Random(7).randbytes(300_000)


def zeros() -> bytes:
    return bytes(1 << 20)


def playlist_that_names_another_file() -> bytes:
    return b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"


def concat_script_that_names_another_file() -> bytes:
    return b"ffconcat version 1.0\nfile /etc/passwd\n"


def index_missing() -> bytes:
    content = clip()
    return b"".join(content[start:end] for kind, start, end in boxes(content) if kind != b"moov")


def cut_before_the_index() -> bytes:
    content = clip(frames=200)
    return content[: len(content) // 2]


def index_cut_in_half() -> bytes:
    content = clip()
    _, start, end = next(box for box in boxes(content) if box[0] == b"moov")
    return content[: (start + end) // 2]


def mkv_cut_in_its_head() -> bytes:
    return clip("mkv")[:40]


def index_of_noise() -> bytes:
    content = bytearray(clip())
    _, start, end = next(box for box in boxes(content) if box[0] == b"moov")
    content[start + 8 : end] = random.Random(3).randbytes(end - start - 8)
    return bytes(content)


def index_nested_without_end() -> bytes:
    """Boxes within boxes, far deeper than any file has them."""
    inner = b""
    for _ in range(20_000):
        inner = struct.pack(">I4s", len(inner) + 8, b"trak") + inner
    return clip()[:32] + struct.pack(">I4s", len(inner) + 8, b"moov") + inner


def sound_track_without_a_packet() -> bytes:
    header = (
        b"RIFF" + struct.pack("<I", 36) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    )
    return header + b"data" + struct.pack("<I", 0)


UNREADABLE: dict[Callable[[], bytes], str] = {
    zero_bytes: "The file is empty",
    one_byte: "not a video or sound file",
    text_named_mp4: "not a video or sound file",
    noise: "not a video or sound file",
    zeros: "not a video or sound file",
    playlist_that_names_another_file: "not a video or sound file",
    concat_script_that_names_another_file: "not a video or sound file",
    index_missing: "ends before its index",
    cut_before_the_index: "ends before its index",
    index_cut_in_half: "ends inside its index",
    mkv_cut_in_its_head: "",
    index_of_noise: "neither a picture nor a sound track",
    index_nested_without_end: "",
    sound_track_without_a_packet: "",
}


def cut_behind_the_index() -> bytes:
    """Index first, then pictures, the last third of which is missing."""
    content = index_first(clip(frames=100))
    return content[: len(content) * 2 // 3]


def mkv_cut_in_the_middle() -> bytes:
    content = clip("mkv", frames=100)
    return content[: len(content) * 2 // 3]


def index_first(content: bytes) -> bytes:
    """The same mp4 with its index in front, offsets moved."""
    parts = {kind: content[start:end] for kind, start, end in boxes(content)}
    moov = bytearray(parts[b"moov"])
    at = 0
    while (at := moov.find(b"stco", at + 1)) >= 0:
        count = int.from_bytes(moov[at + 8 : at + 12], "big")
        for i in range(at + 12, at + 12 + 4 * count, 4):
            moved = int.from_bytes(moov[i : i + 4], "big") + len(moov)
            moov[i : i + 4] = moved.to_bytes(4, "big")
    rest = [content[start:end] for kind, start, end in boxes(content) if kind not in (b"ftyp", b"moov")]
    return b"".join([parts[b"ftyp"], bytes(moov), *rest])


def pictures_of_noise() -> bytes:
    """A sound frame around pictures that are none; the packets are there, the decoder finds nothing in them."""
    content = bytearray(clip())
    _, start, end = next(box for box in boxes(content) if box[0] == b"mdat")
    content[start + 8 : end] = random.Random(5).randbytes(end - start - 8)
    return bytes(content)


def sample_table_that_claims_four_billion() -> bytes:
    content = bytearray(clip())
    at = content.find(b"stsz")
    content[at + 12 : at + 16] = b"\xff\xff\xff\xff"
    return bytes(content)


def time_table_that_claims_four_billion() -> bytes:
    """`stts`: one row that says 4,294,967,295 samples of one tick each."""
    content = bytearray(clip())
    at = content.find(b"stts")
    content[at + 12 : at + 16] = b"\xff\xff\xff\xff"
    return bytes(content)


def pictures_that_claim_32_thousand_pixels() -> bytes:
    """Motion JPEG whose every picture says that it is 32,752 pixels wide and high: 1.6 GB each when decoded."""
    content = bytearray(clip(codec="mjpeg", frames=5))
    at = content.find(b"\xff\xc0")
    while at >= 0:
        content[at + 5 : at + 9] = b"\x7f\xf0\x7f\xf0"
        at = content.find(b"\xff\xc0", at + 2)
    return bytes(content)


def sample_table_that_fills_the_memory() -> bytes:
    """`stsz` with one size for all samples and a count of 67 million: a table that need not be written down."""
    content = bytearray(clip())
    at = content.find(b"stsz")
    content[at + 8 : at + 16] = struct.pack(">II", 1, 1 << 26)
    return bytes(content)


def one_picture_of_800_megabytes() -> bytes:
    """The head of a file whose only picture is 805 MB long, by its index."""
    content = bytearray(index_first(clip(frames=1)))
    at = content.find(b"stsz")
    content[at + 8 : at + 16] = struct.pack(">II", 0x30000000, 1)
    return bytes(content)


HARMFUL = (
    pictures_of_noise,
    sample_table_that_claims_four_billion,
    sample_table_that_fills_the_memory,
    time_table_that_claims_four_billion,
    pictures_that_claim_32_thousand_pixels,
)
