"""What waits for an officer, a supervisor, an inspector, and why is it here? Each item has an age or a due date and one action."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from lapel.access.actor import Actor
from lapel.access.work import COUNT_TO, MAX_ITEMS, Group, Item
from lapel.activation import standing, store_pages, store_review, store_watch
from lapel.activation.findings import duty_number
from lapel.activation.reasons import MEANINGS
from lapel.activation.store_pages import Narrowed
from lapel.storage.postgres import Connection

LOOK_BACK = timedelta(days=366)


def work(conn: Connection, actor: Actor, now: datetime) -> list[Group]:
    """What of this room waits for a person, by the roles they hold in the agencies in view."""
    roles = {role for agency in actor.in_view for role in standing.roles_in(actor, agency)}
    reach = standing.reach(conn, actor)
    narrowed = Narrowed(reach, now - LOOK_BACK, now + timedelta(days=1))
    found = []
    if roles & {"officer", "supervisor", "custodian", "inspector"}:
        found.append(
            _gaps(
                conn,
                narrowed,
                own="officer" in roles and not roles & {"supervisor", "custodian", "inspector"},
            )
        )
    if roles & {"supervisor", "custodian"}:
        found += [_exceptions(conn, actor, narrowed), _reviews(conn, actor, narrowed, now)]
    if roles & {"custodian", "inspector"}:
        found.append(_forbidden(conn, narrowed))
    return found


def _gaps(conn: Connection, narrowed: Narrowed, *, own: bool) -> Group:
    rows = store_pages.unmet(conn, narrowed, limit=COUNT_TO)
    why = (
        "A duty to record was not met, and nobody has said why. It leaves this list when a recording of that time comes in, or"
        " when an exception is entered: the officer says why the camera was off and which clause allows it, a supervisor decides."
    )
    items = [
        Item(
            duty_number(row["duty"]), f"/activation/duties/{duty_number(row['duty'])}#explain", row["ends_at"], None,
            f"Officer {row['badge']}", f"{row['outcome'].capitalize()}, {row['activity'].replace('_', ' ')}",
        )
        for row in rows[:MAX_ITEMS]
    ]  # fmt: skip
    title = "My duties that were not met" if own else "Duties not met and not explained"
    return _group("gaps", title, "Explain" if own else "See why", why, "/activation/gaps", rows, items)


def _exceptions(conn: Connection, actor: Actor, narrowed: Narrowed) -> Group:
    rows = [
        row
        for row in store_watch.waiting(conn, narrowed.reach, limit=COUNT_TO)
        if row["entered_by"] != actor.id and row["officer"] != actor.officer
    ]
    why = "An officer said why a camera was off. Somebody else, with another account, decides whether that excuses the duty; a decision is final."
    items = [
        Item(
            f"{MEANINGS[row['reason']].says[:60]}", f"/activation/exceptions/{row['id']}", row["entered_at"], None,
            f"Officer {row['badge']}", row["words"][:140],
        )
        for row in rows[:MAX_ITEMS]
    ]  # fmt: skip
    return _group(
        "exceptions",
        "Exceptions to decide",
        "Decide",
        why,
        "/activation/exceptions?state=waiting",
        rows,
        items,
    )


def _reviews(conn: Connection, actor: Actor, narrowed: Narrowed, now: datetime) -> Group:
    rows = store_review.queue(conn, narrowed.reach, actor.officer, now=now, limit=COUNT_TO)
    why = "It was drawn by lot from the recordings of your officers, so that each is seen within a year. It leaves this list when you say what you saw."
    items = [
        Item(
            row["number"] or "a recording not in your view", "/activation/reviews", row["due_at"], row["due_at"],
            f"Officer {row['badge']}", "Its officer is due" if row["why"] == "due" else "Drawn by weight",
        )
        for row in rows[:MAX_ITEMS]
    ]  # fmt: skip
    return _group("reviews", "Reviews due", "Look at it", why, "/activation/reviews", rows, items)


def _forbidden(conn: Connection, narrowed: Narrowed) -> Group:
    rows = store_pages.forbidden(conn, narrowed, limit=COUNT_TO)
    why = "The camera was on where the policy forbids it. Somebody decides whether it is kept as evidence or for a complaint, or is to be disposed of."
    items = [
        Item(
            duty_number(row["duty"]), "/activation/forbidden", row["begins_at"], None, f"Officer {row['badge']}",
            row["outcome"].capitalize(),
        )
        for row in rows[:MAX_ITEMS]
    ]  # fmt: skip
    return _group(
        "forbidden", "Recorded though forbidden", "Decide", why, "/activation/forbidden", rows, items
    )


def _group(
    key: str,
    title: str,
    action: str,
    why: str,
    url: str,
    rows: Sequence[dict[str, Any]],
    items: Sequence[Item],
) -> Group:
    return Group(key, title, action, why, url, len(rows), len(rows) >= COUNT_TO, tuple(items))
