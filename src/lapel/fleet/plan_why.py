"""Why is there no plan? Which agencies fall short of the floor, which limit stands in the way, and by how much."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lapel.base.errors import Invalid
from lapel.fleet.plan_model import Rule, solve

if TYPE_CHECKING:
    from lapel.fleet.plan import Means, Office

RULES: tuple[tuple[Rule, str], ...] = (
    ("cameras", "the cameras delivered (--cameras-per-quarter)"),
    ("budget", "the budget (--budget)"),
    ("training", "the officers that can be trained (--training-per-quarter)"),
    ("pilot", "the wait for the pilot offices (--pilot-quarters)"),
    ("earliest", "the first quarters of offices (column earliest)"),
)
_MORE: dict[Rule, str] = {
    "cameras": "{:,} more cameras in the first quarter",
    "budget": "{:,} more money in the first quarter",
    "training": "training for {:,} more officers in each quarter",
}
_SMALLEST_SHORTAGE = 1e-6


def why_not(offices: Sequence[Office], means: Means) -> Invalid:
    """The error for an instance without a plan. Its facts: `limits`, the rules that alone stand in the way, and `more`,
    the least that must be added to each (of offices that could be divided, so whole ones may need a little more)."""
    fell = solve(offices, means, shortage=True)
    short = fell.bound if fell else 0.0
    if fell is None or short <= _SMALLEST_SHORTAGE:
        return Invalid(
            f"No plan of whole offices keeps the floor of {means.floor:.0%} of each agency's officers.",
            next_step="Lower --floor a little, or allow smaller offices: only divided offices would do.",
        )
    count = len(means.quarters)
    missing = []
    for agency in sorted({office.agency for office in offices}):
        mine = [i for i, office in enumerate(offices) if office.agency == agency]
        officers = sum(offices[i].officers for i in mine)
        served = sum(offices[i].officers * fell.shares[i, count - 1] for i in mine)
        if served < means.floor * officers - _SMALLEST_SHORTAGE:
            missing.append(f"{agency} lacks {means.floor * officers - served:,.0f} of {officers:,} officers")
    free = [(rule, says) for rule, says in RULES if _enough(offices, means, rule)]
    more = {rule: needed for rule, _ in free if (needed := _needed(offices, means, rule))}
    stands = (
        f"It could be kept but for {', or but for '.join(says for _, says in free)}."
        if free
        else "No single limit is to blame: several stand in the way together."
    )
    ways = [_MORE[rule].format(needed) for rule, needed in more.items()]
    return Invalid(
        f"No plan keeps the floor of {means.floor:.0%} of each agency's officers: {'; '.join(missing)}. {stands}",
        next_step=f"Needed are at least {', or '.join(ways)}; or lower --floor."
        if ways
        else "Change that limit, or lower --floor.",
        limits=[rule for rule, _ in free],
        more=more,
    )


def _enough(offices: Sequence[Office], means: Means, rule: Rule) -> bool:
    freed = solve(offices, means, shortage=True, without=(rule,))
    return freed is not None and freed.bound <= _SMALLEST_SHORTAGE


def _needed(offices: Sequence[Office], means: Means, rule: Rule) -> int:
    if rule not in _MORE:
        return 0
    found = solve(offices, means, more_of=rule)
    return math.ceil(found.bound - _SMALLEST_SHORTAGE) if found else 0
