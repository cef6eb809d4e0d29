"""Two files held against each other: every figure against a slow model, in every place where it is written."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from two_files import (
    DIRECTIVES,
    EVENTS,
    RECORDINGS,
    ZONE,
    clips,
    events,
    held,
    table,
    written,
)

from lapel.activation import tally
from lapel.activation.reading import Taken
from lapel.activation.reconcile import reconcile
from lapel.activation.tally import Figures
from lapel.base.errors import Invalid

HOUR = 3_600_000_000
BY_WEARER = "wearer,clips,footage_hours,days_with_footage,duty_hours,duty_hours_recorded,duty_hours_missing,footage_hours_outside_duty"
CENTRAL = ZoneInfo(ZONE)
BEGIN = round(datetime(2026, 3, 7, 0, 0, tzinfo=UTC).timestamp()) * 1_000_000  # over a change of the clocks

# (wearer, begin, length) in hours, and the group of a duty
Clip = tuple[str, int, int]
Duty = tuple[str, int, int, str]
WEARERS = st.sampled_from(["1", "2", "3"])
CLIPS = st.lists(st.tuples(WEARERS, st.integers(0, 60), st.integers(0, 9)), max_size=10)
DUTIES = st.lists(
    st.tuples(WEARERS, st.integers(0, 60), st.integers(1, 14), st.sampled_from(["A", "B", ""])), max_size=10
)


def by_the_hour(seen: list[Clip], told: list[Duty]) -> dict[str, Figures]:
    """The same figures by looking at each hour of each wearer."""
    found = {}
    for who in {w for w, *_ in seen} | {w for w, *_ in told}:
        mine = [(b, n) for w, b, n in seen if w == who]
        on = {h for b, n in mine for h in range(b, b + n)}
        owed = {h for w, b, n, _ in told if w == who for h in range(b, b + n)}
        days = {datetime.fromtimestamp(BEGIN / 1e6 + b * 3600, CENTRAL).date() for b, _ in mine}
        sizes = (sum(n for _, n in mine), len(days), len(owed), len(owed & on), len(on - owed))
        footage, dated, duty, recorded, outside = sizes
        found[who] = Figures(len(mine), footage * HOUR, dated, duty * HOUR, recorded * HOUR, outside * HOUR)
    return found


def groups_by_the_hour(seen: list[Clip], told: list[Duty]) -> dict[str, tuple[int, int]]:
    """Hours of duty and of recorded duty of each group: each hour of a wearer in it once."""
    owed: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for who, begin, length, group in told:
        owed[group or tally.NO_GROUP] |= {(who, h) for h in range(begin, begin + length)}
    on = {(who, h) for who, begin, length in seen for h in range(begin, begin + length)}
    return {group: (len(hours) * HOUR, len(hours & on) * HOUR) for group, hours in owed.items()}


def taken(seen: list[Clip]) -> list[Taken]:
    return [
        Taken(i, str(i), (who,), BEGIN + begin * HOUR, BEGIN + (begin + length) * HOUR)
        for i, (who, begin, length) in enumerate(seen)
    ]


def tallied(seen: list[Clip], told: list[Duty]) -> tuple[dict[str, Figures], dict[str, Figures]]:
    there = tally.held(taken(seen), [(w, BEGIN + b * HOUR, BEGIN + (b + n) * HOUR, g) for w, b, n, g in told])
    wearers = tally.by_wearer(there, CENTRAL)
    return dict(zip(there.wearers, wearers, strict=True)), tally.by_group(there, wearers)


@given(CLIPS, DUTIES)
@settings(max_examples=150, deadline=None)
def test_the_figures_are_those_of_looking_at_every_hour(seen: list[Clip], told: list[Duty]) -> None:
    wearers, groups = tallied(seen, told)
    assert wearers == by_the_hour(seen, told)
    assert {g: (f.duty_us, f.recorded_us) for g, f in groups.items() if f.duty_us} == groups_by_the_hour(
        seen, told
    )


@given(CLIPS, DUTIES)
@settings(max_examples=100, deadline=None)
def test_nothing_is_lost_and_nothing_is_won(seen: list[Clip], told: list[Duty]) -> None:
    wearers, groups = tallied(seen, told)
    total, grouped = sum(wearers.values(), Figures()), sum(groups.values(), Figures())
    assert total.recorded_us + total.missing_us == total.duty_us
    assert (total.clips, total.footage_us) == (len(seen), sum(n for *_, n in seen) * HOUR)
    assert 0 <= total.recorded_us <= total.duty_us
    assert total.recorded_us + total.outside_us <= total.footage_us
    assert (grouped.clips, grouped.footage_us, grouped.days, grouped.outside_us) == (
        total.clips, total.footage_us, total.days, total.outside_us,
    )  # fmt: skip
    # A wearer with events of two groups at once is on duty in both, so groups can add up to more, never to less.
    assert grouped.duty_us >= total.duty_us
    assert all(one.recorded_us == 0 for one in wearers.values() if not one.footage_us)


@given(CLIPS, DUTIES, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_rows_does_not_matter(seen: list[Clip], told: list[Duty], rng: Random) -> None:
    other, others = list(seen), list(told)
    rng.shuffle(other)
    rng.shuffle(others)
    assert tallied(seen, told) == tallied(other, others)


def test_the_group_of_footage_is_the_one_of_most_duty_then_of_most_clips_whatever_comes_last() -> None:
    rows = [Taken(i, str(i), ("7",), BEGIN, BEGIN + HOUR, group) for i, group in enumerate("BABBA")]
    for order in (rows, rows[::-1]):
        there = tally.held(order, [])
        assert tally.by_group(there, tally.by_wearer(there, CENTRAL))["B"].clips == 5
    there = tally.held(rows, [("7", BEGIN, BEGIN + HOUR, "C")], lambda _: "D")
    assert there.groups[there.home[0]] == "C"
    assert tally.held(rows, [], lambda _: "D").groups == ("D",)


# ---- from files to files ---------------------------------------------------------------------------------------------

SPANS = [
    ("4471", "2026-03-02 08:00:00", "2026-03-02 16:00:00"),
    ("4472", "2026-03-02 08:00:00", "2026-03-02 16:00:00"),
    ("4473", "2026-03-02 08:00:00", "2026-03-02 16:00:00"),
]
SEEN = [
    ("4471", "2026-03-02 08:00:00", "2026-03-02 12:00:00"),
    ("4471", "2026-03-02 11:00:00", "2026-03-02 17:00:00"),  # one hour twice, one hour outside
    ("4472", "2026-03-02 10:00:00", "2026-03-02 10:00:00"),  # zero seconds
    ("9000", "2026-03-02 23:30:00", "2026-03-03 00:30:00"),
    ("", "2026-03-02 08:00:00", "2026-03-02 09:00:00"),
]


def test_the_tables_have_the_columns_that_were_promised(tmp_path: Path) -> None:
    held(tmp_path, clips(SEEN), events(SPANS))
    for name, first in (("by_wearer.csv", "wearer"), ("by_group.csv", "group")):
        text = (tmp_path / "out" / name).read_text()
        assert text.splitlines()[0] == BY_WEARER.replace("wearer", first, 1)
    assert (tmp_path / "out" / "by_wearer.csv").read_text().splitlines()[1:] == [
        "4471,2,10.0000,1,8.0000,8.0000,0.0000,1.0000",
        "4472,1,0.0000,1,8.0000,0.0000,8.0000,0.0000",
        "4473,0,0.0000,0,8.0000,0.0000,8.0000,0.0000",
        "9000,1,1.0000,1,0.0000,0.0000,0.0000,1.0000",
    ]
    assert (tmp_path / "out" / "by_group.csv").read_text().splitlines()[1:] == [
        "(no group),1,1.0000,1,0.0000,0.0000,0.0000,1.0000",
        "North,3,10.0000,2,24.0000,8.0000,16.0000,1.0000",
    ]
    assert written(tmp_path / "out" / "rejected.csv")[0] | {"cells": ""} == {
        "file": "recordings.csv", "row": "6", "reason": "it names no wearer, so it counts for nobody's duty", "cells": "",
    }  # fmt: skip


def test_a_duty_without_a_recording_is_nothing_covered_in_every_place_where_it_is_told(
    tmp_path: Path,
) -> None:
    found = held(tmp_path, clips(SEEN[:1]), events(SPANS[1:2]))
    (row,) = pq.read_table(tmp_path / "out" / "duties.parquet").to_pylist()
    assert (row["outcome"], row["duty_hours_recorded"], row["duty_hours_missing"]) == ("missing", 0, 8)
    assert row["hours_recorded"] == 0
    assert row["late_s"] == 8 * 3600
    mine = written(tmp_path / "out" / "by_wearer.csv")[1]
    assert (mine["wearer"], mine["duty_hours_recorded"], mine["duty_hours_missing"]) == (
        "4472",
        "0.0000",
        "8.0000",
    )
    north = written(tmp_path / "out" / "by_group.csv")[1]
    assert (north["group"], north["duty_hours_recorded"], north["duty_hours_missing"]) == (
        "North",
        "0.0000",
        "8.0000",
    )
    assert found.total.share == 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Of 8.0 hours of duty, 0.0 were recorded" in page
    assert "(0.0 %) and 8.0 were not" in page


def test_no_recordings_at_all_leave_every_duty_missing(tmp_path: Path) -> None:
    found = held(tmp_path, [], events(SPANS))
    assert {word: one.count for word, one in found.came.items()} == {"missing": 3}
    assert (found.total.recorded_us, found.total.missing_us) == (0, 24 * HOUR)


def test_no_events_leave_all_footage_outside_duty(tmp_path: Path) -> None:
    found = held(tmp_path, clips(SEEN[:2]), [])
    assert (found.total.duty_us, found.total.outside_us, found.total.footage_us) == (0, 9 * HOUR, 10 * HOUR)
    assert found.came == {}


def test_shuffled_files_give_the_same_figures_and_a_second_run_the_same_bytes(tmp_path: Path) -> None:
    held(tmp_path, clips(SEEN), events(SPANS))
    held(tmp_path, clips(SEEN), events(SPANS), out="again")
    held(tmp_path, clips(SEEN)[::-1], events(SPANS)[::-1], out="shuffled")
    for name in ("duties.parquet", "by_wearer.csv", "by_group.csv", "rejected.csv", "report.html"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name
    for name in ("by_wearer.csv", "by_group.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "shuffled" / name).read_bytes(), name


def test_a_name_that_a_spreadsheet_would_run_is_written_so_that_it_does_not(tmp_path: Path) -> None:
    held(tmp_path, clips([]), events(SPANS[:1], office="=1+1"))
    assert written(tmp_path / "out" / "by_group.csv")[0]["group"] == "'=1+1"


def test_a_pre_event_buffer_counts_before_the_activation(tmp_path: Path) -> None:
    rows = clips([("4471", "2026-03-02 08:00:30", "2026-03-02 16:00:00")])
    found = held(
        tmp_path, rows, events(SPANS[:1]), recordings=RECORDINGS + "pre-event buffer: {seconds: 30}\n"
    )
    assert {word: one.count for word, one in found.came.items()} == {"recorded": 1}


# ---- with a policy ---------------------------------------------------------------------------------------------------

CALLS = EVENTS + (
    "kind: call\nfacts:\n  activity: [emergency_call]\n  phase: active\n  place: public\n  with_public: yes\n"
    "  in_plan: yes\n  equipped: yes\n  trained: yes\n  uniformed: yes\n"
)


def test_without_a_version_in_force_an_event_is_undetermined_and_says_so(tmp_path: Path) -> None:
    rows = events([("4471", "2020-03-02 08:00:00", "2020-03-02 09:00:00")])
    found = held(tmp_path, clips([]), rows, happened=CALLS, policy=DIRECTIVES, agency="fps")
    (row,) = pq.read_table(tmp_path / "out" / "duties.parquet").to_pylist()
    assert row["outcome"] == "undetermined"
    assert "2020-03-02" in row["says"]
    assert (row["duty_hours"], row["hours"]) == (0, 1)
    assert found.notes[0].startswith("1 duties of 1.0 hours are undetermined and in none of these figures")
    assert found.total.duty_us == 0


def test_a_duty_of_the_policy_names_its_clauses_and_what_was_presumed(tmp_path: Path) -> None:
    rows = events([("4471", "2026-03-02 08:00:00", "2026-03-02 09:00:00")])
    seen = clips([("4471", "2026-03-02 08:00:10", "2026-03-02 09:00:00")])
    held(tmp_path, seen, rows, happened=CALLS, policy=DIRECTIVES, agency="fps")
    (row,) = pq.read_table(tmp_path / "out" / "duties.parquet").to_pylist()
    assert (row["outcome"], row["missing_facts"], row["duty_hours"]) == ("recorded", "", 1)
    assert all(clause.startswith("fps:") for clause in row["clauses"].split())
    assert row["clauses"]
    assert "undercover_or_informant" in row["presumed"].split()
    assert (row["within_s"], row["late_s"]) == (20, 10)


def test_whose_policy_it_is_has_to_be_said(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="Whose policy") as refused:
        held(tmp_path, [], [], policy=DIRECTIVES)
    assert "fps" in refused.value.next_step
    with pytest.raises(Invalid, match="“fbi” is no agency"):
        held(tmp_path, [], [], policy=DIRECTIVES, agency="fbi")


def test_what_cannot_be_written_is_said_and_does_not_break_off(tmp_path: Path) -> None:
    (tmp_path / "out" / "duties.parquet").mkdir(parents=True)
    with pytest.raises(Invalid, match="cannot be written into"):
        held(tmp_path, clips([]), events(SPANS))
    (tmp_path / "file").touch()
    with pytest.raises(Invalid, match="file cannot be made"):
        held(tmp_path, clips([]), events(SPANS), out="file")


def test_an_agency_without_a_policy_is_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no policy of “fps” to go by"):
        held(tmp_path, [], [], agency="fps")


# ---- a wrong zone ----------------------------------------------------------------------------------------------------


def patrol(hours_off: int) -> tuple[list[tuple[str, str, str]], list[tuple[str, str, str]]]:
    """Thirty shifts of eight hours, each wholly recorded; the shifts written so many hours off."""
    shifts, seen = [], []
    for i in range(30):
        begin = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(days=i % 6, hours=6 + i % 7)
        end = begin + timedelta(hours=8)
        off = timedelta(hours=hours_off)
        seen.append((str(4400 + i), f"{begin:%F %T}", f"{end:%F %T}"))
        shifts.append((str(4400 + i), f"{begin + off:%F %T}", f"{end + off:%F %T}"))
    return shifts, seen


@pytest.mark.parametrize("hours_off", [6, -5])
def test_times_in_a_wrong_zone_are_reported_with_their_share_and_never_shifted(
    tmp_path: Path, hours_off: int
) -> None:
    shifts, seen = patrol(hours_off)
    found = held(tmp_path, clips(seen), events(shifts))
    assert found.fit.doubtful
    assert found.fit.best_us == -hours_off * HOUR
    assert found.fit.share_better == 1
    assert f"{abs(hours_off)} h {'earlier' if hours_off > 0 else 'later'}" in found.fit.says()
    assert "100.0% of 30 events would fit better there" in found.fit.says()
    assert "Nothing was shifted" in found.fit.says()
    overlap = 8 - abs(hours_off)
    assert found.total.recorded_us == 30 * overlap * HOUR


def test_times_in_the_right_zone_are_not_doubted(tmp_path: Path) -> None:
    shifts, seen = patrol(0)
    found = held(tmp_path, clips(seen), events(shifts))
    assert not found.fit.doubtful
    assert found.fit.says().startswith("The time zone fits: 100.0%")


# ---- a personnel table -----------------------------------------------------------------------------------------------

PEOPLE = """mapping: people
version: 1
source: personnel
times: ["%m/%d/%Y"]
id: number
group: post
from: hired
until: left
trained: course
"""


def with_people(place: Path, rows: list[tuple[str, ...]], mapping: str = PEOPLE) -> tuple[Path, Path]:
    (place / "people.yaml").write_text(mapping)
    return table(
        place / "people.csv", ("number", "post", "hired", "left", "course"), rows
    ), place / "people.yaml"


def test_a_personnel_table_gives_a_group_and_says_who_is_not_in_it(tmp_path: Path) -> None:
    held(tmp_path, clips(SEEN), events(SPANS))
    people, mapping = with_people(
        tmp_path,
        [
            ("9000", "South", "01/05/2020", "", ""),
            ("4471", "West", "01/05/2020", "03/01/2026", ""),
            ("4472", "North", "04/01/2026", "", ""),
            ("4472", "South", "", "", ""),
            ("4480", "North", "32/01/2020", "", ""),
        ],
    )
    found = reconcile(
        tmp_path / "recordings.csv", tmp_path / "recordings.yaml", tmp_path / "events.csv", tmp_path / "events.yaml",
        tmp_path / "out", people=people, people_mapping=mapping,
    )  # fmt: skip
    rows = {row["group"]: row for row in written(tmp_path / "out" / "by_group.csv")}
    assert rows["South"]["clips"] == "1"
    assert rows["North"]["clips"] == "3"  # who has duty belongs where the duty is
    assert "(no group)" not in rows
    assert any("1 people of the events (1 rows) are not in people.csv" in note for note in found.notes)
    assert any(
        "2 people have recordings (3 rows) before the first or after the last day" in n for n in found.notes
    )
    assert [(one.number, one.reason) for one in found.people.rejected] == [  # type: ignore[union-attr]
        (5, "4472 stands here twice; the first one counts"), (6, "“32/01/2020” is no time"),
    ]  # fmt: skip
    rejected = written(tmp_path / "out" / "rejected.csv")
    assert [row["file"] for row in rejected] == ["recordings.csv", "people.csv", "people.csv"]


def test_training_by_the_personnel_table_decides_whether_a_duty_is_missing_or_untrained(
    tmp_path: Path,
) -> None:
    calls = EVENTS + (
        "facts:\n  activity: [emergency_call]\n  phase: active\n  place: public\n  with_public: yes\n  in_plan: yes\n"
        "  equipped: yes\n  uniformed: yes\n"
    )
    rows = events([(w, "2026-03-02 08:00:00", "2026-03-02 09:00:00") for w in ("1", "2", "3")])
    held(tmp_path, clips([]), rows, happened=calls)
    people, mapping = with_people(
        tmp_path, [("1", "", "", "", "01/05/2026"), ("2", "", "", "", "03/03/2026"), ("3", "", "", "", "")]
    )
    reconcile(
        tmp_path / "recordings.csv", tmp_path / "recordings.yaml", tmp_path / "events.csv", tmp_path / "events.yaml",
        tmp_path / "out", people=people, people_mapping=mapping, policy=DIRECTIVES, agency="fps",
    )  # fmt: skip
    told = pq.read_table(tmp_path / "out" / "duties.parquet").to_pylist()
    by_badge = {row["wearer"]: row for row in told}
    assert by_badge["2"]["outcome"] == "untrained"
    assert by_badge["2"]["lacking"] == "trained"
    assert by_badge["3"]["outcome"] == "undetermined"
    assert "trained" in by_badge["3"]["missing_facts"]
    assert by_badge["1"]["outcome"] == "missing"


def test_a_personnel_table_and_its_mapping_go_together(tmp_path: Path) -> None:
    held(tmp_path, [], [])
    people, mapping = with_people(tmp_path, [], PEOPLE + "trainer: x\n")
    files = [
        tmp_path / name for name in ("recordings.csv", "recordings.yaml", "events.csv", "events.yaml", "out")
    ]
    with pytest.raises(Invalid, match="go together"):
        reconcile(*files, people=people)
    with pytest.raises(Invalid, match="the key “trainer” is not known here"):
        reconcile(*files, people=people, people_mapping=mapping)
