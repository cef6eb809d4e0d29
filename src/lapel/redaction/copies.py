"""What leaves the house of a redacted copy? A folder that proves itself: renders, manifest, signature, receipts, a verifier.

Receipts are made when it is taken, against the checkpoint that is public then. What a person did not accept is handed to
nobody from the pages and can never be published; the database holds the second part too.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lapel.base.digest import Value
from lapel.base.errors import Conflict, EvidenceFault, NotFound, Refused, Unavailable
from lapel.custody import log, receipt
from lapel.footage import play
from lapel.footage import store as footage
from lapel.footage.model import Recording
from lapel.footage.zipping import zipped
from lapel.redaction import store_copies
from lapel.redaction.bundle import verifier
from lapel.redaction.manifest import RECEIPTS
from lapel.redaction.store_copies import Copy, CopyFile
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope
from lapel.storage.sealed import SealedReader

VERIFIER = "lapel-verify.py"
_OPEN = ("at", "act", "agency")


@dataclass(frozen=True, slots=True)
class Package:
    """Everything of a copy that is handed out but the sealed files, which are opened when their turn comes."""

    copy: Copy
    recording: Recording
    files: tuple[CopyFile, ...]
    papers: tuple[tuple[str, bytes], ...] = field(repr=False)

    @property
    def folder(self) -> str:
        return f"{self.copy.number}-redacted"


def check_publishable(copy: Copy) -> None:
    """Raises `Refused` for a copy whose plan no person accepted: it can never be published."""
    if not copy.reviewed:
        raise Refused(
            f"This copy of {copy.number} is unreviewed: a detector alone decided what is hidden. It can never be published.",
            rules=("redaction/unreviewed",),
            next_step="Have a person decide the plan at the desk, and render it.",
        )


def prepare(archive: Archive, scope: Scope, copy_id: str, trust: bytes, *, receipts: bool = True) -> Package:
    """Read what goes into the package of a copy. Raises `NotFound`, and `Unavailable` while no published checkpoint covers it.

    Without `receipts` it is consistent and not anchored.
    """
    with archive.db.tx(scope) as conn:
        copy = store_copies.copy(conn, copy_id)
        recording = footage.recording(conn, copy.recording)
        files = tuple(store_copies.files(conn, copy_id))
        papers = list(_receipts(conn, archive, copy)) if receipts else []
    papers += [
        ("README.txt", _instructions(copy).encode()),
        ("trust.json", trust),
        (VERIFIER, verifier()),
    ]
    return Package(copy, recording, files, tuple(papers))


def check_new(out: Path) -> None:
    """Raises `Conflict` for a folder that is there and not empty."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Conflict(
            f"{out} is there already and not empty.", next_step="Name a folder that is not there yet."
        )


def write_folder(archive: Archive, package: Package, out: Path) -> None:
    """Write a package into a new folder, whole or not at all. Raises `Conflict`, `Unavailable` (507), `EvidenceFault`."""
    check_new(out)
    part = out.with_name(f".{out.name}.unfinished-{secrets.token_hex(4)}")
    try:
        (part / RECEIPTS).mkdir(parents=True)
        for name, _, chunks in _contents(archive, package):
            with (part / name).open("xb") as file:
                file.writelines(chunks)
                file.flush()
                os.fsync(file.fileno())
        if out.exists():
            out.rmdir()
        part.rename(out)
    except OSError as fault:
        raise Unavailable(
            f"The copy could not be written to {out}: {fault.strerror}. Nothing is left of it; it is kept in the archive.",
            next_step="Make room or name another folder, and take it again with `lapel redact take`.",
            status=507,
        ) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def stream(archive: Archive, scope: Scope, package: Package) -> Iterator[bytes]:
    """The package as a zip in chunks. The entry stands before the first byte leaves; another says how it ended.

    Raises `Refused` for an unreviewed copy, `EvidenceFault` in the middle when what lies in the store is not what was made.
    """
    check_publishable(package.copy)
    enter(
        archive,
        scope,
        package.copy,
        "copy_taken",
        {"copy": package.copy.id, "manifest": package.copy.manifest_sha256},
    )
    digest, sent, whole = hashlib.sha256(), 0, False
    try:
        named = ((f"{package.folder}/{n}", size, chunks) for n, size, chunks in _contents(archive, package))
        for chunk in zipped(named, package.copy.made_at):
            digest.update(chunk)
            sent += len(chunk)
            yield chunk
        whole = True
    except EvidenceFault as fault:
        play.enter_fault(archive, scope, package.recording, fault)
        raise
    finally:
        ended: dict[str, Value] = {"copy": package.copy.id, "bytes": sent, "whole": whole}
        if whole:
            ended["sha256"] = digest.hexdigest()
        enter(archive, scope, package.copy, "copy_taken_ended", ended)


def opened(archive: Archive, recording: Recording, file: CopyFile) -> SealedReader:
    """Opens one file of a copy. Raises `EvidenceFault` when what lies in the store is not what was made."""
    key = archive.keys.unwrap(
        file.agency, f"object:{file.object}", bytes(file.object_key), under=recording.wrapped_key
    )
    try:
        return SealedReader(archive.stores.derived, file.object, key, file.size_bytes)
    except NotFound:
        raise EvidenceFault(
            f"The object {file.object} is in the rows and not in the store.",
            next_step="Have the operator run lapel fsck.",
        ) from None


def enter(archive: Archive, scope: Scope, copy: Copy, act: str, detail: dict[str, Value]) -> None:
    """An act on a copy is an act on its recording."""
    with archive.db.tx(scope) as conn:
        log.record(
            conn,
            actor=scope.actor,
            agency=copy.agency,
            act=act,
            subject=f"recording:{copy.recording}",
            detail=detail,
        )


def _contents(archive: Archive, package: Package) -> Iterator[tuple[str, int, Iterable[bytes]]]:
    for name, content in package.papers:
        yield name, len(content), (content,)
    for file in package.files:
        yield file.name, file.size_bytes, opened(archive, package.recording, file).chunks()


def _receipts(conn: Connection, archive: Archive, copy: Copy) -> Iterator[tuple[str, bytes]]:
    """Of the root of each clip, of the key that signed, and of the copy itself."""
    acts = log.history(conn, f"recording:{copy.recording}")
    roots = {str(act.detail["original"]): act.entry for act in acts if act.act == "media_tree_built"}
    made = next((act.detail for act in acts if act.entry == copy.entry), {})
    clips = made.get("in_order")
    for number, clip in enumerate(clips if isinstance(clips, list) else [], 1):
        if clip in roots:
            yield f"{RECEIPTS}/clip-{number}.json", _receipt(conn, archive, roots[str(clip)], "media_root")
    yield f"{RECEIPTS}/signer.json", _receipt(conn, archive, copy.key_entry, "manifest_key")
    yield f"{RECEIPTS}/redacted.json", _receipt(conn, archive, copy.entry, "manifest")


def _receipt(conn: Connection, archive: Archive, entry: str, shown: str) -> bytes:
    made: dict[str, Any] = receipt.prove(conn, archive.stores.public, entry, (*_OPEN, shown))
    return (json.dumps(made, indent=1) + "\n").encode()


def _instructions(copy: Copy) -> str:
    state = (
        ""
        if copy.reviewed
        else "\nUNREVIEWED: no person has accepted what is hidden. This copy must not be published.\n"
    )
    return f"""Redacted copy of recording {copy.number}: {copy.clips_shown} of its {copy.clips} clips
{state}
clip-N.mp4       the clips; what had to be hidden is hidden, everything else is, bit for bit, what the camera delivered
manifest.json    what was hidden, group by group, under which exemption; manifest.sig signs it
receipts/        that the custody log has the clips' roots, the key that signed, and this copy
trust.json       whom a verifier trusts: the log's name and keys
{VERIFIER}  the verifier: one file, Python 3.11 or later, nothing else; `lapel verify` is the same

To verify, unpack the zip, go into this folder and run

    python3 {VERIFIER} . --trust trust.json

It ends with status 0 when every group that is not declared redacted is what the camera delivered, in unbroken order, and the
custody log knew it on arrival; 8 when all agrees but the log is not proved to be the department's; 90 when something
disagrees, with the clip and the group named.

Get trust.json, and the verifier, from the agency by another way too, and compare: whoever could replace them all could
show anything.

What this does not prove: what lies outside of the masks inside a group that was encoded again; that what is hidden had to be
hidden; that nobody else is seen. No pass, of a machine or a person, is called complete.
"""
