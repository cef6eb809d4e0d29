"""In which situations near to an ordinary one can a rule be seen to speak, without asking a prover?

An example is a proof: where one is found the prover need not be asked. Where none is found nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lapel.policy.book import Book
from lapel.policy.condition import And, AtLeast, Condition, Has, In, Not, Or, Term, Yes, holds
from lapel.policy.vocabulary import Situation, Value

_TURNS = 3  # how many parts of an `or` are tried
_STEPS = 8  # how often what stands against it is undone
_BELOW = 12  # how many of the rules under a rule are tried beside it


def examples(
    book: Book, met: Callable[[Situation], int], index: int, ordinary: Situation
) -> Iterator[dict[str, Value]]:
    """Possible situations in which the rule speaks, and some in which a rule under it is met as well.

    `met` gives a bit mask of the rules whose own condition is met (`closure.met`).
    """
    question = book.rules[index].question
    below = [i for i, low in enumerate(book.rules) if index in low.above and low.question == question]
    for wanted in ([index], *([low, index] for low in below[:_BELOW])):
        for turn in range(_TURNS):
            yield from _possible(book, met, wanted, ordinary, turn)


def _possible(
    book: Book, met: Callable[[Situation], int], wanted: list[int], ordinary: Situation, turn: int
) -> Iterator[dict[str, Value]]:
    """The ordinary situation changed, step by step, so that the last rule wanted speaks.

    Where what stands against it cannot be undone the situation is given all the same: it may show something of another.
    """
    found = dict(ordinary)
    bits = sum(1 << i for i in wanted)
    against = book.rules[wanted[-1]].above
    needed = [*(book.rules[i].when for i in wanted), *book.always]
    for step in range(_STEPS):
        for condition in needed:
            _make(condition, True, found, book, turn)
        mask = met(found)
        unwanted = [i for i in against if mask >> i & 1]
        if not unwanted and mask & bits == bits:
            break
        for number, i in enumerate(unwanted):
            _make(book.rules[i].when, False, found, book, turn + step + number)
    if all(holds(condition, found) for condition in needed):
        yield found


def _make(condition: Condition, want: bool, found: dict[str, Value], book: Book, turn: int) -> None:
    """Changes facts until the condition has the wanted value; it may undo what was made before."""
    if holds(condition, found) is want:
        return
    if isinstance(condition, Not):
        _make(condition.part, not want, found, book, turn)
    elif isinstance(condition, And | Or):
        # All parts have to change, or one of them is enough.
        every = isinstance(condition, And) is want
        parts = (
            condition.parts
            if every or not condition.parts
            else (condition.parts[turn % len(condition.parts)],)
        )
        for part in parts:
            _make(part, want, found, book, turn)
    else:
        assert not isinstance(condition, Term)
        found[condition.fact] = _value(condition, want, found[condition.fact], book, turn)


def _value(atom: Yes | In | Has | AtLeast, want: bool, now: Value, book: Book, turn: int) -> Value:
    """A value of the fact that gives the atom the wanted value."""
    if isinstance(atom, Yes):
        return want
    if isinstance(atom, AtLeast):
        return atom.number if want else atom.number - 1
    if isinstance(atom, In):
        others = [word for word in book.facts[atom.fact].words if word not in atom.values]
        words = atom.values if want else others
        return words[turn % len(words)] if words else now
    held = now if isinstance(now, frozenset) else frozenset()
    one = frozenset({atom.members[turn % len(atom.members)]})
    if want:
        return held | (frozenset(atom.members) if atom.every else one)
    return held - (one if atom.every else frozenset(atom.members))
