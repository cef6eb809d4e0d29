"""Have the openings of all that is in the log been kept outside the database?

A stretch is begun with a committed secret, from which all its keys come, so that a repetition after a crash writes the
same bytes; when both objects are written the secret is deleted, and only log-keys/ can open log-private/.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager

from lapel.base.errors import Conflict, EvidenceFault
from lapel.custody.private import (
    KEY_OWNER,
    MAX_STRETCH,
    Kept,
    entry_keys,
    purpose,
    seal_stretch,
    stretch_name,
)
from lapel.storage.keys import Keys
from lapel.storage.objects import Stores
from lapel.storage.postgres import Connection

Tx = Callable[[], AbstractContextManager[Connection]]

MAX_STORED_BYTES = 8 << 20

_NEXT = "SELECT COALESCE(max(last) + 1, 0) AS first FROM custody_sealed"
# As many as fit, at least one: entries can be large, and a stretch is held in memory.
_LAST = """
    SELECT COALESCE(max(index) FILTER (WHERE bytes <= %(bytes)s), min(index)) AS last FROM (
        SELECT l.index, sum(COALESCE(pg_column_size(o.openings), 0)) OVER (ORDER BY l.index) AS bytes
          FROM custody_leaf l LEFT JOIN custody_opening o ON o.entry = l.entry
         WHERE l.index >= %(first)s AND l.index < %(first)s + %(most)s) s"""
_KEPT = """
    SELECT l.index, l.n, l.entry, o.agency, o.openings::text AS openings, o.subject, s.key
      FROM custody_leaf l LEFT JOIN custody_opening o ON o.entry = l.entry
      LEFT JOIN custody_subject s ON l.n = 1 AND s.subject = o.subject
     WHERE l.index BETWEEN %s AND %s ORDER BY l.index"""


def seal_all(tx: Tx, keys: Keys, stores: Stores) -> int:
    """Seal stretch after stretch until nothing is left; returns how many entries were sealed. Safe to repeat."""
    sealed = 0
    while True:
        with tx() as conn:
            begun = _begin(conn)
        if begun is None:
            return sealed
        first, last, secret = begun
        # One transaction around the writing: a sequencer that was replaced meanwhile must not bring keys back.
        with tx() as conn:
            _write(keys, stores, first, last, secret, _read(conn, first, last))
            conn.execute("INSERT INTO custody_sealed (first, last) VALUES (%s, %s)", (first, last))
            conn.execute("DELETE FROM custody_sealing WHERE first = %s", (first,))
        sealed += last - first + 1


def unsealed(conn: Connection) -> int:
    """How many entries have a place and are not sealed yet."""
    row = conn.execute(
        "SELECT (SELECT COALESCE(max(size), 0) FROM custody_batch)"
        " - (SELECT COALESCE(max(last) + 1, 0) FROM custody_sealed) AS n"
    ).fetchone()
    return int(row["n"]) if row else 0


def goes_beyond(conn: Connection, stores: Stores) -> str | None:
    """The name of a sealed stretch that begins where the database's end and that the database did not begin, or None."""
    row = conn.execute(_NEXT).fetchone()
    first = row["first"] if row else 0
    if conn.execute("SELECT FROM custody_sealing WHERE first = %s", (first,)).fetchone():
        return None
    return next(stores.log_private.list(f"{first:016d}-"), None)


def _begin(conn: Connection) -> tuple[int, int, bytes] | None:
    begun = conn.execute("SELECT first, last, secret FROM custody_sealing").fetchone()
    if begun is not None:
        return begun["first"], begun["last"], begun["secret"]
    row = conn.execute(_NEXT).fetchone()
    first = row["first"] if row else 0
    row = conn.execute(_LAST, {"first": first, "most": MAX_STRETCH, "bytes": MAX_STORED_BYTES}).fetchone()
    if row is None or row["last"] is None:
        return None
    secret = os.urandom(32)
    conn.execute(
        "INSERT INTO custody_sealing (first, last, secret) VALUES (%s, %s, %s)", (first, row["last"], secret)
    )
    return first, row["last"], secret


def _read(conn: Connection, first: int, last: int) -> list[Kept]:
    rows = conn.execute(_KEPT, (first, last)).fetchall()
    if len(rows) != last - first + 1:
        raise EvidenceFault(f"The log lacks rows between {first} and {last}.", next_step="Run lapel fsck.")
    # An entry without openings can only come from a role that wrote it by hand; fsck names it, the log goes on.
    return [
        Kept(
            entry=row["entry"],
            agency=row["agency"] or "",
            n=row["n"],
            openings=row["openings"] or "{}",
            subject=row["subject"],
            subject_key=row["key"],
        )
        for row in rows
    ]


def _write(keys: Keys, stores: Stores, first: int, last: int, secret: bytes, kept: list[Kept]) -> None:
    name, own = stretch_name(first, last), entry_keys(secret, first, last)
    # Keys first: an object that nothing opens would be worse than one that is missing.
    stores.log_keys.replace(name, keys.wrap(KEY_OWNER, purpose(first, last), b"".join(own)))
    try:
        stores.log_private.put_new(name, seal_stretch(first, kept, own))
    except Conflict as fault:
        raise EvidenceFault(
            f"log-private/{name} holds other entries than the database: it is an old one.",
            next_step="Run lapel rebuild, which brings the missing entries back.",
        ) from fault
