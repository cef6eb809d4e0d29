"""Who wore it, and which camera was it? Officers and cameras as those who deliver footage know them.

Somebody nobody has told us about yet still gets a row, with `known` false: footage is never refused for its wearer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.custody.sidecar import Under, Write, perform
from lapel.fleet import store as fleet
from lapel.fleet.model import Camera
from lapel.footage.model import Recording
from lapel.roster import store as roster
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope


def wearer(archive: Archive, scope: Scope, agency: str, external_id: str) -> tuple[str, bool]:
    """The id of the officer whom the camera system calls `external_id`, and whether anybody has said who that is."""
    with archive.db.tx(scope) as conn:
        there = roster.officer_by_external_id(conn, agency, external_id)
        if there is None:
            take_turns(conn, f"officer/{agency}/{external_id}")
            there = roster.officer_by_external_id(conn, agency, external_id)
        if there is not None:
            return there.id, there.known
        row = {"external_id": external_id, "known": False}
        return _first_seen(conn, archive, scope, agency, "officer", row), False


def wearer_with_badge(archive: Archive, scope: Scope, agency: str, badge: str) -> tuple[str, bool]:
    """The id of the officer with this badge number, and whether anybody else has said that there is one."""
    with archive.db.tx(scope) as conn:
        there = roster.officer_by_badge(conn, agency, badge)
        if there is None:
            take_turns(conn, f"badge/{agency}/{badge}")
            there = roster.officer_by_badge(conn, agency, badge)
        if there is not None:
            return there.id, there.known
        row = {"badge": badge, "known": False}
        return _first_seen(conn, archive, scope, agency, "officer", row), False


def camera(
    archive: Archive,
    scope: Scope,
    agency: str,
    serial: str,
    *,
    model: str | None = None,
    firmware: str | None = None,
) -> tuple[str, bool]:
    """The id of the camera with this serial number, and whether anybody has said that there is one."""
    with archive.db.tx(scope) as conn:
        there = fleet.camera_by_serial(conn, agency, serial)
        if there is None:
            take_turns(conn, f"camera/{agency}/{serial}")
            there = fleet.camera_by_serial(conn, agency, serial)
        if there is not None:
            _refresh(conn, archive, scope, there, model=model, firmware=firmware)
            return there.id, there.known
        row = {"serial": serial, "model": model, "firmware": firmware, "known": False}
        return _first_seen(conn, archive, scope, agency, "camera", row), False


def officer_told(
    conn: Connection, agency: str, external_id: str, *, name: str | None, badge: str | None, active: bool
) -> tuple[str, Write]:
    """What to write when a camera system says who a user is: the officer's id, and the row or its change.

    The badge number ties the user to an officer we have already; one that somebody else has is left alone.
    """
    take_turns(conn, f"officer/{agency}/{external_id}")
    there = roster.officer_by_external_id(conn, agency, external_id)
    if badge:
        take_turns(conn, f"badge/{agency}/{badge}")
    holder = roster.officer_by_badge(conn, agency, badge) if badge else None
    if there is None and holder is not None and holder.external_id is None:
        there = holder
    row: dict[str, Any] = {"external_id": external_id, "known": True, "active": active}
    if name:
        row["name"] = name
    if badge and (holder is None or (there is not None and holder.id == there.id)):
        row["badge"] = badge
    if there is not None:
        return there.id, Write("officer", {"id": there.id, **row}, change=True)
    officer_id = new_id()
    return officer_id, Write("officer", {"id": officer_id, "agency": agency, "seen_at": clock.now(), **row})


def camera_told(
    conn: Connection, agency: str, serial: str, *, name: str | None, model: str | None, active: bool
) -> tuple[str, Write]:
    """What to write when a camera system says what a device is: the camera's id, and the row or its change."""
    take_turns(conn, f"camera/{agency}/{serial}")
    there = fleet.camera_by_serial(conn, agency, serial)
    row: dict[str, Any] = {"serial": serial, "known": True, "active": active}
    row |= {column: value for column, value in (("name", name), ("model", model)) if value}
    if there is not None:
        return there.id, Write("camera", {"id": there.id, **row}, change=True)
    camera_id = new_id()
    return camera_id, Write("camera", {"id": camera_id, "agency": agency, "last_seen_at": clock.now(), **row})


def docked(camera: str | None, actor: str, at: datetime) -> list[Write]:
    """What to write of the camera when all of a recording has come: a site is where a camera stands when it delivers."""
    if camera is None or not actor.startswith("site:"):
        return []
    return [Write("camera", {"id": camera, "last_docked_at": at, "last_seen_at": at}, change=True)]


def clock_seen(conn: Connection, recording: Recording, off_s: int | None, at: datetime | None) -> list[Write]:
    """What to write of the camera when a clip shows how far its clock was off; an older clip says nothing new."""
    if recording.camera is None or off_s is None or at is None:
        return []
    there = fleet.camera(conn, recording.camera)
    if there.clock_seen_at is not None and there.clock_seen_at >= at:
        return []
    return [Write("camera", {"id": there.id, "clock_off_s": off_s, "clock_seen_at": at}, change=True)]


def _refresh(
    conn: Connection, archive: Archive, scope: Scope, there: Camera, *, model: str | None, firmware: str | None
) -> None:  # fmt: skip
    """A recording says what the camera runs now; that is entered when it is news."""
    told = {"model": model, "firmware": firmware}
    changed = {name: value for name, value in told.items() if value and value != getattr(there, name)}
    if not changed:
        return
    detail: dict[str, Value] = dict(changed)
    entry = log.prepare(
        conn, actor=scope.actor, agency=there.agency, act="described", subject=f"camera:{there.id}", detail=detail
    )  # fmt: skip
    write = Write("camera", {"id": there.id, **changed, "last_seen_at": clock.now()}, change=True)
    perform(conn, archive, entry, [write], agency=there.agency, under=Under())


def take_turns(conn: Connection, name: str) -> None:
    """Hold this name for the rest of the transaction, so that two who say the same thing at once do it one by one."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 2))", (name,))


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
