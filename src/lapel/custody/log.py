"""How is an act written into the custody log, and what does the log say of a thing?

An act is recorded inside the transaction that does it: both happen or neither. `record` is `prepare` and `insert`; a
caller that must store the openings elsewhere before the commit (an intake, in the sidecar) uses the two halves.
The first entry of a subject commits to the subject's key. Who comes first is settled by the primary key of
custody_subject: a second transaction waits there until the first has committed, so its entries come after.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import psycopg

from lapel.base.clock import now, read_stamp
from lapel.base.digest import Value
from lapel.base.errors import Conflict, EvidenceFault, LapelError, Refused
from lapel.custody.entry import Entry, new_entry, read_openings
from lapel.storage.postgres import Connection, Database, Scope

_SHOWN_APART = frozenset({"at", "actor", "agency", "act", "subject", "subject_key"})

# Where the transaction comes from, and by which door, comes with it, so that nobody has to hand it down to where an act is done.
_KNOWN = """
    SELECT current_setting('lapel.source', true) AS source, current_setting('lapel.door', true) AS door,
           ARRAY(SELECT subject FROM custody_subject WHERE subject = ANY(%s)) AS known"""
# In the order of the subjects, so that two transactions with the same new ones wait instead of blocking each other.
_NEW = """
    INSERT INTO custody_subject (subject, agency, key)
    SELECT * FROM unnest(%b::text[], %b::text[], %b::bytea[]) AS s (subject, agency, key) ORDER BY subject
    ON CONFLICT DO NOTHING RETURNING subject"""
# One text of lines for each column: split by the server, it costs a tenth of a list of parameters. No value has a raw
# newline: JSON escapes it, and subjects and agencies cannot have one.
_INSERT = """
    WITH given AS (
        SELECT * FROM unnest(string_to_array(%s, E'\\n'), string_to_array(%s, E'\\n'), string_to_array(%s, E'\\n'),
                             string_to_array(%s, E'\\n'), string_to_array(%s, E'\\n'), string_to_array(%s, E'\\n'))
        WITH ORDINALITY AS g (id, commitment, agency, subject, openings, first, place)
    ), entries AS (
        INSERT INTO custody_entry (id, commitment) SELECT id, decode(commitment, 'hex') FROM given
    ), openings AS (
        INSERT INTO custody_opening (entry, agency, subject, openings)
        SELECT id, agency, subject, openings::json FROM given
    )
    INSERT INTO custody_pending (entry, subject, first)
    SELECT id, subject, first = '1' FROM given ORDER BY place"""
_HISTORY = """
    SELECT o.entry, o.openings::text AS openings, l.index,
           COALESCE(l.index < (SELECT max(size) FROM custody_publication), false) AS published
      FROM custody_opening o LEFT JOIN custody_leaf l ON l.entry = o.entry
     WHERE o.subject = %s ORDER BY l.index NULLS LAST, o.openings #>> '{at,1}', o.entry"""


@dataclass(frozen=True, slots=True)
class Act:
    """What is to be recorded. `act` is a verb in the past; `subject` is `<kind>:<id>`; `at` None is now."""

    actor: str
    agency: str
    act: str
    subject: str
    detail: Mapping[str, Value] = field(default_factory=dict)
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LoggedAct:
    """One act as the log tells it. `index` is None until it has a place in the log; `actor` None if it was forgotten.

    `published`: a checkpoint that covers it is public. `detail`: the other fields whose openings remain.
    """

    entry: str
    at: datetime
    actor: str | None
    agency: str
    act: str
    detail: Mapping[str, Value]
    index: int | None
    published: bool


def record(
    conn: Connection,
    *,
    actor: str,
    agency: str,
    act: str,
    subject: str,
    detail: Mapping[str, Value] | None = None,
    at: datetime | None = None,
) -> Entry:
    """Write one entry in the caller's transaction. Raises `Invalid` for what cannot be logged."""
    return record_many(conn, [Act(actor, agency, act, subject, detail or {}, at)])[0]


def record_many(conn: Connection, acts: Sequence[Act]) -> list[Entry]:
    """Write many entries, in their order, with the round trips of one. Best by some thousands at a time."""
    entries = _prepare(conn, acts)
    insert_many(conn, entries)
    return entries


def prepare(
    conn: Connection,
    *,
    actor: str,
    agency: str,
    act: str,
    subject: str,
    detail: Mapping[str, Value] | None = None,
    at: datetime | None = None,
) -> Entry:
    """The entry of an act, to be given to `insert` in the same transaction, before any other act on that subject."""
    return _prepare(conn, [Act(actor, agency, act, subject, detail or {}, at)])[0]


def insert(conn: Connection, entry: Entry) -> None:
    """Write a prepared entry. Raises `Conflict` when an entry of this id or commitment is there."""
    insert_many(conn, [entry])


def insert_many(conn: Connection, entries: Sequence[Entry]) -> None:
    """Write prepared entries in their order. Raises `Conflict` when one of them is there; then none is written."""
    try:
        columns = (
            (e.id for e in entries),
            (e.commitment.hex() for e in entries),
            (e.agency for e in entries),
            (e.subject for e in entries),
            (e.openings for e in entries),
            ("1" if e.subject_key else "0" for e in entries),
        )
        conn.execute(_INSERT, ["\n".join(column) for column in columns])
    except psycopg.errors.UniqueViolation:
        raise Conflict("An entry that was to be logged is already in the log.") from None


def record_on_known(conn: Connection, act: Act) -> Entry:
    """Write one entry on a subject that has entries already, which the transaction may not see: another agency's."""
    entry = new_entry(
        at=act.at or now(),
        actor=act.actor,
        agency=act.agency,
        act=act.act,
        subject=act.subject,
        detail=act.detail,
        subject_key=None,
    )
    insert(conn, entry)
    return entry


def is_logged(conn: Connection, entry_id: str) -> bool:
    """Is there an entry of this id, with a place in the log or still waiting for one?"""
    return conn.execute("SELECT FROM custody_entry WHERE id = %s", (entry_id,)).fetchone() is not None


def place_of(conn: Connection, entry_id: str) -> int | None:
    """The index of an entry in the log, None when it waits for one or is not there."""
    row = conn.execute("SELECT index FROM custody_leaf WHERE entry = %s", (entry_id,)).fetchone()
    return None if row is None else int(row["index"])


def restore(conn: Connection, entry: Entry) -> bool:
    """Write an entry that was found outside the database (in a sidecar), with its subject's key if it brings one.

    False, and nothing written, when it is there already. For a rebuild, in the order the entries were made.
    """
    if is_logged(conn, entry.id):
        return False
    if entry.subject_key is not None:
        conn.execute(_NEW, ([entry.subject], [entry.agency], [entry.subject_key]))
    insert(conn, entry)
    return True


def record_refusal(
    db: Database, scope: Scope, error: LapelError, *, act: str, subject: str, agency: str
) -> Entry:
    """Record that an act was refused or failed, in a transaction of its own, after the act's own was rolled back."""
    said = {Refused: "refused", EvidenceFault: "found_fault"}.get(type(error), "failed")
    detail: dict[str, Value] = {
        "attempted": act,
        "code": error.code,
        "says": error.says.replace("\0", "")[:500],
    }
    if isinstance(error, Refused) and error.rules:
        detail["rules"] = list(error.rules)
    with db.tx(scope) as conn:
        return record(conn, actor=scope.actor, agency=agency, act=said, subject=subject, detail=detail)


def history(conn: Connection, subject: str) -> list[LoggedAct]:
    """What the log says of a subject, in the log's order, as far as the transaction's agencies may see it."""
    found = []
    for row in conn.execute(_HISTORY, (subject,)):
        fields = {name: value for name, (_, value) in read_openings(row["openings"]).opened.items()}
        found.append(
            LoggedAct(
                entry=row["entry"],
                at=read_stamp(str(fields["at"])),
                actor=str(fields["actor"]) if "actor" in fields else None,
                agency=str(fields["agency"]),
                act=str(fields["act"]),
                detail={name: value for name, value in fields.items() if name not in _SHOWN_APART},
                index=row["index"],
                published=row["published"],
            )
        )
    return found


def _prepare(conn: Connection, acts: Sequence[Act]) -> list[Entry]:
    where, keys = _new_subjects(conn, acts)
    moment = now()
    return [
        new_entry(
            at=act.at or moment,
            actor=act.actor,
            agency=act.agency,
            act=act.act,
            subject=act.subject,
            detail={**where, **act.detail},
            subject_key=keys.pop(act.subject, None),
        )
        for act in acts
    ]


def _new_subjects(conn: Connection, acts: Sequence[Act]) -> tuple[dict[str, Value], dict[str, bytes]]:
    """Where the transaction came from, and the keys of the subjects that it is the first to name."""
    agencies = {act.subject: act.agency for act in reversed(acts)}
    there = conn.execute(_KNOWN, (list(agencies),)).fetchone()
    where: dict[str, Value] = {n: there[n] for n in ("source", "door") if there[n]} if there else {}
    known = set(there["known"]) if there else set()
    new = {subject: os.urandom(32) for subject in agencies if subject not in known}
    if not new:
        return where, {}
    rows = conn.execute(_NEW, (list(new), [agencies[s] for s in new], list(new.values())))
    return where, {row["subject"]: new[row["subject"]] for row in rows}
