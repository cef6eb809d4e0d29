"""How did places move from one picture to the next? Points inside them are followed (Lucas and Kanade, 1981, on a pyramid).

Small grey copies of the pictures since the last look are kept, so that what is found at a look can be followed back through
them. Following points of the boxes alone costs less than the movement of the whole picture, and on footage of a camera that
moves it is nearer the truth than the codec's vectors, which say what compresses well.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

SMALL_PX = 960
WINDOW_PX, LEVELS = 11, 3
STEPS = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 10, 0.03)
INSIDE = (0.35, 0.65)  # where in a box its points lie: there is more of the thing than of what is behind it
STRANGE = 30.0  # mean difference of brightness of what is not the same: a point, a picture
# How far a picture counts as moved, in its longer side, in which hardly a point was found again; alike but for noise, not.
LOST_SHARE, ALIKE = 0.02, 2.0
Grey = NDArray[np.uint8]
Places = NDArray[np.float32]  # n x 4: left, top, right, bottom in px of the full picture


class Motion:
    """The last pictures of one size, and how places moved between them."""

    def __init__(self, width: int, height: int) -> None:
        factor = max(1, -(-max(width, height) // SMALL_PX))
        self._size = (max(16, width // factor), max(16, height // factor))
        across_px, down_px = width / self._size[0], height / self._size[1]
        self._cell_px = np.array([across_px, down_px, across_px, down_px], np.float32)
        self._kept: list[Grey] = []
        across, down = np.meshgrid((np.arange(8) + 0.5) / 8, (np.arange(6) + 0.5) / 6)
        self._ground = np.stack([across.ravel() * self._size[0], down.ravel() * self._size[1]], 1).astype(
            np.float32
        )

    @property
    def kept(self) -> int:
        """How many pictures are kept."""
        return len(self._kept)

    def step(self, frame: Any, places: Places) -> tuple[Places, float]:
        """Take the next picture: where these places of the picture before are in it, and how much it moved.

        That is a share of its longer side: of nine in ten points of the picture at most as much. A picture of another
        size counts as the same one, scaled.
        """
        last = self._kept[-1] if self._kept else None
        grey = self._small(frame)
        self._kept.append(grey)
        if last is None:
            return places, 0.0
        moved, found = _followed(last, grey, np.concatenate([_points(places / self._cell_px), self._ground]))
        ground, there = moved[-len(self._ground) :], found[-len(self._ground) :]
        unrest = self._unrest(ground[there], last, grey)
        return _with(places, moved, found, self._cell_px), unrest

    def back(self, places: Places, pictures: int) -> list[Places]:
        """Where these places of the newest picture were in each of the last `pictures` ones, the oldest first."""
        if not len(places):
            return [places] * min(pictures, len(self._kept))
        there = [places]
        for at in range(len(self._kept) - 1, max(0, len(self._kept) - pictures), -1):
            moved, found = _followed(self._kept[at], self._kept[at - 1], _points(there[-1] / self._cell_px))
            there.append(_with(there[-1], moved, found, self._cell_px))
        return there[::-1]

    def forget(self, but: int) -> None:
        """Keep only the last pictures, `but` many."""
        del self._kept[: len(self._kept) - max(1, but)]

    def _small(self, frame: Any) -> Grey:
        grey = grey_of(frame)
        exact = grey.shape[1] == 2 * self._size[0] and grey.shape[0] == 2 * self._size[1]
        # At half size both are the mean of four px, and the one is six times as fast.
        how = cv2.INTER_LINEAR if exact else cv2.INTER_AREA
        return np.array(cv2.resize(grey, self._size, interpolation=how), np.uint8)

    def _unrest(self, moves: NDArray[np.float32], last: Grey, grey: Grey) -> float:
        if 4 * len(moves) >= len(self._ground):
            lengths = np.hypot(moves[:, 0], moves[:, 1])
            return float(np.quantile(lengths, 0.9)) / max(self._size)
        # Hardly a point was found again: in the dark, or after a cut.
        apart = float(np.abs(last[::8, ::8].astype(np.int16) - grey[::8, ::8]).mean())
        if apart < ALIKE:
            return 0.0
        return 1.0 if apart > STRANGE else LOST_SHARE


def _points(places: Places) -> NDArray[np.float32]:
    """Four points inside each place: 4 n x 2."""
    low, sides = places[:, None, :2], places[:, None, 2:] - places[:, None, :2]
    a, b = INSIDE
    at = np.array([(a, a), (b, a), (a, b), (b, b)], np.float32)
    return np.asarray((low + sides * at).reshape(-1, 2), np.float32)


def _followed(
    one: Grey, other: Grey, points: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """By how much each point moved, in px of the small picture, and whether it was found again."""
    there, found, strange = cv2.calcOpticalFlowPyrLK(
        one,
        other,
        points[:, None],
        np.empty((len(points), 1, 2), np.float32),
        winSize=(WINDOW_PX, WINDOW_PX),
        maxLevel=LEVELS,
        criteria=STEPS,
    )
    sure = (found[:, 0] > 0) & (strange[:, 0] < STRANGE)
    return np.asarray(there[:, 0] - points, np.float32), np.asarray(sure, np.bool_)


def _with(
    places: Places, moved: NDArray[np.float32], found: NDArray[np.bool_], cell_px: NDArray[np.float32]
) -> Places:
    """Each place moved as the middle one of its points; as the middle one of all points where none of its own was found."""
    if not len(places):
        return places
    every = np.median(moved[found], axis=0) if found.any() else np.zeros(2, np.float32)
    there = found[: 4 * len(places)].reshape(-1, 4)
    steps = np.where(there[..., None], moved[: 4 * len(places)].reshape(-1, 4, 2), np.float32(np.inf))
    steps.sort(axis=1)
    count, each = there.sum(axis=1), np.arange(len(places))
    middle = (steps[each, np.maximum(count - 1, 0) // 2] + steps[each, np.minimum(count // 2, 3)]) / 2
    middle = np.where(count[:, None] > 0, middle, every)
    return np.asarray(places + np.tile(middle, 2) * cell_px, np.float32)


def grey_of(frame: Any) -> Grey:
    """The brightness of a decoded frame, height x width; a view where the frame has such a plane."""
    if frame.format.name in {
        "yuv420p",
        "yuvj420p",
        "yuv422p",
        "yuvj422p",
        "yuv444p",
        "yuvj444p",
        "nv12",
        "gray",
    }:
        plane = frame.planes[0]
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        return rows[: frame.height, : frame.width]
    return np.asarray(frame.reformat(format="gray", threads=1).to_ndarray(), np.uint8)
