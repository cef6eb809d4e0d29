"""Where do the draws and the reviews stand, and what could be drawn? All SQL of the reviews."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from psycopg.rows import class_row

from lapel.access.actor import Reach
from lapel.base.errors import NotFound
from lapel.storage.postgres import Connection


@dataclass(frozen=True, slots=True)
class Draw:
    """One draw of a review: its population as it was logged, and, once the log went on, its seed."""

    id: str
    agency: str
    supervisor: str | None
    begins_on: date
    ends_on: date
    population: str
    sha256: str
    logged_at: datetime
    entry: str
    log_size: int | None
    seed: str | None
    drawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class Review:
    """One recording that somebody has to look at. `outcome` None: not yet."""

    id: str
    agency: str
    draw: str
    place: int
    supervisor: str | None
    officer: str
    recording: str
    why: Literal["due", "drawn"]
    due_at: datetime
    outcome: str | None
    words: str
    done_by: str | None
    done_at: datetime | None
    entry: str | None


def draw(conn: Connection, draw_id: str, *, lock: bool = False) -> Draw:
    """The draw with this id. Raises `NotFound`."""
    if lock:
        conn.execute("SELECT FROM review_draw WHERE id = %s FOR UPDATE", (draw_id,))
    with conn.cursor(row_factory=class_row(Draw)) as cursor:
        row = cursor.execute("SELECT * FROM review_draw WHERE id = %s", (draw_id,)).fetchone()
    if row is None:
        raise NotFound(f"There is no draw {draw_id[:40]} that you can see.")
    return row


def draws(conn: Connection, agencies: Sequence[str], *, limit: int = 50) -> list[Draw]:
    """The draws of these agencies, the latest period first."""
    with conn.cursor(row_factory=class_row(Draw)) as cursor:
        return cursor.execute(
            "SELECT * FROM review_draw WHERE agency = ANY(%s) ORDER BY ends_on DESC, agency, supervisor NULLS FIRST, id LIMIT %s",
            (list(agencies), limit),
        ).fetchall()


def draws_of_period(conn: Connection, agency: str, begins_on: date, ends_on: date) -> list[Draw]:
    """The draws of one period of an agency."""
    with conn.cursor(row_factory=class_row(Draw)) as cursor:
        return cursor.execute(
            "SELECT * FROM review_draw WHERE agency = %s AND begins_on = %s AND ends_on = %s ORDER BY id",
            (agency, begins_on, ends_on),
        ).fetchall()


def open_draws(conn: Connection, agencies: Sequence[str]) -> list[Draw]:
    """The draws whose population is logged and whose seed is not known yet."""
    with conn.cursor(row_factory=class_row(Draw)) as cursor:
        return cursor.execute(
            "SELECT * FROM review_draw WHERE agency = ANY(%s) AND seed IS NULL ORDER BY logged_at, id",
            (list(agencies),),
        ).fetchall()


def first_checkpoint_over(conn: Connection, entry: str) -> tuple[int, bytes] | None:
    """Size and root of the first checkpoint of the log that covers an entry; None while there is none."""
    row = conn.execute(
        "SELECT c.size, c.root FROM custody_leaf l JOIN custody_checkpoint c ON c.size > l.index"
        " WHERE l.entry = %s ORDER BY c.size LIMIT 1",
        (entry,),
    ).fetchone()
    return (int(row["size"]), bytes(row["root"])) if row else None


def review(conn: Connection, review_id: str, *, lock: bool = False) -> Review:
    """The review with this id. Raises `NotFound`."""
    if lock:
        conn.execute("SELECT FROM review WHERE id = %s FOR UPDATE", (review_id,))
    with conn.cursor(row_factory=class_row(Review)) as cursor:
        row = cursor.execute("SELECT * FROM review WHERE id = %s", (review_id,)).fetchone()
    if row is None:
        raise NotFound(f"There is no review {review_id[:40]} that you can see.")
    return row


_QUEUE = """
    SELECT v.*, r.number, r.started_at, o.badge, s.badge AS supervisor_badge, f.name AS office
      FROM review v LEFT JOIN recording r ON r.id = v.recording JOIN officer o ON o.id = v.officer
      LEFT JOIN officer s ON s.id = v.supervisor LEFT JOIN office f ON f.id = o.office
     WHERE v.agency = ANY(%(agencies)s)
       AND (v.agency = ANY(%(whole)s) OR o.office = ANY(%(offices)s) OR v.supervisor = %(supervisor)s)
       AND (%(state)s <> 'open' OR v.outcome IS NULL)
       AND (%(state)s <> 'overdue' OR (v.outcome IS NULL AND v.due_at < %(now)s))
       AND (%(state)s <> 'done' OR v.outcome IS NOT NULL)
       AND (%(after_at)s::timestamptz IS NULL OR (v.due_at, v.id::text) > (%(after_at)s, %(after_id)s))
     ORDER BY v.due_at, v.id LIMIT %(limit)s"""


def queue(
    conn: Connection,
    reach: Reach,
    supervisor: str | None,
    *,
    now: datetime,
    state: str = "open",
    after: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """The reviews of a person by due date, with badges and the recording's number (None: it is not in view).

    `supervisor`: the officer who this person is, whose own reviews they see; `state`: open, overdue, done or ''.
    """
    return conn.execute(
        _QUEUE,
        {
            "agencies": list(reach.agencies), "whole": list(reach.whole), "offices": list(reach.offices),
            "state": state, "now": now, "supervisor": supervisor, "limit": limit,
            "after_at": after[0] if after else None, "after_id": after[1] if after else "",
        },
    ).fetchall()  # fmt: skip


def reviews_of_draw(conn: Connection, draw_id: str) -> list[Review]:
    """The reviews of one draw in the order they were drawn."""
    with conn.cursor(row_factory=class_row(Review)) as cursor:
        return cursor.execute("SELECT * FROM review WHERE draw = %s ORDER BY place", (draw_id,)).fetchall()


_WORN = """
    WITH seen AS (
        SELECT v.officer, max(d.ends_on) AS seen_until FROM review v JOIN review_draw d ON d.id = v.draw
         WHERE v.agency = %(agency)s AND d.ends_on <= %(begins_on)s GROUP BY v.officer
    ), worn AS (
        SELECT r.id, r.wearer, r.category, (COALESCE(r.started_at, r.announced_at) AT TIME ZONE %(zone)s)::date AS made_on
          FROM recording r JOIN officer o ON o.id = r.wearer AND o.known
         WHERE r.agency = %(agency)s AND r.state = 'complete'
           AND COALESCE(r.started_at, r.announced_at) < %(ends_on)s::date::timestamp AT TIME ZONE %(zone)s
           AND NOT 'wearer-unknown' = ANY (r.flags)
    )
    SELECT w.id, w.wearer, w.made_on, c.name AS category,
           min(w.made_on) OVER (PARTITION BY w.wearer) AS waits_since
      FROM worn w LEFT JOIN seen s ON s.officer = w.wearer LEFT JOIN category c ON c.id = w.category
     WHERE w.made_on >= COALESCE(s.seen_until, '0001-01-01'::date)
     ORDER BY w.wearer, w.id"""


def worn(conn: Connection, agency: str, begins_on: date, ends_on: date, zone: str) -> list[dict[str, Any]]:
    """What each known officer recorded before `ends_on` and since one of theirs was last drawn: `id`, `wearer`, `made_on`,
    `category`, `waits_since`; by officer and id."""
    return conn.execute(
        _WORN, {"agency": agency, "begins_on": begins_on, "ends_on": ends_on, "zone": zone}
    ).fetchall()


def with_findings(conn: Connection, agency: str, before: date, zone: str) -> set[str]:
    """The recordings of the year before a day that a finding is about: late, short, interrupted, or not to be made."""
    rows = conn.execute(
        "SELECT DISTINCT r.id FROM finding f JOIN recording r ON r.wearer = f.officer AND r.agency = f.agency"
        " AND COALESCE(r.started_at, r.announced_at) < f.ends_at"
        " AND COALESCE(r.ended_at, r.started_at + interval '12 hours', r.announced_at) > f.begins_at"
        " WHERE f.agency = %(agency)s AND f.begins_at < %(before)s::date::timestamp AT TIME ZONE %(zone)s"
        " AND f.begins_at > %(before)s::date::timestamp AT TIME ZONE %(zone)s - interval '366 days'"
        " AND f.measured IN ('late', 'stopped early', 'interrupted', 'recorded though forbidden', 'recorded past the stop')",
        {"agency": agency, "before": before, "zone": zone},
    )
    return {row["id"] for row in rows}


def queue_of_draw(conn: Connection, draw_id: str) -> list[dict[str, Any]]:
    """The reviews of one draw as `queue` lists them, in the order they were drawn."""
    return conn.execute(
        "SELECT v.*, r.number, r.started_at, o.badge, s.badge AS supervisor_badge, f.name AS office"
        " FROM review v LEFT JOIN recording r ON r.id = v.recording JOIN officer o ON o.id = v.officer"
        " LEFT JOIN officer s ON s.id = v.supervisor LEFT JOIN office f ON f.id = o.office"
        " WHERE v.draw = %s ORDER BY v.place",
        (draw_id,),
    ).fetchall()
