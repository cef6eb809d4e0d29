"""How does a person stand to a duty: may they see it, is it their own, or of the unit they lead? All that this room asks of `access`."""

from __future__ import annotations

from lapel.access import permit as access_permit
from lapel.access.actor import Actor, Reach
from lapel.access.permit import Act, Facts
from lapel.base.errors import Refused
from lapel.footage.standing import supervised
from lapel.storage.postgres import Connection, Scope


def agencies_of(actor: Actor) -> tuple[str, ...]:
    """The agencies of whose duties this person sees anything."""
    return tuple(sorted({*actor.footage_of, *actor.agencies_as("policy")}))


def roles_in(actor: Actor, agency: str) -> frozenset[str]:
    """The roles by which something of an agency waits for this person."""
    return actor.roles_in(agency)


def reach(conn: Connection, actor: Actor, agency: str = "") -> Reach:
    """Whose duties this person's lists hold, of one agency or of those in view."""
    wanted = tuple(a for a in ((agency,) if agency else actor.in_view) if a in agencies_of(actor))
    whole = {*actor.agencies_as("custodian", "records", "investigator", "inspector", "policy")}
    me = actor.officer
    led = supervised(conn, actor, wanted) if wanted else []
    offices = tuple(office for agency in wanted for office in actor.offices_as("supervisor", agency))
    return Reach(wanted, tuple(a for a in wanted if a in whole), offices, (*((me,) if me else ()), *led))


def facts(conn: Connection, actor: Actor, agency: str, officer: str | None, office: str | None) -> Facts:
    """What is so between this person and something of this officer, in this office."""
    own = officer is not None and officer == actor.officer
    return Facts(own=own, own_unit=not own and officer in supervised(conn, actor, (agency,)), office=office)


def permit(actor: Actor, act: Act, agency: str, facts: Facts | None = None) -> None:
    """Return when `actor` may do `act`; otherwise raise `Refused` with the rule that says no."""
    access_permit.permit(actor, act, agency, facts or Facts())


def may(actor: Actor, act: Act, agency: str, facts: Facts | None = None) -> bool:
    """Would `permit` return?"""
    try:
        permit(actor, act, agency, facts)
    except Refused:
        return False
    return True


def scope_in(actor: Actor, agency: str) -> Scope:
    """What a transaction sees that was permitted in one agency."""
    return actor.scope_in(agency)
