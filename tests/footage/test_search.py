"""Are recordings found by the words that were written about them, quickly, and only in one's own agencies?"""

from __future__ import annotations

from datetime import UTC, date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from house import House
from lapel.access.actor import Reach
from lapel.base.errors import Invalid
from lapel.base.ids import new_id
from lapel.footage import acts, search
from lapel.storage.postgres import Scope
from staffed import staffed

WORDS = "SELECT id FROM recording r WHERE to_tsvector('english', r.number || ' ' || r.note) @@ websearch_to_tsquery('english', 'bridge')"


def plan(house: House, role: str) -> str:
    with house.db(role).tx(Scope("system:test", ("cbp",))) as conn:
        conn.execute("SET LOCAL enable_seqscan = off")
        return "\n".join(str(row["QUERY PLAN"]) for row in conn.execute(f"EXPLAIN {WORDS}".encode()))


def test_the_function_that_searches_for_words_uses_their_index_and_a_role_under_the_policy_cannot(
    house: House,
) -> None:
    # The function runs as the owner of the tables; this is why it is there at all.
    assert "recording_words" in plan(house, "owner")
    assert "recording_words" not in plan(house, "staff")


def test_words_are_found_in_any_form_and_quotes_mean_a_phrase(house: House) -> None:
    here = staffed(house)
    one = here.announce()
    acts.note(here.archive, house.scope(), one.id, "Two riders crossing the bridge")
    for words, there in (
        ("rider", 1),
        ("cross bridge", 1),
        ('"the bridge"', 1),
        ('"bridge riders"', 0),
        ("bridge -riders", 0),
        ("(((", 0),
        ("' OR 1", 0),
    ):
        with here.archive.db.tx(house.scope()) as conn:
            rows, _ = search.find(conn, search.Filters(Reach(("cbp",), ("cbp",)), text=words))
        assert len(rows) == there, words


def test_nothing_is_found_when_no_agency_is_asked_for(house: House) -> None:
    here = staffed(house)
    here.announce()
    with here.archive.db.tx(house.scope()) as conn:
        assert search.find(conn, search.Filters(Reach())) == ([], None)
        assert search.find(conn, search.Filters(Reach(("ice",), ("ice",)))) == ([], None)


@pytest.mark.parametrize(
    ("typed", "days"),
    [
        ("2026-11-24", (date(2026, 11, 24), date(2026, 11, 24))),
        ("2026-02", (date(2026, 2, 1), date(2026, 2, 28))),
        ("2024-02", (date(2024, 2, 1), date(2024, 2, 29))),
        ("2026-12", (date(2026, 12, 1), date(2026, 12, 31))),
        ("24 November 2026", (date(2026, 11, 24), date(2026, 11, 24))),
        ("2026-13", None),
        ("0000-01", None),
        ("4471", None),
        ("", None),
    ],
)
def test_a_day_or_a_month_is_read_as_people_write_it(typed: str, days: tuple[date, date] | None) -> None:
    assert search.read_days(typed) == days


@given(st.text(max_size=60))
def test_whatever_is_typed_is_a_day_or_is_not(typed: str) -> None:
    days = search.read_days(typed)
    assert days is None or days[0] <= days[1]


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_place_in_the_list_is_read_back_from_its_address(at: object) -> None:
    position = search.Position(at, new_id())  # type: ignore[arg-type]
    assert search.read_position(str(position)) == position


@given(st.text(max_size=200))
def test_no_address_but_ours_is_a_place_in_the_list(text: str) -> None:
    with pytest.raises(Invalid):
        search.read_position(text)
