"""Which events are known already, and how are those of a file written? All SQL of an import."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from lapel.activation.instants import to_datetime
from lapel.activation.reading import Rejected, Taken
from lapel.storage import rows
from lapel.storage.postgres import Connection

_CHUNK = 50_000


@dataclass(frozen=True, slots=True)
class Import:
    """One file that was imported. `rows` of it were read, `taken` became events."""

    id: str
    agency: str
    source: str
    file: str
    sha256: str
    mapping: str
    mapping_sha256: str
    rows: int
    taken: int
    notes: list[str]
    imported_at: datetime
    imported_by: str
    entry: str


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an event; instants in microseconds."""

    kind: str
    begin: int
    end: int
    story: str
    flags: tuple[str, ...]
    badges: tuple[str, ...]
    imported: str


def imported(conn: Connection, agency: str, sha256: str, mapping_sha256: str) -> str | None:
    """The import of exactly this file by exactly this mapping, if there was one."""
    row = conn.execute(
        "SELECT id FROM event_import WHERE agency = %s AND sha256 = %s AND mapping_sha256 = %s ORDER BY imported_at LIMIT 1",
        (agency, sha256, mapping_sha256),
    ).fetchone()
    return row["id"] if row else None


def imports(conn: Connection, agency: str, *, limit: int = 50) -> list[dict[str, Any]]:
    """The imports of an agency, newest first, each with `rejected`."""
    return conn.execute(
        "SELECT i.*, (SELECT count(*) FROM event_rejected r WHERE r.import = i.id) AS rejected FROM event_import i"
        " WHERE i.agency = %s ORDER BY i.imported_at DESC, i.id LIMIT %s",
        (agency, limit),
    ).fetchall()


def known(conn: Connection, agency: str, ids: Sequence[str]) -> dict[str, Known]:
    """Which of these events are known, and what is."""
    found: dict[str, Known] = {}
    for at in range(0, len(ids), _CHUNK):
        answer = conn.execute(
            "SELECT e.id, e.kind, (EXTRACT(EPOCH FROM e.begins_at) * 1000000)::bigint AS begin,"
            ' (EXTRACT(EPOCH FROM e.ends_at) * 1000000)::bigint AS "end", e.story, e.flags, e.import,'
            " ARRAY(SELECT p.badge FROM event_officer p WHERE p.event = e.id) AS badges"
            " FROM event e WHERE e.agency = %s AND e.id = ANY(%s)",
            (agency, list(ids[at : at + _CHUNK])),
        )
        for row in answer:
            found[row["id"]] = Known(
                row["kind"], row["begin"], row["end"], row["story"], tuple(row["flags"]), tuple(row["badges"]), row["import"]
            )  # fmt: skip
    return found


def earlier(conn: Connection, event: str) -> list[dict[str, Any]]:
    """What earlier files said of an event, the latest first, each with the `file` that said so and the one that says otherwise."""
    return conn.execute(
        "SELECT x.*, a.file, a.imported_at, b.file AS superseded_file FROM event_earlier x"
        " JOIN event_import a ON a.id = x.import JOIN event_import b ON b.id = x.superseded_by"
        " WHERE x.event = %s ORDER BY b.imported_at DESC",
        (event,),
    ).fetchall()


def badges(conn: Connection, agency: str, wanted: Sequence[str]) -> dict[str, str]:
    """The officer of each of these badges, of those the roster knows."""
    found = conn.execute(
        "SELECT badge, id FROM officer WHERE agency = %s AND badge = ANY(%s)", (agency, list(wanted))
    )
    return {row["badge"]: row["id"] for row in found}


def write(
    conn: Connection, made: Import, rejected: Sequence[Rejected], new: Mapping[str, Taken], changed: Mapping[str, Taken],
    before: Mapping[str, Known], officers: Mapping[str, str],
) -> None:  # fmt: skip
    """Write an import: its row, what it rejected, the events that are new, and those it says something else of."""
    row = {name: getattr(made, name) for name in Import.__slots__}
    row["notes"] = Jsonb(made.notes)
    rows.insert(conn, "event_import", row)
    _insert(
        conn, "event_rejected", made.agency,
        {"import": ("hex_id", [made.id] * len(rejected)), "row": ("integer", [str(r.number) for r in rejected]),
         "reason": ("text", [_plain(r.reason) for r in rejected]),
         "cells": ("jsonb", [json.dumps(dict(r.cells)).replace("\\u0000", "") for r in rejected])},
        keep=True,
    )  # fmt: skip
    told = {taken.story.id: taken.story for taken in (*new.values(), *changed.values())}
    stories = [json.dumps(story.to_json()) for story in told.values()]
    _insert(
        conn,
        "event_story",
        made.agency,
        {"id": ("hex_id", list(told)), "story": ("jsonb", stories)},
        keep=True,
    )
    for name, taken in changed.items():
        _supersede(conn, made, name, taken, before[name])
    _insert(
        conn, "event", made.agency,
        {"id": ("hex_id", list(new)), "source": ("text", [made.source] * len(new)),
         "external_id": ("text", [t.id for t in new.values()]), "kind": ("text", [t.kind for t in new.values()]),
         "begins_at": ("timestamptz", [to_datetime(t.begin).isoformat() for t in new.values()]),
         "ends_at": ("timestamptz", [to_datetime(t.end).isoformat() for t in new.values()]),
         "story": ("hex_id", [t.story.id for t in new.values()]), "flags": ("text[]", [_array(t.flags) for t in new.values()]),
         "import": ("hex_id", [made.id] * len(new))},
    )  # fmt: skip
    who = [(name, badge) for name, t in (*new.items(), *changed.items()) for badge in t.badges]
    _insert(
        conn, "event_officer", made.agency,
        {"event": ("hex_id", [name for name, _ in who]), "badge": ("text", [badge for _, badge in who]),
         "officer": ("hex_id", [officers.get(badge) for _, badge in who])},
    )  # fmt: skip


def _supersede(conn: Connection, made: Import, name: str, taken: Taken, before: Known) -> None:
    """The later file counts; what the earlier one said stays, and what was found about it is found anew."""
    rows.insert(
        conn, "event_earlier",
        {"event": name, "agency": made.agency, "kind": before.kind, "begins_at": to_datetime(before.begin),
         "ends_at": to_datetime(before.end), "story": before.story, "flags": list(before.flags),
         "badges": list(before.badges), "import": before.imported, "superseded_by": made.id},
    )  # fmt: skip
    conn.execute(
        "UPDATE event SET kind = %s, begins_at = %s, ends_at = %s, story = %s, flags = %s, import = %s WHERE id = %s",
        (
            taken.kind, to_datetime(taken.begin), to_datetime(taken.end), taken.story.id, list(taken.flags), made.id, name,
        ),
    )  # fmt: skip
    conn.execute("DELETE FROM event_officer WHERE event = %s", (name,))
    conn.execute(
        "DELETE FROM finding WHERE agency = %s AND event = %s AND begins_at >= %s AND begins_at <= %s",
        (made.agency, name, to_datetime(before.begin), to_datetime(before.end)),
    )


def _insert(
    conn: Connection, table: str, agency: str, columns: Mapping[str, tuple[str, Sequence[str | None]]], *, keep: bool = False
) -> None:  # fmt: skip
    count = len(next(iter(columns.values()))[1])
    for at in range(0, count, _CHUNK):
        size = min(_CHUNK, count - at)
        joined = {
            name: (kind, rows.joined(values[at : at + size])) for name, (kind, values) in columns.items()
        }
        rows.insert_columns(conn, table, joined, same={"agency": agency}, keep=keep)


def _array(words: Sequence[str]) -> str:
    return "{" + ",".join(json.dumps(word) for word in words) + "}"


def _plain(text: str) -> str:
    return "".join(c if ord(c) >= 32 else " " for c in text)


def of_event(conn: Connection, event: str) -> dict[str, Any] | None:
    """The import that an event is as it is by: `id`, `file`, `sha256`, `entry`; None where it is not in view."""
    return conn.execute(
        "SELECT i.id, i.file, i.sha256, i.mapping_sha256, i.entry, i.imported_at FROM event e"
        " JOIN event_import i ON i.id = e.import WHERE e.id = %s",
        (event,),
    ).fetchone()
