"""How are the rules of books stated for a prover? As SMT-LIB text: propositional, so every question has an answer.

A yes/no fact is one constant; a `one of` fact one constant for each value, exactly one of them true; a member of a set
one constant; a number one constant for each threshold, in a chain. A *claim* is a constant that implies a formula: the
prover is asked whether the claim can be true. The text is printed rather than built through a library's terms, which is
faster, and any prover can read it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations, pairwise

from lapel.policy.axes import thresholds
from lapel.policy.condition import And, AtLeast, Condition, Has, In, Not, Or, Term, Yes
from lapel.policy.vocabulary import Fact, Situation, Value

BOUNDS = "|words inside their bounds|"


def both(parts: Iterable[str]) -> str:
    """The conjunction of formulas."""
    return _joined("and", list(parts), "true")


def either(parts: Iterable[str]) -> str:
    """The disjunction of formulas."""
    return _joined("or", list(parts), "false")


def negate(formula: str) -> str:
    return f"(not {formula})"


def _joined(word: str, parts: list[str], none: str) -> str:
    return none if not parts else parts[0] if len(parts) == 1 else f"({word} {' '.join(parts)})"


class Script:
    """An SMT-LIB text being written over facts; `fixed` facts are constants and need no declaration."""

    def __init__(
        self, facts: Mapping[str, Fact], fixed: Mapping[str, str], conditions: Iterable[Condition]
    ) -> None:
        self.facts, self.fixed = facts, fixed
        self.cuts = thresholds(conditions)
        self.lines: list[str] = []
        self.claims: list[str] = []
        self._named: dict[str, str] = {}
        for fact in facts.values():
            if fact.name not in fixed:
                self._declare(fact)
        self.lines.append(f"(declare-const {BOUNDS} Bool)")

    def constant(self, fact: str, part: str = "") -> str:
        """The constant of a fact, of one of its values or members, or of a threshold (`>=12`)."""
        if fact in self.fixed:
            return "true" if self.fixed[fact] == part else "false"
        return f"|{fact} {part}|" if part else f"|{fact}|"

    def parts(self, fact: Fact) -> list[str]:
        """The parts of a fact that have a constant each."""
        if fact.kind == "number":
            return [f">={number}" for number in self.cuts.get(fact.name, ())]
        return list(fact.words) if fact.words else [""]

    def _declare(self, fact: Fact) -> None:
        names = [self.constant(fact.name, part) for part in self.parts(fact)]
        self.lines += [f"(declare-const {name} Bool)" for name in names]
        if fact.kind == "one of":
            self.lines.append(f"(assert {either(names)})")
            self.lines += [f"(assert (not (and {a} {b})))" for a, b in combinations(names, 2)]
        if fact.kind == "number":
            self.lines += [f"(assert (=> {high} {low}))" for low, high in pairwise(names)]

    def formula(self, condition: Condition) -> str:
        """The condition as a formula over the constants."""
        if isinstance(condition, And):
            return both(self.formula(part) for part in condition.parts)
        if isinstance(condition, Or):
            return either(self.formula(part) for part in condition.parts)
        if isinstance(condition, Not):
            return negate(self.formula(condition.part))
        assert not isinstance(condition, Term)
        return self._atom(condition)

    def _atom(self, atom: Yes | In | Has | AtLeast) -> str:
        if isinstance(atom, In):
            return either(self.constant(atom.fact, value) for value in atom.values)
        if isinstance(atom, Has):
            members = (self.constant(atom.fact, member) for member in atom.members)
            return both(members) if atom.every else either(members)
        return self.constant(atom.fact, f">={atom.number}" if isinstance(atom, AtLeast) else "")

    def name(self, formula: str, hint: str) -> str:
        """A short name for a formula; the same formula keeps its name."""
        if len(formula) < 24:
            return formula
        if formula not in self._named:
            self._named[formula] = f"{hint}{len(self._named)}"
            self.lines.append(f"(define-fun {self._named[formula]} () Bool {formula})")
        return self._named[formula]

    def hold(self, formula: str) -> None:
        """What is always so."""
        self.lines.append(f"(assert {formula})")

    def hold_bound(self, formula: str) -> None:
        """A bound of an open word: it holds wherever `BOUNDS` is assumed."""
        self.lines.append(f"(assert (=> {BOUNDS} {formula}))")

    def claim(self, what: str, formula: str) -> str:
        """A constant that implies the formula; ask the prover whether it can be true."""
        name = f"|? {what}|"
        self.lines.append(f"(declare-const {name} Bool)")
        self.lines.append(f"(assert (=> {name} {formula}))")
        self.claims.append(name)
        return name

    def text(self, ask: str = "") -> str:
        """The whole text; with a claim to ask, a complete script for any prover."""
        body = "\n".join(self.lines)
        if not ask:
            return body
        return f"(set-logic QF_UF)\n{body}\n(assert {BOUNDS})\n(assert {ask})\n(check-sat)\n"

    def differences(self, ordinary: Situation) -> dict[str, dict[str, str]]:
        """For each fact, for each part, a formula that is true where it differs from the ordinary value."""
        found: dict[str, dict[str, str]] = {}
        for name, fact in self.facts.items():
            if name in self.fixed:
                continue
            usual = ordinary[name]
            parts = self.parts(fact)
            found[name] = {
                part: negate(self.constant(name, part)) if _true(usual, part) else self.constant(name, part)
                for part in parts
            }
        return found

    def situation(self, true: set[str], ordinary: Situation) -> dict[str, Value]:
        """The situation in which these constants are true; a number is as near to the ordinary one as they allow."""
        found: dict[str, Value] = {}
        for name, fact in self.facts.items():
            usual = ordinary[name]
            held = [part for part in self.parts(fact) if self.constant(name, part) in true]
            if name in self.fixed:
                found[name] = self.fixed[name]
            elif isinstance(usual, bool):
                found[name] = bool(held)
            elif isinstance(usual, frozenset):
                found[name] = frozenset(held)
            elif isinstance(usual, str):
                found[name] = held[0] if held else usual
            else:
                cuts = [fact.low, *self.cuts.get(name, ()), fact.high + 1]
                found[name] = min(max(usual, cuts[len(held)]), cuts[len(held) + 1] - 1)
        return found


def _true(usual: Value, part: str) -> bool:
    """Is this part of a fact true in the ordinary situation?"""
    if isinstance(usual, bool):
        return usual
    if isinstance(usual, int):
        return usual >= int(part.removeprefix(">="))
    return part in usual if isinstance(usual, frozenset) else part == usual
