"""Which groups of pictures, and which packets of sound, must not be copied? Pure.

A *touched* unit is decoded and encoded again. The reasons, in the words of the manifest: `hide` (something in it is to be
hidden), `edit list` (pictures in it are hidden by the container and must not come to light), `damaged` (a packet in it
cannot be taken apart), `whole` (the track has to be encoded again as a whole).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HIDE, EDIT_LIST, DAMAGED, WHOLE = "hide", "edit list", "damaged", "whole"


@dataclass(frozen=True, slots=True)
class UnitSpan:
    """One unit of a video track: when it is shown, [begins, ends) in microseconds, and what is odd about it."""

    begins_us: int
    ends_us: int
    hidden: bool = False
    damaged: bool = False


def touched_units(units: Sequence[UnitSpan], spans: Sequence[tuple[int, int]]) -> dict[int, str]:
    """The units that cannot be copied, and why. `spans`: what is to be hidden, in order and without overlaps."""
    found: dict[int, str] = {}
    for number, unit in enumerate(units):
        if meets(spans, unit.begins_us, unit.ends_us):
            found[number] = HIDE
        elif unit.hidden:
            found[number] = EDIT_LIST
        elif unit.damaged:
            found[number] = DAMAGED
    return found


def meets(spans: Sequence[tuple[int, int]], begins_us: int, ends_us: int) -> bool:
    """Does [begins, ends) share an instant with one of the spans (in order, without overlaps)?"""
    at = bisect_right(spans, (begins_us, begins_us)) - 1
    candidates: Iterable[tuple[int, int]] = spans[max(0, at) : at + 3]
    return any(begins < ends_us and begins_us < ends for begins, ends in candidates)


def micro(ticks: int, time_base: tuple[int, int], *, up: bool = False) -> int:
    """Ticks as microseconds, rounded down, or up."""
    scaled = ticks * time_base[0] * 1_000_000
    return -(-scaled // time_base[1]) if up else scaled // time_base[1]
