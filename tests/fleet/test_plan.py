"""A plan keeps every rule, says how far it may be from the best, and says what stands in the way when there is none."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_checker import broken

from lapel.base.errors import Invalid
from lapel.fleet.plan import Means, Office, make, worth_of


@st.composite
def instances(draw: Any, most: int = 4) -> tuple[list[Office], Means]:
    quarters = draw(st.integers(1, 3))
    offices = [
        Office(
            draw(st.sampled_from(["cbp", "ice"])), f"o{i}", n := draw(st.integers(1, 9)), n,
            draw(st.integers(0, 50)), draw(st.sampled_from([1.0, 2.0])), draw(st.booleans()) and i == 0,
            draw(st.integers(0, 1)), draw(st.sampled_from([0.0, 5.0])),
        )
        for i in range(draw(st.integers(1, most)))
    ]  # fmt: skip
    limit = st.integers(0, 20)
    means = Means(
        tuple(f"Q{q}" for q in range(quarters)),
        tuple(draw(limit) for _ in range(quarters)),
        tuple(draw(st.one_of(st.none(), st.integers(0, 200).map(float))) for _ in range(quarters)),
        tuple(draw(st.one_of(st.none(), limit)) for _ in range(quarters)),
        draw(st.sampled_from([0.0, 3.0])), draw(st.sampled_from([0.0, 1.0])),
        draw(st.sampled_from([0.0, 0.3, 0.6])), draw(st.integers(0, 1)),
    )  # fmt: skip
    return offices, means


@given(instances())
@settings(max_examples=60, deadline=None)
def test_a_small_plan_is_as_good_as_the_best_of_all(instance: tuple[list[Office], Means]) -> None:
    offices, means = instance
    count = len(means.quarters)
    choices = product([None, *range(count)], repeat=len(offices))
    best = max((worth_of(offices, s, count) for s in choices if not broken(offices, means, s)), default=None)
    try:
        plan = make(offices, means)
    except Invalid as error:
        if best is not None or "floor" not in error.says:
            raise
        return
    assert broken(offices, means, plan.starts) == []
    assert best is not None
    assert plan.worth == pytest.approx(best)
    assert plan.exact


@given(instances(most=12))
@settings(max_examples=60, deadline=None)
def test_a_rounded_plan_keeps_every_rule_and_never_beats_its_bound(
    instance: tuple[list[Office], Means],
) -> None:
    offices, means = instance
    try:
        plan = make(offices, means, exact_below=0)
    except Invalid as error:
        if "floor" not in error.says:
            raise
        return
    assert broken(offices, means, plan.starts) == []
    assert plan.worth <= plan.bound * (1 + 1e-9) + 1e-6
    assert 0 <= plan.gap <= 1


def office(name: str, officers: int, **more: Any) -> Office:
    return Office("cbp", name, officers, officers, 100.0 * officers, **more)


PLENTY = Means(("Q1", "Q2"), (100, 100), (None, None), (None, None), camera_cost=10.0)


@pytest.mark.parametrize(
    ("means", "blamed"),
    [
        (replace(PLENTY, cameras=(1, 1), floor=0.9), "cameras"),
        (replace(PLENTY, budget=(None, 5.0), floor=0.9), "budget"),
        (replace(PLENTY, training=(1, 1), floor=0.9), "training"),
        (replace(PLENTY, floor=0.9, pilot_quarters=2), "pilot"),
    ],
    ids=["cameras", "budget", "training", "pilot"],
)
def test_without_a_plan_the_limit_in_the_way_is_named(means: Means, blamed: str) -> None:
    with pytest.raises(Invalid, match="No plan keeps the floor of 90%") as raised:
        make([office("pilot", 5, pilot=True), office("other", 20)], means)
    assert raised.value.facts["limits"] == [blamed]


def test_the_pilot_goes_first_and_risk_decides_who_is_next() -> None:
    offices = [office("pilot", 5, pilot=True), office("calm", 20), office("rough", 20, risk=2.0)]
    plan = make(offices, replace(PLENTY, cameras=(25, 0)))
    assert plan.starts == (0, None, 1)


def test_what_cannot_be_planned_with_is_named() -> None:
    with pytest.raises(Invalid, match="Office a of cbp is there twice"):
        make([office("a", 1), office("a", 1)], PLENTY)
    with pytest.raises(Invalid, match="negative"):
        make([office("a", -1)], PLENTY)
    with pytest.raises(Invalid, match="no office"):
        make([], PLENTY)
