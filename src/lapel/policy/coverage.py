"""Does each agency's policy contain what it must, and when was it adopted, and how late?

Lateness is a fact and stays one: it never makes a proof fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from lapel.policy.library import Library


@dataclass(frozen=True, slots=True)
class Covered:
    """One topic of one agency. `adopted_on` None: not yet; `days_late` counts to the adoption, or to the day asked."""

    agency: str
    topic: str
    due_on: date
    adopted_on: date | None
    days_late: int
    clauses: tuple[str, ...]

    @property
    def missing(self) -> bool:
        """Adopted, and yet no clause is about the topic."""
        return self.adopted_on is not None and not self.clauses


def coverage(library: Library, on: date) -> list[Covered]:
    """Every agency of the vocabulary × every topic that the department's version in force asks for, as of a day."""
    department = library.in_force(library.department, on)
    if department is None:
        return []
    wanted = [(topic, t.due_on(department.version)) for t in department.must_address for topic in t.topics]
    found = []
    for agency in library.vocabulary.agencies:
        own = [d for d in library.versions(agency) if d.role == "agency" and d.version <= on]
        # The first version under this policy counts: a later one does not make an early agency late.
        first = next((d for d in own if d.follows and d.follows[1] <= department.version), None)
        adopted = (first.adopted_on or first.version) if first else None
        now = library.in_force(agency, on)
        for topic, due in wanted:
            late = max(0, ((adopted or on) - due).days)
            about = (
                tuple(c.id for c in now.clauses if topic in c.addresses and c.life.covers(on)) if now else ()
            )
            found.append(Covered(agency, topic, due, adopted, late, about))
    return found
