"""Where does it stand why somebody looks, who broke the glass, who is named, and how a recording is marked? All SQL of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from psycopg.rows import class_row

from lapel.base import clock
from lapel.storage.postgres import Connection

if TYPE_CHECKING:
    from lapel.footage.looking import Look
    from lapel.footage.marking import Mark
    from lapel.footage.restricting import Apart, Named, Restriction


@dataclass(frozen=True, slots=True)
class Standing:
    """`purpose`: why they look, as far as it holds; `force`, `investigated`: how the recording is marked."""

    purpose: Literal["", "case", "reason"]
    glass: bool
    force: bool
    investigated: bool


@dataclass(frozen=True, slots=True)
class UnderGlass:
    """One act while the glass was broken. `at`: as the custody log writes it; `attempted`: of a refusal, what was refused."""

    at: str
    act: str
    attempted: str


@dataclass(frozen=True, slots=True)
class OpenGlass:
    """Glass that somebody has broken, until when."""

    id: str
    number: str
    agency: str
    ends_at: datetime


def restriction(conn: Connection, recording: str, *, lock: bool = False) -> Restriction | None:
    """The restriction in force on a recording, or None; `lock` lets one at a time decide it."""
    from lapel.footage.restricting import Restriction

    if lock:
        conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 20))", (recording,))
    with conn.cursor(row_factory=class_row(Restriction)) as cursor:
        return cursor.execute(
            "SELECT * FROM restriction WHERE recording = %s AND lifted_at IS NULL", (recording,)
        ).fetchone()


def named(conn: Connection, recording: str) -> list[Named]:
    """Who is named for a recording now, in the order they were."""
    from lapel.footage.restricting import Named

    with conn.cursor(row_factory=class_row(Named)) as cursor:
        return cursor.execute(
            "SELECT * FROM restriction_named WHERE recording = %s AND ended_at IS NULL ORDER BY named_at, id",
            (recording,),
        ).fetchall()


def inspectors_of(conn: Connection, agency: str) -> tuple[str, ...]:
    """The accounts of the inspectors general of an agency in view."""
    return tuple(row["a"] for row in conn.execute("SELECT inspectors_of(%s) AS a ORDER BY 1", (agency,)))


def custodians_of(conn: Connection, agency: str) -> tuple[str, ...]:
    """The accounts of the evidence custodians of an agency in view."""
    return tuple(row["a"] for row in conn.execute("SELECT custodians_of(%s) AS a ORDER BY 1", (agency,)))


def account_in_view(conn: Connection, account: str) -> bool:
    """Is there an account with this id that works for an agency in view?"""
    return conn.execute("SELECT id FROM account WHERE id = %s::text", (account,)).fetchone() is not None


def restricted(conn: Connection, number: str) -> Apart | None:
    """The restricted recording with this number, of the agencies in view, seen or not; None when there is none."""
    from lapel.footage.restricting import Apart

    with conn.cursor(row_factory=class_row(Apart)) as cursor:
        return cursor.execute("SELECT * FROM restricted_recording(%s)", (number,)).fetchone()


# A case counts while it is open and the account has a part in it; anything else by its time alone.
_HOLDS = """
    (l.why <> 'case' OR EXISTS (SELECT FROM case_member m JOIN case_file f ON f.id = m.case_file
      WHERE m.case_file = l.case_file AND m.account = l.account AND m.ended_at IS NULL AND f.closed_at IS NULL))"""
_RUNNING = """
    SELECT l.* FROM look l WHERE l.recording = %s AND l.account = %s AND l.ends_at > %s
       AND (l.why = 'glass' OR l.session = %s) AND {holds}
     ORDER BY array_position(ARRAY['case', 'reason', 'glass'], l.why), l.begun_at DESC""".replace(
    "{holds}", _HOLDS
)
_STANDING = """
    SELECT COALESCE((SELECT min(l.why) FROM look l
                      WHERE l.recording = %(recording)s AND l.account = %(account)s AND l.session = %(session)s
                        AND l.why <> 'glass' AND l.ends_at > %(at)s AND {holds}), '') AS purpose,
           EXISTS (SELECT FROM look l WHERE l.recording = %(recording)s AND l.account = %(account)s AND l.why = 'glass'
                      AND l.ends_at > %(at)s) AS glass,
           EXISTS (SELECT FROM footage_mark k WHERE k.recording = %(recording)s AND k.kind = 'use_of_force'
                      AND k.ended_at IS NULL) AS force,
           EXISTS (SELECT FROM footage_mark k WHERE k.recording = %(recording)s AND k.kind = 'investigated'
                      AND k.ended_at IS NULL)
        OR EXISTS (SELECT FROM case_recording c JOIN case_file f ON f.id = c.case_file
                    WHERE c.recording = %(recording)s AND c.removed_at IS NULL AND f.kind = 'internal affairs'
                      AND f.closed_at IS NULL) AS investigated""".replace("{holds}", _HOLDS)


def running(conn: Connection, recording: str, account: str, session: str, at: datetime) -> list[Look]:
    """The purposes that hold now for this recording, account and session: cases first, then reasons, then broken glass.

    Broken glass holds for the account, in whichever session; a case only while it is open and the account has a part in it.
    """
    from lapel.footage.looking import Look

    with conn.cursor(row_factory=class_row(Look)) as cursor:
        return cursor.execute(_RUNNING.encode(), (recording, account, at, session)).fetchall()


def standing(conn: Connection, recording: str, account: str, session: str, at: datetime) -> Standing:
    """What the database knows of a person and a recording, in one question."""
    values = {"recording": recording, "account": account, "session": session, "at": at}
    with conn.cursor(row_factory=class_row(Standing)) as cursor:
        row = cursor.execute(_STANDING.encode(), values).fetchone()
    assert row is not None  # a SELECT without FROM has one row
    return row


def open_glass(conn: Connection, account: str, at: datetime) -> list[OpenGlass]:
    """The glass that this account has broken and that has not ended."""
    with conn.cursor(row_factory=class_row(OpenGlass)) as cursor:
        return cursor.execute(
            "SELECT l.id, r.number, l.agency, l.ends_at FROM look l JOIN recording r ON r.id = l.recording"
            " WHERE l.account = %s AND l.why = 'glass' AND l.ends_at > %s ORDER BY l.ends_at",
            (account, at),
        ).fetchall()


def look(conn: Connection, look_id: str, *, lock: bool = False) -> Look | None:
    """The look with this id, or None."""
    from lapel.footage.looking import Look

    if lock:
        conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 20))", (look_id,))
    with conn.cursor(row_factory=class_row(Look)) as cursor:
        return cursor.execute("SELECT * FROM look WHERE id = %s", (look_id,)).fetchone()


def glasses(conn: Connection, agencies: Sequence[str], *, seen: bool, limit: int) -> list[Look]:
    """Broken glass of these agencies: what no inspector general has looked into, the oldest first; or what one has, the newest."""
    from lapel.footage.looking import Look

    with conn.cursor(row_factory=class_row(Look)) as cursor:
        return cursor.execute(
            "SELECT * FROM look WHERE why = 'glass' AND agency = ANY(%(agencies)s::text[])"
            " AND (seen_at IS NOT NULL) = %(seen)s ORDER BY extract(epoch FROM begun_at)"
            " * CASE WHEN %(seen)s THEN -1 ELSE 1 END, id LIMIT %(limit)s",
            {"agencies": list(agencies), "seen": seen, "limit": limit},
        ).fetchall()


def marks(conn: Connection, recording: str) -> list[Mark]:
    """Every mark a recording has or had, in the order they were set."""
    from lapel.footage.marking import Mark

    with conn.cursor(row_factory=class_row(Mark)) as cursor:
        return cursor.execute(
            "SELECT * FROM footage_mark WHERE recording = %s ORDER BY made_at, id", (recording,)
        ).fetchall()


def acts_under(conn: Connection, look: Look) -> list[UnderGlass]:
    """What the account did with the recording while the glass was broken, as the custody log tells it, oldest first."""
    with conn.cursor(row_factory=class_row(UnderGlass)) as cursor:
        return cursor.execute(
            "SELECT o.openings #>> '{at,1}' AS at, o.openings #>> '{act,1}' AS act,"
            " COALESCE(o.openings #>> '{attempted,1}', '') AS attempted FROM custody_opening o"
            " WHERE o.subject = 'recording:' || %s AND o.openings #>> '{actor,1}' = 'account:' || %s"
            " AND o.openings #>> '{at,1}' BETWEEN %s AND %s ORDER BY 1, o.entry LIMIT 200",
            (look.recording, look.account, clock.stamp(look.begun_at), clock.stamp(look.ends_at)),
        ).fetchall()


def numbers(conn: Connection, recordings: Sequence[str]) -> dict[str, str]:
    """The numbers of those of these recordings that are in view."""
    rows = conn.execute("SELECT id, number FROM recording WHERE id = ANY(%s::text[])", (list(recordings),))
    return {row["id"]: row["number"] for row in rows}


def people(conn: Connection, agency: str) -> list[tuple[str, str]]:
    """The accounts that work for this agency, as (id, name), by name."""
    rows = conn.execute(
        "SELECT DISTINCT a.id, a.name FROM account a LEFT JOIN account_grant g ON g.account = a.id AND g.ended_at IS NULL"
        " WHERE a.active AND (a.agency = %(agency)s OR g.agency = %(agency)s) ORDER BY a.name, a.id LIMIT 2000",
        {"agency": agency},
    )
    return [(row["id"], row["name"]) for row in rows]
