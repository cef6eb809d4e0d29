"""Which boxes in which frames are one thing, and where is it in the frames that no detector saw?

Between two looks of the detector a box is followed forward from the first and backward from the second, and goes over
from the one to the other; what is seen at one look only is followed to the other one, so that a face is hidden before it is
found and after it is lost. A look may be at the whole picture, or only around what is followed already: what is new is
followed back to the last look at the whole. How places move `motion` says; no picture is seen here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lapel.redaction.detector import Seen, share
from lapel.redaction.motion import Places

Place = NDArray[np.float32]  # left, top, right, bottom
_NOWHERE: Places = np.zeros((0, 4), np.float32)


@dataclass(frozen=True, slots=True)
class Following:
    """How things are followed. Scores from 0 to 1, times in microseconds."""

    seed: float = 0.12  # what a detector must be sure of for a track to go on
    patience_us: int = 800_000  # a thing may be unseen for this long and be the same
    near: float = 0.8  # how far a thing may be from where it was expected, in its own size


@dataclass(slots=True)
class Path:
    """One thing while it is followed.

    `keys`: its settled places, as few as draw the same line. `times`, `places`: where it was when seen last, and where it
    was followed since; `tail` of these stand even if it is not seen again.
    """

    number: int
    keys: list[tuple[int, Place]]
    times: list[int]
    places: list[Place]
    tail: int = 1
    looks: int = 1
    best: float = 0.0
    total: float = 0.0

    @property
    def seen_us(self) -> int:
        """When it was seen last."""
        return self.times[0]


class Follower:
    """Takes every frame's movement and, now and then, what a detector saw; gives finished paths."""

    def __init__(self, how: Following, width: int, height: int) -> None:
        self._how = how
        self._limit = np.array([width, height, width, height], np.float32)
        self._active: list[Path] = []
        self._done: list[Path] = []
        self._times: list[
            int
        ] = []  # of the frames since the last look at the whole picture, that look's first
        self._number = 0

    @property
    def places(self) -> Places:
        """Where what is followed is now: n x 4."""
        return np.stack([path.places[-1] for path in self._active]) if self._active else _NOWHERE

    @property
    def frames(self) -> int:
        """How many frames there are since the last look at the whole picture, that one and the newest counted."""
        return len(self._times)

    def step(self, at_us: int, places: Places) -> None:
        """The next frame: its time, and where what is followed (`places` before) is in it."""
        self._times.append(at_us)
        for path, place in zip(self._active, places, strict=True):
            path.times.append(at_us)
            path.places.append(place)

    def look(self, seen: Seen, back: Sequence[Places], *, whole: bool = True) -> None:
        """What a detector saw in the last frame given, and where that was in each of the last frames (`frames` many).

        `whole`: it looked at the whole picture, not only around what is followed.
        """
        sure = seen[:, 4] >= self._how.seed
        seen, back = seen[sure], [there[sure] for there in back]
        pairs = self._pairs(seen)
        for path_at, seen_at in pairs:
            self._meet(self._active[path_at], seen[seen_at], [there[seen_at] for there in back])
        found = {seen_at for _, seen_at in pairs}
        met = {path_at for path_at, _ in pairs}
        for at, path in enumerate(self._active):
            if at not in met and path.tail == 1:
                path.tail = len(path.places)
        for seen_at in range(len(seen)):
            if seen_at not in found:
                self._begin(seen[seen_at], [there[seen_at] for there in back])
        now = self._times[-1]
        for path in [p for p in self._active if now - p.seen_us > self._how.patience_us or self._gone(p)]:
            self._active.remove(path)
            self._end(path)
        if whole:
            self._times = [now]

    def finished(self) -> list[Path]:
        """The paths that ended since this was last asked."""
        done, self._done = self._done, []
        return done

    def finish(self) -> list[Path]:
        """All that are left; the clip is over."""
        for path in self._active:
            self._end(path)
        self._active = []
        return self.finished()

    def _pairs(self, seen: Seen) -> list[tuple[int, int]]:
        """Which path goes on in which box: the nearest first, each once."""
        if not self._active or not len(seen):
            return []
        here = np.stack([path.places[-1] for path in self._active])
        overlap = share(here, seen[:, :4])
        apart = _distance(here, seen[:, :4])
        fit = overlap + np.maximum(0, 1 - apart / self._how.near) * 0.5 + seen[None, :, 4] * 0.1
        fit[(apart > self._how.near) & (overlap < 0.1)] = -1
        pairs: list[tuple[int, int]] = []
        while fit.size and fit.max() > 0.1:
            path_at, seen_at = (int(n) for n in np.unravel_index(int(fit.argmax()), fit.shape))
            pairs.append((path_at, seen_at))
            fit[path_at, :] = fit[:, seen_at] = -1
        return pairs

    def _meet(self, path: Path, seen: Place, back: list[Place]) -> None:
        """The path is seen again: what was followed since it was seen last is drawn to where it is."""
        ahead = path.places
        last = len(ahead) - 1
        off = seen[:4] - ahead[last]
        for at in range(1, last):
            part = np.float32(at / last)
            # What was missed at a look at the whole is followed back to there only.
            if len(back) >= len(ahead):
                ahead[at] = (1 - part) * ahead[at] + part * back[at - len(ahead)]
            else:
                ahead[at] = ahead[at] + part * off
        ahead[last] = np.array(seen[:4], np.float32)
        path.keys += few(path.times, ahead)[1:]
        path.times, path.places, path.tail = [path.times[last]], [ahead[last]], 1
        path.looks += 1
        path.best = max(path.best, float(seen[4]))
        path.total += float(seen[4])

    def _begin(self, seen: Place, back: list[Place]) -> None:
        self._number += 1
        now, score = self._times[-1], float(seen[4])
        path = Path(self._number, few(self._times, back), [now], [back[-1]], 1, 1, score, score)
        self._active.append(path)

    def _gone(self, path: Path) -> bool:
        middle = (path.places[-1][:2] + path.places[-1][2:]) / 2
        return bool((middle < 0).any() or (middle > self._limit[:2]).any())

    def _end(self, path: Path) -> None:
        path.keys += few(path.times[: path.tail], path.places[: path.tail])[1:]
        self._done.append(path)


def few(times: Sequence[int], places: Sequence[Place]) -> list[tuple[int, Place]]:
    """As few of these places as draw, with straight lines between them, every one to within 4 % of its size (or 1 px)."""
    if len(places) <= 2:
        return list(zip(times, places, strict=True))
    whole = np.stack(places)
    at = np.asarray(times, np.float64)
    part = ((at - at[0]) / max(1.0, at[-1] - at[0]))[:, None]
    off = np.abs(whole - (whole[0] + part * (whole[-1] - whole[0]))).max(axis=1)
    worst = int(off.argmax())
    size = float(min(whole[worst, 2] - whole[worst, 0], whole[worst, 3] - whole[worst, 1]))
    if off[worst] <= max(1.0, 0.04 * size):
        return [(times[0], places[0]), (times[-1], places[-1])]
    return [*few(times[: worst + 1], places[: worst + 1]), *few(times[worst:], places[worst:])[1:]]


def _distance(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far the middles are apart, in units of the larger of the two boxes: n x m; sizes that differ count as far."""
    middle_one, middle_other = (one[:, :2] + one[:, 2:]) / 2, (other[:, :2] + other[:, 2:4]) / 2
    size_one = np.sqrt(np.maximum(np.prod(one[:, 2:] - one[:, :2], axis=1), 1))
    size_other = np.sqrt(np.maximum(np.prod(other[:, 2:4] - other[:, :2], axis=1), 1))
    gap = np.linalg.norm(middle_one[:, None] - middle_other[None], axis=2)
    ratio = size_one[:, None] / size_other[None]
    unlike = np.maximum(ratio, 1 / ratio) - 1
    return np.asarray(gap / np.maximum(size_one[:, None], size_other[None]) + 0.2 * unlike, np.float32)
