"""Which offices get cameras when? As many duty-hours as possible, weighted by risk, under what there is to give.

Rules of a plan, each checked again by whoever doubts it (`tests/fleet/plan_checker.py` does, on its own):

- an office is equipped whole, in one quarter, or not at all within the plan, and not before its `earliest` quarter;
- cameras given out until the end of any quarter are no more than delivered until then;
- money spent until the end of any quarter that has a budget is no more than that: a camera costs once when it is given
  out and again in each quarter it runs, the first included;
- the officers of an office are trained in the quarter it begins, and no more in a quarter than can be;
- an agency's other offices wait until its pilot offices have run for `pilot_quarters`;
- of each agency's officers, at least the share `floor` is in equipped offices when the plan ends.

A linear program (HiGHS) gives a bound that no plan can beat; its solution, in which few offices are divided, is rounded
to whole offices and improved. Small instances are solved exactly. No I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

from lapel.base.errors import Invalid


@dataclass(frozen=True, slots=True)
class Office:
    """An office to be equipped whole. `duty_hours`: expected in a quarter; `risk`: what such an hour weighs.

    `earliest`: the first quarter it may begin in, from 0. `cost`: once, beside its cameras.
    """

    agency: str
    name: str
    officers: int
    cameras: int
    duty_hours: float
    risk: float = 1.0
    pilot: bool = False
    earliest: int = 0
    cost: float = 0.0

    @property
    def worth(self) -> float:
        """Weighted duty-hours in a quarter with cameras."""
        return self.duty_hours * self.risk


@dataclass(frozen=True, slots=True)
class Means:
    """What there is to give, by quarter. `budget`: until the end of each quarter, None where there is no limit."""

    quarters: tuple[str, ...]
    cameras: tuple[int, ...]
    budget: tuple[float | None, ...]
    training: tuple[int | None, ...]
    camera_cost: float = 0.0
    running_cost: float = 0.0
    floor: float = 0.0
    pilot_quarters: int = 1

    def spent(self, office: Office, start: int, until: int) -> float:
        """What an office that begins in quarter `start` has cost by the end of quarter `until`."""
        if until < start:
            return 0.0
        return office.cost + office.cameras * (self.camera_cost + self.running_cost * (until - start + 1))


@dataclass(frozen=True, slots=True)
class Plan:
    """`starts`: the quarter each office begins in, None for not within the plan. `worth`: weighted duty-hours covered.

    `bound`: no plan covers more. `exact`: it is known that no plan is better than this one.
    """

    offices: tuple[Office, ...]
    means: Means
    starts: tuple[int | None, ...]
    worth: float
    bound: float
    exact: bool

    @property
    def gap(self) -> float:
        """How far below the bound, as a share of it."""
        return 0.0 if self.bound <= 0 else max(0.0, (self.bound - self.worth) / self.bound)


def worth_of(offices: Sequence[Office], starts: Sequence[int | None], quarters: int) -> float:
    """Weighted duty-hours that these starts cover."""
    return fsum(o.worth * (quarters - s) for o, s in zip(offices, starts, strict=True) if s is not None)


def check_input(offices: Sequence[Office], means: Means) -> None:
    """Raises `Invalid` for what cannot be planned with, naming the office or the limit."""
    count = len(means.quarters)
    if not 1 <= count <= 80:
        raise Invalid("A plan has 1 to 80 quarters.", next_step="Change --quarters.")
    if not offices:
        raise Invalid("There is no office to plan for.", next_step="Give a table with a row for each office.")
    for what, values in (("cameras", means.cameras), ("budget", means.budget), ("training", means.training)):
        if len(values) != count:
            raise Invalid(
                f"{what} is said for {len(values)} quarters of {count}.", next_step="Say it for each."
            )
        if any(value is not None and not 0 <= value < 1e15 for value in values):
            raise Invalid(f"A limit on {what} is negative or no number.", next_step="Correct it.")
    if not 0 <= means.floor <= 1:
        raise Invalid("The floor is a share between 0 and 1.", next_step="Write 0.2 for a fifth.")
    if means.camera_cost < 0 or means.running_cost < 0 or not 0 <= means.pilot_quarters <= count:
        raise Invalid("A cost is negative, or a pilot runs longer than the plan.", next_step="Correct it.")
    seen: set[tuple[str, str]] = set()
    for office in offices:
        name = f"Office {office.name} of {office.agency}"
        if (office.agency, office.name) in seen:
            raise Invalid(f"{name} is there twice.", next_step="Give each office one row.")
        seen.add((office.agency, office.name))
        if office.officers < 0 or office.cameras < 0 or office.cost < 0 or office.earliest < 0:
            raise Invalid(f"{name} has a negative number.", next_step="Correct its row.")
        if not (0 <= office.duty_hours < 1e12 and 0 <= office.risk < 1e6):
            raise Invalid(f"{name} has duty-hours or a risk that cannot be.", next_step="Correct its row.")


def make(offices: Sequence[Office], means: Means, *, exact_below: int = 400) -> Plan:
    """The plan. Instances of fewer than `exact_below` offices × quarters are solved exactly.

    Raises `Invalid` for input that cannot be, or when no plan keeps every rule: the error names the limit that stands in
    the way.
    """
    from lapel.fleet import plan_model, plan_round, plan_why

    check_input(offices, means)
    offices = tuple(offices)
    small = len(offices) * len(means.quarters) < exact_below
    solved = plan_model.solve(offices, means, whole=small)
    if solved is None:
        raise plan_why.why_not(offices, means)
    if solved.whole:
        starts = plan_round.starts_of(solved.shares)
        worth = worth_of(offices, starts, len(means.quarters))
        return Plan(offices, means, tuple(starts), worth, max(solved.bound, worth), exact=True)
    starts = plan_round.rounded(offices, means, solved.shares)
    worth = worth_of(offices, starts, len(means.quarters))
    return Plan(offices, means, tuple(starts), worth, max(solved.bound, worth), exact=False)
