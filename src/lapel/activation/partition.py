"""What came of one agency's month? Columns in, findings out; one pure function, so that it can run anywhere.

It is the same arithmetic as `reconcile`: `duties.owed` lays the policy over the events, `match` holds what is owed against
the clips, `outcomes` names what came of it. Here the camera facts are known, exceptions excuse, and every finding has the
office and the activity it is counted under.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from lapel.activation.duties import KINDS, NEVER_US, Happened, Judge, Owed, owed, unmeasured
from lapel.activation.event import Story
from lapel.activation.findings import OUTCOMES, UNMET, Why
from lapel.activation.instants import to_us
from lapel.activation.match import Codes, Ints, Spans, match
from lapel.activation.outcomes import NO_TIME, NOTHING, duty_id, outcomes
from lapel.base.digest import sha256_hex

if TYPE_CHECKING:
    import pyarrow as pa

NOT_STATED: Final = "not stated"
NOBODY: Final = "The roster does not know this badge, so no recording can be held against it."


@dataclass(frozen=True, slots=True)
class Excuse:
    """A granted exception: of one duty, or of whatever lies inside its time."""

    id: str
    officer: str
    duty: str | None
    begins_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Month:
    """Everything that decides what is found, in columns. One row for each officer of each event.

    `event`, `badge`: their names; `officer`: a row of `officers`, -1 for a badge the roster does not know; `office`: a row
    of `offices`, -1 for none. `begin`, `end`, `story`, `dated` are of `happened.part`'s events. `clips.officer` are rows
    of `officers`. `no_policy`: for each of `happened.books` why there is none.
    """

    happened: Happened
    no_policy: Sequence[str]
    stories: Sequence[Story]
    story: Codes
    dated: NDArray[np.bool_]
    event: Sequence[str]
    badge: Sequence[str]
    officer: Codes
    officers: Sequence[str]
    office: Codes
    offices: Sequence[str]
    clips: Spans
    excuses: Sequence[Excuse] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """Findings by time and duty: `table` has a column for each of COLUMNS, `reasons` the reasons behind `why`."""

    table: pa.Table
    reasons: Mapping[str, Why]
    counts: Mapping[str, int]

    def __len__(self) -> int:
        return int(self.table.num_rows)


@dataclass(slots=True)
class _Drawn:
    """The stretches of which something is to be told, in columns, before they are a table."""

    due: Owed
    rows: Ints
    outcome: NDArray[np.int8]
    duty: list[str] = field(default_factory=list)


def findings(month: Month, judge: Judge | None = None) -> Found:
    """Hold everything that was owed or forbidden against the clips."""
    due = owed(month.happened, judge or Judge(), month.no_policy)
    events = month.happened.part[due.part]
    due = unmeasured(due, ~month.dated[events], NO_TIME)
    due = unmeasured(due, month.officer[due.part] < 0, NOBODY)
    # Who is not known has a lane of their own, in which no clip lies.
    lane = np.where(month.officer[due.part] < 0, len(month.officers), month.officer[due.part]).astype(
        np.int32
    )
    measured = match(Spans(lane, due.begin, due.end), month.clips, due.within)
    outcome = outcomes(due, measured)
    rows = np.flatnonzero(outcome != NOTHING)
    drawn = _Drawn(due, rows, outcome[rows])
    part, kind, place = due.part[rows].tolist(), due.kind[rows].tolist(), due.piece[rows].tolist()
    event, badge = month.event, month.badge
    drawn.duty = [duty_id(event[p], badge[p], k, n) for p, k, n in zip(part, kind, place, strict=True)]
    excuse = _excused(month, drawn)
    after = np.where(excuse >= 0, OUTCOMES.index("excused"), drawn.outcome).astype(np.int8)
    reasons = {_reason_id(why): why for why in due.whys}
    table = _table(month, drawn, measured, after, excuse, list(reasons))
    counts = np.bincount(after, minlength=len(OUTCOMES)).tolist()
    return Found(table, reasons, {word: count for word, count in zip(OUTCOMES, counts, strict=True) if count})


def _reason_id(why: Why) -> str:
    """The name of a reason: the first 128 bits of the SHA-256 of what it says."""
    said = [why.clauses, why.presumed, why.missing, why.lacking, why.says]
    return sha256_hex(json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode())[:32]


def _excused(month: Month, drawn: _Drawn) -> Ints:
    """For each finding the place of the first exception that excuses it, or -1. Only what was not met is excused."""
    found = np.full(len(drawn.rows), -1, np.int64)
    if not month.excuses:
        return found
    by_duty: dict[str, list[int]] = {}
    by_time: dict[str, list[int]] = {}
    for place, one in enumerate(month.excuses):
        by_duty.setdefault(one.duty, []).append(place) if one.duty else by_time.setdefault(
            one.officer, []
        ).append(place)
    unmet = np.isin(drawn.outcome, [OUTCOMES.index(word) for word in UNMET])
    due = drawn.due
    for i in np.flatnonzero(unmet & (due.kind[drawn.rows] == 0)).tolist():
        row = drawn.rows[i]
        officer = month.officers[month.officer[due.part[row]]]
        places = list(by_duty.get(drawn.duty[i], ()))
        begin, end = int(due.begin[row]), int(due.end[row])
        places += [
            p
            for p in by_time.get(officer, ())
            if to_us(month.excuses[p].begins_at) <= begin and end <= to_us(month.excuses[p].ends_at)
        ]
        if places:
            found[i] = min(places)
    return found


def _table(
    month: Month,
    drawn: _Drawn,
    measured: Any,
    after: NDArray[np.int8],
    excuse: Ints,
    reasons: Sequence[str],
) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    due, rows = drawn.due, drawn.rows
    part = due.part[rows]
    instant = pa.timestamp("us", tz="UTC")

    def named(names: Sequence[str], codes: NDArray[Any]) -> pa.Array:
        """The names behind codes; below 0 null."""
        code = pa.array(codes, pa.int64(), mask=codes < 0)
        return pc.take(pa.array(names, pa.string()), code)

    words, kinds = pa.array(OUTCOMES, pa.string()), pa.array(KINDS, pa.string())
    unsorted = pa.table(
        {
            "duty": pa.array(drawn.duty, pa.string()),
            "event": named(month.event, part),
            "officer": named(month.officers, month.officer[part]),
            "badge": named(month.badge, part),
            "office": named(month.offices, month.office[part]),
            "activity": _activities(month, due, rows),
            "kind": pc.take(kinds, pa.array(due.kind[rows], pa.int64())),
            "outcome": pc.take(words, pa.array(after, pa.int64())),
            "measured": pc.take(words, pa.array(drawn.outcome, pa.int64())),
            "excuse": named([one.id for one in month.excuses], excuse),
            "begins_at": pa.array(due.begin[rows], instant),
            "ends_at": pa.array(due.end[rows], instant),
            "within_us": pa.array(due.within[rows], pa.int64()),
            "covered_us": pa.array(measured.covered[rows], pa.int64()),
            "late_us": pa.array(measured.late[rows], pa.int64()),
            "early_us": pa.array(measured.early[rows], pa.int64()),
            "gap_us": pa.array(measured.gap[rows], pa.int64()),
            "gaps": pa.array(measured.gaps[rows], pa.int32()),
            "why": named(reasons, due.why[rows].astype(np.int64)),
        }
    )
    return unsorted.sort_by([("begins_at", "ascending"), ("duty", "ascending")])


def _activities(month: Month, due: Owed, rows: Ints) -> pa.Array:
    """What each officer was doing when the stretch began, as it was stated."""
    import pyarrow as pa
    import pyarrow.compute as pc

    told = [one.steps() for one in month.stories]
    width = max((len(steps) for steps in told), default=1)
    words: dict[str, int] = {}
    offset = np.full((len(told), width), NEVER_US, np.int64)
    word = np.zeros((len(told), width), np.int64)
    for i, steps in enumerate(told):
        for j, (after, facts) in enumerate(steps):
            stated = facts.get("activity")
            said = ", ".join(stated.value.split("|")) if stated else NOT_STATED
            offset[i, j], word[i, j] = after, words.setdefault(said, len(words))
    event = month.happened.part[due.part[rows]]
    since = due.begin[rows] - month.happened.begin[event]
    story = month.story[event]
    step = np.maximum((offset[story] <= since[:, None]).sum(axis=1) - 1, 0)
    return pc.take(pa.array(list(words), pa.string()), pa.array(word[story, step]))


def excuse_of(row: Mapping[str, Any]) -> Excuse:
    """An exception as a run takes it."""
    return Excuse(row["id"], row["officer"], row["duty"], row["begins_at"], row["ends_at"])
