"""What is inside this box of an mp4, and nothing else? The verifier's own, strict. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping

from lapel.base.errors import EvidenceFault
from lapel.redaction.verify_media import Reading


def kind_of(raw: bytes) -> str:
    """The four letters of a box."""
    return "".join(chr(c) if 32 <= c < 127 else "?" for c in raw)


def children(data: bytes, known: Mapping[str, tuple[int, int]], where: str) -> dict[str, list[bytes]]:
    """The boxes inside one, each as often as `known` (kind -> at least, at most) allows; zeroed free space is skipped."""
    found: dict[str, list[bytes]] = {}
    at = 0
    while at < len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), kind_of(data[at + 4 : at + 8])
        if length < 8 or at + length > len(data):
            raise EvidenceFault(f"a box in “{where}” does not end inside it")
        if kind == "free" and not any(data[at + 8 : at + length]):
            at += length
            continue
        if kind not in known:
            raise EvidenceFault(f"“{where}” holds a box “{kind}” that no render has")
        found.setdefault(kind, []).append(data[at + 8 : at + length])
        at += length
    for kind, (least, most) in known.items():
        if not least <= len(found.get(kind, [])) <= most:
            raise EvidenceFault(f"“{where}” holds “{kind}” {len(found.get(kind, []))} times")
    return found


def only(data: bytes, kind: str, where: str) -> bytes:
    """The one box inside."""
    return children(data, {kind: (1, 1)}, where)[kind][0]


def versioned(data: bytes, what: str, versions: tuple[int, ...] = (0,)) -> tuple[int, int, Reading]:
    """Version, flags and what follows. Raises `EvidenceFault` for a version that is not among these."""
    reading = Reading(data, f"the box “{what}”")
    head = reading.number(4)
    if head >> 24 not in versions:
        raise EvidenceFault(f"the box “{what}” is of version {head >> 24}")
    return head >> 24, head & 0xFFFFFF, reading
