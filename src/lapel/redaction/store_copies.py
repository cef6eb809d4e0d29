"""Where do redacted copies stand in the database? Their heads, their files among the derived objects, the keys that signed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from lapel.base.errors import NotFound
from lapel.storage.postgres import Connection


@dataclass(frozen=True, slots=True)
class Copy:
    """A redacted copy of a recording. `reviewed` is false where a detector alone decided; such a one is never published."""

    id: str
    agency: str
    recording: str
    redaction: str | None
    reviewed: bool
    manifest_sha256: str
    key: str
    clips: int
    clips_shown: int
    size_bytes: int
    report: dict[str, Any]
    entry: str
    made_by: str
    made_at: datetime
    published_at: datetime | None
    number: str
    key_entry: str


@dataclass(frozen=True, slots=True)
class CopyFile:
    """One file of a copy: its name in the release, and the derived object that holds it."""

    id: str
    agency: str
    object: str
    size_bytes: int
    object_key: bytes
    name: str
    sha256: str


_COPY = (
    "SELECT c.*, r.number, k.entry AS key_entry FROM redacted_copy c JOIN recording r ON r.id = c.recording"
    " JOIN manifest_key k ON k.id = c.key"
)


def copy(conn: Connection, copy_id: str) -> Copy:
    """The copy with this id. Raises `NotFound` when there is none in view."""
    with conn.cursor(row_factory=class_row(Copy)) as cursor:
        row = cursor.execute(f"{_COPY} WHERE c.id = %s::text".encode(), (copy_id,)).fetchone()
    if row is None:
        raise NotFound(f"There is no redacted copy {copy_id[:40]} that you can see.")
    return row


def copies(conn: Connection, *, recording: str | None = None, redaction: str | None = None) -> Sequence[Copy]:
    """The copies of a recording, or those that a redaction came to, newest first; 100 at most."""
    with conn.cursor(row_factory=class_row(Copy)) as cursor:
        return cursor.execute(
            f"{_COPY} WHERE (c.recording = %s::text OR c.redaction = %s::text) ORDER BY c.made_at DESC LIMIT 100".encode(),
            (recording, redaction),
        ).fetchall()


def files(conn: Connection, copy_id: str) -> Sequence[CopyFile]:
    """The files of a copy in the order of their names."""
    with conn.cursor(row_factory=class_row(CopyFile)) as cursor:
        return cursor.execute(
            "SELECT d.id, d.agency, d.object, d.size_bytes, d.object_key, d.facts ->> 'name' AS name,"
            " d.facts ->> 'sha256' AS sha256 FROM derived d JOIN redacted_copy c ON c.recording = d.recording"
            " WHERE c.id = %s::text AND d.kind = 'redacted' AND d.facts ->> 'copy' = c.id ORDER BY name",
            (copy_id,),
        ).fetchall()


def next_place(conn: Connection, original_id: str, kind: str) -> int:
    """The first free place among what was derived of this kind from an original; held until the transaction ends."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 25))", (f"{original_id} {kind}",))
    row = conn.execute(
        "SELECT COALESCE(max(place) + 1, 0) AS place FROM derived WHERE original = %s AND kind = %s",
        (original_id, kind),
    ).fetchone()
    return int(row["place"]) if row else 0


def of_kind(conn: Connection, recording_id: str, kind: str) -> dict[str, dict[str, Any]]:
    """By original, the newest row of one kind that was derived from it, those kept beside included."""
    rows = conn.execute(
        "SELECT * FROM derived WHERE recording = %s AND kind = %s ORDER BY place", (recording_id, kind)
    ).fetchall()
    return {row["original"]: row for row in rows}


def manifest_key(conn: Connection, agency: str, key: str) -> str | None:
    """The id of a manifest key that the log knows, else None; nobody else adds it until the transaction ends."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 26))", (agency,))
    row = conn.execute("SELECT id FROM manifest_key WHERE agency = %s AND key = %s", (agency, key)).fetchone()
    return None if row is None else str(row["id"])
