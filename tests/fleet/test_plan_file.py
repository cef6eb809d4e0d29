"""A plan is the same bytes each time, is read back as it was, and does not survive being changed by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_checker import broken
from test_plan import PLENTY, instances, office
from typer.testing import CliRunner

from lapel.app.cli import command_line
from lapel.base.digest import canonical
from lapel.base.errors import Invalid
from lapel.fleet import plan_check, plan_file
from lapel.fleet.plan import Means, Office, Plan, make, worth_of
from lapel.fleet.plan_reading import read_offices
from lapel.fleet.quarters import following, quarter_of, quarters_from

QUARTERS = quarters_from("2027-Q1", 4)
OFFICES = Path(__file__).parents[2] / "examples" / "plan" / "offices.csv"
FLAGS = ["--first-quarter", "2027-Q1", "--quarters", "4", "--cameras-per-quarter", "250", "--floor", "0.1"]


def dated(means: Means) -> Means:
    return replace(means, quarters=quarters_from("2027-Q1", len(means.quarters)))


def small() -> Plan:
    return make(
        [office("pilot", 5, pilot=True), office("other", 20), Office("ice", "one", 3, 3, 10.5)], dated(PLENTY)
    )


def test_a_plan_is_read_back_as_it_was_written() -> None:
    plan = small()
    text = plan_file.to_json(plan, "0" * 64)
    back = plan_file.from_json(text)
    assert dict(zip(back.offices, back.starts, strict=True)) == dict(
        zip(plan.offices, plan.starts, strict=True)
    )
    assert back.means == plan.means
    assert plan_file.to_json(back, "0" * 64) == text


@pytest.mark.parametrize(
    "what", ["an office more", "a later start", "better sums", "another version", "no JSON"]
)
def test_a_plan_that_was_changed_by_hand_is_no_plan(what: str) -> None:
    said = json.loads(plan_file.to_json(small(), "0" * 64))
    if what == "an office more":
        said["offices"].append({**said["offices"][0], "office": "friend"})
    elif what == "a later start":
        next(o for o in said["offices"] if o["quarter"] == "2027-Q1")["quarter"] = "2027-Q2"
    elif what == "better sums":
        said["coverage"][0]["officers"] += 1
    elif what == "another version":
        said["v"] = 2
    with pytest.raises(Invalid):
        plan_file.from_json(b"{" if what == "no JSON" else canonical(said))


@given(instances(), st.data())
@settings(max_examples=80, deadline=None)
def test_the_check_before_adoption_finds_what_an_independent_checker_finds(
    instance: tuple[list[Office], Means], data: st.DataObject
) -> None:
    offices, means = instance
    count = len(means.quarters)
    starts = data.draw(st.tuples(*(st.one_of(st.none(), st.integers(0, count - 1)) for _ in offices)))
    worth = worth_of(offices, starts, count)
    plan = Plan(tuple(offices), means, starts, worth, worth, exact=False)
    assert bool(plan_check.broken(plan)) == bool(broken(offices, means, starts))


@pytest.mark.parametrize(
    ("means", "rule", "needed"),
    [
        (replace(PLENTY, cameras=(1, 1), floor=0.9), "cameras", 21),  # 22.5 of 25 officers with 2 cameras
        (replace(PLENTY, budget=(None, 5.0), floor=0.9), "budget", 220),
        (replace(PLENTY, training=(10, 5), floor=0.9), "training", 4),
    ],
    ids=["cameras", "budget", "training"],
)
def test_without_a_plan_it_is_said_how_much_more_is_needed(means: Means, rule: str, needed: int) -> None:
    with pytest.raises(Invalid, match="Needed are at least") as raised:
        make([office("one", 5), office("other", 20)], means)
    assert raised.value.facts["more"] == {rule: needed}


def test_the_command_writes_the_same_bytes_whatever_the_order_of_the_rows(tmp_path: Path) -> None:
    lines = OFFICES.read_text().splitlines()
    turned = tmp_path / "turned.csv"
    turned.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    for path, name in ((OFFICES, "a"), (OFFICES, "b"), (turned, "c")):
        done = CliRunner().invoke(
            command_line("fleet"),
            ["fleet", "plan", "--offices", str(path), "--out", str(tmp_path / name), *FLAGS],
        )
        assert done.exit_code == 0, done.output
        assert "no plan covers more than" in done.output
    for file in ("plan.json", "plan.csv"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert (tmp_path / "a" / "plan.csv").read_bytes() == (tmp_path / "c" / "plan.csv").read_bytes()
    plan = plan_file.from_json((tmp_path / "a" / "plan.json").read_bytes())
    assert broken(plan.offices, plan.means, plan.starts) == []


BAD = {
    "no_officers_column": ("agency,office,duty_hours\ncbp,a,1\n", "no column officers"),
    "the_same_office_twice": ("agency,office,officers,duty_hours\ncbp,a,1,1\ncbp,a,2,1\n", "stands in row 2 already"),
    "officers_in_words": ("agency,office,officers,duty_hours\ncbp,a,ten,1\n", "row 2: officers is “ten”"),
    "negative_hours": ("agency,office,officers,duty_hours\ncbp,a,1,-4\n", "row 2: duty_hours is “-4”"),
    "a_quarter_that_is_none": ("agency,office,officers,duty_hours,earliest\ncbp,a,1,1,spring\n", "no quarter"),
    "a_cell_too_many": ("agency,office,officers,duty_hours\ncbp,a,1,1,7\n", "5 cells and the heading 4"),
    "a_formula_for_a_name": ("agency,office,officers,duty_hours\ncbp,=A1,1,1\n", "no name"),
    "maybe_a_pilot": ("agency,office,officers,duty_hours,pilot\ncbp,a,1,1,perhaps\n", "write yes or no"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_table_that_cannot_be_planned_with_stops_the_plan_and_names_the_row(
    name: str, tmp_path: Path
) -> None:
    text, says = BAD[name]
    path = tmp_path / f"{name}.csv"
    path.write_text(text)
    with pytest.raises(Invalid, match=says):
        read_offices(path, QUARTERS)


def test_a_totals_row_is_no_office_and_is_told(tmp_path: Path) -> None:
    path = tmp_path / "totals.csv"
    path.write_text("agency,office,officers,duty_hours,earliest\ncbp,a,4,10,2027-Q3\nTotal,,4,10,\n")
    there, notes = read_offices(path, QUARTERS)
    assert there == [Office("cbp", "a", 4, 4, 10.0, earliest=2)]
    assert notes == ["Row 3 is a totals row and no office."]


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--first-quarter", "spring"], "no quarter"),
        (["--cameras-per-quarter", "1,2"], "2 numbers for 4 quarters"),
        (["--cameras-per-quarter", "-5"], "no whole number"),
        (["--budget", "1e9"], "no whole number"),
        (["--floor", "30"], "share between 0 and 1"),
        (["--quarters", "0"], "1 to 80 quarters"),
    ],
)
def test_a_flag_that_cannot_be_is_named(flags: list[str], says: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        command_line("fleet"),
        ["fleet", "plan", "--offices", str(OFFICES), "--out", str(tmp_path), *FLAGS, *flags],
    )
    assert says in str(done.exception)
    assert not list(tmp_path.iterdir())


def test_quarters_follow_each_other_over_the_year() -> None:
    assert quarters_from("2027-Q3", 4) == ("2027-Q3", "2027-Q4", "2028-Q1", "2028-Q2")
    assert following("2027-Q1", -1) == "2026-Q4"
    from datetime import date

    assert [quarter_of(date(2027, month, 28)) for month in (1, 3, 4, 12)] == ["2027-Q1", "2027-Q1", "2027-Q2", "2027-Q4"]  # fmt: skip
