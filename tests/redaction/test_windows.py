"""Does every part that is worth a closer look come onto the sheet whole, and none upon another?"""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lapel.redaction.windows import Sheet, Window, around, packed

sizes = st.tuples(st.integers(1, 4000), st.integers(1, 3000))
spots = st.tuples(
    st.floats(-50, 4000, width=32),
    st.floats(-50, 3000, width=32),
    st.floats(1, 1200, width=32),
    st.floats(1, 1200, width=32),
)


def boxes(said: list[tuple[float, float, float, float]]) -> np.ndarray:
    return np.array([(x, y, x + w, y + h) for x, y, w, h in said], np.float32).reshape(-1, 4)


def inside(place: tuple[float, float], window: Window) -> bool:
    return window.left <= place[0] <= window.right and window.top <= place[1] <= window.bottom


@given(st.lists(spots, max_size=40), sizes)
def test_the_middle_of_every_box_in_the_picture_lies_in_a_window_of_the_picture(
    said: list[tuple[float, float, float, float]], size: tuple[int, int]
) -> None:
    windows = around(boxes(said), *size)
    for window in windows:
        assert 0 <= window.left < window.right <= size[0]
        assert 0 <= window.top < window.bottom <= size[1]
    for left, top, right, bottom in boxes(said).tolist():
        middle = (left + right) / 2, (top + bottom) / 2
        if 0 <= middle[0] < size[0] and 0 <= middle[1] < size[1]:
            assert any(inside(middle, window) for window in windows)


@given(st.lists(spots, max_size=40), sizes)
def test_windows_together_are_no_larger_than_one_for_each_box(
    said: list[tuple[float, float, float, float]], size: tuple[int, int]
) -> None:
    whole = sum(window.area for window in around(boxes(said), *size))
    each = sum(window.area for one in boxes(said) for window in around(one[None], *size))
    assert whole <= each


@settings(deadline=None)
@given(st.lists(spots, min_size=1, max_size=40), sizes, st.integers(32, 2000))
def test_a_sheet_holds_every_window_and_none_upon_another(
    said: list[tuple[float, float, float, float]], size: tuple[int, int], across: int
) -> None:
    windows = around(boxes(said), *size)
    if not windows:
        return
    sheet = packed(windows, across)
    assert sorted(map(repr, windows)) == sorted(repr(window) for window, _, _ in sheet.placed)
    assert sheet.width % 32 == sheet.height % 32 == 0
    drawn = np.zeros((sheet.height, sheet.width), np.uint8)
    for window, left, top in sheet.placed:
        part = drawn[top : top + window.height, left : left + window.width]
        assert part.shape == (window.height, window.width), "it lies on the sheet whole"
        part += 1
    assert drawn.max() <= 1


def test_a_large_face_comes_smaller_onto_the_sheet_and_a_small_one_as_it_is() -> None:
    small, large = around(boxes([(100, 100, 20, 26), (900, 300, 400, 500)]), 1920, 1080)
    assert (small.shrink, large.shrink) == (1, 8)
    assert small.width >= 64
    assert 100 < large.width < 500


def test_sheets_come_in_few_sizes() -> None:
    heights = {packed([Window(0, 0, 600, n, 1)], 960).height for n in range(40, 1081, 8)}
    assert len(heights) < 16
    assert isinstance(packed([Window(0, 0, 2000, 100, 1)], 960), Sheet)
    assert packed([Window(0, 0, 2000, 100, 1)], 960).width == 2016


def test_a_box_that_is_nowhere_has_no_window() -> None:
    nowhere = np.array([[np.nan, 0, 10, 10], [0, 0, np.inf, 10]], np.float32)
    assert around(nowhere, 640, 480) == []
