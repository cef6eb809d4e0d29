"""What the calendar is told stays, each act with its entry in the custody log."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from house import House
from lapel.base.errors import NotFound
from lapel.custody import log
from lapel.fleet import acts, store
from lapel.fleet.calendar import clashes
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
