"""What the calendar is told stays, each act with its entry in the custody log."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from house import House
from lapel.base.errors import Conflict, Invalid, NotFound
from lapel.custody import log
from lapel.fleet import acts, adopting, plan_file, store
from lapel.fleet.calendar import clashes
from lapel.fleet.plan import Means, Office, make
from lapel.fleet.quarters import quarters_from
from lapel.storage.postgres import Scope
from staffed import staffed


def test_a_camera_is_given_out_comes_back_and_every_act_is_entered(house: House) -> None:
    s = staffed(house)
    s.officer("4471")
    s.officer("4472")
    camera = s.camera("C1")
    scope, at = house.scope(), lambda h: datetime(2026, 11, 20, h, tzinfo=UTC)
    first = acts.give(s.archive, scope, "cbp", "C1", "4471", at(8), None, "issued")
    second = acts.give(s.archive, scope, "cbp", "C1", "4472", at(9), at(10), "told by phone")
    with s.archive.db.tx(scope) as conn:
        assert [c.kind for c in clashes(store.calendar(conn, "cbp"))] == ["camera on two wearers"]
        assert len(store.assignments(conn, "cbp", at(7), at(9))) == 1
    acts.withdraw(s.archive, scope, "cbp", second.begun[0].id, "wrong camera")
    acts.take_back(s.archive, scope, "cbp", "C1", at(16), "end of shift")
    with s.archive.db.tx(scope) as conn:
        assert [a.ends_at for a in store.assignments(conn, "cbp", at(0), at(23))] == [at(16)]
        then = store.assignments(conn, "cbp", at(0), at(23), known_at=first.at)
        assert [a.ends_at for a in then] == [None]
        told = [a.act for a in log.history(conn, f"camera:{camera}")]
    assert told == ["assigned", "assigned", "assignment_withdrawn", "returned"]
    with pytest.raises(NotFound, match="no officer with badge"):
        acts.give(s.archive, scope, "cbp", "C1", "9", at(8), None, "x")


def test_a_plan_comes_into_force_is_read_by_office_and_day_and_makes_way_for_the_next(house: House) -> None:
    s = staffed(house)
    one, two = s.office("cbp", "one"), s.office("cbp", "two")
    s.office("ice", "one")
    scope = house.scope("cbp", "cli:test")
    everybody = Scope("cli:test", ("cbp", "ice"))
    means = Means(quarters_from("2027-Q1", 2), (5, 20), (None, None), (None, None), floor=0.1)
    offices = [
        Office("cbp", "one", 5, 5, 100.0),
        Office("cbp", "two", 20, 20, 50.0),
        Office("ice", "one", 1, 1, 1.0),
    ]
    first = plan_file.to_json(make(offices[:2], means), "0" * 64)
    with s.archive.db.tx(scope) as conn:
        assert store.planned(conn, "cbp") == {}
    with pytest.raises(Invalid, match="no agency ice"):
        adopting.adopt(s.archive, scope, plan_file.to_json(make(offices, means), "0" * 64), "decision 7")
    done = adopting.adopt(s.archive, scope, first, "decision 7")
    assert [(a.agency, a.offices, a.officers, a.superseded) for a in done] == [("cbp", 2, 25, None)]
    with s.archive.db.tx(scope) as conn:
        assert store.planned(conn, "cbp") == {
            one: [(date(2027, 1, 1), None)],
            two: [(date(2027, 4, 1), None)],
        }
    with pytest.raises(Conflict, match="in force already"):
        adopting.adopt(s.archive, scope, first, "decision 7")
    later = make([replace(offices[0], earliest=1), *offices[1:]], means)
    adopting.adopt(s.archive, everybody, plan_file.to_json(later, "0" * 64), "decision 8")
    with s.archive.db.tx(everybody) as conn:
        assert store.planned(conn, "cbp")[one] == [(date(2027, 4, 1), None)]
        assert len(store.planned(conn, "ice")) == 1
        plan = store.plan_in_force(conn, "cbp")
        assert plan is not None
        (told,) = log.history(conn, f"plan:{plan.id}")
    assert (told.act, told.detail["reason"], told.detail["supersedes"]) == (
        "plan_adopted",
        "decision 8",
        done[0].plan,
    )
    strange = plan_file.to_json(make([replace(offices[0], name="nowhere")], means), "0" * 64)
    with pytest.raises(Invalid, match="nowhere of cbp"):
        adopting.adopt(s.archive, scope, strange, "decision 9")
