"""How does a track describe itself in an mp4? The sample entries of H.264, H.265 and AAC, and nothing that was not asked for.

ISO/IEC 14496-12 (boxes), 14496-15 (`avcC`, `hvcC`), 14496-14 and 14496-1 (`esds`). Pure.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

LENGTH_BYTES = 4  # of the prefix before each NAL unit


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box of up to 4 GiB."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A box with version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def avc1(width: int, height: int, aspect: tuple[int, int], sets: Sequence[bytes]) -> bytes:
    """The entry of H.264: `avcC` holds every parameter set, sequence sets (type 7) and picture sets (type 8).

    The profile, its constraints and the level are those of the first sequence set, the level the highest of all.
    """
    sequence = [unit for unit in sets if unit[0] & 31 == 7]
    picture = [unit for unit in sets if unit[0] & 31 == 8]
    profile, constraints = sequence[0][1], sequence[0][2]
    level = max(unit[3] for unit in sequence)
    record = bytes([1, profile, constraints, level, 0xFC | LENGTH_BYTES - 1, 0xE0 | len(sequence)])
    record += _sized(sequence) + bytes([len(picture)]) + _sized(picture)
    if profile in (100, 110, 122, 144):
        record += bytes([0xFC | 1, 0xF8, 0xF8, 0])  # 4:2:0, 8 bits; no sequence set extensions
    return _visual(b"avc1", width, height, box(b"avcC", record), aspect)


def hev1(width: int, height: int, aspect: tuple[int, int], head: bytes, sets: Sequence[bytes]) -> bytes:
    """The entry of H.265. `head`: the first 21 bytes of the source's `hvcC`; parameter sets may come again in band."""
    record = head[:21] + bytes([head[21] & 0xFC | LENGTH_BYTES - 1])
    kinds = [kind for kind in (32, 33, 34) if any(_hevc_type(unit) == kind for unit in sets)]
    record += bytes([len(kinds)])
    for kind in kinds:
        units = [unit for unit in sets if _hevc_type(unit) == kind]
        # The array is not complete: the sets of the groups that were encoded again come in band.
        record += struct.pack(">BH", kind, len(units)) + _sized(units)
    return _visual(b"hev1", width, height, box(b"hvcC", record), aspect)


def mp4a(sample_rate: int, channels: int, config: bytes) -> bytes:
    """The entry of AAC. `config`: the AudioSpecificConfig."""
    decoder = bytes([0x40, 0x15]) + bytes(3 + 4 + 4) + _descriptor(5, config)
    stream = struct.pack(">HB", 0, 0) + _descriptor(4, decoder) + _descriptor(6, b"\2")
    head = struct.pack(">6xH8xHHII", 1, channels, 16, 0, min(sample_rate, 0xFFFF) << 16)
    return box(b"mp4a", head, full(b"esds", 0, 0, _descriptor(3, stream)))


def _visual(kind: bytes, width: int, height: int, configuration: bytes, aspect: tuple[int, int]) -> bytes:
    head = struct.pack(">6xH16xHHII4xH32xHh", 1, width, height, 0x480000, 0x480000, 1, 24, -1)
    shape = box(b"pasp", struct.pack(">II", *aspect)) if aspect[0] and aspect[0] != aspect[1] else b""
    return box(kind, head, configuration, shape)


def _sized(units: Sequence[bytes]) -> bytes:
    return b"".join(struct.pack(">H", len(unit)) + unit for unit in units)


def _hevc_type(unit: bytes) -> int:
    return unit[0] >> 1 & 63


def _descriptor(tag: int, body: bytes) -> bytes:
    size = len(body)
    length = bytes([0x80 | size >> 21 & 127, 0x80 | size >> 14 & 127, 0x80 | size >> 7 & 127, size & 127])
    return bytes([tag]) + length + body
