"""Which numbers are missing between a camera's clips, and which digits are no count?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapel.footage.sequence import Missing, missing


def test_a_number_that_was_left_out_is_missing() -> None:
    names = ["CLIP0041.MP4", "CLIP0042.MP4", "CLIP0044.MP4", "CLIP0045.MP4", "CLIP0046.MP4", "CLIP0047.MP4"]
    assert missing(names) == [Missing("CLIP0042.MP4", "CLIP0044.MP4", 1, 2)]


@given(st.integers(0, 9000), st.integers(6, 40), st.data())
def test_whatever_is_taken_out_of_the_middle_is_found(first: int, count: int, data: st.DataObject) -> None:
    names = [f"BWC_{n:05}_A.mkv" for n in range(first, first + count)]
    gone = data.draw(st.integers(1, count - 5))
    at = data.draw(st.integers(1, count - gone - 1))
    found = missing(names[:at] + names[at + gone :])
    if count - gone - 1 >= 5:
        assert found == [Missing(names[at - 1], names[at + gone], gone, at)]


@given(st.integers(0, 900), st.integers(0, 60))
def test_of_an_unbroken_count_nothing_is_missing(first: int, count: int) -> None:
    assert missing([f"a{n:04}.mp4" for n in range(first, first + count)]) == []


@pytest.mark.parametrize(
    "names",
    [
        ["20261120_140305.mp4", "20261121_090000.mp4", "20261123_101112.mp4", "20261124_080000.mp4", "20261125_080000.mp4"],
        ["261120.mp4", "261121.mp4", "261123.mp4", "261124.mp4", "261125.mp4", "261126.mp4"],
        ["A1.mp4", "A2.mp4", "A9.mp4"],
        ["A1.mp4", "A5.mp4", "A9.mp4", "A20.mp4", "A3.mp4"],
        ["clip.mp4"] * 6,
        [],
    ],
    ids=["days with times", "days as YYMMDD", "too few", "no count", "no digits", "nothing"],
)  # fmt: skip
def test_what_is_no_count_says_nothing(names: list[str]) -> None:
    assert missing(names) == []


def test_a_count_that_begins_anew_is_no_gap_but_a_gap_after_it_is() -> None:
    names = [f"{n:04}.mp4" for n in (*range(9995, 10000), *range(1, 6), *range(8, 12))]
    assert missing(names) == [Missing("0005.mp4", "0008.mp4", 2, 10)]


def test_each_pattern_of_names_counts_for_itself() -> None:
    names = [f"{kind}{n:03}.mp4" for n in range(8) for kind in "AB" if (kind, n) != ("B", 5)]
    assert missing(names) == [Missing("B004.mp4", "B006.mp4", 1, 12)]
