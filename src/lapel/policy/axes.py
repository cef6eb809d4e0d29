"""How is a situation cut into independent axes: one a value, one a member, one a stretch of a number?"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping

from lapel.policy.book import Book
from lapel.policy.condition import And, AtLeast, Condition, Has, In, Not, Or, Term, Yes, atoms
from lapel.policy.diagram import Diagrams
from lapel.policy.vocabulary import Fact, Situation, Value


def thresholds(conditions: Iterable[Condition]) -> dict[str, list[int]]:
    """For each number fact the numbers it is compared with, in order."""
    found: dict[str, set[int]] = defaultdict(set)
    for condition in conditions:
        for atom in atoms(condition):
            if isinstance(atom, AtLeast):
                found[atom.fact].add(atom.number)
    return {fact: sorted(numbers) for fact, numbers in found.items()}


class Axes:
    """The axes of a book, and its conditions as diagrams over them."""

    def __init__(self, book: Book) -> None:
        self.facts: Mapping[str, Fact] = book.facts
        self.ordinary = book.ordinary
        self.cuts = thresholds([*(rule.when for rule in book.rules), *book.always])
        self.at: dict[tuple[str, str], int] = {}
        self.of_fact: dict[str, tuple[int, ...]] = {}
        sizes: list[int] = []
        for name, fact in book.facts.items():
            parts = fact.words if fact.kind == "some of" else ("",)
            self.of_fact[name] = tuple(range(len(sizes), len(sizes) + len(parts)))
            for part in parts:
                self.at[name, part] = len(sizes)
                sizes.append(self._size(fact))
        self.diagrams = Diagrams(sizes)
        self._seen: dict[Condition, int] = {}

    def _size(self, fact: Fact) -> int:
        if fact.kind == "one of":
            return len(fact.words)
        return len(self.cuts.get(fact.name, ())) + 1 if fact.kind == "number" else 2

    def values(self, situation: Situation) -> dict[int, int]:
        """The stated facts as values of axes."""
        found: dict[int, int] = {}
        for name, value in situation.items():
            fact = self.facts[name]
            if isinstance(value, frozenset):
                found.update((self.at[name, word], int(word in value)) for word in fact.words)
            elif isinstance(value, str):
                found[self.at[name, ""]] = fact.words.index(value)
            elif fact.kind == "number":
                found[self.at[name, ""]] = bisect_right(self.cuts.get(name, ()), value)
            else:
                found[self.at[name, ""]] = int(value)
        return found

    def value(self, name: str, chosen: Mapping[int, int]) -> Value:
        """The value of a fact among chosen axis values; an axis left out takes the ordinary value."""
        fact, usual = self.facts[name], self.ordinary[name]
        if isinstance(usual, frozenset):
            return frozenset(w for w in fact.words if chosen.get(self.at[name, w], int(w in usual)))
        axis = self.at[name, ""]
        if axis not in chosen:
            return usual
        if isinstance(usual, bool):
            return bool(chosen[axis])
        if isinstance(usual, str):
            return fact.words[chosen[axis]]
        cuts = [fact.low, *(c for c in self.cuts.get(name, ())), fact.high + 1]
        low, high = cuts[chosen[axis]], cuts[chosen[axis] + 1] - 1
        return min(max(usual, low), high)

    def situation(self, chosen: Mapping[int, int]) -> dict[str, Value]:
        """A whole situation: chosen values, and ordinary ones elsewhere."""
        return {name: self.value(name, chosen) for name in self.facts}

    def diagram(self, condition: Condition) -> int:
        """The condition as a diagram."""
        found = self._seen.get(condition)
        if found is None:
            found = self._seen[condition] = self._build(condition)
        return found

    def _build(self, condition: Condition) -> int:
        diagrams = self.diagrams
        if isinstance(condition, And):
            return diagrams.all_of([self.diagram(p) for p in condition.parts])
        if isinstance(condition, Or):
            return diagrams.any_of([self.diagram(p) for p in condition.parts])
        if isinstance(condition, Not):
            return diagrams.negate(self.diagram(condition.part))
        assert not isinstance(condition, Term)
        return self._atom(condition)

    def _atom(self, atom: Yes | In | Has | AtLeast) -> int:
        diagrams = self.diagrams
        if isinstance(atom, Has):
            members = [diagrams.among(self.at[atom.fact, m], {1}) for m in atom.members]
            return diagrams.all_of(members) if atom.every else diagrams.any_of(members)
        axis = self.at[atom.fact, ""]
        if isinstance(atom, Yes):
            return diagrams.among(axis, {1})
        if isinstance(atom, In):
            words = self.facts[atom.fact].words
            return diagrams.among(axis, {words.index(value) for value in atom.values})
        return diagrams.among(axis, range(self.cuts[atom.fact].index(atom.number) + 1, diagrams.sizes[axis]))
