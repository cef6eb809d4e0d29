"""What of the footage waits for a custodian, a supervisor, an officer, since when, and why is it here?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from lapel.access.actor import Actor, Reach, Role
from lapel.footage.search import AT, within
from lapel.storage.postgres import Connection

Key = Literal["undelivered", "empty", "faults", "wearer-unknown", "uncategorised"]
MAX_ITEMS = 25
LOOK_BACK = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of work. `why` answers "why is this here?" and says what makes an item go away."""

    key: Key
    title: str
    action: str
    why: str


KINDS = (
    Kind(
        "undelivered",
        "Announced but not delivered",
        "See what is missing",
        "A camera said that it would deliver this recording, and has not said that it is done. It leaves this list when"
        " the delivery is complete. If the camera is still docked, look at its connection; if it is not, find it.",
    ),
    Kind(
        "empty",
        "Delivered without a clip",
        "Look at it",
        "The delivery was said to be complete, but no video came with it. It stays here for 30 days, or until a clip"
        " arrives.",
    ),
    Kind(
        "faults",
        "Files with a fault",
        "Read the reason",
        "A file could not be read, or no longer agrees with what was received. Unreadable files leave this list when"
        " somebody has categorised the recording; a disagreement stays until it is resolved.",
    ),
    Kind(
        "wearer-unknown",
        "Wearer unknown",
        "Say who wore it",
        "No officer of the agency fits what the camera said. It leaves this list when somebody says who wore the camera,"
        " and how they know.",
    ),
    Kind(
        "uncategorised",
        "Not categorised",
        "Categorise",
        "How long a recording is kept depends on its category, and only a person decides it. It leaves this list when a"
        " category is chosen.",
    ),
)

_WHERE: dict[Key, str] = {
    "undelivered": "r.state = 'receiving' AND r.announced_at < %(late)s",
    "empty": "r.state = 'complete' AND r.completed_at > %(since)s"
    " AND NOT EXISTS (SELECT FROM original o WHERE o.recording = r.id AND o.kind = 'clip')",
    "wearer-unknown": "(r.wearer IS NULL OR 'wearer-unknown' = ANY (r.flags))",
    "uncategorised": "r.category IS NULL AND r.state = 'complete'",
}
_FAULTS = """
    FROM original o JOIN recording r ON r.id = o.recording
    WHERE (o.state = 'fault' OR (o.state = 'unreadable' AND r.category IS NULL)) AND """


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to do: the recording, since when it waits, and for a fault which file and why."""

    recording: str
    since: datetime
    says: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """All work of one kind: the oldest items, and how many there are (`more` when counting stopped)."""

    kind: Kind
    count: int
    more: bool
    items: tuple[Item, ...]


COUNT_TO = 1000
# Whose work it is to look after footage; the rest come for what others ask of it. An officer says what a recording shows.
KEEPERS: tuple[Role, ...] = ("custodian", "supervisor", "officer")
_OFFICERS: tuple[Key, ...] = ("undelivered", "uncategorised")


def kept_by(actor: Actor) -> tuple[Actor, tuple[Kind, ...]]:
    """Somebody as a keeper of footage alone, whose reach is their work; and which work that is."""
    keeper = replace(actor, grants=frozenset(g for g in actor.grants if g.role in KEEPERS))
    if not keeper.in_view:
        return keeper, ()
    if keeper.agencies_as("custodian", "supervisor"):
        return keeper, KINDS
    return keeper, tuple(kind for kind in KINDS if kind.key in _OFFICERS)


def newest(conn: Connection, reach: Reach, since: datetime) -> list[Item]:
    """The newest recordings within a reach, since then."""
    clause, values = within(reach)
    query = f"SELECT r.id, {AT} AS since FROM recording r WHERE " + clause  # noqa: S608  our own text
    query += f" AND {AT} > %(since)s"
    query += f" ORDER BY {AT} DESC, r.id DESC LIMIT %(limit)s"
    rows = conn.execute(query.encode(), {**values, "since": since, "limit": MAX_ITEMS})
    return [Item(row["id"], row["since"]) for row in rows]


def work(
    conn: Connection,
    reach: Reach,
    *,
    now: datetime,
    undelivered_after: timedelta,
    kinds: tuple[Kind, ...] = KINDS,
) -> list[Group]:
    """Everything that waits within somebody's reach, the oldest of each kind first."""
    clause, values = within(reach)
    values |= {
        "late": now - undelivered_after,
        "since": now - LOOK_BACK,
        "limit": MAX_ITEMS,
        "count_to": COUNT_TO,
    }
    return [_group(conn, kind, clause, values) for kind in kinds]


def _group(conn: Connection, kind: Kind, clause: str, values: dict[str, Any]) -> Group:
    if kind.key == "faults":
        source = _FAULTS + clause
        columns = "r.id, o.received_at AS since, o.name || ': ' || o.reason AS says"
    else:
        source = f"FROM recording r WHERE {clause} AND {_WHERE[kind.key]}"
        columns = "r.id, r.announced_at AS since, '' AS says"
    counting = "SELECT count(*) AS n FROM (SELECT 1 " + source + " LIMIT %(count_to)s) x"  # noqa: S608  our own text
    counted = conn.execute(counting.encode(), values).fetchone()
    count = int(counted["n"]) if counted else 0
    oldest = "SELECT " + columns + " " + source + " ORDER BY 2, 1 LIMIT %(limit)s"
    rows = conn.execute(oldest.encode(), values)
    items = tuple(Item(row["id"], row["since"], row["says"]) for row in rows)
    return Group(kind, count, count >= COUNT_TO, items)
