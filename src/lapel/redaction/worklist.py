"""Which redactions wait for a person? Those to decide, and those that a second reader agrees to or gives back."""

from __future__ import annotations

from datetime import UTC, datetime, time

from lapel.access.actor import Actor
from lapel.access.work import Group, Item, group
from lapel.redaction import store
from lapel.redaction.model import STATES, Redaction
from lapel.storage.postgres import Connection


def work(conn: Connection, actor: Actor) -> list[Group]:
    """For records officers and custodians of the agencies in view; nothing for others."""
    agencies = [a for a in actor.in_view if a in actor.agencies_as("records", "custodian")]
    if not agencies:
        return []
    there = store.redactions(conn, agencies)
    return [
        group(
            "redactions", "Redactions to decide", "Go on",
            "Faces, plates and words were found that a person has to decide about. It leaves this list when everything is"
            " decided and accepted.",
            "/redactions",
            [_item(one) for one in there if one.state == "open"],
        ),
        group(
            "second-readings", "Redactions to read a second time", "Read it",
            "Somebody accepted this redaction; a second person agrees or gives it back. Nobody reads their own.",
            "/redactions",
            [_item(one) for one in there if one.state == "accepted" and one.accepted_by != actor.id],
        ),
    ]  # fmt: skip


def _item(one: Redaction) -> Item:
    due = datetime.combine(one.due_on, time(23, 59), UTC) if one.due_on else None
    left = one.left_tracks + one.left_suspects
    return Item(
        one.number,
        f"/redactions/{one.id}",
        one.accepted_at or one.asked_at,
        due,
        one.agency.upper(),
        f"{STATES[one.state]}; {left} left" if one.state == "open" else STATES[one.state],
    )
