"""What is a directive made of? Values only: clauses, grants, words left open, topics, orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from lapel.policy.condition import Condition
from lapel.policy.document import Place
from lapel.policy.outcome import Outcome

Confidence = Literal["quoted", "summary", "recalled", "invented"]
CONFIDENCES: tuple[Confidence, ...] = ("quoted", "summary", "recalled", "invented")
MEASURES = ("fleet.pre_shift_check", "fleet.docked_within", "roster.trained_before_issue", "none")
BOUND = ("officer", "agency")
ALL = "all"


@dataclass(frozen=True, slots=True)
class Life:
    """The days on which something is in force: from the first day to before `until`."""

    start: date | None = None
    until: date | None = None

    def covers(self, day: date) -> bool:
        return (self.start is None or self.start <= day) and (self.until is None or day < self.until)

    def boundaries(self) -> set[date]:
        return {day for day in (self.start, self.until) if day}


@dataclass(frozen=True, slots=True)
class Cite:
    """Where a clause comes from, and how sure we are of it."""

    source: str
    confidence: Confidence
    provisions: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Clause:
    """One numbered rule. A standing clause has no `question`: the proof ignores it, the coverage needs it."""

    id: str
    says: str
    says_digest: str
    cite: Cite
    place: Place
    question: str
    outcome: Outcome | None
    when: Condition
    subject_to: tuple[str, ...]
    life: Life
    addresses: tuple[str, ...]
    under: str
    exactly: bool
    binds: str
    measured_by: str
    note: str = ""

    @property
    def standing(self) -> bool:
        return not self.question


@dataclass(frozen=True, slots=True)
class Grant:
    """An opening that the department makes: to whom, when, and which answers it lists to which questions."""

    id: str
    to: tuple[str, ...]
    when: Condition
    lists: Mapping[str, tuple[Outcome, ...]]
    says: str
    life: Life
    place: Place
    note: str = ""

    def reaches(self, agency: str) -> bool:
        return ALL in self.to or agency in self.to


@dataclass(frozen=True, slots=True)
class Left:
    """A word that the agency defines, inside bounds; an absent bound is no bound."""

    term: str
    must_cover: Condition | None
    may_not_reach: Condition | None
    place: Place


@dataclass(frozen=True, slots=True)
class Topics:
    """What every agency policy has to contain, and in how many days from the department's version."""

    topics: tuple[str, ...]
    within_days: int
    note: str = ""

    def due_on(self, version: date) -> date:
        return version + timedelta(days=self.within_days)


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """What makes a directive an order: whom it binds, by what authority, and above which directives it stands."""

    binds: tuple[str, ...]
    authority: str
    outranks: tuple[str, ...]

    def reaches(self, agency: str) -> bool:
        return ALL in self.binds or agency in self.binds


@dataclass(frozen=True, slots=True)
class Directive:
    """A policy document as values. `version` names it; `life` is when it is in force, from its version unless it says otherwise."""

    policy: str
    title: str
    version: date
    life: Life
    adopted_by: str
    adopted_on: date | None
    follows: tuple[str, date] | None
    order: OrderTerms | None
    terms: Mapping[str, Condition]
    clauses: tuple[Clause, ...]
    grants: tuple[Grant, ...]
    left: tuple[Left, ...]
    must_address: tuple[Topics, ...]
    file: str
    digest: str
    place: Place
    note: str = ""

    @property
    def role(self) -> Literal["department", "agency", "order"]:
        if self.order:
            return "order"
        return "agency" if self.follows else "department"

    def clause(self, clause_id: str) -> Clause | None:
        return next((c for c in self.clauses if c.id == clause_id), None)
