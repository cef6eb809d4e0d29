"""Which events, runs and findings are there? What pages and commands read; runs are written by `store_runs`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql
from psycopg.rows import class_row

from lapel.activation.event import Event, Story, TookPart
from lapel.activation.findings import Finding, Kind, Outcome, Why
from lapel.base.errors import Conflict, NotFound
from lapel.storage.postgres import Connection

_FINDING = """
    SELECT f.*, w.clauses, w.presumed, w.missing, w.lacking, w.says
      FROM finding f JOIN finding_why w ON w.agency = f.agency AND w.id = f.why"""
_WHY = ("clauses", "presumed", "missing", "lacking", "says")


@dataclass(frozen=True, slots=True)
class Run:
    """One time that duties were held against recordings. `officer`: only this one, because footage came in."""

    id: str
    agency: str
    since: datetime
    until: datetime
    officer: str | None
    inputs: dict[str, str]
    directives: list[list[str]]
    code: str
    findings_sha256: str
    counts: dict[str, int]
    notes: list[str]
    ran_at: datetime
    ran_by: str
    entry: str | None


@dataclass(frozen=True, slots=True)
class Count:
    """How many findings of one outcome there are in one group, and how much time they are about."""

    group: str | None
    outcome: Outcome
    findings: int
    owed_us: int
    covered_us: int


def event(conn: Connection, event_id: str) -> Event:
    """The event with this id. Raises `NotFound`."""
    found = events(conn, [event_id])
    if not found:
        raise NotFound(f"There is no event {event_id[:40]} that you can see.")
    return found[0]


def events(conn: Connection, ids: Sequence[str]) -> list[Event]:
    """The events with these ids that are in view, by their beginning."""
    rows = conn.execute(
        """SELECT e.*, s.story AS told,
                  ARRAY(SELECT ARRAY[o.badge, o.officer::text] FROM event_officer o WHERE o.event = e.id ORDER BY 1) AS who
             FROM event e JOIN event_story s ON s.agency = e.agency AND s.id = e.story
            WHERE e.id = ANY(%s) ORDER BY e.begins_at, e.id""",
        (list(ids),),
    ).fetchall()
    return [_event(row) for row in rows]


def _event(row: dict[str, Any]) -> Event:
    who = tuple(TookPart(badge, officer) for badge, officer in row["who"])
    return Event(
        row["id"], row["agency"], row["source"], row["external_id"], row["kind"], row["begins_at"], row["ends_at"],
        who, Story.from_json(row["told"]), tuple(row["flags"]),
    )  # fmt: skip


def finding(conn: Connection, duty: str) -> Finding:
    """The finding about one duty, by its id or number. Raises `NotFound`."""
    row = conn.execute(_FINDING.encode() + b" WHERE f.duty = %s", (duty.lower(),)).fetchone()
    if row is None:
        row = _by_number(conn, duty)
    if row is None:
        raise NotFound(f"There is no duty {duty[:40]} that you can see.")
    return _finding(row)


def _by_number(conn: Connection, number: str) -> dict[str, Any] | None:
    """A number is the first 50 bits of the id: the ids that can have it lie in one stretch."""
    stretch = duty_stretch(number)
    if stretch is None:
        return None
    return conn.execute(_FINDING.encode() + b" WHERE f.duty BETWEEN %s AND %s LIMIT 1", stretch).fetchone()


def duty_stretch(number: str) -> tuple[str, str] | None:
    """The lowest and highest id that a duty of this number can have, or None for what is no number."""
    from lapel.base.ids import read_number

    said = number.strip().upper()
    canonical = read_number("R" + said[1:]) if said.startswith("D") else None
    if canonical is None:
        return None
    value = 0
    for digit in canonical[2:].replace("-", ""):
        value = value * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(digit)
    return f"{value << 78:032x}", f"{(value + 1 << 78) - 1:032x}"


def findings(
    conn: Connection,
    agency: str,
    since: datetime,
    until: datetime,
    *,
    officer: str | None = None,
    outcomes: Sequence[Outcome] | None = None,
    kinds: Sequence[Kind] | None = None,
    limit: int | None = None,
) -> list[Finding]:
    """The findings whose stretch begins in [since, until), by time."""
    query = _FINDING + " WHERE f.agency = %(agency)s AND f.begins_at >= %(since)s AND f.begins_at < %(until)s"
    if officer is not None:
        query += " AND f.officer = %(officer)s"
    if outcomes is not None:
        query += " AND f.outcome = ANY(%(outcomes)s)"
    if kinds is not None:
        query += " AND f.kind = ANY(%(kinds)s)"
    query += " ORDER BY f.begins_at, f.duty LIMIT %(limit)s"
    rows = conn.execute(
        query.encode(),
        {
            "agency": agency, "since": since, "until": until, "officer": officer, "limit": limit,
            "outcomes": list(outcomes or ()), "kinds": list(kinds or ()),
        },
    ).fetchall()  # fmt: skip
    return [_finding(row) for row in rows]


def findings_of_event(conn: Connection, event_id: str) -> list[Finding]:
    """Everything that was found about one event, by time and badge."""
    within = (
        b" WHERE f.event = %(id)s AND EXISTS (SELECT FROM event e WHERE e.id = %(id)s AND f.agency = e.agency"
        b" AND f.begins_at BETWEEN e.begins_at AND e.ends_at) ORDER BY f.begins_at, f.badge"
    )
    return [_finding(row) for row in conn.execute(_FINDING.encode() + within, {"id": event_id}).fetchall()]


def _finding(row: dict[str, Any]) -> Finding:
    why = Why(
        tuple(row["clauses"]),
        tuple(row["presumed"]),
        tuple(row["missing"]),
        tuple(row["lacking"]),
        row["says"],
    )
    return Finding(
        why=why, **{name: value for name, value in row.items() if name not in _WHY and name != "why"}
    )


_GROUPS = {
    "": "NULL",
    "agency": "f.agency",
    "office": "(SELECT o.name FROM office o WHERE o.id = f.office)",
    "activity": "f.activity",
    "month": "to_char(f.begins_at AT TIME ZONE (SELECT a.zone FROM agency a WHERE a.id = f.agency), 'YYYY-MM')",
    "kind": "(SELECT e.kind FROM event e WHERE e.id = f.event)",
}


def counts(
    conn: Connection, agencies: Sequence[str], since: datetime, until: datetime, *, by: str = ""
) -> list[Count]:
    """How many findings of each outcome began in [since, until), in groups: '', agency, office, activity, month or kind."""
    query = sql.SQL(
        """SELECT {} AS "group", f.outcome, count(*)::bigint AS findings,
                  COALESCE(sum(EXTRACT(EPOCH FROM f.ends_at - f.begins_at) * 1000000), 0)::bigint AS owed_us,
                  COALESCE(sum(f.covered_us), 0)::bigint AS covered_us
             FROM finding f WHERE f.agency = ANY(%s) AND f.begins_at >= %s AND f.begins_at < %s
            GROUP BY 1, 2 ORDER BY 1 NULLS LAST, 2"""
    ).format(sql.SQL(_GROUPS[by]))
    with conn.cursor(row_factory=class_row(Count)) as cursor:
        return cursor.execute(query, (list(agencies), since, until)).fetchall()


def runs(conn: Connection, agency: str, *, limit: int = 50) -> list[Run]:
    """The runs about everybody of an agency, newest first."""
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        return cursor.execute(
            "SELECT * FROM activation_run WHERE agency = %s AND officer IS NULL ORDER BY ran_at DESC, id LIMIT %s",
            (agency, limit),
        ).fetchall()


def run(conn: Connection, run_id: str) -> Run:
    """The run with this id. Raises `NotFound`."""
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        row = cursor.execute("SELECT * FROM activation_run WHERE id = %s", (run_id,)).fetchone()
    if row is None:
        raise NotFound(f"There is no run {run_id[:40]} that you can see.")
    return row


def excuse(conn: Connection, duty: str, exception: str) -> None:
    """A granted exception excuses a duty that was not met; the outcome as measured stays beside it.

    Raises `Conflict` when there is no such duty, or when nothing of it is to be excused.
    """
    done = conn.execute(
        "UPDATE finding SET outcome = 'excused', excuse = %s WHERE duty = %s AND kind = 'duty'"
        " AND outcome IN ('late', 'stopped early', 'interrupted', 'missing') RETURNING duty",
        (exception, duty),
    ).fetchone()
    if done is None:
        raise Conflict("There is nothing to excuse: the duty was met, or was excused already, or is none.")
