"""What is wrong with a row of events is said of that row; the others count, and nothing is repaired or shifted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from two_files import BAD, EVENT_COLUMNS, EVENTS, RECORDINGS, clips, events, held, read_events, table, written

from lapel.activation import event
from lapel.activation.mapping_text import read_mapping
from lapel.activation.reading import read_file
from lapel.base.errors import Invalid
from spreadsheets import spreadsheet

HOUR = 3_600_000_000

# golden file -> (rows taken, [(row, reason)])
DEFECTS: dict[str, tuple[int, list[tuple[int, str]]]] = {
    "ends_before_it_begins": (1, [(3, "it ends before it begins")]),
    "begins_and_ends_at_once": (1, [(3, "it has no length")]),
    "lasts_thirty_days": (1, [(3, r"it lasts 7\d\d h, and the mapping allows 48 h")]),
    "the_same_event_with_other_times": (
        1,
        [
            (3, "row 2 has the same id, 26-1, and other times; the first one counts"),
            (5, "it is the same as row 2"),
        ],
    ),
    "clocks_went_forward_inside": (
        2,
        [(3, "“2026-03-08 02:30:00” does not exist in America/Chicago: clocks went forward over it")],
    ),
    "clocks_went_back_inside": (2, []),
    "names_no_officer": (1, [(3, "it names no officer, so it creates no duty")]),
    "no_end_and_none_assumed": (1, [(3, "it has no end, and the mapping assumes no length")]),
    "an_officer_that_is_a_formula": (1, [(3, "“=HYPERLINK.*” is a formula, not a name")]),
    "a_day_without_a_time": (3, []),
    "an_officer_nobody_knows": (2, []),
    "a_tenth_of_the_rows": (
        45,
        [
            (4, "“31.02.2026” is no time"),
            (14, "“yesterday” is no time"),
            (24, "“2026-02-30 08:00:00” is no time"),
            (34, "it has no beginning"),
            (44, "“2026-03-02 25:00:00” is no time"),
        ],
    ),
}


def test_every_golden_file_is_named_for_its_defect_and_tried() -> None:
    assert {path.stem for path in BAD.glob("*.csv")} == set(DEFECTS)


@pytest.mark.parametrize("name", DEFECTS)
def test_a_bad_row_is_rejected_with_its_reason_and_the_good_ones_count(name: str) -> None:
    taken, rejected = DEFECTS[name]
    reading = read_events(BAD / f"{name}.csv")
    assert [one.number for one in reading.rejected] == [number for number, _ in rejected]
    for one, (_, reason) in zip(reading.rejected, rejected, strict=True):
        assert re.fullmatch(reason, one.reason), one.reason
        assert one.cells["call"].startswith("26-")
    assert len(reading.rows) == taken
    assert reading.count == taken + len(rejected) + (name == "the_same_event_with_other_times")


def test_a_shift_over_the_change_of_the_clocks_has_the_length_that_passed() -> None:
    forward = read_events(BAD / "clocks_went_forward_inside.csv")
    assert [(row.end - row.begin) / HOUR for row in forward.rows] == [7, 8]
    back = read_events(BAD / "clocks_went_back_inside.csv")
    # 01:30 was shown twice that night: the first time is taken, and it is said.
    assert [(row.end - row.begin) / HOUR for row in back.rows] == [9, 5.5]
    assert [event.CLOCK_CHANGE in row.flags for row in (*forward.rows, *back.rows)] == [
        True,
        False,
        True,
        True,
    ]
    assert any("1 rows span a change of the clocks" in note for note in forward.notes)
    assert any("1 times were shown twice" in note for note in back.notes)


def test_one_more_officer_of_the_same_event_is_no_second_event() -> None:
    reading = read_events(BAD / "the_same_event_with_other_times.csv")
    assert [row.badges for row in reading.rows] == [("4471", "4472")]


def test_a_tenth_of_bad_rows_is_said_of_the_whole_file_and_more_than_allowed_is_refused() -> None:
    path = BAD / "a_tenth_of_the_rows.csv"
    assert read_events(path).notes[0].startswith("5 of 50 rows (10.0%) of a_tenth_of_the_rows.csv were rej")
    with pytest.raises(Invalid, match=r"5 of 50 rows \(10.0%\)") as refused:
        read_events(path, "most rejected: 9 %\n")
    assert "right mapping" in refused.value.next_step


def test_what_names_nobody_does_not_count_against_a_file(tmp_path: Path) -> None:
    rows = events([("", f"2026-03-02 08:{i:02}:00", "2026-03-02 09:00:00") for i in range(9)])
    rows += events([("1", "2026-03-02 08:00:00", "2026-03-02 09:00:00")])[:1]
    rows[-1] = ("E99", *rows[-1][1:])
    reading = read_events(table(tmp_path / "e.csv", EVENT_COLUMNS, rows), "most rejected: 0 %\n")
    assert (len(reading.rows), len(reading.apart), reading.notes) == (1, 9, [])


def test_an_event_with_a_day_and_no_time_is_undetermined_and_counts_no_hours(tmp_path: Path) -> None:
    found = held(
        tmp_path,
        clips([("4471", "2026-03-02 08:00:00", "2026-03-02 09:00:00")]),
        BAD / "a_day_without_a_time.csv",
    )
    assert {word: one.count for word, one in found.came.items()} == {"recorded": 1, "undetermined": 2}
    assert (found.total.duty_us, found.total.recorded_us) == (HOUR, HOUR)


@pytest.mark.parametrize("length", ["2026-03-02,", "2026-03-02,3600"])
def test_a_recording_with_a_day_and_no_time_records_nothing(tmp_path: Path, length: str) -> None:
    begin, lasts = length.split(",")
    rows = [("R1", "4471", "X", begin, begin, lasts)]
    path = table(tmp_path / "r.csv", ("clip", "badge", "camera", "begin", "end", "seconds"), rows)
    mapping = RECORDINGS.replace("ends: end", "lasts: {column: seconds, unit: seconds}")
    mapping += "most rejected: 100 %\n"
    reading = read_file(path, read_mapping(mapping, "r.yaml", "recordings"))
    assert [one.reason for one in reading.rejected] == [
        "it gives a day and no time, so nothing can be measured with it"
    ]


@pytest.mark.parametrize("end", ["2026-03-04 10:00:00", "2026-03-03", ""])
def test_an_event_that_begins_on_a_day_without_a_time_is_marked_whatever_its_end(
    tmp_path: Path, end: str
) -> None:
    path = table(tmp_path / "e.csv", EVENT_COLUMNS, [("1", "7", "", "2026-03-03", end)])
    (row,) = read_events(path).rows
    assert event.DAY_ONLY in row.flags


def test_days_that_end_before_they_begin_are_rejected_too(tmp_path: Path) -> None:
    path = table(tmp_path / "e.csv", EVENT_COLUMNS, [("1", "7", "", "2026-03-05", "2026-03-03")])
    reading = read_events(path, "most rejected: 100 %\n")
    assert [one.reason for one in reading.rejected] == ["it ends before it begins"]


def test_an_end_that_the_mapping_assumes_is_marked_and_its_cost_is_said(tmp_path: Path) -> None:
    rows = [
        ("1", "7", "N", "2026-03-03 10:00:00", ""),
        ("2", "7", "N", "2026-03-03 12:00:00", "2026-03-03 12:10:00"),
    ]
    found = held(tmp_path, clips([]), rows, happened=EVENTS + "lasts: {minutes: 30}\n")
    assert [event.END_ASSUMED in row.flags for row in found.events.rows] == [True, False]
    assert found.total.duty_us == 40 * 60_000_000
    (cost,) = [one for one in found.costs if "without an end" in one.rule]
    assert cost.rule == "Events without an end are taken to last 30 min."
    assert cost.changes == (
        ("events with an end", "2", "1"),
        ("duty", "0.7 h", "0.2 h without them"),
    )


def test_an_officer_whom_no_recording_names_has_nothing_recorded_and_is_said(tmp_path: Path) -> None:
    found = held(
        tmp_path,
        clips([("4471", "2026-03-02 08:00:00", "2026-03-02 09:00:00")]),
        BAD / "an_officer_nobody_knows.csv",
    )
    rows = {row["wearer"]: row for row in written(tmp_path / "out" / "by_wearer.csv")}
    assert rows["9999"]["duty_hours_recorded"] == "0.0000"
    assert rows["9999"]["duty_hours_missing"] == "2.0000"
    assert any("1 of 2 officers of the events have no recording at all" in note for note in found.notes)


# ---- two mappings ----------------------------------------------------------------------------------------------------


def test_two_mappings_that_count_days_in_different_zones_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"The two mappings disagree: .*America/Chicago, .*America/Denver"):
        held(tmp_path, clips([]), events([]), happened=EVENTS + "days: America/Denver\n")
    assert not (tmp_path / "out").exists()


def test_a_mapping_of_the_other_kind_is_refused_where_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"events.yaml:1:1: this is a mapping of recordings, not of events"):
        held(tmp_path, clips([]), events([]), happened=RECORDINGS)


def test_two_mappings_that_name_people_by_different_numbers_are_said_to_share_nobody(tmp_path: Path) -> None:
    span = ("2026-03-02 08:00:00", "2026-03-02 09:00:00")
    found = held(tmp_path, clips([("0042", *span)]), events([("42", *span)]))
    assert any("No officer of the events is a wearer of the recordings" in note for note in found.notes)
    assert found.total.recorded_us == 0


def test_a_column_that_the_file_does_not_have_is_named_with_those_it_has(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="has no column “badge”") as refused:
        read_events(table(tmp_path / "e.csv", ("call", "unit", "begin", "end"), []))
    assert "begin, call, end, unit" in refused.value.next_step


# ---- spreadsheets ----------------------------------------------------------------------------------------------------

SHEET = """mapping: events
version: 1
source: call log
zone: America/Chicago
file: {header rows: 2}
times: ["%m/%d/%Y %H:%M"]
id: Call Number
officers: {column: Unit Assigned, separated by: "/"}
begins: [Call Date, Call Time]
lasts: {column: Call Minutes, unit: minutes}
"""


def test_a_spreadsheet_with_two_rows_of_heading_and_totals_gives_its_rows_and_lists_the_totals(
    tmp_path: Path,
) -> None:
    path = spreadsheet(
        tmp_path / "calls.xlsx",
        [
            ["Call", "Call", "Call", "Unit", "Call"],
            ["Number", "Date", "Time", "Assigned", "Minutes"],
            ["26-1", "03/02/2026", "08:15", "12A/12B", 45],
            ["26-2", "03/02/2026", "23:50", "12A", 20],
            ["", "", "", "", ""],
            ["26-3", "03/03/2026", "00:10", "", 20],
            ["Total", "", "", "", 85],
        ],
    )
    reading = read_events(path, mapping=SHEET)
    assert [(row.number, row.badges, (row.end - row.begin) // 60_000_000) for row in reading.rows] == [
        (3, ("12A", "12B"), 45),
        (4, ("12A",), 20),
    ]
    assert [(one.number, one.reason) for one in reading.rejected] == [
        (6, "it names no officer, so it creates no duty"),
        (7, "it is a totals row"),
    ]
