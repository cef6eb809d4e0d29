"""Are the originals, their sidecars, their keys and their rows what they were? Reads everything, changes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lapel.base.digest import Value
from lapel.base.errors import EvidenceFault, NotFound
from lapel.custody import log
from lapel.custody.fsck import Fault
from lapel.footage import fsck_objects, store
from lapel.footage.model import Original, Recording
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope
from lapel.storage.sealed import SealedReader

_PAGE = 200


def check_footage(
    archive: Archive, scope: Scope, told: Callable[[int], None] = lambda _: None
) -> Iterator[Fault]:
    """Every original read back whole and compared with its digest, its row, its log entry, its sidecar and its key.

    `told` hears the bytes read so far. An object that nothing names is `extra` and says LEFT_BEHIND: an interrupted act
    left it, never acknowledged. For a scope with every agency: what belongs to others would seem to be nobody's.
    """
    read_bytes = 0
    lost: list[str] = []
    yield from _check_subjects(archive, scope)
    for recording in _recordings(archive, scope):
        yield from _check_key(archive, recording)
        with archive.db.tx(scope) as conn:
            # Locked, so that nothing arrives between the two readings.
            store.recording(conn, recording.id, lock=True)
            originals = store.originals(conn, recording.id)
            logged = {
                str(act.detail.get("original")): act
                for act in log.history(conn, f"recording:{recording.id}")
                if act.act == "received"
            }
            made = conn.execute("SELECT * FROM derived WHERE recording = %s", (recording.id,)).fetchall()
        for missing in logged.keys() - {original.id for original in originals}:
            lost.append(logged[missing].entry)
            yield Fault(
                "lost", f"original {missing} of {recording.number}", "The log has its arrival; it has no row."
            )
        for row in made:
            yield from _check_derived(archive, recording, row)
        for original in originals:
            entry = logged.get(original.id)
            yield from _check_logged(recording, original, entry.detail if entry else None)
            yield from fsck_objects.check_sidecar_of(archive, recording, original)
            yield from check_original(archive, recording, original)
            read_bytes += original.size_bytes
            told(read_bytes)
    yield from fsck_objects.check_sidecars(archive, scope)
    yield from fsck_objects.left_behind(archive, scope, lost)


def check_original(archive: Archive, recording: Recording, original: Original) -> Iterator[Fault]:
    """Fixity of one original: it opens, it is whole, and its digest is the one that was logged."""
    thing = f"original {original.id} of {recording.number}"
    try:
        key = archive.keys.unwrap(
            recording.agency, f"object:{original.object}", original.object_key, under=recording.wrapped_key
        )
        reader = SealedReader(archive.stores.originals, original.object, key, original.size_bytes)
        digest = hashlib.sha256()
        for chunk in reader.chunks():
            digest.update(chunk)
    except NotFound:
        yield Fault("lost", thing, "Its object is not in the store.")
        return
    except EvidenceFault as fault:
        yield Fault("altered", thing, fault.says)
        return
    if digest.hexdigest() != original.sha256:
        yield Fault("altered", thing, "Its bytes have another SHA-256 than its row says.")


def _check_derived(archive: Archive, recording: Recording, row: Mapping[str, Any]) -> Iterator[Fault]:
    thing = f"{row['kind']} {row['place']} of original {row['original']} of {recording.number}"
    try:
        key = archive.keys.unwrap(
            recording.agency, f"object:{row['object']}", row["object_key"], under=recording.wrapped_key
        )
        for _ in SealedReader(archive.stores.derived, row["object"], key, row["size_bytes"]).chunks():
            pass
    except NotFound:
        yield Fault("lost", thing, "Its object is not in the store.")
    except EvidenceFault as fault:
        yield Fault("altered", thing, fault.says)


def _check_subjects(archive: Archive, scope: Scope) -> Iterator[Fault]:
    """Every recording that the log knows has its row."""
    with archive.db.tx(scope) as conn:
        rows = conn.execute(
            "SELECT DISTINCT subject FROM custody_opening o WHERE subject LIKE 'recording:%' AND NOT EXISTS"
            " (SELECT FROM recording r WHERE r.id = substr(o.subject, 11)) ORDER BY subject"
        ).fetchall()
    for row in rows:
        yield Fault("lost", row["subject"], "The custody log has its history; it has no row.")


def _recordings(archive: Archive, scope: Scope) -> Iterator[Recording]:
    after = ""
    while True:
        with archive.db.tx(scope) as conn:
            rows = conn.execute(
                "SELECT id FROM recording WHERE id > %s ORDER BY id LIMIT %s", (after, _PAGE)
            ).fetchall()
            page = [store.recording(conn, row["id"]) for row in rows]
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].id


def _check_key(archive: Archive, recording: Recording) -> Iterator[Fault]:
    try:
        if archive.stores.keys.read(f"{recording.agency}/{recording.id}") != recording.wrapped_key:
            yield Fault(
                "altered", f"key of {recording.number}", "The row holds another wrapped key than the store."
            )
    except NotFound:
        yield Fault("lost", f"key of {recording.number}", "Its wrapped key is not in the store.")


def _check_logged(
    recording: Recording, original: Original, detail: Mapping[str, Value] | None
) -> Iterator[Fault]:
    thing = f"original {original.id} of {recording.number}"
    if detail is None:
        yield Fault("lost", thing, "The custody log has no entry of its arrival.")
    elif detail.get("sha256") != original.sha256:
        yield Fault("altered", thing, "The custody log gives another SHA-256 than its row.")
