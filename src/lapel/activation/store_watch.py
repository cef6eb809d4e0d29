"""Where do exceptions, reviews and decisions about forbidden recordings stand? All SQL of the register and the queues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from psycopg.rows import class_row

from lapel.activation import store
from lapel.activation.findings import UNMET, Finding
from lapel.base.errors import Invalid, NotFound
from lapel.storage.postgres import Connection

State = Literal["waiting", "granted", "refused", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Claim:
    """A row of the register of exceptions: what is claimed, by whom, and what was decided."""

    id: str
    agency: str
    officer: str
    duty: str | None
    reason: str
    clause: str
    clause_version: date
    clause_sha256: str
    begins_at: datetime
    ends_at: datetime
    words: str
    entered_by: str
    entered_at: datetime
    entry: str
    state: State
    decided_by: str | None
    decided_at: datetime | None
    decision: str
    decision_entry: str | None


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


@dataclass(frozen=True, slots=True)
class Decided:
    """What is to become of a recording that was forbidden; the last decision counts."""

    id: str
    agency: str
    recording: str
    duty: str
    decision: str
    words: str
    decided_by: str
    decided_at: datetime
    entry: str


def check_officer(conn: Connection, agency: str, officer: str) -> None:
    """Return when this officer is the agency's. Raises `Invalid`."""
    found = conn.execute("SELECT id FROM officer WHERE id = %s AND agency = %s", (officer, agency)).fetchone()
    if found is None:
        raise Invalid(f"{agency} has no such officer.", next_step="Give a badge number of the agency.")


def exception(conn: Connection, exception_id: str, *, lock: bool = False) -> Claim:
    """The exception with this id. Raises `NotFound`; `lock` holds it for this transaction."""
    if lock:
        conn.execute("SELECT FROM activation_exception WHERE id = %s FOR UPDATE", (exception_id,))
    with conn.cursor(row_factory=class_row(Claim)) as cursor:
        row = cursor.execute("SELECT * FROM activation_exception WHERE id = %s", (exception_id,)).fetchone()
    if row is None:
        raise NotFound(f"There is no exception {exception_id[:40]} that you can see.")
    return row


def granted(conn: Connection, agency: str, since: datetime, until: datetime) -> list[Claim]:
    """The granted exceptions that touch [since, until), the earliest decision first."""
    with conn.cursor(row_factory=class_row(Claim)) as cursor:
        return cursor.execute(
            "SELECT * FROM activation_exception WHERE agency = %s AND state = 'granted' AND begins_at < %s AND ends_at > %s"
            " ORDER BY decided_at, id",
            (agency, until, since),
        ).fetchall()


def exceptions_of(conn: Connection, duties: Sequence[str]) -> dict[str, list[Claim]]:
    """What was entered about these duties by their names, newest first."""
    found: dict[str, list[Claim]] = {}
    with conn.cursor(row_factory=class_row(Claim)) as cursor:
        rows = cursor.execute(
            "SELECT * FROM activation_exception WHERE duty = ANY(%s) ORDER BY entered_at DESC, id",
            (list(duties),),
        )
        for row in rows:
            found.setdefault(str(row.duty), []).append(row)
    return found


def unmet_of(
    conn: Connection, officer: str, begins_at: datetime, ends_at: datetime, duty: str | None
) -> list[Finding]:
    """The duties of an officer that were not met and not excused: one by its name, or those that begin in a stretch."""
    query = (
        "SELECT duty FROM finding WHERE officer = %(officer)s AND kind = 'duty' AND outcome = ANY(%(unmet)s)"
        " AND CASE WHEN %(duty)s::text IS NULL THEN begins_at >= %(begins_at)s AND begins_at < %(ends_at)s"
        " ELSE duty = %(duty)s END ORDER BY begins_at, duty"
    )
    values = {
        "officer": officer,
        "begins_at": begins_at,
        "ends_at": ends_at,
        "duty": duty,
        "unmet": list(UNMET),
    }
    return [store.finding(conn, row["duty"]) for row in conn.execute(query, values).fetchall()]


# --- the register as a list -----------------------------------------------------------------------------------------
_LISTED = """
    SELECT x.*, o.badge, o.external_id AS wearer_external, f.name AS office
      FROM activation_exception x JOIN officer o ON o.id = x.officer LEFT JOIN office f ON f.id = o.office
     WHERE x.agency = ANY(%(agencies)s) AND (%(state)s = '' OR x.state = %(state)s)
       AND (%(reason)s = '' OR x.reason = %(reason)s) AND (%(officers)s::text[] IS NULL OR x.officer = ANY(%(officers)s))
       AND (%(badge)s = '' OR o.badge = %(badge)s)
       AND (%(after_at)s::timestamptz IS NULL OR (x.entered_at, x.id::text) < (%(after_at)s, %(after_id)s))
     ORDER BY x.entered_at DESC, x.id DESC LIMIT %(limit)s"""


def register(
    conn: Connection,
    agencies: Sequence[str],
    *,
    state: str = "",
    reason: str = "",
    badge: str = "",
    officers: Sequence[str] | None = None,
    after: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """The exceptions, newest first, with `badge` and `office`; `officers`: only theirs; `after`: below this position."""
    return conn.execute(
        _LISTED,
        {
            "agencies": list(agencies), "state": state, "reason": reason, "badge": badge, "limit": limit,
            "officers": None if officers is None else list(officers),
            "after_at": after[0] if after else None, "after_id": after[1] if after else "",
        },
    ).fetchall()  # fmt: skip


# --- reviews --------------------------------------------------------------------------------------------------------
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
    SELECT v.*, r.number, r.started_at, r.category, o.badge, o.external_id AS wearer_external,
           s.badge AS supervisor_badge, f.name AS office
      FROM review v JOIN recording r ON r.id = v.recording JOIN officer o ON o.id = v.officer
      LEFT JOIN officer s ON s.id = v.supervisor LEFT JOIN office f ON f.id = o.office
     WHERE v.agency = ANY(%(agencies)s) AND (%(state)s <> 'open' OR v.outcome IS NULL)
       AND (%(state)s <> 'overdue' OR (v.outcome IS NULL AND v.due_at < %(now)s))
       AND (%(state)s <> 'done' OR v.outcome IS NOT NULL)
       AND (%(supervisor)s::text IS NULL OR v.supervisor = %(supervisor)s)
       AND (%(after_at)s::timestamptz IS NULL OR (v.due_at, v.id::text) > (%(after_at)s, %(after_id)s))
     ORDER BY v.due_at, v.id LIMIT %(limit)s"""


def queue(
    conn: Connection,
    agencies: Sequence[str],
    *,
    now: datetime,
    state: Literal["open", "overdue", "done", ""] = "open",
    supervisor: str | None = None,
    after: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """The reviews by due date, with the recording's number and the badges; `supervisor`: only theirs."""
    return conn.execute(
        _QUEUE,
        {
            "agencies": list(agencies), "state": state, "now": now, "supervisor": supervisor, "limit": limit,
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


# --- forbidden recordings -------------------------------------------------------------------------------------------
def decisions_of(conn: Connection, recordings: Sequence[str]) -> dict[str, list[Decided]]:
    """What was decided about these recordings, newest first."""
    found: dict[str, list[Decided]] = {}
    with conn.cursor(row_factory=class_row(Decided)) as cursor:
        rows = cursor.execute(
            "SELECT * FROM forbidden_decision WHERE recording = ANY(%s) ORDER BY decided_at DESC, id",
            (list(recordings),),
        )
        for row in rows:
            found.setdefault(row.recording, []).append(row)
    return found


def recordings_of(
    conn: Connection, officer: str, begins_at: datetime, ends_at: datetime
) -> list[dict[str, Any]]:
    """The recordings of an officer that touch a stretch of time: `id`, `number`, `begins_at`, `ends_at` (of its clips)."""
    return conn.execute(
        "SELECT r.id, r.number, r.agency, COALESCE(r.started_at, r.announced_at) AS begins_at,"
        " GREATEST(r.ended_at, (SELECT max(COALESCE(o.ended_at, o.started_at"
        "   + make_interval(secs => COALESCE((o.inspection ->> 'duration_ms')::float8 / 1000, 0))))"
        "   FROM original o WHERE o.recording = r.id AND o.kind = 'clip')) AS ends_at"
        " FROM recording r WHERE r.wearer = %(officer)s"
        " AND COALESCE(r.started_at, r.announced_at) < %(ends_at)s"
        " AND COALESCE(r.started_at, r.announced_at) > %(begins_at)s - interval '2 days' ORDER BY 4, 1",
        {"officer": officer, "begins_at": begins_at, "ends_at": ends_at},
    ).fetchall()
