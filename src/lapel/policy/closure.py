"""Which rules speak in one situation whose facts are all known? A function generated from the trees."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from lapel.policy.book import Book
from lapel.policy.condition import And, AtLeast, Condition, Has, In, Not, Or, Term, Yes, facts_of
from lapel.policy.vocabulary import Situation


def speaking(book: Book) -> Callable[[Situation], int]:
    """A function from a situation to a bit mask of the rules that speak (bit i for rule i).

    The text that is compiled holds only words that the vocabulary's reader has let through, and numbers.
    """
    answering = [i for i, rule in enumerate(book.rules) if rule.question]
    names = sorted(set().union(*(facts_of(book.rules[i].when) for i in answering)))
    local = {name: f"f{n}" for n, name in enumerate(names)}
    lines = ["def speaking(s):", *(f" {short}=s[{name!r}]" for name, short in local.items()), " k=0"]
    above = sorted({up for i in answering for up in book.rules[i].above})
    lines += [f" m{i}={_source(book.rules[i].when, local)}" for i in above]
    groups: dict[frozenset[int], list[int]] = defaultdict(list)
    for i in answering:
        groups[book.rules[i].above].append(i)
    for ups, members in groups.items():
        indent = " "
        if ups:
            lines.append(f" if not ({' or '.join(f'm{up}' for up in sorted(ups))}):")
            indent = "  "
        for i in members:
            met = f"m{i}" if i in above else _source(book.rules[i].when, local)
            lines.append(f"{indent}if {met}: k|={1 << i}")
    lines.append(" return k")
    scope: dict[str, Callable[[Situation], int]] = {}
    exec(compile("\n".join(lines), f"<{book.policy}>", "exec"), {}, scope)  # noqa: S102
    return scope["speaking"]


def _source(condition: Condition, local: dict[str, str]) -> str:
    if isinstance(condition, And | Or):
        if not condition.parts:
            return str(isinstance(condition, And))
        word = " and " if isinstance(condition, And) else " or "
        return f"({word.join(_source(part, local) for part in condition.parts)})"
    if isinstance(condition, Not):
        return f"(not {_source(condition.part, local)})"
    assert not isinstance(condition, Term)
    return _atom_source(condition, local[condition.fact])


def _atom_source(atom: Yes | In | Has | AtLeast, fact: str) -> str:
    if isinstance(atom, Yes):
        return fact
    if isinstance(atom, AtLeast):
        return f"({fact}>={atom.number})"
    if isinstance(atom, In):
        listed = ", ".join(map(repr, atom.values))
        return f"({fact}=={listed})" if len(atom.values) == 1 else f"({fact} in {{{listed}}})"
    word = " and " if atom.every else " or "
    return f"({word.join(f'{member!r} in {fact}' for member in atom.members)})"
