"""Does the custody log work: are entries written, given their place and published, and is there room for more?

An act whose entry cannot be written is refused with it (docs/design.md, invariant 3), so a log that stops stops the house.
What must not go unseen is a log that stands still behind the acts: entries that wait, a checkpoint that does not come.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import psycopg

from lapel.base.errors import LapelError
from lapel.custody import log
from lapel.storage.postgres import Connection, Database, Scope

DEPARTMENT: Final = "department"
SCOPE: Final = Scope("system:watch", (DEPARTMENT,))
LEAST_FREE: Final = 0.05
LEAST_FREE_BYTES: Final = 1 << 30

_STATE = """
    SELECT (SELECT count(*) FROM (SELECT FROM custody_pending LIMIT 100001) p) AS waiting,
           extract(epoch FROM clock_timestamp() - (SELECT min(pending_at) FROM custody_pending))::float AS oldest_s,
           (SELECT max(size) FROM custody_batch) AS size,
           p.size AS published, p.published_at,
           extract(epoch FROM clock_timestamp() - (
               SELECT min(b.batched_at) FROM custody_batch b WHERE b.size > COALESCE(p.size, 0)))::float AS unpublished_s
      FROM (SELECT 1) one LEFT JOIN LATERAL (
           SELECT size, published_at FROM custody_publication ORDER BY size DESC LIMIT 1) p ON true"""


@dataclass(frozen=True, slots=True)
class State:
    """How far the log has come. Ages in seconds, None when nothing is waiting; sizes in entries; room in bytes.

    `waiting`: entries without a place, at most 100,001 are counted. `unpublished_s`: how long the oldest entry with a place has
    not been public. `free` and `total`: of the disk that holds the objects.
    """

    waiting: int
    oldest_s: float | None
    size: int
    published: int | None
    published_at: datetime | None
    unpublished_s: float | None
    free: int
    total: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong: a short name that stays the same while it lasts, and what it means and what to do, in words."""

    kind: str
    says: str


def state(conn: Connection, free: int, total: int) -> State:
    """How far the log has come, as this transaction sees it."""
    row = conn.execute(_STATE).fetchone() or {}
    return State(
        waiting=row["waiting"],
        oldest_s=row["oldest_s"],
        size=row["size"] or 0,
        published=row["published"],
        published_at=row["published_at"],
        unpublished_s=row["unpublished_s"],
        free=free,
        total=total,
    )


def troubles(there: State, after: timedelta) -> Iterator[Trouble]:
    """What is wrong with a log in this state; what waits less than `after` is not wrong yet."""
    late_s = after.total_seconds()
    if there.oldest_s is not None and there.oldest_s > late_s:
        yield Trouble(
            "sequencer-behind",
            f"{there.waiting:,} entries of the custody log have waited for their place for {_minutes(there.oldest_s)}."
            " See whether the sequencer runs.",
        )
    if there.unpublished_s is not None and there.unpublished_s > late_s:
        last = (
            f"the last checkpoint is of {there.published_at:%Y-%m-%d %H:%M} UTC"
            if there.published_at
            else "there is none yet"
        )
        yield Trouble(
            "not-published",
            f"Entries of the custody log have not been published for {_minutes(there.unpublished_s)}; {last}."
            " See what the sequencer and the key agent write.",
        )
    if there.free < max(LEAST_FREE_BYTES, LEAST_FREE * there.total):
        yield Trouble(
            "disk-nearly-full",
            f"The disk of the objects has {there.free // (1 << 20):,} MiB left of {there.total // (1 << 20):,}."
            " When it is full nothing is taken in and nothing is logged. Free space.",
        )


def cannot_write(db: Database) -> Trouble | None:
    """Try to write an entry, and take it back. None when it could have been written."""
    try:
        with db.tx(SCOPE) as conn:
            log.record(conn, actor=SCOPE.actor, agency=DEPARTMENT, act="tried", subject="log:department")
            conn.rollback()
    except (LapelError, psycopg.Error) as fault:
        # The kind of the fault only: what the driver says can hold names of the server.
        return Trouble(
            "cannot-write",
            f"No entry can be written to the custody log ({type(fault).__name__}), so every act is refused."
            " See whether the database runs and has room.",
        )
    return None


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:,.0f} minutes"
