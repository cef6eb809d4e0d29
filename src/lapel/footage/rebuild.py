"""How does a lost database come back? Every recording and every act on it, from the sidecars.

The custody log is rebuilt first (`custody.rebuild_log`). Then each sidecar's rows are written back in the order of the
acts: those that the log knows first, because they were committed; then those it does not know, which are acts of the
last seconds before the loss, and the leavings of transactions that failed and were never acknowledged. One of the
latter that contradicts what is there (the same bytes, the same name, or a row that a later act changed) is left out
and told. One of the former that does not open or does not fit is told as damaged, and everything else comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from math import inf

import psycopg

from lapel.base.errors import Conflict, EvidenceFault, NotFound
from lapel.custody import log, sidecar
from lapel.custody.entry import Entry
from lapel.custody.sidecar import Write
from lapel.footage import store
from lapel.footage.rebuild_claims import Claims
from lapel.storage import queue, rows
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

_CONTRADICTIONS = (psycopg.errors.UniqueViolation, psycopg.errors.ForeignKeyViolation, NotFound, Conflict)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What came back; the names of sidecars that contradict it and were left out; and of those that are damaged."""

    acts: int
    recordings: int
    originals: int
    left_out: tuple[str, ...]
    damaged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Order:
    """When an act is to be written back. `place`: in the log, infinite for one that has none."""

    place: float
    at: str
    stored_at: datetime
    name: str

    @property
    def key(self) -> tuple[float, str, datetime, str]:
        # Without a place, the order of the acts; within a millisecond, the order they were stored in.
        return self.place, self.at, self.stored_at, self.name


@dataclass(slots=True)
class _Replay:
    """The acts as they are written back; `changed_at`: when each row was last changed by one of them."""

    archive: Archive
    scope: Scope
    tables: frozenset[str]
    changed_at: dict[tuple[str, str], str] = field(default_factory=dict)

    def fits(self, act: _Order, entry: Entry, writes: list[Write]) -> bool:
        """Write one act back; False, and nothing written, when it contradicts what is there."""
        if any(write.table not in self.tables for write in writes):
            return False
        changed = [(w.table, str(w.row["id"])) for w in writes if w.change]
        if act.place == inf and any(self.changed_at.get(row, "") > act.at for row in changed):
            return False
        with self.archive.db.tx(self.scope) as conn:
            try:
                with conn.transaction():
                    if act.place == inf and any(_same_empty(conn, w) for w in writes):
                        return False
                    _write_back(conn, entry, writes)
            except _CONTRADICTIONS:
                return False
        self.changed_at.update(dict.fromkeys(changed, act.at))
        return True


def rebuild(
    archive: Archive,
    scope: Scope,
    told: Callable[[int], None] = lambda _: None,
    *,
    also: Iterable[str] = (),
) -> Rebuilt:
    """Write back the rows of every sidecar; `archive.db` is the owner's. `told` hears the number of acts so far.

    `also`: the tables of the rooms above this one. An act on any other table is damaged: no room of this version wrote it.

    Safe to repeat: what is there already stays as it is.
    """
    left_out: list[str] = []
    order, damaged = _in_order(archive, scope)
    replay = _Replay(archive, scope, frozenset((*store.TABLES, *also)))
    failed = _superseded(archive, scope, order)
    for acts, act in enumerate(order, 1):
        if act.name in failed or not replay.fits(act, *sidecar.read(archive, act.name)):
            (left_out if act.place == inf else damaged).append(act.name)
        told(acts)
    with archive.db.tx(scope) as conn:
        for row in conn.execute("SELECT id FROM original WHERE state = 'waiting'").fetchall():
            queue.defer(conn, "footage.inspect", original=row["id"])
        counted = conn.execute(
            "SELECT (SELECT count(*) FROM recording) AS recordings, (SELECT count(*) FROM original) AS originals"
        ).fetchone()
    assert counted is not None
    return Rebuilt(
        acts=len(order) - len(left_out),
        recordings=counted["recordings"],
        originals=counted["originals"],
        left_out=tuple(left_out),
        damaged=tuple(damaged),
    )


def _in_order(archive: Archive, scope: Scope) -> tuple[list[_Order], list[str]]:
    """The sidecars as they are to be written back, and those that do not open. Only names and times are held."""
    order: list[_Order] = []
    damaged: list[str] = []
    for name in archive.stores.sidecars.list():
        if name.count("/") != 2:
            continue
        try:
            entry, _ = sidecar.read(archive, name)
        except (EvidenceFault, NotFound):
            damaged.append(name)
            continue
        with archive.db.tx(scope) as conn:
            place = log.place_of(conn, entry.id)
        stored_at = archive.stores.sidecars.stat(name).stored_at
        order.append(_Order(inf if place is None else place, str(entry.fields["at"]), stored_at, name))
    return sorted(order, key=lambda act: act.key), damaged


def _superseded(archive: Archive, scope: Scope, order: list[_Order]) -> set[str]:
    """The acts without a place that a later one without a place shows to have failed."""
    with archive.db.tx(scope) as conn:
        claims = Claims.of(conn)
    for act in order:
        if act.place == inf:
            claims.heard(act.name, sidecar.read(archive, act.name)[1])
    return claims.superseded


def _write_back(conn: Connection, entry: Entry, writes: list[Write]) -> None:
    for write in writes:
        if write.change:
            changes = {name: value for name, value in write.row.items() if name != "id"}
            rows.change(conn, write.table, write.row["id"], changes)
        else:
            rows.insert(conn, write.table, write.row, or_update=("id",))
    log.restore(conn, entry)


def _same_empty(conn: Connection, write: Write) -> bool:
    """No rule of the database keeps an empty file from being there twice; `receive` does, and so does this."""
    row = write.row
    if write.table != "original" or write.change or row["size_bytes"]:
        return False
    there = store.originals(conn, str(row["recording"]))
    return any(o.size_bytes == 0 and o.name == row["name"] and o.id != row["id"] for o in there)
