"""Are acts written with the transaction that does them, in an order that can be proved, seen by their agency only?"""

from __future__ import annotations

import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from house import House
from lapel.base.errors import Conflict, EvidenceFault, Invalid, LapelError, NotFound, Refused
from lapel.custody import log
from lapel.custody.entry import Entry
from lapel.custody.log import Act
from lapel.storage.postgres import Scope, connect


def recorded(house: House, *acts: str, subject: str = "recording:1", agency: str = "cbp") -> list[str]:
    with house.db().tx(house.scope(agency)) as conn:
        entries = log.record_many(
            conn, [Act("account:a", agency, act, subject, {"note": act}) for act in acts]
        )
    return [entry.id for entry in entries]


def rolled_back(house: House, error: LapelError, kept: list[Entry] | None = None) -> None:
    """An act whose transaction does not commit; its entry is put into `kept`."""
    with house.db().tx(house.scope()) as conn:
        entry = log.record(conn, actor="account:a", agency="cbp", act="viewed", subject="recording:1")
        if kept is not None:
            kept.append(entry)
        raise error


def test_a_history_tells_what_was_recorded_in_its_order(house: House) -> None:
    at = datetime(2026, 11, 24, 3, 37, 44, 123000, UTC)
    with house.db().tx(house.scope()) as conn:
        entry = log.record(
            conn, actor="site:s", agency="cbp", act="received", subject="recording:1", detail={"n": 5}, at=at
        )
        log.record(
            conn,
            actor="account:a",
            agency="cbp",
            act="viewed",
            subject="recording:1",
            at=at + timedelta(seconds=1),
        )
        log.record(conn, actor="account:a", agency="cbp", act="viewed", subject="recording:2")
    with house.db().tx(house.scope()) as conn:
        first, second = log.history(conn, "recording:1")
    assert (first.entry, first.at, first.actor, first.act) == (entry.id, at, "site:s", "received")
    assert first.detail == {"n": 5}
    assert (first.index, first.published) == (None, False)
    assert second.act == "viewed"


def test_what_is_rolled_back_was_never_recorded(house: House) -> None:
    with pytest.raises(NotFound):
        rolled_back(house, NotFound("no"))
    with house.db().tx(house.scope()) as conn:
        assert log.history(conn, "recording:1") == []
        assert conn.execute("SELECT count(*) AS n FROM custody_subject").fetchone() == {"n": 0}
    # The subject's first entry is then the first that commits, with a key of its own.
    recorded(house, "viewed")
    with house.db().tx(house.scope()) as conn:
        row = conn.execute(
            "SELECT openings->'subject_key' IS NOT NULL AS first FROM custody_opening"
        ).fetchone()
    assert row == {"first": True}


def test_only_the_first_entry_of_a_subject_commits_to_a_key(house: House) -> None:
    recorded(house, "announced", "received")
    recorded(house, "viewed")
    with house.db().tx(house.scope()) as conn:
        rows = conn.execute(
            "SELECT openings #>> '{act,1}' AS act, openings->'subject_key' IS NOT NULL AS first FROM custody_opening"
        ).fetchall()
    assert {row["act"]: row["first"] for row in rows} == {
        "announced": True,
        "received": False,
        "viewed": False,
    }


def test_two_transactions_on_a_new_subject_make_one_key_and_the_first_to_commit_is_first(
    house: House,
) -> None:
    """Many at once, on many new subjects, in many orders: each subject has one key, committed to by its lowest row."""
    subjects = [f"recording:{i}" for i in range(6)]
    gate = threading.Barrier(6)

    def write(n: int) -> None:
        gate.wait()
        for round_ in range(5):
            order = subjects[n:] + subjects[:n] if round_ % 2 else subjects[::-1]
            with house.db().tx(house.scope()) as conn:
                log.record_many(conn, [Act("account:a", "cbp", f"act_{n}", s) for s in order])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    with connect(house.urls["owner"]) as conn:
        rows = conn.execute(
            "SELECT p.seq, p.subject, p.first, o.openings->'subject_key' IS NOT NULL AS commits"
            " FROM custody_pending p JOIN custody_opening o ON o.entry = p.entry ORDER BY p.seq"
        ).fetchall()
        keys = conn.execute("SELECT count(*) AS n FROM custody_subject").fetchone()
    by_subject = defaultdict(list)
    for row in rows:
        by_subject[row["subject"]].append((row["first"], row["commits"]))
    assert keys == {"n": 6}
    assert len(rows) == 6 * 5 * 6
    for marks in by_subject.values():
        assert marks[0] == (True, True)
        assert all(mark == (False, False) for mark in marks[1:])


def test_a_second_transaction_waits_for_the_one_that_is_first(house: House) -> None:
    done: list[str] = []
    with house.db().tx(house.scope()) as conn:
        log.record(conn, actor="account:a", agency="cbp", act="announced", subject="recording:1")

        def second() -> None:
            with house.db().tx(house.scope()) as other:
                log.record(other, actor="account:b", agency="cbp", act="viewed", subject="recording:1")
            done.append("second")

        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.3)
        assert done == []  # it waits at the subject's key
    thread.join(10)
    assert done == ["second"]
    with house.db().tx(house.scope()) as conn:
        rows = conn.execute(
            "SELECT openings->'subject_key' IS NOT NULL AS first FROM custody_opening"
        ).fetchall()
    assert sorted(row["first"] for row in rows) == [False, True]


def test_a_prepared_entry_is_inserted_as_it_was_prepared(house: House) -> None:
    with house.db().tx(house.scope()) as conn:
        entry = log.prepare(conn, actor="site:s", agency="cbp", act="received", subject="recording:1")
        assert not log.is_logged(conn, entry.id)
        log.insert(conn, entry)
        assert log.is_logged(conn, entry.id)
    with pytest.raises(Conflict), house.db().tx(house.scope()) as conn:
        log.insert(conn, entry)


def test_an_entry_found_in_a_sidecar_comes_back_once_with_its_key(house: House) -> None:
    kept: list[Entry] = []
    with pytest.raises(Invalid):
        rolled_back(house, Invalid("the database is lost"), kept)
    (lost,) = kept
    with house.db("owner").tx(house.scope()) as conn:
        assert log.restore(conn, lost)
        assert not log.restore(conn, lost)
        row = conn.execute("SELECT key FROM custody_subject").fetchone()
    assert row is not None
    assert row["key"] == lost.subject_key


def test_an_agency_sees_its_own_entries_only(house: House) -> None:
    recorded(house, "viewed", subject="recording:1", agency="cbp")
    recorded(house, "viewed", subject="recording:2", agency="ice")
    with house.db().tx(house.scope("ice")) as conn:
        assert log.history(conn, "recording:1") == []
        assert len(log.history(conn, "recording:2")) == 1
        seen = conn.execute("SELECT agency FROM custody_subject").fetchall()
    assert seen == [{"agency": "ice"}]


def test_nobody_writes_for_an_agency_that_is_not_in_view(house: House) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), house.db().tx(house.scope("ice")) as conn:
        log.record(conn, actor="account:a", agency="cbp", act="viewed", subject="recording:1")


def test_another_agencys_act_on_a_known_subject_makes_no_second_key(house: House) -> None:
    recorded(house, "received", subject="recording:1", agency="cbp")
    recorded(house, "viewed", subject="recording:1", agency="ice")
    with connect(house.urls["owner"]) as conn:
        rows = conn.execute("SELECT agency FROM custody_subject").fetchall()
    assert rows == [{"agency": "cbp"}]


def test_without_a_scope_nothing_is_seen(house: House) -> None:
    recorded(house, "viewed")
    with house.db().tx(Scope("account:a", ())) as conn:
        assert log.history(conn, "recording:1") == []


@pytest.mark.parametrize(
    ("error", "act"),
    [
        (Refused("Not yours.", rules=("view-own-unit",)), "refused"),
        (EvidenceFault("The digest is another."), "found_fault"),
        (NotFound("Nothing\0there."), "failed"),
    ],
    ids=["a refusal", "a fault of the evidence", "a failure"],
)
def test_a_refusal_is_an_entry_of_its_own_after_the_rollback(
    house: House, error: Refused | EvidenceFault | NotFound, act: str
) -> None:
    with pytest.raises(type(error)):
        rolled_back(house, error)
    log.record_refusal(house.db(), house.scope(), error, act="viewed", subject="recording:1", agency="cbp")
    with house.db().tx(house.scope()) as conn:
        (told,) = log.history(conn, "recording:1")
    assert told.act == act
    assert told.detail["attempted"] == "viewed"
    assert told.detail["code"] == error.code
    if isinstance(error, Refused):
        assert told.detail["rules"] == ["view-own-unit"]
