"""How do several clips become one line of time? Pure; offsets are seconds from the line's start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from lapel.footage.model import Bookmark, Original

SHORTEST_GAP_S = 1.0
LONGEST_LINE_S = 48 * 3600.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the line: a clip (`original` is its id) or a gap in which nothing was recorded."""

    kind: Literal["clip", "gap"]
    start_s: float
    end_s: float
    original: str | None = None

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Mark:
    """A bookmark's place on the line."""

    bookmark: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Line:
    """One line of time. `begins_at` is the camera's time of its start; None when clips are laid end to end.

    Clips are laid end to end when one of them does not say when it began, or when by their clocks the line would be
    longer than two days: then a clock is wrong and the order is all that is known.
    """

    length_s: float
    begins_at: datetime | None
    stretches: tuple[Stretch, ...]
    marks: tuple[Mark, ...]

    @property
    def gaps(self) -> tuple[Stretch, ...]:
        return tuple(s for s in self.stretches if s.kind == "gap")


def duration_s(original: Original) -> float | None:
    """How long a clip is: by its own tracks, else by what the sender said; None when nobody knows."""
    measured = (original.inspection or {}).get("duration_ms")
    if isinstance(measured, int) and measured > 0:
        return measured / 1000
    if original.started_at and original.ended_at and original.ended_at > original.started_at:
        return (original.ended_at - original.started_at).total_seconds()
    return None


def lay_out(clips: Sequence[Original], bookmarks: Sequence[Bookmark]) -> Line:
    """The line of these clips in the order given. A clip that overlaps the one before begins where that one ends."""
    starts = [clip.started_at for clip in clips]
    known = [at for at in starts if at is not None]
    begins_at = known[0] if known and len(known) == len(starts) else None
    if begins_at and known[-1] - begins_at > timedelta(seconds=LONGEST_LINE_S):
        begins_at = None
    stretches: list[Stretch] = []
    end_s = 0.0
    for clip in clips:
        start_s = end_s
        if begins_at and clip.started_at:
            start_s = max(end_s, (clip.started_at - begins_at).total_seconds())
        if start_s - end_s >= SHORTEST_GAP_S:
            stretches.append(Stretch("gap", end_s, start_s))
        elif stretches:
            start_s = end_s
        end_s = start_s + (duration_s(clip) or 0.0)
        stretches.append(Stretch("clip", start_s, end_s, clip.id))
    # While the length of a clip is unknown the line may be longer than it looks, and no mark is beyond its end.
    open_end = any(duration_s(clip) is None for clip in clips)
    last_s = LONGEST_LINE_S if open_end else end_s
    marks = [mark for b in bookmarks if (mark := _mark(b, begins_at, last_s)) is not None]
    return Line(end_s, begins_at, tuple(stretches), tuple(marks))


def _mark(bookmark: Bookmark, begins_at: datetime | None, length_s: float) -> Mark | None:
    if bookmark.at is None or begins_at is None:
        return None
    start_s = (bookmark.at - begins_at).total_seconds()
    if not 0 <= start_s <= length_s:
        return None
    until_s = (bookmark.until - begins_at).total_seconds() if bookmark.until else start_s
    return Mark(bookmark.id, start_s, min(max(start_s, until_s), length_s))
