"""What does the policy say in this situation, and why? The form, the answers of the agency and of the department beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from pydantic import BaseModel

from lapel.base.errors import LapelError
from lapel.policy.book import Book, agency_book, floor_book
from lapel.policy.condition import holds
from lapel.policy.engine import Answer, Engine, Near
from lapel.policy.phrases import answer_of, phrase, plain, question_of
from lapel.policy.record import Record, texts_of
from lapel.policy.sentences import named, who
from lapel.policy.sheets import ClauseShown, WaiverShown, clause_shown, waivers
from lapel.policy.vocabulary import AGENCY, NEVER_PRESUMED, Fact, Situation, Vocabulary


class Choice(BaseModel):
    """One value of a fact."""

    value: str
    label: str
    chosen: bool


class FactShown(BaseModel):
    """A fact to state. `presumed`: what is taken for granted when it is not stated; `rebutted`: who may say otherwise, where."""

    name: str
    label: str
    kind: str
    choices: list[Choice]
    low: int
    high: int
    stated: str
    presumed: str
    rebutted: str
    says: str


class Presumed(BaseModel):
    """A presumption an answer rests on."""

    says: str
    rebutted: str


class AnswerShown(BaseModel):
    """One answer and everything it rests on."""

    status: str
    value: str
    says: str
    clauses: list[ClauseShown]
    presumed: list[Presumed]
    missing: list[str]
    nearly: list[str]


class Asked(BaseModel):
    """One question: the agency's answer, and what the department asks of it."""

    question: str
    title: str
    agency: AnswerShown
    department: AnswerShown


class Ask(BaseModel):
    """The form, and, once something is stated, the answers. `problem`: why there are none."""

    agency: str
    agency_name: str
    on: date
    draft: str
    strict: bool
    headline: str
    problem: str
    next_step: str
    first: list[FactShown]
    more: list[FactShown]
    more_stated: bool
    stated: list[str]
    answers: list[Asked]
    silent: list[Asked]
    texts: list[tuple[str, date, str]]
    agencies: list[tuple[str, str]]
    waivers: list[WaiverShown]


def ask(
    there: Record,
    agency: str,
    on: date,
    facts: Mapping[str, Sequence[str]],
    *,
    strict: bool = False,
    draft: str = "",
) -> Ask:
    """The page for what was stated: fact -> its values as they were sent. A problem with it is said on the page."""
    library = there.directives
    words = library.vocabulary
    problem: LapelError | None = None
    answers: list[Asked] = []
    stated: dict[str, str] = {n: "|".join(v for v in values if v) for n, values in facts.items()}
    stated = {name: value for name, value in stated.items() if value}
    texts: list[tuple[str, date, str]] = []
    situation: Situation = {}
    try:
        situation = words.read({n: _members(words, n, v) for n, v in stated.items()})
        if situation:
            own, floor = Engine(agency_book(library, agency, on)), Engine(floor_book(library, agency, on))
            answers = _answers(own, floor, situation, strict)
            texts = list(texts_of(there, agency, on))
    except LapelError as error:
        problem, answers = error, []
    shown = [_fact(words, fact, stated.get(name, "")) for name, fact in words.facts.items() if name != AGENCY]
    more = [fact for fact in shown if fact.name not in NEVER_PRESUMED]
    return Ask(
        agency=agency, agency_name=who(agency), on=on, draft=draft, strict=strict,
        headline=_headline(agency, on, answers, draft), problem=problem.says if problem else "",
        next_step=_way_out(words, situation, problem), first=[f for f in shown if f.name in NEVER_PRESUMED], more=more,
        more_stated=any(fact.stated for fact in more),
        stated=[f.sentence(situation[n]) for n, f in words.facts.items() if n in situation and n != AGENCY], answers=answers, silent=[a for a in answers if _silent(a)], texts=texts,
        agencies=[(a, who(a)) for a in library.agencies], waivers=waivers(there, agency, on),
    )  # fmt: skip


def _way_out(words: Vocabulary, situation: Situation, problem: LapelError | None) -> str:
    """What to do about a problem; of a situation that cannot be, what is always so in words."""
    if problem is None:
        return ""
    broken = [phrase(one, words) for one in words.always if holds(one, situation) is False]
    return (
        f"It is always so that {'; and '.join(broken)}. State something else."
        if broken
        else problem.next_step
    )


def _silent(asked: Asked) -> bool:
    """Does neither policy say anything, whatever else is learned? Whether the camera may record is always shown."""
    both = (asked.agency, asked.department)
    return asked.question != "record" and all(one.status == "silent" for one in both)


def _members(words: Vocabulary, name: str, value: str) -> str:
    fact = words.fact(name)
    return "|".join(m for m in value.split("|") if m != "-") or "-" if fact.kind == "some of" else value


def _answers(own: Engine, floor: Engine, situation: Situation, strict: bool) -> list[Asked]:
    mine = own.ask(situation, strict=strict)
    theirs = floor.ask(situation, strict=strict, nearly=False)
    return [
        Asked(
            question=name,
            title=question_of(name),
            agency=_answer(own.book, answer),
            department=_answer(floor.book, theirs[name]),
        )
        for name, answer in mine.items()
    ]


def _answer(book: Book, answer: Answer) -> AnswerShown:
    words = book.vocabulary
    rules = {rule.key: rule for rule in book.rules}
    rebuttals = {p.fact: f"{p.rebutted_by} may rebut it, in the {p.where}" for p in words.presume}
    return AnswerShown(
        status=answer.status, value=answer.value, says=_said(answer),
        clauses=[clause_shown(rules[key].policy, rules[key].clause, words) for key in answer.clauses],
        presumed=[
            Presumed(says=book.facts[n].sentence(words.ordinary[n]), rebutted=rebuttals.get(n, "")) for n in answer.presumed
        ],
        missing=[_label(book.facts[n]) for n in answer.missing], nearly=[_near(book, near) for near in answer.nearly],
    )  # fmt: skip


def _said(answer: Answer) -> str:
    shown = [answer_of(answer.question, value) for value in answer.possible or (answer.value,)]
    if answer.status == "undetermined":
        return f"It cannot be said yet: {'; or '.join(shown)}"
    if answer.status == "silent":
        return f"No clause says anything, so {shown[0]}"
    if answer.status == "conflict":
        return f"Two answers at once: {answer.value}"
    return shown[0][:1].upper() + shown[0][1:]


def _near(book: Book, near: Near) -> str:
    if near.silenced_by:
        return f"{named(near.clause)} is met, and {' and '.join(named(k) for k in near.silenced_by)} stands above it"
    fact = book.facts[near.fact]
    return f"{named(near.clause)} would speak if {fact.sentence(fact.read(near.value))}"


def _headline(agency: str, on: date, answers: Sequence[Asked], draft: str) -> str:
    whose = f"{who(agency)}{' (draft)' if draft else ''}, {on}"
    record = next((a.agency for a in answers if a.question == "record"), None)
    return f"{whose}: {record.says[:1].lower()}{record.says[1:]}" if record else "Ask what the policy says"


def _label(fact: Fact) -> str:
    if fact.kind == "yes/no":
        return fact.says[:1].upper() + fact.says[1:]
    return plain(fact.name).capitalize()


def _fact(words: Vocabulary, fact: Fact, stated: str) -> FactShown:
    presumption = next((p for p in words.presume if p.fact == fact.name), None)
    values = ("yes", "no") if fact.kind == "yes/no" else fact.words
    chosen = stated.split("|")
    choices = [Choice(value=v, label=plain(v), chosen=v in chosen) for v in values]
    if fact.kind == "some of":
        choices.append(Choice(value="-", label="none of these", chosen="-" in chosen))
    usual = words.ordinary[fact.name]
    return FactShown(
        name=fact.name, label=_label(fact), kind=fact.kind, choices=choices, low=fact.low, high=fact.high, stated=stated,
        presumed=fact.show(usual).replace("_", " ").replace("|", ", ") if presumption else "",
        rebutted=f"{presumption.rebutted_by}, in the {presumption.where}" if presumption else "",
        says=fact.says.replace("{}", "…"),
    )  # fmt: skip
