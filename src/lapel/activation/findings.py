"""What came of holding a duty against the recordings? Values only: outcomes, findings, and what they say in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

Kind = Literal["duty", "forbidden", "past the stop"]
Outcome = Literal[
    "recorded",
    "late",
    "stopped early",
    "interrupted",
    "missing",
    "excused",
    "not in plan",
    "no camera",
    "untrained",
    "undetermined",
    "recorded though forbidden",
    "recorded past the stop",
]
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
# What a camera fact that is not so makes of a duty; in the order in which they are named.
LACKING: Final[dict[str, Outcome]] = {
    "in_plan": "not in plan",
    "equipped": "no camera",
    "trained": "untrained",
}
# Duties that somebody has to answer for, as measured. The others are met, or nobody could have met them.
UNMET: Final[tuple[Outcome, ...]] = ("late", "stopped early", "interrupted", "missing")
FORBIDDEN: Final[tuple[Outcome, ...]] = ("recorded though forbidden", "recorded past the stop")


@dataclass(frozen=True, slots=True)
class Why:
    """Why recording was owed or forbidden.

    `clauses`: `policy:clause`; `presumed`: facts taken as ordinary; `missing`: facts that would decide it; `lacking`: of
    in_plan, equipped, trained those that are not so; `says`: anything else, in words.
    """

    clauses: tuple[str, ...] = ()
    presumed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    says: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One stretch in which one officer had to record (or must not), and what came of it.

    `duty` is the same in every run. `within_us`: how long the officer had to start. `covered_us`: how much of the stretch
    was recorded, each instant once. `late_us`, `early_us`, `gap_us` (in `gaps` pieces): what was not, before the first
    recorded instant, after the last, and between. `measured` is the outcome before an exception (`excuse`) was granted.
    `officer` is None for a badge that the roster does not know.
    """

    duty: str
    agency: str
    run: str
    event: str
    officer: str | None
    badge: str
    office: str | None
    activity: str
    kind: Kind
    outcome: Outcome
    measured: Outcome
    excuse: str | None
    begins_at: datetime
    ends_at: datetime
    within_us: int
    covered_us: int
    late_us: int
    early_us: int
    gap_us: int
    gaps: int
    why: Why

    @property
    def owed_us(self) -> int:
        """The length of the stretch in microseconds."""
        length = self.ends_at - self.begins_at
        return (length.days * 86_400 + length.seconds) * 1_000_000 + length.microseconds

    @property
    def share(self) -> float:
        """How much of the stretch was recorded, 0 to 1; 0 for a duty with no recording, whatever its length."""
        return self.covered_us / self.owed_us if self.owed_us else 0.0

    @property
    def number(self) -> str:
        """What people call this duty: `D-7K3M9-QXD4W`."""
        return duty_number(self.duty)


def duty_number(duty: str) -> str:
    """The number people use for a duty, from its id, as recordings have theirs."""
    from lapel.base.ids import recording_number

    return "D" + recording_number(duty)[1:]


def length_in_words(us: int) -> str:
    """A length of time as people say it: 40 s, 3 min 20 s, 2 h 5 min."""
    seconds = round(us / 1_000_000)
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    if hours:
        return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"
    if minutes:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{rest} s" if us >= 500_000 or not us else "less than 1 s"


def outcome_in_words(finding: Finding) -> str:
    """One sentence of what came of it."""
    late, early = length_in_words(finding.late_us), length_in_words(finding.early_us)
    covered, owed = length_in_words(finding.covered_us), length_in_words(finding.owed_us)
    return {
        "recorded": f"Recorded: {covered} of {owed}.",
        "late": f"Recording began {late} after the duty did.",
        "stopped early": f"Recording stopped {early} before the duty ended.",
        "interrupted": f"Recording was interrupted {finding.gaps} times, {length_in_words(finding.gap_us)} in all.",
        "missing": f"Nothing was recorded: 0 of {owed}.",
        "excused": f"Not met ({finding.measured}), and excused by an exception that was granted.",
        "not in plan": "The office is not in the deployment plan yet, so nothing was owed.",
        "no camera": "The officer had no camera, so nothing was owed.",
        "untrained": "The officer was not trained, so nothing was owed.",
        "undetermined": "Whether recording was owed cannot be said from what is known.",
        "recorded though forbidden": f"Recording was forbidden, and {covered} were recorded.",
        "recorded past the stop": f"Recording had to stop, and went on for {covered}.",
    }[finding.outcome]
