"""Is the sample what it promises: every officer within a year, risk first, repeatable, and nobody's choice?"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lapel.activation.sample import HEAVIEST, YEAR, Candidate, Population, Worn, draw, read
from lapel.base.errors import Invalid

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "review-sample.json").read_text())
FIRST = date(2026, 1, 1)


@st.composite
def populations(draws: st.DrawFn) -> Population:
    officers = []
    for i in range(draws(st.integers(0, 6))):
        weights = draws(st.lists(st.integers(1, 40), min_size=1, max_size=6))
        waits = FIRST - timedelta(days=draws(st.integers(0, 400)))
        recordings = tuple(Candidate(f"{i:02}-{j:02}", w) for j, w in enumerate(weights))
        officers.append(Worn(f"officer-{i}", waits, recordings))
    return Population(
        "cbp", "", FIRST, date(2026, 2, 1), date(2026, 3, 1), draws(st.integers(0, 8)), tuple(officers)
    )


seeds = st.binary(min_size=32, max_size=32)


@given(seeds, populations())
def test_the_same_seed_and_population_give_the_same_sample_also_when_read_back(
    seed: bytes, there: Population
) -> None:
    assert read(there.text) == there
    assert draw(seed, read(there.text)) == draw(seed, there)


@given(seeds, populations())
def test_no_recording_is_drawn_twice_and_everybody_comes_before_anybody_comes_again(
    seed: bytes, there: Population
) -> None:
    picks = draw(seed, there)
    assert len({pick.recording for pick in picks}) == len(picks)
    in_all = sum(len(worn.recordings) for worn in there.officers)
    due = sum(there.is_due(worn) for worn in there.officers)
    assert len(picks) == max(due, min(there.size, in_all))
    first = [pick.officer for pick in picks[: len(there.officers)]]
    assert len(set(first)) == len(first)


@given(seeds, populations())
def test_whoever_is_due_is_drawn_whatever_the_seed(seed: bytes, there: Population) -> None:
    drawn = {pick.officer for pick in draw(seed, there) if pick.why == "due"}
    assert drawn == {worn.officer for worn in there.officers if there.is_due(worn)}


@given(populations(), st.data())
def test_a_population_that_was_changed_is_visible(there: Population, data: st.DataObject) -> None:
    if not there.officers:
        return
    i = data.draw(st.integers(0, len(there.officers) - 1))
    worn = there.officers[i]
    heavier = replace(worn.recordings[0], weight=worn.recordings[0].weight % HEAVIEST + 1)
    weighed = replace(worn, recordings=(heavier, *worn.recordings[1:]))
    without = there.officers[:i] + there.officers[i + 1 :]
    for changed in (
        replace(there, officers=without),
        replace(there, officers=(*there.officers[:i], weighed, *there.officers[i + 1 :])),
        replace(there, size=there.size + 1),
    ):
        assert changed.sha256 != there.sha256


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 3), min_size=20, max_size=20), min_size=1, max_size=4),
    st.integers(0, 2),
    seeds,
)
def test_no_officers_footage_goes_a_year_without_one_of_it_being_drawn(
    shifts: list[list[int]], size: int, seed: bytes
) -> None:
    """Twenty months, any pattern of recording, any size of sample (even none): the law holds at the end of each month."""
    ends = [_month(i) for i in range(22)]
    waits: dict[str, list[date]] = {f"o{i}": [] for i in range(len(shifts))}
    for month in range(20):
        begins_on, ends_on, next_ends_on = ends[month], ends[month + 1], ends[month + 2]
        for i, pattern in enumerate(shifts):
            waits[f"o{i}"] += [begins_on + timedelta(days=9 * k) for k in range(pattern[month])]
        officers = []
        for name, days in sorted(waits.items()):
            due = bool(days) and next_ends_on - days[0] > YEAR
            usable = [day for day in days if due or day >= begins_on]
            if usable:
                recordings = tuple(Candidate(f"{name}-{month:02}-{k:02}") for k in range(len(usable)))
                officers.append(Worn(name, days[0], recordings))
        there = Population("cbp", "", begins_on, ends_on, next_ends_on, size, tuple(officers))
        seed = hashlib.sha256(seed).digest()
        for pick in draw(seed, there):
            waits[pick.officer] = []
        assert all(ends_on - days[0] <= YEAR for days in waits.values() if days)


def test_risk_weighs_more() -> None:
    """One recording in ten weighs nine times as much: it is drawn about as often as the nine others together."""
    light = tuple(Worn(f"light-{i}", FIRST, (Candidate(f"l{i}", 1),)) for i in range(9))
    heavy = Worn("heavy", FIRST, (Candidate("h", 9),))
    there = Population("cbp", "", FIRST, date(2026, 2, 1), date(2026, 3, 1), 1, (heavy, *light))
    drawn = [
        draw(hashlib.sha256(bytes([i // 256, i % 256])).digest(), there)[0].recording for i in range(600)
    ]
    assert 240 <= drawn.count("h") <= 360  # 300 expected; five standard deviations are 61


@pytest.mark.parametrize("vector", VECTORS["draws"], ids=lambda vector: vector["name"])
def test_the_vectors_are_drawn_as_published(vector: dict[str, object]) -> None:
    text = json.dumps(vector["population"], sort_keys=True, separators=(",", ":"))
    there = read(text)
    assert there.text.decode() == text
    assert there.sha256 == vector["sha256"]
    picks = draw(bytes.fromhex(str(vector["seed"])), there)
    assert [[pick.officer, pick.recording, pick.why] for pick in picks] == vector["picks"]


@pytest.mark.parametrize("vector", VECTORS["draws"], ids=lambda vector: vector["name"])
def test_a_second_reader_who_has_only_the_page_draws_the_same(vector: dict[str, object]) -> None:
    assert _by_the_page(vector["seed"], vector["population"]) == vector["picks"]


def test_what_is_no_population_is_refused() -> None:
    worn = Worn("a", FIRST, (Candidate("r", 1),))
    for wrong in (
        (worn, worn),
        (replace(worn, recordings=()),),
        (replace(worn, recordings=(Candidate("r", 0),)),),
        (replace(worn, recordings=(Candidate("s", 1), Candidate("r", 1))),),
    ):
        with pytest.raises(Invalid):
            Population("cbp", "", FIRST, date(2026, 2, 1), date(2026, 3, 1), 1, wrong)
    with pytest.raises(Invalid):
        draw(b"too short", Population("cbp", "", FIRST, date(2026, 2, 1), date(2026, 3, 1), 1, (worn,)))
    for text in ("{}", "[]", '{"v":2}', "no json"):
        with pytest.raises(Invalid):
            read(text)


def _month(i: int) -> date:
    return date(2026 + i // 12, i % 12 + 1, 1)


def _by_the_page(seed: object, population: object) -> list[list[str]]:
    """docs/formats/review-sample.md, step by step, without our code."""
    there = json.loads(json.dumps(population))
    text = json.dumps(there, sort_keys=True, separators=(",", ":")).encode()
    head = b"lapel review sample 1\n" + bytes.fromhex(str(seed)) + hashlib.sha256(text).digest()
    count, picks = 0, []
    listed = [[o["officer"], name, weight] for o in there["officers"] for name, weight in o["recordings"]]

    def choose(pool: list[list[object]], why: str) -> None:
        nonlocal count
        number = int(hashlib.sha256(head + count.to_bytes(8, "big")).hexdigest(), 16)
        count += 1
        x, total = number % sum(int(str(row[2])) for row in pool), 0
        for officer, name, weight in pool:
            total += int(str(weight))
            if total > x:
                picks.append([str(officer), str(name), why])
                return

    for o in there["officers"]:
        if (date.fromisoformat(there["next_ends_on"]) - date.fromisoformat(o["waits_since"])).days > 365:
            choose([row for row in listed if row[0] == o["officer"]], "due")
    while len(picks) < there["size"]:
        left = [row for row in listed if row[1] not in {p[1] for p in picks}]
        if not left:
            break
        choose([row for row in left if row[0] not in {p[0] for p in picks}] or left, "drawn")
    return picks
