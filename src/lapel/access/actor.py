"""Who is asking? Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from lapel.storage.postgres import Scope

Permission = Literal["custodian", "administrator"]


@dataclass(frozen=True, slots=True)
class Actor:
    """A person with a session. `agency` is the home agency; `grants` are pairs of agency and permission.

    `agency_in_view` narrows lists to one agency; None means every agency in which the person may see footage.
    """

    account: str
    name: str
    agency: str
    grants: frozenset[tuple[str, Permission]]
    agency_in_view: str | None = None
    ends_at: datetime | None = None

    @property
    def id(self) -> str:
        """How the custody log names this person."""
        return f"account:{self.account}"

    @property
    def agencies(self) -> tuple[str, ...]:
        """Every agency in which this person holds any grant, sorted."""
        return tuple(sorted({agency for agency, _ in self.grants}))

    @property
    def custodian_of(self) -> tuple[str, ...]:
        """The agencies whose footage this person keeps, sorted."""
        return tuple(sorted(agency for agency, permission in self.grants if permission == "custodian"))

    @property
    def in_view(self) -> tuple[str, ...]:
        """The agencies that lists show now."""
        if self.agency_in_view in self.custodian_of:
            return (self.agency_in_view,)
        return self.custodian_of

    def may(self, permission: Permission, agency: str) -> bool:
        """Does this person hold this grant in this agency?"""
        return (agency, permission) in self.grants

    def scope(self) -> Scope:
        """What a transaction of this person sees: the agencies whose footage is theirs to keep.

        Being an administrator of an agency shows nothing of its footage.
        """
        return Scope(self.id, self.custodian_of)

    def home(self) -> Scope:
        """What a transaction about the account itself sees: its home agency, where its custody entries belong."""
        return Scope(self.id, (self.agency,))
