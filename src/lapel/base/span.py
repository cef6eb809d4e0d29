"""What is a stretch of time, and what is left when others are taken away? Half-open, [start, end)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from lapel.base.errors import Invalid


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open stretch [start, end) of aware instants; it may be empty. Raises `Invalid` when it ends before it starts."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise Invalid(f"A stretch of time ends ({self.end}) before it starts ({self.start}).")

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    def overlaps(self, other: Span) -> bool:
        """Do the two share any time? Stretches that only touch do not."""
        return self.start < other.end and other.start < self.end


def union(spans: Iterable[Span]) -> list[Span]:
    """The same time without overlaps: sorted, disjoint, touching stretches joined, empty ones gone."""
    joined: list[Span] = []
    for span in sorted(s for s in spans if s.start < s.end):
        if joined and span.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return joined


def minus(whole: Span, taken: Iterable[Span]) -> list[Span]:
    """What is left of `whole` when `taken` is removed."""
    left: list[Span] = []
    start = whole.start
    for span in union(taken):
        if span.end <= start or span.start >= whole.end:
            continue
        if span.start > start:
            left.append(Span(start, span.start))
        start = max(start, span.end)
    if start < whole.end:
        left.append(Span(start, whole.end))
    return left
