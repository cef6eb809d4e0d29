"""How good is a deployment plan, and what does it cost? Nine agencies, 500 offices each, 20 quarters, beside two peers in one run.

    python bench/plan.py [--agencies 9] [--offices 500] [--quarters 20] [--seed 5]

The instance is made up, the same for the same seed: offices of 4 to 120 officers, cameras for about half of them by the
end, a budget, training, a pilot in each agency and a floor of 25 %, which binds for the agencies that record least. Peers:
greedy by worth for each camera, which keeps every limit and waits for the pilots but knows no floor and no bound; and
HiGHS' integer program with as many seconds of the clock as our plan took, and with ten times as many (--times). Every plan
is checked against the rules by the tests' own checker. Prints CPU seconds, worth, gap to the bound, floors kept, ratios.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "fleet"))

from plan_checker import broken

from lapel.fleet import plan_model, plan_round
from lapel.fleet.plan import Means, Office, make, worth_of
from lapel.fleet.plan_commands import quiet
from lapel.fleet.quarters import quarters_from


def instance(agencies: int, offices: int, quarters: int, seed: int) -> tuple[list[Office], Means]:
    """Offices and means, the same for the same numbers."""
    rng = random.Random(seed)
    made = []
    for a in range(agencies):
        busy = 0.2 + 1.3 * a / max(1, agencies - 1)  # agencies differ in how much their officers record
        for i in range(offices):
            officers = min(120, 4 + int(rng.expovariate(1 / 14)))
            made.append(
                Office(
                    f"a{a}", f"office {i:04}", officers, officers + officers // 20,
                    float(round(busy * officers * rng.randint(40, 240))), rng.choice([1.0, 1.0, 1.0, 1.5, 2.0, 3.0]), i == 0,
                    rng.choice([0, 0, 0, 0, quarters // 5]) if i else 0, float(rng.randint(1, 20) * 1000),
                )
            )  # fmt: skip
    cameras = sum(office.cameras for office in made)
    each = cameras // (2 * quarters)
    money = each * 900.0 + cameras * 0.5 * 80 * 0.6
    means = Means(
        quarters_from("2027-Q1", quarters), (each,) * quarters, tuple(money * (q + 1) for q in range(quarters)),
        (int(each * 1.6),) * quarters, 600.0, 40.0, 0.25, 1,
    )  # fmt: skip
    return made, means


def greedy(offices: list[Office], means: Means) -> list[int | None]:
    """Pilots first, then by worth for each camera, each in the first quarter in which it fits."""
    ledger = plan_round._Ledger(offices, means)
    order = sorted(
        range(len(offices)),
        key=lambda i: (not offices[i].pilot, -offices[i].worth / max(offices[i].cameras, 1)),
    )
    for i in order:
        ledger.place_from(i, 0)
    return ledger.starts


def whole(offices: list[Office], means: Means, seconds: float) -> tuple[list[int | None] | None, float]:
    """HiGHS' integer program with a limit of time: the best plan it has, or None; and the CPU seconds it used."""
    import highspy

    found: dict[str, Any] = {}
    run = highspy.Highs.run

    def limited(solver: Any) -> Any:
        solver.setOptionValue("time_limit", seconds)
        solver.setOptionValue("mip_max_nodes", 2**31 - 1)
        status = run(solver)
        found["solution"] = list(solver.getSolution().col_value)
        found["feasible"] = solver.getInfo().primal_solution_status == 2
        return status

    highspy.Highs.run = limited
    before = time.process_time()
    try:
        _solve_whole(offices, means)
    except _EnoughError:
        pass
    finally:
        highspy.Highs.run = run
    spent = time.process_time() - before
    if not found.get("feasible"):
        return None, spent
    import numpy as np

    size = len(offices) * len(means.quarters)
    shares = np.array(found["solution"])[:size].reshape(len(offices), len(means.quarters))
    return plan_round.starts_of(shares), spent


class _EnoughError(Exception):
    """The integer program ended; nothing is to be tried after it."""


def _solve_whole(offices: list[Office], means: Means) -> None:
    again = plan_model.solve

    def no_more(*_: Any, **said: Any) -> Any:
        if said.get("whole"):
            return again(*_, **said)
        raise _EnoughError

    plan_model.solve = no_more
    try:
        no_more(offices, means, whole=True)
    finally:
        plan_model.solve = again


def _line(name: str, cpu_s: float, worth: float | None, bound: float, faults: list[str]) -> None:
    if worth is None:
        print(f"{name:34} {cpu_s:8.1f} CPU-s   no plan")
        return
    floors = sum(fault.startswith("floor") for fault in faults)
    others = len(faults) - floors
    kept = "every rule kept" if not faults else f"{floors} floors missed, {others} other rules broken"
    print(
        f"{name:34} {cpu_s:8.1f} CPU-s   worth {worth:18,.0f}   below the bound {1 - worth / bound:8.3%}   {kept}"
    )


def main() -> None:
    said = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("agencies", 9), ("offices", 500), ("quarters", 20), ("seed", 5)):
        said.add_argument(f"--{name}", type=int, default=value)
    said.add_argument("--times", default="1,10", help="how much of our time the integer program gets")
    asked = said.parse_args()
    multiples = [int(part) for part in asked.times.split(",")]
    offices, means = instance(asked.agencies, asked.offices, asked.quarters, asked.seed)
    count = len(means.quarters)
    print(f"{len(offices):,} offices of {asked.agencies} agencies, {count} quarters, seed {asked.seed}")
    with quiet():
        before, began = time.process_time(), time.perf_counter()
        plan = make(offices, means)
        ours_s, wall_s = time.process_time() - before, time.perf_counter() - began
        before = time.process_time()
        simple = greedy(offices, means)
        greedy_s = time.process_time() - before
        exact = [(times, *whole(offices, means, wall_s * times)) for times in multiples]
    _line("this plan (LP, rounded)", ours_s, plan.worth, plan.bound, broken(offices, means, plan.starts))
    worth = worth_of(offices, simple, count)
    _line("greedy by worth for each camera", greedy_s, worth, plan.bound, broken(offices, means, simple))
    for times, starts, spent in exact:
        found = None if starts is None else worth_of(offices, starts, count)
        faults = [] if starts is None else broken(offices, means, starts)
        _line(f"HiGHS integer program, {times} x the time", spent, found, plan.bound, faults)
    print(f"worth, this plan / greedy: {plan.worth / worth:.4f}")
    if broken(offices, means, plan.starts):
        raise SystemExit("This plan breaks a rule.")


if __name__ == "__main__":
    main()
