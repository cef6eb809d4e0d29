"""Where do exceptions and decisions about forbidden recordings stand? All SQL of the two registers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from psycopg.rows import class_row

from lapel.access.actor import Reach
from lapel.activation import store
from lapel.activation.findings import UNMET, Finding
from lapel.base.errors import Invalid, NotFound
from lapel.storage.postgres import Connection

State = Literal["waiting", "granted", "refused", "withdrawn"]

# The tables that the acts of this room write beside their sidecars, and a rebuild writes back.
TABLES = ("activation_exception", "review_draw", "review", "forbidden_decision")


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
_SEEN = (
    "x.agency = ANY(%(agencies)s)"
    " AND (x.agency = ANY(%(whole)s) OR o.office = ANY(%(offices)s) OR x.officer = ANY(%(wearers)s))"
)
_LISTED = f"""
    SELECT x.*, o.badge, f.name AS office
      FROM activation_exception x JOIN officer o ON o.id = x.officer LEFT JOIN office f ON f.id = o.office
     WHERE {_SEEN} AND (%(state)s = '' OR x.state = %(state)s)
       AND (%(reason)s = '' OR x.reason = %(reason)s) AND (%(badge)s = '' OR o.badge = %(badge)s)
       AND (%(after_at)s::timestamptz IS NULL OR (x.entered_at, x.id::text) < (%(after_at)s, %(after_id)s))
     ORDER BY x.entered_at DESC, x.id DESC LIMIT %(limit)s"""  # noqa: S608  our own text
_WAITING = f"""
    SELECT x.*, o.badge, f.name AS office
      FROM activation_exception x JOIN officer o ON o.id = x.officer LEFT JOIN office f ON f.id = o.office
     WHERE {_SEEN} AND x.state = 'waiting' ORDER BY x.entered_at, x.id LIMIT %(limit)s"""  # noqa: S608  our own text


def register(
    conn: Connection,
    reach: Reach,
    *,
    state: str = "",
    reason: str = "",
    badge: str = "",
    after: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """The exceptions that a person may see, newest first, with `badge` and `office`; `after`: below this position."""
    return conn.execute(
        _LISTED.encode(),
        {
            **_reached(reach), "state": state, "reason": reason, "badge": badge, "limit": limit,
            "after_at": after[0] if after else None, "after_id": after[1] if after else "",
        },
    ).fetchall()  # fmt: skip


def waiting(conn: Connection, reach: Reach, *, limit: int) -> list[dict[str, Any]]:
    """The exceptions that wait for a decision, the oldest first."""
    return conn.execute(_WAITING.encode(), {**_reached(reach), "limit": limit}).fetchall()


def count_waiting(conn: Connection, reach: Reach) -> int:
    """How many wait for a decision; counting stops at 1,000."""
    return len(waiting(conn, reach, limit=1000))


def touched_by(conn: Connection, there: Claim) -> list[Finding]:
    """The duties that an exception is about: the one it names, or those inside its time that were not met or that it excused."""
    rows = conn.execute(
        "SELECT duty FROM finding WHERE officer = %(officer)s AND kind = 'duty' AND CASE WHEN %(duty)s::text IS NULL"
        " THEN begins_at >= %(begins_at)s AND ends_at <= %(ends_at)s AND (measured = ANY(%(unmet)s))"
        " ELSE duty = %(duty)s END ORDER BY begins_at, duty LIMIT 200",
        {
            "officer": there.officer, "duty": there.duty, "begins_at": there.begins_at, "ends_at": there.ends_at,
            "unmet": list(UNMET),
        },
    )  # fmt: skip
    return [store.finding(conn, row["duty"]) for row in rows.fetchall()]


def clauses_of(conn: Connection, duties: Sequence[str]) -> dict[str, list[str]]:
    """The clauses that made these duties."""
    rows = conn.execute(
        "SELECT f.duty, w.clauses FROM finding f JOIN finding_why w ON w.agency = f.agency AND w.id = f.why WHERE f.duty = ANY(%s)",
        (list(duties),),
    )
    return {row["duty"]: row["clauses"] for row in rows}


def _reached(reach: Reach) -> dict[str, list[str]]:
    return {
        "agencies": list(reach.agencies), "whole": list(reach.whole), "offices": list(reach.offices),
        "wearers": list(reach.wearers),
    }  # fmt: skip


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
