"""How many duties were met, by group, and what of that may be told to everybody? Pure.

Nothing is folded together: each outcome has its own number. A rate has its denominator: duties owed are those that
somebody could have met, so not "not in plan", "no camera", "untrained" and "undetermined", which are counted beside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from lapel.activation.findings import FORBIDDEN, LACKING, UNMET, Outcome

OWED: Final[tuple[Outcome, ...]] = ("recorded", *UNMET, "excused")
NOT_OWED: Final[tuple[Outcome, ...]] = (*LACKING.values(), "undetermined")
SHOWN: Final[tuple[Outcome, ...]] = (*OWED, *NOT_OWED)
MEANS: Final[Mapping[Outcome, str]] = {
    "recorded": "The whole duty was recorded, from its start within the time allowed to its end.",
    "late": "Recording began later than the policy allows.",
    "stopped early": "Recording ended before the duty did.",
    "interrupted": "Recording was interrupted inside the duty.",
    "missing": "Nothing of the duty was recorded.",
    "excused": "It was not met, and an exception was granted.",
    "not in plan": "The office is not in the adopted deployment plan, so nothing was owed.",
    "no camera": "No camera was assigned to the officer, so nothing was owed.",
    "untrained": "The officer was not trained before the camera was issued, so nothing was owed.",
    "undetermined": "What is known does not say whether recording was owed.",
    "recorded though forbidden": "It was recorded, and the policy forbids that.",
    "recorded past the stop": "Recording went on after it had to stop.",
}
FEWEST = 10
SMALL = "groups with fewer than ten duties"


@dataclass(frozen=True, slots=True)
class Group:
    """The findings of one group: how many of each outcome, and how much time is owed and was recorded."""

    name: str
    counts: Mapping[Outcome, int] = field(default_factory=dict)
    owed_us: int = 0
    covered_us: int = 0

    def of(self, outcome: Outcome) -> int:
        return self.counts.get(outcome, 0)

    @property
    def owed(self) -> int:
        """Duties that somebody could have met."""
        return sum(self.of(outcome) for outcome in OWED)

    @property
    def duties(self) -> int:
        """Every duty, owed or not."""
        return sum(self.of(outcome) for outcome in SHOWN)

    @property
    def share(self) -> float | None:
        """Recorded duties among those owed, 0 to 1; None when nothing was owed."""
        return self.of("recorded") / self.owed if self.owed else None

    def __add__(self, other: Group) -> Group:
        counts = {o: self.of(o) + other.of(o) for o in dict.fromkeys((*self.counts, *other.counts))}
        return Group(self.name, counts, self.owed_us + other.owed_us, self.covered_us + other.covered_us)


def grouped(rows: Iterable[Mapping[str, Any]]) -> list[Group]:
    """Groups from counted rows (`part`, `outcome`, `findings`, `owed_us`, `covered_us`), in their order.

    Time is counted of duties that were owed alone: an hour without a camera is no hour that was missed.
    """
    found: dict[str, Group] = {}
    for row in rows:
        outcome: Outcome = row["outcome"]
        owed = outcome in OWED
        one = Group(
            str(row["part"]),
            {outcome: row["findings"]},
            row["owed_us"] if owed else 0,
            row["covered_us"] if owed else 0,
        )
        found[one.name] = found[one.name] + one if one.name in found else one
    return list(found.values())


def total(groups: Sequence[Group]) -> Group:
    """All groups together."""
    whole = Group("all")
    for group in groups:
        whole = whole + group
    return whole


def headline(whole: Group) -> str:
    """What a commander takes away: one sentence with its denominator."""
    if not whole.duties:
        return "No duty to record is known in this time"
    if not whole.owed:
        return f"Nothing was owed: of {whole.duties:,} duties none could have been met"
    met, missing = whole.of("recorded"), whole.of("missing")
    none = "none has" if not missing else "1 has" if missing == 1 else f"{missing:,} have"
    return f"{met:,} of {whole.owed:,} duties owed were recorded in full; {none} no recording at all"


@dataclass(frozen=True, slots=True)
class Told:
    """A group as everybody may see it. `duties` is rounded to tens; a count of 1 to 9 is None: it could point to a person."""

    name: str
    duties: int
    counts: Mapping[Outcome, int | None]


def for_everybody(groups: Sequence[Group]) -> list[Told]:
    """The same figures without what could point to a person.

    Groups with fewer than ten duties are told together, with the smallest other one besides if they are still fewer (or
    only one, so that it is not found by taking the rest from the whole). Counts below ten are withheld, and sums are
    rounded to tens, so that what is withheld is not found by taking away.
    """
    ordered = sorted(groups, key=lambda group: group.duties)
    small = [group for group in ordered if group.duties < FEWEST]
    large = ordered[len(small) :]
    while small and large and (sum(group.duties for group in small) < FEWEST or len(small) == 1):
        small.append(large.pop(0))
    kept = {group.name for group in large}
    told = [_told(group) for group in groups if group.name in kept]
    together = total(small)
    if together.duties >= FEWEST:
        told.append(_told(Group(SMALL, together.counts)))
    return told


def _told(group: Group) -> Told:
    outcomes = (*SHOWN, *FORBIDDEN)
    counts = {o: None if 0 < group.of(o) < FEWEST else group.of(o) for o in outcomes}
    return Told(group.name, 10 * round(group.duties / 10), counts)
