"""Can a claim be true, and in which situation nearest to an ordinary one? z3 answers; it is always yes or no."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from lapel.base.errors import EvidenceFault, Unavailable
from lapel.policy.smt import BOUNDS, Script
from lapel.policy.vocabulary import Situation, Value


def prover() -> Any:
    """The z3 module. Raises `Unavailable` in one line when the extra is not installed."""
    try:
        import z3
    except ImportError:
        raise Unavailable(
            "The prover is not installed.", next_step="Run: pip install 'lapel[proof]'"
        ) from None
    return z3


class Ground:
    """A script loaded into the prover."""

    def __init__(self, script: Script, ordinary: Situation) -> None:
        self.script, self.ordinary = script, ordinary
        self._z3 = prover()
        self._solver = self._z3.SolverFor("QF_FD")
        self._solver.from_string(script.text())
        self._loaded_distances = False

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
        model = self._solver.model()
        return {_name(d.name()) for d in model.decls() if d.arity() == 0 and self._z3.is_true(model[d])}

    def found(self) -> dict[str, Value]:
        """The last situation found."""
        return self.script.situation(self.true(), self.ordinary)

    def some(self, claims: Iterable[str], confirm: Callable[[set[str]], Iterable[str]]) -> set[str]:
        """Those of the claims that can be true: `confirm` reads from each situation found which others it shows."""
        shown: set[str] = set()
        for claim in claims:
            if claim not in shown and self.can(claim):
                shown.add(claim)
                shown.update(confirm(self.true()))
        return shown

    def nearest(self, claim: str, *, bounds: bool = True) -> dict[str, Value]:
        """The situation for a claim that can be true, with the fewest differing facts, then set members, from ordinary.

        Among equals the earliest facts stay ordinary and values come first in the vocabulary's order, so that the same
        claim always gives the same situation.
        """
        differing = self._distances()
        solver, z3 = self._solver, self._z3
        base = (claim, BOUNDS) if bounds else (claim,)
        solver.push()
        try:
            self._fewest([z3.Bool(f"differs {name}") for name in differing], base)
            pinned = list(base)
            for name in differing:
                same = f"(not |differs {name}|)"
                if self.can(*pinned, same, bounds=False):
                    pinned.append(same)
            parts = [(name, part) for name, formulas in differing.items() for part in formulas]
            sets = [
                p
                for p in parts
                if self.script.facts[p[0]].kind == "some of" and f"(not |differs {p[0]}|)" not in pinned
            ]
            if sets:
                self._fewest([z3.Bool(f"differs {name} {part}") for name, part in sets], pinned)
            return self._settle(pinned, parts)
        finally:
            solver.pop()

    def _settle(self, pinned: list[str], parts: list[tuple[str, str]]) -> dict[str, Value]:
        """Fixes what is still open, first words first."""
        open_parts = [p for p in parts if f"(not |differs {p[0]}|)" not in pinned]
        for name, part in open_parts:
            fact = self.script.facts[name]
            constant = self.script.constant(name, part)
            wish = constant if fact.kind == "one of" else f"(not |differs {name} {part}|)"
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
            lines = self.script.text().splitlines()
            declared = [
                line
                for line in lines
                if line.startswith("(declare-const |") and not line.startswith("(declare-const |?")
            ]
            for name, parts in differing.items():
                lines_of = [f"(declare-const |differs {name}| Bool)"]
                for part, formula in parts.items():
                    lines_of.append(f"(declare-const |differs {name} {part}| Bool)")
                    lines_of.append(f"(assert (= |differs {name} {part}| {formula}))")
                    lines_of.append(f"(assert (=> |differs {name} {part}| |differs {name}|))")
                declared += lines_of
            self._solver.from_string("\n".join(declared))
            self._loaded_distances = True
        return differing


def _name(name: str) -> str:
    return f"|{name}|"
