"""Which rules speak in one situation whose facts are all known? A function generated from the trees."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from lapel.policy.book import Book
from lapel.policy.condition import And, AtLeast, Condition, Has, In, Not, Or, Yes, facts_of
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
    if isinstance(condition, Yes):
        return local[condition.fact]
    if isinstance(condition, AtLeast):
        return f"({local[condition.fact]}>={condition.number})"
    if isinstance(condition, In):
        if len(condition.values) == 1:
            return f"({local[condition.fact]}=={condition.values[0]!r})"
        return f"({local[condition.fact]} in {{{', '.join(map(repr, condition.values))}}})"
    assert isinstance(condition, Has)
    fact = local[condition.fact]
    if len(condition.members) == 1:
        return f"({condition.members[0]!r} in {fact})"
    listed = f"{{{', '.join(map(repr, condition.members))}}}"
    return (
        f"({listed}<={fact})"
        if condition.every
        else "(" + " or ".join(f"{m!r} in {fact}" for m in condition.members) + ")"
    )
