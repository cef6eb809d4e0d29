"""Duties against recordings: the arithmetic, held against counting every second."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lapel.activation.match import (
    INTERRUPTED,
    LATE,
    MISSING,
    RECORDED,
    STOPPED_EARLY,
    Spans,
    blocks,
    match,
    measure,
)
from lapel.base.errors import Invalid

Row = tuple[int, int, int]


def spans(rows: list[Row]) -> Spans:
    officer, begin, end = (np.array([row[i] for row in rows], np.int64) for i in range(3))
    return Spans(officer.astype(np.int32), begin, end)


def one(duty: Row, *recordings: Row, within: int = 0) -> tuple[int, int, int, int, int, int]:
    found = match(spans([duty]), spans(list(recordings)), within)
    return tuple(  # type: ignore[return-value]
        int(column[0])
        for column in (found.covered, found.late, found.early, found.gap, found.gaps, found.outcome)
    )


def test_a_duty_without_any_recording_is_wholly_missing() -> None:
    assert one((0, 100, 200)) == (0, 100, 0, 0, 0, MISSING)


def test_a_duty_whose_officer_has_no_recording_is_wholly_missing_though_others_have() -> None:
    assert one((1, 100, 200), (0, 100, 200), (2, 100, 200)) == (0, 100, 0, 0, 0, MISSING)


def test_recordings_before_and_after_a_duty_cover_nothing_of_it() -> None:
    assert one((0, 100, 200), (0, 50, 100), (0, 200, 300)) == (0, 100, 0, 0, 0, MISSING)


def test_two_overlapping_clips_count_once() -> None:
    assert one((0, 0, 100), (0, 0, 60), (0, 40, 100), (0, 45, 50)) == (100, 0, 0, 0, 0, RECORDED)


def test_clips_that_touch_are_one_recording() -> None:
    assert one((0, 0, 100), (0, 0, 50), (0, 50, 100)) == (100, 0, 0, 0, 0, RECORDED)


def test_a_clip_without_length_records_nothing() -> None:
    assert one((0, 0, 100), (0, 50, 50)) == (0, 100, 0, 0, 0, MISSING)


def test_a_late_start_is_late_by_the_time_until_it() -> None:
    assert one((0, 0, 100), (0, 20, 120)) == (80, 20, 0, 0, 0, LATE)


def test_a_start_within_what_the_policy_allows_is_not_late() -> None:
    assert one((0, 0, 100), (0, 20, 120), within=20) == (80, 20, 0, 0, 0, RECORDED)


def test_a_stop_before_the_end_is_early_by_what_is_left() -> None:
    assert one((0, 0, 100), (0, -10, 70)) == (70, 0, 30, 0, 0, STOPPED_EARLY)


def test_interruptions_are_counted_and_outrank_a_late_start() -> None:
    assert one((0, 0, 100), (0, 10, 20), (0, 30, 40), (0, 50, 100)) == (70, 10, 0, 20, 2, INTERRUPTED)


def test_nothing_is_asked_when_there_are_no_duties() -> None:
    assert len(match(spans([]), spans([(0, 1, 2)])).covered) == 0


@pytest.mark.parametrize("which", ["duty", "recording"])
def test_what_ends_before_it_begins_is_refused(which: str) -> None:
    wrong, right = spans([(0, 10, 5)]), spans([(0, 1, 2)])
    with pytest.raises(Invalid, match=f"A {which} ends before it begins"):
        match(*((wrong, right) if which == "duty" else (right, wrong)))


def test_officers_too_many_for_one_line_are_refused_and_not_mixed_up() -> None:
    century = 100 * 366 * 86_400 * 1_000_000
    with pytest.raises(Invalid, match="do not fit on one line"):
        match(spans([(0, 0, 1)]), spans([(2_000, 0, century)]))


ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 40), st.integers(0, 15)).map(
        lambda r: (r[0], r[1], r[1] + r[2])
    ),
    max_size=12,
)


def by_the_second(duty: Row, recordings: list[Row], within: int) -> tuple[int, int, int, int, int, int]:
    """The same answer by looking at each second."""
    officer, begin, end = duty
    on = [any(o == officer and b <= second < e for o, b, e in recordings) for second in range(begin, end)]
    if not any(on):
        return 0, end - begin, 0, 0, 0, MISSING
    first, last = on.index(True), len(on) - on[::-1].index(True)
    middle = on[first:last]
    gaps = sum(1 for i in range(1, len(middle)) if middle[i - 1] and not middle[i])
    late, early, gap = first, len(on) - last, middle.count(False)
    outcome = INTERRUPTED if gap else LATE if late > within else STOPPED_EARLY if early else RECORDED
    return sum(on), late, early, gap, gaps, outcome


@given(ROWS.filter(bool), ROWS, st.integers(0, 5), st.sampled_from([1, 2, 1000]))
@settings(max_examples=300, deadline=None)
def test_the_sweep_agrees_with_looking_at_every_second(
    duties: list[Row], recordings: list[Row], within: int, size: int
) -> None:
    wanted = [by_the_second(duty, recordings, within) for duty in duties]
    found: list[tuple[int, ...] | None] = [None] * len(duties)
    for rows, part in blocks(spans(duties), spans(recordings), within, size=size):
        places = np.arange(len(duties))[rows]
        columns = (part.covered, part.late, part.early, part.gap, part.gaps, part.outcome)
        for i, place in enumerate(places.tolist()):
            assert found[place] is None
            found[place] = tuple(int(column[i]) for column in columns)
    assert found == wanted


@given(ROWS.filter(bool), ROWS)
@settings(max_examples=60, deadline=None)
def test_the_same_clip_twice_changes_nothing(duties: list[Row], recordings: list[Row]) -> None:
    once, twice = match(spans(duties), spans(recordings)), match(spans(duties), spans(recordings * 2))
    assert once.covered.tolist() == twice.covered.tolist()
    assert once.outcome.tolist() == twice.outcome.tolist()


@given(st.integers(0, 2**31 - 4), st.integers(0, 2**31), st.sampled_from([1, 5, 64]))
@settings(max_examples=40, deadline=None)
def test_officers_are_cut_apart_whatever_their_numbers_and_wherever_the_pieces_end(
    first: int, seed: int, piece: int
) -> None:
    rng = np.random.default_rng(seed)

    def some(count: int) -> Spans:
        begin = rng.integers(0, 50, count)
        officer = (first + rng.integers(0, 4, count) ** 2 // 3).astype(np.int32)
        return Spans(officer, begin, begin + rng.integers(0, 20, count))

    duties, recordings = some(40), some(60)
    whole = measure(duties, recordings)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("lapel.activation.match._PIECE", piece)
        parts = list(blocks(duties, recordings, size=3))
    assert len(parts) > 1
    rows = np.concatenate([np.arange(40)[rows] for rows, _ in parts])
    assert sorted(rows.tolist()) == list(range(40))
    for name in ("covered", "late", "early", "gap", "gaps", "outcome"):
        together = np.concatenate([getattr(found, name) for _, found in parts])
        assert together.tolist() == getattr(whole, name)[rows].tolist(), name


def test_one_officer_with_nearly_everything_is_measured_all_the_same() -> None:
    begin = np.arange(5000) * 10
    duties = Spans(np.where(np.arange(5000) % 100, 7, 900).astype(np.int32), begin, begin + 5)
    found = np.zeros(5000, np.int64)
    for rows, part in blocks(duties, duties, size=50):
        found[rows] += part.covered
    assert found.tolist() == [5] * 5000
