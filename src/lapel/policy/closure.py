"""Which rules speak in one situation whose facts are all known? A function generated from the trees."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

from lapel.policy.book import Book
from lapel.policy.condition import And, AtLeast, Condition, Has, In, Not, Or, Term, Yes, atoms, facts_of
from lapel.policy.vocabulary import Situation

_DEEPEST = 16  # levels of tests; Python allows a hundred


def speaking(book: Book) -> Callable[[Situation], int]:
    """A function from a situation to a bit mask of the rules that speak (bit i for rule i).

    The text that is compiled holds only words that the vocabulary's reader has let through, and numbers.
    """
    answering = [i for i, rule in enumerate(book.rules) if rule.question]
    lines = ["def speaking(s):", " k=0", *_body(book, answering), " return k"]
    scope: dict[str, Callable[[Situation], int]] = {}
    exec(compile("\n".join(lines), f"<{book.policy}>", "exec"), {}, scope)  # noqa: S102
    return scope["speaking"]


def met(book: Book) -> Callable[[Situation], int]:
    """A function from a situation to a bit mask of the rules whose own condition is met, standing ones too."""
    local = {name: f"s[{name!r}]" for rule in book.rules for name in facts_of(rule.when)}
    lines = ["def met(s):", " k=0"]
    lines += [f" if {_source(rule.when, local)}: k|={1 << i}" for i, rule in enumerate(book.rules)]
    lines.append(" return k")
    scope: dict[str, Callable[[Situation], int]] = {}
    exec(compile("\n".join(lines), f"<{book.policy}>", "exec"), {}, scope)  # noqa: S102
    return scope["met"]


def _body(book: Book, answering: list[int]) -> list[str]:
    """The lines that set a rule's bit: first the rules that stand above others, topmost first, then the rest by groups."""
    rules = book.rules
    above = {up for i in answering for up in rules[i].above}
    local, lines = _read((rules[i].when for i in sorted(above)), {}, " ")
    after: list[str] = []
    done: set[int] = set()
    for i in sorted(above, key=lambda i: len(rules[i].above)):
        ups = rules[i].above
        met = _source(rules[i].when, local)
        # Where what stands above this rule silences all that it silences, it need not be looked at: m = "speaks".
        if ups and ups <= done and all(ups <= rules[low].above for low in answering if i in rules[low].above):
            met, ups = f"not ({_any(ups)}) and {met}", frozenset()
        done.add(i)
        lines.append(f" m{i}={met}")
        after.append(f" if m{i}{f' and not ({_any(ups)})' if ups else ''}: k|={1 << i}")
    lines += after
    groups: dict[frozenset[int], list[int]] = defaultdict(list)
    for i in answering:
        if i not in above:
            groups[rules[i].above].append(i)
    for ups, members in groups.items():
        indent = "  " if ups else " "
        lines += [f" if not ({_any(ups)}):"] if ups else []
        known, reads = _read((rules[i].when for i in members), local, indent)
        waiting = [(list(_conjuncts(rules[i].when)), i) for i in members]
        lines += reads + _tests(waiting, known, indent)
    return lines


def _read(
    conditions: Iterable[Condition], known: dict[str, str], indent: str
) -> tuple[dict[str, str], list[str]]:
    """How each fact is named in these conditions, and the lines that read those used often.

    A fact used twice or less is read where it is used: most rules are decided before they come to it.
    """
    uses = Counter(
        atom.fact for condition in conditions for atom in atoms(condition) if not isinstance(atom, Term)
    )
    held = {name: short for name, short in known.items() if short[0] == "f"}
    new = [name for name in sorted(uses) if name not in held and uses[name] > 2]
    short = {name: f"f{len(held) + n}" for n, name in enumerate(new)}
    rest = {name: f"s[{name!r}]" for name in uses}
    return {**rest, **held, **short}, [f"{indent}{short[name]}=s[{name!r}]" for name in new]


def _conjuncts(condition: Condition) -> tuple[Condition, ...]:
    return condition.parts if isinstance(condition, And) else (condition,)


def _tests(waiting: list[tuple[list[Condition], int]], local: dict[str, str], indent: str) -> list[str]:
    """Tests of rules given as conjuncts; a conjunct that several share is looked at once, for all of them."""
    lines: list[str] = []
    while waiting:
        shared = Counter(part for parts, _ in waiting for part in dict.fromkeys(parts)).most_common(1)
        if not shared or shared[0][1] < 2 or len(indent) > _DEEPEST:
            return lines + [
                f"{indent}if {_source(And(tuple(parts)), local)}: k|={1 << i}" for parts, i in waiting
            ]
        part = shared[0][0]
        inside = [([p for p in parts if p != part], i) for parts, i in waiting if part in parts]
        lines += [f"{indent}if {_source(part, local)}:", *_tests(inside, local, indent + " ")]
        waiting = [(parts, i) for parts, i in waiting if part not in parts]
    return lines


def _any(ups: frozenset[int]) -> str:
    return " or ".join(f"m{up}" for up in sorted(ups))


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
