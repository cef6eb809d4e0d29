"""How is a recording announced, told about, and said to be complete? Each of it durable on return.

The same `external_id` in the same agency is the same recording, whichever controller delivers it.
"""

from __future__ import annotations

from typing import Any

from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.ids import new_id, recording_number
from lapel.custody import log
from lapel.custody.sidecar import Under, Write, perform
from lapel.footage import model, people, store
from lapel.footage.model import Announced, Recording
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope


def open_recording(
    archive: Archive, scope: Scope, agency: str, announced: Announced, *, source: str = "camera"
) -> Recording:
    """The recording that is announced: made when it is new, told about again when it is there. Durable on return.

    The same `external_id` in the same agency is the same recording, whichever controller delivers it.
    """
    if announced.external_id is not None:
        with archive.db.tx(scope) as conn:
            there = store.recording_by_external_id(conn, agency, announced.external_id)
        if there is not None:
            return tell(archive, scope, there.id, announced)
    recording_id = new_id()
    wrapped = archive.keys.new_recording_key(agency)
    archive.stores.keys.put_new(f"{agency}/{recording_id}", wrapped)
    at = clock.now()
    row = {
        "id": recording_id,
        "agency": agency,
        "number": recording_number(recording_id),
        "external_id": announced.external_id,
        "wearer": announced.wearer,
        "camera": announced.camera,
        "source": source,
        "state": "receiving",
        "started_at": announced.started_at,
        "ended_at": announced.ended_at,
        "zone": announced.zone,
        "facts": announced.facts,
        "flags": sorted(set(announced.flags)),
        "wrapped_key": wrapped,
        "announced_at": at,
    }
    with archive.db.tx(scope) as conn:
        if announced.external_id is not None:
            # Two controllers may announce the same recording at once: the second waits here and then finds it.
            conn.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
                (f"{agency}/{announced.external_id}",),
            )
            there = store.recording_by_external_id(conn, agency, announced.external_id)
            if there is not None:
                return _tell(conn, archive, scope, there.id, announced)
        office = _office_of(conn, announced.wearer)
        entry = log.prepare(
            conn,
            actor=scope.actor,
            agency=agency,
            act="announced",
            subject=f"recording:{recording_id}",
            detail=_without_none(
                {
                    "number": row["number"],
                    "source": source,
                    "flags": row["flags"],
                    "wearer": announced.wearer,
                    "camera": announced.camera,
                }
            ),
            at=at,
        )
        perform(
            conn,
            archive,
            entry,
            [Write("recording", {**row, "office": office})],
            agency=agency,
            under=Under(recording_id, wrapped),
        )
        return store.recording(conn, recording_id)


def tell(archive: Archive, scope: Scope, recording_id: str, announced: Announced) -> Recording:
    """What is said later of a recording: said facts are merged over the old ones, unsaid ones stay. Durable on return."""
    with archive.db.tx(scope) as conn:
        return _tell(conn, archive, scope, recording_id, announced)


def complete(
    archive: Archive, scope: Scope, recording_id: str, announced: Announced | None = None
) -> Recording:
    """The sender has sent everything: one entry with the ordered list of what came. Saying it again changes nothing."""
    with archive.db.tx(scope) as conn:
        there = store.recording(conn, recording_id, lock=True)
        changes: dict[str, Any] = _changes(conn, there, announced) if announced else {}
        if there.state == "complete" and not changes:
            return there
        at = clock.now()
        came = [o for o in store.originals(conn, there.id) if not o.beside]
        listed: list[Value] = [f"{o.id} {o.sha256}" for o in came]
        entry = log.prepare(
            conn,
            actor=scope.actor,
            agency=there.agency,
            act="completed",
            subject=f"recording:{there.id}",
            detail={"originals": listed},
            at=at,
        )
        row = {"id": there.id, **changes, "state": "complete", "completed_at": there.completed_at or at}
        perform(
            conn,
            archive,
            entry,
            [
                Write("recording", row, change=True),
                *people.docked(row.get("camera", there.camera), scope.actor, at),
            ],
            agency=there.agency,
            under=Under(there.id, there.wrapped_key),
        )
        return store.recording(conn, recording_id)


def _tell(
    conn: Connection, archive: Archive, scope: Scope, recording_id: str, announced: Announced
) -> Recording:
    there = store.recording(conn, recording_id, lock=True)
    changes = _changes(conn, there, announced)
    if not changes:
        return there
    entry = log.prepare(
        conn,
        actor=scope.actor,
        agency=there.agency,
        act="described",
        subject=f"recording:{there.id}",
        detail={"changed": sorted(changes)},
    )
    perform(
        conn,
        archive,
        entry,
        [Write("recording", {"id": there.id, **changes}, change=True)],
        agency=there.agency,
        under=Under(there.id, there.wrapped_key),
    )
    return store.recording(conn, recording_id)


def _changes(conn: Connection, there: Recording, announced: Announced) -> dict[str, Any]:
    said: dict[str, Any] = {
        "wearer": announced.wearer,
        "camera": announced.camera,
        "started_at": announced.started_at,
        "ended_at": announced.ended_at,
        "zone": announced.zone,
    }
    changes = {
        name: value for name, value in said.items() if value is not None and value != getattr(there, name)
    }
    if "wearer" in changes:
        changes["office"] = _office_of(conn, announced.wearer)
    facts = {k: v for k, v in {**there.facts, **announced.facts}.items() if v != ""}
    if facts != there.facts:
        changes["facts"] = facts
    flags = sorted({*there.flags, *announced.flags})
    if changes and there.state == "complete":
        flags = sorted({*flags, model.LATE})
    if flags != sorted(there.flags):
        changes["flags"] = flags
    return changes


def _office_of(conn: Connection, wearer: str | None) -> str | None:
    if wearer is None:
        return None
    row = conn.execute("SELECT office FROM officer WHERE id = %s", (wearer,)).fetchone()
    return row["office"] if row else None


def _without_none(detail: dict[str, Any]) -> dict[str, Value]:
    return {name: value for name, value in detail.items() if value is not None}
