"""Is this value of a manifest one that can be? Each reader raises `Invalid` naming the place. Pure, standard library only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from lapel.base.errors import Invalid

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,18})\Z")
MAX_SAMPLES = 50_000_000
MAX_BYTES = 128 << 20


def run_of(items: Any, start: int, place: str) -> list[int | None]:
    """The values that [[step, times], …] stand for."""
    found: list[int | None] = []
    last = start
    for item in list_of(items, place):
        if not isinstance(item, list) or len(item) != 2:
            raise Invalid(f"{place} is not made of pairs.")
        step = None if item[0] is None else whole_of(item[0], place, least=-(2**53))
        times = whole_of(item[1], place, least=1)
        if len(found) + times > MAX_SAMPLES:
            raise Invalid(f"{place} has more packets than are read.")
        for _ in range(times):
            last = last if step is None else last + step
            found.append(None if step is None else last)
    return found


def rests_of(items: Any, count: int, place: str) -> dict[int, bytes]:
    """Pairs of a packet and a digest. Raises `Invalid`."""
    found: dict[int, bytes] = {}
    for item in list_of(items, place):
        if not isinstance(item, list) or len(item) != 2:
            raise Invalid(f"{place} is not made of pairs.")
        number = whole_of(item[0], place)
        if number >= count or number in found:
            raise Invalid(f"{place} names a packet that is not there, or one twice.")
        found[number] = hex_of(item[1], 32, place)
    return found


def packets_of(items: Any, count: int, place: str) -> tuple[tuple[str, bytes], ...]:
    """What became of each packet. Raises `Invalid`."""
    found = []
    for item in list_of(items, place):
        if not isinstance(item, list) or len(item) != 2 or item[0] not in ("c", "s", "x"):
            raise Invalid(f"{place} is not made of c, s or x and a value.")
        found.append((item[0], hex_of(item[1], 16 if item[0] == "c" else 32, place)))
    if len(found) != count:
        raise Invalid(f"{place} are not as many as the times.")
    return tuple(found)


def sets_of(items: Any, place: str) -> tuple[tuple[int, int, bytes], ...]:
    """Parameter sets: type, id, bytes. Raises `Invalid`."""
    found = []
    for item in list_of(items, place):
        if not isinstance(item, list) or len(item) != 3:
            raise Invalid(f"{place} is not made of type, id and set.")
        found.append((whole_of(item[0], place), whole_of(item[1], place), hex_of(item[2], None, place)))
    if len({one[:2] for one in found}) != len(found):
        raise Invalid(f"{place} has a set twice.")
    return tuple(found)


def leaves_of(value: Any, place: str) -> tuple[bytes, ...]:
    """Leaf hashes, one after the other. Raises `Invalid`."""
    raw = hex_of(value, None, f"{place}.leaves", limit=MAX_BYTES)
    if len(raw) % 32:
        raise Invalid(f"{place}.leaves are not of 32 bytes each.")
    return tuple(raw[at : at + 32] for at in range(0, len(raw), 32))


def list_of(value: Any, place: str) -> Sequence[Any]:
    """A list. Raises `Invalid`."""
    if not isinstance(value, list):
        raise Invalid(f"{place} is not a list.")
    return value


def pair_of(value: Any, place: str) -> tuple[int, int]:
    """Two whole numbers. Raises `Invalid`."""
    pair = [whole_of(one, place, least=-(2**53)) for one in list_of(value, place)]
    if len(pair) != 2:
        raise Invalid(f"{place} is not a pair.")
    return pair[0], pair[1]


def whole_of(value: Any, place: str, *, least: int = 0) -> int:
    """A whole number. Raises `Invalid`."""
    if type(value) is not int or not least <= value <= 2**53:
        raise Invalid(f"{place} has a number that cannot be.")
    return value


def ticks_of(value: Any, place: str) -> int:
    """A number of ticks, as text. Raises `Invalid`."""
    if not isinstance(value, str) or not _INTEGER.match(value):
        raise Invalid(f"{place} is no number of ticks.")
    return int(value)


def text_of(value: Any, place: str, limit: int = 2000) -> str:
    """A text that can be shown. Raises `Invalid`."""
    if not isinstance(value, str) or len(value) > limit or not value.isprintable():
        raise Invalid(f"{place} is not a text that can be shown.")
    return value


def hex_of(value: Any, size: int | None, place: str, limit: int = 1 << 20) -> bytes:
    """Bytes in lower case hex. Raises `Invalid`."""
    sized = isinstance(value, str) and len(value) <= limit and (size is None or len(value) == 2 * size)
    if not sized or len(value) % 2 or not re.fullmatch("[0-9a-f]*", value):
        raise Invalid(f"{place} is not a value in lower case hex of the right length.")
    return bytes.fromhex(value)
