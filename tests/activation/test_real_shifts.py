"""Fourteen days of real clips and shifts: every total as it was found once, and added up a second way from the files themselves."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from two_files import DATA, written

from lapel.activation.mapping_text import read_mapping
from lapel.activation.reading import read_file
from lapel.activation.reconcile import Reconciled, reconcile
from lapel.activation.tally import HOUR_US

EXAMPLES = Path(__file__).parents[2] / "examples"
TJJD = DATA / "tjjd"
CLIPS, SHIFTS = TJJD / "clips_2019-04-01_to_14.csv", TJJD / "shifts_2019-04-01_to_14.csv"
CENTRAL = ZoneInfo("America/Chicago")

pytestmark = pytest.mark.skipif(not CLIPS.exists(), reason="../shared/data/tjjd is not here")

# Hours of duty, recorded, missing, and footage outside duty.
BY_GROUP = {
    "Alpha": (11240.4711, 5014.1125, 6226.3586, 2411.6669),
    "Beta": (8998.0108, 3677.9519, 5320.0589, 2637.6514),
    "Delta": (11737.9711, 2627.8869, 9110.0842, 832.2033),
    "Epsilon": (15240.9644, 7396.5150, 7844.4494, 2266.5453),
    "Gamma": (14909.9986, 5954.6314, 8955.3672, 3599.6317),
    "Inspector General": (0, 0, 0, 24.1047),
    "(no group)": (0, 0, 0, 1640.0086),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Reconciled, Path]:
    out = tmp_path_factory.mktemp("tjjd")
    mappings = EXAMPLES / "tjjd"
    files = (CLIPS, mappings / "recordings.yaml", SHIFTS, mappings / "events.yaml")
    return reconcile(*files, out, people=TJJD / "hr.csv", people_mapping=mappings / "people.yaml"), out


def test_the_totals_are_those_that_were_found(found: tuple[Reconciled, Path]) -> None:
    total = found[0].total
    hours = [us / HOUR_US for us in (total.duty_us, total.recorded_us, total.missing_us, total.outside_us)]
    assert [round(h, 4) for h in hours] == [62127.4161, 24671.0978, 37456.3183, 13411.8119]
    assert (total.clips, total.days, len(found[0].wearers)) == (37731, 6423, 901)


def test_the_hours_of_each_facility_are_those_that_were_found(found: tuple[Reconciled, Path]) -> None:
    rows = {row["group"]: row for row in written(found[1] / "by_group.csv")}
    columns = ("duty_hours", "duty_hours_recorded", "duty_hours_missing", "footage_hours_outside_duty")
    assert {name: tuple(float(row[c]) for c in columns) for name, row in rows.items()} == BY_GROUP


def by_the_csv_alone() -> tuple[dict[str, float], float, float]:
    """Hours of footage by wearer, of duty, and of duty recorded, with sets of seconds and nothing of the package."""
    footage: dict[str, float] = defaultdict(float)
    on: dict[str, set[int]] = defaultdict(set)
    with CLIPS.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            begin, end = (
                datetime.fromisoformat(row[c]).timestamp()
                for c in ("created_date_record_start", "date_record_end")
            )
            if row["Employee ID"]:
                footage[row["Employee ID"]] += end - begin
                on[row["Employee ID"]].update(range(int(begin) // 60, int(end) // 60))
    owed: dict[str, set[int]] = defaultdict(set)
    with SHIFTS.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            at = [
                datetime.fromisoformat(row[c].rstrip("Z")).replace(tzinfo=CENTRAL).timestamp()
                for c in ("Shift_Start", "Shift_End")
            ]
            owed[row["Employee_ID"]].update(range(int(at[0]) // 60, int(at[1]) // 60))
    duty = sum(map(len, owed.values())) / 60
    return footage, duty, sum(len(minutes & on[who]) for who, minutes in owed.items()) / 60


def test_a_second_way_of_adding_up_gives_the_same(found: tuple[Reconciled, Path]) -> None:
    footage, duty, recorded = by_the_csv_alone()
    mine = {row["wearer"]: float(row["footage_hours"]) for row in written(found[1] / "by_wearer.csv")}
    assert {who: round(seconds / 3600, 4) for who, seconds in footage.items()} == {
        who: hours for who, hours in mine.items() if who in footage
    }
    # Whole minutes instead of seconds: a shift that begins a second late loses nothing, a clip loses its odd seconds.
    assert duty == pytest.approx(found[0].total.duty_us / HOUR_US, rel=0.0005)
    assert recorded == pytest.approx(found[0].total.recorded_us / HOUR_US, rel=0.005)


def test_the_duties_add_up_to_the_wearers(found: tuple[Reconciled, Path]) -> None:
    table = pq.read_table(found[1] / "duties.parquet")
    assert table.num_rows == 7265
    rows = table.select(["outcome", "duty_hours", "duty_hours_recorded", "duty_hours_missing"]).to_pylist()
    assert all(row["duty_hours_recorded"] == 0 for row in rows if row["outcome"] == "missing")
    assert sum(row["outcome"] == "missing" for row in rows) == found[0].came["missing"].count
    each = sum(row["duty_hours"] for row in rows)
    (once,) = [cost for cost in found[0].costs if cost.rule.startswith("Duty counts each instant")]
    assert once.changes[0][2] == f"{each:,.1f} h with overlapping events each"


def test_every_rule_is_stated_with_what_it_costs(found: tuple[Reconciled, Path]) -> None:
    told = {cost.rule.split(".")[0].split(" (")[0]: cost for cost in found[0].costs}
    zero = told["Clips of zero seconds are clips"]
    assert zero.why.startswith("422 clips have no length")
    nobody = told["Clips without a wearer count for nobody"]
    assert nobody.why.startswith("496 clips name no wearer")
    assert nobody.changes[0][1:] == ("37,731", "38,227")
    capped = told["Clips end where the camera cut them"]
    assert "clips reach the cap" in capped.why
    assert capped.changes[0][1] == "24,671.1 h"
    assert "Events marked “Time Off” are duties, because the file lists them as events" in told
    assert "The offsets in the file of events are ignored: its times are taken as America/Chicago" in told


def test_every_row_counts_or_is_listed_with_its_reason(found: tuple[Reconciled, Path]) -> None:
    seen, told = found[0].recordings, found[0].events
    assert len(seen.rows) + len(seen.rejected) + seen.blank == seen.count == 38227
    assert len(told.rows) + len(told.rejected) == told.count == 7267
    assert len(written(found[1] / "rejected.csv")) == len(seen.rejected) + len(told.rejected) == 498


def test_the_zone_fits_and_reading_the_z_as_utc_is_found_out(found: tuple[Reconciled, Path]) -> None:
    assert not found[0].fit.doubtful
    assert found[0].fit.best_us == 0
    text = (EXAMPLES / "tjjd" / "events.yaml").read_text().replace("offsets: ignored", "offsets: as written")
    shifted = read_file(SHIFTS, read_mapping(text, "events.yaml", "events"))
    from lapel.activation import tally
    from lapel.activation.fit import fit

    duties = [(badge, row.begin, row.end, "") for row in shifted.rows for badge in row.badges]
    there = tally.held(found[0].recordings.rows, duties)
    wrong = fit(there.duties, there.clips)
    assert wrong.doubtful
    assert wrong.best_us == 5 * HOUR_US
    assert "would be 5 h later" in wrong.says()
