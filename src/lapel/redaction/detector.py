"""What can find things to hide in one picture? A small interface, so that an agency can bring its own.

A detector is told nothing of time or tracks; `follow` joins what it sees. `tests/redaction/detector_suite.py` is what every
detector must pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lapel.redaction.network import Picture
from lapel.redaction.track import Kind

# Each row: left, top, right, bottom in px of the picture given, and the score from 0 to 1; the best first.
Seen = NDArray[np.float32]
NOTHING: Seen = np.zeros((0, 5), np.float32)


@dataclass(frozen=True, slots=True)
class Model:
    """What a detector is made of, as it is written into a plan. `digest`: SHA-256 of the weights."""

    name: str
    digest: str
    licence: str
    source: str
    runtime: str


class Detector(Protocol):
    """Finds things of one kind. Need not be safe to call from two threads."""

    kind: Kind
    models: Sequence[Model]

    def look(self, picture: Picture, floor: float) -> Seen:
        """What is seen with a score of at least `floor` in a picture (height x width x 3, RGB), boxes clipped to it.

        The same picture gives the same boxes; the picture is not changed; each thing once.
        """


class Closer(Protocol):
    """A detector that can also look at parts of a picture only."""

    def near(self, picture: Picture, places: NDArray[np.float32], floor: float) -> Seen:
        """As `Detector.look`, but of what lies around these boxes (n x 4 or more); elsewhere it need not look."""


def apart(boxes: Seen, overlap: float) -> Seen:
    """Non-maximum suppression: of boxes that overlap by this share (intersection over union) the best, best first."""
    left = boxes[np.argsort(-boxes[:, 4], kind="stable")]
    kept = []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        left = left[share(best[None, :4], left[:, :4])[0] < overlap]
    return np.stack(kept) if kept else NOTHING


def share(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of each box (n x 4: left, top, right, bottom) with each other one (m x 4): n x m."""
    both = common(one, other)
    size_one = (one[:, 2] - one[:, 0]) * (one[:, 3] - one[:, 1])
    size_other = (other[:, 2] - other[:, 0]) * (other[:, 3] - other[:, 1])
    union = size_one[:, None] + size_other[None, :] - both
    return np.asarray(both / np.maximum(union, 1e-6), np.float32)


def common(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """The area that each box shares with each other one, px^2: n x m."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:4], other[None, :, 2:4])
    sides = np.maximum(high - low, 0)
    return np.asarray(sides[..., 0] * sides[..., 1], np.float32)
