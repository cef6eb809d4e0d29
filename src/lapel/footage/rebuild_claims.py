"""Of two acts that the log does not know and that exclude each other, which one was acknowledged?

The later one, if any: what is acknowledged is found by whoever says the same again, and no second row is made. So when
two rows claim what only one can have (the same bytes, the same external id), the earlier row's transaction failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lapel.custody.sidecar import Write
from lapel.footage import store
from lapel.storage.postgres import Connection

_UNIQUE = """
    SELECT c.relname AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns
      FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
      JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
     WHERE i.indisunique AND NOT i.indisprimary AND i.indrelid = ANY(%s::regclass[]) GROUP BY i.indexrelid, c.relname"""
# An empty file is the same only under the same name in the same recording (receive), which no index says.
_EMPTY = ("recording", "name", "size_bytes")
# One plan is in force at a time, and the act of the next one says so of the one before.
_SUPERSEDED = "deployment_plan"

Claim = tuple[object, ...]


@dataclass(slots=True)
class Claims:
    """What each row of the acts claims that only one row can have, as the acts go by in their order."""

    unique: dict[str, list[tuple[str, ...]]]
    superseded: set[str] = field(default_factory=set)
    _rows: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    _holders: dict[Claim, str] = field(default_factory=dict)  # the act whose row has it
    _held: dict[tuple[str, str], list[Claim]] = field(default_factory=dict)

    @classmethod
    def of(cls, conn: Connection) -> Claims:
        """The claims there can be, as the tables' own unique indexes have them."""
        unique: dict[str, list[tuple[str, ...]]] = {}
        tables = [table for table in store.TABLES if table != _SUPERSEDED]
        for row in conn.execute(_UNIQUE, (tables,)):
            unique.setdefault(row["name"], []).append(tuple(row["columns"]))
        return cls(unique)

    def heard(self, name: str, writes: Iterable[Write]) -> None:
        """The next act. Earlier acts whose rows it could not stand beside are `superseded` from here on."""
        for write in writes:
            key = write.table, str(write.row["id"])
            # A change names only what changes; the rest of the row was said before.
            row = self._rows[key] = {**self._rows.get(key, {}), **write.row}
            for claim in self._held.pop(key, []):
                self._holders.pop(claim, None)
            for claim in self._claims(write.table, row):
                if claim in self._holders:
                    if write.change:
                        continue  # the database decides whether a change fits
                    self.superseded.add(self._holders[claim])
                self._holders[claim] = name
                self._held.setdefault(key, []).append(claim)

    def _claims(self, table: str, row: Mapping[str, Any]) -> Iterator[Claim]:
        empty = table == "original" and row.get("size_bytes") == 0
        for columns in [_EMPTY] if empty else self.unique.get(table, []):
            values = [row.get(column) for column in columns]
            if None not in values:
                yield table, *columns, *values
