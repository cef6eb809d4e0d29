"""Who says why a duty was not met, who decides it, and what does that change?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from watched import NOON, Watched

from lapel.access.actor import Reach
from lapel.activation import exceptions, store, store_watch
from lapel.activation.exceptions import Entered
from lapel.activation.reasons import REASONS
from lapel.base.errors import Conflict, Invalid, NotFound, Refused
from lapel.custody import log
from lapel.storage.postgres import Scope

OFFICER, SUPERVISOR = "account:" + "a" * 32, "account:" + "b" * 32


def said(watched: Watched, duty: str | None, **other: object) -> Entered:
    there = Entered(
        watched.officer("7001"), "safety", "F7", "Shots were fired; I took cover before anything else.",
        NOON, NOON + timedelta(minutes=20), duty,
    )  # fmt: skip
    return replace(there, **other)  # type: ignore[arg-type]


def enter(watched: Watched, duty: str | None, **other: object) -> str:
    return exceptions.enter(
        watched.staffed.archive, watched.scope(OFFICER), "fps", said(watched, duty, **other)
    )


def decide(
    watched: Watched,
    exception: str,
    *,
    granted: bool = True,
    words: str = "Seen on the other camera.",
    by: str = SUPERVISOR,
    officer: str | None = None,
) -> list[str]:
    return exceptions.decide(
        watched.staffed.archive, watched.scope(by), exception, granted=granted, words=words, decider_is=officer
    )  # fmt: skip


def outcome(watched: Watched, duty: str) -> tuple[str, str]:
    with watched.staffed.archive.db.tx(watched.scope()) as conn:
        found = store.finding(conn, duty)
    return found.outcome, found.measured


def test_a_granted_exception_excuses_the_duty_and_keeps_what_was_measured(watched: Watched) -> None:
    duty = watched.finding("missing")
    exception = enter(watched, duty)
    assert outcome(watched, duty) == ("missing", "missing")
    assert decide(watched, exception) == [duty]
    assert outcome(watched, duty) == ("excused", "missing")


def test_a_refused_exception_excuses_nothing_and_says_why(watched: Watched) -> None:
    duty = watched.finding("missing")
    exception = enter(watched, duty)
    with pytest.raises(Invalid, match="says why"):
        decide(watched, exception, granted=False, words=" ")
    assert decide(watched, exception, granted=False) == []
    assert outcome(watched, duty) == ("missing", "missing")


def test_nobody_decides_what_they_entered_or_what_is_about_themselves(watched: Watched) -> None:
    exception = enter(watched, watched.finding("missing"))
    with pytest.raises(Refused, match="entered, or that is about themselves"):
        decide(watched, exception, by=OFFICER)
    with pytest.raises(Refused):
        decide(watched, exception, officer=watched.officer("7001"))
    decide(watched, exception, officer=watched.officer("7999"))


def test_the_database_too_refuses_that_one_person_enters_and_decides(watched: Watched) -> None:
    exception = enter(watched, watched.finding("missing"))
    with pytest.raises(psycopg.errors.CheckViolation), watched.staffed.archive.db.tx(watched.scope()) as conn:
        conn.execute(
            "UPDATE activation_exception SET state = 'granted', decided_by = entered_by, decided_at = now() WHERE id = %s",
            (exception,),
        )


def test_a_decision_is_final(watched: Watched) -> None:
    exception = enter(watched, watched.finding("missing"))
    decide(watched, exception)
    for again in (True, False):
        with pytest.raises(Conflict, match="granted already"):
            decide(watched, exception, granted=again, by="account:" + "c" * 32)
    with pytest.raises(Conflict):
        exceptions.withdraw(watched.staffed.archive, watched.scope(OFFICER), exception)


def test_only_who_entered_it_withdraws_it(watched: Watched) -> None:
    exception = enter(watched, watched.finding("missing"))
    with pytest.raises(Refused):
        exceptions.withdraw(watched.staffed.archive, watched.scope(SUPERVISOR), exception)
    exceptions.withdraw(watched.staffed.archive, watched.scope(OFFICER), exception)
    with pytest.raises(Conflict, match="withdrawn"):
        decide(watched, exception)


def test_the_clause_has_to_allow_the_reason_on_that_day(watched: Watched) -> None:
    duty = watched.finding("missing")
    for wrong in ("F11", "F10", "F8", "no such clause", ""):
        with pytest.raises(Invalid, match="does not allow") as told:
            enter(watched, duty, clause=wrong)
        assert "fps:F7" in told.value.next_step
    with pytest.raises(Invalid, match="no reason"):
        enter(watched, duty, reason="I forgot")
    enter(watched, duty, reason="request", clause="fps:F8")
    enter(watched, duty, reason="equipment", clause="F20")
    early = NOON.replace(year=2022)
    with pytest.raises(NotFound):
        enter(watched, None, begins_at=early, ends_at=early + timedelta(hours=1))


def test_every_agencys_policy_allows_safety_and_equipment_somewhere_and_no_duty_as_an_excuse(
    watched: Watched,
) -> None:
    in_2024 = NOON.replace(year=2024)
    agencies = ("cbp", "ice", "usss", "fps", "tsa", "uscg", "fema", "ocso", "oig")
    watched.sign(*(agency for agency in agencies if agency != "fps"), first=False)
    with watched.staffed.archive.db.tx(Scope("cli:clerk", agencies)) as conn:
        for agency in agencies:
            by_reason = {reason: exceptions.clauses(conn, agency, reason, in_2024) for reason in REASONS}
            assert by_reason["safety"], agency
            assert by_reason["equipment"], agency
            said = {rule.outcome.word for rules in by_reason.values() for rule in rules if rule.outcome}
            assert not said & {"required", "must_continue"}


def test_without_a_duty_it_covers_what_lies_inside_its_time_and_nothing_else(watched: Watched) -> None:
    inside = watched.finding("late", at=NOON + timedelta(minutes=10), covered=5)
    across = watched.finding("missing", at=NOON + timedelta(minutes=50))
    other = watched.finding("missing", badge="7002", at=NOON + timedelta(minutes=10))
    met = watched.finding("recorded", at=NOON + timedelta(minutes=35), minutes=5)
    exception = enter(watched, None, ends_at=NOON + timedelta(hours=1), reason="equipment", clause="F20")
    assert decide(watched, exception) == [inside]
    assert outcome(watched, inside) == ("excused", "late")
    assert outcome(watched, across) == ("missing", "missing")
    assert outcome(watched, other) == ("missing", "missing")
    assert outcome(watched, met) == ("recorded", "recorded")


def test_a_run_finds_the_same_excuse_again(watched: Watched) -> None:
    duty = watched.finding("missing")
    exception = enter(watched, duty)
    decide(watched, exception)
    with watched.staffed.archive.db.tx(watched.scope()) as conn:
        given = exceptions.granted(conn, "fps", NOON, NOON + timedelta(minutes=1))
        assert exceptions.excuse_of(store.finding(conn, duty), given) == exception
        assert exceptions.granted(conn, "fps", NOON - timedelta(days=1), NOON) == []


def test_each_step_is_a_custody_entry_with_the_clause(watched: Watched) -> None:
    exception = enter(watched, watched.finding("missing"))
    decide(watched, exception)
    with watched.staffed.archive.db.tx(watched.scope()) as conn:
        acts = log.history(conn, f"exception:{exception}")
        row = store_watch.exception(conn, exception)
    assert [(act.act, act.actor) for act in acts] == [
        ("exception_entered", OFFICER),
        ("exception_granted", SUPERVISOR),
    ]
    assert acts[0].detail["clause"] == "fps:F7"
    assert (row.entry, row.decision_entry) == (acts[0].entry, acts[1].entry)


def test_what_cannot_be_an_exception_is_refused_with_what_to_do(watched: Watched) -> None:
    duty = watched.finding("missing")
    for wrong in (
        {"words": " \0 "}, {"words": "x" * 4001}, {"ends_at": NOON}, {"ends_at": NOON + timedelta(days=3)}, {"officer": "0" * 32},
    ):  # fmt: skip
        with pytest.raises(Invalid) as told:
            enter(watched, duty, **wrong)
        assert told.value.says
    with watched.staffed.archive.db.tx(watched.scope()) as conn:
        assert store_watch.register(conn, Reach(("fps",), ("fps",))) == []


def test_another_agency_sees_nothing_of_it(watched: Watched) -> None:
    exception = enter(watched, watched.finding("missing"))
    with watched.staffed.archive.db.tx(Scope("account:x", ("cbp",))) as conn, pytest.raises(NotFound):
        store_watch.exception(conn, exception)
