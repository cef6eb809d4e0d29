"""Where is one thing to hide, at every instant? A track: keyframes on the picture, straight lines between them.

Pixels of the coded picture as decoded, before any rotation; microseconds from the first presented frame; whole numbers
only. A track hides on [begins_us, ends_us), in the stretches between its keyframes that are not `hidden`. Keyframes may
lie outside of that time (a split leaves them), where they steer the line and hide nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["face", "plate", "screen", "paper", "person", "other"]
Shape = Literal["ellipse", "box"]
Mask = Literal["opaque", "pixelate", "blur"]
State = Literal["proposed", "accepted", "rejected"]
KINDS: tuple[str, ...] = get_args(Kind)
SHAPES: tuple[str, ...] = get_args(Shape)
MASKS: tuple[str, ...] = get_args(Mask)
STATES: tuple[str, ...] = get_args(State)

# A frame's time is rounded by containers and a reviewer's click is not exact: what is hidden is hidden this much
# earlier and later, where the line ends.
PAD_US = 100_000


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle: left, top, width, height in px. Width and height are at least 1."""

    x: int
    y: int
    w: int
    h: int

    def grown(self, grow_milli: int) -> Box:
        """The box about the same centre, `grow_milli`/1000 times as wide and high, rounded outward."""
        left = (1000 * (2 * self.x + self.w) - grow_milli * self.w) // 2000
        top = (1000 * (2 * self.y + self.h) - grow_milli * self.h) // 2000
        right = -((-1000 * (2 * self.x + self.w) - grow_milli * self.w) // 2000)
        bottom = -((-1000 * (2 * self.y + self.h) - grow_milli * self.h) // 2000)
        return Box(left, top, right - left, bottom - top)

    def within(self, width: int, height: int) -> Box | None:
        """The part inside a picture of this size; None when there is none."""
        left, top = max(0, self.x), max(0, self.y)
        right, bottom = min(width, self.x + self.w), min(height, self.y + self.h)
        return Box(left, top, right - left, bottom - top) if left < right and top < bottom else None


@dataclass(frozen=True, slots=True)
class Keyframe:
    """Where the thing is at one instant. `hidden`: from here to the next keyframe there is nothing to hide."""

    at_us: int
    x: int
    y: int
    w: int
    h: int
    hidden: bool = False

    @property
    def box(self) -> Box:
        return Box(self.x, self.y, self.w, self.h)


@dataclass(frozen=True, slots=True)
class Track:
    """One thing to hide through time. `by` and `reason`: who accepted or rejected it, and why.

    `grow_milli`: the mask is that many thousandths of the box wide and high; an ellipse is the one inscribed in the grown
    box. `person` groups the tracks of one person. `score_milli`: the best score of a detector, 0 when drawn by hand.
    """

    id: str
    kind: Kind
    begins_us: int
    ends_us: int
    keyframes: tuple[Keyframe, ...]
    shape: Shape = "ellipse"
    mask: Mask = "opaque"
    grow_milli: int = 1300
    state: State = "proposed"
    by: str = ""
    reason: str = ""
    exemption: str = ""
    person: str = ""
    score_milli: int = 0
    source: str = "hand"

    def box_at(self, at_us: int) -> Box | None:
        """The box before growing, at an instant of [begins_us - PAD_US, ends_us + PAD_US); None where nothing is hidden."""
        for begins_us, ends_us in self.stretches():
            if begins_us - PAD_US <= at_us < ends_us + PAD_US:
                return self._line(min(max(at_us, begins_us), ends_us))
        return None

    def stretches(self) -> list[tuple[int, int]]:
        """The times [begins, ends) in which the thing is to be hidden, in order, without padding."""
        found: list[tuple[int, int]] = []
        at = self.begins_us
        for number, key in enumerate(self.keyframes):
            if not key.hidden:
                continue
            until = self.keyframes[number + 1].at_us if number + 1 < len(self.keyframes) else self.ends_us
            if key.at_us > at:
                found.append((at, min(key.at_us, self.ends_us)))
            at = max(at, until)
            if at >= self.ends_us:
                break
        if at < self.ends_us:
            found.append((at, self.ends_us))
        return [(begins, ends) for begins, ends in found if begins < ends]

    def _line(self, at_us: int) -> Box:
        times = [key.at_us for key in self.keyframes]
        after = bisect_right(times, at_us)
        if after == 0:
            return self.keyframes[0].box
        if after == len(times):
            return self.keyframes[-1].box
        return between(self.keyframes[after - 1], self.keyframes[after], at_us)


def between(first: Keyframe, second: Keyframe, at_us: int) -> Box:
    """The box on the straight line between two keyframes, each side rounded to the nearest pixel (halves up)."""
    whole = second.at_us - first.at_us
    part = at_us - first.at_us

    def line(a: int, b: int) -> int:
        return (2 * (a * whole + (b - a) * part) + whole) // (2 * whole)

    x, y = line(first.x, second.x), line(first.y, second.y)
    return Box(x, y, max(1, line(first.w, second.w)), max(1, line(first.h, second.h)))


def joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same time without overlaps: in order, touching ones joined, empty ones gone."""
    found: list[tuple[int, int]] = []
    for begins, ends in sorted(span for span in spans if span[0] < span[1]):
        if found and begins <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], ends))
        else:
            found.append((begins, ends))
    return found
