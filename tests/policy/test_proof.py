"""The prover against a second prover and against counting every situation; and each check as a person meets it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from policy_samples import ON, WORDS, clause, every_situation, head, library, random_library

from lapel.policy.book import agency_book, floor_book
from lapel.policy.case import Case, Check
from lapel.policy.conform import listed
from lapel.policy.engine import Engine
from lapel.policy.ground import Ground
from lapel.policy.language import read_directive
from lapel.policy.library import Library, assemble
from lapel.policy.outcome import Outcome
from lapel.policy.proof import prove, prove_case
from lapel.policy.shelf import library_at
from lapel.policy.vocabulary import Question, Situation
from lapel.policy.words import read_vocabulary

ALL = every_situation()
SEEDS = range(40)


# --- counting


class Counted:
    """The checks of one agency, told again by looking at every situation."""

    def __init__(self, given: Library) -> None:
        self.library = given
        self.own = Engine(agency_book(given, "north", ON))
        self.floor = Engine(floor_book(given, "north", ON))
        self.outcomes = {r.key: r.outcome for e in (self.own, self.floor) for r in e.book.rules if r.outcome}
        self.grant = given.grants(ON)[0]
        case = Case(given, "north", ON)
        self.reach = case.defined(self.grant.when)
        self.under = {r.key for r in self.own.book.rules if r.clause.under}

    def violates(self, key: str, situation: Situation) -> bool:
        """The department's clause speaks, the agency answers less strictly, and nothing granted covers it."""
        rule = self.floor.book.rules[self.floor.book.index(key)]
        question = self.library.vocabulary.questions[rule.question]
        assert rule.outcome
        if not self.floor.speaking(situation) >> self.floor.book.index(key) & 1:
            return False
        if (
            question.conform == "binding"
            and rule.outcome.word == question.otherwise
            and not rule.clause.exactly
        ):
            return False
        said = [self.outcomes[k] for k in self.own.decide(situation)[question.name].clauses]
        return not self.meets(question, rule.outcome, said) and not self.excused(question, situation, said)

    def meets(self, question: Question, floor: Outcome, said: list[Outcome]) -> bool:
        if question.conform == "binding":
            return any(o.word == floor.word for o in said) or (not said and floor.word == question.otherwise)
        if question.conform == "at least":
            if not said or any(o.word for o in said):
                return True
            best = [max((o.at(e) for o in said if o.kind == floor.kind), default=0) for e in ("", "request")]
            return not floor.word and all(
                b >= floor.at(e) for b, e in zip(best, ("", "request"), strict=True)
            )
        return bool(floor.word) or any(
            not o.word and o.kind == floor.kind and o.number <= floor.number for o in said
        )

    def excused(self, question: Question, situation: Situation, said: list[Outcome]) -> bool:
        from lapel.policy.condition import holds

        if question.name not in self.grant.lists or not holds(self.reach, situation):
            return False
        for name, spoken in self.own.decide(situation).items():
            for key in spoken.clauses:
                asked = self.library.vocabulary.questions[name]
                relies = key in self.under and listed(asked, self.grant, self.outcomes[key])
                if relies and (name == question.name or all(listed(question, self.grant, o) for o in said)):
                    return True
        return False


def distance(case: Case, situation: Situation) -> tuple[int, int]:
    usual = case.own.ordinary
    odd = [n for n, v in situation.items() if v != usual[n]]
    return len(odd), sum(len(situation[n]) for n in odd if isinstance(usual[n], frozenset))  # type: ignore[operator]


@pytest.mark.parametrize("seed", SEEDS)
def test_conformance_is_what_counting_finds_and_the_counterexample_is_nearest(seed: int) -> None:
    given = random_library(seed)
    counted, case = Counted(given), Case(given, "north", ON)
    found = {f.clauses[0]: f.situation for f in prove_case(case)[1].findings}
    for rule in counted.floor.book.rules:
        if rule.policy != "dept":
            continue
        broken = [s for s in ALL if counted.violates(rule.key, s)]
        assert bool(broken) == (rule.key in found)
        if broken:
            situation = found[rule.key]
            assert situation is not None
            assert counted.violates(rule.key, situation)
            assert distance(case, situation) == min(distance(case, s) for s in broken)


@pytest.mark.parametrize("seed", SEEDS)
def test_conflicts_dead_clauses_and_restatements_are_what_counting_finds(seed: int) -> None:
    given = random_library(seed)
    case = Case(given, "north", ON)
    checks = {check.name: check for check in prove_case(case)}
    engine, bare = Engine(case.own), Engine(case.bare)
    decided = [engine.decide(s) for s in ALL]
    words = {q: any(d[q].joined.conflict for d in decided) for q in ("record", "stop")}
    found = {f.clauses for f in checks["no conflict"].findings}
    assert {q for q in words if (q,) in found} == {q for q, conflict in words.items() if conflict}
    said = [{w for q in ("record", "stop") if d[q].clauses for w in d[q].joined.words} for d in decided]
    clash = any({"required", "must_stop"} <= s or {"forbidden", "must_continue"} <= s for s in said)
    assert (("record", "stop") in found) == clash
    late = any(
        d["retain"].clauses
        and d["keep_at_most"].joined.clocks
        and (
            d["retain"].joined.endless
            or d["retain"].joined.clocks[0].number > d["keep_at_most"].joined.clocks[0].number
        )
        for d in decided
    )
    assert (("retain", "keep_at_most") in found) == late
    spoken = {i for s in ALL for i in range(len(case.bare.rules)) if bare.speaking(s) >> i & 1}
    assert {f.clauses[0] for f in checks["no dead clause"].findings} == {
        r.key for i, r in enumerate(case.bare.rules) if i not in spoken
    }
    idle = set()
    for i in spoken:
        other = Engine(case.bare.without(i))
        if all(
            {q: v.joined for q, v in other.decide(s).items()}
            == {q: v.joined for q, v in bare.decide(s).items()}
            for s in ALL
        ):
            idle.add(f"North {case.bare.rules[i].clause.id}")
    assert {note.split(" restates")[0] for note in checks["no dead clause"].notes} == idle


# --- a second prover reads the same text


def cvc5_verdicts(case: Case) -> dict[str, bool]:
    import cvc5

    solver = cvc5.Solver()
    parser = cvc5.InputParser(solver)
    asked = "\n".join(
        f"(check-sat-assuming ({claim} |words inside their bounds|))" for claim in case.script.claims
    )
    parser.setStringInput(
        cvc5.InputLanguage.SMT_LIB_2_6, f"(set-logic QF_UF)\n{case.script.text()}\n{asked}\n", "case"
    )
    verdicts = []
    while not (command := parser.nextCommand()).isNull():
        said = command.invoke(solver, parser.getSymbolManager())
        if said.strip() in {"sat", "unsat"}:
            verdicts.append(said.strip() == "sat")
        else:
            assert not said.strip(), said
    return dict(zip(case.script.claims, verdicts, strict=True))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_second_prover_gives_the_same_verdicts(seed: int) -> None:
    case = Case(random_library(seed), "north", ON)
    prove_case(case)
    ground = Ground(case.script, case.ordinary)
    assert {claim: ground.can(claim) for claim in case.script.claims} == cvc5_verdicts(case)


@pytest.mark.parametrize("agency", [None, "cbp", "ice", "usss", "fps", "tsa", "uscg", "fema", "ocso", "oig"])
def test_a_second_prover_agrees_on_the_nine_policies(agency: str | None) -> None:
    given = library_at(Path(__file__).resolve().parents[2] / "directives")
    case = Case(given, agency, given.versions(agency or "department")[-1].version)
    prove_case(case)
    ground = Ground(case.script, case.ordinary)
    assert {claim: ground.can(claim) for claim in case.script.claims} == cvc5_verdicts(case)


def test_a_claim_stands_alone_as_a_script_for_any_prover() -> None:
    case = Case(random_library(1), "north", ON)
    prove_case(case)
    text = case.script.text(ask=case.script.claims[0])
    assert text.startswith("(set-logic QF_UF)")
    assert text.endswith("(check-sat)\n")


# --- each check, as a person meets it


def checked(*texts: str, agency: str | None = "north", vocabulary: str = "") -> dict[str, Check]:
    if vocabulary:
        words = read_vocabulary(vocabulary, "words.yaml")
        given = assemble(
            words, [read_directive(text, f"given{i}.yaml", words) for i, text in enumerate(texts)]
        )
    else:
        given = library(*texts)
    return {check.name: check for check in prove_case(Case(given, agency, ON))}


def says(check: Check) -> list[str]:
    return [finding.says for finding in check.findings]


DUTY = clause("D1", "record: required", "doing has stop")


def test_the_counterexample_is_said_in_words() -> None:
    own = clause("N1", "record: required", "doing has stop", subject_to="[N9]") + clause(
        "N9", "record: permitted", "alone"
    )
    assert says(checked(head("dept") + DUTY, head("north") + own)["conforms"]) == [
        "NORTH: an ordinary situation except: the officer is alone; the officer is doing: stop. "
        "Department D1 requires recording; NORTH permits recording by N9.".replace("NORTH", "North").replace(
            "Department", "Dept".upper()
        )
    ]


@pytest.mark.parametrize(
    ("floor", "own", "holds"),
    [
        ("retain: 90", "retain: 90", True),
        ("retain: 90", "retain: 89", False),
        ("retain: 90", "", True),
        ("retain: 90", "retain: unscheduled", True),
        ("retain: unscheduled", "retain: 9000", False),
        ("retain: {days: 90, extend by: 90, on: request}", "retain: 180", True),
        ("retain: {days: 90, extend by: 90, on: request}", "retain: 120", False),
        (
            "retain: {days: 90, extend by: 90, on: request}",
            "retain: {days: 100, extend by: 80, on: request}",
            True,
        ),
        ("start_within: 30", "start_within: 30", True),
        ("start_within: 30", "start_within: 31", False),
        ("start_within: 30", "", False),
        ("start_within: no limit", "", True),
        ("release: 20", "release: 20", True),
        ("release: 20", "release: {days: 10, counted: working}", False),
        ("release: 20", "release: {days: 10, from: incident}", False),
        ("record: permitted", "record: forbidden", True),
        ("stop: must_stop", "stop: may_stop", False),
    ],
)
def test_strictness_by_kind_of_answer(floor: str, own: str, holds: bool) -> None:
    text = head("north") + (clause("N1", own) if own else clause("N0", binds="officer"))
    assert checked(head("dept") + clause("D1", floor), text)["conforms"].holds is holds


def test_permitted_exactly_binds() -> None:
    assert not checked(
        head("dept") + clause("D1", "record: permitted", exactly="yes"),
        head("north") + clause("N1", "record: forbidden"),
    )["conforms"].holds
    assert checked(
        head("dept") + clause("D1", "record: permitted", exactly="yes"),
        head("north") + clause("N1", binds="agency"),
    )["conforms"].holds


def test_a_clock_of_another_kind_is_said_not_to_be_comparable() -> None:
    found = checked(
        head("dept") + clause("D1", "release: 20"),
        head("north") + clause("N1", "release: {days: 10, from: incident}"),
    )
    assert "not comparable" in says(found["conforms"])[0]


def test_the_nearest_situation_has_few_facts_and_then_few_members() -> None:
    duty = clause("D1", "record: required", "place is home or doing has all [stop, search]")
    (said,) = says(
        checked(head("dept") + duty, head("north") + clause("N1", "record: permitted"))["conforms"]
    )
    assert said.startswith("North: an ordinary situation except: the place is home. ")


GRANT = "grants:\n- {id: G1, to: [north], when: alone, record: [permitted]}\n- {id: G2, to: [south], when: alone, record: [permitted]}\n"
LATER = "grants:\n- {id: G3, to: all, when: alone, record: [permitted], from: 2030-01-01}\n"


@pytest.mark.parametrize(
    ("grants", "own", "conforms", "granted"),
    [
        (GRANT, clause("N2", "record: permitted", "alone", under="G1"), True, True),
        (GRANT, clause("N2", "record: permitted", "alone"), False, True),
        (GRANT, clause("N2", "record: forbidden", "alone", under="G1"), False, True),
        (GRANT, clause("N2", "record: permitted", "armed", under="G1"), False, False),
        (GRANT, clause("N2", "record: permitted", "alone", under="G2"), False, False),
        (LATER, clause("N2", "record: permitted", "alone", under="G3"), False, False),
    ],
)
def test_grants(grants: str, own: str, conforms: bool, granted: bool) -> None:
    duty = clause("N1", "record: required", "doing has stop", subject_to="[N2]")
    found = checked(head("dept", grants) + DUTY, head("north") + own + duty)
    assert (found["conforms"].holds, found["granted"].holds) == (conforms, granted)


def test_an_unused_grant_is_noted() -> None:
    found = checked(
        head("dept", GRANT) + DUTY, head("north") + clause("N1", "record: required", "doing has stop")
    )
    assert found["granted"].notes == ("G1 is not used.",)


def test_an_agency_in_conflict_meets_a_clause_if_one_of_its_clauses_does() -> None:
    found = checked(
        head("dept") + DUTY,
        head("north")
        + clause("N1", "record: required", "doing has stop")
        + clause("N2", "record: permitted", "alone"),
    )
    assert found["conforms"].holds
    assert "Two answers to record" in says(found["no conflict"])[0]


def test_a_dead_clause_names_what_covers_it() -> None:
    own = clause("N1", "record: required", "alone and armed", subject_to="[N2]") + clause(
        "N2", "record: forbidden", "alone"
    )
    found = checked(head("dept") + clause("D1", binds="agency"), head("north") + own)
    assert says(found["no dead clause"]) == ["North N1 never speaks: wherever it is met, so is North N2."]
    never = clause("N1", "record: required", "alone and not alone")
    found = checked(head("dept") + clause("D1", binds="agency"), head("north") + never)
    assert says(found["no dead clause"]) == ["North N1 never speaks: its condition is never met."]


def test_a_gap_is_shown() -> None:
    words = WORDS.replace("otherwise: may_stop", "otherwise: none allowed")
    found = checked(
        head("dept") + clause("D1", "stop: may_stop", "alone"),
        head("north") + clause("N1", "stop: may_stop", "alone"),
        vocabulary=words,
    )
    assert says(found["no gap"]) == ["North: an ordinary situation. No clause answers stop."]


def test_an_insane_vocabulary_is_named() -> None:
    words = WORDS.replace("ordinary:", "- not (agency is north)\nordinary:")
    found = checked(head("dept") + DUTY, head("north") + clause("N1", "record: required"), vocabulary=words)
    assert "No situation at all is possible for North" in says(found["sane"])[0]
    assert not checked(head("dept") + DUTY, agency=None, vocabulary=words)["sane"].holds


LEFT = 'left to the agency:\n- {term: fitting, must cover: alone, may not reach: "place is home"}\n'
TERM_DUTY = clause("D1", "record: required", "fitting and doing has stop")


@pytest.mark.parametrize(
    ("definition", "fault"),
    [
        ("", "does not define the word “fitting”"),
        ('terms: {fitting: "armed"}\n', "does not cover what it must"),
        ('terms: {fitting: "alone or place is home"}\n', "reaches what it may not"),
        ('terms: {fitting: "alone and place is not home"}\n', "does not cover what it must"),
    ],
)
def test_words_left_to_the_agency(definition: str, fault: str) -> None:
    own = clause("N1", "record: required", "doing has stop")
    found = checked(head("dept", LEFT) + TERM_DUTY, head("north", definition) + own)
    assert any(fault in said for said in says(found["terms"]))


def test_bounds_that_no_definition_can_keep_fail_the_department() -> None:
    assert (
        "is asked to cover what it may not reach"
        in says(checked(head("dept", LEFT) + TERM_DUTY, agency=None)["terms"])[0]
    )


def test_what_a_definition_leaves_out_of_a_duty_is_said() -> None:
    left = 'left to the agency:\n- {term: fitting, must cover: "", may not reach: ""}\n'
    found = checked(
        head("dept", left) + TERM_DUTY,
        head("north", 'terms: {fitting: "alone"}\n') + clause("N1", "record: required", "doing has stop"),
    )
    assert found["terms"].notes == ("“fitting” leaves out of DEPT D1 what is not: alone.",)


def test_topics() -> None:
    wanted = "must address:\n- {topics: [carry, activate], within days: 180}\n"
    own = clause("N1", "record: required", "alone and not alone", addresses="[activate]") + clause(
        "N2", binds="officer", addresses="[carry]"
    )
    found = checked(head("dept", wanted) + DUTY, head("north") + own)
    assert says(found["addresses"]) == ["North says nothing of activate."]


def order(outranks: str, answer: str = "record: forbidden") -> str:
    return head("writ", f"order: {{binds: [north], authority: court, outranks: {outranks}}}\n") + clause(
        "O1", answer, "alone"
    )


@pytest.mark.parametrize(
    ("outranks", "conforms", "conflict"),
    [("[dept, north]", True, False), ("[north]", False, False), ("[]", True, True)],
)
def test_orders_stand_where_they_say(outranks: str, conforms: bool, conflict: bool) -> None:
    own = clause("N1", "record: required", "doing has stop") + clause(
        "N2", "stop: must_continue", "doing has stop"
    )
    found = checked(head("dept") + DUTY, head("north") + own, order(outranks))
    assert (found["conforms"].holds, found["no conflict"].holds) == (conforms, not conflict)


def test_dead_clauses_and_topics_are_judged_without_orders() -> None:
    stand_down = order("[dept, north]").replace("  when: alone\n", "")
    found = checked(
        head("dept") + DUTY, head("north") + clause("N1", "record: required", "doing has stop"), stand_down
    )
    assert all(check.holds for check in found.values())


def test_a_policy_conforms_to_itself() -> None:
    for seed in range(15):
        text = head("dept") + "".join(_clauses(seed, "D"))
        own = head("north") + "".join(_clauses(seed, "N"))
        assert checked(text, own)["conforms"].holds


def _clauses(seed: int, letter: str) -> str:
    import random

    from policy_samples import random_clauses

    return random_clauses(random.Random(seed), 6, "D").replace("D", letter)


def test_intervals_lie_between_the_days_on_which_something_changes() -> None:
    own = clause("N1", "record: required", "doing has stop", until="2024-09-01")
    later = order("[dept, north]").replace("version: 2024-01-01", "version: 2024-07-01\nuntil: 2024-08-01")
    proofs = prove(library(head("dept") + DUTY, head("north") + own, later), ["north"])
    spans = [(str(p.start), str(p.until), p.holds) for p in proofs]
    assert spans == [
        ("2024-02-01", "2024-07-01", True),
        ("2024-07-01", "2024-08-01", True),
        ("2024-08-01", "2024-09-01", True),
        ("2024-09-01", "None", False),
    ]


def test_a_claim_the_prover_finds_hard_would_be_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    from lapel.base.errors import EvidenceFault

    case = Case(random_library(1), "north", ON)
    prove_case(case)
    ground = Ground(case.script, case.ordinary)
    unsure: Callable[..., Any] = lambda *_: ground._z3.unknown  # noqa: E731
    monkeypatch.setattr(ground._solver, "check", unsure)
    with pytest.raises(EvidenceFault, match="gave no verdict"):
        ground.can(case.script.claims[0])


def test_without_the_prover_one_line_says_how_to_add_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from lapel.base.errors import Unavailable
    from lapel.policy.ground import prover

    monkeypatch.setitem(sys.modules, "z3", None)
    with pytest.raises(Unavailable, match="pip install z3-solver"):
        prover()
