"""Who had which camera when, and what was believed of it at which time?

A span says two things: that an officer had a camera from `begins_at` to `ends_at` (valid time), and that this was
believed from `known_from` to `known_until` (known time). Nothing is ever changed or removed: a correction ends a belief
and begins another, so that

- what is believed of any instant, as known at any earlier time, is the same for ever;
- whoever was told something by this calendar can be shown that it was so told, and what took its place.

All stretches are half-open; an end of None is "until further notice". No I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Literal

from lapel.base.errors import Conflict, Invalid

FOR_EVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Assignment:
    """An officer had a camera on [begins_at, ends_at), as believed on [known_from, known_until)."""

    camera: str
    officer: str
    begins_at: datetime
    ends_at: datetime | None
    id: str
    known_from: datetime
    known_until: datetime | None = None
    reason: str = ""
    by: str = ""
    replaces: str | None = None

    @property
    def end(self) -> datetime:
        """The end, as an instant that can be compared."""
        return self.ends_at or FOR_EVER

    def holds_at(self, instant: datetime) -> bool:
        """Is this instant inside the span?"""
        return self.begins_at <= instant < self.end

    def believed_at(self, known_at: datetime | None) -> bool:
        """Was this believed at that time? None: now, which is when no end of the belief is known."""
        if known_at is None:
            return self.known_until is None
        return self.known_from <= known_at and (self.known_until is None or known_at < self.known_until)


@dataclass(frozen=True, slots=True)
class Change:
    """What a correction does: these beliefs end at `at`, and these begin."""

    at: datetime
    ended: tuple[Assignment, ...]
    begun: tuple[Assignment, ...]

    def applied(self, spans: Iterable[Assignment]) -> list[Assignment]:
        """The calendar after the change."""
        gone = {span.id for span in self.ended}
        kept = [replace(span, known_until=self.at) if span.id in gone else span for span in spans]
        return [*kept, *self.begun]


@dataclass(frozen=True, slots=True)
class Clash:
    """Two spans that cannot both be right, and the time they share: for a person to resolve."""

    kind: Literal["camera on two wearers", "wearer with two cameras"]
    first: Assignment
    second: Assignment

    @property
    def begins_at(self) -> datetime:
        """When the two begin to overlap."""
        return max(self.first.begins_at, self.second.begins_at)

    @property
    def ends_at(self) -> datetime | None:
        """When they no longer do; None: they still do."""
        end = min(self.first.end, self.second.end)
        return None if end == FOR_EVER else end


def believed(spans: Iterable[Assignment], known_at: datetime | None = None) -> list[Assignment]:
    """The spans that were believed at a time (None: now), by camera and beginning."""
    there = [span for span in spans if span.believed_at(known_at)]
    return sorted(there, key=lambda s: (s.camera, s.begins_at, s.officer, s.id))


def at(spans: Iterable[Assignment], instant: datetime, known_at: datetime | None = None) -> list[Assignment]:
    """Who had which camera at `instant`, as believed at `known_at`."""
    return [span for span in believed(spans, known_at) if span.holds_at(instant)]


def assign(span: Assignment) -> Change:
    """Believe a new span. Raises `Invalid` for one that ends before it begins, is empty, or has no reason."""
    _check(span)
    return Change(span.known_from, (), (span,))


def give_back(
    spans: Sequence[Assignment],
    camera: str,
    when: datetime,
    *,
    now: datetime,
    ids: Iterable[str],
    reason: str,
    by: str,
) -> Change:
    """The camera came back at `when`: what holds then ends there. Raises `Conflict` when nobody had it then."""
    open_then = [span for span in believed(spans) if span.camera == camera and span.holds_at(when)]
    if not open_then:
        raise Conflict(
            "Nobody has that camera at that time, as far as is known.",
            next_step="Look at its calendar; correct a span if it is wrong.",
        )
    begun = [
        replace(
            span,
            id=new,
            ends_at=when,
            known_from=now,
            known_until=None,
            reason=reason,
            by=by,
            replaces=span.id,
        )
        for span, new in zip(open_then, ids, strict=False)
        if span.begins_at < when
    ]
    return _changed(now, open_then, begun)


def correct(wrong: Assignment, right: Assignment | None, *, now: datetime) -> Change:
    """Believe `right` instead of `wrong`; None: the span never was.

    Raises `Conflict` when `wrong` is no longer believed, `Invalid` for a `right` that cannot be or changes nothing.
    """
    if wrong.known_until is not None:
        raise Conflict(
            "That span was corrected meanwhile, so this correction was not made.",
            next_step="Read the calendar again.",
        )
    if right is None:
        return _changed(now, [wrong], [])
    if _facts(right) == _facts(wrong):
        raise Invalid(
            "The correction says what the calendar says already.", next_step="Change something in it."
        )
    return _changed(now, [wrong], [replace(right, known_from=now, known_until=None, replaces=wrong.id)])


def clashes(spans: Iterable[Assignment], known_at: datetime | None = None) -> list[Clash]:
    """Every pair of believed spans that put one camera on two wearers, or two cameras on one wearer, at once."""
    there = believed(spans, known_at)
    found: list[Clash] = []
    for camera in _overlapping(there, lambda s: s.camera):
        found += [Clash("camera on two wearers", a, b) for a, b in camera if a.officer != b.officer]
    for wearer in _overlapping(there, lambda s: s.officer):
        found += [Clash("wearer with two cameras", a, b) for a, b in wearer if a.camera != b.camera]
    return sorted(found, key=lambda c: (c.begins_at, c.kind, c.first.id, c.second.id))


def _overlapping(spans: Iterable[Assignment], by: object) -> Iterable[list[tuple[Assignment, Assignment]]]:
    """For each camera or wearer the pairs of spans that share time, by a sweep over their beginnings."""
    key = by
    assert callable(key)
    for _, group in groupby(sorted(spans, key=lambda s: (key(s), s.begins_at, s.id)), key=key):
        pairs: list[tuple[Assignment, Assignment]] = []
        going: list[Assignment] = []
        for span in group:
            going = [other for other in going if other.end > span.begins_at]
            pairs += [(other, span) for other in going]
            going.append(span)
        yield pairs


def _facts(span: Assignment) -> tuple[str, str, datetime, datetime | None]:
    return span.camera, span.officer, span.begins_at, span.ends_at


def _changed(now: datetime, ended: Sequence[Assignment], begun: Sequence[Assignment]) -> Change:
    for span in ended:
        if now < span.known_from:
            raise Invalid(
                "A belief cannot end before it began.", next_step="Set this machine's clock, then repeat."
            )
    for span in begun:
        _check(span)
    return Change(now, tuple(ended), tuple(begun))


def _check(span: Assignment) -> None:
    if span.begins_at.tzinfo is None or (span.ends_at is not None and span.ends_at.tzinfo is None):
        raise Invalid("A span without a time zone cannot be kept.", next_step="Give the time zone.")
    if span.end <= span.begins_at:
        raise Invalid(
            f"The span ends ({span.ends_at}) before it begins or as it begins ({span.begins_at}).",
            next_step="Correct its end, or withdraw it.",
        )
    if not span.reason.strip():
        raise Invalid("What the calendar is told needs a reason.", next_step="Say why, in some words.")
