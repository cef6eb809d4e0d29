"""Have the openings of all that is in the log been kept outside the database?

A stretch is begun with a committed secret, from which all its keys come, so that a repetition after a crash writes the
same bytes; when both objects are written the secret is deleted, and only log-keys/ can open log-private/.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from lapel.base.errors import Conflict, EvidenceFault, NotFound
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
from lapel.storage.objects import ObjectStore, Stores
from lapel.storage.postgres import Connection

Tx = Callable[[], AbstractContextManager[Connection]]

MAX_STRETCH_BYTES = 8 << 20

_NEXT = "SELECT COALESCE(max(last) + 1, 0) AS first FROM custody_sealed"
_KEPT = """
    SELECT l.index, l.n, l.entry, o.agency, o.openings::text AS openings, o.subject, s.key
      FROM custody_leaf l LEFT JOIN custody_opening o ON o.entry = l.entry
      LEFT JOIN custody_subject s ON l.n = 1 AND s.subject = o.subject
     WHERE l.index >= %s AND l.index < %s ORDER BY l.index"""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Consecutive entries from `first` on, and the secret that their keys come from."""

    first: int
    secret: bytes
    kept: list[Kept]

    @property
    def last(self) -> int:
        return self.first + len(self.kept) - 1


def seal_all(tx: Tx, keys: Keys, stores: Stores) -> int:
    """Seal stretch after stretch until nothing is left; returns how many entries were sealed. Safe to repeat."""
    sealed = 0
    while True:
        with tx() as conn:
            begun = _begin(conn)
        if begun is None:
            return sealed
        # One transaction around the writing: a sequencer that was replaced meanwhile must not bring keys back.
        with tx() as conn:
            _write(keys, stores, begun)
            conn.execute(
                "INSERT INTO custody_sealed (first, last) VALUES (%s, %s)", (begun.first, begun.last)
            )
            conn.execute("DELETE FROM custody_sealing WHERE first = %s", (begun.first,))
        sealed += len(begun.kept)


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
    if conn.execute("SELECT FROM custody_sealing WHERE first = %s", (first,)).fetchone() is not None:
        return None
    return next(stores.log_private.list(f"{first:016d}-"), None)


def _begin(conn: Connection) -> _Stretch | None:
    """The stretch that was begun and not finished, or the next one, its secret committed with the transaction."""
    begun = conn.execute("SELECT first, last, secret FROM custody_sealing").fetchone()
    if begun is not None:
        kept = _read(conn, begun["first"], begun["last"] - begun["first"] + 1)
        if len(kept) != begun["last"] - begun["first"] + 1:
            raise EvidenceFault(f"The log lacks rows from {begun['first']} on.", next_step="Run lapel fsck.")
        return _Stretch(begun["first"], begun["secret"], kept)
    row = conn.execute(_NEXT).fetchone()
    first = row["first"] if row else 0
    kept = _read(conn, first, MAX_STRETCH, MAX_STRETCH_BYTES)
    if not kept:
        return None
    stretch = _Stretch(first, os.urandom(32), kept)
    conn.execute(
        "INSERT INTO custody_sealing (first, last, secret) VALUES (%s, %s, %s)",
        (first, stretch.last, stretch.secret),
    )
    return stretch


def _read(conn: Connection, first: int, most: int, most_bytes: int | None = None) -> list[Kept]:
    """At most `most` entries from `first` on, in memory: fewer, but at least one, when they are large."""
    found: list[Kept] = []
    size = 0
    with conn.cursor("custody_kept") as cursor:
        cursor.itersize = 1024
        for row in cursor.execute(_KEPT, (first, first + most)):
            size += len(row["openings"] or "")
            if most_bytes and found and size > most_bytes:
                break
            if row["index"] != first + len(found):
                raise EvidenceFault(
                    f"The log lacks rows from {first + len(found)} on.", next_step="Run lapel fsck."
                )
            # An entry without openings can only come from a role that wrote it by hand; fsck names it, the log goes on.
            found.append(
                Kept(
                    entry=row["entry"],
                    agency=row["agency"] or "",
                    n=row["n"],
                    openings=row["openings"] or "{}",
                    subject=row["subject"],
                    subject_key=row["key"],
                )
            )
    return found


def _write(keys: Keys, stores: Stores, stretch: _Stretch) -> None:
    first, last = stretch.first, stretch.last
    name, own = stretch_name(first, last), entry_keys(stretch.secret, first, last)
    # Keys first: an object that nothing opens would be worse than one that is missing. But never over the keys of an object
    # that is there: they may be another database's, or have been replaced since to forget something.
    if not _is_there(stores.log_private, name):
        stores.log_keys.replace(name, keys.wrap(KEY_OWNER, purpose(first, last), b"".join(own)))
    try:
        stores.log_private.put_new(name, seal_stretch(first, stretch.kept, own))
    except Conflict as fault:
        raise EvidenceFault(
            f"log-private/{name} holds other entries than the database: it is an old one.",
            next_step="Run lapel rebuild, which brings the missing entries back.",
        ) from fault


def _is_there(store: ObjectStore, name: str) -> bool:
    try:
        store.stat(name)
    except NotFound:
        return False
    return True
