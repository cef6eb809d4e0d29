"""Where are faces in a large picture, without looking at all of it closely? First at half size, then closer where one may be.

CenterFace sees a face that is too small at half size still faintly, some hundredths above nothing: there it looks again, in
full size, at the parts alone, on one sheet. What is large is seen as well at half size. Between two such looks it can look
around known places only. `bench/redaction.py` measures what this misses against looking at all of it closely.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from lapel.redaction.centerface import OVERLAP, CenterFace
from lapel.redaction.detector import Model, Seen, apart
from lapel.redaction.network import Picture
from lapel.redaction.track import Kind
from lapel.redaction.windows import FIT_PX, Boxes, Sheet, Window, around, packed

FAINT = 0.05  # what is this likely at half size is worth a closer look
MOST_FAINT = 500  # more than these in one picture are no cheaper to look at one by one
LARGE_PX = 32  # a face of this short side is seen as well at half size
WORTH_PX = 640  # below this longer side a picture is looked at whole
EDGE_PX = 8  # what has its middle this near to the edge of a window is another window's


class Narrowing:
    """CenterFace for pictures of one size, half of it first. Also a `Closer`: it can look around known places only."""

    kind: Kind = "face"

    def __init__(self, finder: CenterFace, width: int, height: int) -> None:
        self._finder = finder
        self._width, self._height = width, height
        self._half = (_half(width), _half(height))
        self._narrow = max(width, height) >= WORTH_PX
        self.models: Sequence[Model] = finder.models

    def look(self, picture: Picture, floor: float) -> Seen:
        """See `Detector.look`."""
        if not self._narrow:
            return self._finder.look(picture, floor)
        across, down = self._half[0] / self._width, self._half[1] / self._height
        small = np.asarray(cv2.resize(picture, self._half), np.uint8)
        faint = self._finder.at(small, min(FAINT, floor)) / np.array(
            [across, down, across, down, 1], np.float32
        )
        large = (faint[:, 2:4] - faint[:, :2]).min(axis=1, initial=np.inf) >= LARGE_PX
        if len(faint) > MOST_FAINT:
            return self._finder.look(picture, floor)
        windows = around(faint[~large], self._width, self._height)
        if 4 * sum(window.area for window in windows) > 3 * self._width * self._height:
            return self._finder.look(picture, floor)
        closer = self._on_sheet(picture, windows, floor)
        found = np.concatenate([faint[large & (faint[:, 4] >= floor)], closer])
        return self._clipped(found)

    def near(self, picture: Picture, places: Boxes, floor: float) -> Seen:
        """See `Closer.near`. Where that would be dearer than a look at half size, it looks at the whole."""
        windows = around(places, self._width, self._height)
        if 2 * sum(window.area for window in windows) > self._width * self._height:
            return self.look(picture, floor)
        return self._clipped(self._on_sheet(picture, windows, floor))

    def _on_sheet(self, picture: Picture, windows: Sequence[Window], floor: float) -> Seen:
        if not windows:
            return np.zeros((0, 5), np.float32)
        sheet = packed(windows, self._half[0])
        seen = self._finder.at(_drawn(picture, sheet), floor)
        return np.concatenate([_of_window(seen, *one, (self._width, self._height)) for one in sheet.placed])

    def _clipped(self, found: Seen) -> Seen:
        found[:, 0:4:2] = np.clip(found[:, 0:4:2], 0, self._width)
        found[:, 1:4:2] = np.clip(found[:, 1:4:2], 0, self._height)
        return apart(found[(found[:, 2:4] > found[:, :2]).all(axis=1)], OVERLAP)


def _drawn(picture: Picture, sheet: Sheet) -> Picture:
    """The windows of the picture, each at its place; black elsewhere."""
    drawn = np.zeros((sheet.height, sheet.width, 3), np.uint8)
    for window, left, top in sheet.placed:
        part = picture[window.top : window.bottom, window.left : window.right]
        if window.shrink > 1:
            part = np.asarray(
                cv2.resize(part, (window.width, window.height), interpolation=cv2.INTER_AREA), np.uint8
            )
        drawn[top : top + window.height, left : left + window.width] = part
    return drawn


def _of_window(seen: Seen, window: Window, left: int, top: int, size: tuple[int, int]) -> Seen:
    """What was seen on the sheet inside this window, in px of the picture."""
    low = np.array([left, top], np.float32)
    high = low + np.array([window.width, window.height], np.float32)
    # At the edge of the picture a face may be cut; at any other edge a larger part of it lies in another window.
    inner_low = low + EDGE_PX * np.array([window.left > 0, window.top > 0])
    inner_high = high - EDGE_PX * np.array([window.right < size[0], window.bottom < size[1]])
    middle = (seen[:, :2] + seen[:, 2:4]) / 2
    kept = seen[((middle >= inner_low) & (middle <= inner_high)).all(axis=1)].copy()
    for corner in (slice(0, 2), slice(2, 4)):
        inside = np.clip(kept[:, corner], low, high) - low
        kept[:, corner] = inside * window.shrink + (window.left, window.top)
    return np.asarray(kept, np.float32)


def _half(length: int) -> int:
    return max(FIT_PX, -(-length // (2 * FIT_PX)) * FIT_PX)
