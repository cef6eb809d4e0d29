"""Which directives are on record, and which are in force for an agency on a day? All SQL of the room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from lapel.base import clock
from lapel.base.errors import Conflict
from lapel.base.ids import new_id
from lapel.policy.book import Book, agency_book
from lapel.policy.library import Library
from lapel.policy.record import Adopted, Draft, Proved, Record, recorded, row_values, texts_of
from lapel.storage.postgres import Connection

_ONE_ADOPTION = 0x1A9E1B00
_REMEMBERED = 16


@dataclass(frozen=True, slots=True)
class InForce:
    """What an agency answers by on a day, and the texts it rests on: (policy, version, SHA-256)."""

    book: Book
    texts: tuple[tuple[str, date, str], ...]


def record(conn: Connection) -> Record:
    """Everything that was adopted, read and fitted together; read once for each state of the record."""
    ids = tuple(
        row["id"] for row in conn.execute("SELECT id FROM directive ORDER BY entered_at, id").fetchall()
    )
    return _records.get(ids) or _remember(ids, recorded(adopted(conn)))


def with_draft(there: Record, draft: Draft) -> Record:
    """The record as if a draft had been adopted on the day it was handed in. Raises `Invalid` where it fits no longer."""
    key = (*(row.id for row in there.rows), draft.id)
    found = _records.get(key)
    if found is None:
        as_if = Adopted(
            draft.id, draft.agency, "agency", draft.policy, draft.version, draft.file, draft.body, draft.sha256,
            draft.handed_at.date(), draft.handed_by, None, draft.handed_at, "",
        )  # fmt: skip
        found = _remember(key, recorded((*there.rows, as_if)))
    return found


_records: dict[tuple[str, ...], Record] = {}


def _remember(key: tuple[str, ...], found: Record) -> Record:
    if len(_records) >= _REMEMBERED:
        _records.clear()
    _records[key] = found
    return found


def adopted(conn: Connection) -> tuple[Adopted, ...]:
    """Every text on record, in the order in which it was entered."""
    with conn.cursor(row_factory=class_row(Adopted)) as cursor:
        return tuple(cursor.execute("SELECT * FROM directive ORDER BY entered_at, id").fetchall())


def library(conn: Connection) -> Library:
    """The directives on record. Raises `NotFound` before the department has adopted a policy."""
    return record(conn).directives


def in_force(conn: Connection, agency: str, on: date) -> InForce:
    """What an agency's officers go by on a day: its policy and the orders that bind it. Raises `NotFound` without one."""
    there = record(conn)
    return InForce(agency_book(there.directives, agency, on), texts_of(there, agency, on))


def one_at_a_time(conn: Connection) -> None:
    """Wait until no other adoption is under way: each is checked against everything on record."""
    conn.execute("SELECT pg_advisory_xact_lock(%s)", (_ONE_ADOPTION,))


def add(conn: Connection, row: Adopted) -> None:
    """Put a text on record. Raises `Conflict` for a version that is there."""
    try:
        insert(conn, "directive", row_values(row))
    except psycopg.errors.UniqueViolation:
        raise Conflict(
            f"{row.policy} of {row.version} is on record already.", next_step="A new text is a new version."
        ) from None


def insert(conn: Connection, table: str, row: Mapping[str, Any], *, keep: bool = False) -> None:
    """Write one row; with `keep`, one that is there already stays."""
    query = sql.SQL("INSERT INTO {} ({}) VALUES ({}){}").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join(sql.Placeholder() * len(row)),
        sql.SQL(" ON CONFLICT (id) DO NOTHING" if keep else ""),
    )
    conn.execute(query, [Jsonb(value) if isinstance(value, list | dict) else value for value in row.values()])


def proof(conn: Connection, policy: str, inputs: str) -> Proved | None:
    """The latest proof of a policy from exactly these inputs."""
    with conn.cursor(row_factory=class_row(Proved)) as cursor:
        return cursor.execute(
            "SELECT policy, inputs, verdict, holds, prover, took_ms, proved_at FROM policy_proof"
            " WHERE policy = %s AND inputs = %s ORDER BY proved_at DESC LIMIT 1",
            (policy, inputs),
        ).fetchone()


def proofs(conn: Connection, there: Record) -> dict[str, Proved | None]:
    """For the department and each agency that has a policy, the latest proof of what is on record now; None: not yet proved."""
    library = there.directives
    return {of: proof(conn, of, there.inputs(of)) for of in (library.department, *library.agencies)}


def add_proof(conn: Connection, agency: str | None, proved: Proved) -> None:
    """Keep a proof. Earlier ones stay."""
    values = {name: getattr(proved, name) for name in Proved.__slots__}
    insert(conn, "policy_proof", {"id": new_id(), "agency": agency, **values})


def changes(conn: Connection, old: str, new: str) -> list[dict[str, Any]] | None:
    """What one text changed against another (by SHA-256), as worked out before; None: not yet."""
    row = conn.execute(
        "SELECT classes FROM policy_change WHERE old_sha256 = %s AND new_sha256 = %s ORDER BY compared_at DESC LIMIT 1",
        (old, new),
    ).fetchone()
    return list(row["classes"]) if row else None


def add_changes(
    conn: Connection,
    agency: str | None,
    policy: str,
    old: str,
    new: str,
    classes: Sequence[Mapping[str, Any]],
) -> None:
    """Keep what one text changed against another."""
    insert(
        conn, "policy_change",
        {
            "id": new_id(), "agency": agency, "policy": policy, "old_sha256": old, "new_sha256": new,
            "classes": [dict(one) for one in classes], "compared_at": clock.now(),
        },
    )  # fmt: skip


def drafts(conn: Connection) -> list[Draft]:
    """The drafts in view, by policy."""
    with conn.cursor(row_factory=class_row(Draft)) as cursor:
        return cursor.execute("SELECT * FROM policy_draft ORDER BY policy").fetchall()


def put_draft(conn: Connection, draft: Draft) -> None:
    """Keep a draft; the one before it of the same policy goes."""
    drop_draft(conn, draft.policy)
    insert(conn, "policy_draft", {name: getattr(draft, name) for name in Draft.__slots__})


def drop_draft(conn: Connection, policy: str) -> None:
    """Forget a draft."""
    conn.execute("DELETE FROM policy_draft WHERE policy = %s", (policy,))
