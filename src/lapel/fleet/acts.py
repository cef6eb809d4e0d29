"""How does the calendar change? Each act is a custody entry with its reason, and leaves a sealed file for a rebuild."""

from __future__ import annotations

from datetime import datetime

from lapel.base import clock
from lapel.base.errors import NotFound
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.custody.sidecar import Under, Write, perform
from lapel.fleet import store
from lapel.fleet.calendar import Assignment, Change, assign, correct, give_back
from lapel.roster import store as roster
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope


def give(
    archive: Archive, scope: Scope, agency: str, serial: str, badge: str, begins_at: datetime,
    ends_at: datetime | None, reason: str,
) -> Change:  # fmt: skip
    """An officer has a camera from an instant on. Raises `NotFound` for a serial or badge nobody knows, `Invalid`."""
    with archive.db.tx(scope) as conn:
        camera, officer = _camera(conn, agency, serial), roster.officer_by_badge(conn, agency, badge)
        if officer is None:
            raise NotFound(f"There is no officer with badge {badge[:40]} in {agency}.")
        now = clock.now()
        span = Assignment(
            camera, officer.id, begins_at, ends_at, new_id(), now, None, reason.strip(), scope.actor
        )
        return _enter(conn, archive, scope, agency, camera, "assigned", assign(span))


def take_back(
    archive: Archive, scope: Scope, agency: str, serial: str, when: datetime, reason: str
) -> Change:
    """A camera came back. Raises `Conflict` when nobody had it then, `NotFound`."""
    with archive.db.tx(scope) as conn:
        camera = _camera(conn, agency, serial)
        spans = store.calendar(conn, agency, camera_id=camera)
        change = give_back(
            spans, camera, when, now=clock.now(), ids=[new_id() for _ in spans], reason=reason.strip(), by=scope.actor
        )  # fmt: skip
        return _enter(conn, archive, scope, agency, camera, "returned", change)


def withdraw(archive: Archive, scope: Scope, agency: str, assignment: str, reason: str) -> Change:
    """A span of the calendar never was. Raises `Conflict` when it was corrected meanwhile, `NotFound`."""
    with archive.db.tx(scope) as conn:
        wrong = store.assignment(conn, assignment, lock=True)
        change = correct(wrong, None, now=clock.now())
        return _enter(conn, archive, scope, agency, wrong.camera, "assignment_withdrawn", change, reason)


def _camera(conn: Connection, agency: str, serial: str) -> str:
    there = store.camera_by_serial(conn, agency, serial)
    if there is None:
        raise NotFound(f"There is no camera {serial[:40]} in {agency}.")
    # One who changes a camera's calendar waits for another who does.
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 15))", (there.id,))
    return there.id


def _enter(
    conn: Connection, archive: Archive, scope: Scope, agency: str, camera: str, act: str, change: Change,
    reason: str = "",
) -> Change:  # fmt: skip
    writes = [
        Write("assignment", {"id": span.id, "known_until": change.at}, change=True) for span in change.ended
    ]
    for span in change.begun:
        row = {
            "id": span.id, "agency": agency, "camera": span.camera, "officer": span.officer,
            "begins_at": span.begins_at, "ends_at": span.ends_at, "known_from": span.known_from,
            "reason": span.reason, "by": span.by, "replaces": span.replaces,
        }  # fmt: skip
        writes.append(Write("assignment", row))
    entry = log.prepare(
        conn, actor=scope.actor, agency=agency, act=act, subject=f"camera:{camera}", at=change.at,
        detail={
            "ended": [span.id for span in change.ended], "begun": [span.id for span in change.begun],
            "reason": reason or next((span.reason for span in change.begun), ""),
        },
    )  # fmt: skip
    perform(conn, archive, entry, writes, agency=agency, under=Under())
    return change
