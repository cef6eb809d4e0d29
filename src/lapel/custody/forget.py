"""How is a person forgotten, and the log still provable?

The openings of chosen fields are destroyed: in the database (by a function of the database, which alone may), and in
log-private/, by giving the entry a new key and sealing what remains under it. The commitments stay, so nothing in the
public log changes, and a new entry says what was forgotten, by which two accounts and by what authority.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import psycopg

from lapel.base.digest import Value
from lapel.base.errors import Conflict, EvidenceFault, Invalid, LapelError, NotFound, Refused
from lapel.custody import log
from lapel.custody.private import (
    KEY_BYTES,
    KEY_OWNER,
    Kept,
    kept_name,
    purpose,
    seal_rest,
    split_keys,
    stretch_name,
)
from lapel.storage.keys import Keys
from lapel.storage.objects import Stores
from lapel.storage.postgres import Connection, Database, Scope

_UNFINISHED = """
    SELECT f.entry, l.index, l.n, s.first, s.last, o.agency, o.openings::text AS openings, o.subject,
           (SELECT max(g.key_digest) FROM custody_forgotten g WHERE g.entry = f.entry) AS key_digest, k.key
      FROM custody_forgotten f JOIN custody_leaf l ON l.entry = f.entry
      JOIN custody_sealed s ON l.index BETWEEN s.first AND s.last
      JOIN custody_opening o ON o.entry = f.entry
      LEFT JOIN custody_subject k ON l.n = 1 AND k.subject = o.subject
     WHERE f.destroyed_at IS NULL ORDER BY l.index LIMIT 1"""
_DONE = (
    "UPDATE custody_forgotten SET destroyed_at = clock_timestamp() WHERE entry = %s AND destroyed_at IS NULL"
)


def forget(
    db: Database,
    stores: Stores,
    keys: Keys,
    scope: Scope,
    *,
    subject: str,
    entries: Sequence[str],
    fields: Sequence[str],
    approved_by: str,
    authority: str,
) -> list[str]:
    """Forget these fields of these entries of one subject; returns the entries that lost any.

    `scope.actor` and `approved_by` are two different accounts (`account:<id>`), `authority` says by what right. Durable
    on return. Raises `Refused` (one account only, no authority, a field that is kept for ever, a subject under a hold),
    `NotFound`, `Conflict` (an entry has not been sealed yet: in a few seconds it will), and `Unavailable` when the
    database forgot but the stores could not be reached: then `finish_forgetting` must be run again.
    """
    if not entries or not fields or len(scope.agencies) != 1:
        raise Invalid("Say which entries of which one agency, and which fields, are to be forgotten.")
    agency = scope.agencies[0]
    detail: dict[str, Value] = {
        "entries": list(entries),
        "fields": sorted(set(fields)),
        "approved_by": approved_by,
        "authority": authority,
    }
    # The entry that says so must not name again what is being forgotten.
    about = f"agency:{agency}" if "subject" in fields else subject
    with db.tx(scope) as conn:
        _same_subject(conn, subject, entries)
        said = log.record(
            conn, actor=scope.actor, agency=agency, act="forgotten", subject=about, detail=detail
        )
        try:
            rows = conn.execute("SELECT custody_forget(%s) AS entry", (said.id,)).fetchall()
        except psycopg.errors.RaiseException as fault:
            raise _because(fault) from fault
    finish_forgetting(db, stores, keys, scope)
    return [row["entry"] for row in rows]


def finish_forgetting(db: Database, stores: Stores, keys: Keys, scope: Scope) -> int:
    """Destroy the keys of all that was forgotten in the database and not yet in the stores; returns how many entries.

    Safe to repeat; for the agencies in the scope. Raises `Unavailable`.
    """
    finished = 0
    while True:
        with db.tx(scope) as conn:
            row = conn.execute(_UNFINISHED).fetchone()
            if row is None:
                return finished
            # One at a time for a stretch: the object of keys is read, changed and written back.
            conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('log-keys', %s))", (row["first"],))
            kept = Kept(
                entry=row["entry"],
                agency=row["agency"],
                n=row["n"],
                openings=row["openings"],
                subject=row["subject"],
                subject_key=row["key"],
                of=row["key_digest"],
            )
            _give_new_key(stores, keys, row["first"], row["last"], row["index"], kept)
            conn.execute(_DONE, (row["entry"],))
            finished += 1


def _give_new_key(stores: Stores, keys: Keys, first: int, last: int, index: int, kept: Kept) -> None:
    name, bound = stretch_name(first, last), purpose(first, last)
    own = split_keys(keys.unwrap(KEY_OWNER, bound, stores.log_keys.read(name)), first, last)
    new = os.urandom(KEY_BYTES)
    stores.log_private.put_new(kept_name(index, new), seal_rest(index, kept, new))
    own[index - first] = new
    stores.log_keys.replace(name, keys.wrap(KEY_OWNER, bound, b"".join(own)))


def _same_subject(conn: Connection, subject: str, entries: Sequence[str]) -> None:
    row = conn.execute(
        "SELECT count(*) AS n FROM custody_opening WHERE entry = ANY(%s) AND subject = %s",
        (list(entries), subject),
    ).fetchone()
    if row is None or row["n"] != len(set(entries)):
        raise NotFound(f"Not all of these entries are about {subject}.")


def _because(fault: psycopg.errors.RaiseException) -> LapelError:
    """The refusal that the database's hint names."""
    refusals = {
        "two-accounts": "Forgetting needs two different accounts.",
        "authority": "Forgetting needs an authority: the order or the rule.",
        "held": "A hold keeps this.",
        "kept-field": "When, what, whose and digests are never forgotten.",
    }
    hint = fault.diag.message_hint or ""
    if hint in refusals:
        return Refused(refusals[hint], rules=(hint,))
    if hint == "no-entry":
        return NotFound("There is no such custody entry.")
    if hint == "not-yet":
        return Conflict("An entry is not in the log yet.", next_step="Wait some seconds.")
    return EvidenceFault(f"The database would not forget: {fault.diag.message_primary}")
