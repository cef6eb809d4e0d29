"""Which elements does this piece of a Matroska file hold, and no others? The verifier's own, strict. Standard library only.

RFC 8794 (EBML). Sizes must be known, checksums must be right, and what stands for nothing must be zero.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from lapel.base.errors import EvidenceFault

VOID, CHECKSUM = 0xEC, 0xBF
MAX_ELEMENT_BYTES = 64 << 20


def number_at(head: bytes, *, marker: bool) -> tuple[int, int]:
    """The variable-length number that `head` begins with, and its length; `marker`: with its length marker (an id)."""
    first = head[0] if head else 0
    length = 9 - first.bit_length()
    if not first or length > (4 if marker else 8) or len(head) < length:
        raise EvidenceFault("the file ends inside an element, or has one that cannot be read")
    value = int.from_bytes(head[:length], "big")
    if marker:
        return value, length
    plain = value & ((1 << 7 * length) - 1)
    if plain == (1 << 7 * length) - 1:
        raise EvidenceFault("an element does not say how long it is")
    return plain, length


def outer(file: BinaryIO, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The elements between two places of a file: id, start and end of what is inside. Void and checksum too."""
    while at < end:
        file.seek(at)
        head = file.read(min(12, end - at))
        kind, used = number_at(head, marker=True)
        size, more = number_at(head[used:], marker=False)
        at += used + more
        if at + size > end:
            raise EvidenceFault("an element does not end inside the one around it")
        yield kind, at, at + size
        at += size


def inside(data: bytes, known: Mapping[int, tuple[int, int]], where: str) -> dict[int, list[bytes]]:
    """The elements in one, each as often as `known` (id -> at least, at most) allows. Raises `EvidenceFault`."""
    found: dict[int, list[bytes]] = {}
    at = 0
    while at < len(data):
        kind, used = number_at(data[at : at + 12], marker=True)
        size, more = number_at(data[at + used : at + 12], marker=False)
        begins, start = at, at + used + more
        at = start + size
        if at > len(data):
            raise EvidenceFault(f"an element of “{where}” does not end inside it")
        body = data[start:at]
        if kind == VOID:
            if any(body):
                raise EvidenceFault("the free space of the file holds something")
        elif kind == CHECKSUM:
            if begins or body != zlib.crc32(data[at:]).to_bytes(4, "little"):
                raise EvidenceFault(f"the checksum of “{where}” is wrong")
        elif kind not in known:
            raise EvidenceFault(f"“{where}” holds an element {kind:x} that no render has")
        else:
            found.setdefault(kind, []).append(body)
    for kind, (least, most) in known.items():
        if not least <= len(found.get(kind, [])) <= most:
            raise EvidenceFault(f"“{where}” holds the element {kind:x} {len(found.get(kind, []))} times")
    return found


def check_sum(file: BinaryIO, begins: int, ends: int, until: int, where: str) -> None:
    """The checksum that stands first in an element covers all that follows it. Raises `EvidenceFault`."""
    file.seek(begins)
    said, found = file.read(ends - begins), 0
    for at in range(ends, until, 1 << 20):
        found = zlib.crc32(file.read(min(1 << 20, until - at)), found)
    if said != found.to_bytes(4, "little"):
        raise EvidenceFault(f"the checksum of {where} is wrong")


def read(file: BinaryIO, start: int, end: int) -> bytes:
    """What lies between two places. Raises `EvidenceFault` for more than an index can be."""
    if end - start > MAX_ELEMENT_BYTES:
        raise EvidenceFault("an element is larger than any that is read")
    file.seek(start)
    return file.read(end - start)


def unsigned(found: Mapping[int, list[bytes]], kind: int, default: int = 0) -> int:
    """A whole number of at most eight bytes, or what stands for it when it is not there."""
    if kind not in found:
        return default
    body = found[kind][0]
    if len(body) > 8:
        raise EvidenceFault("a number has more than eight bytes")
    return int.from_bytes(body, "big")


def real(found: Mapping[int, list[bytes]], kind: int, default: float = 0.0) -> float:
    """A floating-point number of four or eight bytes."""
    if kind not in found:
        return default
    body = found[kind][0]
    if len(body) not in (4, 8):
        raise EvidenceFault("a number has neither four nor eight bytes")
    value: float = struct.unpack(">f" if len(body) == 4 else ">d", body)[0]
    return value
