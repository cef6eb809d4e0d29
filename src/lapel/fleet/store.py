"""Where do cameras, the calendar and the adopted plan stand in the database?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from psycopg.rows import class_row

from lapel.base.errors import NotFound
from lapel.fleet.calendar import Assignment
from lapel.fleet.model import Camera, Check, Deployment, InForce, StatusChange
from lapel.storage.postgres import Connection

_CAMERA = (
    "SELECT id, agency, serial, maker, model, firmware, name, active, known, last_seen_at, clock_off_s, status, office,"
    " buffer_s, last_docked_at, clock_seen_at FROM camera"
)
# The tables that the acts of this room write beside their sidecars, and a rebuild writes back.
TABLES = ("camera", "assignment", "camera_status", "camera_check", "deployment_plan", "deployment")
_ASSIGNMENT = "SELECT camera, officer, begins_at, ends_at, id, known_from, known_until, reason, by, replaces FROM assignment"


def camera(conn: Connection, camera_id: str) -> Camera:
    """The camera with this id. Raises `NotFound`."""
    with conn.cursor(row_factory=class_row(Camera)) as cursor:
        row = cursor.execute(f"{_CAMERA} WHERE id = %s", (camera_id,)).fetchone()
    if row is None:
        raise NotFound(f"There is no camera {camera_id[:40]} that you can see.")
    return row


def camera_by_serial(conn: Connection, agency: str, serial: str) -> Camera | None:
    """The camera with this serial number, or None."""
    with conn.cursor(row_factory=class_row(Camera)) as cursor:
        return cursor.execute(f"{_CAMERA} WHERE agency = %s AND serial = %s", (agency, serial)).fetchone()


def cameras(conn: Connection, agency: str | None = None) -> list[Camera]:
    """Every camera in view, or of one agency, by agency and serial number."""
    with conn.cursor(row_factory=class_row(Camera)) as cursor:
        return cursor.execute(
            f"{_CAMERA} WHERE agency = COALESCE(%s, agency) ORDER BY agency, serial", (agency,)
        ).fetchall()


def assignments(
    conn: Connection, agency: str, since: datetime, until: datetime, known_at: datetime | None = None
) -> list[Assignment]:
    """The spans that share time with [since, until), as believed at `known_at` (None: now), by camera and beginning."""
    with conn.cursor(row_factory=class_row(Assignment)) as cursor:
        return cursor.execute(
            f"{_ASSIGNMENT} WHERE agency = %(agency)s AND begins_at < %(until)s AND (ends_at IS NULL OR ends_at > %(since)s)"
            "   AND CASE WHEN %(known)s::timestamptz IS NULL THEN known_until IS NULL"
            "       ELSE known_from <= %(known)s AND (known_until IS NULL OR known_until > %(known)s) END"
            " ORDER BY camera, begins_at, officer, id",
            {"agency": agency, "since": since, "until": until, "known": known_at},
        ).fetchall()


def calendar(
    conn: Connection, agency: str, *, camera_id: str | None = None, officer_id: str | None = None
) -> list[Assignment]:
    """Everything that was ever believed of an agency's cameras, of one, or of one officer."""
    with conn.cursor(row_factory=class_row(Assignment)) as cursor:
        return cursor.execute(
            f"{_ASSIGNMENT} WHERE agency = %s AND camera = COALESCE(%s, camera) AND officer = COALESCE(%s, officer)"
            " ORDER BY camera, begins_at, known_from, id",
            (agency, camera_id, officer_id),
        ).fetchall()


def assignment(conn: Connection, assignment_id: str, *, lock: bool = False) -> Assignment:
    """One span, believed or not. Raises `NotFound`."""
    with conn.cursor(row_factory=class_row(Assignment)) as cursor:
        row = cursor.execute(
            f"{_ASSIGNMENT} WHERE id = %s{' FOR UPDATE' if lock else ''}", (assignment_id,)
        ).fetchone()
    if row is None:
        raise NotFound("There is no such span in the calendar that you can see.")
    return row


def serials(conn: Connection, ids: Sequence[str]) -> dict[str, str]:
    """The serial numbers of these cameras."""
    rows = conn.execute("SELECT id, serial FROM camera WHERE id = ANY(%s)", (list(ids),))
    return {row["id"]: row["serial"] for row in rows}


def statuses(conn: Connection, camera_id: str) -> list[StatusChange]:
    """What a camera was when, newest first."""
    with conn.cursor(row_factory=class_row(StatusChange)) as cursor:
        return cursor.execute(
            "SELECT camera, status, at, reason, by FROM camera_status WHERE camera = %s ORDER BY at DESC, id",
            (camera_id,),
        ).fetchall()


def checks(conn: Connection, camera_id: str, limit: int = 50) -> list[Check]:
    """The pre-shift checks of a camera, newest first."""
    with conn.cursor(row_factory=class_row(Check)) as cursor:
        return cursor.execute(
            "SELECT camera, officer, at, sound, says, by, outcome FROM camera_check WHERE camera = %s ORDER BY at DESC, id LIMIT %s",
            (camera_id, limit),
        ).fetchall()


def planned(conn: Connection, agency: str) -> dict[str, list[tuple[date, date | None]]]:
    """The days [from, until) on which each office is in the adopted plan; without a plan nothing is in it."""
    found: dict[str, list[tuple[date, date | None]]] = {}
    for row in deployments(conn, agency):
        found.setdefault(row.office, []).append((row.from_on, row.until_on))
    return found


def deployments(conn: Connection, agency: str) -> list[Deployment]:
    """What the adopted plan says of each office, by day."""
    with conn.cursor(row_factory=class_row(Deployment)) as cursor:
        return cursor.execute(
            "SELECT d.office, d.from_on, d.until_on, d.cameras, d.officers FROM deployment d"
            " JOIN deployment_plan p ON p.id = d.plan AND p.superseded_at IS NULL"
            " WHERE d.agency = %s ORDER BY d.from_on, d.office",
            (agency,),
        ).fetchall()


def plan_in_force(conn: Connection, agency: str) -> InForce | None:
    """The plan that an agency has adopted, or None."""
    with conn.cursor(row_factory=class_row(InForce)) as cursor:
        return cursor.execute(
            "SELECT id, agency, sha256, quarters, adopted_at, adopted_by FROM deployment_plan"
            " WHERE agency = %s AND superseded_at IS NULL",
            (agency,),
        ).fetchone()
