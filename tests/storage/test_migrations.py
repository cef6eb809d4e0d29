"""Is the database made as its files say, only so, and does it keep agencies apart?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from house import SECRETS, Cluster, House, drop
from lapel.base.errors import EvidenceFault, Invalid, Refused
from lapel.base.ids import new_id
from lapel.storage import migrate
from lapel.storage.postgres import Connection, Scope, connect
from lapel.storage.roles import LOGIN_ROLES, bootstrap

TABLES = """
    SELECT c.oid, n.nspname || '.' || c.relname AS name, pg_get_userbyid(c.relowner) AS owner,
           c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced,
           EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'agency' AND NOT attisdropped) AS of_agency,
           (SELECT count(*) FROM pg_policy WHERE polrelid = c.oid) AS policies
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('lapel', 'queue', 'public') AND c.relkind IN ('r', 'p', 'v', 'm')
"""


@pytest.fixture
def empty(cluster: Cluster) -> Iterator[dict[str, str]]:
    """A database that nothing was migrated in, by role."""
    name = f"lapel_{new_id()[:16]}"
    yield bootstrap(cluster.url, name, SECRETS)
    drop(cluster.url, name)


def written(directory: Path, **files: str) -> Path:
    directory.mkdir(exist_ok=True)
    for name, text in files.items():
        (directory / f"{name.lstrip('n')}.sql").write_text(text)
    return directory


def rows(url: str, query: str) -> list[dict[str, object]]:
    with connect(url) as conn:
        return conn.execute(query.encode()).fetchall()


def test_every_migration_of_this_version_applies_in_order_and_only_once(empty: dict[str, str]) -> None:
    numbers = [migration.number for migration in migrate.known()]
    assert numbers == sorted(numbers)
    assert numbers[0] == "0001"
    assert migrate.current(empty["owner"]) is None
    assert [migration.number for migration in migrate.pending(empty["owner"])] == numbers
    assert migrate.upgrade(empty["owner"]) == numbers
    assert migrate.upgrade(empty["owner"]) == []
    assert migrate.pending(empty["owner"]) == []
    assert migrate.current(empty["owner"]) == numbers[-1]
    assert rows(empty["owner"], "SELECT version_num FROM lapel.alembic_version") == [
        {"version_num": numbers[-1]}
    ]


def test_a_migration_finds_the_rows_of_the_one_before(empty: dict[str, str], tmp_path: Path) -> None:
    files = written(
        tmp_path / "m",
        n0001_a="CREATE TABLE thing (n int); INSERT INTO thing VALUES (1), (2); -- 100 % of them",
    )
    assert migrate.upgrade(empty["owner"], files) == ["0001"]
    written(files, n0002_b="ALTER TABLE thing ADD twice int; UPDATE thing SET twice = 2 * n;")
    assert migrate.upgrade(empty["owner"], files) == ["0002"]
    assert rows(empty["owner"], "SELECT n, twice FROM lapel.thing ORDER BY n") == [
        {"n": 1, "twice": 2},
        {"n": 2, "twice": 4},
    ]


def test_of_a_migration_that_fails_nothing_stays_and_those_before_it_do(
    empty: dict[str, str], tmp_path: Path
) -> None:
    files = written(
        tmp_path / "m",
        n0001_a="CREATE TABLE one ();",
        n0002_b="CREATE TABLE two (); SELECT 1 / 0;",
        n0003_c="SELECT 1;",
    )
    with pytest.raises(Invalid, match=r"0002_b\.sql"):
        migrate.upgrade(empty["owner"], files)
    assert migrate.current(empty["owner"]) == "0001"
    names = [row["name"] for row in rows(empty["owner"], TABLES)]
    assert "lapel.one" in names
    assert "lapel.two" not in names
    written(files, n0002_b="CREATE TABLE two ();")
    assert migrate.upgrade(empty["owner"], files) == ["0002", "0003"]


def test_a_migration_that_was_edited_after_it_was_applied_is_refused(
    empty: dict[str, str], tmp_path: Path
) -> None:
    files = written(tmp_path / "m", n0001_a="CREATE TABLE one ();")
    migrate.upgrade(empty["owner"], files)
    written(files, n0001_a="CREATE TABLE one (n int);", n0002_b="CREATE TABLE two ();")
    for act in (migrate.upgrade, migrate.pending):
        with pytest.raises(EvidenceFault, match="edited"):
            act(empty["owner"], files)
    assert "lapel.two" not in [row["name"] for row in rows(empty["owner"], TABLES)]


def test_a_database_of_a_newer_version_is_refused(empty: dict[str, str], tmp_path: Path) -> None:
    files = written(tmp_path / "m", n0001_a="SELECT 1;", n0002_b="SELECT 1;")
    migrate.upgrade(empty["owner"], files)
    (files / "0002_b.sql").unlink()
    with pytest.raises(EvidenceFault, match="newer"):
        migrate.upgrade(empty["owner"], files)


@pytest.mark.parametrize("files", [{"nnope": ""}, {"n0001_a": "", "n0001_b": ""}, {"n1_a": ""}])
def test_misnamed_migrations_are_refused(tmp_path: Path, files: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        migrate.known(written(tmp_path / "m", **files))


def test_the_queue_is_what_the_installed_procrastinate_would_make(
    empty: dict[str, str], cluster: Cluster
) -> None:
    from procrastinate.schema import SchemaManager

    migrate.upgrade(empty["owner"])
    name = f"lapel_{new_id()[:16]}"
    theirs = bootstrap(cluster.url, name, SECRETS)["owner"]
    try:
        with connect(theirs) as conn:
            conn.execute("CREATE SCHEMA queue; SET search_path = queue")
            conn.execute(SchemaManager.get_schema().encode())
        for query in (
            "SELECT table_name, column_name, data_type, column_default, is_nullable FROM information_schema.columns"
            " WHERE table_schema = 'queue' ORDER BY 1, 2",
            "SELECT proname, pg_get_function_identity_arguments(oid) AS takes, prosrc FROM pg_proc"
            " WHERE pronamespace = 'queue'::regnamespace ORDER BY 1, 2",
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'queue' ORDER BY 1",
            "SELECT t.typname, e.enumlabel FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid ORDER BY 1, 2",
            "SELECT tgname, tgrelid::regclass::text AS t FROM pg_trigger WHERE NOT tgisinternal"
            " AND tgname LIKE 'procrastinate%' ORDER BY 1",
        ):
            assert rows(empty["owner"], query) == rows(theirs, query)
    finally:
        drop(cluster.url, name)


def test_bootstrap_needs_no_superuser(cluster: Cluster, tmp_path: Path) -> None:
    admin, name = f"adm_{new_id()[:8]}", f"lapel_{new_id()[:16]}"
    with connect(cluster.url) as conn:
        conn.execute(f"CREATE ROLE {admin} LOGIN CREATEROLE CREATEDB PASSWORD 'x'".encode())
        # Our roles exist on this server already, so it must be told that it may manage them.
        for role in ("app", *LOGIN_ROLES):
            conn.execute(f"GRANT lapel_{role} TO {admin} WITH ADMIN OPTION".encode())
    try:
        urls = bootstrap(make_conninfo(cluster.url, user=admin, password="x"), name, SECRETS)
        assert migrate.upgrade(urls["owner"]) == [migration.number for migration in migrate.known()]
    finally:
        drop(cluster.url, name)
        with connect(cluster.url) as conn:
            conn.execute(f"DROP OWNED BY {admin}; DROP ROLE {admin}".encode())


def test_a_role_of_ours_with_dangerous_rights_is_refused(cluster: Cluster) -> None:
    with connect(cluster.url) as conn:
        conn.execute("CREATE ROLE lapel_mighty BYPASSRLS")
        try:
            with pytest.raises(Refused, match="lapel_mighty"):
                bootstrap(cluster.url, "never_made", SECRETS)
        finally:
            conn.execute("DROP ROLE lapel_mighty")


def test_every_table_with_an_agency_forces_row_security_and_has_a_policy(house: House) -> None:
    tables = [row for row in rows(house.urls["owner"], TABLES) if row["of_agency"]]
    assert {"lapel.officer", "lapel.camera"} <= {row["name"] for row in tables}
    for table in tables:
        assert table["enabled"], table["name"]
        assert table["forced"], table["name"]
        assert table["policies"], table["name"]


def test_the_roles_that_processes_connect_as_own_nothing_and_are_nobody(house: House) -> None:
    assert {row["owner"] for row in rows(house.urls["owner"], TABLES)} == {"lapel_owner"}
    login = rows(
        house.urls["owner"],
        "SELECT rolname, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication AS mighty,"
        " pg_has_role(oid, 'lapel_owner', 'MEMBER') AS is_owner FROM pg_roles WHERE rolname LIKE 'lapel\\_%'",
    )
    assert {row["rolname"] for row in login} >= {f"lapel_{role}" for role in ("app", *LOGIN_ROLES)}
    assert [row["rolname"] for row in login if row["mighty"]] == []
    assert [row["rolname"] for row in login if row["is_owner"]] == ["lapel_owner"]
    owned = rows(
        house.urls["owner"],
        "SELECT deptype, pg_get_userbyid(refobjid) AS who FROM pg_shdepend JOIN pg_roles r ON r.oid = refobjid"
        " WHERE deptype = 'o' AND rolname LIKE 'lapel\\_%' AND rolname <> 'lapel_owner'",
    )
    assert owned == []


def test_functions_with_the_owners_rights_name_their_search_path_and_are_not_for_everybody(
    house: House,
) -> None:
    functions = rows(
        house.urls["owner"],
        "SELECT oid::regprocedure::text AS name, proconfig, has_function_privilege('public', oid, 'EXECUTE') AS open"
        " FROM pg_proc WHERE prosecdef AND pronamespace IN ('lapel'::regnamespace, 'queue'::regnamespace)",
    )
    assert functions
    for function in functions:
        paths = [item for item in function["proconfig"] or [] if str(item).startswith("search_path=")]  # type: ignore[attr-defined]
        assert paths, function["name"]
        assert str(paths[0]).replace('"', "").endswith("pg_temp"), function["name"]
        assert not function["open"], function["name"]


@pytest.mark.parametrize("role", ["staff", "intake", "worker", "sequencer"])
def test_nobody_but_the_owner_may_change_what_a_table_is(house: House, role: str) -> None:
    for statement in (
        "ALTER TABLE lapel.officer DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE lapel.officer NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY own ON lapel.officer",
        "CREATE POLICY mine ON lapel.officer USING (true)",
        "DROP TABLE lapel.officer",
        "TRUNCATE lapel.officer",
        "CREATE TABLE lapel.mine ()",
        "CREATE TABLE public.mine ()",
        "CREATE TEMPORARY TABLE officer ()",
        "SET ROLE lapel_owner",
        "ALTER FUNCTION lapel.in_view(text) RENAME TO seen",
        "CREATE OR REPLACE FUNCTION lapel.in_view(agency text) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), connect(house.urls[role]) as conn:
            conn.execute(statement.encode())


def test_rows_are_seen_and_written_only_in_the_scope_of_their_agency(house: House) -> None:
    db = house.db("staff")
    ids = {agency: new_id() for agency in ("cbp", "ice")}
    for agency, officer in ids.items():
        with db.tx(house.scope(agency)) as conn:
            conn.execute("INSERT INTO officer (id, agency, known) VALUES (%s, %s, true)", (officer, agency))
    seen = {
        agencies: officers(house, agencies) for agencies in ((), ("cbp",), ("ice",), ("cbp", "ice"), ("tsa",))
    }
    assert seen == {
        (): set(),
        ("cbp",): {ids["cbp"]},
        ("ice",): {ids["ice"]},
        ("cbp", "ice"): set(ids.values()),
        ("tsa",): set(),
    }
    with pytest.raises(psycopg.errors.InsufficientPrivilege), db.tx(house.scope("cbp")) as conn:
        conn.execute("INSERT INTO officer (id, agency, known) VALUES (%s, 'ice', true)", (new_id(),))
    with db.tx(house.scope("cbp")) as conn:
        assert conn.execute("UPDATE officer SET name = 'x' WHERE id = %s", (ids["ice"],)).rowcount == 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege), db.tx(house.scope("cbp")) as conn:
        conn.execute("UPDATE officer SET agency = 'ice'")


def officers(house: House, agencies: tuple[str, ...]) -> set[str]:
    with house.db("staff").tx(Scope("account:test", agencies)) as conn:
        return {row["id"] for row in conn.execute("SELECT id FROM officer")}


def test_without_a_scope_no_process_sees_anything(house: House) -> None:
    with house.db("staff").tx(house.scope()) as conn:
        conn.execute("INSERT INTO officer (id, agency, known) VALUES (%s, 'cbp', true)", (new_id(),))
    for role in ("staff", "intake", "worker"):
        with connect(house.urls[role]) as conn:
            assert count(conn) == 0, role


def count(conn: Connection) -> object:
    row = conn.execute("SELECT count(*) AS n FROM officer").fetchone()
    return row and row["n"]
