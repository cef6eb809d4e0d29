"""How do sealed bytes reach a person who may see them, and what does the custody log say of it?

Playing opens a grant of ten minutes: one entry when it begins, one when it ends, with the bytes that were sent. A
player asks for hundreds of ranges meanwhile; they only count bytes. A download is the exact original, and an entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.errors import EvidenceFault, Invalid, NotFound
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.footage import guests
from lapel.footage.model import Original, Recording
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope
from lapel.storage.sealed import SealedReader

GRANT_LENGTH = timedelta(minutes=10)
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_BY_CONTAINER = {"mp4": "video/mp4", "mov": "video/mp4", "matroska": "video/x-matroska", "webm": "video/webm"}
_BY_NAME = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/mp4", ".mkv": "video/x-matroska", ".webm": "video/webm"}  # fmt: skip
OCTETS = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes [start, end) of `size`; `whole` when no range was asked for, or one that may be ignored."""

    start: int
    end: int
    size: int
    whole: bool


def wanted(range_header: str | None, if_range: str | None, etag: str, size: int) -> Part:
    """What a request asks for (RFC 9110 §14). Several ranges, other units and nonsense are ignored, as it allows.

    Raises `Invalid` (416) for a range that begins beyond the end. `If-Range` must be this very ETag, else all is sent.
    """
    whole = Part(0, size, size, whole=True)
    if not range_header or (if_range is not None and if_range.strip() != etag):
        return whole
    match = _RANGE.fullmatch(range_header.strip())
    if match is None or not (match[1] or match[2]):
        return whole
    if not match[1]:
        start, end = max(0, size - int(match[2])), size
    else:
        start, end = int(match[1]), min(size, int(match[2]) + 1) if match[2] else size
        if match[2] and int(match[2]) < start:
            return whole
    if start >= size:
        raise Invalid(
            f"The file has {size} bytes; byte {start} is beyond its end.", status=416, size_bytes=size
        )
    return Part(start, end, size, whole=False)


def media_type(original: Original) -> str:
    """The type a browser is told: one of a few kinds of video, or bytes. Nothing that came from outside is ever a page."""
    if original.kind != "clip":
        return OCTETS
    container = str((original.inspection or {}).get("container", ""))
    for name, kind in _BY_CONTAINER.items():
        if name in container:
            return kind
    if container:
        return OCTETS
    return next((kind for end, kind in _BY_NAME.items() if original.name.lower().endswith(end)), OCTETS)


def reader(archive: Archive, recording: Recording, original: Original) -> SealedReader:
    """Opens an original. Raises `EvidenceFault` when what lies in the store is not what was received."""
    key = archive.keys.unwrap(
        original.agency, f"object:{original.object}", original.object_key, under=recording.wrapped_key
    )
    return _open(archive, original.object, key, original.size_bytes, derived=False)


def derived(conn: Connection, recording_id: str, kind: str) -> list[dict[str, Any]]:
    """What was made from the originals of a recording: rows of `derived`, in the order of the originals' time."""
    return conn.execute(
        "SELECT d.* FROM derived d JOIN original o ON o.id = d.original"
        " WHERE d.recording = %s AND d.kind = %s AND NOT o.beside"
        " ORDER BY o.started_at NULLS LAST, o.name, d.place LIMIT 500",
        (recording_id, kind),
    ).fetchall()


def derived_bytes(archive: Archive, recording: Recording, row: dict[str, Any]) -> bytes:
    """All bytes of a small derived object."""
    key = archive.keys.unwrap(
        row["agency"], f"object:{row['object']}", bytes(row["object_key"]), under=recording.wrapped_key
    )
    opened = _open(archive, row["object"], key, row["size_bytes"], derived=True)
    return b"".join(opened.chunks())


def begin(archive: Archive, scope: Scope, recording: Recording) -> str:
    """The id of the grant under which this person plays now: the one that runs, or a new one with its entry."""
    account = scope.actor.removeprefix("account:")
    at = clock.now()
    with archive.db.tx(scope) as conn:
        # A player's first requests come at the same time: one of them opens the grant.
        conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 2))", (f"{recording.id} {account}",))
        running = conn.execute(
            "SELECT id FROM play_grant WHERE recording = %s AND account = %s AND ends_at > %s AND NOT ended",
            (recording.id, account, at),
        ).fetchone()
        if running:
            return str(running["id"])
        grant, ends_at = new_id(), at + GRANT_LENGTH
        conn.execute(
            "INSERT INTO play_grant (id, agency, recording, account, begun_at, ends_at) VALUES (%s, %s, %s, %s, %s, %s)",
            (grant, recording.agency, recording.id, account, at, ends_at),
        )
        guests.record(conn, scope, recording, "played", {"grant": grant, "until": clock.stamp(ends_at)}, at)
        return grant


def stream(
    archive: Archive, scope: Scope, recording: Recording, opened: SealedReader, part: Part, grant: str
) -> Iterator[bytes]:
    """The bytes of a part in chunks, counted under the grant when it ends, however it ends."""
    sent = 0
    try:
        for chunk in opened.chunks(part.start, part.end):
            sent += len(chunk)
            yield chunk
    except EvidenceFault as fault:
        enter_fault(archive, scope, recording, fault)
        raise
    finally:
        with archive.db.tx(scope) as conn:
            conn.execute("UPDATE play_grant SET sent_bytes = sent_bytes + %s WHERE id = %s", (sent, grant))


def enter_fault(archive: Archive, scope: Scope, recording: Recording, fault: EvidenceFault) -> None:
    """What lies in the store is not what was received: the custody log says so, whatever becomes of the request."""
    if guests.is_guest(scope, recording):
        detail: dict[str, Value] = {"attempted": "play", "code": fault.code, "says": fault.says[:500]}
        with archive.db.tx(scope) as conn:
            guests.record(conn, scope, recording, "found_fault", detail)
        return
    log.record_refusal(
        archive.db,
        scope,
        fault,
        act="play",
        subject=f"recording:{recording.id}",
        agency=recording.agency,
    )


def enter_download(archive: Archive, scope: Scope, recording: Recording, original: Original) -> None:
    """An original is about to be handed out whole; the entry stands before the first byte leaves."""
    with archive.db.tx(scope) as conn:
        detail: dict[str, Value] = {
            "original": original.id, "sha256": original.sha256, "bytes": original.size_bytes,
        }  # fmt: skip
        guests.record(conn, scope, recording, "downloaded", detail)


def enter_view(archive: Archive, scope: Scope, recording: Recording) -> None:
    """Somebody opened the page of a recording."""
    with archive.db.tx(scope) as conn:
        guests.record(conn, scope, recording, "viewed")


def end_plays(archive: Archive) -> int:
    """Enter the end of every grant that is over, with the bytes that were sent. Returns how many."""
    at, count = clock.now(), 0
    with archive.db.tx(Scope("system:play", ())) as conn:
        agencies = [
            row["agency"] for row in conn.execute("SELECT agencies_with_plays_over(%s) AS agency", (at,))
        ]
    for agency in agencies:
        with archive.db.tx(Scope("system:play", (agency,))) as conn:
            over = conn.execute(
                "UPDATE play_grant SET ended = true WHERE id IN (SELECT id FROM play_grant WHERE agency = %s"
                " AND NOT ended AND ends_at < %s FOR UPDATE SKIP LOCKED LIMIT 200)"
                " RETURNING id, recording, account, sent_bytes",
                (agency, at),
            ).fetchall()
            for row in over:
                log.record(
                    conn,
                    actor=f"account:{row['account']}",
                    agency=agency,
                    act="play_ended",
                    subject=f"recording:{row['recording']}",
                    detail={"grant": row["id"], "bytes": row["sent_bytes"]},
                    at=at,
                )
            count += len(over)
    return count


def _open(archive: Archive, name: str, key: bytes, plain_bytes: int, *, derived: bool) -> SealedReader:
    store = archive.stores.derived if derived else archive.stores.originals
    try:
        return SealedReader(store, name, key, plain_bytes)
    except NotFound:
        raise EvidenceFault(
            f"The object {name} is in the rows and not in the store.",
            next_step="Have the operator run lapel fsck.",
        ) from None
