"""Which directives are there, do they fit each other, and which are in force on a day?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from lapel.base.errors import Invalid, NotFound
from lapel.policy.directive import Directive, Grant
from lapel.policy.document import clip, nearest
from lapel.policy.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True, eq=False)
class Library:
    """A vocabulary and the directives written in it, in every version."""

    vocabulary: Vocabulary
    directives: tuple[Directive, ...]

    def versions(self, policy: str) -> tuple[Directive, ...]:
        """Every version of a policy, oldest first."""
        return tuple(sorted((d for d in self.directives if d.policy == policy), key=lambda d: d.version))

    @property
    def department(self) -> str:
        """The department's policy by name. Raises `Invalid` when there is none."""
        name = next((d.policy for d in self.directives if d.role == "department"), None)
        if name is None:
            raise Invalid(
                "No department policy was given.", next_step="Add the directive that follows no other."
            )
        return name

    @property
    def agencies(self) -> tuple[str, ...]:
        """The agencies that have a policy, in the vocabulary's order."""
        have = {d.policy for d in self.directives if d.role == "agency"}
        return tuple(agency for agency in self.vocabulary.agencies if agency in have)

    def in_force(self, policy: str, on: date) -> Directive | None:
        """The version in force on a day: the latest that has begun, unless it has ended."""
        begun = [d for d in self.versions(policy) if (d.life.start or d.version) <= on]
        return begun[-1] if begun and begun[-1].life.covers(on) else None

    def policy_of(self, agency: str, on: date) -> Directive:
        """Raises `Invalid` for an unknown agency, `NotFound` when it has no policy on that day."""
        if agency not in self.vocabulary.agencies:
            raise Invalid(
                f"“{clip(agency)}” is no agency.", next_step=nearest(agency, self.vocabulary.agencies)
            )
        found = self.in_force(agency, on)
        if found is None:
            first = next(iter(self.versions(agency)), None)
            step = f"Its first version is of {first.version}." if first else "None of its versions was given."
            raise NotFound(f"{agency} has no policy in force on {on}.", next_step=step)
        return found

    def orders(self, on: date, agency: str) -> tuple[Directive, ...]:
        """The orders in force on a day that bind an agency."""
        names = sorted({d.policy for d in self.directives if d.role == "order"})
        live = (self.in_force(name, on) for name in names)
        return tuple(d for d in live if d and d.order and d.order.reaches(agency))

    def grants(self, on: date) -> tuple[Grant, ...]:
        """The department's openings in force on a day."""
        department = self.in_force(self.department, on)
        return tuple(g for g in department.grants if g.life.covers(on)) if department else ()

    def grant(self, grant_id: str) -> Grant | None:
        """A grant of any version of the department's policy."""
        found = (g for d in self.versions(self.department) for g in d.grants if g.id == grant_id)
        return next(found, None)

    def boundaries(self, agency: str | None) -> list[date]:
        """The days on which something that concerns an agency (None: the department alone) begins or ends, in order."""
        days: set[date] = set()
        for directive in self.directives:
            order = directive.order
            concerns = directive.role == "department" or directive.policy == agency
            if concerns or (agency and order and order.reaches(agency)):
                lives = (
                    directive.life,
                    *(c.life for c in directive.clauses),
                    *(g.life for g in directive.grants),
                )
                days.update(day for life in lives for day in life.boundaries())
        return sorted(days)


def assemble(vocabulary: Vocabulary, directives: Iterable[Directive]) -> Library:
    """A library whose directives fit each other. Raises `Invalid` for the first that does not."""
    library = Library(vocabulary, tuple(directives))
    seen: dict[tuple[str, date], Directive] = {}
    roles: dict[str, str] = {}
    for directive in library.directives:
        twin = seen.setdefault((directive.policy, directive.version), directive)
        if twin is not directive:
            raise directive.place.fault(
                f"{directive.policy} has two versions of {directive.version} (the other: {twin.file}).",
                "Remove one.",
            )
        if roles.setdefault(directive.policy, directive.role) != directive.role:
            raise directive.place.fault(
                f"{directive.policy} is {roles[directive.policy]} elsewhere and {directive.role} here."
            )
    departments = [d for d in library.directives if d.role == "department"]
    for other in departments:
        if other.policy != departments[0].policy:
            raise other.place.fault(
                f"there are two departments: {departments[0].policy} and {other.policy}.",
                "An agency's policy needs follows:, an order needs order:.",
            )
    for directive in library.directives:
        _follows(library, directive)
        _outranks(library, directive, roles)
        _no_circle(library, directive)
        _grants(library, directive)
    return library


def _follows(library: Library, directive: Directive) -> None:
    if directive.follows is None:
        return
    policy, version = directive.follows
    names = {d.policy for d in library.directives if d.role == "department"}
    if policy not in names:
        raise directive.place.fault(
            f"it follows {clip(policy)}, and no department policy has that name.", nearest(policy, names)
        )
    versions = [str(d.version) for d in library.versions(policy)]
    if str(version) not in versions:
        raise directive.place.fault(
            f"it follows {policy} of {version}, which was not given.", f"Given: {', '.join(versions)}."
        )
    if directive.version < version:
        raise directive.place.fault(
            f"it is dated {directive.version}, before the policy it follows ({policy} of {version}).",
            "Correct one of the two dates.",
        )


def _outranks(library: Library, directive: Directive, roles: dict[str, str]) -> None:
    if directive.order is None:
        return
    # An order may be handed in without the agencies it binds; their names are known all the same.
    known = {*roles, *library.vocabulary.agencies}
    for name in directive.order.outranks:
        if name not in known:
            raise directive.place.fault(
                f"the order outranks {clip(name)}, and no directive has that name.", nearest(name, known)
            )


def _no_circle(library: Library, directive: Directive) -> None:
    """Refuses orders that stand above each other."""
    seen: set[str] = set()
    waiting = [directive.policy]
    while waiting:
        name = waiting.pop()
        below = {low for d in library.versions(name) if d.order for low in d.order.outranks}
        if directive.policy in below:
            raise directive.place.fault(
                f"it stands above {clip(name)}, which stands above it.",
                "Decide which one outranks the other.",
            )
        waiting += sorted(below - seen)
        seen |= below


def _grants(library: Library, directive: Directive) -> None:
    for clause in directive.clauses:
        if clause.under and library.grant(clause.under) is None:
            known = sorted({g.id for d in library.versions(library.department) for g in d.grants})
            raise clause.place.fault(
                f"it stands under the grant {clip(clause.under)}, which does not exist.",
                nearest(clause.under, known) or "Remove under.",
            )
