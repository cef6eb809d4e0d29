"""How does a person stand to a camera: do they have it, or lead whoever has it?"""

from __future__ import annotations

from collections.abc import Iterable

from lapel.access.actor import Actor, Reach
from lapel.access.permit import Act, Facts, permit
from lapel.base import clock
from lapel.base.errors import Refused
from lapel.fleet import store, store_pages
from lapel.fleet.calendar import at
from lapel.fleet.model import Camera
from lapel.roster import store as roster
from lapel.storage.postgres import Connection


def supervised(conn: Connection, actor: Actor, agencies: Iterable[str]) -> set[str]:
    """The officers whom the roster says this person supervises today."""
    if actor.officer is None:
        return set()
    today = clock.now().date()
    led = [roster.supervises(conn, agency, today) for agency in agencies]
    return {officer for by in led for officer, leader in by.items() if leader == actor.officer}


def reach(conn: Connection, actor: Actor, agency: str = "") -> Reach:
    """Whose cameras this person's lists hold, of one agency or of those in view."""
    wanted = (agency,) if agency in actor.footage_of else () if agency else actor.in_view
    return actor.reach(wanted, supervised(conn, actor, wanted))


def of_camera(conn: Connection, actor: Actor, camera: Camera) -> Facts:
    """What is so between this person and this camera now."""
    spans = at(store.calendar(conn, camera.agency, camera_id=camera.id), clock.now())
    holders = store_pages.people(conn, [span.officer for span in spans])
    own = actor.officer is not None and actor.officer in holders
    led = supervised(conn, actor, (camera.agency,))
    offices = actor.offices_as("supervisor", camera.agency)
    near = {camera.office, *(one["office"] for one in holders.values())}
    return Facts(
        own=own, own_unit=bool(led & set(holders)) or bool(offices & near), office=camera.office or next((o for o in near if o), None)
    )  # fmt: skip


def of_officer(conn: Connection, actor: Actor, officer_id: str, agency: str, office: str | None) -> Facts:
    """What is so between this person and this officer now."""
    led = supervised(conn, actor, (agency,))
    unit = officer_id in led or (office is not None and office in actor.offices_as("supervisor", agency))
    return Facts(own=actor.officer == officer_id, own_unit=unit, office=office)


def may(actor: Actor, act: Act, agency: str, facts: Facts) -> bool:
    """Would `permit` return?"""
    try:
        permit(actor, act, agency, facts)
    except Refused:
        return False
    return True
