"""What does the policy in force say of every row of an events file? Answers, deciding clauses, presumptions, what is missing."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np

from lapel.base.errors import Invalid
from lapel.policy.book import agency_book
from lapel.policy.columns import Columns, of_texts
from lapel.policy.document import clip, nearest
from lapel.policy.engine import Answer
from lapel.policy.library import Library
from lapel.policy.settle import IMPOSSIBLE, Settler
from lapel.policy.tables import Table
from lapel.policy.vocabulary import AGENCY

DAY = "on"
IMPOSSIBLE_TEXT = "impossible"


class Bulk:
    """Answers blocks of rows. Columns named as facts are facts; `agency` and `on` choose the policy; the others pass through."""

    def __init__(
        self,
        library: Library,
        questions: Sequence[str],
        agency: str,
        on: date | None,
        *,
        strict: bool = False,
    ) -> None:
        self.library, self.questions, self.agency, self.on, self.strict = (
            library,
            tuple(questions),
            agency,
            on,
            strict,
        )
        for name in self.questions:
            library.vocabulary.question(name)
        self._settlers: dict[tuple[str, date], Settler] = {}
        self._days = {a: library.boundaries(a) for a in library.vocabulary.agencies}
        self._rows = 0

    @property
    def names(self) -> list[str]:
        """The columns that are added."""
        return [*(part for name in self.questions for part in (name, f"{name}_by")), "presumed", "missing"]

    def answer(self, table: Table) -> Table:
        """The table with the answers beside it. Raises `Invalid` naming the row."""
        count = len(next(iter(table.values()), []))
        facts = self.library.vocabulary.facts
        columns = {
            n: of_texts(facts[n], cells, self._rows + 1)
            for n, cells in table.items()
            if n in facts and n != AGENCY
        }
        whole = Columns(facts, columns, count)
        added: Table = {name: [""] * count for name in self.names}
        for (agency, day), rows in self._groups(table, count).items():
            index = np.array(rows, np.int64)
            settler = self._settler(agency, day)
            for settled in settler.parts(whole.part(index)):
                self._write(added, settler.answers, index[settled.rows], settled.answers)
        self._rows += count
        return {**table, **added}

    def _groups(self, table: Table, count: int) -> Mapping[tuple[str, date], list[int]]:
        agencies = table.get(AGENCY) or [self.agency] * count
        days = table.get(DAY) or [None] * count
        found: dict[tuple[str, date], list[int]] = defaultdict(list)
        seen: dict[tuple[str | None, str | None], tuple[str, date]] = {}
        for row, pair in enumerate(zip(agencies, days, strict=True)):
            if pair not in seen:
                seen[pair] = self._group(pair[0] or self.agency, pair[1], row)
            found[seen[pair]].append(row)
        return found

    def _group(self, agency: str, day: str | None, row: int) -> tuple[str, date]:
        """The agency and the first day of the interval that a row's day lies in."""
        where = f"row {self._rows + row + 1}"
        if agency not in self._days:
            raise Invalid(
                f"{where}: “{clip(agency)}” is no agency.",
                next_step=nearest(agency, self._days) or "Give --agency.",
            )
        try:
            on = date.fromisoformat(day[:10]) if day else self.on
        except ValueError:
            raise Invalid(
                f"{where}: “{clip(day or '')}” is no day.", next_step="Write it as YYYY-MM-DD."
            ) from None
        if on is None:
            raise Invalid(f"{where}: no day.", next_step="Give --on, or a column `on`.")
        days = self._days[agency]
        place = bisect_right(days, on)
        return agency, days[place - 1] if place else on

    def _settler(self, agency: str, day: date) -> Settler:
        if (agency, day) not in self._settlers:
            book = agency_book(self.library, agency, day)
            self._settlers[agency, day] = Settler(book, self.questions, strict=self.strict)
        return self._settlers[agency, day]

    def _write(
        self,
        added: Table,
        answers: list[Answer],
        rows: np.ndarray[tuple[int], np.dtype[np.int64]],
        found: Mapping[str, object],
    ) -> None:
        for name in self.questions:
            places = np.asarray(found[name]).tolist()
            for row, place in zip(rows.tolist(), places, strict=True):
                if place == IMPOSSIBLE:
                    added[name][row] = IMPOSSIBLE_TEXT
                    continue
                answer = answers[place]
                added[name][row] = (
                    answer.value if answer.status != "undetermined" else f"undetermined: {answer.value}"
                )
                added[f"{name}_by"][row] = " ".join(answer.clauses)
                for column, words in (("presumed", answer.presumed), ("missing", answer.missing)):
                    if words:
                        before = (added[column][row] or "").split()
                        added[column][row] = " ".join(dict.fromkeys([*before, *words]))
