"""The difference of two versions against counting, and the laws that it keeps."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from policy_samples import clause, directive, every_situation, head, random_clauses, words

from lapel.policy.book import Book, lone_book
from lapel.policy.diff import changed, diff
from lapel.policy.engine import Engine
from lapel.policy.past import changed_events

ALL = every_situation()


def book(clauses: str) -> Book:
    return lone_book(words(), directive(head("north") + clauses))


def edited(rng: random.Random, text: str) -> str:
    """The clauses with one of them changed, or not changed at all."""
    clauses = ["- id:" + part for part in text.split("- id:")[1:]]
    place = rng.randrange(len(clauses))
    kind = rng.choice(["same", "answer", "when", "order"])
    if kind == "answer":
        clauses[place] = (
            clauses[place]
            .replace("required", "forbidden")
            .replace("30", "40")
            .replace("may_stop", "must_stop")
        )
    if kind == "when":
        clauses[place] = clauses[place].replace("alone", "armed").replace("street", "home")
    if kind == "order":
        clauses[place] = "".join(
            line + "\n" for line in clauses[place].splitlines() if "subject to" not in line
        )
    return "".join(clauses)


@pytest.mark.parametrize("seed", range(40))
def test_the_classes_are_the_pairs_of_answers_that_counting_finds(seed: int) -> None:
    rng = random.Random(seed)
    text = random_clauses(rng, 6, "N")
    old, new = book(text), book(edited(rng, text))
    before, after = Engine(old), Engine(new)
    units = {q: question.unit for q, question in words().questions.items()}
    counted = set()
    for situation in ALL:
        was, now = before.decide(situation), after.decide(situation)
        counted |= {
            (q, was[q].joined.show(units[q]), now[q].joined.show(units[q]))
            for q in was
            if was[q].joined != now[q].joined
        }
    found = diff(old, new)
    assert {(c.question, c.old, c.new) for c in found} == counted
    names = changed(old, new)
    for change in found:
        assert change.clauses
        assert set(change.clauses) <= names.keys()
        was, now = (
            before.decide(change.witness)[change.question],
            after.decide(change.witness)[change.question],
        )
        assert (was.joined.show(units[change.question]), now.joined.show(units[change.question])) == (
            change.old,
            change.new,
        )
        assert (was.clauses, now.clauses) == (change.old_by, change.new_by)


def test_a_clause_that_says_the_same_otherwise_changes_nothing() -> None:
    old = book(clause("N1", "record: required", "not (alone and armed)"))
    new = book(clause("N1", "record: required", "not alone or not armed"))
    assert diff(old, new) == []


def test_a_changed_exception_is_named_as_what_changed() -> None:
    duty = clause("N1", "record: required", "alone", subject_to="[N2]")
    found = diff(
        book(duty + clause("N2", "record: forbidden", "armed")),
        book(duty + clause("N2", "record: forbidden", "armed and people >= 3")),
    )
    shown = {(c.old, c.new): (c.clauses, c.witness["people"]) for c in found}
    assert shown == {("forbidden", "required"): (("N2",), 2), ("forbidden", "permitted"): (("N2",), 2)}


def test_past_events_whose_answer_changes_are_counted(tmp_path: Path) -> None:
    old, new = (
        book(clause("N1", "record: required", "alone")),
        book(clause("N1", "record: required", "alone and armed")),
    )
    events = tmp_path / "events.csv"
    events.write_text(
        "id,agency,alone,armed,place,doing,people\n"
        "1,north,yes,no,street,stop,2\n2,north,yes,yes,street,stop,2\n3,south,yes,no,street,stop,2\n4,,yes,no,,patrol|stop,3\n"
    )
    assert changed_events(old, new, events) == {("record", "required", "permitted"): 2}
