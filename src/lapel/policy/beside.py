"""What does an agency add to the department's policy, what does it define, and what is it granted? Side by side."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from pydantic import BaseModel

from lapel.policy.book import Book, agency_book, floor_book
from lapel.policy.condition import terms_of
from lapel.policy.diagram import NEVER
from lapel.policy.exact import Exact
from lapel.policy.outcome import Outcome
from lapel.policy.phrases import phrase, plain, question_of
from lapel.policy.record import Proved, Record
from lapel.policy.sentences import who
from lapel.policy.sheets import ClauseShown, GrantShown, WaiverShown, clause_shown, grant_shown, waivers
from lapel.policy.verdict import in_interval
from lapel.policy.vocabulary import Question


class Pair(BaseModel):
    """What both say about one question; `adds`: ids of the agency's clauses that go beyond the department somewhere."""

    title: str
    department: list[ClauseShown]
    agency: list[ClauseShown]
    adds: list[str]


class Defined(BaseModel):
    """A word the agency defines. `leaves_out`: the department's duties that reach less far because of it."""

    term: str
    means: str
    used: bool
    leaves_out: list[str]


class Granted(BaseModel):
    """An opening made to the agency, and its clauses that stand under it."""

    grant: GrantShown
    clauses: list[ClauseShown]


class Beside(BaseModel):
    """The department and one agency, as of a day."""

    agency: str
    name: str
    on: date
    headline: str
    department_version: date
    version: date
    pairs: list[Pair]
    defined: list[Defined]
    granted: list[Granted]
    orders: list[str]
    agencies: list[str]
    waivers: list[WaiverShown]


def beside(there: Record, agency: str, proved: Proved | None, on: date) -> Beside:
    """Both policies as of a day. Raises `Invalid` or `NotFound` for an agency without a policy that day."""
    library, words = there.directives, there.directives.vocabulary
    own = library.policy_of(agency, on)
    department = library.in_force(library.department, on)
    assert department is not None
    adds = beyond(agency_book(library, agency, on), floor_book(library, agency, on), agency)
    pairs = []
    for name in (*words.questions, ""):
        left = [clause_shown(department.policy, c, words) for c in department.clauses if c.question == name]
        right = [clause_shown(agency, c, words) for c in own.clauses if c.question == name]
        if left or right:
            title = question_of(name) if name else "What else they say"
            pairs.append(
                Pair(title=title, department=left, agency=right, adds=[c.id for c in right if c.id in adds])
            )
    notes = _notes(proved, on)
    used = {t for c in department.clauses for t in terms_of(c.when)} | {
        t for g in department.grants for t in terms_of(g.when)
    }
    defined = [
        Defined(
            term=plain(term), means=phrase(means, words), used=term in used,
            leaves_out=[
                f"{who(department.policy)} {c.id}" for c in department.clauses
                if term in terms_of(c.when) and any(n.startswith(f"“{term}” leaves out of {who(department.policy)} {c.id} ") for n in notes)
            ],
        )
        for term, means in own.terms.items()
    ]  # fmt: skip
    granted = [
        Granted(
            grant=grant_shown(grant, words),
            clauses=[clause_shown(agency, c, words) for c in own.clauses if c.under == grant.id],
        )
        for grant in library.grants(on)
        if grant.reaches(agency)
    ]
    used_grants = sum(bool(g.clauses) for g in granted)
    beyond_count = sum(len(pair.adds) for pair in pairs)
    return Beside(
        agency=agency, name=who(agency), on=on, department_version=department.version, version=own.version, pairs=pairs,
        headline=f"{who(agency)} goes beyond the department in {beyond_count} clauses, defines {len(defined)} words, and uses"
        f" {used_grants} of {len(granted)} openings",
        defined=defined, granted=granted, orders=[d.policy for d in library.orders(on, agency)], agencies=list(library.agencies), waivers=waivers(there, agency, on),
    )  # fmt: skip


def _notes(proved: Proved | None, on: date) -> list[str]:
    interval = in_interval(proved.verdict, on) if proved else None
    return (
        [note for check in interval["checks"] if check["check"] == "terms" for note in check["notes"]]
        if interval
        else []
    )


def beyond(own: Book, floor: Book, agency: str) -> set[str]:
    """The agency's clauses that, in some possible situation, say more than the department and its silence do.

    Exact: one diagram for each clause, over every situation.
    """
    shift = len(own.rules)
    lower = tuple(replace(r, above=frozenset(i + shift for i in r.above)) for r in floor.rules)
    both = replace(
        own, rules=(*own.rules, *lower), facts={**own.facts, **floor.facts}, always=tuple(dict.fromkeys([*own.always, *floor.always])),
        open_words=tuple(dict.fromkeys([*own.open_words, *floor.open_words])),
    )  # fmt: skip
    given = Exact(both).given({"agency": agency})
    diagrams, found = given.diagrams, set()
    for index, rule in enumerate(own.rules):
        if rule.policy != agency or rule.outcome is None or rule.clause.under:
            continue
        question = own.vocabulary.questions[rule.question]
        if rule.outcome.word == question.otherwise:
            continue
        as_much = [
            given.speaks(j)
            for j in range(shift, shift + len(lower))
            if both.rules[j].question == rule.question
            and _as_strict(question, both.rules[j].outcome, rule.outcome)
        ]
        more = diagrams.both(given.speaks(index), diagrams.negate(diagrams.any_of(as_much)))
        if diagrams.both(given.allowed, more) != NEVER:
            found.add(rule.clause.id)
    return found


def _as_strict(question: Question, floor: Outcome | None, said: Outcome) -> bool:
    """Does the department's answer demand at least what this one does?"""
    if floor is None:
        return False
    if question.answers or floor.word or said.word:
        return floor.word == said.word or (question.conform == "at least" and bool(floor.word))
    if floor.kind != said.kind:
        return False
    events = ("", *question.extends_on)
    if question.conform == "at most":
        return all(floor.at(e) <= said.at(e) for e in events)
    return all(floor.at(e) >= said.at(e) for e in events)
