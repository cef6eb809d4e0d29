"""Where does it stand why somebody looks, who broke the glass, who is named, and how a recording is marked? All SQL of that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.rows import class_row

from lapel.storage.postgres import Connection

if TYPE_CHECKING:
    from lapel.footage.restricting import Apart, Named, Restriction


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


def account_in_view(conn: Connection, account: str) -> bool:
    """Is there an account with this id that works for an agency in view?"""
    return conn.execute("SELECT id FROM account WHERE id = %s::text", (account,)).fetchone() is not None


def restricted(conn: Connection, number: str) -> Apart | None:
    """The restricted recording with this number, of the agencies in view, seen or not; None when there is none."""
    from lapel.footage.restricting import Apart

    with conn.cursor(row_factory=class_row(Apart)) as cursor:
        return cursor.execute("SELECT * FROM restricted_recording(%s)", (number,)).fetchone()
