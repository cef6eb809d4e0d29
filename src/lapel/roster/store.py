"""Where do officers, offices and what is said of them by date stand in the database?"""

from __future__ import annotations

from datetime import date

from psycopg.rows import class_row

from lapel.base.errors import NotFound
from lapel.roster.model import Component, Membership, Office, Officer, Supervision, Training
from lapel.storage.postgres import Connection

# The tables that the acts of this room write beside their sidecars, and a rebuild writes back.
TABLES = ("component", "office", "officer", "officer_office", "supervision", "training", "roster_import")
CAMERA_COURSE = "camera"
_OFFICER = "SELECT id, agency, office, badge, external_id, name, active, known, seen_at, job, hired_on, left_on FROM officer"
_OFFICE = "SELECT id, agency, name, component, parent, code FROM office"
Days = tuple[date, date | None]


def officer(conn: Connection, officer_id: str) -> Officer:
    """The officer with this id. Raises `NotFound`."""
    with conn.cursor(row_factory=class_row(Officer)) as cursor:
        row = cursor.execute(f"{_OFFICER} WHERE id = %s", (officer_id,)).fetchone()
    if row is None:
        raise NotFound(f"There is no officer {officer_id[:40]} that you can see.")
    return row


def officer_by_badge(conn: Connection, agency: str, badge: str) -> Officer | None:
    """The officer with this badge number, or None."""
    with conn.cursor(row_factory=class_row(Officer)) as cursor:
        return cursor.execute(f"{_OFFICER} WHERE agency = %s AND badge = %s", (agency, badge)).fetchone()


def officer_by_external_id(conn: Connection, agency: str, external_id: str) -> Officer | None:
    """The officer whom the camera system calls `external_id`, or None."""
    with conn.cursor(row_factory=class_row(Officer)) as cursor:
        return cursor.execute(
            f"{_OFFICER} WHERE agency = %s AND external_id = %s", (agency, external_id)
        ).fetchone()


def officers(conn: Connection, agency: str | None = None) -> list[Officer]:
    """Every officer in view, or of one agency, by agency and badge."""
    with conn.cursor(row_factory=class_row(Officer)) as cursor:
        return cursor.execute(
            f"{_OFFICER} WHERE agency = COALESCE(%s, agency) ORDER BY agency, badge NULLS LAST, id", (agency,)
        ).fetchall()


def offices(conn: Connection, agency: str | None = None) -> list[Office]:
    """Every office in view, or of one agency, by agency and name."""
    with conn.cursor(row_factory=class_row(Office)) as cursor:
        return cursor.execute(
            f"{_OFFICE} WHERE agency = COALESCE(%s, agency) ORDER BY agency, name", (agency,)
        ).fetchall()


def components(conn: Connection, agency: str | None = None) -> list[Component]:
    """Every component in view, or of one agency, by agency and name."""
    with conn.cursor(row_factory=class_row(Component)) as cursor:
        return cursor.execute(
            "SELECT id, agency, name FROM component WHERE agency = COALESCE(%s, agency) ORDER BY agency, name",
            (agency,),
        ).fetchall()


def memberships(conn: Connection, agency: str, officer_id: str | None = None) -> list[Membership]:
    """Who belonged to which office when, in an agency or of one officer, by officer and day."""
    with conn.cursor(row_factory=class_row(Membership)) as cursor:
        return cursor.execute(
            "SELECT id, officer, office, from_on, until_on FROM officer_office"
            " WHERE agency = %s AND officer = COALESCE(%s, officer) ORDER BY officer, from_on",
            (agency, officer_id),
        ).fetchall()


def supervisions(conn: Connection, agency: str, officer_id: str | None = None) -> list[Supervision]:
    """Who supervised whom when, in an agency or of one officer, by officer and day."""
    with conn.cursor(row_factory=class_row(Supervision)) as cursor:
        return cursor.execute(
            "SELECT id, officer, supervisor, from_on, until_on FROM supervision"
            " WHERE agency = %s AND officer = COALESCE(%s, officer) ORDER BY officer, from_on",
            (agency, officer_id),
        ).fetchall()


def trainings(conn: Connection, agency: str, officer_id: str | None = None) -> list[Training]:
    """Who was trained for what when, in an agency or of one officer, by officer, course and day."""
    with conn.cursor(row_factory=class_row(Training)) as cursor:
        return cursor.execute(
            "SELECT id, officer, course, from_on, until_on FROM training"
            " WHERE agency = %s AND officer = COALESCE(%s, officer) ORDER BY officer, course, from_on",
            (agency, officer_id),
        ).fetchall()


def belongs(conn: Connection, agency: str, on: date) -> dict[str, str]:
    """The office of each officer on a day; who belonged to none is not in it."""
    return {m.officer: m.office for m in memberships(conn, agency) if _holds(m.from_on, m.until_on, on)}


def supervises(conn: Connection, agency: str, on: date) -> dict[str, str]:
    """The supervisor of each officer on a day; who had none is not in it."""
    return {s.officer: s.supervisor for s in supervisions(conn, agency) if _holds(s.from_on, s.until_on, on)}


def trained(conn: Connection, agency: str, course: str = CAMERA_COURSE) -> dict[str, list[Days]]:
    """The days [from, until) on which each officer's training in the course holds; until None is until further notice."""
    found: dict[str, list[Days]] = {}
    for training in trainings(conn, agency):
        if training.course == course:
            found.setdefault(training.officer, []).append((training.from_on, training.until_on))
    return found


def settle_offices(conn: Connection) -> int:
    """Say of every officer in view the office that they belong to today, by their agency's own day; who belongs to none by
    date keeps what is said of them. Returns how many moved. It follows from what was entered, so it is no act of its own."""
    return conn.execute(
        "UPDATE officer o SET office = m.office FROM officer_office m JOIN agency a ON a.id = m.agency"
        " WHERE m.officer = o.id AND m.from_on <= (now() AT TIME ZONE a.zone)::date"
        "   AND (m.until_on IS NULL OR m.until_on > (now() AT TIME ZONE a.zone)::date) AND o.office IS DISTINCT FROM m.office"
    ).rowcount


def _holds(from_on: date, until_on: date | None, on: date) -> bool:
    return from_on <= on and (until_on is None or on < until_on)
