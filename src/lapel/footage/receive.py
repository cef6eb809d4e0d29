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

from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.custody.sidecar import Under, Write, perform
from lapel.footage import model, store
from lapel.footage.incoming import Stored
from lapel.footage.model import Original, Recording, Said
from lapel.storage import queue
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope


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
