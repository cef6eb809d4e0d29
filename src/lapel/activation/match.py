"""How much of each duty was recorded, and what was missing of it? Exact, for any number of officers; numpy only.

Times are whole microseconds (any other whole unit does as well), officers whole numbers from 0. Every officer gets a lane
of one long line, so that intervals of different officers cannot touch and one sweep answers for all:

1. Overlapping recordings become *islands*: sort the starts, and apart from them the ends; a new island begins at the
   i-th start when the i-1 earlier ends all lie before it. So no instant counts twice.
2. `C(x)`, the recorded time before x, is piecewise linear over the islands; of a duty [b, e) exactly C(e) - C(b) was
   recorded. A duty in a lane without islands gets 0: nothing can make it covered.

Lanes are worked off in blocks of officers, small enough for the processor's cache: memory stays bounded whatever comes in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from lapel.base.errors import Invalid

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]

RECORDED: Final = 0
LATE: Final = 1
STOPPED_EARLY: Final = 2
INTERRUPTED: Final = 3
MISSING: Final = 4
WORDS: Final[tuple[Literal["recorded", "late", "stopped early", "interrupted", "missing"], ...]] = (
    "recorded", "late", "stopped early", "interrupted", "missing",
)  # fmt: skip
_BLOCK = 1 << 16  # rows that stay in the processor's cache
_PARTS = 1 << 15
_PIECE = 1 << 20
_LONGEST_LINE = 1 << 62


@dataclass(frozen=True, slots=True)
class Spans:
    """Stretches [begin, end) of time, one officer each: three arrays of one length, in any order."""

    officer: Codes
    begin: Ints
    end: Ints

    def __len__(self) -> int:
        return len(self.officer)

    def take(self, rows: Ints | NDArray[np.bool_] | slice) -> Spans:
        """Some of them."""
        return Spans(self.officer[rows], self.begin[rows], self.end[rows])


@dataclass(frozen=True, slots=True)
class Measured:
    """What the recordings make of each duty. `covered` + `late` + `early` + `gap` is the duty's length.

    `late`: until the first recorded instant; `early`: after the last; `gap`: between the two, in `gaps` pieces. Of a duty
    with no recording everything is late, and it is MISSING. `outcome`: one of the codes above.
    """

    covered: Ints
    late: Ints
    early: Ints
    gap: Ints
    gaps: Codes
    outcome: NDArray[np.uint8]


def match(duties: Spans, recordings: Spans, within: Ints | int = 0) -> Measured:
    """Hold duties against recordings. `within`: how late a start may be, for all or for each duty.

    Raises `Invalid` when something ends before it begins.
    """
    count = len(duties)
    whole = Measured(
        np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(count, np.int64),
        np.zeros(count, np.int32), np.full(count, MISSING, np.uint8),
    )  # fmt: skip
    for rows, found in blocks(duties, recordings, within):
        whole.covered[rows], whole.late[rows], whole.early[rows] = found.covered, found.late, found.early
        whole.gap[rows], whole.gaps[rows], whole.outcome[rows] = found.gap, found.gaps, found.outcome
    return whole


def blocks(
    duties: Spans, recordings: Spans, within: Ints | int = 0, *, size: int = _BLOCK
) -> Iterator[tuple[Ints | slice, Measured]]:
    """The same, some officers at a time: (which duties, what came of them). Every duty comes exactly once."""
    for spans, what in ((duties, "duty"), (recordings, "recording")):
        if len(spans) and bool((spans.end < spans.begin).any()):
            raise Invalid(f"A {what} ends before it begins.", next_step="Leave it out, and say so.")
    if len(duties):
        yield from _blocks(duties, recordings, within, size)


def _blocks(
    duties: Spans, recordings: Spans, within: Ints | int, size: int
) -> Iterator[tuple[Ints | slice, Measured]]:
    """Cuts into ranges of officers in one go, and what is still too long again, so that the work grows no faster than the rows."""
    most = max(len(duties), len(recordings))
    every = [s.officer for s in (duties, recordings) if len(s)]
    first, last = min(int(o.min()) for o in every), max(int(o.max()) for o in every)
    parts = min(last - first + 1, -(-most // size), _PARTS)
    if parts <= 1 or most <= 2 * size:
        yield slice(None), measure(duties, recordings, within)
        return
    width = -(-(last - first + 1) // parts)
    ours, others = (_Cut.of(spans.officer, first, width, parts) for spans in (duties, recordings))
    for part in range(parts):
        mine = ours.rows(part)
        if len(mine):
            allowed = within if isinstance(within, int) else within[mine]
            theirs = recordings.take(others.rows(part))
            for rows, found in _blocks(duties.take(mine), theirs, allowed, size):
                yield mine[rows], found


@dataclass(frozen=True, slots=True)
class _Cut:
    """Which rows belong to which part. Sorted by part in pieces that fit the cache: four bytes a row, and no copy of the rows.

    `order`: rows within their piece; `bounds`: for each piece where its rows of each part begin in `order`.
    """

    order: Codes
    bounds: Ints

    @staticmethod
    def of(officer: Codes, first: int, width: int, parts: int) -> _Cut:
        order = np.empty(len(officer), np.int32)
        bounds = np.empty((-(-len(officer) // _PIECE), parts + 1), np.int64)
        for number, at in enumerate(range(0, len(officer), _PIECE)):
            # Sixteen bits are sorted by counting, in two passes.
            part = ((officer[at : at + _PIECE] - first) // width).astype(np.uint16)
            there = np.argsort(part, kind="stable")
            order[at : at + _PIECE] = there
            bounds[number] = at + np.searchsorted(part[there], np.arange(parts + 1))
        return _Cut(order, bounds)

    def rows(self, part: int) -> Ints:
        pieces = [
            self.order[low:high].astype(np.int64) + number * _PIECE
            for number, (low, high) in enumerate(self.bounds[:, part : part + 2].tolist())
            if high > low
        ]
        return np.concatenate(pieces) if pieces else np.zeros(0, np.int64)


def measure(duties: Spans, recordings: Spans, within: Ints | int = 0) -> Measured:
    """The same at one go, for as many officers as fit on one line. Raises `Invalid` for more."""
    begin, end, starts, ends = _lanes(duties, recordings)
    low, high = islands(starts, ends)
    if not len(low):
        return _nothing(end - begin)
    before = np.zeros(len(low) + 1, np.int64)
    np.cumsum(high - low, out=before[1:])
    # The last island that begins at or before the duty does, and the last that begins before it ends; -1 for none.
    here = np.searchsorted(low, begin, "right") - 1
    last = np.searchsorted(low, end, "left") - 1
    inside = np.maximum(here, 0)
    in_island = (here >= 0) & (begin < high[inside])
    first = np.where(in_island, here, here + 1)
    closing = np.maximum(last, 0)
    any_at_all = (last >= first) & (end > begin)
    c_begin = before[here + 1] - np.where(in_island, high[inside] - begin, 0)
    c_end = np.where(last >= 0, before[last + 1] - np.maximum(high[closing] - end, 0), 0)
    covered = np.where(any_at_all, c_end - c_begin, 0)
    opening = np.minimum(first, len(low) - 1)
    late = np.where(any_at_all, np.maximum(low[opening] - begin, 0), end - begin)
    early = np.where(any_at_all, np.maximum(end - high[closing], 0), 0)
    gaps = np.where(any_at_all, last - first, 0).astype(np.int32)
    gap = (end - begin) - covered - late - early
    return Measured(covered, late, early, gap, gaps, _outcome(any_at_all, late, early, gap, within))


def _outcome(
    any_at_all: NDArray[np.bool_], late: Ints, early: Ints, gap: Ints, within: Ints | int
) -> NDArray[np.uint8]:
    """The worst of what is wrong with each: nothing recorded, then interrupted, then late, then stopped early."""
    outcome = np.zeros(len(late), np.uint8)
    outcome[early > 0] = STOPPED_EARLY
    outcome[late > within] = LATE
    outcome[gap > 0] = INTERRUPTED
    outcome[~any_at_all] = MISSING
    return outcome


def _nothing(length: Ints) -> Measured:
    none = np.zeros(len(length), np.int64)
    return Measured(
        none,
        length,
        none.copy(),
        none.copy(),
        np.zeros(len(length), np.int32),
        np.full(len(length), MISSING, np.uint8),
    )


def islands(starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """The same time without overlaps, sorted; empty stretches are gone and touching ones are one.

    `starts` and `ends` are of one set of stretches, in any order; they may be sorted in place.
    """
    if not len(starts):
        return starts, ends
    starts.sort()
    ends.sort()
    opens = np.empty(len(starts), np.bool_)
    opens[0] = True
    np.greater(starts[1:], ends[:-1], out=opens[1:])
    at = np.flatnonzero(opens)
    low, high = starts[at], ends[np.append(at[1:], len(starts)) - 1]
    some = high > low
    return (low, high) if bool(some.all()) else (low[some], high[some])


def union(spans: Spans) -> Spans:
    """The same time without overlaps, for each officer apart; sorted by officer and time."""
    if not len(spans):
        return spans
    nothing = Spans(np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int64))
    starts, ends, _, _ = _lanes(spans, nothing)
    low, high = islands(starts, ends)
    origin, lane, lowest = _line(spans, nothing)
    officer = low // lane
    offset = officer * lane - origin
    return Spans((officer + lowest).astype(np.int32), low - offset, high - offset)


def lengths(spans: Spans, officers: int) -> Ints:
    """How much time each of so many officers has in them."""
    total = np.zeros(officers, np.int64)
    np.add.at(total, spans.officer, spans.end - spans.begin)
    return total


def _lanes(duties: Spans, recordings: Spans) -> tuple[Ints, Ints, Ints, Ints]:
    """Begin and end of duties and of recordings on one line, each officer in a lane that no other reaches."""
    if not len(duties) and not len(recordings):
        nothing = np.zeros(0, np.int64)
        return nothing, nothing, nothing, nothing
    origin, lane, lowest = _line(duties, recordings)
    moved = []
    for spans in (duties, recordings):
        offset = (spans.officer.astype(np.int64) - lowest) * lane
        offset -= origin
        moved += [spans.begin + offset, spans.end + offset]
    begin, end, starts, ends = moved
    return begin, end, starts, ends


def _line(duties: Spans, recordings: Spans) -> tuple[int, int, int]:
    """(the instant that is 0 in each lane, the length of a lane, the officer of the first one)."""
    every = [s for s in (duties, recordings) if len(s)]
    origin = min(int(s.begin.min()) for s in every)
    lane = max(int(s.end.max()) for s in every) - origin + 2
    lowest = min(int(s.officer.min()) for s in every)
    if lane * (max(int(s.officer.max()) for s in every) - lowest + 1) > _LONGEST_LINE:
        raise Invalid(
            "So many officers over so long a time do not fit on one line.",
            next_step="Match a month, or fewer officers, at a time.",
        )
    return origin, lane, lowest
