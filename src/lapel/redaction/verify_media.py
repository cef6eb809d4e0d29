"""What is a track to the verifier, whatever container it comes in? Values, and reading a box of bytes without trust.

The verifier reads files with this and `verify_mp4`, `verify_mkv` and `verify_pictures` alone; it shares no reading code
with the redactor, so that one mistake cannot hide another. Standard library only.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from fractions import Fraction
from typing import BinaryIO

from lapel.base.errors import EvidenceFault

MAX_SAMPLE_BYTES = 64 << 20


@dataclass(slots=True)
class FileTrack:
    """One track as the file has it. `record`: avcC, hvcC or the AudioSpecificConfig. `tick`: seconds of the times' unit.

    `displayed`: the size at which the picture is to be shown, where the file says that and no aspect.
    `slack`: how far a time in the file may be off, in seconds, and `steady` whether by the same for every sample.
    """

    kind: str
    codec: str
    record: bytes
    tick: Fraction
    width: int = 0
    height: int = 0
    aspect: tuple[int, int] = (1, 1)
    displayed: tuple[int, int] | None = None
    rotation: int = 0
    sample_rate: int = 0
    channels: int = 0
    slack: Fraction = Fraction(0)
    steady: bool = False
    places: array[int] = field(default_factory=lambda: array("Q"))
    sizes: array[int] = field(default_factory=lambda: array("I"))
    pts: array[int] = field(default_factory=lambda: array("q"))

    def sample(self, file: BinaryIO, number: int) -> bytes:
        """The bytes of one sample. Raises `EvidenceFault`."""
        size = self.sizes[number]
        if size > MAX_SAMPLE_BYTES:
            raise EvidenceFault("a packet is larger than any that is read")
        file.seek(self.places[number])
        body = file.read(size)
        if len(body) != size:
            raise EvidenceFault("a packet lies beyond the end of the file")
        return body

    def at(self, number: int) -> Fraction:
        """When a sample is presented, in seconds."""
        return self.pts[number] * self.tick


@dataclass(slots=True)
class MediaFile:
    """The tracks of a file, and what else is in it that nobody vouches for."""

    tracks: list[FileTrack]
    unproved: list[str] = field(default_factory=list)


class Reading:
    """A piece of the file, read from front to back. Raises `EvidenceFault` where it is too short."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data, self._what, self._at = data, what, 0

    def take(self, count: int) -> bytes:
        """The next bytes."""
        piece = self._data[self._at : self._at + count]
        if len(piece) != count:
            raise EvidenceFault(f"{self._what} ends too early")
        self._at += count
        return piece

    def number(self, count: int, *, signed: bool = False) -> int:
        """The next big-endian integer of so many bytes."""
        return int.from_bytes(self.take(count), "big", signed=signed)

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return len(self._data) - self._at

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(self.left)

    def end(self) -> None:
        """Nothing may be left."""
        if self.left:
            raise EvidenceFault(f"{self._what} has {self.left} bytes that mean nothing")

    def zeros(self, count: int) -> None:
        """The next bytes must be zero."""
        if any(self.take(count)):
            raise EvidenceFault(f"{self._what} has something where nothing belongs")


def tile(spaces: list[tuple[int, int]], tracks: list[FileTrack]) -> None:
    """Every byte of the spaces [start, end) belongs to exactly one sample. Raises `EvidenceFault`."""
    order = sorted(
        (place, size) for track in tracks for place, size in zip(track.places, track.sizes, strict=True)
    )
    spaces = sorted(space for space in spaces if space[0] < space[1])
    at, end, number = 0, 0, 0
    for place, size in order:
        if not size:
            raise EvidenceFault("a packet is empty")
        if at == end:
            if number == len(spaces):
                raise EvidenceFault("a packet lies outside the media data")
            at, end = spaces[number]
            number += 1
        if place != at:
            raise EvidenceFault(
                "two packets share bytes"
                if place < at
                else f"{place - at} bytes of media data belong to no packet"
            )
        at += size
        if at > end:
            raise EvidenceFault("a packet reaches beyond the media data")
    if at != end or number != len(spaces):
        raise EvidenceFault("bytes of media data belong to no packet")
