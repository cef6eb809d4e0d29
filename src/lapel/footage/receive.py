"""How does footage come in? One pass over the bytes, and nothing acknowledged before it is durable (design §4.2).

A sender opens a recording, streams files into `Incoming`, and has each accepted:

    recording = open_recording(archive, scope, agency, announced)
    with Incoming(archive) as incoming:
        incoming.write(chunk) …
        original = accept(archive, scope, recording, incoming.finish(), said)
    complete(archive, scope, recording.id, announced)

When `accept` returns, the bytes are fsynced under their sealed form, their sidecar too, and the row, the custody entry
and the job `footage.inspect` are committed together.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.ids import new_id, recording_number
from lapel.custody import log
from lapel.footage import model, store
from lapel.footage.model import Announced, Original, Recording, Said
from lapel.footage.sidecar import Under, Write, perform
from lapel.storage import queue
from lapel.storage.archive import Archive
from lapel.storage.objects import Upload
from lapel.storage.postgres import Connection, Scope
from lapel.storage.sealed import Sealer


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes that are sealed in the store but not yet committed there: `upload.commit()` makes them durable."""

    upload: Upload
    key: bytes = field(repr=False)
    size_bytes: int
    sha256: str
    md5: str = ""  # only where a protocol asks for it: a transport checksum that proves nothing


class Incoming:
    """One file on its way in: hashed, sealed and stored in one pass, with at most a frame of it in memory."""

    def __init__(self, archive: Archive) -> None:
        self._upload = archive.stores.originals.upload()
        self._key = os.urandom(32)
        self._sealer = Sealer(self._upload, self._key, self._upload.name)
        self._sha256 = hashlib.sha256()
        self.size_bytes = 0

    def write(self, chunk: bytes | bytearray | memoryview) -> None:
        """Take the next bytes. Raises `Unavailable` (507 when the disk is full)."""
        self._sha256.update(chunk)
        self._sealer.write(chunk)
        self.size_bytes += len(chunk)

    def finish(self) -> Stored:
        """Close the last frame; the digests are known from here on."""
        self._sealer.finish()
        return Stored(
            upload=self._upload,
            key=self._key,
            size_bytes=self.size_bytes,
            sha256=self._sha256.hexdigest(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._upload.discard()  # nothing happens to what was committed


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


def accept(archive: Archive, scope: Scope, recording: Recording, stored: Stored, said: Said) -> Original:
    """Keep a file that has arrived whole. Durable on return; returns the original that holds these bytes.

    The same bytes again are acknowledged and not kept twice. Other bytes under a name already taken are kept too: before
    the recording was complete the newer is the one shown, after it the older.
    Raises `Unavailable` when something could not be made durable; then nothing is acknowledged.
    """
    with archive.db.tx(scope) as conn:
        there = store.recording(conn, recording.id, lock=True)
        # Two deliveries of the same bytes at once, in whatever recordings: one is kept.
        conn.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", (f"{there.agency}/{stored.sha256}",)
        )
        same = store.original_by_digest(conn, there.agency, stored.sha256) or _same_empty(
            conn, there.id, stored, said
        )
        if same is not None:
            return _again(conn, archive, scope, there, same, said)
        return _keep(conn, archive, scope, there, stored, said)


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
            [Write("recording", row, change=True)],
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


def _keep(
    conn: Connection, archive: Archive, scope: Scope, there: Recording, stored: Stored, said: Said
) -> Original:
    at = clock.now()
    original_id = new_id()
    flags = set(said.flags)
    writes: list[Write] = []
    beside = False
    for namesake in (o for o in store.originals(conn, there.id) if o.name == said.name and not o.beside):
        if there.state == "complete":
            beside = True
            flags.add(model.SAME_NAME_OTHER_BYTES)
        else:
            marks = sorted({*namesake.flags, model.REPLACED})
            writes.append(Write("original", {"id": namesake.id, "beside": True, "flags": marks}, change=True))
    if there.state == "complete":
        flags.add(model.LATE)
    detail: dict[str, Value] = {
        "original": original_id,
        "kind": said.kind,
        "sha256": stored.sha256,
        "bytes": stored.size_bytes,
        "name": said.name,
        "flags": sorted(flags),
        "beside": beside,
    }
    entry = log.prepare(
        conn,
        actor=scope.actor,
        agency=there.agency,
        act="received",
        subject=f"recording:{there.id}",
        detail=detail,
        at=at,
    )
    object_key = archive.keys.wrap(
        there.agency, f"object:{stored.upload.name}", stored.key, under=there.wrapped_key
    )
    writes.append(
        Write(
            "original",
            {
                "id": original_id,
                "agency": there.agency,
                "recording": there.id,
                "kind": said.kind,
                "name": said.name,
                "object": stored.upload.name,
                "size_bytes": stored.size_bytes,
                "sha256": stored.sha256,
                "object_key": object_key,
                "started_at": said.started_at,
                "ended_at": said.ended_at,
                "facts": said.facts,
                "flags": sorted(flags),
                "beside": beside,
                "received_at": at,
                "entry": entry.id,
            },
        )
    )
    stored.upload.commit()
    perform(conn, archive, entry, writes, agency=there.agency, under=Under(there.id, there.wrapped_key))
    queue.defer(conn, "footage.inspect", original=original_id)
    return store.original(conn, original_id)


def _again(
    conn: Connection, archive: Archive, scope: Scope, there: Recording, same: Original, said: Said
) -> Original:
    if same.recording == there.id and same.name == said.name:
        return same  # a retry of what is kept already: nothing new happened
    at = clock.now()
    entry = log.prepare(
        conn,
        actor=scope.actor,
        agency=there.agency,
        act="received_again",
        subject=f"recording:{there.id}",
        detail={"original": same.id, "name": said.name},
        at=at,
    )
    row = {
        "id": entry.id,
        "agency": there.agency,
        "recording": there.id,
        "original": same.id,
        "name": said.name,
        "at": at,
    }
    perform(
        conn,
        archive,
        entry,
        [Write("delivered_again", row)],
        agency=there.agency,
        under=Under(there.id, there.wrapped_key),
    )
    return same


def _same_empty(conn: Connection, recording_id: str, stored: Stored, said: Said) -> Original | None:
    """An empty file is the same only under the same name in the same recording."""
    if stored.size_bytes:
        return None
    return next(
        (o for o in store.originals(conn, recording_id) if o.name == said.name and o.size_bytes == 0), None
    )


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
