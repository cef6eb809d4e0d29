"""What is there to hide in this clip, from its first frame to its last? Decodes it once; looks now and then; follows.

The detector looks more often the more the picture moves, and less where it stands still; in between it may look around what
is followed only. Memory does not grow with the clip: small grey pictures are kept from one look at the whole to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import cv2
import numpy as np

from lapel.redaction.detector import Closer, Detector, Seen
from lapel.redaction.follow import Follower, Following, Path
from lapel.redaction.motion import Motion, Places
from lapel.redaction.network import Picture

_NOWHERE: Places = np.zeros((0, 4), np.float32)
MOST_KEPT = 96  # pictures since the last look at the whole, whatever the frame rate


@dataclass(frozen=True, slots=True)
class Cadence:
    """When to look again: after `still_us` where nothing moves; sooner by how much has moved, in widths of the picture."""

    still_us: int = 960_000
    moved: float = 0.15

    def due(self, since_us: int, moved: float) -> bool:
        """Is it time, so long and so much movement after the last look?"""
        return since_us / self.still_us + moved / self.moved >= 1


@dataclass(slots=True)
class Task:
    """One detector, how often it looks, and how what it sees is followed.

    `closer`, `between`: what looks around places that are followed, and how often after any other look.
    """

    detector: Detector
    cadence: Cadence
    following: Following
    closer: Closer | None = None
    between: Cadence | None = None


Taken = Callable[[str, Path], None]
Glance = Callable[[str, int, Seen], None]


class Watch:
    """One pass over one picture track. `taken(kind, path)` gets each finished path, `glance(kind, at_us, seen)` each look."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._made: Callable[[int, int], Sequence[Task]]
        self._tasks: dict[tuple[int, int], Sequence[Task]] = {}
        context = stream.codec_context
        # One thread: with more, a damaged packet takes good pictures with it when the decoder is emptied.
        context.thread_type, context.thread_count = "NONE", 1
        self.width, self.height = int(context.width), int(context.height)
        self.frames = 0
        self.looks: dict[str, int] = {}
        self.broken = 0
        self.length_us = 0

    def run(
        self,
        container: Any,
        made: Callable[[int, int], Sequence[Task]],
        taken: Taken,
        *,
        glance: Glance | None = None,
        told: Callable[[int], None] | None = None,
    ) -> None:
        """Watch it all. `made` gives the tasks for upright pictures of a size; `told` hears the time reached, in us."""
        runs: list[_Run] = []
        last: tuple[int, Any] | None = None
        motion: Motion | None = None
        for at_us, frame in self._frames(container):
            if motion is None:
                self.width, self.height = frame.width, frame.height
                motion = Motion(self.width, self.height)
                self._made = made
                first = self._upright(clockwise(frame))
                runs = [_Run(task, self.width, self.height, taken, glance) for task in first]
            self._step(runs, motion, at_us, frame)
            due = {n: whole for n, run in enumerate(runs) if (whole := run.due(at_us)) is not None}
            self._look(runs, due, motion, at_us, frame)
            motion.forget(max((run.frames for run in runs), default=1))
            last = (at_us, frame)
            self.frames += 1
            self.length_us = at_us
            if told is not None:
                told(at_us)
        if last is not None and motion is not None:
            left = {n: True for n, run in enumerate(runs) if run.whole_us != last[0]}
            self._look(runs, left, motion, *last)
        for run in runs:
            run.end()
            self.looks[run.task.detector.kind] = run.looks

    def _step(self, runs: Sequence[_Run], motion: Motion, at_us: int, frame: Any) -> None:
        each = [run.places for run in runs]
        moved, unrest = motion.step(frame, np.concatenate([_NOWHERE, *each]))
        begins = 0
        for run, places in zip(runs, each, strict=True):
            run.step(at_us, moved[begins : begins + len(places)], unrest)
            begins += len(places)

    def _upright(self, turn: int) -> Sequence[Task]:
        """The tasks for pictures that are turned so: a clip may turn in the middle."""
        size = (self.height, self.width) if turn % 180 else (self.width, self.height)
        if size not in self._tasks:
            self._tasks[size] = self._made(*size)
        return self._tasks[size]

    def _look(
        self, runs: Sequence[_Run], due: Mapping[int, bool], motion: Motion, at_us: int, frame: Any
    ) -> None:
        """Let these of the runs look, each at the whole (True) or around what it follows."""
        if not due:
            return
        turn = clockwise(frame)
        picture: Picture = np.asarray(frame.to_ndarray(format="rgb24", threads=1), np.uint8)
        if picture.shape[:2] != (self.height, self.width):
            picture = np.asarray(cv2.resize(picture, (self.width, self.height)), np.uint8)
        upright = np.ascontiguousarray(np.rot90(picture, -turn // 90)) if turn else picture
        tasks = self._upright(turn)
        for n, whole in due.items():
            task, run = tasks[n], runs[n]
            if whole or task.closer is None:
                seen = task.detector.look(upright, task.following.seed)
            else:
                seen = task.closer.near(upright, run.seen_upright(turn), task.following.seed)
            run.look(at_us, turned_back(seen, turn, self.width, self.height), motion, whole=whole)

    def _frames(self, container: Any) -> Iterator[tuple[int, Any]]:
        """The frames as presented with their time in us from the first; what cannot be decoded is counted and left out."""
        import av

        first: Fraction | None = None
        at_us = -1
        for packet in container.demux(self._stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                self.broken += 1
                continue
            for frame in frames:
                if frame.pts is None:
                    continue
                time = frame.pts * Fraction(frame.time_base)
                first = time if first is None else first
                now_us = round((time - first) * 1_000_000)
                if now_us > at_us:
                    at_us = now_us
                    yield at_us, frame


class _Run:
    """One task at work."""

    def __init__(self, task: Task, width: int, height: int, taken: Taken, glance: Glance | None) -> None:
        self.task = task
        self._size = (width, height)
        self._follower = Follower(task.following, width, height)
        self._taken, self._glance = taken, glance
        self._moved = self._moved_since = 0.0
        self.whole_us = self._looked_us = -1
        self.looks = 0

    @property
    def places(self) -> Places:
        return self._follower.places

    @property
    def frames(self) -> int:
        return self._follower.frames

    def step(self, at_us: int, places: Places, unrest: float) -> None:
        self._follower.step(at_us, places)
        self._moved += unrest
        self._moved_since += unrest

    def due(self, at_us: int) -> bool | None:
        """True: a look at the whole. False: one around what is followed. None: neither."""
        task = self.task
        if (
            self.whole_us < 0
            or task.cadence.due(at_us - self.whole_us, self._moved)
            or self.frames >= MOST_KEPT
        ):
            return True
        if task.closer is None or task.between is None or not len(self.places):
            return None
        return False if task.between.due(at_us - self._looked_us, self._moved_since) else None

    def seen_upright(self, turn: int) -> Places:
        """What is followed, as boxes of the upright picture."""
        # Seen from the upright picture, the coded one is turned the other way.
        width, height = self._size if turn % 180 == 0 else self._size[::-1]
        sure = np.ones((len(self.places), 1), np.float32)
        return turned_back(np.concatenate([self.places, sure], axis=1), -turn % 360, width, height)

    def look(self, at_us: int, seen: Seen, motion: Motion, *, whole: bool) -> None:
        if self._glance is not None:
            self._glance(self.task.detector.kind, at_us, seen)
        self._follower.look(seen, motion.back(seen[:, :4], self.frames), whole=whole)
        self._looked_us, self._moved_since = at_us, 0.0
        if whole:
            self.whole_us, self._moved = at_us, 0.0
        self.looks += 1
        self._give(self._follower.finished())

    def end(self) -> None:
        self._give(self._follower.finish())

    def _give(self, paths: Sequence[Path]) -> None:
        for path in paths:
            self._taken(self.task.detector.kind, path)


def clockwise(frame: Any) -> int:
    """By how much a decoded frame is to be turned to stand upright: 0, 90, 180 or 270 degrees."""
    return round(-float(frame.rotation) / 90) * 90 % 360


def turned_back(seen: Seen, turn: int, width: int, height: int) -> Seen:
    """Boxes of the upright picture in pixels of the coded one (width x height)."""
    left, top, right, bottom, score = seen.T
    if turn == 90:
        sides = (top, height - right, bottom, height - left)
    elif turn == 180:
        sides = (width - right, height - bottom, width - left, height - top)
    elif turn == 270:
        sides = (width - bottom, left, width - top, right)
    else:
        return seen
    return np.stack([*sides, score], axis=1).astype(np.float32)
