"""Can a claim be true, and in which situation nearest to an ordinary one? z3 answers; it is always yes or no."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from lapel.base.errors import EvidenceFault, Unavailable
from lapel.policy.smt import BOUNDS, Script
from lapel.policy.vocabulary import Situation, Value

_TRUE = re.compile(r"\(define-fun (\|[^|]*\||\S+) \(\) Bool\s+true\)")


def prover() -> Any:
    """The z3 module. Raises `Unavailable` in one line when the extra is not installed."""
    try:
        import z3
    except ImportError:
        raise Unavailable(
            "The prover is not installed.", next_step="Run scripts/setup, or: pip install z3-solver"
        ) from None
    return z3


class Ground:
    """A script loaded into the prover."""

    def __init__(self, script: Script, ordinary: Situation) -> None:
        self.script, self.ordinary = script, ordinary
        self._z3 = prover()
        self._solver = self._z3.SolverFor("QF_FD")
        # It would leave a handler of its own behind, and Ctrl-C would no longer end the process that proved.
        self._solver.set("ctrl_c", False)
        self._solver.from_string(script.text())
        self._loaded_distances = False
        self._guards = 0

    def _literal(self, name: str) -> Any:
        """A constant by its SMT-LIB name, negated when it begins with (not."""
        if name.startswith("(not "):
            return self._z3.Not(self._literal(name[5:-1]))
        return self._z3.Bool(name.strip("|"))

    def can(self, *claims: str, bounds: bool = True) -> bool:
        """Can these claims be true together?"""
        assumed = [self._literal(name) for name in ((*claims, BOUNDS) if bounds else claims)]
        verdict = self._solver.check(*assumed)
        if verdict == self._z3.unknown:
            raise EvidenceFault(
                "The prover gave no verdict on a question that has one.", next_step="Report this policy."
            )
        return bool(verdict == self._z3.sat)

    def true(self) -> set[str]:
        """The constants that are true in the last situation found."""
        # Reading the printed model is many times faster than walking it through the library's objects.
        printed = self._solver.model().sexpr()
        return {f"|{name.strip('|')}|" for name in _TRUE.findall(printed)}

    def found(self, true: set[str] | None = None) -> dict[str, Value]:
        """The last situation found, or the one in which these constants are true."""
        return self.script.situation(self.true() if true is None else true, self.ordinary)

    def any_of(self, claims: Iterable[str]) -> set[str]:
        """The constants that are true in a situation in which one of the claims is, or nothing when there is none."""
        # A guard instead of push and pop, after which the solver would begin from nothing.
        self._guards += 1
        guard = f"|guard {self._guards}|"
        either = self._z3.Or([self._literal(name) for name in claims])
        self._solver.add(self._z3.Implies(self._literal(guard), either))
        return self.true() if self.can(guard) else set()

    def pins(self, situation: Situation) -> list[str]:
        """Literals that hold exactly in this situation."""
        differing = self.script.differences(situation)
        return [negated(formula) for parts in differing.values() for formula in parts.values()]

    def exclude(self, literals: Iterable[str]) -> None:
        """From here on these literals are not true together; `pop` takes that back."""
        self._solver.add(self._z3.Not(self._z3.And([self._literal(name) for name in literals])))

    def push(self) -> None:
        """Begins what the next `pop` takes back."""
        self._distances()
        self._solver.push()

    def pop(self) -> None:
        """Takes back what was added since the last `push`."""
        self._solver.pop()

    def nearest(self, claim: str, *, bounds: bool = True) -> dict[str, Value]:
        """The situation for a claim that can be true that differs from ordinary in the fewest facts.

        Among equals the one whose sets have the fewest members: an emergency call, not an emergency call beside the
        ordinary work. Then the earliest facts stay ordinary and values come first in the vocabulary's order, so that
        the same claim always gives the same situation.
        """
        differing = self._distances()
        solver, z3 = self._solver, self._z3
        base = (claim, BOUNDS) if bounds else (claim,)
        solver.push()
        try:
            self._fewest([z3.Bool(f"differs {name}") for name in differing], base)
            parts = [(name, part) for name, formulas in differing.items() for part in formulas]
            members = [p for p in parts if self.script.facts[p[0]].kind == "some of"]
            self._fewest([z3.Bool(f"counts {name} {part}") for name, part in members], base)
            pinned = list(base)
            for name in differing:
                same = f"(not |differs {name}|)"
                if self.can(*pinned, same, bounds=False):
                    pinned.append(same)
            return self._settle(pinned, parts)
        finally:
            solver.pop()

    def _settle(self, pinned: list[str], parts: list[tuple[str, str]]) -> dict[str, Value]:
        """Fixes what is still open, first words first."""
        open_parts = [p for p in parts if f"(not |differs {p[0]}|)" not in pinned]
        for name, part in open_parts:
            fact = self.script.facts[name]
            constant = self.script.constant(name, part)
            same = f"(not |differs {name} {part}|)"
            wish = constant if fact.kind in {"one of", "some of"} else same
            if self.can(*pinned, wish, bounds=False):
                pinned.append(wish)
        self.can(*pinned, bounds=False)
        return self.found()

    def _fewest(self, literals: list[Any], assumed: Iterable[str]) -> None:
        """Adds the tightest bound on how many of the literals are true."""
        names = list(assumed)
        for most in range(len(literals) + 1):
            self._solver.push()
            self._solver.add(self._z3.AtMost(*literals, most))
            if self.can(*names, bounds=False):
                # The bound stays until the caller's pop: one level more is popped there.
                self._solver.pop()
                self._solver.add(self._z3.AtMost(*literals, most))
                return
            self._solver.pop()

    def _distances(self) -> dict[str, dict[str, str]]:
        """Declares, once, where facts and their parts differ from ordinary."""
        differing = self.script.differences(self.ordinary)
        if not self._loaded_distances:
            lines = []
            for name, parts in differing.items():
                lines.append(f"(declare-const |differs {name}| Bool)")
                for part, formula in parts.items():
                    lines.append(f"(declare-const |differs {name} {part}| Bool)")
                    lines.append(f"(assert (= |differs {name} {part}| {formula}))")
                    lines.append(f"(assert (=> |differs {name} {part}| |differs {name}|))")
                    if self.script.facts[name].kind == "some of":
                        member = self.script.constant(name, part)
                        lines.append(f"(declare-const |counts {name} {part}| Bool)")
                        lines.append(f"(assert (=> (and {member} |differs {name}|) |counts {name} {part}|))")
            # The solver goes on in the same text, so the facts are declared already.
            self._solver.from_string("\n".join(lines))
            self._loaded_distances = True
        return differing


def negated(literal: str) -> str:
    """A literal's opposite."""
    return literal[5:-1] if literal.startswith("(not ") else f"(not {literal})"
