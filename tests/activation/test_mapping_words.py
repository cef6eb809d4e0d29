"""What is wrong with a mapping is said with its file, line and column, and with the nearest word."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from two_files import COLUMNS, EVENTS, RECORDINGS, clips, events, table
from typer.testing import CliRunner

from lapel.activation.commands import add_reconcile
from lapel.activation.mapping_text import read_mapping
from lapel.base.errors import Invalid
from lapel.policy.words import read_vocabulary

FAULTS = {
    "a key that is not there": (EVENTS + "begin: x\n", r"e.yaml:10:1: the key “begin” is not known here", "begins"),
    "a key of recordings": (EVENTS + "wearer: x\n", r"e.yaml:10:1: the key “wearer” is not known here", ""),
    "no beginning": (EVENTS.replace("begins: begin\n", ""), "begins is missing", "Name the column"),
    "another version": (EVENTS.replace("version: 1", "version: 2"), "e.yaml:2:1: this version is not known", "version: 1"),
    "no zone": (EVENTS.replace("America/Chicago", "Central"), "“Central” is no time zone", "America/Chicago"),
    "a zone that is a path": (EVENTS.replace("America/Chicago", "../../etc/passwd"), "is no time zone", ""),
    "offsets that cannot be": (EVENTS + "offsets: ignore\n", "“ignore” cannot stand after offsets", "ignored"),
    "two ways to end": (EVENTS + "lasts: {column: n, unit: hours}\n", "ends and a column for lasts are both given", ""),
    "a unit that is none": (EVENTS.replace("ends: end", "lasts: {column: n, unit: hour}"), "“hour” is no unit", "hours"),
    "a length without a number": (EVENTS + "longest: {hours: many}\n", "“many” is no number of hours", ""),
    "a share that is none": (EVENTS + "most rejected: half\n", "“half” is no share", "20 %"),
    "two meanings of one cell": (
        EVENTS + "facts:\n  place: {column: p, values: {Home: home, HOME: public}}\n", "“HOME” has two meanings", "",
    ),
    "a phase without a time": (EVENTS + "phases:\n- {facts: {phase: active}}\n", "a phase begins `at`", ""),
    "a phase with two times": (EVENTS + "phases:\n- {at: a, after: {minutes: 1}, facts: {}}\n", "a phase begins `at`", ""),
    "an encoding that is none": (EVENTS + "file: {encoding: ansi}\n", "“ansi” is no encoding", "cp1252"),
    "a key twice": (EVENTS + "id: other\n", "e.yaml:10:1: the key “id” stands here twice", "Remove one"),
    "an alias": (EVENTS + "note: &a x\n", "anchors and aliases are not allowed", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_said_with_its_place_and_what_to_write(name: str) -> None:
    text, says, step = FAULTS[name]
    with pytest.raises(Invalid, match=says) as refused:
        read_mapping(text, "e.yaml", "events")
    assert refused.value.says.startswith("e.yaml:")
    assert step in refused.value.next_step


WORDS = """
facts:
  agency: {one of: [north], says: "of {}"}
  place: {one of: [public, home], says: "in {}"}
questions:
  record: {one of: [forbidden, permitted, required], otherwise: permitted, together: agree, conform: binding}
always: []
ordinary: {place: public}
presume: []
"""


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ("  plaice: home\n", "plaice is no fact"),
        ("  place: hom\n", "“hom” is no value of place"),
        ("  place: {column: p, values: {H: house}}\n", "“house” is no value of place"),
    ],
)
def test_facts_are_held_against_the_vocabulary(facts: str, says: str) -> None:
    mapping = read_mapping(f"{EVENTS}facts:\n{facts}", "e.yaml", "events")
    with pytest.raises(Invalid, match=rf"e.yaml:11:\d+: {says}"):
        mapping.check_facts(read_vocabulary(WORDS, "words.yaml"))


def test_yes_and_no_stay_words_and_unknown_states_nothing() -> None:
    text = EVENTS + "facts:\n  place: {column: p, values: {yes: home, no: unknown}}\n"
    (rule,) = read_mapping(text, "e.yaml", "events").facts
    assert rule.read({"p": "YES"}, frozenset({""})) == ("home", [])
    assert rule.read({"p": "no"}, frozenset({""})) == ("", [])
    assert rule.read({"p": "maybe"}, frozenset({""})) == ("", ["maybe"])
    assert rule.read({"p": ""}, frozenset({""})) == ("", [])


def test_a_cell_is_one_column_several_the_first_that_is_filled_or_many_values() -> None:
    text = EVENTS.replace("begins: begin", "begins: [day, time]").replace(
        "group: office", "group: {either: [post, office]}"
    )
    mapping = read_mapping(
        text.replace("officers: badge", 'officers: {column: unit, separated by: "/"}'), "e.yaml", "events"
    )
    assert mapping.begins.of({"day": "2026-03-02", "time": "08:00"}) == "2026-03-02 08:00"
    assert mapping.group.of({"post": " ", "office": "North"}) == "North"
    assert mapping.group.of({"post": "Gate", "office": "North"}) == "Gate"
    assert mapping.officers.many({"unit": "12A / 12B/12A/"}) == ["12A", "12B"]


def test_the_command_tells_what_was_found_and_ends_with_the_status_of_its_error(tmp_path: Path) -> None:
    app = typer.Typer()
    add_reconcile(app)
    span = ("2026-03-02 08:00:00", "2026-03-02 09:00:00")
    (tmp_path / "r.yaml").write_text(RECORDINGS)
    (tmp_path / "e.yaml").write_text(EVENTS)
    options = ["--out", str(tmp_path / "out")]
    for name, rows in (
        ("recordings", clips([("7", *span)])),
        ("events", events([("7", *span), ("8", *span)])),
    ):
        path = table(tmp_path / f"{name}.csv", COLUMNS[name], rows)
        options += [f"--{name}", str(path), f"--{name}-mapping", str(tmp_path / f"{name[0]}.yaml")]
    said = CliRunner().invoke(app, options)
    assert said.exit_code == 0
    assert "Of 2.0 hours of duty 1.0 were recorded and 1.0 were not" in said.output
    assert "1 of 2 officers of the events have no recording at all" in said.output
    refused = CliRunner().invoke(app, [*options, "--agency", "fps"])
    assert isinstance(refused.exception, Invalid)
    assert refused.exception.exit_status == 5
