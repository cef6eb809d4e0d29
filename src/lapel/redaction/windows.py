"""Which parts of a picture are worth a closer look, and how do they fit on one sheet?

A window is a part of the picture around a few boxes, made smaller where what it holds is large: a network needs some 50 px
of a face, not 300. Sheets are packed in shelves, tallest first. Pure arithmetic; no pixel is touched here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GRID_PX = 8  # windows begin and end on this grid, in px of the sheet
CONTEXT = 3.0  # a window's side, in sides of the box
LEAST_PX = 64
SHARP_PX = 48  # what is at least twice as large is made smaller
FIT_PX = 32  # the sides of a sheet are multiples of this
ROOM = 1.25  # each size of sheet has about as much more room than the one before

Boxes = NDArray[np.float32]  # n x 4 or more: left, top, right, bottom, …, px of the picture


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the picture, in its px, that comes onto the sheet `shrink` times smaller."""

    left: int
    top: int
    right: int
    bottom: int
    shrink: int

    @property
    def width(self) -> int:
        """Px of the sheet."""
        return -(-(self.right - self.left) // self.shrink)

    @property
    def height(self) -> int:
        """Px of the sheet."""
        return -(-(self.bottom - self.top) // self.shrink)

    @property
    def area(self) -> int:
        """Px of the sheet, squared."""
        return self.width * self.height


@dataclass(frozen=True, slots=True)
class Sheet:
    """Windows with the place of each: its left and top on a sheet of this size (multiples of 32 px)."""

    width: int
    height: int
    placed: tuple[tuple[Window, int, int], ...]


def around(boxes: Boxes, width: int, height: int) -> list[Window]:
    """A window around each box of a picture of this size; windows that are cheaper as one are one."""
    by_shrink: dict[int, list[tuple[int, int, int, int]]] = {}
    for left, top, right, bottom in boxes[np.isfinite(boxes[:, :4]).all(axis=1), :4].tolist():
        size = max(1.0, min(right - left, bottom - top))
        shrink = 1 << max(0, int(np.log2(size / SHARP_PX)))
        grid = GRID_PX * shrink
        half = max(LEAST_PX, CONTEXT * max(right - left, bottom - top)) / 2
        across, down = (left + right) / 2, (top + bottom) / 2
        x0, y0 = max(0, int((across - half) // grid) * grid), max(0, int((down - half) // grid) * grid)
        x1, y1 = -int(-(across + half) // grid) * grid, -int(-(down + half) // grid) * grid
        if x0 < min(x1, width) and y0 < min(y1, height):
            by_shrink.setdefault(shrink, []).append((x0, y0, min(x1, width), min(y1, height)))
    return [
        Window(*sides, shrink) for shrink, windows in sorted(by_shrink.items()) for sides in _merged(windows)
    ]


def _merged(windows: list[tuple[int, int, int, int]]) -> Iterable[tuple[int, int, int, int]]:
    """Pairs become one as long as their common frame is no larger than both."""
    left = np.array(windows, np.int64)
    done: list[tuple[int, int, int, int]] = []
    while len(left):
        one, left = left[0], left[1:]
        frames = np.concatenate([np.minimum(one[:2], left[:, :2]), np.maximum(one[2:], left[:, 2:])], axis=1)
        gain = _areas(one[None])[0] + _areas(left) - _areas(frames)
        if len(left) and gain.max() >= 0:
            at = int(gain.argmax())
            left[at] = frames[at]
        else:
            done.append((int(one[0]), int(one[1]), int(one[2]), int(one[3])))
    return done


def _areas(windows: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray((windows[:, 2] - windows[:, 0]) * (windows[:, 3] - windows[:, 1]), np.int64)


def packed(windows: Iterable[Window], across: int) -> Sheet:
    """A sheet that holds all of them, none upon another, `across` px wide or as wide as the widest of them.

    Shelf upon shelf, each as high as its first; a window comes onto the first shelf with room.
    """
    tallest = sorted(windows, key=lambda window: (-window.height, -window.width, window.left, window.top))
    widest = max([across, *(window.width for window in tallest)])
    across = -(-widest // FIT_PX) * FIT_PX
    placed: list[tuple[Window, int, int]] = []
    shelves: list[list[int]] = []  # of each its top, its height, and where it is free
    bottom = 0
    for window in tallest:
        shelf = next((one for one in shelves if one[2] + window.width <= across), None)
        if shelf is None:
            shelf = [bottom, window.height, 0]
            shelves.append(shelf)
            bottom += window.height
        placed.append((window, shelf[2], shelf[0]))
        shelf[2] += window.width
    return Sheet(across, _fitting(bottom), tuple(placed))


def _fitting(length: int) -> int:
    """One of few lengths that is long enough: a network prepares itself for each new size of a picture."""
    fits = LEAST_PX // FIT_PX * FIT_PX + FIT_PX
    while fits < length:
        fits = -(-int(fits * ROOM) // FIT_PX) * FIT_PX
    return fits
