"""Is every outcome a number of its own, has every rate its denominator, and does what is public point to nobody?"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lapel.activation.figures import (
    FEWEST,
    OWED,
    SHOWN,
    SMALL,
    Group,
    for_everybody,
    grouped,
    headline,
    total,
)
from lapel.activation.findings import OUTCOMES

HOUR = 3_600_000_000


def row(
    part: str, outcome: str, findings: int, owed_us: int = HOUR, covered_us: int = 0
) -> dict[str, object]:
    return {
        "part": part,
        "outcome": outcome,
        "findings": findings,
        "owed_us": owed_us,
        "covered_us": covered_us,
    }


groups_of = st.lists(st.dictionaries(st.sampled_from(SHOWN), st.integers(1, 60), max_size=6), max_size=7).map(
    lambda all_counts: [Group(f"g{i}", counts) for i, counts in enumerate(all_counts)]
)


def test_what_nobody_could_have_met_is_counted_beside_and_never_in_the_rate() -> None:
    (group,) = grouped([row("r2", "recorded", 6, covered_us=HOUR), row("r2", "missing", 2), row("r2", "excused", 1),
                        row("r2", "no camera", 50), row("r2", "not in plan", 7), row("r2", "untrained", 3), row("r2", "undetermined", 4)])  # fmt: skip
    assert (group.owed, group.duties, group.share) == (9, 73, 6 / 9)
    assert (group.owed_us, group.covered_us) == (3 * HOUR, HOUR)
    assert [group.of(o) for o in ("no camera", "not in plan", "untrained", "undetermined")] == [50, 7, 3, 4]


def test_a_group_without_any_recording_is_at_nought_and_not_at_nothing() -> None:
    (group,) = grouped([row("r2", "missing", 5)])
    assert (group.share, group.covered_us) == (0.0, 0)


def test_every_outcome_is_shown_or_has_a_page_of_its_own() -> None:
    assert set(SHOWN) | {"recorded though forbidden", "recorded past the stop"} == set(OUTCOMES)
    assert len(SHOWN) == len(set(SHOWN))
    assert not set(OWED) & {"no camera", "not in plan", "untrained", "undetermined"}


@given(groups_of)
def test_nothing_is_lost_in_the_sum(groups: list[Group]) -> None:
    whole = total(groups)
    assert whole.duties == sum(group.duties for group in groups)
    assert all(whole.of(o) == sum(group.of(o) for group in groups) for o in SHOWN)


@given(groups_of)
def test_no_small_number_is_told_and_no_small_group_is_named(groups: list[Group]) -> None:
    told = for_everybody(groups)
    sizes = {group.name: group.duties for group in groups}
    for one in told:
        assert one.duties % 10 == 0
        assert all(count is None or count == 0 or count >= FEWEST for count in one.counts.values())
        assert one.name == SMALL or sizes[one.name] >= FEWEST
    merged = set(sizes) - {one.name for one in told}
    if any(one.name == SMALL for one in told):
        assert len(merged) >= 2  # one alone would be the difference to the whole
        assert sum(sizes[name] for name in merged) >= FEWEST


def test_the_headline_names_both_numbers() -> None:
    whole = Group("all", {"recorded": 412, "missing": 31, "late": 87, "no camera": 9})
    assert headline(whole) == "412 of 530 duties owed were recorded in full; 31 have no recording at all"
    assert (
        headline(Group("all", {"recorded": 2}))
        == "2 of 2 duties owed were recorded in full; none has no recording at all"
    )
    assert "none could have been met" in headline(Group("all", {"no camera": 3}))
    assert headline(Group("all")) == "No duty to record is known in this time"
