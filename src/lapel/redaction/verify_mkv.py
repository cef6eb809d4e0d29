"""Which tracks, packets and times does this Matroska file hold, and nothing else? For a render that was packed again.

RFC 9559. Only what FFmpeg's muxer writes of a render is known; any other element, text, track or cropping is an
`EvidenceFault`. The file keeps thousandths of a second, so times are checked to one of them. Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import BinaryIO

from lapel.base.errors import EvidenceFault
from lapel.redaction.manifest_values import MAX_SAMPLES
from lapel.redaction.verify_ebml import (
    CHECKSUM,
    VOID,
    check_sum,
    inside,
    number_at,
    outer,
    read,
    real,
    unsigned,
)
from lapel.redaction.verify_media import FileTrack, MediaFile

EBML, SEGMENT = 0x1A45DFA3, 0x18538067
SEEK_HEAD, INFO, TRACKS, TAGS, CUES, CLUSTER = (
    0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1254C367, 0x1C53BB6B, 0x1F43B675,
)  # fmt: skip
_MILLISECOND = 1_000_000
_PROGRAM = re.compile(rb"Lavf[0-9.]{0,16}\Z")
_LENGTH = re.compile(rb"[0-9:.]{8,20}\0?\Z")
_CODECS = {b"V_MPEG4/ISO/AVC": "h264", b"V_MPEGH/ISO/HEVC": "hevc", b"A_AAC": "aac"}

# What may be in what: id -> (at least, at most) once.
_HEAD = {0x4286: (0, 1), 0x42F7: (0, 1), 0x42F2: (0, 1), 0x42F3: (0, 1), 0x4282: (1, 1), 0x4287: (0, 1), 0x4285: (0, 1)}  # fmt: skip
_INFO = {0x2AD7B1: (0, 1), 0x4D80: (1, 1), 0x5741: (1, 1), 0x73A4: (0, 1), 0x4489: (0, 1)}
_TRACK = {
    0xD7: (1, 1), 0x73C5: (1, 1), 0x83: (1, 1), 0x88: (0, 1), 0x9C: (0, 1), 0x22B59C: (0, 1), 0x86: (1, 1), 0x63A2: (1, 1),
    0x23E383: (0, 1), 0x55EE: (0, 1), 0xE0: (0, 1), 0xE1: (0, 1),
}  # fmt: skip
_VIDEO = {0xB0: (1, 1), 0xBA: (1, 1), 0x9A: (0, 1), 0x54B0: (0, 1), 0x54BA: (0, 1), 0x54B2: (0, 1), 0x55B0: (0, 1), 0x7670: (0, 1)}  # fmt: skip
_COLOUR = dict.fromkeys((21937, 21938, 21943, 21944, 21945, 21946, 21947), (0, 1))
_PROJECTION = {0x7671: (0, 1), 0x7673: (0, 1), 0x7674: (0, 1), 0x7675: (0, 1)}
_SOUND = {0xB5: (1, 1), 0x9F: (0, 1), 0x6264: (0, 1)}
_GROUP = {0xA1: (1, 1), 0x9B: (0, 1), 0xFB: (0, 16)}


def is_mkv(head: bytes) -> bool:
    """Does a file with these first bytes begin as a Matroska file does?"""
    return head[:4] == EBML.to_bytes(4, "big")


def read_mkv(file: BinaryIO, size: int) -> MediaFile:
    """The tracks of the file. Raises `EvidenceFault` for anything that a render packed again does not hold."""
    top = list(outer(file, 0, size))
    if [kind for kind, *_ in top] != [EBML, SEGMENT]:
        raise EvidenceFault("the file is not one film and nothing else")
    head = inside(read(file, *top[0][1:]), _HEAD, "head")
    if head[0x4282][0] != b"matroska" or unsigned(head, 0x42F2, 4) != 4 or unsigned(head, 0x42F3, 8) != 8:
        raise EvidenceFault("the file is of a kind that no render has")
    return _Film(file).read(*top[1][1:])


class _Film:
    """The one segment while it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._tracks: dict[int, FileTrack] = {}
        self._seen: set[int] = set()
        self._count = 0
        self._program = b""

    def read(self, start: int, end: int) -> MediaFile:
        for kind, begins, ends in outer(self._file, start, end):
            if kind == CLUSTER and TRACKS in self._seen:
                self._cluster(begins, ends)
                continue
            if kind in self._seen or kind in (CLUSTER, CHECKSUM):
                raise EvidenceFault("the parts of the file are not in their order, or there twice")
            body = read(self._file, begins, ends)
            if kind == VOID:
                if any(body):
                    raise EvidenceFault("the free space of the file holds something")
                continue
            self._seen.add(kind)
            self._part(kind, body)
        if not {INFO, TRACKS} <= self._seen:
            raise EvidenceFault("the file does not say which tracks it has")
        said = [
            f"the name “{self._program.decode()}” and the numbers that a program wrote into the file",
            "times below a thousandth of a second: a Matroska file keeps no more, and which pictures may be jumped to",
        ]
        return MediaFile(list(self._tracks.values()), said)

    def _part(self, kind: int, body: bytes) -> None:
        if kind == INFO:
            self._program = _info(body)
        elif kind == TRACKS:
            for entry in inside(body, {0xAE: (1, 64)}, "tracks")[0xAE]:
                self._track(inside(entry, _TRACK, "track"))
        elif kind == TAGS:
            _tags(body)
        elif kind == CUES:
            _cues(body)
        elif kind == SEEK_HEAD:
            for seek in inside(body, {0x4DBB: (0, 16)}, "seek head").get(0x4DBB, []):
                inside(seek, {0x53AB: (1, 1), 0x53AC: (1, 1)}, "seek")
        else:
            raise EvidenceFault(f"the file holds an element {kind:x} that no render has")

    def _track(self, said: Mapping[int, list[bytes]]) -> None:
        number = unsigned(said, 0xD7)
        codec = _CODECS.get(said[0x86][0])
        kind = {1: "video", 2: "audio"}.get(unsigned(said, 0x83))
        if codec is None or kind is None or (kind == "audio") != (codec == "aac"):
            raise EvidenceFault("the file has a track that no render has")
        if number in self._tracks or not 0 < number < 127 or len(said[0x73C5][0]) > 8:
            raise EvidenceFault("two tracks have one number, or a track a number that cannot be")
        if said.get(0x22B59C, [b"und"])[0] != b"und" or unsigned(said, 0x55EE) or unsigned(said, 0x9C):
            raise EvidenceFault("a track says a language, or more than its packets")
        track = FileTrack(kind, codec, said[0x63A2][0], Fraction(1, 1000), slack=Fraction(1, 1000))
        if (0xE0 in said) != (kind == "video") or (0xE1 in said) != (kind == "audio"):
            raise EvidenceFault("a track is described as what it is not")
        if kind == "video":
            _picture(track, inside(said[0xE0][0], _VIDEO, "video"))
        else:
            sound = inside(said[0xE1][0], _SOUND, "audio")
            track.sample_rate, track.channels = int(real(sound, 0xB5)), unsigned(sound, 0x9F, 1)
        self._tracks[number] = track

    def _cluster(self, start: int, end: int) -> None:
        now: int | None = None
        for kind, begins, ends in outer(self._file, start, end):
            if kind == CHECKSUM and begins - 2 <= start:
                check_sum(self._file, begins, ends, end, "a cluster")
            elif kind == 0xE7 and now is None and ends - begins <= 8:
                now = int.from_bytes(read(self._file, begins, ends), "big")
            elif kind == 0xA3 and now is not None:
                self._block(begins, ends, now, simple=True)
            elif kind == 0xA0 and now is not None:
                self._group(begins, ends, now)
            else:
                raise EvidenceFault(f"a cluster holds an element {kind:x} that no render has")

    def _group(self, start: int, end: int, now: int) -> None:
        held: dict[int, int] = {}
        for kind, begins, ends in outer(self._file, start, end):
            held[kind] = held.get(kind, 0) + 1
            if kind not in _GROUP or held[kind] > _GROUP[kind][1]:
                raise EvidenceFault(f"a group of blocks holds an element {kind:x} that no render has")
            if kind == 0xA1:
                self._block(begins, ends, now, simple=False)
            elif ends - begins > 8:
                raise EvidenceFault("a number has more than eight bytes")
        if 0xA1 not in held:
            raise EvidenceFault("a group of blocks holds no packet")

    def _block(self, start: int, end: int, now: int, *, simple: bool) -> None:
        self._file.seek(start)
        head = self._file.read(min(12, end - start))
        number, used = number_at(head, marker=False)
        if number not in self._tracks or len(head) < used + 4 or used != 1:
            raise EvidenceFault("a packet belongs to no track")
        if head[used + 2] & (0x7E if simple else 0xFF):
            raise EvidenceFault("a packet is hidden, or shares its block with others")
        self._count += 1
        if self._count > MAX_SAMPLES:
            raise EvidenceFault("the file has more packets than are read")
        track = self._tracks[number]
        track.pts.append(now + int.from_bytes(head[used : used + 2], "big", signed=True))
        track.places.append(start + used + 3)
        track.sizes.append(end - start - used - 3)


def _picture(track: FileTrack, said: Mapping[int, list[bytes]]) -> None:
    track.width, track.height = unsigned(said, 0xB0), unsigned(said, 0xBA)
    if unsigned(said, 0x9A) not in (0, 2) or unsigned(said, 0x54B2) not in (0, 4):
        raise EvidenceFault("the picture has a form that no render has")
    if 0x54B0 in said or 0x54BA in said:
        track.displayed = (unsigned(said, 0x54B0, track.width), unsigned(said, 0x54BA, track.height))
    if 0x55B0 in said:
        for kind, (body,) in inside(said[0x55B0][0], _COLOUR, "colour").items():
            if len(body) > 8:
                raise EvidenceFault(f"the element {kind:x} is no number")
    if 0x7670 in said:
        turned = inside(said[0x7670][0], _PROJECTION, "projection")
        roll = real(turned, 0x7675)
        if unsigned(turned, 0x7671) or real(turned, 0x7673) or real(turned, 0x7674) or roll % 90:
            raise EvidenceFault("the picture is bent")
        track.rotation = round(-roll) % 360


def _info(body: bytes) -> bytes:
    said = inside(body, _INFO, "info")
    if unsigned(said, 0x2AD7B1, _MILLISECOND) != _MILLISECOND:
        raise EvidenceFault("the file does not count in thousandths of a second")
    names = {said[0x4D80][0], said[0x5741][0]}
    if len(names) != 1 or not _PROGRAM.match(said[0x4D80][0]) or len(said.get(0x73A4, [b""])[0]) > 16:
        raise EvidenceFault("the file carries a text that no render has")
    real(said, 0x4489)
    return said[0x4D80][0]


def _tags(body: bytes) -> None:
    """The program's name again, and how long each track is: nothing else may be told."""
    for tag in inside(body, {0x7373: (0, 65)}, "tags").get(0x7373, []):
        said = inside(tag, {0x63C0: (1, 1), 0x67C8: (1, 1)}, "tag")
        about = inside(said[0x63C0][0], {0x63C5: (0, 1)}, "targets")
        told = inside(said[0x67C8][0], {0x45A3: (1, 1), 0x4487: (1, 1)}, "simple tag")
        wanted = {b"ENCODER": _PROGRAM, b"DURATION": _LENGTH}.get(told[0x45A3][0])
        if wanted is None or not wanted.match(told[0x4487][0]) or len(about.get(0x63C5, [b""])[0]) > 8:
            raise EvidenceFault("the file carries a text that no render has")


def _cues(body: bytes) -> None:
    place = dict.fromkeys((247, 241, 240, 178), (0, 1))
    for cue in inside(body, {0xBB: (0, MAX_SAMPLES)}, "cues").get(0xBB, []):
        said = inside(cue, {0xB3: (1, 1), 0xB7: (1, 8)}, "cue")
        for one in said[0xB7]:
            found = inside(one, place, "cue")
            for kind in found:
                unsigned(found, kind)
