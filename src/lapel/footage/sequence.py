"""Which numbers are missing in the names that a camera gave its clips? Pure.

Cameras count: CLIP0041, CLIP0042, CLIP0044. Which digits of a name are the count is found from the names themselves: digits
that in one pattern of names only rise, and nearly always by one. Dates and times are no count.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

FEWEST = 4  # names of one pattern before digits are believed to be a count
BY_ONE = 0.8  # the share of steps that have to be by one
LARGEST_STEP = 1000  # a count that leaps further was set anew
_DIGITS = re.compile(r"\d+")
_LONGEST_COUNT = 7


@dataclass(frozen=True, slots=True)
class Missing:
    """`count` clips are missing between two that are there; `at` is the place of the later one in what was given."""

    before: str
    after: str
    count: int
    at: int


def missing(names: Sequence[str]) -> list[Missing]:
    """What is missing in the names of one camera's clips, which are given in the order they were made."""
    patterns: dict[tuple[str, ...], list[int]] = {}
    for place, name in enumerate(names):
        patterns.setdefault(tuple(_DIGITS.split(name)), []).append(place)
    found: list[Missing] = []
    for places in patterns.values():
        found += _of_pattern(names, places)
    return sorted(found, key=lambda one: (one.at, one.before))


def _of_pattern(names: Sequence[str], places: Sequence[int]) -> list[Missing]:
    rows = [_DIGITS.findall(names[place]) for place in places]
    if len(rows) < FEWEST or not rows[0]:
        return []
    for field in reversed(range(len(rows[0]))):
        texts = [row[field] for row in rows]
        if max(map(len, texts)) > _LONGEST_COUNT or all(map(_is_time, texts)):
            continue
        numbers = [int(text) for text in texts]
        steps = [b - a for a, b in itertools.pairwise(numbers)]
        rising = [step for step in steps if 0 < step <= LARGEST_STEP]
        # A count may begin anew; digits that stand still or mostly fall are none.
        if len(rising) < len(steps) - 1 or steps.count(1) < BY_ONE * len(steps) or 0 in steps:
            continue
        return [
            Missing(names[places[i]], names[places[i + 1]], step - 1, places[i + 1])
            for i, step in enumerate(steps)
            if 1 < step <= LARGEST_STEP
        ]
    return []


def _is_time(text: str) -> bool:
    """Could these six digits be a time of day, or a day as YYMMDD?"""
    if len(text) != 6:
        return False
    a, b, c = int(text[:2]), int(text[2:4]), int(text[4:])
    return (a < 24 and b < 60 and c < 60) or (1 <= b <= 12 and 1 <= c <= 31)
