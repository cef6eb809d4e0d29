"""How do a rendering cell and its keeper talk? Blobs of four kinds, told apart by their first byte.

`H` what the first pass found (JSON), `P` how far it is (two numbers), `S` one sample. The cell is not believed: what it
says of copied packets is verified against the root in the log before a render is put in its place.
"""

from __future__ import annotations

import json
import struct
from typing import Any

from lapel.base.errors import Invalid
from lapel.redaction.pictures import Sample

FOUND, PROGRESS, SAMPLE = b"H", b"P", b"S"
_PROGRESS = struct.Struct(">QQ")
_SAMPLE = struct.Struct(">BBIIqqBB32s32s")


def found(facts: dict[str, Any]) -> bytes:
    """What the first pass found."""
    return FOUND + json.dumps(facts, separators=(",", ":")).encode()


def progress(done: int, total: int) -> bytes:
    """So much is done of so much."""
    return PROGRESS + _PROGRESS.pack(done, total)


def sample(one: Sample) -> bytes:
    """One sample with its bytes."""
    dts = 0 if one.dts is None else one.dts
    head = _SAMPLE.pack(
        one.track,
        one.what,
        one.unit,
        one.number,
        one.pts,
        dts,
        one.dts is None,
        one.key,
        one.rest,
        one.payload,
    )
    return SAMPLE + head + one.body


def read_found(blob: bytes) -> dict[str, Any]:
    """Raises `Invalid`."""
    try:
        facts = json.loads(blob[1:])
    except (ValueError, RecursionError):
        facts = None
    if not isinstance(facts, dict):
        raise Invalid("The parser's answer could not be read.")
    return facts


def read_progress(blob: bytes) -> tuple[int, int]:
    """Raises `Invalid`."""
    if len(blob) != 1 + _PROGRESS.size:
        raise Invalid("The parser's answer could not be read.")
    done, total = _PROGRESS.unpack(blob[1:])
    return done, total


def read_sample(blob: bytes) -> Sample:
    """Raises `Invalid`."""
    if len(blob) < 1 + _SAMPLE.size:
        raise Invalid("The parser's answer could not be read.")
    track, what, unit, number, pts, dts, no_dts, key, rest, payload = _SAMPLE.unpack_from(blob, 1)
    return Sample(
        track,
        what,
        unit,
        number,
        pts,
        None if no_dts else dts,
        blob[1 + _SAMPLE.size :],
        bool(key),
        rest,
        payload,
    )
