"""What does a test of isolation stand on? A database in which every table holds one row of an agency that is not ours.

The rows are made from the catalogue, so that a table that is added tomorrow has one too: constraints are dropped and triggers
asleep, row-level security is as it is. Every id is FOREIGN, every number NUMBER, every text MARK, so that whatever answers with
one of them has told of another agency.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from house import Cluster
from lapel.base.ids import new_id

THEIRS, OURS = "cbp", "ice"
FOREIGN, UNKNOWN = "cb" * 16, "cd" * 16
NUMBER, NO_NUMBER = "R-ZEBRA-00001", "R-ZZZZZ-00001"
MARK = "zebra"

# Tables without an agency, and why everybody may know what is in them.
OF_NOBODY = {
    "department": "the department's name and origin",
    "agency": "the list of agencies",
    "migration_file": "which migrations were applied",
    "alembic_version": "which migrations were applied",
    "custody_entry": "commitments, which are public",
    "custody_pending": "which entries wait; of whom only the sequencer reads",
    "custody_leaf": "the public log",
    "custody_count": "how many entries a subject has; the sequencer's",
    "custody_batch": "the public log",
    "custody_node": "the public log",
    "custody_sealed": "stretches of the log",
    "custody_sealing": "secrets, the sequencer's",
    "custody_checkpoint": "the public log",
    "custody_signature": "the public log",
    "custody_publication": "the public log",
    "custody_epoch": "the sequencer's",
    "sign_in_link": "functions only",
    "sign_in_failure": "functions only",
    "sign_in_challenge": "functions only",
}
# What is everybody's by decision: adopted policies are public rules (docs/operate.md).
PUBLIC = {"directive", "policy_proof", "policy_change"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a row is given. `kind` is the name of its type, of a domain the domain's."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """The database: each role's address, the superuser's, and its tables with their columns."""

    urls: dict[str, str]
    superuser: str
    tables: dict[str, list[Column]]

    def as_role(self, role: str, actor: str, *agencies: str) -> psycopg.Connection[dict[str, Any]]:
        """A connection in whose transactions `actor` sees these agencies."""
        conn = psycopg.connect(self.urls[role], row_factory=dict_row)
        for name, value in (("actor", actor), ("agencies", ",".join(agencies))):
            conn.execute("SELECT set_config(%s, %s, false)", (f"lapel.{name}", value))
        conn.commit()
        return conn


@contextmanager
def foreign(cluster: Cluster) -> Iterator[Foreign]:
    """A fresh database filled with one row of THEIRS in every table that has an agency."""
    name = f"lapel_{new_id()[:16]}"
    with cluster.fresh(name) as urls:
        superuser = make_conninfo(cluster.url, dbname=name)
        with psycopg.connect(superuser, row_factory=dict_row) as conn:
            conn.execute("SET search_path = lapel, public")
            tables = _tables(conn)
            _drop_constraints(conn)
            conn.execute("SET session_replication_role = replica")
            for table, columns in tables.items():
                if any(column.name == "agency" for column in columns):
                    insert(conn, table, row(columns, THEIRS))
        yield Foreign(urls, superuser, tables)


def row(columns: list[Column], agency: str, which: str = FOREIGN) -> dict[str, Any]:
    """A row of these columns that belongs to an agency and bears the mark everywhere."""
    return {column.name: _value(column, agency, which) for column in columns}


def insert(conn: psycopg.Connection[Any], table: str, values: dict[str, Any]) -> None:
    conn.execute(
        sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(sql.Placeholder() * len(values)),
        ),
        list(values.values()),
    )


def _value(column: Column, agency: str, which: str) -> Any:
    name, kind = column.name, column.kind
    if name == "agency":
        return agency
    if name == "zone":
        return "UTC"
    if name == "number":
        return NUMBER if which == FOREIGN else NO_NUMBER
    if kind == "hex_id":
        return which
    if name in ("entry", "said_by") or (name == "id" and kind == "text"):
        return which
    if kind in ("text", "varchar"):
        return f"{MARK}-{name}"
    if kind == "custody":
        return "{}"
    return _BY_KIND[kind]


_BY_KIND: dict[str, Any] = {
    "bool": False, "int2": 1, "int4": 1, "int8": 1, "float4": 1.0, "float8": 1.0, "numeric": 1, "bytea": b"z" * 32,
    "timestamptz": "2026-11-20T00:00:00Z", "date": "2026-11-20", "interval": "1 minute", "json": "{}", "jsonb": "{}",
    "time": "00:00", "_text": [MARK], "_hex_id": [FOREIGN], "_timestamptz": ["2026-11-20T00:00:00Z"], "_date": ["2026-11-20"],
    "_int4": [1], "_int8": [1], "_bool": [False], "_jsonb": None, "tstzrange": None, "daterange": None, "_bytea": None,
    "uuid": "cbcbcbcb-cbcb-cbcb-cbcb-cbcbcbcbcbcb", "char": "z", "bpchar": "z", "tsvector": None, "_hexid": None,
}  # fmt: skip


def _tables(conn: psycopg.Connection[Any]) -> dict[str, list[Column]]:
    rows = conn.execute(
        "SELECT c.relname, a.attname, t.typname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        "  AND a.attgenerated = '' AND a.attidentity <> 'a'"
        " JOIN pg_type t ON t.oid = a.atttypid"
        " WHERE n.nspname = 'lapel' AND c.relkind IN ('r', 'p') AND c.relname NOT LIKE 'procrastinate%'"
        " ORDER BY c.relname, a.attnum"
    ).fetchall()
    tables: dict[str, list[Column]] = {}
    for one in rows:
        tables.setdefault(one["relname"], []).append(Column(one["attname"], one["typname"]))
    assert len(tables) > 60
    return tables


def _drop_constraints(conn: psycopg.Connection[Any]) -> None:
    conn.execute(
        """
        DO $$
        DECLARE one record;
        BEGIN
            FOR one IN SELECT r.conname, r.conrelid::regclass AS tab FROM pg_constraint r JOIN pg_class c ON c.oid = r.conrelid
                        WHERE r.connamespace = 'lapel'::regnamespace AND r.contype IN ('c', 'f') LOOP
                EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.tab, one.conname);
            END LOOP;
        END $$"""
    )
