"""Which NAL units is a coded picture made of, and what is each of them?

H.264 (ISO/IEC 14496-10) and H.265 (ISO/IEC 23008-2), in both framings: with length prefixes, as in mp4 and mkv
(ISO/IEC 14496-15), and with start codes, as in transport streams (Annex B). Pure: bytes in, views of them out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from lapel.base.errors import Invalid


class Part(IntEnum):
    """What a NAL unit is to the media tree."""

    PICTURE = 0
    FIRST_PICTURE = 1  # of an IDR picture: a new unit begins
    PARAMETERS = 2
    IGNORED = 3  # access unit delimiters and filler: framing that muxers add and drop
    REST = 4  # everything else, SEI first of all


@dataclass(frozen=True, slots=True)
class Codec:
    """How one codec numbers its NAL units: the part for each type, and where the type stands in the header."""

    name: str
    parts: tuple[Part, ...]
    shift: int
    header_bytes: int
    sei: frozenset[int]

    def type_of(self, first_byte: int) -> int:
        """The NAL unit type, from the first byte of the header."""
        return (first_byte >> self.shift) & (len(self.parts) - 1)


def _parts(count: int, **types: tuple[int, ...]) -> tuple[Part, ...]:
    by_type = {number: Part[part] for part, numbers in types.items() for number in numbers}
    return tuple(by_type.get(number, Part.REST) for number in range(count))


H264 = Codec(
    "h264",
    _parts(32, PICTURE=(1, 2, 3, 4), FIRST_PICTURE=(5,), PARAMETERS=(7, 8, 13, 15), IGNORED=(9, 12)),
    shift=0,
    header_bytes=1,
    sei=frozenset({6}),
)
H265 = Codec(
    "hevc",
    _parts(
        64,
        PICTURE=(*range(19), *range(21, 32)),
        FIRST_PICTURE=(19, 20),
        PARAMETERS=(32, 33, 34),
        IGNORED=(35, 38),
    ),
    shift=1,
    header_bytes=2,
    sei=frozenset({39, 40}),
)
CODECS = {codec.name: codec for codec in (H264, H265)}


def split_prefixed(packet: memoryview, length_bytes: int) -> list[memoryview]:
    """The NAL units of a packet with length prefixes, trailing zero bytes removed, empty ones left out.

    Raises `Invalid` when the prefixes do not add up to the packet.
    """
    units: list[memoryview] = []
    at, end = 0, len(packet)
    while at < end:
        start = at + length_bytes
        at = start + int.from_bytes(packet[at:start], "big")
        if start > end or at > end:
            raise Invalid("The lengths of the NAL units do not add up to the packet.")
        if at > start:
            units.append(_without_trailing_zeros(packet[start:at]))
    return [unit for unit in units if unit]


def split_start_codes(packet: memoryview) -> list[memoryview]:
    """The NAL units of a packet with start codes (Annex B), start codes and trailing zero bytes removed.

    Raises `Invalid` when the packet does not begin with a start code.
    """
    whole = packet.obj if isinstance(packet.obj, bytes) and len(packet.obj) == len(packet) else bytes(packet)
    at = whole.find(b"\0\0\1")
    if at < 0 or whole[:at].strip(b"\0"):
        raise Invalid("The packet does not begin with a start code.")
    units: list[memoryview] = []
    while at >= 0:
        start = at + 3
        at = whole.find(b"\0\0\1", start)
        units.append(_without_trailing_zeros(packet[start : at if at >= 0 else len(whole)]))
    return [unit for unit in units if unit]


def _without_trailing_zeros(unit: memoryview) -> memoryview:
    if not len(unit) or unit[-1]:
        return unit
    return unit[: len(bytes(unit).rstrip(b"\0"))]


def unescape(unit: bytes | memoryview) -> bytes:
    """The payload of a NAL unit without its emulation prevention bytes (H.264 §7.4.1, H.265 §7.4.2)."""
    raw = bytes(unit)
    if b"\0\0\3" not in raw:
        return raw
    parts: list[bytes] = []
    at = 0
    while (found := raw.find(b"\0\0\3", at)) >= 0:
        parts.append(raw[at : found + 2])
        at = found + 3
    parts.append(raw[at:])
    return b"".join(parts)


def length_bytes(codec: Codec, extradata: bytes) -> int | None:
    """How many bytes a length prefix has, from the codec's configuration record; None means start codes."""
    at = 21 if codec is H265 else 4
    if extradata[:1] != b"\1" or len(extradata) <= at:
        return None
    return (extradata[at] & 3) + 1


def configured(codec: Codec, extradata: bytes) -> list[memoryview]:
    """The NAL units that the codec's configuration carries: `avcC`, `hvcC` (ISO/IEC 14496-15 §5.3.3, §8.3.3) or Annex B.

    What is malformed is left out: a configuration that says nothing is a fact like another.
    """
    view = memoryview(extradata)
    if length_bytes(codec, extradata) is None:
        try:
            return split_start_codes(view) if extradata else []
        except Invalid:
            return []
    return _of_hvcc(view) if codec is H265 else _of_avcc(view)


def _of_avcc(record: memoryview) -> list[memoryview]:
    units: list[memoryview] = []
    at = 5
    for mask in (0x1F, 0xFF):
        if at >= len(record):
            break
        count, at = record[at] & mask, at + 1
        at = _take(record, at, count, units)
    return units


def _of_hvcc(record: memoryview) -> list[memoryview]:
    units: list[memoryview] = []
    if len(record) < 23:
        return units
    at = 23
    for _ in range(record[22]):
        count, at = int.from_bytes(record[at + 1 : at + 3], "big"), at + 3
        at = _take(record, at, count, units)
    return units


def _take(record: memoryview, at: int, count: int, units: list[memoryview]) -> int:
    for _ in range(count):
        size = int.from_bytes(record[at : at + 2], "big")
        unit = _without_trailing_zeros(record[at + 2 : at + 2 + size])
        at += 2 + size
        if unit and at <= len(record):
            units.append(unit)
        if at >= len(record):
            break
    return at


NO_ID = 0xFFFF


def parameter_id(codec: Codec, unit: bytes | memoryview) -> int:
    """The id that a parameter set gives itself (0 to 255), or `NO_ID` where it cannot be read."""
    raw = unescape(unit[:64])
    kind = codec.type_of(raw[0])
    bits = Bits(raw)
    bits.skip(8 * codec.header_bytes)
    if codec is H265:
        if kind == 32:
            return bits.take(4)
        if kind == 33:
            _skip_profile_tier_level(bits)
    elif kind in (7, 15):
        bits.skip(24)
    found = bits.exp_golomb()
    return found if 0 <= found <= 255 else NO_ID


def _skip_profile_tier_level(bits: Bits) -> None:
    """H.265 §7.3.2.2.1 and §7.3.3, up to the id of the sequence parameter set."""
    bits.skip(4)
    layers = bits.take(3)
    bits.skip(1 + 88 + 8)
    present = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    if layers:
        bits.skip(2 * (8 - layers))
    for profile, level in present:
        bits.skip(88 * profile + 8 * level)


class Bits:
    """A cursor over bits, most significant first; zeros beyond the end."""

    def __init__(self, raw: bytes) -> None:
        self._value = int.from_bytes(raw, "big")
        self._left = 8 * len(raw)

    def skip(self, count: int) -> None:
        self._left -= count

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            return 0
        return (self._value >> self._left) & ((1 << count) - 1)

    def exp_golomb(self) -> int:
        """ue(v) of H.264 §9.1; -1 when it does not end within 16 bits."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 16 or self._left <= 0:
                return -1
        return (1 << zeros) - 1 + self.take(zeros)
