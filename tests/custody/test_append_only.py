"""Is the log append-only for everybody who can reach the database, its owner too?"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from logs import faults, sequenced

from house import Cluster, House
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.storage.postgres import connect

ONLY_ADDED = [
    "custody_subject",
    "custody_entry",
    "custody_leaf",
    "custody_batch",
    "custody_node",
    "custody_sealed",
    "custody_checkpoint",
    "custody_signature",
    "custody_publication",
]
NEVER_DELETED = [*ONLY_ADDED, "custody_opening", "custody_count", "custody_epoch", "custody_forgotten"]
REFUSED = (psycopg.errors.IntegrityConstraintViolation, psycopg.errors.InsufficientPrivilege)


@pytest.fixture(scope="module")
def filled(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One log for all tests here: each of them is refused, so none changes it."""
    with cluster.fresh(f"lapel_{new_id()[:16]}") as urls:
        house = House(urls=urls, place=tmp_path_factory.mktemp("house"), superuser_url=cluster.url)
        with house.db().tx(house.scope()) as conn:
            log.record_many(
                conn, [log.Act("account:a", "cbp", "viewed", f"recording:{i % 7}") for i in range(300)]
            )
        sequenced(house)
        yield house
        assert faults(house) == []
        house.end()


def column_of(house: House, table: str) -> str:
    with connect(house.urls["owner"]) as conn:
        row = conn.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum LIMIT 1",
            (f"lapel.{table}",),
        ).fetchone()
    assert row is not None
    return str(row["attname"])


@pytest.mark.parametrize("table", NEVER_DELETED)
def test_no_role_deletes_or_empties(filled: House, table: str) -> None:
    for role, url in filled.urls.items():
        with connect(url) as conn:
            conn.execute("SELECT set_config('lapel.agencies', 'cbp', false)")
            for statement in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
                if table == "custody_forgotten" and role == "owner" and statement.startswith("DELETE"):
                    continue  # it has no rows yet; tests/custody/test_forget.py has some
                with pytest.raises(REFUSED):
                    conn.execute(statement.encode())


@pytest.mark.parametrize("table", ONLY_ADDED)
def test_no_role_changes_a_row(filled: House, table: str) -> None:
    column = column_of(filled, table)
    for url in filled.urls.values():
        with connect(url) as conn:
            conn.execute("SELECT set_config('lapel.agencies', 'cbp', false)")
            with pytest.raises(REFUSED):
                conn.execute(f"UPDATE {table} SET {column} = {column}".encode())


@pytest.mark.parametrize(
    "change",
    [
        "openings = json_build_object()",
        'openings = \'{"act":["00","viewed"]}\'',
        "agency = 'ice'",
        "subject = 'recording:9'",
        "subject = NULL",
        "entry = repeat('0', 32)",
    ],
)
def test_not_even_the_owner_changes_openings_without_due_form(filled: House, change: str) -> None:
    for role, url in filled.urls.items():
        with connect(url) as conn:
            conn.execute("SELECT set_config('lapel.agencies', 'cbp,ice', false)")
            refused = psycopg.errors.IntegrityConstraintViolation if role == "owner" else REFUSED
            with pytest.raises(refused):
                conn.execute(f"UPDATE custody_opening SET {change}".encode())


def test_counts_and_the_epoch_only_rise(filled: House) -> None:
    with connect(filled.urls["sequencer"]) as conn:
        for statement in (
            "UPDATE custody_count SET n = n - 1",
            "UPDATE custody_count SET subject = 'x:1', n = n + 1 WHERE subject = 'recording:1'",
            "UPDATE custody_epoch SET epoch = 0",
        ):
            with pytest.raises(REFUSED):
                conn.execute(statement.encode())


def test_the_sequencer_writes_no_entries_and_the_app_no_leaves(filled: House) -> None:
    with connect(filled.urls["sequencer"]) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("INSERT INTO custody_entry VALUES (repeat('0', 32), decode(repeat('00', 32), 'hex'))")
    for role in ("staff", "intake", "worker"):
        with connect(filled.urls[role]) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute(
                "INSERT INTO custody_leaf VALUES (300, repeat('0', 32), decode(repeat('00', 16), 'hex'), 1)"
            )


def test_every_custody_table_with_an_agency_forces_row_security(house: House) -> None:
    with connect(house.urls["owner"]) as conn:
        rows = conn.execute(
            "SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity FROM pg_class c JOIN pg_attribute a"
            " ON a.attrelid = c.oid WHERE c.relkind = 'r' AND a.attname = 'agency' AND c.relname LIKE 'custody%'"
        ).fetchall()
    assert {row["relname"] for row in rows} == {
        "custody_subject",
        "custody_opening",
        "custody_lock",
        "custody_forgotten",
    }
    assert all(row["relrowsecurity"] and row["relforcerowsecurity"] for row in rows)
