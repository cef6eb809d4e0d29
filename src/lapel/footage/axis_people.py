"""Who wore it, and which camera was it? Officers and cameras as a camera system knows them.

Somebody nobody has told us about yet still gets a row, with `known` false: footage is never refused for its wearer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.fleet import store as fleet
from lapel.footage.axis import Metadata
from lapel.footage.axis_store import lock
from lapel.footage.sidecar import Under, Write, perform
from lapel.roster import store as roster
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope


def wearer(archive: Archive, scope: Scope, agency: str, external_id: str) -> tuple[str, bool]:
    """The id of the officer whom the camera system calls `external_id`, and whether anybody has said who that is."""
    with archive.db.tx(scope) as conn:
        there = roster.officer_by_external_id(conn, agency, external_id)
        if there is None:
            lock(conn, f"officer/{agency}/{external_id}")
            there = roster.officer_by_external_id(conn, agency, external_id)
        if there is not None:
            return there.id, there.known
        row = {"external_id": external_id, "known": False}
        return _first_seen(conn, archive, scope, agency, "officer", row), False


def camera(
    archive: Archive, scope: Scope, agency: str, serial: str, *, model: str | None, firmware: str | None
) -> tuple[str, bool]:
    """The id of the camera with this serial number, and whether anybody has said that there is one."""
    with archive.db.tx(scope) as conn:
        there = fleet.camera_by_serial(conn, agency, serial)
        if there is None:
            lock(conn, f"camera/{agency}/{serial}")
            there = fleet.camera_by_serial(conn, agency, serial)
        if there is not None:
            return there.id, there.known
        row = {"serial": serial, "model": model, "firmware": firmware, "known": False}
        return _first_seen(conn, archive, scope, agency, "camera", row), False


def officer_told(conn: Connection, agency: str, external_id: str, told: Metadata) -> tuple[str, Write]:
    """What to write when a camera system says who a user is: the officer's id, and the row or its change.

    The badge number ties the user to an officer we have already; one that somebody else has is left alone.
    """
    badge = told.get("UserID")
    there = roster.officer_by_external_id(conn, agency, external_id)
    holder = roster.officer_by_badge(conn, agency, badge) if badge else None
    if there is None and holder is not None and holder.external_id is None:
        there = holder
    row: dict[str, Any] = {"external_id": external_id, "known": True, "active": _active(told)}
    if told.get("Name"):
        row["name"] = told.get("Name")
    if badge and (holder is None or (there is not None and holder.id == there.id)):
        row["badge"] = badge
    if there is not None:
        return there.id, Write("officer", {"id": there.id, **row}, change=True)
    officer_id = new_id()
    return officer_id, Write("officer", {"id": officer_id, "agency": agency, "seen_at": clock.now(), **row})


def camera_told(conn: Connection, agency: str, serial: str, told: Metadata) -> tuple[str, Write]:
    """What to write when a camera system says what a device is: the camera's id, and the row or its change."""
    row: dict[str, Any] = {"serial": serial, "known": True, "active": _active(told)}
    for column, key in (("name", "Name"), ("model", "Model")):
        if told.get(key):
            row[column] = told.get(key)
    there = fleet.camera_by_serial(conn, agency, serial)
    if there is not None:
        return there.id, Write("camera", {"id": there.id, **row}, change=True)
    camera_id = new_id()
    return camera_id, Write("camera", {"id": camera_id, "agency": agency, "last_seen_at": clock.now(), **row})


def _first_seen(
    conn: Connection, archive: Archive, scope: Scope, agency: str, table: str, row: Mapping[str, Any]
) -> str:
    row_id, at = new_id(), clock.now()
    seen = {"officer": "seen_at", "camera": "last_seen_at"}[table]
    detail: dict[str, Value] = {k: v for k, v in row.items() if v is not None}
    entry = log.prepare(
        conn,
        actor=scope.actor,
        agency=agency,
        act="seen",
        subject=f"{table}:{row_id}",
        detail=detail,
        at=at,
    )
    write = Write(table, {"id": row_id, "agency": agency, seen: at, **row})
    perform(conn, archive, entry, [write], agency=agency, under=Under())
    return row_id


def _active(told: Metadata) -> bool:
    return (told.get("Active") or "true").lower() != "false"
