"""How are numbers and names said in a sentence?"""

from __future__ import annotations

from collections.abc import Sequence


def count(number: int) -> str:
    """A small number as a word."""
    words = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    return words[number] if number < len(words) else str(number)


def names_of(names: Sequence[str]) -> str:
    """Names in a list: “TSA, OIG and FEMA”."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
