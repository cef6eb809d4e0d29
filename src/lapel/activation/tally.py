"""How many hours of duty were recorded, and how many hours were recorded without a duty, by wearer and by group? Pure.

Rules, each stated with what it costs by `costs`: duty and recorded time count each instant of a wearer once; `footage` is
the length of the clips as they are kept, overlapping ones each; a clip belongs to the day on which it starts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from lapel.activation.instants import days_of
from lapel.activation.match import Codes, Ints, Spans, lengths, match, union
from lapel.activation.reading import Taken

NO_GROUP = "(no group)"
COLUMNS = (
    "clips", "footage_hours", "days_with_footage", "duty_hours", "duty_hours_recorded", "duty_hours_missing",
    "footage_hours_outside_duty",
)  # fmt: skip
HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one wearer, one group, or all. Lengths in microseconds; `days` are wearer-days."""

    clips: int = 0
    footage_us: int = 0
    days: int = 0
    duty_us: int = 0
    recorded_us: int = 0
    outside_us: int = 0

    @property
    def missing_us(self) -> int:
        return self.duty_us - self.recorded_us

    @property
    def share(self) -> float:
        """How much of the duty was recorded; 0 where nothing was."""
        return self.recorded_us / self.duty_us if self.duty_us else 0.0

    def row(self) -> list[str]:
        """As COLUMNS names them, hours with four decimals."""
        h = [
            f"{us / HOUR_US:.4f}"
            for us in (self.footage_us, self.duty_us, self.recorded_us, self.missing_us, self.outside_us)
        ]
        return [str(self.clips), h[0], str(self.days), h[1], h[2], h[3], h[4]]

    def __add__(self, other: Figures) -> Figures:
        return Figures(
            self.clips + other.clips, self.footage_us + other.footage_us, self.days + other.days,
            self.duty_us + other.duty_us, self.recorded_us + other.recorded_us, self.outside_us + other.outside_us,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Held:
    """Recordings and duties in columns. `wearers`: the names behind the codes. `group`: for each duty a row of `groups`.

    `home`: for each wearer the group its footage counts for: the one it has most duty in, else the one that the personnel
    table gives, else the one that most of its clips name (equal ones: the first by name).
    """

    wearers: tuple[str, ...]
    groups: tuple[str, ...]
    clips: Spans
    duties: Spans
    group: Codes
    home: Codes


def held(
    clips: Sequence[Taken],
    duties: Sequence[tuple[str, int, int, str]],
    belongs: Callable[[str], str] | None = None,
) -> Held:
    """Columns out of rows. `duties`: (wearer, begin, end, group); `belongs`: a wearer's group as somebody else knows it."""
    wearers = tuple(sorted({b for row in clips for b in row.badges} | {duty[0] for duty in duties}))
    owed: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for wearer, begin, end, group in duties:
        owed[wearer][group or NO_GROUP] += end - begin
    said: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in clips:
        if row.group:
            said[row.badges[0]][row.group] += 1
    homes = [
        _most(owed.get(wearer)) or (belongs(wearer) if belongs else "") or _most(said.get(wearer)) or NO_GROUP
        for wearer in wearers
    ]
    groups = tuple(sorted({duty[3] or NO_GROUP for duty in duties} | set(homes)))
    code, group_code = {w: i for i, w in enumerate(wearers)}, {g: i for i, g in enumerate(groups)}
    return Held(
        wearers, groups,
        _spans([(code[row.badges[0]], row.begin, row.end) for row in clips]),
        _spans([(code[wearer], begin, end) for wearer, begin, end, _ in duties]),
        np.array([group_code[duty[3] or NO_GROUP] for duty in duties], np.int32),
        np.array([group_code[home] for home in homes], np.int32),
    )  # fmt: skip


def _most(said: Mapping[str, int] | None) -> str:
    return min(said, key=lambda group: (-said[group], group)) if said else ""


def _spans(rows: Sequence[tuple[int, int, int]]) -> Spans:
    table = np.array(rows, np.int64).reshape(-1, 3)
    return Spans(
        table[:, 0].astype(np.int32),
        np.ascontiguousarray(table[:, 1]),
        np.ascontiguousarray(table[:, 2]),
    )


def by_wearer(there: Held, days: ZoneInfo) -> list[Figures]:
    """The figures of each wearer, in the order of `wearers`."""
    count = len(there.wearers)
    duty, recorded = _duty(there.duties, there.clips, count)
    on = lengths(union(there.clips), count)
    clips = np.bincount(there.clips.officer, minlength=count)
    footage = lengths(there.clips, count)
    dated = wearer_days(there.clips, days)
    with_footage = np.bincount(dated[:, 0], minlength=count)
    columns = (clips, footage, with_footage, duty, recorded, on - recorded)
    return [Figures(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def by_group(there: Held, figures: Sequence[Figures]) -> dict[str, Figures]:
    """The figures of each group: duty by where it was, footage by where its wearer belongs. Wearer-days add up."""
    width = len(there.groups)
    pair = there.duties.officer.astype(np.int64) * width + there.group
    distinct, lane = np.unique(pair, return_inverse=True)
    duties = Spans(lane.astype(np.int32), there.duties.begin, there.duties.end)
    duty, recorded = _duty(duties, _copied(there.clips, distinct // width), len(distinct))
    found = [Figures() for _ in there.groups]
    for key, owed_us, recorded_us in zip(
        (distinct % width).tolist(), duty.tolist(), recorded.tolist(), strict=True
    ):
        found[key] += Figures(duty_us=owed_us, recorded_us=recorded_us)
    for home, one in zip(there.home.tolist(), figures, strict=True):
        found[home] += Figures(one.clips, one.footage_us, one.days, outside_us=one.outside_us)
    return {name: one for name, one in zip(there.groups, found, strict=True) if one != Figures()}


def _copied(clips: Spans, wearer_of_lane: Ints) -> Spans:
    """Each wearer's clips in every lane that is theirs."""
    order = np.argsort(clips.officer, kind="stable")
    first = np.searchsorted(clips.officer[order], wearer_of_lane, "left")
    last = np.searchsorted(clips.officer[order], wearer_of_lane, "right")
    lanes = np.repeat(np.arange(len(wearer_of_lane)), last - first)
    within = np.arange(len(lanes)) - np.repeat(np.cumsum(last - first) - (last - first), last - first)
    rows = order[np.repeat(first, last - first) + within]
    return Spans(lanes.astype(np.int32), clips.begin[rows], clips.end[rows])


def _duty(duties: Spans, clips: Spans, count: int) -> tuple[Ints, Ints]:
    """How long each was on duty, each instant once, and how much of it was recorded."""
    owed = union(duties)
    recorded = np.zeros(count, np.int64)
    np.add.at(recorded, owed.officer, match(owed, clips).covered)
    return lengths(owed, count), recorded


def wearer_days(clips: Spans, zone: ZoneInfo) -> Ints:
    """Each (wearer, day) on which a clip starts, once."""
    if not len(clips):
        return np.zeros((0, 2), np.int64)
    return np.unique(np.stack([clips.officer.astype(np.int64), days_of(clips.begin, zone)], axis=1), axis=0)


def touched_days(clips: Spans, zone: ZoneInfo) -> int:
    """How many (wearer, day) there are if a clip counts for every day it touches."""
    some = clips.take(clips.end > clips.begin)
    if not len(some):
        return 0
    first, last = days_of(some.begin, zone), days_of(some.end - 1, zone)
    pairs = {
        (w, day)
        for w, a, b in zip(some.officer.tolist(), first.tolist(), last.tolist(), strict=True)
        for day in range(a, b + 1)
    }
    return len(pairs)


def by_clock_hour(there: Held) -> tuple[int, int]:
    """Counted by the hour of the clock: (duty in hours without any footage, footage in hours without any duty)."""

    def hours(spans: Spans) -> dict[tuple[int, int], int]:
        found: dict[tuple[int, int], int] = defaultdict(int)
        columns = (spans.officer.tolist(), spans.begin.tolist(), spans.end.tolist())
        for officer, begin, end in zip(*columns, strict=True):
            at = begin
            while at < end:
                until = min(end, (at // HOUR_US + 1) * HOUR_US)
                if until - at > 1_000_000:
                    found[officer, at // HOUR_US] += until - at
                at = until
        return found

    duty, footage = hours(union(there.duties)), hours(there.clips)
    return (
        sum(us for key, us in duty.items() if key not in footage),
        sum(us for key, us in footage.items() if key not in duty),
    )
