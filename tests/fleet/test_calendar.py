"""What was believed at any earlier time stays the answer for that time, whatever is corrected afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lapel.base.errors import Conflict, Invalid
from lapel.fleet.calendar import (
    Assignment,
    assign,
    at,
    believed,
    clashes,
    correct,
    give_back,
)

ZERO = datetime(2026, 5, 1, tzinfo=UTC)
DATA = Path(__file__).parents[3] / "shared" / "data" / "tjjd"


def hour(n: float) -> datetime:
    return ZERO + timedelta(hours=n)


def span(
    camera: str = "A",
    officer: str = "1",
    begins: float = 0,
    ends: float | None = 8,
    known: float = 100,
    name: str = "s",
) -> Assignment:
    return Assignment(
        camera=camera,
        officer=officer,
        begins_at=hour(begins),
        ends_at=None if ends is None else hour(ends),
        id=name,
        known_from=hour(known),
        reason="told",
        by="cli:test",
    )


def spans(draw: Any, now: float, name: str) -> Assignment:
    begins = draw(st.integers(0, 40))
    ends = draw(st.one_of(st.none(), st.integers(begins + 1, 60)))
    return span(draw(st.sampled_from("AB")), draw(st.sampled_from("12")), begins, ends, now, name)


@st.composite
def histories(draw: Any) -> list[tuple[float, list[Assignment]]]:
    """A calendar as it grew: after each act, the time of the act and everything that was then on record."""
    grown: list[tuple[float, list[Assignment]]] = []
    there: list[Assignment] = []
    for step in range(draw(st.integers(1, 9))):
        now = 100 + step * 10.0
        live = believed(there)
        act = draw(st.sampled_from(["assign", "give back", "correct", "withdraw"])) if live else "assign"
        new = f"n{step}"
        if act == "assign":
            change = assign(spans(draw, now, new))
        elif act == "give back":
            one = draw(st.sampled_from(live))
            try:
                change = give_back(
                    there, one.camera, one.begins_at + timedelta(minutes=30), now=hour(now),
                    ids=[f"{new}.{i}" for i in range(9)], reason="back", by="x",
                )  # fmt: skip
            except Conflict:
                continue
        else:
            wrong = draw(st.sampled_from(live))
            right = None if act == "withdraw" else spans(draw, now, new)
            try:
                change = correct(wrong, right, now=hour(now))
            except Invalid:
                continue
        there = change.applied(there)
        grown.append((now, there))
    return grown


def answer(there: list[Assignment], known: float | None) -> list[tuple[object, ...]]:
    found = believed(there, None if known is None else hour(known))
    return [(s.id, s.camera, s.officer, s.begins_at, s.ends_at) for s in found]


@given(histories())
@settings(max_examples=150, deadline=None)
def test_no_correction_changes_what_was_believed_before_it(
    grown: list[tuple[float, list[Assignment]]],
) -> None:
    last = grown[-1][1]
    for now, there in grown:
        for known in (now, now + 9):  # until just before the next act
            assert answer(last, known) == answer(there, None)
    assert answer(last, 99) == []


@given(histories(), st.integers(0, 60))
@settings(max_examples=100, deadline=None)
def test_an_as_of_question_gives_what_was_told_then(
    grown: list[tuple[float, list[Assignment]]], instant: int
) -> None:
    last = grown[-1][1]
    for now, there in grown:
        told_then = {
            (s.camera, s.officer) for s in there if s.known_until is None and s.holds_at(hour(instant))
        }
        assert {(s.camera, s.officer) for s in at(last, hour(instant), hour(now))} == told_then


@given(histories())
@settings(max_examples=100, deadline=None)
def test_nothing_is_ever_removed_and_every_replacement_names_what_it_replaced(
    grown: list[tuple[float, list[Assignment]]],
) -> None:
    before: set[str] = set()
    for _, there in grown:
        ids = {s.id for s in there}
        assert before <= ids
        assert len(ids) == len(there)
        assert all(s.replaces is None or s.replaces in ids for s in there)
        before = ids


@given(histories())
@settings(max_examples=100, deadline=None)
def test_clashes_are_exactly_the_pairs_that_share_time(grown: list[tuple[float, list[Assignment]]]) -> None:
    there = believed(grown[-1][1])
    expected = set()
    for i, a in enumerate(there):
        for b in there[i + 1 :]:
            if max(a.begins_at, b.begins_at) < min(a.end, b.end):
                if a.camera == b.camera and a.officer != b.officer:
                    expected.add(("camera on two wearers", frozenset((a.id, b.id))))
                if a.officer == b.officer and a.camera != b.camera:
                    expected.add(("wearer with two cameras", frozenset((a.id, b.id))))
    found = clashes(there)
    assert {(c.kind, frozenset((c.first.id, c.second.id))) for c in found} == expected
    assert len(found) == len(expected)


def test_a_camera_that_comes_back_ends_the_span_and_keeps_the_open_one_for_earlier_questions() -> None:
    there = assign(span(ends=None)).applied([])
    back = give_back(there, "A", hour(6), now=hour(110), ids=["t"], reason="end of shift", by="x").applied(
        there
    )
    assert [s.ends_at for s in believed(back)] == [hour(6)]
    assert [s.ends_at for s in believed(back, hour(105))] == [None]
    assert at(back, hour(7)) == []


def test_who_returns_a_camera_that_nobody_has_is_told() -> None:
    with pytest.raises(Conflict, match="Nobody has that camera"):
        give_back([], "A", hour(1), now=hour(110), ids=["t"], reason="end", by="x")


def test_two_who_correct_the_same_span_do_not_both_win() -> None:
    wrong = span()
    after = correct(wrong, replace(wrong, id="t", officer="2"), now=hour(110)).applied([wrong])
    with pytest.raises(Conflict, match="corrected meanwhile"):
        correct(after[0], None, now=hour(111))


@pytest.mark.parametrize(
    "bad",
    [
        replace(span(), ends_at=hour(-1)),
        replace(span(), ends_at=hour(0)),
        replace(span(), reason=" "),
        replace(span(), begins_at=datetime(2026, 5, 1)),  # noqa: DTZ001
    ],
    ids=["ends before it begins", "empty", "no reason", "no zone"],
)
def test_a_span_that_cannot_be_is_refused(bad: Assignment) -> None:
    with pytest.raises(Invalid):
        assign(bad)


def test_a_correction_that_changes_nothing_is_refused() -> None:
    with pytest.raises(Invalid, match="says already"):
        correct(span(), replace(span(), id="t"), now=hour(110))


def test_real_cameras_that_two_people_wore_in_turn_on_one_day_are_found() -> None:
    path = DATA / "clips_2019-04-01_to_14.csv"
    if not path.exists():
        pytest.skip("../shared/data/tjjd is not here")
    from lapel.storage.tables import opened

    worn: dict[tuple[str, str, str], list[datetime]] = {}
    with opened(path) as table:
        for row in table:
            c = row.cells
            if c["Employee ID"]:
                key = c["Camera Serial Number"], c["Employee ID"], c["created_date_record_start"][:10]
                worn.setdefault(key, []).extend(
                    datetime.fromisoformat(c[name])
                    for name in ("created_date_record_start", "date_record_end")
                )
    there = [
        Assignment(camera, officer, min(times), max(times), f"{camera} {officer} {day}", ZERO, reason="clips")
        for (camera, officer, day), times in worn.items()
        if min(times) < max(times)
    ]
    found = clashes(there)
    assert {c.kind for c in found} == {"camera on two wearers", "wearer with two cameras"}
    assert all(c.ends_at is not None and c.begins_at < c.ends_at for c in found)
    shared = {c.first.camera for c in found if c.kind == "camera on two wearers"}
    by_day: dict[tuple[str, str], set[str]] = {}
    for camera, officer, day in worn:
        by_day.setdefault((camera, day), set()).add(officer)
    assert shared <= {camera for (camera, _), officers in by_day.items() if len(officers) > 1}
