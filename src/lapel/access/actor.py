"""Who is asking? Values only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple

from lapel.storage.postgres import Scope

Role = Literal[
    "officer",
    "supervisor",
    "custodian",
    "records",
    "investigator",
    "outside",
    "inspector",
    "policy",
    "administrator",
]
# Whose lists hold every recording of the agency; an officer sees their own, a supervisor a unit's.
WHOLE: Final[tuple[Role, ...]] = ("custodian", "records", "investigator", "inspector")
# Who sees any footage at all. Somebody from outside sees only what a share shows them, an administrator nothing.
FOOTAGE: Final[tuple[Role, ...]] = (*WHOLE, "officer", "supervisor")


class Grant(NamedTuple):
    """A role in an agency; with `office`, in that office alone."""

    agency: str
    role: Role
    office: str | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """Which recordings a person's lists hold: all of some agencies, those of some offices, those an officer wore.

    The agencies are apart from each other: an office or a wearer counts in `agencies` only.
    """

    agencies: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    offices: tuple[str, ...] = ()
    wearers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Actor:
    """A person with a session. `agency` is the home agency; `officer` the officer this person is, if one.

    `agency_in_view` narrows lists to one agency; None means every agency in which the person may see footage. `source`
    is where the request came from, as custody entries name it. `acts`: those that the token was made for by which a program
    asks in this person's name; None for the person. `session` marks the session, without being a key to it.
    """

    account: str
    name: str
    agency: str
    grants: frozenset[Grant]
    agency_in_view: str | None = None
    ends_at: datetime | None = None
    officer: str | None = None
    source: str = ""
    acts: frozenset[str] | None = None
    session: str = ""

    @property
    def id(self) -> str:
        """How the custody log names this person."""
        return f"account:{self.account}"

    @property
    def agencies(self) -> tuple[str, ...]:
        """Every agency in which this person holds any grant, sorted."""
        return tuple(sorted({grant.agency for grant in self.grants}))

    @property
    def footage_of(self) -> tuple[str, ...]:
        """The agencies of whose footage this person sees anything, sorted. Being an administrator shows nothing."""
        return self.agencies_as(*FOOTAGE)

    @property
    def in_view(self) -> tuple[str, ...]:
        """The agencies that lists show now."""
        if self.agency_in_view in self.footage_of:
            return (self.agency_in_view,)
        return self.footage_of

    def agencies_as(self, *roles: Role) -> tuple[str, ...]:
        """The agencies in which this person holds one of these roles, sorted."""
        return tuple(sorted({grant.agency for grant in self.grants if grant.role in roles}))

    def roles_in(self, agency: str, office: str | None = None) -> frozenset[Role]:
        """The roles this person holds in an agency for something of this office; one for an office counts there alone."""
        return frozenset(g.role for g in self.grants if g.agency == agency and g.office in (None, office))

    def may(self, role: Role, agency: str) -> bool:
        """Does this person hold this role in this agency, in whichever office?"""
        return any((g.agency, g.role) == (agency, role) for g in self.grants)

    def offices_as(self, role: Role, agency: str) -> frozenset[str]:
        """The offices for which this person holds a role."""
        return frozenset(g.office for g in self.grants if (g.agency, g.role) == (agency, role) and g.office)

    def reach(self, agencies: Iterable[str] | None = None, supervised: Iterable[str] = ()) -> Reach:
        """Which recordings lists hold, of these agencies or, without, of those in view.

        `supervised`: the officers whom the roster says this person supervises; a supervisor's grant without an office
        means them.
        """
        wanted = self.in_view if agencies is None else tuple(a for a in agencies if a in self.footage_of)
        held = [grant for grant in self.grants if grant.agency in wanted]
        seen = {g.office for g in held if g.role in (*WHOLE, "supervisor") and g.office}
        wearers = set(supervised) if any(g.role == "supervisor" and not g.office for g in held) else set()
        if self.officer and any(g.role == "officer" for g in held):
            wearers.add(self.officer)
        return Reach(
            agencies=wanted,
            whole=tuple(sorted({g.agency for g in held if g.role in WHOLE and not g.office})),
            offices=tuple(sorted(seen)),
            wearers=tuple(sorted(wearers)),
        )

    def scope(self) -> Scope:
        """What a transaction of this person sees: the agencies of whose footage they see anything.

        Row-level security keeps agencies apart, and restricted recordings from who is not named; which recordings of an
        agency its own people see is `permit`'s answer, and `reach` for lists.
        """
        return Scope(self.id, self.footage_of, self.source, self.session)

    def scope_in(self, *agencies: str) -> Scope:
        """What a transaction sees that `permit` has allowed in these agencies, and no other."""
        return Scope(self.id, agencies, self.source, self.session)

    def home(self) -> Scope:
        """What a transaction about the account itself sees: its home agency, where its custody entries belong."""
        return Scope(self.id, (self.agency,), self.source)
