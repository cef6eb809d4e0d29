"""Does a container file end where it says it does? Reads only the outer frame of mp4 and mkv.

A camera that loses power leaves a file without its index, or cut off in the middle; the parsing library says "invalid
data" to both. This says which. ISO/IEC 14496-12 §4.2 (boxes); RFC 9559 and RFC 8794 (Matroska, EBML).
"""

from __future__ import annotations

from collections.abc import Callable

Read = Callable[[int, int], bytes]
MAX_BOXES = 10_000
_MP4_FIRST = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp"}
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"


def what_is_missing(read: Read, size: int) -> str:
    """A sentence on what the file lacks, or an empty text when its frame is whole or of a kind not known here."""
    if size == 0:
        return "The file is empty."
    head = read(0, min(16, size))
    if head[4:8] in _MP4_FIRST:
        return _mp4(read, size)
    if head[:4] == _EBML:
        return _mkv(read, size)
    return ""


def is_known(head: bytes) -> bool:
    """Does a file with these first 16 bytes begin as an mp4 or mkv does?"""
    return head[4:8] in _MP4_FIRST or head[:4] == _EBML


def _mp4(read: Read, size: int) -> str:
    at = 0
    seen: set[bytes] = set()
    for _ in range(MAX_BOXES):
        if size - at < 8:
            break
        head = read(at, min(16, size - at))
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        elif length == 0:
            length = size - at
        seen.add(kind)
        if at + length > size:
            return _cut(kind, at + length - size, index_seen=b"moov" in seen - {kind})
        if length < 8:
            break
        at += length
    if b"moov" not in seen:
        return "The file ends before its index; the camera may have stopped while writing it."
    return ""


def _cut(kind: bytes, missing: int, *, index_seen: bool) -> str:
    if kind == b"moov":
        return f"The file ends inside its index; {missing} bytes of it are missing."
    if index_seen:
        return f"The file is cut off: its index is there, but the last {missing} bytes are missing."
    return "The file ends before its index; the camera may have stopped while writing it."


def _mkv(read: Read, size: int) -> str:
    at = 0
    for _ in range(16):
        head = read(at, min(12, size - at))
        if len(head) < 5:
            return "The file ends before its first track; the camera may have stopped while writing it."
        length, used = _ebml_size(head[4:])
        end = at + 4 + used + length
        if head[:4] == _SEGMENT:
            unknown = length == (1 << (7 * used)) - 1
            return (
                ""
                if unknown or end <= size
                else f"The file is cut off: the last {end - size} bytes are missing."
            )
        at = end
    return ""


def _ebml_size(body: bytes) -> tuple[int, int]:
    """RFC 8794 §6.1: the value of a data size, and the bytes it takes."""
    used = 9 - body[0].bit_length() if body[0] else 8
    value = int.from_bytes(body[:used], "big") & ((1 << (7 * used)) - 1)
    return value, used
