"""Where do the protocol's containers stand that are no recording's own? Their rows, read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from lapel.footage import store
from lapel.footage.model import Original
from lapel.storage.postgres import Connection


@dataclass(frozen=True, slots=True)
class ContainerRow:
    """A container of people, cameras, systems or rejected content; `recording` is whose files it holds."""

    id: str
    agency: str
    name: str
    recording: str | None
    metadata: Mapping[str, str]
    made_at: datetime


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """What was said last of a person, a camera or a system."""

    id: str
    agency: str
    container: str
    name: str
    metadata: Mapping[str, str]
    body: bytes
    flags: list[str]
    changed_at: datetime


def container(conn: Connection, agency: str, name: str) -> ContainerRow | None:
    """The container with this name, or None."""
    with conn.cursor(row_factory=class_row(ContainerRow)) as cursor:
        return cursor.execute(
            "SELECT * FROM intake_container WHERE agency = %s AND name = %s", (agency, name)
        ).fetchone()


def object_named(conn: Connection, agency: str, container_name: str, name: str) -> ObjectRow | None:
    """The object with this name in a container of people, cameras or systems, or None."""
    with conn.cursor(row_factory=class_row(ObjectRow)) as cursor:
        return cursor.execute(
            "SELECT * FROM intake_object WHERE agency = %s AND container = %s AND name = %s",
            (agency, container_name, name),
        ).fetchone()


def original_named(conn: Connection, recording_id: str, name: str) -> Original | None:
    """The original a sender means by this name: the one shown, or the one these bytes were when they came again."""
    named = [o for o in store.originals(conn, recording_id) if o.name == name]
    if named:
        return named[0]
    row = conn.execute(
        "SELECT original FROM delivered_again WHERE recording = %s AND name = %s ORDER BY at DESC LIMIT 1",
        (recording_id, name),
    ).fetchone()
    return store.original(conn, row["original"]) if row else None


def categories(conn: Connection, agency: str) -> list[tuple[str, str]]:
    """Name and id, as a camera system calls it, of every category that is in use, by name."""
    rows = conn.execute(
        "SELECT name, coalesce(external_id, id) AS id FROM category WHERE agency = %s AND active ORDER BY name",
        (agency,),
    )
    return [(row["name"], row["id"]) for row in rows]


def category_called(conn: Connection, agency: str, external_id: str) -> str | None:
    """Our id of the category that a camera system calls `external_id`, or None."""
    row = conn.execute(
        "SELECT id FROM category WHERE agency = %s AND coalesce(external_id, id) = %s", (agency, external_id)
    ).fetchone()
    return str(row["id"]) if row else None
