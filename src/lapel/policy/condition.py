"""When is a clause met? A tree of few node kinds, and the tree as text.

The tree is what every back end reads: the closure, the bit planes, the prover, the diagrams and the text for people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from lapel.policy.vocabulary import Situation


@dataclass(frozen=True, slots=True)
class Yes:
    """A bare yes/no fact."""

    fact: str


@dataclass(frozen=True, slots=True)
class In:
    """The `one of` fact has one of these values (in the vocabulary's order)."""

    fact: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Has:
    """The `some of` fact has every one, or any one, of these members (in the vocabulary's order)."""

    fact: str
    members: tuple[str, ...]
    every: bool


@dataclass(frozen=True, slots=True)
class AtLeast:
    """The number is at least this. The other comparisons are made of this one and `Not`."""

    fact: str
    number: int


@dataclass(frozen=True, slots=True)
class Term:
    """A word that the agency, or the directive itself, defines."""

    name: str


@dataclass(frozen=True, slots=True)
class Not:
    """Negation."""

    part: Condition


@dataclass(frozen=True, slots=True)
class And:
    """All parts; no parts: always true."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any part; no parts: never true."""

    parts: tuple[Condition, ...]


Atom = Yes | In | Has | AtLeast | Term
Condition = Atom | Not | And | Or
TRUE = And(())
FALSE = Or(())


def atoms(condition: Condition) -> Iterator[Atom]:
    """Every atom of the tree, from left to right, with repetitions."""
    if isinstance(condition, And | Or):
        for part in condition.parts:
            yield from atoms(part)
    elif isinstance(condition, Not):
        yield from atoms(condition.part)
    else:
        yield condition


def facts_of(condition: Condition) -> set[str]:
    """The facts that the tree mentions."""
    return {atom.fact for atom in atoms(condition) if not isinstance(atom, Term)}


def terms_of(condition: Condition) -> set[str]:
    """The words that the tree leaves to a definition."""
    return {atom.name for atom in atoms(condition) if isinstance(atom, Term)}


def rewrite(condition: Condition, change: Callable[[Atom], Condition]) -> Condition:
    """The same tree with every atom changed."""
    if isinstance(condition, And):
        return And(tuple(rewrite(p, change) for p in condition.parts))
    if isinstance(condition, Or):
        return Or(tuple(rewrite(p, change) for p in condition.parts))
    if isinstance(condition, Not):
        return Not(rewrite(condition.part, change))
    return change(condition)


def define(condition: Condition, words: Mapping[str, Condition]) -> Condition:
    """The tree with the words that have a definition replaced by it; the others stay."""
    return rewrite(condition, lambda atom: words.get(atom.name, atom) if isinstance(atom, Term) else atom)


def holds(condition: Condition, situation: Situation) -> bool | None:
    """Kleene's value of the tree where facts may be unknown: None means that it depends (or may). A word is unknown."""
    if isinstance(condition, Not):
        value = holds(condition.part, situation)
        return None if value is None else not value
    if isinstance(condition, And | Or):
        decides = isinstance(condition, Or)
        values = [holds(part, situation) for part in condition.parts]
        if decides in values:
            return decides
        return None if None in values else not decides
    return _atom_holds(condition, situation)


def _atom_holds(atom: Atom, situation: Situation) -> bool | None:
    if isinstance(atom, Term):
        return None
    value = situation.get(atom.fact)
    if value is None:
        return None
    if isinstance(atom, Yes):
        return value is True
    if isinstance(atom, In):
        return value in atom.values
    if isinstance(atom, AtLeast):
        return isinstance(value, int) and value >= atom.number
    found = [isinstance(value, frozenset) and member in value for member in atom.members]
    return all(found) if atom.every else any(found)


_LOOSE, _AND, _NOT, _TIGHT = range(4)


def text(condition: Condition, tightness: int = _LOOSE) -> str:
    """The tree in the language: reading it again gives the same tree."""
    if isinstance(condition, And | Or):
        if len(condition.parts) == 1:
            return text(condition.parts[0], tightness)
        joined, inside = (" and ", _NOT) if isinstance(condition, And) else (" or ", _AND)
        shown = joined.join(text(part, inside) for part in condition.parts)
        return _bracket(shown or ("always" if isinstance(condition, And) else "never"), tightness >= inside)
    if isinstance(condition, Not):
        return _not_text(condition.part, tightness)
    return _atom_text(condition)


def _not_text(part: Condition, tightness: int) -> str:
    if isinstance(part, In):
        return _in_text(part, "is not", "not in")
    if isinstance(part, AtLeast):
        return f"{part.fact} < {part.number}"
    return _bracket(f"not {text(part, _TIGHT)}", tightness >= _TIGHT)


def _atom_text(atom: Atom) -> str:
    if isinstance(atom, Yes):
        return atom.fact
    if isinstance(atom, Term):
        return atom.name
    if isinstance(atom, In):
        return _in_text(atom, "is", "in")
    if isinstance(atom, AtLeast):
        return f"{atom.fact} >= {atom.number}"
    if len(atom.members) == 1:
        return f"{atom.fact} has {atom.members[0]}"
    return f"{atom.fact} has {'all' if atom.every else 'any'} [{', '.join(atom.members)}]"


def _in_text(atom: In, one: str, many: str) -> str:
    if len(atom.values) == 1:
        return f"{atom.fact} {one} {atom.values[0]}"
    return f"{atom.fact} {many} [{', '.join(atom.values)}]"


def _bracket(inner: str, needed: bool) -> str:
    return f"({inner})" if needed else inner
