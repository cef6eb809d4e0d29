"""Who sees which rows, and what happens when the database is not there."""

from __future__ import annotations

import pytest

from house import House
from lapel.base.errors import Invalid, Unavailable
from lapel.storage.postgres import Connection, Database, Scope, connect


def test_a_transaction_is_committed_when_it_returns_and_rolled_back_when_it_raises(house: House) -> None:
    db = house.db("owner")
    with db.tx(house.scope()) as conn:
        conn.execute("INSERT INTO agency VALUES ('zzz', 'Z', 'UTC')")
    with pytest.raises(ZeroDivisionError), db.tx(house.scope()) as conn:
        _insert_and_fail(conn)
    with db.tx(house.scope()) as conn:
        assert [r["id"] for r in conn.execute("SELECT id FROM agency WHERE name < 'ZZ' AND name >= 'X'")] == [
            "zzz"
        ]


def test_the_scope_ends_with_the_transaction(house: House) -> None:
    db = Database(house.urls["staff"], max_size=1)
    with db.tx(Scope("account:a", ("cbp", "ice"))) as conn:
        seen = conn.execute(
            "SELECT in_view('cbp') AS own, in_view('ice') AS too, in_view('tsa') AS other"
        ).fetchone()
        assert seen == {"own": True, "too": True, "other": False}
    with db.tx(Scope("account:b", ())) as conn:
        seen = conn.execute(
            "SELECT in_view('cbp') AS own, in_view('') AS blank, current_setting('lapel.actor') AS actor"
        ).fetchone()
        assert seen == {"own": False, "blank": False, "actor": "account:b"}
    db.close()


@pytest.mark.parametrize("agency", ["cbp,ice", "", "CBP", "cbp ", "c\0bp"])
def test_an_agency_that_could_be_read_as_two_is_no_scope(agency: str) -> None:
    with pytest.raises(Invalid):
        Scope("account:a", (agency,))


def test_a_server_that_is_gone_is_unavailable_and_never_an_internal_error() -> None:
    db = Database("host=127.0.0.1 port=1 user=x dbname=x", wait_s=0.3)
    with pytest.raises(Unavailable) as caught, db.tx(Scope("a", ())):
        pass
    assert caught.value.status == 503
    with pytest.raises(Unavailable):
        db.direct()
    db.close()
    with pytest.raises(Unavailable), db.tx(Scope("a", ())):
        pass


def test_a_connection_that_the_server_ended_costs_one_error_and_is_replaced(house: House) -> None:
    db = house.db("staff")
    with pytest.raises(Unavailable), db.tx(house.scope()) as conn:
        _end_and_use(house, conn)
    with db.tx(house.scope()) as conn:
        assert conn.execute("SELECT 1 AS one").fetchone() == {"one": 1}
    with db.tx(house.scope()) as conn:
        pid = conn.info.backend_pid
    _end_connection(house, pid)
    with db.tx(house.scope()) as conn:  # it died idle: nobody notices
        assert conn.info.backend_pid != pid


def _insert_and_fail(conn: Connection) -> None:
    conn.execute("INSERT INTO agency VALUES ('yyy', 'Y', 'UTC')")
    raise ZeroDivisionError


def _end_and_use(house: House, conn: Connection) -> None:
    _end_connection(house, conn.info.backend_pid)
    conn.execute("SELECT 1")


def _end_connection(house: House, pid: int) -> None:
    with connect(house.superuser_url) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
