"""In which order are bit planes computed, so that nothing is computed twice?

A program is a list of steps, each an atom, a negation or a pair; equal steps are one step. It is written once for a book
and run on each chunk of rows. A plane is two after Kleene, what is surely so and what may be so: the same object twice
when every fact it rests on is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.policy.columns import Columns
from lapel.policy.condition import And, AtLeast, Condition, Has, In, Not, Or, Term, Yes

Plane = NDArray[np.uint64]
Sure = tuple[Plane, Plane]
Atom = Yes | In | Has | AtLeast
Step = Atom | tuple[str, int, int]

Octets = dict[str, list[NDArray[np.uint8]]]

NEVER, EVER = 0, 1


def packed(values: NDArray[Any]) -> Plane:
    """Truth values (anything but 0 is true) as a plane; the rows beyond the last are 0."""
    octets = np.packbits(values, bitorder="little")
    if len(octets) % 8:
        octets = np.concatenate([octets, np.zeros(-len(octets) % 8, np.uint8)])
    return octets.view(np.uint64)


def unpacked(plane: Plane, rows: int) -> NDArray[np.uint8]:
    """A plane as 0 or 1 a row."""
    return np.unpackbits(plane.view(np.uint8), count=rows, bitorder="little")


class Program:
    """The steps; each method adds what it needs and returns the number of its step."""

    def __init__(self) -> None:
        self.steps: list[Step] = [("never", 0, 0), ("ever", 0, 0)]
        self._seen: dict[Step, int] = {}

    def _step(self, step: Step) -> int:
        found = self._seen.get(step)
        if found is None:
            found = self._seen[step] = len(self.steps)
            self.steps.append(step)
        return found

    def negate(self, a: int) -> int:
        if a in (NEVER, EVER):
            return EVER - a
        step = self.steps[a]
        return step[1] if isinstance(step, tuple) and step[0] == "not" else self._step(("not", a, 0))

    def both(self, a: int, b: int) -> int:
        if NEVER in (a, b):
            return NEVER
        if b in (a, EVER):
            return a
        return b if a == EVER else self._step(("and", a, b))

    def either(self, a: int, b: int) -> int:
        if EVER in (a, b):
            return EVER
        if b in (a, NEVER):
            return a
        return b if a == NEVER else self._step(("or", a, b))

    def all_of(self, parts: Iterable[int]) -> int:
        return reduce(self.both, parts, EVER)

    def any_of(self, parts: Iterable[int]) -> int:
        return reduce(self.either, parts, NEVER)

    def condition(self, condition: Condition) -> int:
        """A whole condition."""
        if isinstance(condition, And):
            return self.all_of([self.condition(part) for part in condition.parts])
        if isinstance(condition, Or):
            return self.any_of([self.condition(part) for part in condition.parts])
        if isinstance(condition, Not):
            return self.negate(self.condition(condition.part))
        assert not isinstance(condition, Term)
        if isinstance(condition, In) and len(condition.values) > 1:
            return self.any_of([self._step(In(condition.fact, (value,))) for value in condition.values])
        return self._step(condition)

    def needed(self, wanted: Iterable[int]) -> frozenset[int]:
        """The wanted steps and all that they rest on."""
        found: set[int] = set()
        waiting = list(wanted)
        while waiting:
            number = waiting.pop()
            if number not in found:
                found.add(number)
                step = self.steps[number]
                waiting += step[1:] if isinstance(step, tuple) else ()
        return frozenset(found)

    def run(self, columns: Columns, needed: frozenset[int]) -> dict[int, Sure]:
        """The planes of the needed steps for these rows."""
        words = -(-columns.rows // 64)
        nothing = np.zeros(words, np.uint64)
        everything = ~nothing
        done: dict[int, Sure] = {NEVER: (nothing, nothing), EVER: (everything, everything)}
        known: dict[str, Plane | None] = {
            name: None if column.known is None else packed(column.known)
            for name, column in columns.columns.items()
        }
        octets: Octets = {}
        for number in sorted(needed - done.keys()):
            step = self.steps[number]
            if not isinstance(step, tuple):
                done[number] = _atom(step, columns, known, octets, (nothing, everything))
                continue
            word, a, b = step
            if word == "not":
                sure, may = done[a]
                surely = ~may
                done[number] = (surely, surely) if sure is may else (surely, ~sure)
                continue
            fold = np.bitwise_and if word == "and" else np.bitwise_or
            (sure, may), (other, perhaps) = done[a], done[b]
            surely = fold(sure, other)
            done[number] = (
                (surely, surely) if sure is may and other is perhaps else (surely, fold(may, perhaps))
            )
        return done


def _atom(
    atom: Atom, columns: Columns, known: dict[str, Plane | None], octets: Octets, unknown: Sure
) -> Sure:
    column = columns.columns.get(atom.fact)
    if column is None:
        return unknown
    values, fact = column.values, columns.facts[atom.fact]
    if isinstance(atom, Yes):
        plane = packed(values)
    elif isinstance(atom, AtLeast):
        plane = packed(values >= atom.number)
    elif isinstance(atom, In):
        plane = packed(values == fact.words.index(atom.values[0]))
    else:
        if atom.fact not in octets:
            octets[atom.fact] = _split(values)
        plane = packed(_members(octets[atom.fact], {fact.words.index(m) for m in atom.members}, atom.every))
    stated = known[atom.fact]
    return (plane, plane) if stated is None else (plane & stated, plane | ~stated)


def _split(values: NDArray[Any]) -> list[NDArray[np.uint8]]:
    """A set column as one array for each eight members: narrow arrays are compared several times faster."""
    width = values.dtype.itemsize
    table = np.ascontiguousarray(values, values.dtype.newbyteorder("<")).view(np.uint8).reshape(-1, width)
    return [np.ascontiguousarray(table[:, octet]) for octet in range(width)]


def _members(octets: list[NDArray[np.uint8]], members: set[int], every: bool) -> NDArray[Any]:
    """Where any, or every one, of the members is in the set; not zero means so."""
    masks = [
        np.uint8(sum(1 << (m & 7) for m in members if m >> 3 == number)) for number in range(len(octets))
    ]
    found = [
        (octet & mask) == mask if every else octet & mask
        for octet, mask in zip(octets, masks, strict=True)
        if mask
    ]
    return reduce(np.bitwise_and if every else np.bitwise_or, found)
