"""Which tracks, packets and times does this mp4 hold, and nothing else? The verifier's own reader, strict.

ISO/IEC 14496-12, -14, -15. Only boxes that a render or a plain remux of it needs are known; any other one, any text, date
or edit that could show or hide something is an `EvidenceFault`. Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import BinaryIO

from lapel.base.errors import EvidenceFault
from lapel.redaction.verify_boxes import children, kind_of, only, versioned
from lapel.redaction.verify_media import FileTrack, MediaFile, Reading, tile
from lapel.redaction.verify_tables import apply_edits, check_rolls, read_places, read_times

MAX_INDEX_BYTES = 1 << 30
_HANDLERS = {b"", b"VideoHandler", b"SoundHandler"}
_TURNS = {(1, 0, 0, 1): 0, (0, 1, -1, 0): 90, (-1, 0, 0, -1): 180, (0, -1, 1, 0): 270}
_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)

# What may be in what: kind of box -> (at least, at most) once.
_TRAK = {"tkhd": (1, 1), "edts": (0, 1), "mdia": (1, 1)}
_STBL = {
    "stsd": (1, 1), "stts": (1, 1), "ctts": (0, 1), "stss": (0, 1), "stsc": (1, 1), "stsz": (1, 1),
    "stco": (0, 1), "co64": (0, 1), "sgpd": (0, 1), "sbgp": (0, 1),
}  # fmt: skip


def read_mp4(file: BinaryIO, size: int) -> MediaFile:
    """The tracks of the file. Raises `EvidenceFault` for anything that a render does not hold."""
    spaces: list[tuple[int, int]] = []
    index: bytes | None = None
    at = first = 0
    while at < size:
        kind, start, end = _outer(file, at, size)
        if kind == "mdat":
            spaces.append((start, end))
        elif kind == "moov" and index is None and end - start <= MAX_INDEX_BYTES:
            index = _read(file, start, end)
        elif kind == "free":
            _all_zero(file, start, end)
        elif kind != "ftyp" or first:
            raise EvidenceFault(f"the file has a box “{kind}” that no render has")
        first, at = 1, end
    if index is None:
        raise EvidenceFault("the file has no index")
    boxes = children(index, {"mvhd": (1, 1), "trak": (1, 64), "udta": (0, 1)}, "moov")
    clock = _mvhd(boxes["mvhd"][0])
    found = MediaFile([_trak(one, clock) for one in boxes["trak"]])
    if "udta" in boxes:
        found.unproved.append(f"the name “{_udta(boxes['udta'][0])}” that a program wrote into the file")
    tile(spaces, found.tracks)
    return found


def _outer(file: BinaryIO, at: int, size: int) -> tuple[str, int, int]:
    head = _read(file, at, min(size, at + 16))
    if len(head) < 8:
        raise EvidenceFault("the file ends inside a box")
    length, kind, start = int.from_bytes(head[:4], "big"), kind_of(head[4:8]), at + 8
    if length == 1:
        length, start = int.from_bytes(head[8:16], "big"), at + 16
    if length < start - at or at + length > size:
        raise EvidenceFault(f"the box “{kind}” does not end inside the file")
    return kind, start, at + length


def _read(file: BinaryIO, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(end - start)


def _all_zero(file: BinaryIO, start: int, end: int) -> None:
    for at in range(start, end, 1 << 20):
        if any(_read(file, at, min(end, at + (1 << 20)))):
            raise EvidenceFault("the free space of the file holds something")


def _dates(reading: Reading, wide: int, what: str) -> None:
    if reading.number(wide) or reading.number(wide):
        raise EvidenceFault(f"the box “{what}” says when the file was made")


def _mvhd(data: bytes) -> int:
    version, _, reading = versioned(data, "mvhd", (0, 1))
    wide = 8 if version else 4
    _dates(reading, wide, "mvhd")
    scale = reading.number(4)
    reading.number(wide)
    if reading.number(4) != 0x10000 or not scale:
        raise EvidenceFault("the film does not run at its own speed")
    reading.take(2)
    reading.zeros(10)
    if _matrix(reading)[:4] != (1, 0, 0, 1):
        raise EvidenceFault("the film is turned as a whole")
    reading.zeros(24)
    reading.number(4)
    reading.end()
    return scale


def _matrix(reading: Reading) -> tuple[int, ...]:
    a, b, u, c, d, v, x, y, w = (reading.number(4, signed=True) for _ in range(9))
    if u or v or w != 0x40000000 or any(one & 0xFFFF for one in (a, b, c, d)):
        raise EvidenceFault("a track is bent")
    return a >> 16, b >> 16, c >> 16, d >> 16, x >> 16, y >> 16


def _udta(data: bytes) -> str:
    """The one text that is let through: the name of a program that packed the file again."""
    _, flags, reading = versioned(only(data, "meta", "udta"), "meta")
    boxes = children(reading.rest(), {"hdlr": (1, 1), "ilst": (1, 1)}, "meta")
    _, _, handler = versioned(boxes["hdlr"][0], "hdlr")
    handler.zeros(4)
    if handler.take(8) != b"mdirappl" or any(handler.rest()) or flags:
        raise EvidenceFault("the file carries a kind of metadata that no render has")
    data = boxes["ilst"][0]
    if data[4:8] != b"\xa9too" or int.from_bytes(data[:4], "big") != len(data):
        raise EvidenceFault("the file carries a text that no render has")
    _, _, said = versioned(only(data[8:], "data", "ilst"), "data")
    said.zeros(4)
    text = said.rest()
    name = text.decode("ascii", "replace")
    if not name.startswith("Lavf") or len(name) > 20 or not name[4:].replace(".", "").isdigit():
        raise EvidenceFault("the file carries a text that no render has")
    return name


def _trak(data: bytes, clock: int) -> FileTrack:
    boxes = children(data, _TRAK, "trak")
    wide, high, matrix = _tkhd(boxes["tkhd"][0])
    media = children(boxes["mdia"][0], {"mdhd": (1, 1), "hdlr": (1, 1), "minf": (1, 1)}, "mdia")
    scale = _mdhd(media["mdhd"][0])
    kind = _hdlr(media["hdlr"][0])
    header = "vmhd" if kind == "video" else "smhd"
    inside = children(media["minf"][0], {header: (1, 1), "dinf": (1, 1), "stbl": (1, 1)}, "minf")
    _local(inside["dinf"][0])
    tables = children(inside["stbl"][0], _STBL, "stbl")
    track = _stsd(tables["stsd"][0], kind)
    track.tick = Fraction(1, scale)
    if kind == "video":
        turn = _TURNS.get((matrix[0], matrix[1], matrix[2], matrix[3]))
        if turn is None:
            raise EvidenceFault("the picture is bent")
        track.rotation = turn
        _moved_back(turn, matrix, wide, high)
    read_times(track, tables)
    read_places(track, tables)
    if len(track.pts) != len(track.sizes):
        raise EvidenceFault("the index has not as many times as packets")
    check_rolls(tables, kind)
    apply_edits(track, boxes.get("edts"), clock, scale)
    return track


def _tkhd(data: bytes) -> tuple[int, int, tuple[int, ...]]:
    version, flags, reading = versioned(data, "tkhd", (0, 1))
    wide = 8 if version else 4
    _dates(reading, wide, "tkhd")
    reading.number(4)
    reading.zeros(4)
    reading.number(wide)
    reading.zeros(8)
    reading.zeros(2)  # layer
    reading.number(4)  # alternate group, volume
    reading.zeros(2)
    matrix = _matrix(reading)
    width, height = reading.number(4), reading.number(4)
    reading.end()
    if not flags & 1:
        raise EvidenceFault("a track is switched off")
    return width >> 16, height >> 16, matrix


def _moved_back(turn: int, matrix: tuple[int, ...], wide: int, high: int) -> None:
    """What is turned must be moved back into view, and by no more."""
    expected = {0: (0, 0), 90: (high, 0), 180: (wide, high), 270: (0, wide)}[turn]
    if tuple(matrix[4:6]) != expected:
        raise EvidenceFault("the picture is moved out of view")


def _mdhd(data: bytes) -> int:
    version, _, reading = versioned(data, "mdhd", (0, 1))
    wide = 8 if version else 4
    _dates(reading, wide, "mdhd")
    scale = reading.number(4)
    reading.number(wide)
    if reading.number(2) != 0x55C4:
        raise EvidenceFault("a track says a language")
    reading.zeros(2)
    reading.end()
    if not scale:
        raise EvidenceFault("a track has no clock")
    return scale


def _hdlr(data: bytes) -> str:
    _, _, reading = versioned(data, "hdlr")
    reading.zeros(4)
    kind = {b"vide": "video", b"soun": "audio"}.get(reading.take(4))
    reading.zeros(12)
    if kind is None:
        raise EvidenceFault("the file has a track that is neither picture nor sound")
    if reading.rest().rstrip(b"\0") not in _HANDLERS:
        raise EvidenceFault("a track carries a name")
    return kind


def _local(data: bytes) -> None:
    _, _, reading = versioned(only(data, "dref", "dinf"), "dref")
    if reading.number(4) != 1:
        raise EvidenceFault("a track lies in more than one file")
    _, flags, place = versioned(only(reading.rest(), "url ", "dref"), "url ")
    if flags != 1 or place.left:
        raise EvidenceFault("a track lies in another file")


def _stsd(data: bytes, kind: str) -> FileTrack:
    _, _, reading = versioned(data, "stsd")
    if reading.number(4) != 1:
        raise EvidenceFault("a track has more than one description")
    known: dict[str, Callable[[Reading, str], FileTrack]]
    known = {"avc1": _visual, "hev1": _visual, "hvc1": _visual} if kind == "video" else {"mp4a": _sound}
    entry = reading.rest()
    name = kind_of(entry[4:8])
    if name not in known or int.from_bytes(entry[:4], "big") != len(entry):
        raise EvidenceFault(f"a track is described as “{name}”, which no render has")
    inside = Reading(entry[8:], f"the box “{name}”")
    inside.zeros(6)
    if inside.number(2) != 1:
        raise EvidenceFault("a track lies in another file")
    return known[name](inside, name)


def _visual(reading: Reading, name: str) -> FileTrack:
    reading.zeros(16)
    width, height = reading.number(2), reading.number(2)
    reading.take(8)  # dots per inch
    reading.zeros(4)
    if reading.number(2) != 1:
        raise EvidenceFault("a packet holds more than one picture")
    reading.zeros(32)
    if reading.number(2) not in (24,) or reading.number(2) != 0xFFFF:
        raise EvidenceFault("the picture has a depth that no render has")
    record = "avcC" if name == "avc1" else "hvcC"
    known = {record: (1, 1), "pasp": (0, 1), "btrt": (0, 1)}
    boxes = children(reading.rest(), known, name)
    aspect = (1, 1)
    if "pasp" in boxes:
        shape = Reading(boxes["pasp"][0], "the box “pasp”")
        aspect = (shape.number(4), shape.number(4))
        shape.end()
    codec = "h264" if name == "avc1" else "hevc"
    return FileTrack("video", codec, boxes[record][0], Fraction(1), width, height, aspect)


def _sound(reading: Reading, name: str) -> FileTrack:
    reading.zeros(8)
    channels, bits = reading.number(2), reading.number(2)
    reading.zeros(4)
    rate = reading.number(4)
    if bits != 16 or rate & 0xFFFF:
        raise EvidenceFault("the sound has a form that no render has")
    boxes = children(reading.rest(), {"esds": (1, 1), "btrt": (0, 1)}, name)
    config = _esds(boxes["esds"][0])
    return FileTrack("audio", "aac", config, Fraction(1), sample_rate=rate >> 16, channels=channels)


def _esds(data: bytes) -> bytes:
    """The AudioSpecificConfig (ISO/IEC 14496-1 §7.2.6.5)."""
    _, _, reading = versioned(data, "esds")
    stream = _descriptor(reading, 3)
    reading.end()
    stream.number(2)
    if stream.number(1) & 0xE0:
        raise EvidenceFault("the sound depends on another stream")
    decoder = _descriptor(stream, 4)
    layer = _descriptor(stream, 6)
    stream.end()
    if layer.rest() != b"\2":
        raise EvidenceFault("the sound has a form that no render has")
    if decoder.number(1) != 0x40 or decoder.number(1) >> 2 != 5:
        raise EvidenceFault("the sound is not AAC")
    decoder.take(11)
    config = _descriptor(decoder, 5)
    decoder.end()
    return config.rest()


def _descriptor(reading: Reading, tag: int) -> Reading:
    if reading.number(1) != tag:
        raise EvidenceFault("the description of the sound is not in its order")
    size = 0
    for _ in range(4):
        byte = reading.number(1)
        size = size << 7 | byte & 127
        if not byte & 128:
            break
    return Reading(reading.take(size), "the description of the sound")


def is_mp4(head: bytes) -> bool:
    """Does a file with these first bytes begin as an mp4 does?"""
    return head[4:8] == b"ftyp"
