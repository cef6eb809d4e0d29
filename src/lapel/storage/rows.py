"""How is one row written when its columns come from our own code? Names are quoted, values are parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from lapel.base.errors import NotFound
from lapel.storage.postgres import Connection


def insert(conn: Connection, table: str, row: Mapping[str, Any], *, or_update: Iterable[str] = ()) -> None:
    """Insert one row; `or_update` names the columns to overwrite when the id is there already."""
    columns = list(row)
    update = list(or_update)
    query = sql.SQL("INSERT INTO {table} ({columns}) VALUES ({values})").format(
        table=sql.Identifier(table),
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        values=sql.SQL(", ").join(map(sql.Placeholder, columns)),
    )
    if update:
        query += sql.SQL(" ON CONFLICT (id) DO UPDATE SET {}").format(
            sql.SQL(", ").join(sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(c)) for c in update)
        )
    conn.execute(query, {name: _adapted(value) for name, value in row.items()})


def change(conn: Connection, table: str, row_id: str, changes: Mapping[str, Any]) -> None:
    """Set columns of the row with this id. Raises `NotFound` when it is not in view."""
    query = sql.SQL("UPDATE {table} SET {sets} WHERE id = {id}").format(
        table=sql.Identifier(table),
        sets=sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in changes
        ),
        id=sql.Placeholder("_id"),
    )
    cursor = conn.execute(
        query, {**{name: _adapted(value) for name, value in changes.items()}, "_id": row_id}
    )
    if cursor.rowcount != 1:
        raise NotFound(f"There is no {table} {row_id[:40]} that you can see.")


def _adapted(value: Any) -> Any:
    return Jsonb(value) if isinstance(value, Mapping) else value
