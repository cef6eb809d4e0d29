"""Do the nine policies hold when a few hundred thousand random situations are tried, as the prover says of all of them?"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from policy_samples import random_rows

from lapel.policy.book import Book, agency_book, floor_book
from lapel.policy.case import Case
from lapel.policy.condition import holds
from lapel.policy.conform import binds, listed, relying
from lapel.policy.engine import Engine
from lapel.policy.library import Library
from lapel.policy.outcome import Joined, Outcome
from lapel.policy.planes import Part, Planes
from lapel.policy.program import Program
from lapel.policy.proof import prove
from lapel.policy.shelf import library_at
from lapel.policy.vocabulary import Question

DIRECTIVES = Path(__file__).resolve().parents[2] / "directives"
ROWS = 1 << 17


@cache
def directives() -> Library:
    return library_at(DIRECTIVES)


def meets(question: Question, floor: Outcome, said: Joined) -> bool:
    """Told again for joined answers, without the prover's formulas."""
    if question.answers:
        return floor.word in said.words
    if question.conform == "at least":
        if said.endless:
            return True
        return not floor.word and any(
            c.kind == floor.kind
            and all(dict(c.extended).get(e, c.number) >= floor.at(e) for e in ("", *question.extends_on))
            for c in said.clocks
        )
    return bool(floor.word) or any(c.kind == floor.kind and c.number <= floor.number for c in said.clocks)


def granted(case: Case, book: Book, part: Part, columns: object, question: Question) -> NDArray[np.bool_]:
    """Rows in which a speaking clause relies on a grant that lists the question."""
    found = np.zeros(part.rows.stop - part.rows.start, np.bool_)
    questions = directives().vocabulary.questions
    for index, rule, grant in relying(case):
        assert rule.outcome
        if question.name in grant.lists and listed(questions[rule.question], grant, rule.outcome):
            program = Program()
            step = program.condition(case.defined(grant.when))
            reach = program.run(columns, program.needed([step]))[step][0]  # type: ignore[arg-type]
            found |= part.bits(part.speaking[index][0]) & part.bits(reach)
    return found


@pytest.mark.parametrize("agency", ["cbp", "ice", "usss", "fps", "tsa", "uscg", "fema", "ocso", "oig"])
def test_no_random_situation_breaks_what_is_proved(agency: str) -> None:
    for number, proof in enumerate(prove(directives(), [agency])):
        assert proof.holds
        case = Case(directives(), agency, proof.start)
        own, floor = (
            agency_book(directives(), agency, proof.start),
            floor_book(directives(), agency, proof.start),
        )
        columns = random_rows(own, ROWS, number).with_value("agency", agency)
        answering, ruling = Planes(own), Planes(floor)
        for mine, theirs in zip(answering.parts(columns), ruling.parts(columns), strict=True):
            possible = mine.bits(mine.possible[0])
            for index, plane in theirs.speaking.items():
                rule = floor.rules[index]
                question = directives().vocabulary.questions[rule.question]
                if rule.policy != "department" or rule.outcome is None or not binds(question, rule):
                    continue
                kept = np.array(
                    [meets(question, rule.outcome, s.joined) for s in answering.answers[question.name]]
                )
                broken = possible & theirs.bits(plane[0]) & ~kept[mine.answers[question.name]]
                assert not (broken & ~granted(case, own, mine, columns.part(mine.rows), question)).any(), (
                    rule.key
                )
            for name, rows in mine.answers.items():
                conflict = np.array([s.joined.conflict for s in answering.answers[name]])
                assert not (possible & conflict[rows]).any(), name


@pytest.mark.parametrize("agency", ["cbp", "ice", "usss", "fps", "tsa", "uscg", "fema", "ocso", "oig"])
def test_planes_equal_the_closure_on_the_nine_policies(agency: str) -> None:
    policy = directives().versions(agency)[-1]
    book = agency_book(directives(), agency, policy.version)
    engine, planes = Engine(book), Planes(book)
    columns = random_rows(book, 1500, 7).with_value("agency", agency)
    (part,) = planes.parts(columns)
    for row in range(columns.rows):
        situation = columns.stated(row)
        spoken, mask = engine.decide(situation), engine.speaking(situation)
        for question, rows in part.answers.items():
            assert planes.answers[question][rows[row]].joined == spoken[question].joined
        assert mask == sum(
            1 << i
            for i, rule in enumerate(book.rules)
            if rule.question
            and holds(rule.when, situation)
            and not any(holds(book.rules[up].when, situation) for up in rule.above)
        )
