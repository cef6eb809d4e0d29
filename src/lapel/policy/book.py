"""Which rules apply to an agency on a day, with every word defined and every exception and order in its place?

A book is what all back ends read. Words that stay open (the department alone, or an agency that has not defined one)
become yes/no facts of the book, and their bounds join what is always so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from lapel.policy.condition import Condition, In, Not, Or, Term, Yes, define, rewrite
from lapel.policy.directive import Clause, Directive, Left
from lapel.policy.library import Library
from lapel.policy.outcome import Outcome
from lapel.policy.vocabulary import AGENCY, Fact, Situation, Vocabulary

DUTIES_ALONG_AN_EVENT = ("stop", "start_within")


@dataclass(frozen=True, slots=True)
class Rule:
    """A clause in force. `above`: the rules, by index, whose own condition silences it (transitively)."""

    key: str
    policy: str
    clause: Clause
    when: Condition
    above: frozenset[int]

    @property
    def question(self) -> str:
        return self.clause.question

    @property
    def outcome(self) -> Outcome | None:
        return self.clause.outcome


@dataclass(frozen=True, slots=True, eq=False)
class Book:
    """The rules of one policy (`policy`) for one agency (None: any) and the orders above them."""

    vocabulary: Vocabulary
    policy: str
    agency: str | None
    rules: tuple[Rule, ...]
    facts: Mapping[str, Fact]
    always: tuple[Condition, ...]
    open_words: tuple[str, ...] = ()

    @property
    def ordinary(self) -> Situation:
        """The ordinary situation of this agency; open words do not reach it."""
        own = {AGENCY: self.agency or self.vocabulary.agencies[0]}
        return {**self.vocabulary.ordinary, **own, **dict.fromkeys(self.open_words, False)}

    def index(self, key: str) -> int:
        return next(i for i, rule in enumerate(self.rules) if rule.key == key)

    def about(self, question: str) -> list[int]:
        """The rules that answer a question."""
        return [i for i, rule in enumerate(self.rules) if rule.question == question]

    def outcomes(self, question: str) -> list[Outcome | None]:
        """For each rule its answer to a question, None where it answers another."""
        return [rule.outcome if rule.question == question else None for rule in self.rules]

    def without(self, index: int) -> Book:
        """The same book without one rule; the order among the others is kept."""

        def moved(i: int) -> int:
            return i - (i > index)

        kept = (rule for i, rule in enumerate(self.rules) if i != index)
        rules = tuple(replace(r, above=frozenset(moved(i) for i in r.above if i != index)) for r in kept)
        return replace(self, rules=rules)


def agency_book(library: Library, agency: str, on: date, *, orders: bool = True) -> Book:
    """What an agency answers on a day: its own directive and, unless left out, the orders that bind it."""
    own = library.policy_of(agency, on)
    binding = library.orders(on, agency) if orders else ()
    return _book(library.vocabulary, own.policy, agency, (own, *binding), own.terms, on)


def floor_book(library: Library, agency: str, on: date) -> Book:
    """The department's clauses as they are for an agency: its words, and the orders that stand above the department."""
    department = library.in_force(library.department, on)
    own = library.in_force(agency, on)
    parts = [department] if department else []
    for order in library.orders(on, agency):
        if order.order and library.department in order.order.outranks:
            parts.append(order)
    return _book(library.vocabulary, library.department, agency, parts, own.terms if own else {}, on)


def department_book(library: Library, on: date) -> Book:
    """The department alone, for any agency, its open words free inside their bounds."""
    department = library.in_force(library.department, on)
    return _book(library.vocabulary, library.department, None, [department] if department else [], {}, on)


def lone_book(vocabulary: Vocabulary, directive: Directive) -> Book:
    """One directive by itself on its first day: no orders, and the words left open stay open."""
    agency = directive.policy if directive.role == "agency" else None
    on = directive.life.start or directive.version
    return _book(vocabulary, directive.policy, agency, (directive,), directive.terms, on)


def _book(
    vocabulary: Vocabulary,
    policy: str,
    agency: str | None,
    directives: Iterable[Directive],
    words: Mapping[str, Condition],
    on: date,
) -> Book:
    live = list(directives)
    opened = {left.term: left for directive in live for left in directive.left if left.term not in words}
    facts = dict(vocabulary.facts)
    for term in opened:
        facts[term] = Fact(term, "yes/no", f"the agency's word “{term.replace('_', ' ')}” covers it")
    always = [*vocabulary.always, *(bound for left in opened.values() for bound in bounds(left))]
    if agency:
        always.append(In(AGENCY, (agency,)))
    rules = _rules(live, words, on)
    return Book(vocabulary, policy, agency, rules, facts, tuple(always), tuple(opened))


def bounds(left: Left) -> list[Condition]:
    """What an open word must cover and may not reach, as conditions on the word as a fact."""
    word = Yes(left.term)
    found: list[Condition] = []
    if left.must_cover is not None:
        found.append(Or((Not(left.must_cover), word)))
    if left.may_not_reach is not None:
        found.append(Or((Not(word), Not(left.may_not_reach))))
    return found


def opened_words(
    condition: Condition, own: Mapping[str, Condition], words: Mapping[str, Condition]
) -> Condition:
    """The condition with the directive's own words and the agency's words defined, and the others as facts."""
    known = define(condition, {**words, **own})
    return rewrite(known, lambda atom: Yes(atom.name) if isinstance(atom, Term) else atom)


def _rules(directives: list[Directive], words: Mapping[str, Condition], on: date) -> tuple[Rule, ...]:
    live = [(d, c) for d in directives for c in d.clauses if c.life.covers(on)]
    places = {(d.policy, c.id): i for i, (d, c) in enumerate(live)}
    higher = {d.policy: _higher(d) for d in directives}
    rules = []
    for directive, clause in live:
        above = {
            places[directive.policy, i]
            for i in higher[directive.policy][clause.id]
            if (directive.policy, i) in places
        }
        for order, other in live:
            if _outranks(order, other, directive, clause):
                above |= {
                    places[order.policy, i]
                    for i in (other.id, *higher[order.policy][other.id])
                    if (order.policy, i) in places
                }
        when = opened_words(clause.when, directive.terms, words)
        rules.append(
            Rule(f"{directive.policy}:{clause.id}", directive.policy, clause, when, frozenset(above))
        )
    return tuple(rules)


def _outranks(order: Directive, other: Clause, directive: Directive, clause: Clause) -> bool:
    """Does this clause of an order stand above that clause of a directive it names?"""
    if (
        order.order is None
        or directive.policy not in order.order.outranks
        or clause.standing
        or other.standing
    ):
        return False
    same = other.question == clause.question
    return same or (other.question == "record" and clause.question in DUTIES_ALONG_AN_EVENT)


def _higher(directive: Directive) -> dict[str, set[str]]:
    """For each clause every clause above it, through clauses that may not be in force themselves."""
    direct = {clause.id: clause.subject_to for clause in directive.clauses}
    found: dict[str, set[str]] = {}

    def climb(name: str) -> set[str]:
        if name not in found:
            found[name] = set(direct[name]).union(*(climb(up) for up in direct[name]))
        return found[name]

    # The ladder has no cycle (checked when read); long ladders are climbed from the top so that nothing recurses deep.
    waiting = dict(direct)
    while waiting:
        for name in [n for n, ups in waiting.items() if not any(up in waiting for up in ups)]:
            climb(name)
            del waiting[name]
    return found
