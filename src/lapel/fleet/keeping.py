"""What becomes of a camera, and was it sound before the shift? Each act is a custody entry with its reason or code."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, get_args

from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.errors import Conflict, Invalid, NotFound
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.custody.sidecar import Under, Write, perform
from lapel.fleet import store
from lapel.fleet.model import Camera, CheckOutcome, Status
from lapel.roster import store as roster
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

STATUSES: Final[tuple[Status, ...]] = get_args(Status)
GONE: Final[tuple[Status, ...]] = ("in repair", "lost", "retired")
CHECK_OUTCOMES: Final[dict[str, str]] = {
    "sound": "Sound: it starts, records and shows the right time",
    "does_not_start": "It does not start",
    "does_not_record": "It does not record",
    "no_picture": "No picture, or not a clear one",
    "no_sound": "No sound",
    "clock_wrong": "Its clock is wrong",
    "battery_low": "The battery does not last",
    "damaged": "It is damaged",
    "no_mount": "It cannot be fixed where it belongs",
    "other": "Something else",
}
assert tuple(CHECK_OUTCOMES) == get_args(CheckOutcome)
_AHEAD = timedelta(minutes=5)


def set_status(archive: Archive, scope: Scope, agency: str, serial: str, status: str, reason: str) -> Camera:
    """A camera is from now on in stock, issued, in repair, lost or retired. Raises `NotFound`, `Invalid`; `Conflict` when it is so already."""
    if status not in STATUSES:
        raise Invalid(
            f"“{status[:20]}” is no status of a camera.", next_step=f"One of: {', '.join(STATUSES)}."
        )
    words = said(reason)
    with archive.db.tx(scope) as conn:
        camera = locked(conn, agency, serial)
        if camera.status == status:
            raise Conflict(f"Camera {camera.serial} is {status} already.", next_step="There is nothing to do.")  # fmt: skip
        at = clock.now()
        entry = log.prepare(
            conn, actor=scope.actor, agency=agency, act="status_changed", subject=f"camera:{camera.id}", at=at,
            detail={"from": camera.status, "to": status, "reason": words},
        )  # fmt: skip
        perform(
            conn, archive, entry, status_writes(camera, status, at, words, scope.actor), agency=agency, under=Under()
        )  # fmt: skip
        return store.camera(conn, camera.id)


def check(
    archive: Archive, scope: Scope, agency: str, serial: str, outcome: str, words: str, *, officer: str | None, at: datetime | None = None
) -> None:  # fmt: skip
    """A camera was tried before a shift. `officer`: who wears it then, by id. Raises `NotFound`, `Invalid`."""
    if outcome not in CHECK_OUTCOMES:
        raise Invalid(
            f"“{outcome[:30]}” is no outcome of a check.", next_step=f"One of: {', '.join(CHECK_OUTCOMES)}."
        )
    words = words.replace("\0", "").strip()[:4000]
    if outcome == "other" and not words:
        raise Invalid("Say what is not sound.", next_step="A few words are enough.")
    now = clock.now()
    when = at or now
    if when > now + _AHEAD:
        raise Invalid("A check that is still to come cannot be entered.", next_step="Correct its time.")
    with archive.db.tx(scope) as conn:
        camera = locked(conn, agency, serial)
        if officer is not None and roster.officer(conn, officer).agency != agency:
            raise Invalid(f"That officer is not of {agency}.", next_step="Give a badge number of the agency.")
        detail: dict[str, Value] = {"outcome": outcome, "words": words, "officer": officer, "checked_at": clock.stamp(when)}  # fmt: skip
        entry = log.prepare(
            conn, actor=scope.actor, agency=agency, act="checked", subject=f"camera:{camera.id}", detail=detail, at=now
        )  # fmt: skip
        row = {
            "id": new_id(), "agency": agency, "camera": camera.id, "officer": officer, "at": when,
            "sound": outcome == "sound", "outcome": outcome, "says": words, "by": scope.actor,
        }  # fmt: skip
        perform(conn, archive, entry, [Write("camera_check", row)], agency=agency, under=Under())


def status_writes(camera: Camera, status: str, at: datetime, reason: str, by: str) -> list[Write]:
    """The rows of a change of status."""
    row = {
        "id": new_id(), "agency": camera.agency, "camera": camera.id, "status": status, "at": at, "reason": reason,
        "by": by,
    }  # fmt: skip
    active = status != "retired"
    return [Write("camera", {"id": camera.id, "status": status, "active": active}, change=True), Write("camera_status", row)]  # fmt: skip


def locked(conn: Connection, agency: str, serial: str) -> Camera:
    """A camera, for one who changes something of it: another waits. Raises `NotFound`."""
    there = store.camera_by_serial(conn, agency, serial)
    if there is None:
        raise NotFound(f"There is no camera {serial[:40]} in {agency}.")
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 15))", (there.id,))
    return store.camera(conn, there.id)


def said(reason: str) -> str:
    """A reason as it is kept. Raises `Invalid` for none."""
    words = reason.replace("\0", "").strip()
    if not words or len(words) > 4000:
        raise Invalid("Say why in 1 to 4,000 characters.", next_step="It stays in the custody log.")
    return words
