"""What would be best if offices could be divided? The linear program of a plan, for HiGHS; whole offices for small ones.

Variables: y[i, q] in [0, 1], is office i equipped by the end of quarter q. All rules of `plan` are linear in them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from lapel.fleet.plan import Means, Office

Rule = Literal["cameras", "budget", "training", "pilot", "earliest"]

_MOST_NODES = 20_000  # of the search for whole offices: then the divided ones are rounded; a number of nodes, not of seconds


@dataclass(frozen=True, slots=True)
class Solved:
    """`shares`: offices × quarters, how much of each office is equipped; `bound`: no plan is worth more; `whole`: no office
    is divided."""

    shares: NDArray[np.float64]
    bound: float
    whole: bool = False


@dataclass(slots=True)
class _Rows:
    """The constraints, row by row."""

    starts: list[int] = field(default_factory=lambda: [0])
    index: list[NDArray[np.int32]] = field(default_factory=list)
    value: list[NDArray[np.float64]] = field(default_factory=list)
    lower: list[NDArray[np.float64]] = field(default_factory=list)
    upper: list[NDArray[np.float64]] = field(default_factory=list)
    length: int = 0

    def add(self, index: Any, value: Any, lower: float, upper: float) -> None:
        """One row."""
        self.length += len(index)
        self.starts.append(self.length)
        self.index.append(np.asarray(index, np.int32))
        self.value.append(np.asarray(value, np.float64))
        self.lower.append(np.array([lower]))
        self.upper.append(np.array([upper]))

    def differences(self, more: NDArray[np.int64], less: NDArray[np.int64]) -> None:
        """For each pair: the first variable is no larger than the second."""
        count = len(more)
        self.starts.extend((self.length + 2 * np.arange(1, count + 1)).tolist())
        self.length += 2 * count
        self.index.append(np.stack([more, less], axis=1).ravel().astype(np.int32))
        self.value.append(np.tile([1.0, -1.0], count))
        self.lower.append(np.full(count, -np.inf))
        self.upper.append(np.zeros(count))


def solve(
    offices: Sequence[Office],
    means: Means,
    *,
    whole: bool = False,
    without: Collection[Rule] = (),
    shortage: bool = False,
    more_of: Rule | None = None,
) -> Solved | None:
    """The best shares, or None when no shares keep the rules. `whole`: offices are not divided, if that is found out soon.

    `shortage`: instead of the best, what falls least short of the floors; the bound is then that shortage in officers.
    `more_of` (cameras, budget, training): instead, the least that must be added to that limit in each quarter's row so that
    the floors are kept; the bound is then that.
    """
    import highspy

    count, quarters = len(offices), len(means.quarters)
    rows = _Rows()
    upper = np.ones(count * quarters)
    _waits(rows, upper, offices, means, without)
    _limits(rows, offices, means, without, more_of)
    agencies = sorted({office.agency for office in offices}) if means.floor > 0 else []
    extra = len(agencies) if shortage else int(more_of is not None)
    _floors(rows, offices, means, agencies, shortage)
    least = shortage or more_of is not None
    worth = np.array([office.worth for office in offices])
    scale = float(worth.max()) or 1.0
    cost = np.zeros(count * quarters) if least else np.repeat(worth / scale, quarters)

    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = count * quarters + extra, len(rows.starts) - 1
    lp.sense_ = highspy.ObjSense.kMinimize if least else highspy.ObjSense.kMaximize
    lp.col_cost_ = np.concatenate([cost, np.ones(extra)])
    lp.col_lower_ = np.zeros(lp.num_col_)
    lp.col_upper_ = np.concatenate([upper, np.full(extra, np.inf)])
    lp.row_lower_ = np.concatenate(rows.lower)
    lp.row_upper_ = np.concatenate(rows.upper)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = np.array(rows.starts, np.int32)
    lp.a_matrix_.index_ = np.concatenate(rows.index)
    lp.a_matrix_.value_ = np.concatenate(rows.value)
    if whole:
        lp.integrality_ = [highspy.HighsVarType.kInteger] * (count * quarters)
    solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, value in (
        ("output_flag", False),
        ("threads", 1),
        ("mip_rel_gap", 0.0),
        ("mip_abs_gap", 0.0),
        ("mip_max_nodes", _MOST_NODES),
    ):
        solver.setOptionValue(option, value)
    solver.passModel(lp)
    solver.run()
    status = solver.getModelStatus()
    if whole and status not in (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kInfeasible):
        return solve(offices, means, without=without)
    if status != highspy.HighsModelStatus.kOptimal:
        return None
    shares = np.array(solver.getSolution().col_value)[: count * quarters].reshape(count, quarters)
    found = float(solver.getInfo().objective_function_value)
    return Solved(np.clip(shares, 0, 1), found if least else found * scale, whole)


def _waits(
    rows: _Rows,
    upper: NDArray[np.float64],
    offices: Sequence[Office],
    means: Means,
    without: Collection[Rule],
) -> None:
    """An office stays equipped; it waits for its earliest quarter and for its agency's pilots."""
    count, quarters = len(offices), len(means.quarters)
    place = np.arange(count * quarters).reshape(count, quarters)
    rows.differences(place[:, :-1].ravel(), place[:, 1:].ravel())
    if "earliest" not in without:
        for i, office in enumerate(offices):
            upper[place[i, : office.earliest]] = 0
    wait = means.pilot_quarters
    if "pilot" in without or wait == 0:
        return
    for agency in {office.agency for office in offices if office.pilot}:
        pilots = [i for i, o in enumerate(offices) if o.agency == agency and o.pilot]
        others = np.array([i for i, o in enumerate(offices) if o.agency == agency and not o.pilot], np.int64)
        if not len(others):
            continue
        upper[place[others, :wait].ravel()] = 0
        for pilot in pilots:
            after = place[others, wait:]
            before = np.broadcast_to(place[pilot, : quarters - wait], after.shape)
            rows.differences(after.ravel(), before.ravel())


def _limits(
    rows: _Rows,
    offices: Sequence[Office],
    means: Means,
    without: Collection[Rule],
    more_of: Rule | None,
) -> None:
    """Cameras and money until each quarter, training in each."""
    count, quarters = len(offices), len(means.quarters)

    def limit(rule: Rule, index: NDArray[np.int64], value: NDArray[np.float64], upper: float) -> None:
        if rule == more_of:
            index, value = np.append(index, count * quarters), np.append(value, -1.0)
        rows.add(index, value, -np.inf, upper)

    first = np.arange(count) * quarters
    cameras = np.array([office.cameras for office in offices], float)
    officers = np.array([office.officers for office in offices], float)
    once = np.array([office.cost for office in offices]) + cameras * means.camera_cost
    delivered = 0
    for q in range(quarters):
        delivered += means.cameras[q]
        if "cameras" not in without:
            limit("cameras", first + q, cameras, delivered)
        training, budget = means.training[q], means.budget[q]
        if training is not None and "training" not in without:
            if q == 0:
                limit("training", first, officers, training)
            else:
                index = np.concatenate([first + q, first + q - 1])
                limit("training", index, np.concatenate([officers, -officers]), training)
        if budget is not None and "budget" not in without:
            running = cameras * means.running_cost
            index = np.concatenate([first + at for at in range(q + 1)])
            value = np.concatenate([running + (once if at == q else 0) for at in range(q + 1)])
            limit("budget", index, value, budget)


def _floors(
    rows: _Rows, offices: Sequence[Office], means: Means, agencies: Sequence[str], shortage: bool
) -> None:
    count, quarters = len(offices), len(means.quarters)
    for at, agency in enumerate(agencies):
        mine = [i for i, office in enumerate(offices) if office.agency == agency]
        officers = [float(offices[i].officers) for i in mine]
        index = [i * quarters + quarters - 1 for i in mine]
        more = ([count * quarters + at], [1.0]) if shortage else ([], [])
        rows.add(index + more[0], officers + more[1], means.floor * sum(officers), np.inf)
