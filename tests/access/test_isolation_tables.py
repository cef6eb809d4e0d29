"""Does any table show another agency's row, whatever role asks, and can a role of the application undo what keeps them apart?"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from foreign import FOREIGN, OF_NOBODY, OURS, PUBLIC, THEIRS, UNKNOWN, Foreign, foreign, insert, row
from house import Cluster

APP = ("staff", "intake", "worker")
ACTORS = {"staff": f"account:{'a' * 32}", "intake": f"site:{'a' * 32}", "worker": "system:worker"}
Conn = psycopg.Connection[dict[str, Any]]


@pytest.fixture(scope="module")
def there(cluster: Cluster) -> Iterator[Foreign]:
    with foreign(cluster) as made:
        yield made


def allowed(conn: Conn, table: str, right: str) -> list[str]:
    """The columns on which the role of this connection has a right."""
    rows = conn.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
        " AND has_column_privilege(attrelid, attnum, %s) ORDER BY attnum",
        (f"lapel.{table}", right),
    ).fetchall()
    return [one["attname"] for one in rows]


def own_tables(there: Foreign) -> list[str]:
    return [table for table in there.tables if table not in OF_NOBODY]


def test_every_table_belongs_to_agencies_and_is_locked_or_is_known_to_be_nobodys(there: Foreign) -> None:
    with psycopg.connect(there.superuser, row_factory=dict_row) as conn:
        locked = {
            one["relname"]
            for one in conn.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = 'lapel'::regnamespace AND relrowsecurity AND relforcerowsecurity"
            )
        }
    assert set(OF_NOBODY) <= set(there.tables), "a table that is gone is still excused"
    for table in own_tables(there):
        assert any(column.name == "agency" for column in there.tables[table]), f"{table} has no agency"
        assert table in locked or table in PUBLIC, f"{table} is not locked, owner included"


@pytest.mark.parametrize("role", APP)
def test_the_rows_are_there_for_the_agency_they_belong_to(there: Foreign, role: str) -> None:
    """Else the next test would find nothing because there is nothing."""
    found = 0
    with there.as_role(role, "system:test", THEIRS) as conn:
        for table in own_tables(there):
            if "agency" in allowed(conn, table, "SELECT"):
                found += bool(
                    conn.execute(sql.SQL("SELECT agency FROM {}").format(sql.Identifier(table))).fetchone()
                )
    assert found > 25


@pytest.mark.parametrize("role", APP)
def test_no_row_of_another_agency_is_read_changed_deleted_or_slipped_in(there: Foreign, role: str) -> None:
    looked = 0
    for agencies in ((OURS,), ()):
        with there.as_role(role, ACTORS[role], *agencies) as conn:
            for table in own_tables(there):
                readable = [
                    c for c in allowed(conn, table, "SELECT") if c in {x.name for x in there.tables[table]}
                ]
                if readable and table not in PUBLIC:
                    looked += 1
                    seen = conn.execute(
                        sql.SQL("SELECT {} FROM {}").format(
                            sql.SQL(", ").join(map(sql.Identifier, readable)), sql.Identifier(table)
                        )
                    ).fetchall()
                    assert seen == [], f"{role} of {agencies} reads {table}"
                _no_change(conn, table, role)
                _no_slip(conn, there, table, role)
    assert looked > {"staff": 100, "intake": 40, "worker": 40}[role]


def _no_change(conn: Conn, table: str, role: str) -> None:
    columns = allowed(conn, table, "UPDATE")
    if columns and table not in PUBLIC:
        same = sql.SQL(", ").join(sql.SQL("{0} = {0}").format(sql.Identifier(c)) for c in columns[:1])
        try:
            with conn.transaction():
                done = conn.execute(sql.SQL("UPDATE {} SET {}").format(sql.Identifier(table), same)).rowcount
        except psycopg.errors.InsufficientPrivilege:
            done = 0  # the column may be written and not read: then nothing is named that could be kept
        assert done == 0, f"{role} changes {table}"
    with conn.transaction(force_rollback=True):
        if conn.execute("SELECT has_table_privilege(%s, 'DELETE') AS may", (f"lapel.{table}",)).fetchone() == {"may": True}:  # fmt: skip
            assert conn.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table))).rowcount == 0, table


def _no_slip(conn: Conn, there: Foreign, table: str, role: str) -> None:
    """A row that says it is the other agency's is not written."""
    may = set(allowed(conn, table, "INSERT"))
    given = {name: value for name, value in row(there.tables[table], THEIRS, UNKNOWN).items() if name in may}
    if "agency" not in given:
        return
    with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
        insert(conn, table, given)


def test_the_openings_of_another_agency_are_not_there_by_any_way_that_reads_them(there: Foreign) -> None:
    for role in APP:
        with there.as_role(role, ACTORS[role], OURS) as conn:
            for query in (
                "SELECT count(*) AS n FROM custody_opening",
                "SELECT count(*) AS n FROM custody_subject",
                "SELECT count(actor) AS n FROM custody_opening WHERE act IS NOT NULL OR source IS NOT NULL",
                "SELECT count(*) AS n FROM custody_leaf l JOIN custody_opening o ON o.entry = l.entry",
            ):
                assert conn.execute(query.encode()).fetchone() == {"n": 0}, (role, query)
            with pytest.raises(psycopg.Error):
                conn.execute("SELECT custody_forget(%s)", (FOREIGN,))
            conn.rollback()
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute("SELECT subject FROM custody_pending")


# What a role would do that wants out. `{table}` is tried for every table.
OUT = [
    "ALTER TABLE {table} DISABLE ROW LEVEL SECURITY", "ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
    "ALTER TABLE {table} OWNER TO CURRENT_USER", "DROP POLICY own ON {table}", "TRUNCATE {table}", "DROP TABLE {table}",
    "CREATE POLICY mine ON {table} USING (true)",
]  # fmt: skip
OUT_OF_ALL = [
    "SET ROLE lapel_owner", "SET ROLE postgres", "SET SESSION AUTHORIZATION lapel_owner", "SET session_replication_role = replica",
    "ALTER ROLE CURRENT_USER BYPASSRLS", "ALTER ROLE CURRENT_USER SUPERUSER", "CREATE ROLE another", "CREATE TABLE lapel.mine (a int)",
    "CREATE TABLE public.mine (a int)", "CREATE SCHEMA mine", "CREATE OR REPLACE FUNCTION lapel.in_view(agency text) RETURNS boolean"
    " LANGUAGE sql AS 'SELECT true'", "ALTER FUNCTION lapel.in_view(text) OWNER TO CURRENT_USER", "DROP FUNCTION lapel.in_view(text) CASCADE",
    "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE EXTENSION dblink", "COPY lapel.recording TO PROGRAM 'cat'",
    "COPY lapel.recording TO '/dev/null'", "SELECT pg_read_file('PG_VERSION')", "SELECT lo_import('/etc/passwd')",
]  # fmt: skip


@pytest.mark.parametrize("role", [*APP, "sequencer"])
def test_no_role_of_the_application_turns_the_lock_off(there: Foreign, role: str) -> None:
    with there.as_role(role, ACTORS.get(role, "system:sequencer"), OURS) as conn:
        statements = [s.format(table=f"lapel.{t}") for t in there.tables for s in OUT] + OUT_OF_ALL
        for statement in statements:
            with pytest.raises(psycopg.Error) as refused, conn.transaction():  # noqa: PT012
                conn.execute(statement.encode())
                pytest.fail(f"{role} may {statement}")
            assert refused.value.sqlstate in ("42501", "42704", "42809", "0A000", "22023"), statement
        # What nobody gave cannot be given on: PostgreSQL warns, and nothing changes.
        for table in there.tables:
            with contextlib.suppress(psycopg.errors.InsufficientPrivilege), conn.transaction():
                conn.execute(f"GRANT ALL ON lapel.{table} TO CURRENT_USER".encode())
            given = conn.execute("SELECT has_table_privilege(%s, 'TRUNCATE') AS may", (f"lapel.{table}",))
            assert given.fetchone() == {"may": False}
        # Asking for rows without the lock is an error, not all rows.
        conn.execute("SET row_security = off")
        for table in ("recording", "account", "look"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
                conn.execute(f"SELECT agency FROM {table}".encode())


def test_every_table_is_the_owners_who_is_no_superuser_and_no_process(there: Foreign) -> None:
    with psycopg.connect(there.superuser, row_factory=dict_row) as conn:
        owners = conn.execute(
            "SELECT DISTINCT pg_get_userbyid(relowner) AS owner FROM pg_class WHERE relnamespace = 'lapel'::regnamespace"
        ).fetchall()
        roles = conn.execute(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'lapel\\_%'"
            " AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)"
        ).fetchall()
        members = conn.execute(
            "SELECT m.rolname FROM pg_auth_members x JOIN pg_roles r ON r.oid = x.roleid JOIN pg_roles m ON m.oid = x.member"
            " WHERE r.rolname = 'lapel_owner' AND m.rolname LIKE 'lapel\\_%'"
        ).fetchall()
    assert (owners, roles, members) == ([{"owner": "lapel_owner"}], [], [])


def test_a_function_that_runs_as_the_owner_keeps_its_path_and_is_not_everybodys(there: Foreign) -> None:
    with psycopg.connect(there.superuser, row_factory=dict_row) as conn:
        found = conn.execute(
            "SELECT p.proname, p.proconfig, has_function_privilege('public', p.oid, 'EXECUTE') AS everybodys, t.typname AS gives"
            " FROM pg_proc p JOIN pg_type t ON t.oid = p.prorettype"
            " WHERE p.pronamespace = 'lapel'::regnamespace AND p.prosecdef"
        ).fetchall()
    assert len(found) > 20
    for one in found:
        assert any("pg_temp" in setting for setting in one["proconfig"] or ()), one["proname"]
        # A trigger cannot be called, and its table decides who fires it.
        assert not one["everybodys"] or one["gives"] == "trigger", (
            f"{one['proname']} may be called by everybody"
        )
