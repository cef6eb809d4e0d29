"""Where do officers and offices stand in the database?"""

from __future__ import annotations

from psycopg.rows import class_row

from lapel.base.errors import NotFound
from lapel.roster.model import Office, Officer
from lapel.storage.postgres import Connection


def officer(conn: Connection, officer_id: str) -> Officer:
    """The officer with this id. Raises `NotFound`."""
    with conn.cursor(row_factory=class_row(Officer)) as cursor:
        row = cursor.execute("SELECT * FROM officer WHERE id = %s", (officer_id,)).fetchone()
    if row is None:
        raise NotFound(f"There is no officer {officer_id[:40]} that you can see.")
    return row


def officer_by_badge(conn: Connection, agency: str, badge: str) -> Officer | None:
    """The officer with this badge number, or None."""
    with conn.cursor(row_factory=class_row(Officer)) as cursor:
        return cursor.execute(
            "SELECT * FROM officer WHERE agency = %s AND badge = %s", (agency, badge)
        ).fetchone()


def officer_by_external_id(conn: Connection, agency: str, external_id: str) -> Officer | None:
    """The officer whom the camera system calls `external_id`, or None."""
    with conn.cursor(row_factory=class_row(Officer)) as cursor:
        return cursor.execute(
            "SELECT * FROM officer WHERE agency = %s AND external_id = %s", (agency, external_id)
        ).fetchone()


def officers(conn: Connection) -> list[Officer]:
    """Every officer in view, by agency and badge."""
    with conn.cursor(row_factory=class_row(Officer)) as cursor:
        return cursor.execute("SELECT * FROM officer ORDER BY agency, badge NULLS LAST, id").fetchall()


def offices(conn: Connection) -> list[Office]:
    """Every office in view, by agency and name."""
    with conn.cursor(row_factory=class_row(Office)) as cursor:
        return cursor.execute("SELECT * FROM office ORDER BY agency, name").fetchall()
