"""What outlives the database? Beside the originals, each act leaves a small sealed file: its rows and its openings.

Every act that intake acknowledges, and every act of a person on a recording, goes through `perform`: the rows, the
custody entry and the sidecar stand before the transaction commits, so what was acknowledged can be read back from the
objects alone (`lapel rebuild`). A sidecar whose transaction failed was never acknowledged; a rebuild uses it last.

Name: `<agency>/<recording id or ->/<entry id>`. Plain text: canonical JSON {v: 1, entry: …, rows: [[table, {…}], …]},
sealed by the key agent under the recording's key (purpose `sidecar:<name>`), or the agency's for what has no recording.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from lapel.base.clock import read_stamp
from lapel.base.errors import EvidenceFault
from lapel.custody import log
from lapel.custody.entry import Entry
from lapel.storage import rows as table
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection

NO_RECORDING = "-"


@dataclass(frozen=True, slots=True)
class Write:
    """One row to write: inserted whole, or (with `change`) some columns of the row that is there."""

    table: str
    row: Mapping[str, Any]
    change: bool = False


@dataclass(frozen=True, slots=True)
class Under:
    """Whose key seals the sidecar: a recording's, or (both None) the agency's."""

    recording: str | None = None
    wrapped_key: bytes | None = None


def perform(
    conn: Connection, archive: Archive, entry: Entry, writes: Sequence[Write], *, agency: str, under: Under
) -> None:
    """Write the rows and the custody entry in this transaction, and the sidecar durably before it commits.

    Raises what the rows raise, and `Unavailable` when the sidecar cannot be stored; the caller's transaction then
    rolls back and nothing is acknowledged.
    """
    for write in writes:
        if write.change:
            changes = {name: value for name, value in write.row.items() if name != "id"}
            table.change(conn, write.table, write.row["id"], changes)
        else:
            table.insert(conn, write.table, write.row)
    log.insert(conn, entry)
    put(archive, entry, writes, agency=agency, under=under)


def put(archive: Archive, entry: Entry, writes: Sequence[Write], *, agency: str, under: Under) -> None:
    """Seal and store the sidecar of one act; durable when it returns."""
    name = name_of(agency, under.recording, entry.id)
    rows = [[w.table, {key: _encode(value) for key, value in w.row.items()}, w.change] for w in writes]
    plain = json.dumps(
        {"v": 1, "entry": entry.to_json(), "rows": rows}, ensure_ascii=False, separators=(",", ":")
    )
    sealed = archive.keys.wrap(agency, f"sidecar:{name}", plain.encode(), under=under.wrapped_key)
    archive.stores.sidecars.put_new(name, sealed)


def name_of(agency: str, recording: str | None, entry_id: str) -> str:
    """The object name of the sidecar of one act."""
    return f"{agency}/{recording or NO_RECORDING}/{entry_id}"


def read(archive: Archive, name: str) -> tuple[Entry, list[Write]]:
    """Open a sidecar. Raises `EvidenceFault` when it does not open or is not of version 1."""
    agency, recording, _ = name.split("/")
    under = None if recording == NO_RECORDING else archive.stores.keys.read(f"{agency}/{recording}")
    plain = archive.keys.unwrap(agency, f"sidecar:{name}", archive.stores.sidecars.read(name), under=under)
    content = json.loads(plain)
    if content.get("v") != 1:
        raise EvidenceFault(
            f"The sidecar {name} is of version {content.get('v')}, which this program does not know."
        )
    rows = [
        Write(table, {k: _decode(v) for k, v in row.items()}, change)
        for table, row, change in content["rows"]
    ]
    return Entry.from_json(content["entry"]), rows


def _encode(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"$at": value.isoformat()}
    if isinstance(value, date):
        return {"$on": value.isoformat()}
    if isinstance(value, bytes | memoryview):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, Mapping):
        return {"$json": dict(value)}
    return value


def _decode(value: Any) -> Any:
    if isinstance(value, dict):
        if "$at" in value:
            return read_stamp(value["$at"])
        if "$on" in value:
            return date.fromisoformat(value["$on"])
        if "$bytes" in value:
            return base64.b64decode(value["$bytes"])
        return value["$json"]
    return value
