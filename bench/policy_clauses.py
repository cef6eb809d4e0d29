"""Which clauses and situations are the policies measured on? Made by chance from the department's vocabulary."""

from __future__ import annotations

import random

import numpy as np

from lapel.policy.book import Book
from lapel.policy.columns import Column, Columns, dtype
from lapel.policy.vocabulary import Vocabulary


def condition(rng: random.Random, words: Vocabulary, rare: bool = False) -> str:
    """Three or four atoms, as clauses have them."""
    facts = [fact for name, fact in words.facts.items() if name != "agency"]
    found = []
    for fact in rng.sample(facts, rng.randint(3, 4)):
        if fact.kind == "yes/no":
            found.append(fact.name if rng.random() < 0.5 else f"not {fact.name}")
        elif fact.kind == "number":
            found.append(f"{fact.name} >= {rng.randint(fact.low + 1, min(fact.high, 20))}")
        else:
            some = ", ".join(rng.sample(fact.words, min(3, len(fact.words) - 1)))
            found.append(f"{fact.name} {'in' if fact.kind == 'one of' else 'has any'} [{some}]")
    return (
        f"{' and '.join(found[:-1])} or {found[-1]}"
        if rng.random() < 0.4 and not rare
        else " and ".join(found)
    )


def clauses(rng: random.Random, words: Vocabulary, count: int, clocks: int = 0) -> list[tuple[str, str]]:
    """(id, body): a ladder of duties under exceptions under bans, and some clocks."""
    bans, lifts = [f"B{i}" for i in range(count // 7)], [f"X{i}" for i in range(count // 7)]
    duties = [f"R{i}" for i in range(count - len(bans) - len(lifts) - clocks)]
    found = [(name, f"record: forbidden\n  when: {condition(rng, words, rare=True)}") for name in bans]
    found += [
        (
            n,
            f"record: permitted\n  when: {condition(rng, words, rare=True)}\n  subject to: [{', '.join(bans)}]",
        )
        for n in lifts
    ]
    over = ", ".join(bans + lifts)
    found += [
        (n, f"record: required\n  when: {condition(rng, words)}\n  subject to: [{over}]") for n in duties
    ]
    for number in range(clocks):
        answer = rng.choice(
            [
                f"retain: {rng.randint(30, 900)}",
                f"release: {rng.randint(5, 60)}",
                f"start_within: {rng.randint(1, 60)}",
            ]
        )
        found.append((f"K{number}", f"{answer}\n  when: {condition(rng, words)}"))
    return found


def text(head: str, body: list[tuple[str, str]]) -> str:
    cite = "cite: {source: none, confidence: invented}"
    return head + "clauses:\n" + "".join(f"- id: {n}\n  says: x\n  {cite}\n  {b}\n" for n, b in body)


def random_columns(book: Book, rows: int) -> Columns:
    rng = np.random.default_rng(7)
    columns = {}
    for name, fact in book.facts.items():
        kind = dtype(fact)
        if fact.kind == "some of":
            high = 1 << len(fact.words)
            values = (
                rng.integers(0, high, rows) & rng.integers(0, high, rows) & rng.integers(0, high, rows)
            ).astype(kind)
        elif fact.kind == "number":
            values = rng.integers(fact.low, fact.high + 1, rows).astype(kind)
        else:
            values = rng.integers(0, len(fact.words) or 2, rows).astype(kind)
        columns[name] = Column(values)
    return Columns(book.facts, columns, rows)
