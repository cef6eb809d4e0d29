"""What does a policy answer in many situations, exactly, also where facts are unknown?

Rows that the bit planes decide are done: nothing unknown could matter to them. Every other row is asked of the engine,
once for each distinct situation, so that presumptions are named and missing facts listed as for a single one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.base.errors import Invalid
from lapel.policy.book import Book
from lapel.policy.columns import Columns
from lapel.policy.condition import facts_of
from lapel.policy.engine import Answer, Engine
from lapel.policy.outcome import join
from lapel.policy.planes import CHUNK, UNDETERMINED, Part, Planes
from lapel.policy.vocabulary import Value

IMPOSSIBLE = -1


@dataclass(frozen=True, slots=True)
class Settled:
    """The answers for some rows: `answers[q]` holds for each row an index into `Settler.answers`, or IMPOSSIBLE."""

    rows: slice
    answers: dict[str, NDArray[np.int32]]


class Settler:
    """A book, ready to answer for many rows as `Engine.ask` would, without what nearly spoke."""

    def __init__(self, book: Book, questions: Sequence[str] | None = None, *, strict: bool = False) -> None:
        self.book = book
        self.questions = tuple(book.vocabulary.questions if questions is None else questions)
        self.strict = strict
        self.engine = Engine(book)
        self.planes = Planes(book, self.engine)
        self.answers: list[Answer] = []
        self._places: dict[Answer, int] = {}
        self._asked: dict[bytes, dict[str, int] | None] = {}
        self._spoken: dict[tuple[str, int], int] = {}
        mentioned = [*(rule.when for rule in book.rules if rule.question), *book.always]
        self.relevant = tuple(sorted(set().union(*(facts_of(c) for c in mentioned))))

    def parts(self, columns: Columns, chunk: int = CHUNK) -> Iterator[Settled]:
        """The answers, some rows at a time."""
        columns = Columns(
            columns.facts,
            {n: columns.columns[n] for n in self.relevant if n in columns.columns},
            columns.rows,
        )
        for part in self.planes.parts(columns, self.questions, chunk):
            yield self._settled(part, columns.part(part.rows))

    def _settled(self, part: Part, columns: Columns) -> Settled:
        possible = part.bits(part.possible[0])
        decided = {name: possible & self._decided(name, part) for name in self.questions}
        found = {name: self._by_planes(name, part, decided[name]) for name in self.questions}
        waiting = np.flatnonzero(~np.logical_and.reduce(list(decided.values())))
        if len(waiting):
            for answered, rows in self._by_asking(columns, waiting):
                for name in self.questions:
                    mine = rows[~decided[name][rows]] if answered is not None else rows
                    found[name][mine] = IMPOSSIBLE if answered is None else answered[name]
        return Settled(part.rows, found)

    def _decided(self, question: str, part: Part) -> NDArray[np.bool_]:
        """Rows whose answer and speaking clauses do not depend on anything unknown."""
        decided: NDArray[np.bool_] = part.answers[question] != UNDETERMINED
        for index in self.book.about(question):
            sure, may = part.speaking[index]
            if sure is not may:
                decided &= ~part.bits(sure ^ may)
        return decided

    def _by_planes(self, question: str, part: Part, decided: NDArray[np.bool_]) -> NDArray[np.int32]:
        """For decided rows the index of their answer, one for each set of clauses that speaks."""
        found = np.full(len(decided), IMPOSSIBLE, np.int32)
        about = self.book.about(question)
        sets: NDArray[Any] = np.zeros(len(decided), np.int64)
        for number, index in enumerate(about):
            if number and number % 40 == 0:
                sets = np.unique(sets, return_inverse=True)[1].astype(np.int64)
            sets = (sets << 1) | part.bits(part.speaking[index][0])
        kinds, first, inverse = np.unique(sets[decided], return_index=True, return_inverse=True)
        rows = np.flatnonzero(decided)[first]
        places = np.empty(len(kinds), np.int32)
        for number, row in enumerate(rows):
            bit = int(row)
            speaking = [
                i for i in about if int(part.speaking[i][0].view(np.uint8)[bit >> 3]) >> (bit & 7) & 1
            ]
            places[number] = self._place_of(question, speaking)
        found[decided] = places[inverse]
        return found

    def _place_of(self, question: str, speaking: list[int]) -> int:
        mask = sum(1 << i for i in speaking)
        if (question, mask) not in self._spoken:
            asked = self.book.vocabulary.questions[question]
            joined = join(asked, (o for i in speaking if (o := self.book.rules[i].outcome)))
            keys = tuple(self.book.rules[i].key for i in speaking)
            status = "conflict" if joined.conflict else "answered" if speaking else "silent"
            answer = Answer(question, status, joined.show(asked.unit), joined, keys)  # type: ignore[arg-type]
            self._spoken[question, mask] = self._place(answer)
        return self._spoken[question, mask]

    def _place(self, answer: Answer) -> int:
        if answer not in self._places:
            self._places[answer] = len(self.answers)
            self.answers.append(answer)
        return self._places[answer]

    def _by_asking(
        self, columns: Columns, rows: NDArray[np.int64]
    ) -> Iterator[tuple[dict[str, int] | None, NDArray[np.int64]]]:
        """The rows in groups of one situation each, with the indices of its answers (None: it cannot be)."""
        keys = _keys(columns, rows)
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        order = np.argsort(inverse, kind="stable")
        ends = np.cumsum(np.bincount(inverse))
        for number, start in enumerate(first):
            members = rows[order[(ends[number - 1] if number else 0) : ends[number]]]
            key = keys[start].tobytes() + repr(sorted(columns.columns)).encode()
            if key not in self._asked:
                self._asked[key] = self._ask(columns.stated(int(members[0])))
            yield self._asked[key], members

    def _ask(self, stated: dict[str, Value]) -> dict[str, int] | None:
        try:
            found = self.engine.ask(stated, questions=self.questions, strict=self.strict, nearly=False)
        except Invalid:
            return None
        return {name: self._place(answer) for name, answer in found.items()}


def _keys(columns: Columns, rows: NDArray[np.int64]) -> NDArray[Any]:
    """One opaque value a row, equal where the same facts are known with the same values."""
    pieces = []
    for name in sorted(columns.columns):
        column = columns.columns[name]
        values = column.values[rows]
        if column.known is not None:
            known = column.known[rows]
            values = np.where(known, values, values.dtype.type(0))
            pieces.append(known.astype(np.uint8)[:, None])
        pieces.append(np.ascontiguousarray(values).view(np.uint8).reshape(len(rows), -1))
    if not pieces:
        return np.zeros(len(rows), "V1")
    table = np.ascontiguousarray(np.concatenate(pieces, axis=1))
    return table.view(np.dtype((np.void, table.shape[1]))).ravel()
