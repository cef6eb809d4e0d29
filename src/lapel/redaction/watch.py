"""What is there to hide in this clip, from its first frame to its last? Decodes it once; looks now and then; follows.

The detector looks more often the more the picture moves, and less where it stands still. Memory does not grow with the
clip: of the pictures only the last is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from lapel.footage import nal
from lapel.redaction.detector import Detector, Seen
from lapel.redaction.follow import Follower, Following, Path
from lapel.redaction.motion import ByCodec, ByPictures, Field, Motion
from lapel.redaction.network import Picture
from lapel.redaction.sps import read_sps

H264_SPS = 7


@dataclass(frozen=True, slots=True)
class Cadence:
    """When to look again: after `still_us` where nothing moves; sooner by how much has moved, in widths of the picture."""

    still_us: int = 480_000
    moved: float = 0.075

    def due(self, since_us: int, moved: float) -> bool:
        """Is it time, so long and so much movement after the last look?"""
        return since_us / self.still_us + moved / self.moved >= 1


@dataclass(slots=True)
class Task:
    """One detector, how often it looks, and how what it sees is followed."""

    detector: Detector
    cadence: Cadence
    following: Following


Taken = Callable[[str, Path], None]
Glance = Callable[[str, int, Seen], None]


class Watch:
    """One pass over one picture track. `taken(kind, path)` gets each finished path, `glance(kind, at_us, seen)` each look."""

    def __init__(self, stream: Any, *, threads: int = 2) -> None:
        self._stream = stream
        context = stream.codec_context
        context.thread_type = "AUTO"
        context.thread_count = threads
        self.by_codec = vectors_lead(context)
        if self.by_codec:
            ByCodec.export(context)
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
            if last is None:
                self.width, self.height = frame.width, frame.height
                size = (frame.height, frame.width) if clockwise(frame) % 180 else (frame.width, frame.height)
                limits = (self.width, self.height)
                runs = [_Run(task, *limits, taken, glance) for task in made(*size)]
                motion = ByCodec(*limits) if self.by_codec else ByPictures(*limits)
            moved = self._moved(motion, frame)
            unrest = moved.unrest() / max(self.width, self.height) if moved is not None else 0.0
            for run in runs:
                run.step(at_us, moved, unrest)
            due = [run for run in runs if run.due(at_us)]
            self._look(due, at_us, frame)
            last = (at_us, frame)
            self.frames += 1
            self.length_us = at_us
            if told is not None:
                told(at_us)
        if last is not None:
            self._look([run for run in runs if run.looked_us != last[0]], *last)
        for run in runs:
            run.end()
            self.looks[run.task.detector.kind] = run.looks

    def _moved(self, motion: Motion | None, frame: Any) -> Field | None:
        if motion is None or (frame.width, frame.height) != (self.width, self.height):
            return None
        return motion.into(frame)

    def _look(self, runs: Sequence[_Run], at_us: int, frame: Any) -> None:
        if not runs:
            return
        turn = clockwise(frame)
        picture: Picture = np.asarray(frame.to_ndarray(format="rgb24", threads=1), np.uint8)
        upright = np.ascontiguousarray(np.rot90(picture, -turn // 90)) if turn else picture
        for run in runs:
            seen = run.task.detector.look(upright, run.task.following.seed)
            seen = turned_back(seen, turn, frame.width, frame.height)
            if (frame.width, frame.height) != (self.width, self.height):
                across, down = self.width / frame.width, self.height / frame.height
                seen = seen * np.array([across, down, across, down, 1], np.float32)
            run.look(at_us, seen)

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
        self._follower = Follower(task.following, width, height)
        self._taken, self._glance = taken, glance
        self._moved = 0.0
        self.looked_us = -1
        self.looks = 0

    def step(self, at_us: int, moved: Field | None, unrest: float) -> None:
        self._follower.step(at_us, moved)
        self._moved += unrest

    def due(self, at_us: int) -> bool:
        return self.looked_us < 0 or self.task.cadence.due(at_us - self.looked_us, self._moved)

    def look(self, at_us: int, seen: Seen) -> None:
        if self._glance is not None:
            self._glance(self.task.detector.kind, at_us, seen)
        self._follower.look(seen)
        self.looked_us, self._moved = at_us, 0.0
        self.looks += 1
        self._give(self._follower.finished())

    def end(self) -> None:
        self._give(self._follower.finish())

    def _give(self, paths: Sequence[Path]) -> None:
        for path in paths:
            self._taken(self.task.detector.kind, path)


def vectors_lead(context: Any) -> bool:
    """Do the codec's motion vectors lead from each picture to the one before? H.264 without B-frames, one reference."""
    if context.name != "h264" or context.has_b_frames:
        return False
    try:
        sets = [
            unit for unit in nal.configured(nal.H264, context.extradata or b"") if unit[0] & 0x1F == H264_SPS
        ]
        return bool(sets) and all(read_sps(bytes(unit)).references == 1 for unit in sets)
    except (IndexError, ValueError):
        return False


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
