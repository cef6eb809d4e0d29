"""Does a plan keep its own rules? Asked before one is adopted, whoever made or changed the file. No I/O."""

from __future__ import annotations

from collections.abc import Iterator

from lapel.fleet.plan import Office, Plan, check_input

_CENT = 0.01


def broken(plan: Plan) -> list[str]:
    """Each rule of `plan` that this plan breaks, in words with the office or the quarter; empty when it keeps all."""
    check_input(plan.offices, plan.means)
    placed = [(o, s) for o, s in zip(plan.offices, plan.starts, strict=True) if s is not None]
    return [*_starts(plan, placed), *_limits(plan, placed), *_floors(plan, placed)]


def _starts(plan: Plan, placed: list[tuple[Office, int]]) -> Iterator[str]:
    quarters, wait = plan.means.quarters, plan.means.pilot_quarters
    pilots: dict[str, list[int | None]] = {}
    for office, start in zip(plan.offices, plan.starts, strict=True):
        if office.pilot:
            pilots.setdefault(office.agency, []).append(start)
    for office, start in placed:
        name = f"{office.name} of {office.agency}"
        if not 0 <= start < len(quarters):
            yield f"{name} begins outside the plan"
            continue
        if start < office.earliest:
            yield f"{name} begins in {quarters[start]}, before its earliest quarter"
        if not office.pilot and wait:
            for pilot in pilots.get(office.agency, ()):
                if pilot is None or start < pilot + wait:
                    yield f"{name} begins in {quarters[start]} and does not wait for the pilot"
                    break


def _limits(plan: Plan, placed: list[tuple[Office, int]]) -> Iterator[str]:
    means, delivered = plan.means, 0
    for at, quarter in enumerate(means.quarters):
        delivered += means.cameras[at]
        out = sum(office.cameras for office, start in placed if start <= at)
        if out > delivered:
            yield f"until {quarter} {out:,} cameras are given out and {delivered:,} delivered"
        begun = sum(office.officers for office, start in placed if start == at)
        training = means.training[at]
        if training is not None and begun > training:
            yield f"in {quarter} {begun:,} officers are to be trained and {training:,} can be"
        budget = means.budget[at]
        spent = sum(means.spent(office, start, at) for office, start in placed)
        if budget is not None and spent > budget + _CENT:
            yield f"until {quarter} {spent:,.2f} is spent and there is {budget:,.2f}"


def _floors(plan: Plan, placed: list[tuple[Office, int]]) -> Iterator[str]:
    for agency in sorted({office.agency for office in plan.offices}):
        officers = sum(o.officers for o in plan.offices if o.agency == agency)
        served = sum(o.officers for o, _ in placed if o.agency == agency)
        if served < plan.means.floor * officers - 1e-6:
            yield f"{agency} has {served:,} of {officers:,} officers in equipped offices, below the floor of {plan.means.floor:.0%}"
