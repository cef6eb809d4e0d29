"""How are many situations held? One column a fact; a value that is not known is marked, never guessed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.base.errors import Invalid
from lapel.policy.vocabulary import Fact, Situation, Value

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Column:
    """The values of one fact for all rows.

    yes/no: bool. `one of`: the index of the word, uint8. `some of`: one bit a word, in the vocabulary's order, the
    narrowest unsigned type. number: int32. `known` is False where the value is not known; None: known everywhere.
    """

    values: Array
    known: Array | None = None

    def part(self, rows: slice | Array) -> Column:
        return Column(self.values[rows], None if self.known is None else self.known[rows])


@dataclass(frozen=True, slots=True)
class Columns:
    """Situations as columns; a fact without a column is unknown in every row."""

    facts: Mapping[str, Fact]
    columns: Mapping[str, Column]
    rows: int

    def part(self, rows: slice | Array) -> Columns:
        """Some of the rows."""
        count = len(range(*rows.indices(self.rows))) if isinstance(rows, slice) else len(rows)
        return Columns(self.facts, {name: column.part(rows) for name, column in self.columns.items()}, count)

    def stated(self, row: int) -> dict[str, Value]:
        """What is known of one row."""
        found: dict[str, Value] = {}
        for name, column in self.columns.items():
            if column.known is None or column.known[row]:
                found[name] = decoded(self.facts[name], int(column.values[row]))
        return found

    def with_value(self, name: str, value: Value) -> Columns:
        """The same rows with one fact the same everywhere."""
        fact = self.facts[name]
        column = Column(np.full(self.rows, coded(fact, value), dtype(fact)))
        return Columns(self.facts, {**self.columns, name: column}, self.rows)


def dtype(fact: Fact) -> type[np.generic]:
    """The type of a fact's column."""
    if fact.kind == "yes/no":
        return np.bool_
    if fact.kind == "number":
        return np.int32
    if fact.kind == "one of":
        return np.uint8 if len(fact.words) <= 256 else np.uint16
    for width, kind in ((8, np.uint8), (16, np.uint16), (32, np.uint32), (64, np.uint64)):
        if len(fact.words) <= width:
            return kind
    raise Invalid(f"{fact.name} has more than 64 members.", next_step="Split the fact in two for bulk work.")


def coded(fact: Fact, value: Value) -> int:
    """A value as its column holds it."""
    if isinstance(value, frozenset):
        return sum(1 << i for i, word in enumerate(fact.words) if word in value)
    return fact.words.index(value) if isinstance(value, str) else int(value)


def decoded(fact: Fact, code: int) -> Value:
    """A value from its column."""
    if fact.kind == "yes/no":
        return bool(code)
    if fact.kind == "number":
        return code
    if fact.kind == "one of":
        return fact.words[code]
    return frozenset(word for i, word in enumerate(fact.words) if code >> i & 1)


def of_situations(facts: Mapping[str, Fact], situations: Sequence[Situation]) -> Columns:
    """Columns of situations, each of which may leave facts out."""
    columns = {}
    for name in {name for situation in situations for name in situation}:
        fact = facts[name]
        known = np.array([name in s for s in situations], np.bool_)
        values = np.array([coded(fact, s[name]) if name in s else 0 for s in situations], dtype(fact))
        columns[name] = Column(values, None if known.all() else known)
    return Columns(facts, columns, len(situations))


def of_texts(fact: Fact, texts: Iterable[str | None], first_row: int = 1) -> Column:
    """A column of values as a person writes them; an empty one is unknown. Raises `Invalid` naming the row."""
    seen: dict[str, int] = {}
    values, known = [], []
    for row, text in enumerate(texts, first_row):
        written = "" if text is None else str(text).strip()
        known.append(bool(written))
        if written and written not in seen:
            try:
                seen[written] = coded(fact, fact.read(written))
            except Invalid as error:
                raise Invalid(f"row {row}: {error.says}", next_step=error.next_step, row=row) from None
        values.append(seen[written] if written else 0)
    mask = np.array(known, np.bool_)
    return Column(np.array(values, dtype(fact)), None if mask.all() else mask)
