"""What does a policy answer in one situation, why, what was presumed, and what is missing?

`decide` takes a situation whose facts are all known and is quick. `ask` takes what is stated, presumes what the
vocabulary presumes, and is exact about the rest: it ranges over every completion that is possible.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from lapel.base.errors import Invalid
from lapel.policy.book import Book
from lapel.policy.closure import speaking
from lapel.policy.diagram import NEVER
from lapel.policy.document import clip, nearest
from lapel.policy.exact import Exact, Given
from lapel.policy.outcome import Joined, join
from lapel.policy.vocabulary import AGENCY, Situation, Value

Status = Literal["answered", "silent", "conflict", "undetermined"]
_MOST_REMEMBERED = 100_000


@dataclass(frozen=True, slots=True)
class Spoken:
    """The answer to one question when all facts are known. `clauses`: the rules that speak, `policy:id`."""

    joined: Joined
    clauses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Near:
    """A clause that nearly spoke: `silenced_by` clauses above it, or one fact away (`fact`=`value`)."""

    clause: str
    silenced_by: tuple[str, ...] = ()
    fact: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question, and everything it rests on.

    `value` is the answer in words; of an undetermined one, “required or permitted”. `joined` is the same as values (of
    an undetermined answer: one of those possible). `clauses` speak in every possible completion, or, when none does,
    in some. `presumed` are the presumptions it rests on; `missing` the facts that would decide it.
    """

    question: str
    status: Status
    value: str
    joined: Joined
    clauses: tuple[str, ...] = ()
    presumed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    nearly: tuple[Near, ...] = ()
    possible: tuple[str, ...] = ()


class Engine:
    """A book, ready to answer."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.exact = Exact(book)
        self.speaking = speaking(book)  # a situation -> bit mask of the rules that speak
        self._remembered: dict[int, Mapping[str, Spoken]] = {}

    def decide(self, situation: Situation) -> Mapping[str, Spoken]:
        """The answers to every question; every fact that the book mentions has to be there and typed (KeyError else)."""
        mask = self.speaking(situation)
        found = self._remembered.get(mask)
        return found if found is not None else self._spoken(mask)

    def _spoken(self, mask: int) -> Mapping[str, Spoken]:
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        rules = [rule for i, rule in enumerate(self.book.rules) if mask >> i & 1]
        found: dict[str, Spoken] = {}
        for name, question in self.book.vocabulary.questions.items():
            mine = [rule for rule in rules if rule.question == name]
            outcomes = [rule.outcome for rule in mine if rule.outcome]
            found[name] = Spoken(join(question, outcomes), tuple(rule.key for rule in mine))
        self._remembered[mask] = found
        return found

    def stated(self, facts: Situation) -> dict[str, Value]:
        """The stated facts, checked, and the agency. Raises `Invalid` for what is unknown, mistyped or impossible."""
        book = self.book
        for name, value in facts.items():
            if name not in book.facts:
                raise Invalid(
                    f"“{clip(name)}” is no fact of the vocabulary.", next_step=nearest(name, book.facts)
                )
            if not book.facts[name].accepts(value):
                raise Invalid(
                    f"{clip(str(value))} is no value of {name}.",
                    next_step=nearest(str(value), book.facts[name].words),
                )
        if book.agency and facts.get(AGENCY, book.agency) != book.agency:
            raise Invalid(
                f"This is the policy of {book.agency}, not of {facts[AGENCY]}.",
                next_step="Ask the other agency.",
            )
        known = {**facts, **({AGENCY: book.agency} if book.agency else {})}
        if not self.exact.possible(known):
            shown = ", ".join(f"{n}={book.facts[n].show(v)}" for n, v in facts.items())
            raise Invalid(
                f"The situation cannot be: {clip(shown, 200)}.", next_step="See `always` in the vocabulary."
            )
        return known

    def presume(self, known: Situation) -> dict[str, Value]:
        """The presumptions that stand beside the known facts; one that they exclude is dropped, in listed order."""
        found: dict[str, Value] = {}
        for presumption in self.book.vocabulary.presume:
            name = presumption.fact
            value = self.book.vocabulary.ordinary[name]
            if name not in known and self.exact.possible({**known, **found, name: value}):
                found[name] = value
        return found

    def ask(
        self,
        facts: Situation,
        *,
        questions: Collection[str] | None = None,
        strict: bool = False,
        nearly: bool = True,
    ) -> dict[str, Answer]:
        """The answers to the questions (all without `questions`). `strict` presumes nothing. Raises `Invalid`."""
        known = self.stated(facts)
        presumed = {} if strict else self.presume(known)
        view = self.exact.given({**known, **presumed})
        bare = self.exact.given(known) if presumed else view
        asked = (
            self.book.vocabulary.questions
            if questions is None
            else {q: self.book.vocabulary.question(q) for q in questions}
        )
        return {name: self._answer(name, view, bare, presumed, nearly) for name in asked}

    def _answer(self, question: str, view: Given, bare: Given, presumed: Situation, nearly: bool) -> Answer:
        unit = self.book.vocabulary.questions[question].unit
        still_open = view.open_features(question)
        rests = bare.missing(bare.open_features(question)) if presumed else []
        named = tuple(name for name in rests if name in presumed)
        about = self.book.about(question)
        may = [i for i in about if view.may(i)]
        must = [i for i in may if view.must(i)]
        clauses = tuple(self.book.rules[i].key for i in must or may)
        if still_open:
            cases = [self.decide(case)[question].joined for case in view.cases(still_open)]
            possible = tuple(dict.fromkeys(joined.show(unit) for joined in cases))
            missing = tuple(view.missing(still_open))
            value = " or ".join(possible)
            return Answer(question, "undetermined", value, cases[0], clauses, named, missing, (), possible)
        joined = self.decide(view.completion())[question].joined
        status: Status = "conflict" if joined.conflict else "answered" if may else "silent"
        close = tuple(self._near(i, view) for i in about) if nearly and status == "silent" else ()
        near = tuple(found for found in close if found)
        return Answer(question, status, joined.show(unit), joined, clauses, named, (), near)

    def _near(self, index: int, view: Given) -> Near | None:
        """How a rule that is silent nearly spoke, if it did: met but silenced, or one stated or presumed fact away."""
        rule, diagrams = self.book.rules[index], view.diagrams
        met = diagrams.both(view.allowed, view.met(index))
        if met != NEVER:
            over = (up for up in sorted(rule.above) if diagrams.both(met, view.met(up)) != NEVER)
            return Near(rule.key, silenced_by=tuple(self.book.rules[up].key for up in over))
        for name in view.stated:
            if name == AGENCY:
                continue
            rest = {fact: value for fact, value in view.stated.items() if fact != name}
            other = Given(self.book, view.axes, rest)
            if other.may(index):
                value = other.completion(other.speaks(index), view.known)[name]
                return Near(rule.key, fact=name, value=self.book.facts[name].show(value))
        return None
