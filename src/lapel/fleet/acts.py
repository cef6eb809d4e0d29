"""How does the calendar change? Each act is a custody entry with its reason, and leaves a sealed file for a rebuild."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from lapel.base import clock
from lapel.base.errors import Conflict, NotFound
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.custody.sidecar import Under, Write, perform
from lapel.fleet import store
from lapel.fleet.calendar import Assignment, Change, assign, believed, correct, give_back
from lapel.fleet.keeping import GONE, locked, status_writes
from lapel.roster import store as roster
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope


def give(
    archive: Archive, scope: Scope, agency: str, serial: str, badge: str, begins_at: datetime,
    ends_at: datetime | None, reason: str,
) -> Change:  # fmt: skip
    """An officer has a camera from an instant on. Raises `NotFound` for a serial or badge nobody knows, `Invalid`."""
    with archive.db.tx(scope) as conn:
        camera, officer = locked(conn, agency, serial), roster.officer_by_badge(conn, agency, badge)
        if officer is None:
            raise NotFound(f"There is no officer with badge {badge[:40]} in {agency}.")
        if ends_at is None and camera.status in GONE:
            raise Conflict(
                f"Camera {camera.serial} is {camera.status}, so nobody can have it from now on.",
                next_step="Say first that it is in stock again, or until when the officer had it.",
            )
        now = clock.now()
        span = Assignment(
            camera.id, officer.id, begins_at, ends_at, new_id(), now, None, reason.strip(), scope.actor
        )
        change = assign(span)
        also = [] if ends_at is not None or camera.status == "issued" else status_writes(camera, "issued", now, span.reason, scope.actor)  # fmt: skip
        return _enter(conn, archive, scope, agency, camera.id, "assigned", change, also=also)


def take_back(
    archive: Archive, scope: Scope, agency: str, serial: str, when: datetime, reason: str
) -> Change:
    """A camera came back. Raises `Conflict` when nobody had it then, `NotFound`."""
    with archive.db.tx(scope) as conn:
        camera = locked(conn, agency, serial)
        spans = store.calendar(conn, agency, camera_id=camera.id)
        change = give_back(
            spans, camera.id, when, now=clock.now(), ids=[new_id() for _ in spans], reason=reason.strip(), by=scope.actor
        )  # fmt: skip
        still = [span for span in believed(change.applied(spans)) if span.holds_at(change.at)]
        also = [] if still or camera.status != "issued" else status_writes(camera, "in stock", change.at, reason.strip(), scope.actor)  # fmt: skip
        return _enter(conn, archive, scope, agency, camera.id, "returned", change, also=also)


def withdraw(archive: Archive, scope: Scope, agency: str, assignment: str, reason: str) -> Change:
    """A span of the calendar never was. Raises `Conflict` when it was corrected meanwhile, `NotFound`."""
    with archive.db.tx(scope) as conn:
        wrong = store.assignment(conn, assignment, lock=True)
        if store.camera(conn, wrong.camera).agency != agency:
            raise NotFound(f"There is no such span in the calendar of {agency[:20]}.")
        change = correct(wrong, None, now=clock.now())
        return _enter(conn, archive, scope, agency, wrong.camera, "assignment_withdrawn", change, reason)


def _enter(
    conn: Connection, archive: Archive, scope: Scope, agency: str, camera: str, act: str, change: Change,
    reason: str = "", also: Sequence[Write] = (),
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
    perform(conn, archive, entry, [*writes, *also], agency=agency, under=Under())
    return change
