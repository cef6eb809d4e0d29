"""Which camera facts hold of an officer at an instant, and which office is it? What calendar, trainings and plan say; pure.

- `equipped`: the calendar gives the officer a camera then, or there is footage of theirs inside the event. An agency whose
  calendar is empty has not said; that is unknown, not "no camera".
- `trained`: a camera training holds on that day; of an agency that has entered no training at all it is unknown.
- `in_plan`: the officer's office is in the adopted plan on that day. Without an adopted plan nothing is in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.activation.instants import to_us
from lapel.activation.match import Codes, Ints, Spans, match
from lapel.activation.ruling import NO, UNKNOWN, YES
from lapel.fleet.calendar import Assignment

DAY_0 = date(1970, 1, 1).toordinal()
Held = Sequence[tuple[date, date | None]]


def equipped(
    calendar: Sequence[Assignment],
    officers: Mapping[str, int],
    lane: Codes,
    begin: Ints,
    end: Ints,
    seen: Spans,
) -> NDArray[np.int32]:
    """Had each officer a camera when the event began, or is there footage of theirs inside it?"""
    has_footage = match(Spans(lane, begin, end), seen).covered > 0
    if not calendar:
        return np.where(has_footage, YES, UNKNOWN).astype(np.int32)
    first, last = int(begin.min()), int(begin.max()) + 1
    rows = [
        (
            officers[one.officer],
            max(first, to_us(one.begins_at)),
            min(last, to_us(one.end)) if one.ends_at else last,
        )
        for one in calendar
        if one.officer in officers
    ]
    table = np.array([row for row in rows if row[1] < row[2]], np.int64).reshape(-1, 3)
    spans = Spans(table[:, 0].astype(np.int32), table[:, 1].copy(), table[:, 2].copy())
    has_camera = match(Spans(lane, begin, begin + 1), spans).covered > 0
    return np.where(lane < 0, UNKNOWN, np.where(has_camera | has_footage, YES, NO)).astype(np.int32)


def trained_on(
    trained: Mapping[str, Held], officers: Mapping[str, int], lane: Codes, days: Ints
) -> NDArray[np.int32]:
    """Did a training hold on the day?"""
    if not trained:
        return np.full(len(lane), UNKNOWN, np.int32)
    spans = _days_held({officers[who]: held for who, held in trained.items() if who in officers})
    holds = match(Spans(lane, days, days + 1), spans).covered > 0
    return np.where(lane < 0, UNKNOWN, np.where(holds, YES, NO)).astype(np.int32)


def in_plan(
    planned: Mapping[str, Held], offices: Sequence[str], office: Codes, days: Ints
) -> NDArray[np.int32]:
    """Was the officer's office in the adopted plan on the day?"""
    if not planned:
        return np.full(len(office), NO, np.int32)
    spans = _days_held({i: planned[name] for i, name in enumerate(offices) if name in planned})
    holds = match(Spans(office, days, days + 1), spans).covered > 0
    return np.where(office < 0, UNKNOWN, np.where(holds, YES, NO)).astype(np.int32)


def _days_held(held: Mapping[int, Held]) -> Spans:
    """Spans of days since 1970."""
    rows = [
        (who, since.toordinal() - DAY_0, until.toordinal() - DAY_0 if until else 1 << 20)
        for who, spans in held.items()
        for since, until in spans
        if until is None or until > since
    ]
    table = np.array(rows, np.int64).reshape(-1, 3)
    return Spans(table[:, 0].astype(np.int32), table[:, 1].copy(), table[:, 2].copy())


def offices_on(
    memberships: Sequence[Any], home: Mapping[str, str], lane: Codes, days: Ints, officers: Sequence[str]
) -> tuple[list[str], Codes]:
    """The office of each officer on each day: as the roster has it by date, else the one they are listed under."""
    held: dict[str, list[Any]] = {}
    for one in memberships:
        held.setdefault(one.officer, []).append(one)
    names = sorted({one.office for one in memberships} | set(home.values()))
    code = {name: i for i, name in enumerate(names)}
    key = lane.astype(np.int64) * (1 << 24) + days
    distinct, which = np.unique(key, return_inverse=True)
    found = np.full(len(distinct), -1, np.int32)
    for i, one in enumerate(distinct.tolist()):
        who, day = one >> 24, one & ((1 << 24) - 1)
        if who < 0:
            continue
        officer, on = officers[who], date.fromordinal(DAY_0 + day)
        spans = [
            m for m in held.get(officer, ()) if m.from_on <= on and (m.until_on is None or on < m.until_on)
        ]
        place = spans[-1].office if spans else home.get(officer)
        found[i] = code[place] if place else -1
    return names, found[which]
