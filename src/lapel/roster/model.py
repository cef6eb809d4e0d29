"""Who wears a camera, where do they belong, who supervises them, and what are they trained for? Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Officer:
    """A person who wears a camera. `known` is False while footage alone says that this person exists.

    `office`: where they belong now; by day, see `Membership`. `left_on`: the first day they no longer serve.
    """

    id: str
    agency: str
    office: str | None
    badge: str | None
    external_id: str | None
    name: str | None
    active: bool
    known: bool
    seen_at: datetime
    job: str | None = None
    hired_on: date | None = None
    left_on: date | None = None

    @property
    def label(self) -> str:
        """What a page calls this person: the badge number where there is one, never a name."""
        return (
            f"Officer {self.badge}" if self.badge else f"Unknown wearer {(self.external_id or self.id)[:8]}"
        )


@dataclass(frozen=True, slots=True)
class Office:
    """The lowest level that owns people and cameras. `parent`: the office it is part of; `code`: what other systems call it."""

    id: str
    agency: str
    name: str
    component: str | None = None
    parent: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Component:
    """A part of an agency that has offices: Border Patrol inside Customs and Border Protection."""

    id: str
    agency: str
    name: str


@dataclass(frozen=True, slots=True)
class Membership:
    """An officer belonged to an office on the days [from_on, until_on); until_on None is until further notice."""

    id: str
    officer: str
    office: str
    from_on: date
    until_on: date | None


@dataclass(frozen=True, slots=True)
class Supervision:
    """An officer was supervised by another on the days [from_on, until_on)."""

    id: str
    officer: str
    supervisor: str
    from_on: date
    until_on: date | None


@dataclass(frozen=True, slots=True)
class Training:
    """An officer's training in a course holds on the days [from_on, until_on)."""

    id: str
    officer: str
    course: str
    from_on: date
    until_on: date | None
