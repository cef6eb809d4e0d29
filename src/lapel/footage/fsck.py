"""Are the originals, their sidecars, their keys and their rows what they were? Reads everything, changes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lapel.base.digest import Value
from lapel.base.errors import EvidenceFault, NotFound
from lapel.custody import log
from lapel.custody.fsck import Fault
from lapel.footage import sidecar, store
from lapel.footage.model import Original, Recording
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope
from lapel.storage.sealed import SealedReader

LEFT_BEHIND = "No row and no log entry names it: an interrupted act left it, and it was never acknowledged."
_PAGE = 200


def check_footage(
    archive: Archive, scope: Scope, told: Callable[[int], None] = lambda _: None
) -> Iterator[Fault]:
    """Every original read back whole and compared with its digest, its row, its log entry, its sidecar and its key.

    `told` hears the bytes read so far. An object without a row is `extra`: what an interrupted delivery left, never
    acknowledged.
    """
    expected: set[str] = set()
    derived: set[str] = set()
    read_bytes = 0
    yield from _check_subjects(archive, scope)
    for recording in _recordings(archive, scope):
        yield from _check_key(archive, recording)
        with archive.db.tx(scope) as conn:
            originals = store.originals(conn, recording.id)
            logged = {
                str(act.detail.get("original")): act.detail
                for act in log.history(conn, f"recording:{recording.id}")
                if act.act == "received"
            }
            made = conn.execute("SELECT * FROM derived WHERE recording = %s", (recording.id,)).fetchall()
        for missing in logged.keys() - {original.id for original in originals}:
            yield Fault(
                "lost", f"original {missing} of {recording.number}", "The log has its arrival; it has no row."
            )
        for row in made:
            derived.add(row["object"])
            yield from _check_derived(archive, recording, row)
        for original in originals:
            expected.add(original.object)
            yield from _check_logged(recording, original, logged.get(original.id))
            yield from _check_sidecar(archive, recording, original)
            yield from check_original(archive, recording, original)
            read_bytes += original.size_bytes
            told(read_bytes)
    for name in archive.stores.originals.list():
        if name not in expected:
            yield Fault(
                "extra", f"object {name}", "No row names it: an interrupted delivery left it, unacknowledged."
            )


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


def _check_sidecar(archive: Archive, recording: Recording, original: Original) -> Iterator[Fault]:
    thing = f"sidecar of original {original.id} of {recording.number}"
    try:
        _, writes = sidecar.read(archive, sidecar.name_of(recording.agency, recording.id, original.entry))
    except NotFound:
        yield Fault("lost", thing, "It is not in the store; without it a lost database cannot be rebuilt.")
        return
    except EvidenceFault as fault:
        yield Fault("altered", thing, fault.says)
        return
    rows = [write.row for write in writes if write.table == "original" and not write.change]
    if not any(row["id"] == original.id and row["sha256"] == original.sha256 for row in rows):
        yield Fault("altered", thing, "It tells of another original than the row.")
