"""The mappings under examples/ fit the real files: what these say is stated with its source, what they do not say stays unknown."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from two_files import DATA, DIRECTIVES, clips, held

from lapel.activation import event
from lapel.activation.instants import to_datetime
from lapel.activation.mapping_text import read_mapping
from lapel.activation.people import read_people_mapping
from lapel.activation.reading import NO_OFFICER, Reading, read_file
from lapel.base.errors import Invalid
from lapel.policy.shelf import vocabulary_at
from lapel.policy.vocabulary import Vocabulary

EXAMPLES = Path(__file__).parents[2] / "examples"
REAL = {
    "dispatch/chp_dui_calls": "dispatch/chp_sacramento_dui_calls.xlsx",
    "stops/ucpd_traffic": "dispatch/ucpd_traffic.csv",
    "stops/ucpd_interview": "dispatch/ucpd_interview.csv",
    "force/nj_use_of_force": "force/nj_use_of_force_2024_09_10_no_names.csv",
    "nibrs/incidents": "formats/nibrs_2019/nibrs_AllFields_Sample.xml",
    "eido/incidents": "formats/eido/SampleCallTransferEido.json",
}


@cache
def vocabulary() -> Vocabulary:
    return vocabulary_at(DIRECTIVES / "vocabulary.yaml")


def real(mapping: str, file: str = "", **instead: str) -> Reading:
    """A real file as its example reads it. `instead`: words of the example, and by what they are replaced."""
    path = DATA / (file or REAL[mapping])
    if not path.exists():
        pytest.skip(f"../shared/data/{file or REAL[mapping]} is not here")
    text = (EXAMPLES / f"{mapping}.yaml").read_text()
    for words in instead.values():
        assert words.split(" -> ")[0] in text
        text = text.replace(*words.split(" -> "))
    return read_file(path, read_mapping(text, f"{mapping}.yaml", "events"), vocabulary())


def facts(reading: Reading, place: int = 0) -> dict[str, str]:
    return {name: stated.value for name, stated in reading.apart[place].story.facts.items()}


def test_every_example_can_be_read_and_is_tried_on_a_real_file() -> None:
    tried = set()
    for path in EXAMPLES.rglob("*.yaml"):
        what = path.read_text().partition("mapping: ")[2].split()[0]
        if what == "people":
            read_people_mapping(path.read_text(), path.name)
        elif what in ("recordings", "events"):
            read_mapping(path.read_text(), path.name, what).check_facts(  # type: ignore[arg-type]
                vocabulary()
            )
        else:
            continue  # another room's
        tried.add(f"{path.parent.name}/{path.stem}")
    assert tried - set(REAL) == {
        "tjjd/recordings",
        "tjjd/events",
        "tjjd/people",
    }  # tests/activation/test_real_shifts.py


def test_a_dispatch_export_without_units_creates_no_duty_and_every_call_is_accounted_for() -> None:
    # One sheet of it; of the whole (31,649 calls) three were at a time that the clocks skipped, and one had none.
    reading = real("dispatch/chp_dui_calls", sheet="sheet: 23152 ALL -> sheet: 23152 with STOP")
    assert Counter(one.reason for one in reading.rejected) == {NO_OFFICER: 464}
    assert (reading.count, len(reading.rows), len(reading.apart)) == (464, 0, 464)
    # Whether a unit was assigned is told by a time, and by nothing before it.
    assert all(row.story.changes[0].facts["phase"].value == "en_route" for row in reading.apart)
    first = reading.apart[0].story.changes[0]
    assert (first.after_us, first.facts["phase"].source) == (460_947_000, "chp sacramento calls: the mapping")
    assert facts(reading) == {"activity": "emergency_call"}
    assert all(event.END_ASSUMED in row.flags for row in reading.apart)


def test_a_call_without_a_unit_is_no_duty_in_any_table(tmp_path: Path) -> None:
    span = ("2026-03-02 08:00:00", "2026-03-02 09:00:00")
    found = held(tmp_path, clips([("7", *span)]), [("E1", "", "North", *span), ("E2", "7", "North", *span)])
    assert (found.total.duty_us, found.came["recorded"].count) == (3600 * 1_000_000, 1)
    assert found.events.apart[0].id == "E1"


def test_stops_to_the_minute_are_read_and_times_that_are_none_are_listed() -> None:
    reading = real("stops/ucpd_traffic")
    assert (reading.count, len(reading.apart)) == (5677, 5620)
    assert f"{to_datetime(reading.apart[0].begin):%F %T}" == "2019-01-03 04:17:00"
    assert facts(reading) == {"activity": "stop", "place": "public", "phase": "active", "with_public": "yes"}
    reasons = [one.reason for one in reading.rejected if one.reason != NO_OFFICER]
    assert reasons.count("it is a heading repeated inside the file") == 4
    # Neither AM nor PM: it is not guessed.
    assert any(reason.endswith("is no time") and "M" not in reason for reason in reasons)
    assert len(real("stops/ucpd_interview").apart) == 762


def test_unknown_is_not_no_and_one_cell_may_hold_many_values() -> None:
    reading = real("force/nj_use_of_force")
    assert (reading.count, len(reading.apart), reading.blank) == (2935, 2935, 0)
    every = [facts(reading, i) for i in range(2935)]
    assert all("equipped" not in one and "in_plan" not in one for one in every)
    assert Counter(one.get("uniformed") for one in every) == {"yes": 2692, "no": 243}
    assert Counter(one.get("activity") for one in every)[None] > 2800  # empty, or “Other”: nobody says
    said = Counter(one.get("force") for one in every)
    assert said["force"] > 2800
    # One report of arms and hands is force; of a firearm and hands the vocabulary has no single word: unknown, and noted.
    assert set(said) == {"force", "firearm", None}
    assert all(event.DAY_ONLY in row.flags for row in reading.apart)


def test_incidents_in_xml_are_read_with_the_time_or_the_day_they_have() -> None:
    reading = real("nibrs/incidents")
    (row,) = reading.apart
    assert (row.id, row.group, f"{to_datetime(row.begin):%F %T}") == (
        "54236732",
        "WVNDX0100",
        "2016-02-19 15:00:00",
    )
    assert facts(reading) == {"injury": "none"}
    (arrest,) = real("nibrs/incidents", "formats/nibrs_2019/nibrs_GroupBArrest_Sample.xml").apart
    assert (arrest.id, arrest.flags) == ("12345", (event.DAY_ONLY,))
    for name, reason in (
        ("IncidentDelete", "it takes back an earlier report"),
        ("ZeroReport", "it reports that nothing happened that month"),
    ):
        (one,) = real("nibrs/incidents", f"formats/nibrs_2019/nibrs_{name}_Sample.xml").rejected
        assert one.reason == reason


def test_a_sample_whose_xml_is_broken_is_refused_with_the_place() -> None:
    with pytest.raises(Invalid, match="XML cannot be read after row 0: XML or text declaration not at start"):
        real("nibrs/incidents", "formats/nibrs_2019/nibrs_GroupAReplace_Sample.xml")


def test_an_emergency_call_in_json_is_read_and_its_call_taker_is_no_officer() -> None:
    reading = real("eido/incidents")
    (row,) = reading.apart
    assert (row.id, row.badges) == ("urn:emergency:uid:incidentid:a56e556d871:bcf.state.pa.us", ())
    assert f"{to_datetime(row.begin):%F %T}" == "2021-04-30 18:40:00"
    assert facts(reading) == {"activity": "emergency_call"}
    with pytest.raises(Invalid, match="it has no beginning"):
        real("eido/incidents", "formats/eido/NotifyWithEido.json")


def test_a_notification_of_calls_is_read_by_naming_where_its_list_is() -> None:
    reading = real(
        "eido/incidents",
        "formats/eido/NotifyWithEido.json",
        where="format: json -> format: json, records: event.notification",
    )
    assert len(reading.apart) == 1
