"""How many past events would a new version answer otherwise?"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from lapel.policy.book import Book
from lapel.policy.columns import Columns, of_texts
from lapel.policy.settle import IMPOSSIBLE, Settler
from lapel.policy.tables import blocks
from lapel.policy.vocabulary import AGENCY


def changed_events(old: Book, new: Book, events: Path) -> dict[tuple[str, str, str], int]:
    """For each (question, old answer, new answer) that differ, the number of rows; rows of other agencies are left out."""
    before, after = Settler(old), Settler(new)
    facts = old.vocabulary.facts
    found: Counter[tuple[str, str, str]] = Counter()
    seen = 0
    for table in blocks(events):
        count = len(next(iter(table.values()), []))
        columns = {n: of_texts(facts[n], cells, seen + 1) for n, cells in table.items() if n in facts}
        seen += count
        whole = Columns(facts, {n: c for n, c in columns.items() if n != AGENCY or not old.agency}, count)
        if old.agency and AGENCY in table:
            whole = whole.part(np.flatnonzero([cell in (old.agency, "", None) for cell in table[AGENCY]]))
        for was, now in zip(before.parts(whole), after.parts(whole), strict=True):
            for question in old.vocabulary.questions:
                pairs = np.stack([was.answers[question], now.answers[question]], axis=1)
                kinds, numbers = np.unique(pairs, axis=0, return_counts=True)
                for (first, second), number in zip(kinds.tolist(), numbers.tolist(), strict=True):
                    if IMPOSSIBLE not in (first, second):
                        values = before.answers[first].value, after.answers[second].value
                        if values[0] != values[1]:
                            found[question, *values] += number
    return dict(found)
