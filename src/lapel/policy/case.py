"""What is to be proved of one policy on one day, and what did a check find? The frame that the checks fill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from lapel.policy.book import Book, agency_book, bounds, department_book, floor_book, opened_words
from lapel.policy.condition import Condition
from lapel.policy.directive import Directive, Left
from lapel.policy.engine import Engine
from lapel.policy.library import Library
from lapel.policy.smt import Script
from lapel.policy.vocabulary import AGENCY, Situation
from lapel.policy.voice import Voice

CHECKS = ("sane", "conforms", "granted", "no conflict", "no dead clause", "no gap", "terms", "addresses")


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a check does not hold: the clauses, the sentence, and the situation that shows it (None: no situation needed)."""

    check: str
    clauses: tuple[str, ...]
    says: str
    situation: Situation | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one policy in one interval. `notes` do not make it fail."""

    name: str
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return not self.findings


@dataclass(frozen=True, slots=True)
class Asked:
    """A claim that must never be true; `tell` says what it means in the situation that makes it true."""

    check: str
    claim: str
    clauses: tuple[str, ...]
    tell: Callable[[Situation], str]
    bounds: bool = True


@dataclass
class Case:
    """A policy on a day: `agency` None is the department alone. `own` has the orders, `bare` has not, `floor` is the department's."""

    library: Library
    agency: str | None
    on: date
    own: Book = field(init=False)
    bare: Book = field(init=False)
    floor: Book | None = field(init=False)

    def __post_init__(self) -> None:
        if self.agency is None:
            self.own = self.bare = department_book(self.library, self.on)
            self.floor = None
            return
        self.own = agency_book(self.library, self.agency, self.on)
        bound = any(rule.policy != self.agency for rule in self.own.rules)
        self.bare = agency_book(self.library, self.agency, self.on, orders=False) if bound else self.own
        self.floor = floor_book(self.library, self.agency, self.on)

    @property
    def policy(self) -> str:
        return self.own.policy

    @cached_property
    def directive(self) -> Directive | None:
        return self.library.in_force(self.policy, self.on)

    @cached_property
    def department(self) -> Directive | None:
        return self.library.in_force(self.library.department, self.on)

    @cached_property
    def left(self) -> tuple[Left, ...]:
        """The words left to this agency by the department and the orders in force."""
        orders = self.library.orders(self.on, self.agency) if self.agency else ()
        return tuple(word for d in (self.department, *orders) if d for word in d.left)

    @cached_property
    def words(self) -> dict[str, Condition]:
        return dict(self.directive.terms) if self.agency and self.directive else {}

    def defined(self, condition: Condition, own: dict[str, Condition] | None = None) -> Condition:
        """A condition of the department's, with this agency's words."""
        return opened_words(condition, own or {}, self.words)

    @cached_property
    def books(self) -> tuple[Book, ...]:
        return tuple({id(b): b for b in (self.own, self.bare, self.floor) if b is not None}.values())

    @cached_property
    def frame(self) -> Book:
        """The book with the facts of all: open words of the department are facts too."""
        return max(self.books, key=lambda book: len(book.facts))

    @cached_property
    def script(self) -> Script:
        """A script with the facts declared and what is always so asserted; the checks add their claims."""
        facts = {name: fact for book in self.books for name, fact in book.facts.items()}
        department = self.department
        grants = self.library.grants(self.on) if department else ()
        conditions = [rule.when for book in self.books for rule in book.rules]
        conditions += [c for book in self.books for c in book.always] + [self.defined(g.when) for g in grants]
        conditions += [c for word in self.left for c in (word.must_cover, word.may_not_reach) if c] + list(
            self.words.values()
        )
        script = Script(facts, {AGENCY: self.agency} if self.agency else {}, conditions)
        for condition in self.library.vocabulary.always:
            script.hold(script.formula(condition))
        for word in self.left:
            if word.term not in self.words:
                for bound in bounds(word):
                    script.hold_bound(script.formula(bound))
        return script

    @cached_property
    def voice(self) -> Voice:
        return Voice(self.script, self.own, "a")

    @cached_property
    def bare_voice(self) -> Voice:
        return self.voice if self.bare is self.own else Voice(self.script, self.bare, "b")

    @cached_property
    def floor_voice(self) -> Voice | None:
        return Voice(self.script, self.floor, "d") if self.floor else None

    @cached_property
    def engine(self) -> Engine:
        return Engine(self.own)

    @cached_property
    def bare_engine(self) -> Engine:
        return self.engine if self.bare is self.own else Engine(self.bare)

    @cached_property
    def ordinary(self) -> Situation:
        return {name: value for book in self.books for name, value in book.ordinary.items()}
