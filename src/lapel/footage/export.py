"""What is handed out of one recording so that an outsider needs nothing else? One zip, made while it is sent.

In it: every original exactly as it came, what is known of the recording, the receipts of its arrival and of what was
found in it, the trust file, and how to verify. It is stored and not compressed, sealed bytes are opened as they are
read, and no plain byte touches a disk. Two custody entries: when it begins, and when it ends, with its bytes and digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.errors import EvidenceFault, NotFound
from lapel.base.ids import new_id
from lapel.custody import log, receipt
from lapel.custody.log import LoggedAct
from lapel.footage import guests, play, store
from lapel.footage.model import Original, Recording
from lapel.footage.zipping import zipped
from lapel.roster import store as roster
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

# The acts that an outsider needs proved. Their receipts show the digests of files: who has the export has the files.
_PROVED = ("announced", "received", "completed", "inspected", "media_tree_built")
_SHOWN = ("at", "act", "agency", "sha256", "bytes", "kind", "media_root", "originals", "recording_number", "original", "size_bytes")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Export:
    """Everything that is in the zip but the originals' bytes, which are opened when their turn comes."""

    recording: Recording
    originals: tuple[tuple[str, Original], ...]  # the name in the zip, and the original
    papers: tuple[tuple[str, bytes], ...] = field(repr=False)
    at: datetime = field(default_factory=clock.now)

    @property
    def file_name(self) -> str:
        return f"{self.recording.number}.zip"


def prepare(archive: Archive, scope: Scope, recording: Recording, trust: bytes) -> Export:
    """Read what goes into the export of a recording. Raises `NotFound` when nothing has arrived yet, and `Unavailable`
    while no published checkpoint covers the arrivals: a receipt is what makes the export worth having."""
    with archive.db.tx(scope) as conn:
        originals = store.originals(conn, recording.id)
        if not originals:
            raise NotFound(
                f"No file of {recording.number} has arrived yet.", next_step="Wait for its delivery."
            )
        acts = log.history(conn, f"recording:{recording.id}")
        named = tuple(zip(_names(originals), originals, strict=True))
        receipts = list(_receipts(conn, archive, acts, {o.id: name for name, o in named}))
        wearer = roster.officer(conn, recording.wearer).label if recording.wearer else None
        bookmarks = store.bookmarks(conn, recording.id)
    about = {
        "v": 1, "number": recording.number, "agency": recording.agency, "wearer": wearer,
        "source": recording.source, "state": recording.state, "started_at": _stamp(recording.started_at),
        "ended_at": _stamp(recording.ended_at), "zone": recording.zone, "flags": recording.flags,
        "facts": dict(recording.facts),
        "bookmarks": [{"at": _stamp(b.at), "until": _stamp(b.until), "words": b.words} for b in bookmarks],
        "originals": [_about(name, original) for name, original in named],
    }  # fmt: skip
    papers = [
        ("README.txt", _instructions(recording, named, receipts).encode()),
        ("recording.json", (json.dumps(about, indent=1, ensure_ascii=False) + "\n").encode()),
        ("trust.json", trust),
        *((name, content) for name, content, _ in receipts),
    ]
    return Export(recording, named, tuple(papers))


def stream(
    archive: Archive, scope: Scope, export: Export, why: Mapping[str, Value] | None = None
) -> Iterator[bytes]:
    """The zip in chunks. The entry stands before the first byte leaves; another says how it ended, however it ended.

    `why`: for what an operator exports it; a person's purpose is in their session.

    Raises `EvidenceFault` in the middle when what lies in the store is not what was received.
    """
    grant = new_id()
    listed = [{"name": name, "original": o.id, "sha256": o.sha256} for name, o in export.originals]
    _enter(archive, scope, export.recording, "exported", {"export": grant, "files": listed, **(why or {})})
    digest, sent, whole = hashlib.sha256(), 0, False
    try:
        for chunk in _zip(archive, export):
            digest.update(chunk)
            sent += len(chunk)
            yield chunk
        whole = True
    except EvidenceFault as fault:
        play.enter_fault(archive, scope, export.recording, fault)
        raise
    finally:
        ended: dict[str, Any] = {"export": grant, "bytes": sent, "whole": whole}
        if whole:
            ended["sha256"] = digest.hexdigest()
        _enter(archive, scope, export.recording, "export_ended", ended)


def _zip(archive: Archive, export: Export) -> Iterator[bytes]:
    return zipped(_files(archive, export), export.at)


def _files(archive: Archive, export: Export) -> Iterator[tuple[str, int, Iterable[bytes]]]:
    for name, content in export.papers:
        yield name, len(content), (content,)
    for name, original in export.originals:
        opened = play.reader(archive, export.recording, original)
        yield f"originals/{name}", original.size_bytes, opened.chunks()


def _names(originals: Sequence[Original]) -> list[str]:
    """A name in the zip for each original: its own where that is safe and no other's."""
    names: list[str] = []
    for place, original in enumerate(originals, 1):
        kept = "".join(c if c.isalnum() or c in "._- " else "_" for c in original.name).strip(". ")[-100:]
        name = kept or original.kind
        names.append(name if name.lower() not in {n.lower() for n in names} else f"{place}-{name}")
    return names


def _receipts(
    conn: Connection, archive: Archive, acts: Sequence[LoggedAct], named: dict[str, str]
) -> Iterator[tuple[str, bytes, str]]:
    """Name, content and the file it is about ("" for none) of each receipt, in the order of the acts."""
    for place, act in enumerate((a for a in acts if a.act in _PROVED), 1):
        shown = [f for f in ("at", "act", "agency", *act.detail) if f in _SHOWN]
        made = receipt.prove(conn, archive.stores.public, act.entry, shown)
        about = named.get(str(act.detail.get("original")), "") if act.act == "received" else ""
        yield f"receipts/{place:02}-{act.act}.json", (json.dumps(made, indent=1) + "\n").encode(), about


def _about(name: str, original: Original) -> dict[str, Any]:
    return {
        "file": f"originals/{name}", "name": original.name, "kind": original.kind, "sha256": original.sha256,
        "bytes": original.size_bytes, "started_at": _stamp(original.started_at),
        "ended_at": _stamp(original.ended_at), "received_at": _stamp(original.received_at),
        "state": original.state, "media_root": original.media_root, "beside": original.beside,
        "flags": original.flags,
    }  # fmt: skip


def _stamp(at: datetime | None) -> str | None:
    return clock.stamp(at) if at else None


def _instructions(
    recording: Recording,
    named: Sequence[tuple[str, Original]],
    receipts: Sequence[tuple[str, bytes, str]],
) -> str:
    checks = [f"    lapel verify {name} originals/{about} --trust trust.json" for name, _, about in receipts if about]  # fmt: skip
    files = "file" if len(named) == 1 else "files"
    return f"""Recording {recording.number}: {len(named)} {files}, exactly as the camera delivered {"it" if len(named) == 1 else "them"}

originals/       the files, byte for byte
recording.json   what is known of the recording, and each file's SHA-256
receipts/        what the custody log says of their arrival, each provable by itself
trust.json       whom a verifier trusts: the log's name and keys

To verify, with Python and nothing else: get the program `lapel` (or its one-file verifier), unpack this zip, and run

{chr(10).join(checks)}

Each ends with status 0 when the file is the one whose arrival was logged, unchanged since, under the key in trust.json.
Status 90 means that something disagrees. Get trust.json from the agency by another way too, and compare: whoever could
replace both could show anything. The other receipts are verified the same way, without a file.

What this does not prove: that what the file shows is true, what happened before it arrived, and that nothing else was
recorded. The custody log has an entry of this export, with its size and SHA-256.
"""


def _enter(archive: Archive, scope: Scope, recording: Recording, act: str, detail: dict[str, Any]) -> None:
    with archive.db.tx(scope) as conn:
        guests.record(conn, scope, recording, act, detail)
