"""Where do recordings and originals stand in the database? All SQL that intake and custody acts need."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg.rows import class_row

from lapel.base.errors import NotFound
from lapel.cases import store as cases
from lapel.fleet import store as fleet
from lapel.footage.model import Bookmark, Original, Recording
from lapel.roster import store as roster
from lapel.storage.postgres import Connection

# The tables whose rows the acts of this room write, and which a rebuild may therefore write back.
TABLES = (
    *roster.TABLES,
    *fleet.TABLES,
    "category",
    "recording",
    "original",
    "delivered_again",
    "derived",
    "bookmark",
    "footage_gap",
    "look",
    "restriction",
    "restriction_named",
    "footage_mark",
    "site",
    "intake_container",
    "intake_object",
    *cases.TABLES,
)


def recording(conn: Connection, recording_id: str, *, lock: bool = False) -> Recording:
    """The recording with this id. Raises `NotFound` when there is none in view; `lock` holds it for this transaction."""
    if lock:
        conn.execute("SELECT FROM recording WHERE id = %s FOR UPDATE", (recording_id,))
    with conn.cursor(row_factory=class_row(Recording)) as cursor:
        row = cursor.execute("SELECT * FROM recording WHERE id = %s", (recording_id,)).fetchone()
    if row is None:
        raise NotFound(f"There is no recording {recording_id[:40]} that you can see.")
    return row


def recording_by_number(conn: Connection, number: str) -> Recording:
    """The recording with this number (`R-7K3M9-QXD4W`). Raises `NotFound`."""
    with conn.cursor(row_factory=class_row(Recording)) as cursor:
        row = cursor.execute("SELECT * FROM recording WHERE number = %s", (number,)).fetchone()
    if row is None:
        raise NotFound(f"There is no recording {number[:40]} that you can see.")
    return row


def recordings_by_number(conn: Connection, numbers: Sequence[str]) -> list[Recording]:
    """Those of these recordings that are in view."""
    with conn.cursor(row_factory=class_row(Recording)) as cursor:
        return cursor.execute(
            "SELECT * FROM recording WHERE number = ANY(%s::text[]) ORDER BY id", (list(numbers),)
        ).fetchall()


def restricted_number(conn: Connection, number: str) -> str | None:
    """Whose a restricted recording is that has this number, of the agencies in view; None when there is none."""
    row = conn.execute("SELECT agency FROM restricted_number(%s)", (number,)).fetchone()
    return row["agency"] if row else None


def recording_by_external_id(conn: Connection, agency: str, external_id: str) -> Recording | None:
    """The recording that the camera system calls `external_id`, or None."""
    with conn.cursor(row_factory=class_row(Recording)) as cursor:
        return cursor.execute(
            "SELECT * FROM recording WHERE agency = %s AND external_id = %s", (agency, external_id)
        ).fetchone()


def originals(conn: Connection, recording_id: str) -> list[Original]:
    """Every original of a recording in the order of its time, those kept beside last."""
    with conn.cursor(row_factory=class_row(Original)) as cursor:
        return cursor.execute(
            "SELECT * FROM original WHERE recording = %s ORDER BY beside, started_at NULLS LAST, name, received_at",
            (recording_id,),
        ).fetchall()


def original(conn: Connection, original_id: str) -> Original:
    """The original with this id. Raises `NotFound`."""
    with conn.cursor(row_factory=class_row(Original)) as cursor:
        row = cursor.execute("SELECT * FROM original WHERE id = %s", (original_id,)).fetchone()
    if row is None:
        raise NotFound(f"There is no original {original_id[:40]} that you can see.")
    return row


def original_by_digest(conn: Connection, agency: str, sha256: str) -> Original | None:
    """The original of this agency with these bytes, or None; empty files are never the same."""
    with conn.cursor(row_factory=class_row(Original)) as cursor:
        return cursor.execute(
            "SELECT * FROM original WHERE agency = %s AND sha256 = %s AND size_bytes > 0", (agency, sha256)
        ).fetchone()


def bookmarks(conn: Connection, recording_id: str) -> list[Bookmark]:
    """The bookmarks of a recording in the order of their time, those of the whole first."""
    with conn.cursor(row_factory=class_row(Bookmark)) as cursor:
        return cursor.execute(
            "SELECT * FROM bookmark WHERE recording = %s ORDER BY at NULLS FIRST, made_at", (recording_id,)
        ).fetchall()
