"""What is true on which days, when something is said of some of them? Spans of days laid over each other. No I/O.

Spans are half-open, [from_on, until_on); an end of None is until further notice. One thing is true at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date


@dataclass(frozen=True, slots=True)
class Span:
    """`value` (an office, a supervisor, a course) on [from_on, until_on). `row`: the id of the row that says so, if one does."""

    value: str
    from_on: date
    until_on: date | None
    row: str = ""

    @property
    def end(self) -> date:
        """The end, as a day that can be compared."""
        return self.until_on or date.max

    def holds(self, on: date) -> bool:
        """Is this true on a day?"""
        return self.from_on <= on < self.end


@dataclass(frozen=True, slots=True)
class Difference:
    """What must be written so that `spans` become the others: rows to add, and rows to change (with what they were)."""

    added: tuple[Span, ...]
    changed: tuple[tuple[Span, Span], ...]


def lay_over(spans: Sequence[Span], said: Span, as_of: date) -> list[Span]:
    """The spans after somebody says `said`: it is true on its days and everything else stays.

    What is said until further notice, in a file that speaks of the day `as_of`, ends where a span begins after that day: the
    file could not know of it.
    """
    later = min(
        (s.from_on for s in spans if s.from_on > max(as_of, said.from_on) and s.until_on != s.from_on), default=None
    )  # fmt: skip
    end = said.until_on if said.until_on is not None else later
    laid = replace(said, until_on=end)
    kept: list[Span] = []
    for span in spans:
        if span.until_on == span.from_on:
            continue
        if span.end <= laid.from_on or span.from_on >= laid.end:
            kept.append(span)
            continue
        if span.from_on < laid.from_on:
            kept.append(replace(span, until_on=laid.from_on))
        if span.end > laid.end:
            kept.append(replace(span, from_on=laid.end, row=""))
    return _joined([*kept, laid])


def difference(before: Iterable[Span], after: Iterable[Span]) -> Difference:
    """From the rows that are there (also empty ones) to the spans that are wanted. A row is never removed: one that was
    never true ends as it begins."""
    there = {span.from_on: span for span in before}
    wanted = {span.from_on: span for span in after}
    added, changed = [], []
    for span in sorted(wanted.values(), key=lambda s: s.from_on):
        old = there.get(span.from_on)
        if old is None:
            added.append(span)
        elif (old.value, old.until_on) != (span.value, span.until_on):
            changed.append((old, replace(span, row=old.row)))
    for old in sorted(there.values(), key=lambda s: s.from_on):
        if old.from_on not in wanted and old.until_on != old.from_on:
            changed.append((old, replace(old, until_on=old.from_on)))
    return Difference(tuple(added), tuple(changed))


def value_at(spans: Iterable[Span], on: date) -> str | None:
    """What is true on a day, or None."""
    return next((span.value for span in spans if span.holds(on)), None)


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Spans that touch and say the same become one."""
    joined: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.from_on, s.end)):
        last = joined[-1] if joined else None
        if last is not None and last.value == span.value and last.until_on == span.from_on:
            joined[-1] = replace(last, until_on=span.until_on)
        else:
            joined.append(span)
    return joined
