"""What is in force, from which texts, and what was proved of it?"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import psycopg
import pytest
from signed import DIRECTIVES, changed, department, office, paper, work

from house import House
from lapel.base import clock
from lapel.base.errors import Invalid, NotFound
from lapel.base.ids import new_id
from lapel.policy import adoption, proving, store
from lapel.policy.book import agency_book
from lapel.policy.engine import Engine
from lapel.policy.record import recorded
from lapel.policy.shelf import library_at
from lapel.policy.verdict import in_interval
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope

NOBODY = Scope("account:reader", ())


def ice(house: House) -> None:
    department(
        house,
        paper("ice", "Director", date(2024, 1, 12)),
        paper("ice_2025", "Director", date(2025, 2, 19)),
        paper("tsa"),
    )


def test_before_anything_is_adopted_the_record_says_so(house: House) -> None:
    with house.db().tx(NOBODY) as conn:
        assert store.record(conn).rows == ()
        with pytest.raises(NotFound, match="adopted no policy yet"):
            store.in_force(conn, "tsa", date(2024, 1, 1))


@pytest.mark.parametrize(
    ("day", "version"),
    [(date(2025, 2, 18), date(2024, 1, 12)), (date(2025, 2, 19), date(2025, 2, 19))],
    ids=["the day before", "the day of"],
)
def test_versions_are_chosen_by_date(house: House, day: date, version: date) -> None:
    ice(house)
    with house.db().tx(NOBODY) as conn:
        there = store.in_force(conn, "ice", day)
    assert [v for policy, v, _ in there.texts if policy == "ice"] == [version]
    assert "vocabulary" in {policy for policy, _, _ in there.texts}


def test_what_is_in_force_answers_as_the_files_do(house: House) -> None:
    ice(house)
    on = date(2026, 1, 5)
    facts = {"activity": frozenset({"planned_arrest"}), "phase": "active", "with_public": True}
    camera = dict.fromkeys(("in_plan", "equipped", "trained"), True)
    with house.db().tx(NOBODY) as conn:
        stored = store.in_force(conn, "tsa", on).book
    files = library_at(DIRECTIVES)
    asked = Engine(agency_book(files, "tsa", on)).ask({**facts, **camera}, questions=["record"])
    assert (
        Engine(stored).ask({**facts, **camera}, questions=["record"])["record"].clauses
        == asked["record"].clauses
    )


def test_an_agency_without_a_policy_that_day_is_not_found(house: House) -> None:
    ice(house)
    with house.db().tx(NOBODY) as conn:
        with pytest.raises(NotFound):
            store.in_force(conn, "tsa", date(2023, 11, 17))
        with pytest.raises(NotFound):
            store.in_force(conn, "oig", date(2025, 1, 1))
        with pytest.raises(Invalid):
            store.in_force(conn, "navy", date(2025, 1, 1))


def test_proofs_are_stored_with_what_was_proved_and_are_not_made_twice(house: House) -> None:
    ice(house)
    with house.db().tx(NOBODY) as conn:
        there = store.record(conn)
        first = store.proofs(conn, there)
    assert {of: proof is not None and proof.holds for of, proof in first.items()} == {
        "department": True, "ice": True, "tsa": True,
    }  # fmt: skip
    work(house)
    with house.db().tx(NOBODY) as conn:
        assert store.proofs(conn, there) == first
    tsa = first["tsa"]
    assert tsa is not None
    interval = in_interval(tsa.verdict, date(2024, 3, 1))
    assert interval is not None
    assert {file for file, _ in interval["texts"]} == {"vocabulary.yaml", "department.yaml", "tsa.yaml"}
    assert in_interval(tsa.verdict, date(2023, 1, 1)) is None


def test_a_proof_of_other_texts_does_not_count(house: House) -> None:
    ice(house)
    with house.db().tx(NOBODY) as conn:
        before = store.record(conn)
    stricter = changed(
        paper("department", "Secretary", date(2025, 3, 1)), ("version: 2023-05-22", "version: 2025-03-01")
    )
    adoption.adopt(*office(house), [stricter])
    with house.db().tx(NOBODY) as conn:
        after = store.record(conn)
    for policy in ("department", "ice", "tsa"):
        assert before.inputs(policy) != after.inputs(policy)


def test_proving_again_is_an_entry_and_many_requests_are_one_proof(house: House) -> None:
    ice(house)
    since = clock.now().isoformat()
    worker = Archive(house.db("worker"), house.stores, house.keys("worker"))
    proving.prove_again(worker, since)
    proving.prove_again(worker, since)
    with house.db().tx(house.scope("tsa")) as conn:
        assert _count(conn, "SELECT count(*) AS n FROM policy_proof WHERE policy = 'tsa'") == 2
        acts = conn.execute(
            "SELECT openings #>> '{act,1}' AS act FROM custody_opening WHERE subject = 'directive:tsa'"
        ).fetchall()
    assert sorted(row["act"] for row in acts) == ["adopted", "proved"]


def test_each_version_is_compared_with_the_one_before(house: House) -> None:
    ice(house)
    work(house)
    with house.db().tx(NOBODY) as conn:
        old, new = store.library(conn).versions("ice")
        found = store.changes(conn, old.digest, new.digest)
        assert found
        assert {"question", "old", "new", "scene", "facts"} <= set(found[0])
        assert store.changes(conn, new.digest, old.digest) is None


def test_everybody_reads_what_was_adopted_and_only_its_agency_writes(house: House) -> None:
    ice(house)
    with house.db().tx(house.scope("cbp")) as conn:
        assert "tsa" in {row.policy for row in store.adopted(conn)}
        row = next(row for row in store.adopted(conn) if row.policy == "tsa")
    forged = replace(row, id=new_id(), version=date(2026, 1, 1))
    for role, scope in (
        ("staff", house.scope("cbp")),
        ("worker", house.scope("tsa")),
        ("intake", house.scope("tsa")),
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), house.db(role).tx(scope) as conn:
            store.add(conn, forged)


def test_a_vocabulary_alone_is_no_policy(house: House) -> None:
    adoption.adopt(*office(house), [paper("vocabulary", "Secretary", date(2023, 5, 22))])
    with house.db().tx(NOBODY) as conn:
        assert store.record(conn).library is None
        words = store.adopted(conn)[0]
    with pytest.raises(Invalid, match="no vocabulary"):
        recorded([replace(words, kind="department")])


def _count(conn: store.Connection, query: str) -> int:
    row = conn.execute(query.encode()).fetchone()
    assert row is not None
    return int(row["n"])
