"""Spans of days laid over each other say, for each day, what was said last of it; a circle of supervisors is found on any day."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lapel.roster.circles import circles
from lapel.roster.spans import Span, difference, lay_over, value_at

ZERO = date(2026, 1, 1)
DAYS = 40


def day(n: int) -> date:
    return ZERO + timedelta(days=n)


@st.composite
def said(draw: Any) -> Span:
    begin = draw(st.integers(0, 20))
    end = draw(st.one_of(st.none(), st.integers(begin + 1, 30)))
    return Span(draw(st.sampled_from("abc")), day(begin), None if end is None else day(end))


def by_day(spans: list[Span]) -> list[str | None]:
    return [value_at(spans, day(n)) for n in range(DAYS)]


@given(st.lists(said(), max_size=6), st.integers(0, 25))
@settings(max_examples=200, deadline=None)
def test_each_day_says_what_was_said_last_of_it(statements: list[Span], as_of: int) -> None:
    spans: list[Span] = []
    days: list[str | None] = [None] * DAYS
    for one in statements:
        # A statement without an end does not reach past what begins after the day its file speaks of.
        begins = [s.from_on for s in spans if s.from_on > max(day(as_of), one.from_on)]
        end = one.until_on or min(begins, default=day(DAYS))
        spans = lay_over(spans, one, day(as_of))
        for n in range(DAYS):
            if one.from_on <= day(n) < end:
                days[n] = one.value
        assert by_day(spans) == days
    assert all(a.end <= b.from_on for a, b in pairwise(spans))
    assert all(not (a.end == b.from_on and a.value == b.value) for a, b in pairwise(spans))


@given(st.lists(said(), max_size=5), st.lists(said(), max_size=5))
@settings(max_examples=200, deadline=None)
def test_what_is_written_makes_the_rows_say_what_was_wanted_and_a_second_time_nothing_is_written(
    first: list[Span], second: list[Span]
) -> None:
    rows: dict[date, Span] = {}
    for statements in (first, second):
        wanted = [s for s in rows.values() if s.until_on != s.from_on]
        for one in statements:
            wanted = lay_over(wanted, one, ZERO)
        made = difference(rows.values(), wanted)
        for span in made.added:
            assert span.from_on not in rows  # a day begins one row only
            rows[span.from_on] = span
        for old, new in made.changed:
            assert rows[old.from_on] == old
            assert new.from_on == old.from_on
            rows[old.from_on] = new
        assert by_day(list(rows.values())) == by_day(wanted)
        again = difference(rows.values(), wanted)
        assert (again.added, again.changed) == ((), ())


@given(st.lists(st.tuples(st.sampled_from("pqrs"), st.sampled_from("pqrs"), st.integers(0, 9), st.integers(1, 9)), max_size=6))  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_circles_are_found_exactly_when_a_day_has_one(told: list[tuple[str, str, int, int]]) -> None:
    led: dict[str, list[Span]] = {}
    for officer, leader, begin, length in told:
        if officer != leader:
            span = Span(leader, day(begin), day(begin + length))
            led[officer] = lay_over(led.get(officer, []), span, ZERO)
    on_some_day = False
    for n in range(20):
        for start in "pqrs":
            seen, above = {start}, value_at(led.get(start, []), day(n))
            while above is not None and above not in seen:
                seen.add(above)
                above = value_at(led.get(above, []), day(n))
            on_some_day |= above is not None
    assert bool(circles(led)) == on_some_day
