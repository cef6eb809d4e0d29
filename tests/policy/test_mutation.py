"""Nine policies, each clause spoilt in five ways: every spoilt policy is shown different, or proved the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from policy_samples import random_rows

from lapel.policy.book import Book, lone_book
from lapel.policy.columns import Columns
from lapel.policy.condition import TRUE, And, Not
from lapel.policy.diff import first_difference
from lapel.policy.directive import Clause, Directive
from lapel.policy.engine import Engine
from lapel.policy.library import Library
from lapel.policy.planes import Planes
from lapel.policy.shelf import library_at

DIRECTIVES = Path(__file__).resolve().parents[2] / "directives"
ROWS = 30_000


@cache
def directives() -> Library:
    return library_at(DIRECTIVES)


def latest() -> list[Directive]:
    return [directives().versions(agency)[-1] for agency in directives().agencies]


def mutants(directive: Directive) -> Iterator[tuple[str, Directive]]:
    """Drop, negate, widen, un-except, swap."""

    def spoilt(clause: Clause, **changes: object) -> Directive:
        clauses = tuple(replace(c, **changes) if c is clause else c for c in directive.clauses)  # type: ignore[arg-type]
        return replace(directive, clauses=clauses)

    for clause in directive.clauses:
        if clause.standing or clause.outcome is None:
            continue
        rest = tuple(
            replace(c, subject_to=tuple(up for up in c.subject_to if up != clause.id))
            for c in directive.clauses
            if c is not clause
        )
        yield f"drop {clause.id}", replace(directive, clauses=rest)
        yield f"negate {clause.id}", spoilt(clause, when=Not(clause.when))
        parts = (
            clause.when.parts
            if isinstance(clause.when, And)
            else (clause.when,)
            if clause.when != TRUE
            else ()
        )
        for number in range(len(parts)):
            yield (
                f"widen {clause.id}.{number}",
                spoilt(clause, when=And(parts[:number] + parts[number + 1 :])),
            )
        for up in clause.subject_to:
            kept = tuple(other for other in clause.subject_to if other != up)
            yield f"un-except {clause.id} from {up}", spoilt(clause, subject_to=kept)
        question = directives().vocabulary.questions[clause.question]
        if question.answers:
            other = question.answers[question.answers.index(clause.outcome.word) - 1]
            yield f"swap {clause.id}", spoilt(clause, outcome=replace(clause.outcome, word=other))
        elif not clause.outcome.word:
            yield (
                f"swap {clause.id}",
                spoilt(clause, outcome=replace(clause.outcome, number=clause.outcome.number + 1)),
            )


def agree_by_planes(old: Book, new: Book, columns: Columns) -> bool:
    one, two = Planes(old), Planes(new)
    for was, now in zip(one.parts(columns), two.parts(columns), strict=True):
        possible = was.bits(was.possible[0])
        for question in was.answers:
            before = [spoken.joined for spoken in one.answers[question]]
            after = [spoken.joined for spoken in two.answers[question]]
            pairs = np.unique(np.stack([was.answers[question], now.answers[question]])[:, possible], axis=1)
            if any(before[a] != after[b] for a, b in pairs.T.tolist()):
                return False
    return True


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_mutant_is_missed(capsys: pytest.CaptureFixture[str]) -> None:
    shown, same, missed = 0, list[str](), list[str]()
    vocabulary = directives().vocabulary
    for directive in latest():
        old = lone_book(vocabulary, directive)
        engine = Engine(old)
        columns = random_rows(old, ROWS, 20230522)
        for what, mutant in mutants(directive):
            name = f"{directive.policy} {what}"
            new = lone_book(vocabulary, mutant)
            found = first_difference(old, new)
            if found is None:
                same.append(name)
                if not agree_by_planes(old, new, columns):
                    missed.append(name)
                continue
            question, situation = found
            if engine.decide(situation)[question].joined == Engine(new).decide(situation)[question].joined:
                missed.append(name)
            shown += 1
    with capsys.disabled():
        print(
            f"\nmutants: {shown + len(same)}; shown different by a witness: {shown}; proved equivalent: {len(same)}; missed: {len(missed)}"
        )
        kinds = Counter(name.split()[1] for name in same)
        print(f"proved equivalent: {', '.join(f'{number} {kind}' for kind, number in kinds.items())}")
    assert not missed
    assert shown > 400
