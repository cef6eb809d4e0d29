"""What did we receive? The job `footage.inspect`: read an original back, compare it, look into it, say so in the log.

Safe to do twice and at once: what is derived is sealed and stored first, under names of its own; then one transaction,
which only the first one passes, writes the rows and the custody entries. An original that does not agree with its digest
becomes a fault and stops the worker; one that cannot be read as footage is kept like any other, with the reason.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from datetime import datetime

from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.errors import EvidenceFault, LapelError, NotFound
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.custody.sidecar import Under, Write, perform
from lapel.footage import people, play, store, store_inspection
from lapel.footage.look import Found, Made, look
from lapel.footage.model import Original, Recording
from lapel.footage.treehash import VERSION
from lapel.storage import queue
from lapel.storage.archive import Archive
from lapel.storage.confined import Limits
from lapel.storage.postgres import Connection, Scope
from lapel.storage.sealed import SealedReader, Sealer

ACTOR = "system:worker"
# Whoever asks what a clip is worth hears of it by this name: rooms above are deferred to, never imported.
FOUND = "activation.match"


def inspect(archive: Archive, original_id: str, *, limits: Limits | None = None) -> None:
    """Inspect one original; nothing happens when that was done before, or when there is none.

    Raises `EvidenceFault`, after recording it, when what lies in the store is not what was received; `Unavailable`.
    """
    with archive.db.tx(Scope(ACTOR, ())) as conn:
        agency = store_inspection.agency_of(conn, original_id)
    if agency is None:
        return
    scope = Scope(ACTOR, (agency,))
    with archive.db.tx(scope) as conn:
        original = store.original(conn, original_id)
        recording = store.recording(conn, original.recording)
    if original.state != "waiting":
        return
    try:
        reader = _read_back(archive, recording, original)
        found = look(reader, recording, original, limits)
    except EvidenceFault as fault:
        _record_fault(archive, scope, recording, original, fault)
        raise
    _keep(archive, scope, recording, original, found)


def _read_back(archive: Archive, recording: Recording, original: Original) -> SealedReader:
    """Fixity: the whole original is read and its digest compared with the one that was logged on arrival."""
    try:
        reader = play.reader(archive, recording, original)
        digest = hashlib.sha256()
        for chunk in reader.chunks():
            digest.update(chunk)
    except NotFound:
        raise EvidenceFault(f"The object of original {original.id} is not in the store.") from None
    if digest.hexdigest() != original.sha256:
        raise EvidenceFault(f"The bytes of original {original.id} have another SHA-256 than when they came.")
    return reader


def _keep(archive: Archive, scope: Scope, recording: Recording, original: Original, found: Found) -> None:
    derived = [_seal(archive, recording, original, made, found.made) for made in found.made]
    at = clock.now()
    state = "inspected" if found.readable else "unreadable"
    row = {
        "id": original.id,
        "state": state,
        "reason": found.reason,
        "inspection": dict(found.facts),
        "media_root": found.media_root,
        "inspected_at": at,
    }
    detail: dict[str, Value] = {
        "original": original.id,
        "state": state,
        "complete": found.complete,
        "reason": found.reason,
        "derived": len(derived),
    }
    with archive.db.tx(scope) as conn:
        done_already = not store_inspection.lock_waiting(conn, original.id)
        if not done_already:
            _record(
                conn,
                archive,
                recording,
                "inspected",
                detail,
                [
                    Write("original", row, change=True),
                    *derived,
                    *people.clock_seen(conn, recording, found.facts.get("clock_off_s"), original.started_at),
                ],
                at,
            )
            if found.media_root:
                root: dict[str, Value] = {
                    "original": original.id, "media_tree": VERSION, "media_root": found.media_root,
                }  # fmt: skip
                _record(conn, archive, recording, "media_tree_built", root, [], at)
            if original.kind == "clip" and recording.wearer is not None:
                queue.defer(conn, FOUND, recording=recording.id)
    if done_already:
        for write in derived:  # another worker was first; ours are referred to by nothing
            archive.stores.derived.delete(write.row["object"])


def _seal(
    archive: Archive, recording: Recording, original: Original, made: Made, among: tuple[Made, ...]
) -> Write:
    """Store one derived object, durably, and give the row that will refer to it."""
    key = os.urandom(32)
    with archive.stores.derived.upload() as upload:
        sealer = Sealer(upload, key, upload.name)
        sealer.write(made.content)
        sealer.finish()
        upload.commit()
    same_kind = [other for other in among if other.kind == made.kind]
    row = {
        "id": new_id(),
        "agency": recording.agency,
        "recording": recording.id,
        "original": original.id,
        "kind": made.kind,
        "place": next(place for place, other in enumerate(same_kind) if other is made),
        "object": upload.name,
        "size_bytes": len(made.content),
        "object_key": archive.keys.wrap(
            recording.agency, f"object:{upload.name}", key, under=recording.wrapped_key
        ),
        "facts": dict(made.facts),
    }
    return Write("derived", row)


def _record_fault(
    archive: Archive, scope: Scope, recording: Recording, original: Original, fault: LapelError
) -> None:
    """In a transaction of its own: the original is marked, and the log says what was found."""
    row = {"id": original.id, "state": "fault", "reason": fault.says, "inspected_at": clock.now()}
    detail: dict[str, Value] = {
        "original": original.id, "attempted": "inspected", "code": fault.code, "says": fault.says[:500],
    }  # fmt: skip
    with archive.db.tx(scope) as conn:
        if store_inspection.lock_waiting(conn, original.id):
            _record(
                conn,
                archive,
                recording,
                "found_fault",
                detail,
                [Write("original", row, change=True)],
                clock.now(),
            )


def _record(
    conn: Connection,
    archive: Archive,
    recording: Recording,
    act: str,
    detail: Mapping[str, Value],
    writes: list[Write],
    at: datetime,
) -> None:
    entry = log.prepare(
        conn,
        actor=ACTOR,
        agency=recording.agency,
        act=act,
        subject=f"recording:{recording.id}",
        detail=detail,
        at=at,
    )
    perform(
        conn,
        archive,
        entry,
        writes,
        agency=recording.agency,
        under=Under(recording.id, recording.wrapped_key),
    )
