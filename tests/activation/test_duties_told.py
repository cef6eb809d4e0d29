"""What is owed along an event, as the policy language's page says it: facts that change, a grace to start, a stop, a ban."""

from __future__ import annotations

from datetime import date
from functools import cache

import numpy as np
import pytest

from lapel.activation import duties
from lapel.activation.duties import DUTY, FORBIDDEN, NEVER_US, PAST_STOP, Happened, Judge, Owed, owed
from lapel.activation.event import Change, Stated, Story
from lapel.activation.findings import OUTCOMES
from lapel.activation.happening import ALL_UNKNOWN, Books, happened
from lapel.activation.instants import DAY_US
from lapel.activation.match import Spans, match
from lapel.activation.outcomes import NOTHING, outcomes
from lapel.activation.ruling import NO, UNKNOWN, YES, camera_code, camera_facts
from lapel.policy.book import lone_book
from lapel.policy.directive import Directive
from lapel.policy.engine import Engine
from lapel.policy.language import read_directive
from lapel.policy.library import Library, assemble
from lapel.policy.vocabulary import Vocabulary
from lapel.policy.words import read_vocabulary

WORDS = """
facts:
  agency: {one of: [north], says: "the officer belongs to {}"}
  activity: {some of: [patrol, emergency_call, warrant_search], says: "the officer is doing: {}"}
  phase: {one of: [approach, active, secured, concluded], says: "the encounter is {}"}
  in_plan: {yes/no: "the unit is in the plan"}
  equipped: {yes/no: "a camera was assigned"}
  trained: {yes/no: "the officer was trained"}
  undercover: {yes/no: "undercover personnel would be recorded"}
  asked_to_stop: {yes/no: "somebody has asked for the camera to be off"}
questions:
  record: {one of: [forbidden, permitted, required], otherwise: permitted, together: agree, conform: binding}
  stop: {one of: [must_continue, may_stop, must_stop], otherwise: may_stop, together: agree, conform: binding}
  start_within: {seconds: [0, 3600], otherwise: no limit, together: soonest, conform: at most}
always: []
ordinary: {activity: [], phase: active, in_plan: yes, equipped: yes, trained: yes, undercover: no, asked_to_stop: no}
presume:
- {fact: undercover, rebutted by: supervisor, in: register}
"""
HEAD = """
- id: {id}
  says: "x"
  cite: {{source: none, confidence: invented}}
  {rest}
"""
CLAUSES = (
    ("D1", "record: required\n  when: in_plan and equipped and trained and activity has any [patrol, emergency_call] and phase in [approach, active]\n  subject to: [A1, U9]"),
    ("D2", "start_within: {seconds: 30}\n  when: activity has emergency_call"),
    ("U8", "stop: must_continue\n  when: phase is secured and not asked_to_stop"),
    ("A1", "record: permitted\n  when: asked_to_stop\n  subject to: [U9]"),
    ("A2", "stop: must_stop\n  when: asked_to_stop"),
    ("U9", "record: forbidden\n  when: undercover"),
)  # fmt: skip
MINUTE = 60_000_000
BEGIN = (date(2026, 3, 2) - date(1970, 1, 1)).days * DAY_US
ALL = camera_code(YES, YES, YES)


@cache
def words() -> Vocabulary:
    return read_vocabulary(WORDS, "words.yaml")


def policy(version: str = "2026-01-01", until: str = "") -> Directive:
    head = f"policy: north\nversion: {version}\nfollows: {{policy: dept, version: 2024-01-01}}\n"
    head += f"until: {until}\n" if until else ""
    return read_directive(
        head + "clauses:" + "".join(HEAD.format(id=i, rest=r) for i, r in CLAUSES), "n.yaml", words()
    )


@cache
def library() -> Library:
    dept = "policy: dept\nversion: 2024-01-01\nclauses:" + HEAD.format(
        id="D0", rest="record: permitted\n  when: undercover"
    )
    return assemble(words(), [read_directive(dept, "d.yaml", words()), policy(until="2026-06-01")])


def story(*steps: tuple[int, dict[str, str]]) -> Story:
    """Facts from so many minutes on; the first at 0."""
    told = [(after, {k: Stated(v, "a file") for k, v in facts.items()}) for after, facts in steps]
    return Story(told[0][1], tuple(Change(after * MINUTE, facts) for after, facts in told[1:]))


def due(told: Story, camera: int = ALL, *, minutes: int = 60, begin: int = BEGIN) -> Owed:
    """One event of one officer."""
    columns, reasons = happened(
        begin=np.array([begin]), end=np.array([begin + minutes * MINUTE]), days=np.array([begin // DAY_US]),
        story=np.array([0], np.int32), stories=[told], part=np.array([0], np.int32), camera=np.array([camera], np.int32),
        books=Books(library(), "north"),
    )  # fmt: skip
    return owed(columns, Judge(), reasons)


def shown(found: Owed, begin: int = BEGIN) -> list[tuple[str, int, int, str, int]]:
    """(kind, from minute, to minute, status, seconds to start)."""
    status = ("owed", "lacking", "undetermined")
    return [
        (duties.KINDS[found.kind[i]], int(found.begin[i] - begin) // MINUTE, int(found.end[i] - begin) // MINUTE,
         status[found.status[i]], int(found.within[i]) // 1_000_000)
        for i in range(len(found))
    ]  # fmt: skip


CALL = {"activity": "emergency_call", "asked_to_stop": "no"}


def test_a_call_is_a_duty_from_approach_until_it_lapses_and_until_it_is_concluded_when_it_must_go_on() -> (
    None
):
    found = due(
        story(
            (0, {**CALL, "phase": "approach"}),
            (10, {"phase": "active"}),
            (30, {"phase": "secured"}),
            (45, {"phase": "concluded"}),
        )
    )
    assert shown(found) == [("duty", 0, 45, "owed", 30)]
    assert found.whys[0].clauses == ("north:D1", "north:U8")
    assert found.whys[0].presumed == ("undercover",)


def test_what_must_go_on_owes_nothing_where_nothing_was_owed_before() -> None:
    assert shown(due(story((0, {**CALL, "phase": "secured"}), (10, {"phase": "concluded"})))) == []


def test_a_duty_that_begins_inside_the_event_begins_there() -> None:
    found = due(story((0, {"activity": "-", "phase": "active"}), (20, {"activity": "patrol"})))
    # Nobody says whether anybody asked to stop, and that could lift the duty.
    assert shown(found) == [("duty", 20, 60, "undetermined", 0)]
    assert found.whys[0].missing == ("asked_to_stop",)


def test_no_clock_means_at_once_and_a_clock_gives_its_seconds() -> None:
    patrol = due(story((0, {**CALL, "activity": "patrol", "phase": "active"})))
    assert shown(patrol) == [("duty", 0, 60, "owed", 0)]
    assert shown(due(story((0, {**CALL, "phase": "active"})))) == [("duty", 0, 60, "owed", 30)]


def test_who_is_asked_to_stop_owes_no_more_and_must_not_go_on() -> None:
    found = due(
        story(
            (0, {**CALL, "phase": "active"}),
            (20, {"asked_to_stop": "yes"}),
            (50, {"asked_to_stop": "no", "phase": "concluded"}),
        )
    )
    assert shown(found) == [("duty", 0, 20, "owed", 30), ("past the stop", 20, 50, "owed", 0)]
    assert [found.whys[i].clauses for i in found.why] == [("north:D1",), ("north:A2",)]


def test_a_ban_is_a_stretch_of_its_own_and_stands_above_the_duty() -> None:
    found = due(
        story(
            (0, {**CALL, "phase": "active"}),
            (15, {"undercover": "yes"}),
            (25, {"undercover": "no", "phase": "active"}),
        )
    )
    assert shown(found) == [
        ("duty", 0, 15, "owed", 30),
        ("duty", 25, 60, "owed", 30),
        ("forbidden", 15, 25, "owed", 0),
    ]


@pytest.mark.parametrize(
    ("camera", "lacking", "outcome"),
    [
        (camera_code(NO, NO, NO), ("in_plan", "equipped", "trained"), "not in plan"),
        (camera_code(YES, NO, YES), ("equipped",), "no camera"),
        (camera_code(YES, YES, NO), ("trained",), "untrained"),
        (camera_code(NO, NO, YES), ("in_plan", "equipped"), "not in plan"),
    ],
)
def test_what_would_be_owed_with_a_camera_is_named_by_what_lacked_and_never_folded_into_missing(
    camera: int, lacking: tuple[str, ...], outcome: str
) -> None:
    found = due(story((0, {**CALL, "phase": "active"}), (30, {"phase": "secured"})), camera)
    assert [row[:4] for row in shown(found)] == [("duty", 0, 60, "lacking")]
    assert found.whys[found.why[0]].lacking == lacking
    nothing = Spans(np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int64))
    measured = match(Spans(np.zeros(1, np.int32), found.begin, found.end), nothing, found.within)
    assert [OUTCOMES[i] for i in outcomes(found, measured)] == [outcome]


def test_camera_facts_that_nobody_knows_leave_the_duty_undetermined_and_are_named() -> None:
    found = due(story((0, {**CALL, "phase": "active"})), ALL_UNKNOWN)
    assert shown(found)[0][3] == "undetermined"
    assert set(found.whys[0].missing) == {"in_plan", "equipped", "trained"}


def test_no_version_in_force_is_undetermined_and_says_so() -> None:
    begin = (date(2026, 7, 1) - date(1970, 1, 1)).days * DAY_US
    found = due(story((0, {**CALL, "phase": "active"})), begin=begin)
    assert shown(found, begin) == [("duty", 0, 60, "undetermined", 0)]
    assert "2026-07-01" in found.whys[0].says
    assert "north" in found.whys[0].says


def test_the_version_counts_that_is_in_force_on_the_day_of_the_event() -> None:
    for day, status in ((date(2026, 5, 31), "owed"), (date(2026, 6, 1), "undetermined")):
        begin = (day - date(1970, 1, 1)).days * DAY_US
        found = due(story((0, {**CALL, "phase": "active"})), begin=begin)
        assert shown(found, begin)[0][3] == status


def test_a_change_beyond_the_end_of_the_event_is_cut_off() -> None:
    found = due(story((0, {**CALL, "phase": "active"}), (90, {"undercover": "yes"})))
    assert shown(found) == [("duty", 0, 60, "owed", 30)]


def test_a_situation_that_cannot_be_is_undetermined_and_not_left_out() -> None:
    vocabulary = read_vocabulary(
        WORDS.replace("always: []", "always:\n- not undercover or phase is active"), "words.yaml"
    )
    dept = read_directive(
        "policy: dept\nversion: 2024-01-01\nclauses:" + HEAD.format(id="D0", rest="record: required"),
        "d.yaml",
        vocabulary,
    )
    engine = Engine(lone_book(vocabulary, dept))
    pieces = Judge().pieces(engine, [{"undercover": True, "phase": "secured"}], ALL)
    assert [(one.kind, one.status) for one in pieces] == [(DUTY, duties.UNDETERMINED)]
    assert "cannot be" in pieces[0].why.says


def test_recording_in_a_ban_is_a_finding_and_keeping_to_it_is_none() -> None:
    found = due(story((0, {**CALL, "phase": "active"}), (15, {"undercover": "yes"})))
    span = Spans(np.zeros(2, np.int32), found.begin, found.end)
    for ends, wanted in (
        (60, ["recorded", "recorded though forbidden"]),
        (15, ["recorded", NOTHING]),
        (14, ["stopped early", NOTHING]),
    ):
        clip = Spans(np.zeros(1, np.int32), np.array([BEGIN]), np.array([BEGIN + ends * MINUTE]))
        came = outcomes(found, match(span, clip, found.within)).tolist()
        assert [i if i == NOTHING else OUTCOMES[i] for i in came] == wanted
    assert found.kind.tolist() == [DUTY, FORBIDDEN]


def test_recording_on_after_being_asked_to_stop_is_a_finding() -> None:
    found = due(story((0, {**CALL, "phase": "active"}), (20, {"asked_to_stop": "yes"})))
    assert found.kind.tolist() == [DUTY, PAST_STOP]
    clip = Spans(np.zeros(1, np.int32), np.array([BEGIN]), np.array([BEGIN + 21 * MINUTE]))
    span = Spans(np.zeros(2, np.int32), found.begin, found.end)
    assert [OUTCOMES[i] for i in outcomes(found, match(span, clip, found.within))] == [
        "recorded",
        "recorded past the stop",
    ]


def test_events_of_one_shape_are_ruled_once_and_each_keeps_its_own_times() -> None:
    count = 50
    begin = BEGIN + np.arange(count) * 7 * MINUTE
    told = [story((0, {**CALL, "phase": "active"}), (5 + i, {"phase": "concluded"})) for i in range(count)]
    columns, reasons = happened(
        begin=begin, end=begin + 3600 * 1_000_000, days=begin // DAY_US, story=np.arange(count, dtype=np.int32),
        stories=told, part=np.arange(count, dtype=np.int32), camera=np.full(count, ALL, np.int32), books=Books(library(), "north"),
    )  # fmt: skip
    assert len(columns.shapes) == 1
    found = owed(columns, Judge(), reasons)
    assert found.part.tolist() == list(range(count))
    assert ((found.end - found.begin) // MINUTE).tolist() == [5 + i for i in range(count)]


def test_camera_facts_come_back_from_their_number() -> None:
    for code in range(27):
        facts = camera_facts(code)
        said = [
            {True: YES, False: NO, None: UNKNOWN}[facts.get(n)] for n in ("in_plan", "equipped", "trained")
        ]
        assert camera_code(*said) == code


def test_nothing_happened_and_nothing_is_owed() -> None:
    nothing = np.zeros(0, np.int64)
    codes = np.zeros(0, np.int32)
    empty = Happened(
        nothing, nothing, np.full((0, 1), NEVER_US), codes, [{}][:0], codes, [None], codes, codes  # type: ignore[arg-type]
    )  # fmt: skip
    assert len(owed(empty, Judge())) == 0
