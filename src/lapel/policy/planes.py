"""What does a policy answer in millions of situations? Bit planes: one bit a row, 64 rows a word.

Where facts are unknown the planes follow Kleene's tables. That is sound: a row they call determined has that answer;
`settle` decides the others exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.policy.book import Book
from lapel.policy.columns import Columns
from lapel.policy.engine import Engine, Spoken
from lapel.policy.outcome import join, steps
from lapel.policy.program import Plane, Program, Sure, unpacked
from lapel.policy.vocabulary import AGENCY, Value

CHUNK = 1 << 18
UNDETERMINED = -1
_NEW = -2
_NARROW_BITS = 7
_TABLE_BITS = 16


@dataclass(frozen=True, slots=True)
class Part:
    """The answers for some rows. `answers[q]` holds for each row an index into `Planes.answers[q]`, or UNDETERMINED.

    `possible`: whether what is always so holds (surely, perhaps). `speaking`: the planes of each rule about an asked question.
    """

    rows: slice
    answers: dict[str, NDArray[Any]]
    possible: Sure
    speaking: dict[int, Sure]

    def bits(self, plane: Plane) -> NDArray[np.bool_]:
        """A plane as one truth value a row."""
        return unpacked(plane, self.rows.stop - self.rows.start).astype(np.bool_)


class Planes:
    """A book, ready to answer for many rows. `answers[q]` lists answers; it may grow with every answer met."""

    def __init__(self, book: Book, engine: Engine | None = None) -> None:
        self.book = book
        self.engine = engine or Engine(book)
        self.answers: dict[str, list[Spoken]] = {name: [] for name in book.vocabulary.questions}
        self.program = Program()
        self._speaking = self._rules()
        self._possible = self.program.all_of([self.program.condition(c) for c in book.always])
        self._features = {name: self._fixing(name) for name in self.answers}
        # Few features: their code itself is the index of the answer, and no row needs to be looked up.
        self._narrow = {name for name, found in self._features.items() if len(found) <= _NARROW_BITS}
        for name in self._narrow:
            codes = range(1 << len(self._features[name]))
            self.answers[name] = [self._coded_answer(name, code) for code in codes]
        self._tables = {
            n: np.full(1 << min(len(f), _TABLE_BITS), _NEW, np.int32) for n, f in self._features.items()
        }

    def _rules(self) -> list[int]:
        program = self.program
        met = [program.condition(rule.when) for rule in self.book.rules]
        return [
            program.both(met[i], program.negate(program.any_of([met[up] for up in sorted(rule.above)])))
            for i, rule in enumerate(self.book.rules)
        ]

    def _fixing(self, question: str) -> list[int]:
        """The steps of the features that fix the answer to a question."""
        program = self.program
        silent = program.negate(program.any_of([self._speaking[i] for i in self.book.about(question)]))
        found = []
        for indices, silence in steps(self.book.vocabulary.questions[question], self.book.outcomes(question)):
            spoken = program.any_of([self._speaking[i] for i in sorted(indices)])
            found.append(program.either(spoken, silent) if silence else spoken)
        return found

    def _coded_answer(self, question: str, code: int) -> Spoken:
        """The answer whose features have this code: what all clauses say together that no false feature excludes."""
        asked, outcomes = self.book.vocabulary.questions[question], self.book.outcomes(question)
        features = steps(asked, outcomes)
        held = [bool(code >> (len(features) - 1 - number) & 1) for number in range(len(features))]
        if asked.together == "longest" and held[0]:
            return Spoken(join(asked, ()), ())
        silent = frozenset(
            i for (indices, _), holds in zip(features, held, strict=True) if not holds for i in indices
        )
        return Spoken(join(asked, (o for i, o in enumerate(outcomes) if o and i not in silent)), ())

    def parts(
        self, columns: Columns, questions: Sequence[str] | None = None, chunk: int = CHUNK
    ) -> Iterator[Part]:
        """The answers, some rows at a time, so that memory stays bounded. The agency is the book's."""
        asked = list(self.answers) if questions is None else questions
        rules = [i for i, rule in enumerate(self.book.rules) if rule.question in asked]
        wanted = [
            self._possible,
            *(self._speaking[i] for i in rules),
            *(s for name in asked for s in self._features[name]),
        ]
        needed = self.program.needed(wanted)
        for start in range(0, columns.rows, chunk):
            rows = slice(start, min(start + chunk, columns.rows))
            yield self._part(rows, columns.part(rows), asked, rules, needed)

    def _part(
        self,
        rows: slice,
        columns: Columns,
        asked: Sequence[str],
        rules: Sequence[int],
        needed: frozenset[int],
    ) -> Part:
        if self.book.agency:
            columns = columns.with_value(AGENCY, self.book.agency)
        done = self.program.run(columns, needed)
        answers = {
            name: self._answer(name, columns, [done[i] for i in self._features[name]]) for name in asked
        }
        return Part(rows, answers, done[self._possible], {i: done[self._speaking[i]] for i in rules})

    def _answer(self, question: str, columns: Columns, features: list[Sure]) -> NDArray[Any]:
        code = _coded([sure for sure, _ in features], columns.rows)
        unsure = [sure ^ may for sure, may in features if sure is not may]
        settled = None
        if unsure:
            settled = unpacked(~np.bitwise_or.reduce(unsure), columns.rows).astype(np.bool_)
        found = code if question in self._narrow else self._decoded(question, code, columns, settled)
        if settled is not None:
            found[~settled] = UNDETERMINED
        return found

    def _decoded(
        self, question: str, code: NDArray[Any], columns: Columns, settled: NDArray[np.bool_] | None
    ) -> NDArray[np.int32]:
        """Codes of features as indices of answers; a code met for the first time is decided once, for one of its rows."""
        table = self._tables[question]
        if len(self._features[question]) > _TABLE_BITS:
            kinds, code = np.unique(code, return_inverse=True)
            table = np.full(len(kinds), _NEW, np.int32)
        while True:
            found: NDArray[np.int32] = table[code]
            new = found == _NEW if settled is None else (found == _NEW) & settled
            row = int(new.argmax())
            if not new[row]:
                return found
            table[code[row]] = self._index(question, self.engine.decide(self._whole(columns, row))[question])

    def _index(self, question: str, spoken: Spoken) -> int:
        known = self.answers[question]
        for index, other in enumerate(known):
            if other.joined == spoken.joined:
                return index
        known.append(Spoken(spoken.joined, ()))
        return len(known) - 1

    def _whole(self, columns: Columns, row: int) -> dict[str, Value]:
        """A row with its unknown facts ordinary: they cannot matter where the answer is determined."""
        return {**self.book.ordinary, **columns.stated(row)}


def _coded(planes: Sequence[Plane], rows: int) -> NDArray[Any]:
    """One number a row out of one bit a plane; squeezed when there are more planes than bits."""
    width: type[Any] = (
        np.int8 if len(planes) <= _NARROW_BITS else np.int32 if len(planes) <= _TABLE_BITS else np.int64
    )
    code: NDArray[Any] = np.zeros(rows, width)
    for number, plane in enumerate(planes):
        if number and number % 40 == 0:
            code = np.unique(code, return_inverse=True)[1].astype(width)
        code += code  # a shift by one place, which numpy does more slowly
        bit = unpacked(plane, rows)
        code |= bit.view(width) if width is np.int8 else bit
    return code
