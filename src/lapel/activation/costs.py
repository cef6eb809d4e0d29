"""Which rules were used, and what does each cost? The figures with the rule and without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from lapel.activation import tally
from lapel.activation.event import END_ASSUMED
from lapel.activation.findings import length_in_words
from lapel.activation.match import Spans, match, union
from lapel.activation.reading import Reading, Taken
from lapel.activation.tally import HOUR_US, Figures, Held

BRIDGE_US = 300_000_000
_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Cost:
    """One rule. `changes`: (what, with the rule, without it or by another rule)."""

    rule: str
    why: str
    changes: tuple[tuple[str, str, str], ...]


def costs(
    recordings: Reading, events: Reading, there: Held, total: Figures, rows: Sequence[Taken]
) -> list[Cost]:
    """Every rule that made a figure what it is. `rows`: for each duty its event."""
    shown = [row.shown for row in rows]
    assumed = np.array([END_ASSUMED in row.flags for row in rows], np.bool_)
    found = [
        _zero(recordings, there, total),
        _nobody(recordings, total),
        _capped(recordings, there, total),
        _overlaps(there, total),
        _days(recordings, there, total),
        _both_once(there, total),
        _hours(there, total),
        *_kinds(there, total, shown),
        _assumed(events, there, total, assumed),
        _offsets(recordings, "recordings"),
        _offsets(events, "events"),
    ]
    return [one for one in found if one is not None]


def _h(us: int) -> str:
    return f"{us / HOUR_US:,.1f} h"


def _zero(recordings: Reading, there: Held, total: Figures) -> Cost:
    empty = there.clips.end == there.clips.begin
    rest = there.clips.take(~empty)
    days = len(tally.wearer_days(rest, recordings.mapping.days))
    return Cost(
        "Clips of zero seconds are clips. They add no time, and their day counts.",
        f"{int(empty.sum()):,} clips have no length: a start without a recording is still something that happened.",
        (("clips", f"{total.clips:,}", f"{len(rest):,}"), ("wearer-days", f"{total.days:,}", f"{days:,}")),
    )


def _nobody(recordings: Reading, total: Figures) -> Cost:
    apart = recordings.apart
    hours = sum(row.end - row.begin for row in apart)
    return Cost(
        "Clips without a wearer count for nobody. They are listed among the rejected rows.",
        f"{len(apart):,} clips name no wearer. Giving them to somebody would be a guess.",
        (
            ("clips", f"{total.clips:,}", f"{total.clips + len(apart):,}"),
            ("footage", _h(total.footage_us), _h(total.footage_us + hours)),
        ),
    )


def _capped(recordings: Reading, there: Held, total: Figures) -> Cost | None:
    cap = recordings.mapping.cap_us
    if not cap:
        return None
    clips, length = there.clips, there.clips.end - there.clips.begin
    capped = length >= cap
    order = np.lexsort((clips.begin, clips.officer))
    ordered = clips.take(order)
    follows = np.zeros(len(order), bool)
    same = ordered.officer[1:] == ordered.officer[:-1]
    gap = ordered.begin[1:] - ordered.end[:-1]
    follows[:-1] = same & (gap > 0) & (gap <= BRIDGE_US) & capped[order][:-1]
    at = np.flatnonzero(follows)
    bridges = Spans(ordered.officer[at], ordered.end[at], ordered.begin[at + 1])
    longer = Spans(*(np.concatenate(pair) for pair in zip(_columns(clips), _columns(bridges), strict=True)))
    recorded = int(match(union(there.duties), longer).covered.sum())
    return Cost(
        f"Clips end where the camera cut them ({length_in_words(cap)}). What came after is recorded only if there is a clip of it.",
        f"{int(capped.sum()):,} clips reach the cap; {len(at):,} of them are followed by the wearer's next clip within"
        f" {length_in_words(BRIDGE_US)}. The other figure counts those pauses as recorded.",
        (
            ("duty recorded", _h(total.recorded_us), _h(recorded)),
            ("duty missing", _h(total.missing_us), _h(total.duty_us - recorded)),
        ),
    )


def _columns(spans: Spans) -> tuple[np.ndarray, ...]:
    return spans.officer, spans.begin, spans.end


def _overlaps(there: Held, total: Figures) -> Cost:
    once = total.recorded_us + total.outside_us
    people = np.bincount(
        there.clips.officer, weights=there.clips.end - there.clips.begin, minlength=len(there.wearers)
    )
    own = union(there.clips)
    alone = np.bincount(own.officer, weights=own.end - own.begin, minlength=len(there.wearers))
    return Cost(
        "Time that two clips of one wearer both show counts once wherever it is held against duty."
        " “Footage” is the length of the clips as they are kept.",
        f"{int((people > alone).sum()):,} wearers have clips that overlap: two cameras, or one camera under another's name.",
        (("footage", _h(total.footage_us), f"{_h(once)} with each instant once"),),
    )


def _days(recordings: Reading, there: Held, total: Figures) -> Cost:
    zone = recordings.mapping.days
    utc = len(tally.wearer_days(there.clips, _UTC))
    touched = tally.touched_days(there.clips, zone)
    return Cost(
        f"Days are days in {zone.key}, and a clip belongs to the day on which it starts.",
        "A clip that runs past midnight could be counted for both days; days could be counted in UTC.",
        (
            ("wearer-days", f"{total.days:,}", f"{touched:,} if a clip counts for each day it touches"),
            ("wearer-days", f"{total.days:,}", f"{utc:,} in UTC"),
        ),
    )


def _both_once(there: Held, total: Figures) -> Cost:
    twice = int((there.duties.end - there.duties.begin).sum())
    return Cost(
        "Duty counts each instant of a wearer once, also where two events of one wearer overlap.",
        "No events of one wearer overlap here."
        if twice == total.duty_us
        else "Some events of one wearer overlap.",
        (("duty", _h(total.duty_us), f"{_h(twice)} with overlapping events each"),),
    )


def _hours(there: Held, total: Figures) -> Cost:
    duty, footage = tally.by_clock_hour(there)
    return Cost(
        "Time is held against time, to the second.",
        "Counted by the hour of the clock instead, an hour with any footage counts as recorded, one with any duty as duty.",
        (
            ("duty missing", _h(total.missing_us), f"{_h(duty)} in hours without any footage"),
            ("footage outside duty", _h(total.outside_us), f"{_h(footage)} in hours without any duty"),
        ),
    )


def _kinds(there: Held, total: Figures, shown: Sequence[str]) -> list[Cost]:
    """What each kind of event contributes, where the mapping says by which column."""
    words = np.array(list(shown) or [""])
    found = []
    for word in sorted(set(shown)):
        if not word or len(set(shown)) == 1:
            continue
        rest = there.duties.take(words != word)
        owed = union(rest)
        without = replace(
            total,
            duty_us=int((owed.end - owed.begin).sum()),
            recorded_us=int(match(owed, there.clips).covered.sum()),
        )
        found.append(
            Cost(
                f"Events marked “{word}” are duties, because the file lists them as events.",
                f"{int((words == word).sum()):,} events are marked so. The mapping can leave them out.",
                (
                    ("duty", _h(total.duty_us), f"{_h(without.duty_us)} without them"),
                    ("duty recorded", _h(total.recorded_us), f"{_h(without.recorded_us)} without them"),
                    ("duty missing", _h(total.missing_us), f"{_h(without.missing_us)} without them"),
                ),
            )
        )
    return found


def _assumed(events: Reading, there: Held, total: Figures, assumed: NDArray[np.bool_]) -> Cost | None:
    count = sum(END_ASSUMED in row.flags for row in events.rows)
    if not count:
        return None
    rest = union(there.duties.take(~assumed))
    length = length_in_words(events.mapping.lasts_us)
    return Cost(
        f"Events without an end are taken to last {length}.",
        f"{count:,} events have no end in the file; each rests on this assumption.",
        (
            ("events with an end", f"{len(events.rows):,}", f"{len(events.rows) - count:,}"),
            ("duty", _h(total.duty_us), f"{_h(int((rest.end - rest.begin).sum()))} without them"),
        ),
    )


def _offsets(reading: Reading, what: str) -> Cost | None:
    if not reading.mapping.offsets_ignored:
        return None
    return Cost(
        f"The offsets in the file of {what} are ignored: its times are taken as {reading.mapping.zone.key}.",
        "The mapping declares them wrong. The check of the time zone below says whether it is right in that.",
        (),
    )
