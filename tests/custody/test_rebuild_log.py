"""Does the log come back from its objects alone, as the world has seen it, with nothing that was forgotten?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from logs import faults, head, record, sequenced, sequencer, verdict

from house import SECRETS, House
from lapel.base.errors import EvidenceFault, NotFound
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.custody.forget import forget
from lapel.custody.rebuild_log import RebuiltLog, rebuild_log
from lapel.storage.postgres import Database, connect
from lapel.storage.roles import addresses, create_database

TABLES = [
    "custody_entry",
    "custody_leaf",
    "custody_subject",
    "custody_count",
    "custody_node",
]


def rows(house: House, table: str) -> list[dict[str, object]]:
    with connect(house.urls["owner"]) as conn:
        return conn.execute(f"SELECT * FROM {table} ORDER BY 1, 2".encode()).fetchall()


@contextmanager
def with_database(house: House, template: str) -> Iterator[None]:
    """The house with another database: an empty one, or a copy made earlier."""
    was, name = house.urls, f"lapel_{new_id()[:16]}"
    with connect(house.superuser_url) as conn:
        create_database(conn, name, template=template)
    house.urls = addresses(house.superuser_url, name, SECRETS)
    for db in house._databases.values():
        db.close()
    house._databases.clear()
    try:
        yield
    finally:
        for db in house._databases.values():
            db.close()
        house._databases.clear()
        house.urls = was
        with connect(house.superuser_url) as conn:
            conn.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def rebuilt(house: House) -> RebuiltLog:
    owner = Database(house.urls["owner"], max_size=1)
    try:
        return rebuild_log(owner, house.stores, house.keys("admin"))
    finally:
        owner.close()


def database_of(house: House) -> str:
    with connect(house.urls["staff"]) as conn:
        row = conn.execute("SELECT current_database() AS name").fetchone()
    assert row is not None
    return str(row["name"])


def a_copy(house: House) -> str:
    """Last night's backup: a copy of the database as it is now."""
    name = f"lapel_{new_id()[:16]}"
    for db in house._databases.values():
        db.close()
    house._databases.clear()
    with connect(house.superuser_url) as conn:
        conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (database_of(house),)
        )
        create_database(conn, name, template=database_of(house))
    return name


def test_a_lost_database_comes_back_as_it_was(house: House, cluster: object) -> None:
    ids = record(house, 300)
    sequenced(house)
    ids += record(house, 40, start=300, agency="ice")
    sequenced(house)
    was, public = {table: rows(house, table) for table in TABLES}, head(house)
    with with_database(house, cluster.template):  # type: ignore[attr-defined]
        assert rebuilt(house) == RebuiltLog(340, 340, 340)
        assert {table: rows(house, table) for table in TABLES} == was
        assert faults(house) == []
        assert rebuilt(house).brought_back == 0
        assert verdict(house, ids[-1], "name", agency="ice").status == 0
        more = record(house, 20, start=340)
        assert sequenced(house) == 360
        assert verdict(house, more[0]).status == 0
        assert faults(house) == []
        assert head(house) != public


def test_what_was_sealed_and_not_published_comes_back_too(house: House, cluster: object) -> None:
    record(house, 10)
    sequenced(house)
    record(house, 10, start=10)
    one = sequencer(house)
    one.start()
    one.step()
    one.seal()
    one.stop()
    was = {table: rows(house, table) for table in TABLES}
    with with_database(house, cluster.template):  # type: ignore[attr-defined]
        assert rebuilt(house) == RebuiltLog(20, 20, 10)
        assert {table: rows(house, table) for table in TABLES} == was
        assert sequenced(house) == 20
        assert faults(house) == []


def test_an_old_database_is_rolled_forward_and_forgets_again_what_was_forgotten_since(house: House) -> None:
    ids = record(house, 14)
    sequenced(house)
    old = a_copy(house)
    record(house, 14, start=14)
    sequenced(house)
    forget(
        house.db(),
        house.stores,
        house.keys("admin"),
        house.scope(actor="account:first"),
        subject="recording:cbp0",
        entries=[ids[7]],
        fields=["actor", "name"],
        approved_by="account:second",
        authority="order 12",
    )
    sequenced(house)
    with with_database(house, old):
        with house.db().tx(house.scope()) as conn:
            assert any(act.detail.get("name") == "n7" for act in log.history(conn, "recording:cbp0"))
        with pytest.raises(EvidenceFault, match="lapel rebuild"):
            sequencer(house).start()
        assert rebuilt(house).brought_back == 15
        with house.db().tx(house.scope()) as conn:
            acts = log.history(conn, "recording:cbp0")
        assert all(act.detail.get("name") != "n7" for act in acts)
        assert next(act for act in acts if act.entry == ids[7]).actor is None
        sequenced(house)
    with connect(house.superuser_url) as conn:
        conn.execute(f"DROP DATABASE {old} WITH (FORCE)".encode())


def test_what_was_forgotten_does_not_come_back(house: House, cluster: object) -> None:
    ids = record(house, 14)
    sequenced(house)
    for fields in (["name"], ["actor", "subject"]):
        forget(
            house.db(),
            house.stores,
            house.keys("admin"),
            house.scope(actor="account:first"),
            subject="recording:cbp0",
            entries=[ids[7]],
            fields=fields,
            approved_by="account:second",
            authority="order 12",
        )
    sequenced(house)
    with with_database(house, cluster.template):  # type: ignore[attr-defined]
        rebuilt(house)
        assert faults(house) == []
        with house.db().tx(house.scope()) as conn:
            row = conn.execute(
                "SELECT openings::text AS kept, subject FROM custody_opening WHERE entry = %s", (ids[7],)
            ).fetchone()
        assert row is not None
        assert row["subject"] is None
        assert "account:a" not in row["kept"]
        assert "n7" not in row["kept"]
        # The subject's count goes on where it was: no tag is ever given twice.
        record(house, 7, start=14)
        sequenced(house)
        tags = [row["tag"] for row in rows(house, "custody_leaf")]
        assert len(set(tags)) == len(tags)
        assert faults(house) == []


def test_private_copies_that_are_not_the_published_log_are_refused(house: House, cluster: object) -> None:
    record(house, 10)
    sequenced(house)
    name = "log/tile/entries/000.p/10"
    was = house.stores.public.read(name)
    house.stores.public.replace(name, was[:100] + bytes([was[100] ^ 1]) + was[101:])
    with with_database(house, cluster.template):  # type: ignore[attr-defined]
        with pytest.raises(EvidenceFault, match="not the entry that was published"):
            rebuilt(house)
        assert rows(house, "custody_leaf") == []


def test_private_copies_with_a_gap_or_too_few_are_refused(house: House, cluster: object) -> None:
    for start in (0, 10, 20):
        record(house, 10, start=start)
        sequenced(house)
    for lost, says in (
        ("0000000000000010-0000000000000019", "does not follow on entry 9"),
        ("0000000000000020-0000000000000029", "holds only 20"),
    ):
        was = house.stores.log_private.read(lost)
        house.stores.log_private.delete(lost)
        with with_database(house, cluster.template), pytest.raises(EvidenceFault, match=says):  # type: ignore[attr-defined]
            rebuilt(house)
        house.stores.log_private.put_new(lost, was)
    house.stores.log_keys.delete("0000000000000010-0000000000000019")
    with with_database(house, cluster.template), pytest.raises(NotFound):  # type: ignore[attr-defined]
        rebuilt(house)


def test_an_empty_department_rebuilds_to_an_empty_log(house: House, cluster: object) -> None:
    with with_database(house, cluster.template):  # type: ignore[attr-defined]
        assert rebuilt(house) == RebuiltLog(0, 0, 0)
