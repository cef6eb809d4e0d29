"""What do these packets hash to, and which parameter sets do they use? The verifier's own formulas and NAL reading.

`docs/formats/media-tree.md`, version 1, a second time, so that the redactor's mistakes are not repeated here. H.264 (ISO/IEC
14496-10) and H.265 (23008-2), length-prefixed only. Standard library only.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from hashlib import sha256

from lapel.base.errors import EvidenceFault

Sets = dict[tuple[int, int], bytes]
_PICTURE = {"h264": frozenset(range(1, 6)), "hevc": frozenset(range(32))}
_SETS = {"h264": frozenset((7, 8)), "hevc": frozenset((32, 33, 34))}
_DELIMITER = {"h264": 9, "hevc": 35}
_NAMES = {
    ("h264", 6): "supplemental information (SEI)", ("hevc", 39): "supplemental information (SEI)",
    ("hevc", 40): "supplemental information (SEI)", ("h264", 12): "filler", ("hevc", 38): "filler",
}  # fmt: skip
NO_TIME = -(2**63)
ZERO = bytes(32)


def _u(value: int, width: int) -> bytes:
    return (value % (1 << 8 * width)).to_bytes(width, "big")


def payload_of(units: Sequence[bytes]) -> bytes:
    """The unsalted digest of a packet's picture units, or of one whole packet of sound."""
    digest = sha256(b"lapel/media/1/payload\0")
    for unit in units:
        digest.update(_u(len(unit), 4) + unit)
    return digest.digest()


def sets_of(sets: Mapping[tuple[int, int], bytes]) -> bytes:
    """The digest of parameter sets by (type, id); for sound, of its configuration as (0, 0)."""
    digest = sha256(b"lapel/media/1/sets\0")
    for (kind, number), unit in sorted(sets.items()):
        digest.update(_u(kind, 1) + _u(number, 2) + _u(len(unit), 4) + unit)
    return digest.digest()


def salt_of(key: bytes, number: int) -> bytes:
    """The salt of packet `number` under a unit key."""
    return hmac.new(key, _u(number, 4), "sha256").digest()[:16]


def packet_of(salt: bytes, pts: int, dts: int | None, payload: bytes, rest: bytes = ZERO) -> bytes:
    """The digest of a packet; times relative to the unit's start."""
    when = _u(pts, 8) + _u(NO_TIME if dts is None else dts, 8)
    return sha256(b"lapel/media/1/packet\0" + salt + when + payload + rest).digest()


def leaf_of(track: int, unit: int, start: int, packets: Sequence[bytes], config: bytes) -> bytes:
    """The hash of a unit's leaf."""
    head = b"\0lapel/media/1/unit\0" + _u(track, 2) + _u(unit, 4) + _u(start, 8)
    return sha256(head + b"".join(packets) + _u(len(packets), 4) + config).digest()


def configured(codec: str, record: bytes) -> Sets:
    """The parameter sets in an `avcC` or `hvcC`. Raises `EvidenceFault` for anything else in it."""
    sets: Sets = {}
    if codec == "h264":
        if len(record) < 7 or record[0] != 1 or record[4] & 3 != 3:
            raise EvidenceFault("the configuration of the picture is not one of a render")
        at = _take_sets(codec, record, 6, record[5] & 31, sets, kind=7)
        at = _take_sets(codec, record, at + 1, record[at] if at < len(record) else 0, sets, kind=8)
        if len(record) not in (at, at + 4) or record[at + 3 :] not in (b"", b"\0"):
            raise EvidenceFault("the configuration of the picture holds more than parameter sets")
        return sets
    if len(record) < 23 or record[0] != 1 or record[21] & 3 != 3:
        raise EvidenceFault("the configuration of the picture is not one of a render")
    at = 23
    for _ in range(record[22]):
        kind, count = (
            record[at] & 63 if at < len(record) else 0,
            int.from_bytes(record[at + 1 : at + 3], "big"),
        )
        if kind not in _SETS["hevc"]:
            raise EvidenceFault("the configuration of the picture holds more than parameter sets")
        at = _take_sets(codec, record, at + 3, count, sets, kind=kind)
    if at != len(record):
        raise EvidenceFault("the configuration of the picture holds more than parameter sets")
    return sets


def _take_sets(codec: str, record: bytes, at: int, count: int, sets: Sets, *, kind: int) -> int:
    for _ in range(count):
        size = int.from_bytes(record[at : at + 2], "big")
        unit = record[at + 2 : at + 2 + size].rstrip(b"\0")
        at += 2 + size
        if not unit or at > len(record) or _type(codec, unit) != kind:
            raise EvidenceFault("the configuration of the picture cannot be taken apart")
        place = (kind, set_id(codec, unit))
        if place in sets:
            raise EvidenceFault("the configuration of the picture holds a parameter set twice")
        sets[place] = unit
    return at


def take_apart(codec: str, sample: bytes, sets: Sets) -> list[bytes]:
    """The picture units of a sample; its parameter sets go into `sets`. Raises `EvidenceFault` for anything else in it."""
    pictures: list[bytes] = []
    at = 0
    while at < len(sample):
        size = int.from_bytes(sample[at : at + 4], "big")
        unit = sample[at + 4 : at + 4 + size].rstrip(b"\0")
        at += 4 + size
        if at > len(sample) or not unit or unit[0] & 0x80:
            raise EvidenceFault("a packet cannot be taken apart")
        kind = _type(codec, unit)
        if kind in _PICTURE[codec]:
            pictures.append(unit)
        elif kind in _SETS[codec] and not pictures:
            sets[kind, set_id(codec, unit)] = unit
        elif kind != _DELIMITER[codec] or pictures or len(unit) > 4:
            name = _NAMES.get((codec, kind), f"a NAL unit of type {kind}")
            raise EvidenceFault(f"a packet carries {name}, which is no picture")
    if not pictures:
        raise EvidenceFault("a packet holds no picture")
    return pictures


def begins_anew(codec: str, pictures: Sequence[bytes]) -> bool:
    """Is this an IDR picture, before which nothing is needed?"""
    return all(_type(codec, unit) in ((5,) if codec == "h264" else (19, 20)) for unit in pictures)


def picture_set_of(codec: str, unit: bytes) -> int:
    """The id of the picture parameter set that a slice refers to. Raises `EvidenceFault`."""
    bits = _Bits(_plain(unit[:64]))
    if codec == "h264":
        if _type(codec, unit) in (3, 4):
            bits.skip(8)
            bits.golomb()  # slice_id of a data partition
            return -1
        bits.skip(8)
        bits.golomb()
        bits.golomb()
        return bits.golomb()
    bits.skip(17)
    if 16 <= _type(codec, unit) <= 23:
        bits.skip(1)
    return bits.golomb()


def set_id(codec: str, unit: bytes) -> int:
    """The id that a parameter set gives itself. Raises `EvidenceFault`."""
    bits = _Bits(_plain(unit[:64]))
    kind = _type(codec, unit)
    if codec == "h264":
        bits.skip(32 if kind == 7 else 8)
        return bits.golomb()
    bits.skip(16)
    if kind == 32:
        return bits.read(4)
    if kind == 33:
        bits.skip(4)
        layers = bits.read(3)
        bits.skip(1 + 88 + 8)
        flags = [bits.read(2) for _ in range(layers)]
        if layers:
            bits.skip(2 * (8 - layers))
        bits.skip(sum(88 * (flag >> 1) + 8 * (flag & 1) for flag in flags))
    return bits.golomb()


def _type(codec: str, unit: bytes) -> int:
    return unit[0] & 31 if codec == "h264" else unit[0] >> 1 & 63


def _plain(unit: bytes) -> bytes:
    """Without emulation prevention: 0, 0, 3 stands for 0, 0."""
    return unit.replace(b"\0\0\3", b"\0\0")


class _Bits:
    def __init__(self, data: bytes) -> None:
        self._bits = "".join(f"{byte:08b}" for byte in data)
        self._at = 0

    def skip(self, count: int) -> None:
        self._at += count

    def read(self, count: int) -> int:
        piece = self._bits[self._at : self._at + count]
        if len(piece) != count:
            raise EvidenceFault("a parameter set or slice ends too early")
        self._at += count
        return int(piece, 2) if piece else 0

    def golomb(self) -> int:
        """ue(v)."""
        zeros = 0
        while self.read(1) == 0:
            zeros += 1
        return (1 << zeros) - 1 + self.read(zeros)
