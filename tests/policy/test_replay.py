"""Does every counterexample, replayed through the engine, show exactly what its sentence says?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from policy_samples import ON, random_library
from test_mutation import mutants

from lapel.policy.case import Case, Finding
from lapel.policy.condition import holds
from lapel.policy.engine import Engine
from lapel.policy.library import Library, assemble
from lapel.policy.proof import prove_case
from lapel.policy.sentences import answer, named, outcome, scene
from lapel.policy.shelf import library_at

DIRECTIVES = Path(__file__).resolve().parents[2] / "directives"


@cache
def directives() -> Library:
    return library_at(DIRECTIVES)


def conforms(case: Case, finding: Finding) -> None:
    """The department's clause speaks, and both answers stand in the sentence as the engine gives them."""
    assert case.floor is not None
    assert finding.situation is not None
    floor = Engine(case.floor)
    index = case.floor.index(finding.clauses[0])
    rule = case.floor.rules[index]
    question = case.library.vocabulary.questions[rule.question]
    assert floor.speaking(finding.situation) >> index & 1
    assert rule.outcome is not None
    own = Engine(case.own).decide(finding.situation)[question.name]
    assert f"{named(rule.key)} {outcome(question, rule.outcome)}" in finding.says
    assert answer(question, own, case.policy) in finding.says
    assert rule.outcome.show(question.unit) != own.joined.show(question.unit)


def granted(case: Case, finding: Finding) -> None:
    """The clause speaks where its grant does not hold."""
    assert finding.situation is not None
    index = case.own.index(finding.clauses[0])
    grant = case.library.grant(case.own.rules[index].clause.under)
    assert grant is not None
    assert Engine(case.own).speaking(finding.situation) >> index & 1
    assert holds(case.defined(grant.when), finding.situation) is False


def no_conflict(case: Case, finding: Finding) -> None:
    """Every clause named speaks, and every answer named is given."""
    assert finding.situation is not None
    spoken = Engine(case.own).decide(finding.situation)
    for name in finding.clauses:
        unit = case.library.vocabulary.questions[name].unit
        assert spoken[name].clauses
        assert f"say {name}: {spoken[name].joined.show(unit)}" in finding.says
    if len(finding.clauses) == 1:
        assert spoken[finding.clauses[0]].joined.conflict


def terms(case: Case, finding: Finding) -> None:
    """The definition misses what it must cover there, or reaches what it may not."""
    assert finding.situation is not None
    word = next(left for left in case.left if left.term == finding.clauses[0])
    covers = holds(case.words[word.term], finding.situation)
    bound = word.may_not_reach if covers else word.must_cover
    assert bound is not None
    assert holds(bound, finding.situation) is True


REPLAYS: dict[str, Callable[[Case, Finding], None]] = {
    "conforms": conforms,
    "granted": granted,
    "no conflict": no_conflict,
    "terms": terms,
}


def replayed(case: Case) -> Iterator[str]:
    for check in prove_case(case):
        for finding in check.findings:
            if finding.situation is None:
                continue
            assert all(holds(always, finding.situation) for always in case.own.always)
            assert scene(case.frame, finding.situation) in finding.says
            REPLAYS[check.name](case, finding)
            yield check.name


def test_the_counterexamples_of_random_policies_replay() -> None:
    seen: dict[str, int] = {}
    for seed in range(60):
        for name in replayed(Case(random_library(seed), "north", ON)):
            seen[name] = seen.get(name, 0) + 1
    assert {name: number > 3 for name, number in seen.items()} == dict.fromkeys(REPLAYS, True)


@pytest.mark.parametrize("agency", ["tsa", "usss", "ice"])
def test_the_counterexamples_of_spoilt_policies_replay(agency: str) -> None:
    """Every seventh way of spoiling the clauses, and a word that covers nothing."""
    own = directives().versions(agency)[-1]
    others = [d for d in directives().directives if d.policy != agency]
    spoilt = [mutant for _, mutant in mutants(own)][::7]
    if "appropriate" in own.terms:
        from lapel.policy.condition import FALSE

        spoilt.append(replace(own, terms={**own.terms, "appropriate": FALSE}))
    seen = 0
    for mutant in spoilt:
        case = Case(assemble(directives().vocabulary, [*others, mutant]), agency, own.version)
        seen += sum(1 for _ in replayed(case))
    assert seen > len(spoilt) // 3
