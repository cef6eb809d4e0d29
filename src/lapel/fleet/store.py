"""Where do cameras stand in the database?"""

from __future__ import annotations

from psycopg.rows import class_row

from lapel.base.errors import NotFound
from lapel.fleet.model import Camera
from lapel.storage.postgres import Connection


def camera(conn: Connection, camera_id: str) -> Camera:
    """The camera with this id. Raises `NotFound`."""
    with conn.cursor(row_factory=class_row(Camera)) as cursor:
        row = cursor.execute("SELECT * FROM camera WHERE id = %s", (camera_id,)).fetchone()
    if row is None:
        raise NotFound(f"There is no camera {camera_id[:40]} that you can see.")
    return row


def camera_by_serial(conn: Connection, agency: str, serial: str) -> Camera | None:
    """The camera with this serial number, or None."""
    with conn.cursor(row_factory=class_row(Camera)) as cursor:
        return cursor.execute(
            "SELECT * FROM camera WHERE agency = %s AND serial = %s", (agency, serial)
        ).fetchone()


def cameras(conn: Connection) -> list[Camera]:
    """Every camera in view, by agency and serial number."""
    with conn.cursor(row_factory=class_row(Camera)) as cursor:
        return cursor.execute("SELECT * FROM camera ORDER BY agency, serial").fetchall()
