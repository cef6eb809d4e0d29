"""How do events become columns that duties can be laid over? Which policy was in force on each event's day, and which facts hold when."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np

from lapel.activation.duties import NEVER_US, Happened
from lapel.activation.event import Story
from lapel.activation.match import Codes, Ints
from lapel.activation.ruling import UNKNOWN, camera_code
from lapel.base.errors import NotFound
from lapel.policy.book import agency_book
from lapel.policy.engine import Engine
from lapel.policy.library import Library
from lapel.policy.vocabulary import AGENCY, Value, Vocabulary

ALL_UNKNOWN = camera_code(UNKNOWN, UNKNOWN, UNKNOWN)
_DAY_0 = date(1970, 1, 1).toordinal()


class Books:
    """The policy of one agency on any day: an engine for each interval, or why there is none."""

    def __init__(self, library: Library, agency: str) -> None:
        self.library, self.agency = library, agency
        self._boundaries = library.boundaries(agency)
        self._known: dict[int, tuple[Engine | None, str]] = {}

    def columns(self, days: Ints) -> tuple[Codes, list[Engine | None], list[str]]:
        """For each day (counted from 1970) a row of engines, and of reasons where there is none."""
        distinct, which = np.unique(days, return_inverse=True)
        intervals = [bisect_right(self._boundaries, date.fromordinal(_DAY_0 + d)) for d in distinct.tolist()]
        for interval, day in zip(intervals, distinct.tolist(), strict=True):
            if interval not in self._known:
                self._known[interval] = self._on(date.fromordinal(_DAY_0 + day))
        used = sorted(set(intervals))
        place = {interval: i for i, interval in enumerate(used)}
        rows = np.array([place[interval] for interval in intervals], np.int32)
        found = [self._known[interval] for interval in used]
        return rows[which], [engine for engine, _ in found], [reason for _, reason in found]

    def _on(self, day: date) -> tuple[Engine | None, str]:
        try:
            return Engine(agency_book(self.library, self.agency, day)), ""
        except NotFound as error:
            return None, error.says


def happened(
    *,
    begin: Ints,
    end: Ints,
    days: Ints,
    story: Codes,
    stories: Sequence[Story],
    part: Codes,
    camera: Codes,
    books: Books,
) -> tuple[Happened, list[str]]:
    """Columns for `duties.owed`, and for each book why there is none. `story`: for each event a row of `stories`."""
    vocabulary = books.library.vocabulary
    shapes: dict[tuple[frozenset[tuple[str, Value]], ...], int] = {}
    told: list[tuple[int, list[int]]] = []
    for one in stories:
        steps = one.steps()
        key = tuple(frozenset(typed(facts, vocabulary).items()) for _, facts in steps)
        told.append((shapes.setdefault(key, len(shapes)), [after for after, _ in steps]))
    width = max((len(offsets) for _, offsets in told), default=1)
    table = np.full((len(told), width), NEVER_US, np.int64)
    for row, (_, offsets) in enumerate(told):
        table[row, : len(offsets)] = offsets
    shape_of = np.array([shape for shape, _ in told], np.int32)
    book, engines, reasons = books.columns(days)
    return Happened(
        begin, end, table[story], shape_of[story], [tuple(dict(step) for step in shape) for shape in shapes], book, engines,
        part, camera,
    ), reasons  # fmt: skip


def typed(facts: Mapping[str, object], vocabulary: Vocabulary) -> dict[str, Value]:
    """Stated facts as the engine takes them; the agency is the book's own."""
    return {
        name: vocabulary.fact(name).read(getattr(stated, "value", ""))
        for name, stated in facts.items()
        if name != AGENCY
    }
