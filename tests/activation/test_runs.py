"""From a file to events, from rows to findings, and the story of each: runs in the database."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from month import BEGAN, OCTOBER, Month, call
from watched import Watched

from lapel.activation import audit_files, explaining, store
from lapel.activation.audit import audit
from lapel.activation.exceptions import Entered, decide, enter
from lapel.activation.findings import duty_number
from lapel.base.errors import Refused
from lapel.footage import restricting
from lapel.footage.restricting import Apart
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope
from staffed import Person


@pytest.fixture
def month(watched: Watched, tmp_path: Path) -> Month:
    """One officer of each kind that a commander asks about, and eight calls."""
    there = Month(watched, tmp_path)
    there.equip("7001", "7002", "7003", "7005")
    watched.officer("7004")  # nobody gave them a camera
    there.clip("7001", -1, 21)  # the whole call
    there.clip("7001", 62, 80)  # two minutes late
    there.clip("7002", 0, 5)
    there.clip("7002", 4, 10)  # overlaps: together ten minutes of twenty
    there.clip("7003", 0, 30)  # of an informant
    there.take(
        [
            call(1, "7001", 0, 20), call(2, "7001", 60, 80), call(3, "7002", 0, 20), call(4, "7003", 5, 15, undercover="y"),
            call(5, "7004", 0, 20), call(6, "7005", 0, 20), call(7, "9999", 0, 20), call(8, "7005", 100, 120, "interview"),
        ]
    )  # fmt: skip
    return there


def outcomes(month: Month) -> dict[str, str]:
    found = month.rows("SELECT e.external_id, f.outcome FROM finding f JOIN event e ON e.id = f.event")
    return {row["external_id"]: row["outcome"] for row in found}


def test_a_run_finds_each_outcome_by_itself(month: Month) -> None:
    (done,) = month.run()
    assert outcomes(month) == {
        "C1": "recorded", "C2": "late", "C3": "stopped early", "C4": "recorded though forbidden", "C5": "no camera",
        "C6": "missing", "C7": "undetermined",
    }  # fmt: skip
    assert done.run.counts == {
        "recorded": 1, "late": 1, "stopped early": 1, "missing": 1, "no camera": 1, "undetermined": 1,
        "recorded though forbidden": 1,
    }  # fmt: skip
    assert any("9999" in note for note in done.run.notes)
    covered = month.rows(
        "SELECT f.covered_us FROM finding f JOIN event e ON e.id = f.event WHERE e.external_id = 'C3'"
    )
    assert covered == [{"covered_us": 600_000_000}]  # no instant counts twice


def test_what_was_forbidden_is_restricted_in_the_run_that_finds_it(month: Month) -> None:
    assert month.rows("SELECT id FROM recording WHERE restricted") == []
    month.run()
    apart = month.rows(
        "SELECT o.badge, x.kind, x.reason, x.made_by FROM restriction x JOIN recording r ON r.id = x.recording"
        " JOIN officer o ON o.id = r.wearer WHERE r.restricted"
    )
    assert apart == [
        {"badge": "7003", "kind": "forbidden", "reason": "Recorded though forbidden, by FPS F4.", "made_by": "cli:clerk"}
    ]  # fmt: skip
    month.run()  # it still counts as recorded, and is restricted once
    assert outcomes(month)["C4"] == "recorded though forbidden"
    assert len(month.rows("SELECT id FROM restriction")) == 1


def test_what_two_people_set_free_stays_free_when_a_later_run_finds_more(month: Month) -> None:
    month.run()
    archive, first, second = month.watched.staffed.archive, month.scope, month.watched.scope("cli:another")
    (row,) = month.rows("SELECT id, agency, office, wearer, wrapped_key FROM recording WHERE restricted")
    apart = Apart(row["id"], row["agency"], row["office"], row["wearer"], bytes(row["wrapped_key"]))
    with archive.db.tx(first) as conn:
        restricting.ask_to_lift(conn, archive, first, apart, "Nobody in it is an informant")
    with archive.db.tx(second) as conn:
        restricting.lift(conn, archive, second, apart, "Seen, and so it is")
    month.take([call(9, "7005", 200, 220)], "more.csv")
    (done,) = month.run()
    assert done.written
    assert outcomes(month)["C4"] == "recorded though forbidden"
    assert month.rows("SELECT id FROM recording WHERE restricted") == []


def test_forbidden_footage_whose_wearer_only_the_calendar_names_is_restricted(month: Month) -> None:
    (camera,) = month.rows(
        "SELECT a.camera FROM assignment a JOIN officer o ON o.id = a.officer WHERE o.badge = '7005'"
    )
    month.clip("7005", 300, 320, wearer=None, camera=camera["camera"])
    month.take([call(9, "7005", 300, 320, undercover="y")], "more.csv")
    month.run()
    assert outcomes(month)["C9"] == "recorded though forbidden"
    assert len(month.rows("SELECT id FROM recording WHERE restricted AND wearer IS NULL")) == 1


def test_twice_gives_the_same_bytes_and_writes_nothing_the_second_time(month: Month, tmp_path: Path) -> None:
    from zoneinfo import ZoneInfo

    folders = [tmp_path / "one", tmp_path / "two"]
    written = []
    for folder in folders:
        done = month.run()
        audit_files.write(done, folder, ZoneInfo("America/New_York"), {month.watched.office: "Region 2"})
        written.append([one.written for one in done])
    assert written == [[True], [False]]
    names = sorted(path.name for path in folders[0].iterdir())
    assert names == [
        "findings-2026-10-01.csv", "findings-2026-10-01.parquet", "reasons-2026-10-01.csv", "summary.csv", "summary.json",
    ]  # fmt: skip
    for name in names:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name
    assert len(month.rows("SELECT id FROM activation_run")) == 1


def test_a_duty_without_any_recording_is_nothing_percent_covered_everywhere(
    month: Month, tmp_path: Path
) -> None:
    import csv
    from zoneinfo import ZoneInfo

    import pyarrow.parquet as pq

    done = month.run()
    missing = [row for row in done[0].found.table.to_pylist() if row["outcome"] == "missing"]
    assert [(row["covered_us"], row["late_us"]) for row in missing] == [(0, 1_200_000_000)]
    (stored,) = month.rows("SELECT duty, covered_us, late_us FROM finding WHERE outcome = 'missing'")
    assert (stored["covered_us"], stored["late_us"]) == (0, 1_200_000_000)
    with month.watched.staffed.archive.db.tx(month.scope) as conn:
        assert store.finding(conn, stored["duty"]).share == 0.0
        counted = store.counts(conn, ["fps"], BEGAN - timedelta(days=1), BEGAN + timedelta(days=1))
        assert [c.covered_us for c in counted if c.outcome == "missing"] == [0]
    audit_files.write(done, tmp_path / "out", ZoneInfo("America/New_York"), {})
    told = pq.read_table(tmp_path / "out" / "findings-2026-10-01.parquet").to_pylist()
    assert {row["outcome"]: row["share"] for row in told}["missing"] == 0.0
    with (tmp_path / "out" / "findings-2026-10-01.csv").open() as file:
        assert {r["outcome"]: r["covered_us"] for r in csv.DictReader(file)}["missing"] == "0"
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["all"]["owed"], summary["all"]["missing"], summary["all"]["recorded_h"]) == (
        4,
        1,
        "0.8000",
    )


def test_an_exception_that_was_granted_excuses_in_every_later_run(month: Month) -> None:
    month.run()
    (duty,) = month.rows("SELECT duty, officer, begins_at, ends_at FROM finding WHERE outcome = 'missing'")
    said = Entered(
        duty["officer"], "safety", "F7", "Shots were fired.", duty["begins_at"], duty["ends_at"], duty["duty"]
    )
    archive = month.watched.staffed.archive
    made = enter(archive, month.watched.scope("account:" + "a" * 32), "fps", said)
    decide(archive, month.watched.scope("account:" + "b" * 32), made, granted=True, words="Seen.")
    (done,) = month.run()
    assert done.written
    assert (done.run.counts["excused"], done.run.counts.get("missing", 0)) == (1, 0)
    (found,) = month.rows("SELECT outcome, measured, excuse FROM finding WHERE duty = %s", duty["duty"])
    assert found == {"outcome": "excused", "measured": "missing", "excuse": made}
    with archive.db.tx(month.scope) as conn:
        story = dict(explaining.explain(conn, duty["duty"]))
    assert any("granted under FPS F7" in line for lines in story.values() for line in lines)


def test_the_story_of_a_duty_says_why_who_says_so_and_what_proves_it(month: Month) -> None:
    (done,) = month.run()
    duty = {row["outcome"]: row["duty"] for row in done.found.table.to_pylist()}
    with month.watched.staffed.archive.db.tx(month.scope) as conn:
        late, unknown = (explaining.explain(conn, duty[word]) for word in ("late", "undetermined"))
    text = "\n".join(line for title, lines in late for line in (title, *lines))
    assert "Recording was required from 11:00:00 to 11:20:00 by FPS F3" in text
    assert "activity: arrest (dispatch: column activity)" in text
    assert done.run.findings_sha256 in text
    assert done.run.entry in text
    assert "R-" in text
    told = "\n".join(line for _, lines in unknown for line in lines)
    assert "cannot be said" in told
    assert "The roster does not know this badge" in told


def test_a_later_file_corrects_an_event_and_the_earlier_one_stays_visible(month: Month) -> None:
    month.run()
    again = month.take([call(1, "7001", 0, 40), call(2, "7001", 60, 80)], "later.csv")
    assert (again.new, again.changed, again.same) == (0, 1, 1)
    (before,) = month.rows("SELECT ends_at - begins_at AS length, badges FROM event_earlier")
    assert (before["length"], before["badges"]) == (timedelta(minutes=20), ["7001"])
    (done,) = month.run()
    assert outcomes(month)["C1"] == "stopped early"
    duty = next(row["duty"] for row in done.found.table.to_pylist() if row["covered_us"] == 21 * 60_000_000)
    with month.watched.staffed.archive.db.tx(month.scope) as conn:
        story = dict(explaining.explain(conn, duty))
    assert any("events.csv, said" in line for line in story["What was stated"])


def test_the_same_file_is_taken_once_and_a_dry_run_takes_nothing(month: Month) -> None:
    rows = [call(1, "7001", 0, 20), call(9, "7001", 200, 220), call(10, "7001", 20, 0)]
    dry = month.take(rows, "more.csv", dry_run=True)
    assert (dry.new, dry.same, len(dry.reading.rejected)) == (1, 1, 1)
    assert len(month.rows("SELECT id FROM event_import")) == 1
    assert month.take(rows, "more.csv").again is False
    assert month.take(rows, "more.csv").again is True
    (rejected,) = month.rows("SELECT row, reason FROM event_rejected")
    assert rejected == {"row": 4, "reason": "it ends before it begins"}
    entry = month.rows("SELECT count(*) AS n FROM event_import i JOIN custody_entry e ON e.id = i.entry")
    assert entry == [{"n": 2}]


def test_no_other_agency_sees_events_runs_or_findings_and_no_account_runs(month: Month) -> None:
    month.run()
    db = month.watched.staffed.archive.db
    with db.tx(Scope("cli:elsewhere", ("cbp",))) as conn:
        for table in (
            "event",
            "event_import",
            "event_story",
            "event_officer",
            "activation_run",
            "finding",
            "finding_why",
        ):
            assert conn.execute(f"SELECT FROM {table}".encode()).fetchall() == [], table  # fmt: skip
    with pytest.raises(Refused):
        audit(month.watched.staffed.archive, month.watched.scope("account:" + "a" * 32), "fps", *OCTOBER)


def test_the_worker_runs_the_months_of_an_import_and_the_officer_of_a_recording(month: Month) -> None:
    from lapel.app.worker import jobs

    house = month.watched.staffed.house
    worker = Archive(house.db("worker"), house.stores, house.keys("worker"))
    asked = month.rows(
        "SELECT task_name, args FROM queue.procrastinate_jobs WHERE task_name = 'activation.match'"
    )
    assert [job["args"]["month"] for job in asked] == ["2026-10"]
    match = jobs(worker)["activation.match"]
    match(**asked[0]["args"])
    assert outcomes(month)["C6"] == "missing"
    late = month.clip("7005", 0, 20)
    (recording,) = month.rows("SELECT id FROM recording WHERE number = %s", late)
    match(recording=recording["id"])
    assert outcomes(month)["C6"] == "recorded"
    assert outcomes(month)["C2"] == "late"
    assert [
        r["officer"] is None for r in month.rows("SELECT officer FROM activation_run ORDER BY ran_at")
    ] == [True, False]
    match(recording="0" * 32)  # of nobody: nothing happens


def test_the_instants_of_a_run_are_those_of_the_rows_to_the_microsecond(month: Month) -> None:
    with month.raw() as conn:
        conn.execute(
            "UPDATE event SET begins_at = begins_at + interval '1 microsecond', ends_at = ends_at + interval '999999 microseconds'"
        )
    (done,) = month.run()
    begins = {row["begins_at"] for row in done.found.table.to_pylist()}
    stored = {row["begins_at"] for row in month.rows("SELECT begins_at FROM finding")}
    assert begins == stored
    assert BEGAN + timedelta(microseconds=1) in begins


def test_the_custodian_decides_about_what_was_forbidden_and_others_do_not_see_it(month: Month) -> None:
    watched = month.watched
    custodian = Person(watched.staffed.app(), watched.staffed.account(("fps",)).token)
    month.run()
    (row,) = custodian.get("/activation/forbidden.json?since=2026-10-01&until=2026-10-31").json()["rows"]
    assert (row["restricted"], row["number"] is None) == (True, False)
    fields = {"decision": "dispose", "recording": row["number"], "words": "No complaint, no case."}
    assert custodian.fill(f"/activation/forbidden/{row['duty']}", fields).status_code == 303
    later = Person(watched.staffed.app(), watched.staffed.account(("fps",), name="Custodian 13").token)
    (seen,) = later.get("/activation/forbidden.json?since=2026-10-01&until=2026-10-31&state=all").json()[
        "rows"
    ]
    assert (seen["number"], seen["decision"]) == (None, "dispose")


def test_a_day_on_which_no_policy_was_in_force_is_undetermined_and_says_so(month: Month) -> None:
    month.take([call(20, "7001", -60 * 24 * 365 * 10, -60 * 24 * 365 * 10 + 20)], "old.csv")
    (done,) = audit(month.watched.staffed.archive, month.scope, "fps", date(2016, 10, 1), date(2016, 11, 1))
    assert done.run.counts == {"undetermined": 1}
    assert done.run.directives == []
    duty = done.found.table["duty"][0].as_py()
    app = Person(month.watched.staffed.app(), month.watched.staffed.account(("fps",)).token)
    page = app.get(f"/activation/duties/{duty_number(duty)}.json").json()
    assert "cannot be said" in page["told"][1]
    assert "fps" in page["told"][2].lower()
    assert page["came_from"].startswith("old.csv")
