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


BETWEEN, NOTHING = "\x1f", "\x1e"  # what stands between the texts of a column, and for a null


def insert_columns(
    conn: Connection, table: str, columns: Mapping[str, tuple[str, str]], *,
    same: Mapping[str, str] | None = None, keep: bool = False,
) -> int:  # fmt: skip
    """Insert many rows given in columns, for tables that COPY may not fill because of row-level security; returns how many.

    `columns`: name -> (type in PostgreSQL, the texts of all rows as `joined` makes them); `same`: texts that every row has.
    `keep`: rows that are there stay.
    """
    same = same or {}
    given = sql.SQL(", ").join(
        sql.SQL("string_to_array({}, E'\\x1f', E'\\x1e')").format(sql.Placeholder(name)) for name in columns
    )
    casts = [sql.SQL("{}::text").format(sql.Placeholder(name)) for name in same]
    casts += [sql.SQL("{}::{}").format(sql.Identifier(name), sql.SQL(kind)) for name, (kind, _) in columns.items()]  # fmt: skip
    query = sql.SQL(
        "INSERT INTO {table} ({names}) SELECT {cast} FROM unnest({given}) AS given ({given_names}){keep}"
    ).format(
        table=sql.Identifier(table),
        names=sql.SQL(", ").join(map(sql.Identifier, (*same, *columns))),
        given_names=sql.SQL(", ").join(map(sql.Identifier, columns)),
        cast=sql.SQL(", ").join(casts),
        given=given,
        keep=sql.SQL(" ON CONFLICT DO NOTHING" if keep else ""),
    )
    return conn.execute(query, {**same, **{name: text for name, (_, text) in columns.items()}}).rowcount


def joined(values: Iterable[str | None]) -> str:
    """The texts of a column as `insert_columns` takes them; they hold no control characters."""
    return BETWEEN.join(NOTHING if value is None else value for value in values)
