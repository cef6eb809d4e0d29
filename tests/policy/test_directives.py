"""Do the policies under `directives/` answer as the law tests in `directives/cases` say, and is every clause tried?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from lapel.base.errors import Invalid, NotFound
from lapel.policy.book import Book, agency_book, floor_book
from lapel.policy.diagram import NEVER
from lapel.policy.document import Fields, Items, Node, Place, Text, read
from lapel.policy.engine import Answer, Engine
from lapel.policy.library import Library
from lapel.policy.outcome import join, read_outcome
from lapel.policy.proof import prove
from lapel.policy.shelf import library_at, text_at
from lapel.policy.vocabulary import Question, Value

ROOT = Path(__file__).resolve().parents[2]
DIRECTIVES = ROOT / "directives"
REPORT = ROOT.parent / "shared" / "policy" / "news_report_2023-05-23.txt"
TOP = {"of", "agency", "on", "given", "cases"}
CASE = {"name", "of", "agency", "on", "facts", "strict", "expect", "refused"}
EXPECTED = {"answer", "clauses", "presumptions", "missing", "nearly"}
UNDETERMINED = "undetermined"


@dataclass(frozen=True)
class Case:
    """One law test, as its file says it."""

    name: str
    of: str
    agency: str
    on: date
    facts: dict[str, str]
    strict: bool
    expect: Fields | None
    refused: str
    place: Place

    def __str__(self) -> str:
        return f"{Path(self.place.file).stem}:{self.place.line} {self.name}"


def text(node: Node | None) -> str:
    assert isinstance(node, Text), node
    return node.value


def words(node: Node | None) -> set[str]:
    assert isinstance(node, Items), node
    return {text(item) for item in node.items}


def facts_in(node: Node | None) -> dict[str, str]:
    """Facts as the file has them, each as one text; a list is a set, an empty list the empty set."""
    assert node is None or isinstance(node, Fields)
    found = {}
    for name, value in node or ():
        found[name] = (
            ("|".join(text(i) for i in value.items) or "-") if isinstance(value, Items) else text(value)
        )
    return found


def cases_in(path: Path) -> list[Case]:
    top = read(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))
    top.only(TOP)
    listed = top.entries["cases"]
    assert isinstance(listed, Items)
    return [case_of(node, top) for node in listed.items]


def case_of(node: Node, top: Fields) -> Case:
    assert isinstance(node, Fields)
    node.only(CASE)
    own = node.entries
    both = {**top.entries, **own}
    facts = {**facts_in(top.entries.get("given")), **facts_in(own.get("facts"))}
    expect = own.get("expect")
    assert isinstance(expect, Fields) or "refused" in own, f"{node.place}: neither expect nor refused"
    return Case(
        text(own["name"]), text(both["of"]) if "of" in both else "agency", text(both["agency"]),
        date.fromisoformat(text(both["on"])), {n: v for n, v in facts.items() if v != "unknown"},
        text(own["strict"]) == "yes" if "strict" in own else False,
        expect if isinstance(expect, Fields) else None, text(own["refused"]) if "refused" in own else "", node.place,
    )  # fmt: skip


@cache
def library() -> Library:
    return library_at(DIRECTIVES)


@cache
def engine(of: str, agency: str, first_day: date) -> Engine:
    """`first_day` begins an interval in which nothing changes, so that one engine serves all its days."""
    return Engine(book(of, agency, first_day))


def book(of: str, agency: str, on: date) -> Book:
    return (floor_book if of == "department" else agency_book)(library(), agency, on)


def engine_of(case: Case) -> Engine:
    library().policy_of(case.agency, case.on) if case.of == "agency" else None
    begun = [day for day in library().boundaries(case.agency) if day <= case.on]
    return engine(case.of, case.agency, max(begun, default=case.on))


def short(keys: tuple[str, ...]) -> set[str]:
    return {key.split(":")[1] for key in keys}


ALL = [case for path in sorted((DIRECTIVES / "cases").glob("*.yaml")) for case in cases_in(path)]


@pytest.mark.parametrize("case", ALL, ids=str)
def test_the_policy_answers_as_the_law_test_says(case: Case) -> None:
    if case.refused:
        with pytest.raises((Invalid, NotFound)) as caught:
            ask(case)
        assert case.refused in str(caught.value)
        return
    assert case.expect is not None
    answers = ask(case)
    for name, expected in case.expect:
        assert isinstance(expected, Fields)
        expected.only(EXPECTED)
        compare(answers[name], expected, library().vocabulary.question(name))


def ask(case: Case) -> dict[str, Answer]:
    facts = library().vocabulary.read(case.facts)
    questions = [name for name, _ in case.expect] if case.expect else None
    return engine_of(case).ask(facts, questions=questions, strict=case.strict)


def compare(answer: Answer, expected: Fields, question: Question) -> None:
    entries = expected.entries
    said = entries["answer"]
    if isinstance(said, Text) and said.value == UNDETERMINED:
        assert answer.status == UNDETERMINED, answer
    else:
        assert answer.status in {"answered", "silent"}, answer
        assert answer.joined == join(question, [read_outcome(question, said, said.place)]), answer
    if "clauses" in entries:
        assert short(answer.clauses) == words(entries["clauses"]), answer
    if "presumptions" in entries:
        assert set(answer.presumed) == words(entries["presumptions"]), answer
    if "missing" in entries:
        assert set(answer.missing) == words(entries["missing"]), answer
    if "nearly" in entries:
        assert short(tuple(near.clause for near in answer.nearly)) >= words(entries["nearly"]), answer


def file_of(case: Case, policy: str) -> str:
    found = library().in_force(policy, case.on)
    assert found is not None, case
    return found.file


@cache
def tried() -> tuple[set[tuple[str, str]], set[tuple[str, str, str]]]:
    """The clauses (file, id) that some law test names as speaking, and the exceptions (file, below, above) it shows."""
    speaking: set[tuple[str, str]] = set()
    silencing: set[tuple[str, str, str]] = set()
    for case in (case for case in ALL if case.expect):
        one = engine_of(case)
        known: dict[str, Value] = one.stated(library().vocabulary.read(case.facts))
        view = one.exact.given({**known, **({} if case.strict else one.presume(known))})
        rules = one.book.rules
        met = [i for i in range(len(rules)) if view.diagrams.both(view.allowed, view.met(i)) != NEVER]
        for up in (i for i in met if rules[i].clause.id in named_in(case)):
            file = file_of(case, rules[up].policy)
            speaking.add((file, rules[up].clause.id))
            silencing |= {
                (file, rules[i].clause.id, rules[up].clause.id) for i in met if up in rules[i].above
            }
    return speaking, silencing


def named_in(case: Case) -> set[str]:
    """The clauses that a law test expects to speak."""
    found = set[str]()
    for _, expected in case.expect or ():
        assert isinstance(expected, Fields)
        found |= words(expected.entries["clauses"]) if "clauses" in expected.entries else set()
    return found


def test_every_clause_has_a_law_test() -> None:
    answering = {(d.file, c.id) for d in library().directives for c in d.clauses if not c.standing}
    assert sorted(answering - tried()[0]) == []


def test_every_exception_has_a_law_test() -> None:
    """An exception is a clause under another: both conditions are met, and the law test names the upper one."""
    exceptions = {(d.file, c.id, up) for d in library().directives for c in d.clauses for up in c.subject_to}
    assert sorted(exceptions - tried()[1]) == []


def test_every_order_is_shown_above_a_clause_of_an_agency() -> None:
    ranking = {d.file for d in library().directives if d.order and d.order.outranks}
    assert ranking - {file for file, _below, _above in tried()[1]} == set()


def test_what_is_called_quoted_stands_in_the_report() -> None:
    quoted = [c for d in library().directives for c in d.clauses if c.cite.confidence == "quoted"]
    assert [clause.id for clause in quoted] == ["D1", "D2", "D3"]
    if not REPORT.exists():
        pytest.skip("the report of 2023-05-23 is not on this machine")
    report = " ".join(text_at(REPORT).split())
    assert [clause.id for clause in quoted if clause.says not in report] == []


def test_the_nine_agencies_have_a_policy_and_two_came_late() -> None:
    department = library().in_force("department", date(2023, 5, 22))
    assert department is not None
    due = department.must_address[0].due_on(department.version)
    late = {a: (library().versions(a)[0].version - due).days for a in library().agencies}
    assert due == date(2023, 11, 18)
    assert library().agencies == library().vocabulary.agencies
    assert {agency: days for agency, days in late.items() if days > 0} == {"ice": 55, "oig": 13}


def test_the_department_and_the_nine_agencies_prove() -> None:
    proofs = prove(library())
    broken = [f.says for proof in proofs for check in proof.checks for f in check.findings]
    assert broken == []
    assert {proof.of for proof in proofs} == {"department", *library().vocabulary.agencies}
