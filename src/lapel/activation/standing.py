"""How does a person stand to a duty: may they see it, is it their own, or of the unit they lead? All that this room asks of `access`."""

from __future__ import annotations

from dataclasses import dataclass

from lapel.access import permit as access_permit
from lapel.access.actor import Actor
from lapel.access.permit import Act
from lapel.base import clock
from lapel.base.errors import Refused
from lapel.roster import store as roster
from lapel.storage.postgres import Connection, Scope


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose duties lists hold: all of some agencies, those of some offices, those of some officers; always in `agencies`."""

    agencies: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    offices: tuple[str, ...] = ()
    wearers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What is so between a person and something of an officer."""

    own: bool = False
    own_unit: bool = False
    office: str | None = None


def officer_of(actor: Actor) -> str | None:
    """The officer this person is, if one."""
    return getattr(actor, "officer", None)


def supervised(conn: Connection, actor: Actor, agencies: tuple[str, ...] | None = None) -> list[str]:
    """The officers whom the roster says this person supervises today."""
    me = officer_of(actor)
    if me is None:
        return []
    today = clock.now().date()
    led = [roster.supervises(conn, agency, today) for agency in agencies or actor.in_view]
    return sorted(officer for by in led for officer, leader in by.items() if leader == me)


def agencies_of(actor: Actor) -> tuple[str, ...]:
    """The agencies of whose duties this person sees anything."""
    return actor.custodian_of


def roles_in(actor: Actor, agency: str) -> frozenset[str]:
    """The roles by which something of an agency waits for this person."""
    return frozenset(permission for where, permission in actor.grants if where == agency)


def reach(conn: Connection, actor: Actor, agency: str = "") -> Reach:
    """Whose duties this person's lists hold, of one agency or of those in view."""
    wanted = tuple(a for a in ((agency,) if agency else actor.in_view) if a in agencies_of(actor))
    return Reach(wanted, wanted)


def facts(conn: Connection, actor: Actor, agency: str, officer: str | None, office: str | None) -> Facts:
    """What is so between this person and something of this officer, in this office."""
    own = officer is not None and officer == officer_of(actor)
    return Facts(own=own, own_unit=not own and officer in supervised(conn, actor, (agency,)), office=office)


def permit(actor: Actor, act: Act, agency: str, facts: Facts | None = None) -> None:
    """Return when `actor` may do `act`; otherwise raise `Refused` with the rule that says no."""
    access_permit.permit(actor, act, agency)


def may(actor: Actor, act: Act, agency: str, facts: Facts | None = None) -> bool:
    """Would `permit` return?"""
    try:
        permit(actor, act, agency, facts)
    except Refused:
        return False
    return True


def scope_in(actor: Actor, agency: str) -> Scope:
    """What a transaction sees that was permitted in one agency."""
    return Scope(actor.id, (agency,))
