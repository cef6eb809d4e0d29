"""Would the events fit the recordings better at another offset? A file whose zone is wrong gives itself away. Pure.

Nothing is ever shifted: the answer is a figure and a sentence for the person who chose the zone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lapel.activation.match import Spans, match

HOUR_US = 3_600_000_000
OFFSETS_US = tuple(half * HOUR_US // 2 for half in range(-28, 29))
MOST = 50_000  # events looked at; more do not make it surer
BETTER = 1.1  # an offset at which this much more is recorded is worth a warning


@dataclass(frozen=True, slots=True)
class Fit:
    """`looked_at`: events of people who have footage. `recorded`: the recorded share of their time at each offset.

    `best_us`: the offset at which most is recorded (0: as declared). `share_better`: the share of events of which more is
    recorded there than as declared.
    """

    looked_at: int
    recorded: dict[int, float]
    best_us: int
    share_better: float

    @property
    def doubtful(self) -> bool:
        """Is the declared zone likely to be wrong?"""
        here, there = self.recorded.get(0, 0.0), self.recorded.get(self.best_us, 0.0)
        return self.looked_at >= 20 and there > here * BETTER and self.share_better > 0.5

    def says(self) -> str:
        """What was found, in a sentence or two."""
        if not self.looked_at:
            return "No event is of a person with footage, so the time zone could not be checked."
        here = f"{self.recorded[0]:.1%} of their time is recorded with the zone as declared"
        if not self.best_us:
            return f"The time zone fits: {here}, and at no other offset within 14 hours would more be ({self.looked_at:,} events)."
        other = f"{self.recorded[self.best_us]:.1%} would be {offset_in_words(self.best_us)}"
        fits = f"{self.share_better:.1%} of {self.looked_at:,} events would fit better there"
        if self.doubtful:
            return f"The time zone looks wrong: {here}, {other}; {fits}. Nothing was shifted; correct `zone` or `offsets`."
        return f"The time zone is not contradicted: {here}; {other}, {fits}, too few to doubt it."


def offset_in_words(us: int) -> str:
    """“5 h later”, “30 min earlier”."""
    minutes = abs(us) // 60_000_000
    length = (
        f"{minutes // 60} h" + (f" {minutes % 60} min" if minutes % 60 else "")
        if minutes >= 60
        else f"{minutes} min"
    )
    return f"{length} {'later' if us > 0 else 'earlier'}"


def fit(events: Spans, recordings: Spans) -> Fit:
    """Try every half hour of 14 hours each way, with the events of people who have footage at all."""
    with_footage = np.flatnonzero(np.isin(events.officer, np.unique(recordings.officer)))
    if len(with_footage) > MOST:
        with_footage = with_footage[:: -(-len(with_footage) // MOST)]
    looked_at = events.take(with_footage)
    if not len(looked_at):
        return Fit(0, {}, 0, 0.0)
    recordings = recordings.take(np.isin(recordings.officer, np.unique(looked_at.officer)))
    total = int((looked_at.end - looked_at.begin).sum()) or 1
    covered = {
        us: match(Spans(looked_at.officer, looked_at.begin + us, looked_at.end + us), recordings).covered
        for us in OFFSETS_US
    }
    recorded = {us: int(found.sum()) / total for us, found in covered.items()}
    best = max(recorded, key=lambda us: (recorded[us], us == 0, -abs(us)))
    better = float((covered[best] > covered[0]).mean()) if best else 0.0
    return Fit(len(looked_at), recorded, best, better)
