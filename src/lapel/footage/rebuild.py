"""How does a lost database come back? Every recording and every act on it, from the sidecars.

The custody log is rebuilt first (`custody.rebuild_log`). Then each sidecar's rows are written back in the order of the
acts: those that the log knows first, because they were committed; then those it does not know, which are acts of the
last seconds before the loss, and the leavings of transactions that failed and were never acknowledged. One of the
latter that contradicts what is there is left out and told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from math import inf

import psycopg

from lapel.custody import log
from lapel.custody.entry import Entry
from lapel.footage import sidecar, store
from lapel.footage.sidecar import Write
from lapel.storage import queue
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What came back, and the names of sidecars that contradict it and were left out."""

    acts: int
    recordings: int
    originals: int
    left_out: tuple[str, ...]


def rebuild(archive: Archive, scope: Scope, told: Callable[[int], None] = lambda _: None) -> Rebuilt:
    """Write back the rows of every sidecar; `archive.db` is the owner's. `told` hears the number of acts so far.

    Safe to repeat: what is there already stays as it is. Raises `EvidenceFault` when a sidecar does not open.
    """
    left_out: list[str] = []
    acts = 0
    for name, entry, writes in _in_order(archive, scope):
        with archive.db.tx(scope) as conn:
            try:
                with conn.transaction():
                    _write_back(conn, entry, writes)
            except (psycopg.errors.UniqueViolation, psycopg.errors.ForeignKeyViolation):
                left_out.append(name)
        acts += 1
        told(acts)
    with archive.db.tx(scope) as conn:
        for row in conn.execute("SELECT id FROM original WHERE state = 'waiting'").fetchall():
            queue.defer(conn, "footage.inspect", original=row["id"])
        counted = conn.execute(
            "SELECT (SELECT count(*) FROM recording) AS recordings, (SELECT count(*) FROM original) AS originals"
        ).fetchone()
    assert counted is not None
    return Rebuilt(acts, counted["recordings"], counted["originals"], tuple(left_out))


def _in_order(archive: Archive, scope: Scope) -> Iterator[tuple[str, Entry, list[Write]]]:
    """The sidecars as they are to be written back; only names and times are held, not their contents."""
    order: list[tuple[float, str, datetime, str]] = []
    for name in archive.stores.sidecars.list():
        if name.count("/") == 2:
            entry, _ = sidecar.read(archive, name)
            with archive.db.tx(scope) as conn:
                place = log.place_of(conn, entry.id)
            # Without a place in the log, the order of the acts; within a millisecond, the order they were stored in.
            after = inf if place is None else place
            stored_at = archive.stores.sidecars.stat(name).stored_at
            order.append((after, str(entry.fields["at"]), stored_at, name))
    for _, _, _, name in sorted(order):
        yield (name, *sidecar.read(archive, name))


def _write_back(conn: Connection, entry: Entry, writes: list[Write]) -> None:
    for write in writes:
        if write.change:
            store.change(
                conn, write.table, write.row["id"], {k: v for k, v in write.row.items() if k != "id"}
            )
        else:
            store.insert(conn, write.table, write.row, or_update=("id",))
    log.restore(conn, entry)
