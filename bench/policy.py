"""How fast are policies answered and proved, beside other engines given the same clauses in the same run?

    python bench/policy.py [--rows 10000000] [--large]

Peers for one situation: cedarpy, common-expression-language (CEL in Rust), zen-engine. They are asked
which of the 40 clauses are met, in one call with parsed handles, and a few lines of Python then find which of these speak
(cedarpy names the clauses itself and is spared that). Peers for many: Polars and DuckDB, one thread each, on the same
columns: our codes and bit masks, and, for Polars, sets as the lists that its users would hold.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import cedarpy
import cel
import duckdb
import numpy as np
import polars as pl
import zen

from lapel.policy.book import Book, lone_book
from lapel.policy.columns import Column, Columns, dtype
from lapel.policy.condition import And, AtLeast, Condition, Has, In, Not, Or, Yes
from lapel.policy.engine import Engine
from lapel.policy.language import read_directive
from lapel.policy.library import Library, assemble
from lapel.policy.planes import Planes
from lapel.policy.proof import prove
from lapel.policy.shelf import library_at, vocabulary_at
from lapel.policy.vocabulary import Situation, Vocabulary

DIRECTIVES = Path(__file__).resolve().parents[1] / "directives"


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


def timed(work: Callable[[], object], least_s: float = 0.4) -> float:
    """Seconds a call, the best of five series."""
    work()
    gc.disable()
    best = float("inf")
    for _ in range(5):
        calls, began = 0, time.perf_counter()
        while time.perf_counter() - began < least_s / 5 or not calls:
            work()
            calls += 1
        best = min(best, (time.perf_counter() - began) / calls)
    gc.enable()
    return best


# --- one situation

CEL = {"and": " && ", "or": " || ", "not": "!"}
ZEN = {"and": " and ", "or": " or ", "not": "not "}


def peer(tree: Condition, words: dict[str, str], cedar: bool = False) -> str:
    """The condition in a peer's own syntax."""
    at = "context." if cedar else ""
    if isinstance(tree, And | Or):
        return (
            "("
            + words["and" if isinstance(tree, And) else "or"].join(peer(p, words, cedar) for p in tree.parts)
            + ")"
        )
    if isinstance(tree, Not):
        return f"{words['not']}({peer(tree.part, words, cedar)})"
    if isinstance(tree, Yes):
        return f"{at}{tree.fact}"
    if isinstance(tree, AtLeast):
        return f"{at}{tree.fact} >= {tree.number}"
    if isinstance(tree, In):
        quoted = ", ".join(f'"{v}"' for v in tree.values)
        return f"[{quoted}].contains({at}{tree.fact})" if cedar else f"({tree.fact} in [{quoted}])"
    assert isinstance(tree, Has)
    if cedar:
        quoted = ", ".join(f'"{m}"' for m in tree.members)
        return f"{at}{tree.fact}.containsAny([{quoted}])"
    return "(" + words["or"].join(f'("{m}" in {tree.fact})' for m in tree.members) + ")"


def one_situation(book: Book, situations: list[Situation]) -> None:
    engine = Engine(book)
    plain = [{n: sorted(v) if isinstance(v, frozenset) else v for n, v in s.items()} for s in situations]
    keys = [rule.clause.id for rule in book.rules]
    cel_program = cel.compile(
        "[" + ", ".join(f'{peer(r.when, CEL)} ? "{r.clause.id}" : ""' for r in book.rules) + "]"
    )
    zen_program = zen.compile_expression("[" + ", ".join(f"({peer(r.when, ZEN)})" for r in book.rules) + "]")
    policies = cedarpy.PolicySet.from_str(
        "\n".join(
            f'@id("{r.clause.id}") permit(principal, action, resource) when {{ {peer(r.when, CEL, cedar=True)} }};'
            for r in book.rules
        )
    )
    entities = cedarpy.Entities.from_json_str("[]")
    request = {"principal": 'U::"u"', "action": 'A::"a"', "resource": 'R::"r"'}

    def cedar(situation: dict[str, Any]) -> set[str]:
        found = cedarpy.is_authorized({**request, "context": situation}, policies, entities)
        return {
            keys[int(name.removeprefix("policy"))] if name.startswith("policy") else name
            for name in found.diagnostics.reasons
        }

    from lapel.policy.condition import holds

    for s, p in zip(situations[:50], plain[:50], strict=True):
        met = {r.clause.id for r in book.rules if holds(r.when, s)}
        assert set(filter(None, cel_program.execute(p))) == met
        assert {k for k, yes in zip(keys, zen_program.evaluate(p), strict=True) if yes} == met
        assert cedar(p) == met

    def each(work: Callable[[Any], object], over: list[Any]) -> float:
        return timed(lambda: [work(s) for s in over]) / len(over) * 1e6

    cold = Engine(book)

    def unremembered(situation: Situation) -> object:
        cold._remembered.clear()
        return cold.decide(situation)

    ups = [sum(1 << up for up in rule.above) for rule in book.rules]

    def resolved(met: list[Any]) -> list[str]:
        """What the peers do not have: which of the met clauses no met exception silences."""
        mask = sum(1 << i for i, yes in enumerate(met) if yes)
        return [keys[i] for i, yes in enumerate(met) if yes and not mask & ups[i]]

    decision = zen.ZenEngine().create_decision(json.dumps(zen_graph(book)))
    ours = each(engine.decide, situations)
    times = {
        "common-expression-language": each(lambda p: resolved(cel_program.execute(p)), plain[:100]),
        "zen-engine, an expression": each(lambda p: resolved(zen_program.evaluate(p)), plain[:100]),
        "zen-engine, a decision": each(
            lambda p: resolved(list(decision.evaluate(p)["result"].values())), plain[:100]
        ),
        "cedarpy": each(
            lambda p: cedarpy.is_authorized({**request, "context": p}, policies, entities), plain[:100]
        ),
    }
    print(f"one situation, {len(book.rules)} clauses, answer with deciding clauses: {ours:.2f} us")
    print(f"  the same with nothing remembered: {each(unremembered, situations):.2f} us")
    for name, micros in times.items():
        print(f"  {name:28} {micros:8.1f} us  ours is {micros / ours:6.1f}x as fast")
    fastest = min(times.values())
    print(f"  goal: at least 20x the fastest peer: {fastest / ours:.1f}x")


def zen_graph(book: Book) -> dict[str, Any]:
    """The clauses as a decision of zen-engine: one expression a clause."""
    expressions = [
        {"id": r.clause.id, "key": r.clause.id, "value": f"({peer(r.when, ZEN)})"} for r in book.rules
    ]
    nodes = [
        {"id": "in", "type": "inputNode", "name": "in", "position": {"x": 0, "y": 0}},
        {
            "id": "met",
            "type": "expressionNode",
            "name": "met",
            "position": {"x": 1, "y": 0},
            "content": {"expressions": expressions},
        },
        {"id": "out", "type": "outputNode", "name": "out", "position": {"x": 2, "y": 0}},
    ]
    edges = [
        {"id": "1", "type": "edge", "sourceId": "in", "targetId": "met"},
        {"id": "2", "type": "edge", "sourceId": "met", "targetId": "out"},
    ]
    return {"nodes": nodes, "edges": edges}


# --- many situations


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


def polars_of(tree: Condition, columns: Columns, lists: frozenset[str]) -> pl.Expr:
    if isinstance(tree, And):
        return pl.all_horizontal([polars_of(p, columns, lists) for p in tree.parts])
    if isinstance(tree, Or):
        return pl.any_horizontal([polars_of(p, columns, lists) for p in tree.parts])
    if isinstance(tree, Not):
        return ~polars_of(tree.part, columns, lists)
    if isinstance(tree, Yes):
        return pl.col(tree.fact)
    if isinstance(tree, AtLeast):
        return pl.col(tree.fact) >= tree.number
    words = columns.facts[tree.fact].words
    if isinstance(tree, In):
        return pl.any_horizontal([pl.col(tree.fact) == words.index(v) for v in tree.values])
    assert isinstance(tree, Has)
    if tree.fact in lists:
        return pl.any_horizontal([pl.col(tree.fact).list.contains(words.index(m)) for m in tree.members])
    mask = sum(1 << words.index(m) for m in tree.members)
    kind = {np.uint8: pl.UInt8, np.uint16: pl.UInt16, np.uint32: pl.UInt32, np.uint64: pl.UInt64}[
        dtype(columns.facts[tree.fact])
    ]
    return (pl.col(tree.fact) & pl.lit(mask, dtype=kind)) != 0


def sql_of(tree: Condition, columns: Columns) -> str:
    if isinstance(tree, And | Or):
        return (
            "("
            + (" AND " if isinstance(tree, And) else " OR ").join(sql_of(p, columns) for p in tree.parts)
            + ")"
        )
    if isinstance(tree, Not):
        return f"(NOT {sql_of(tree.part, columns)})"
    if isinstance(tree, Yes):
        return f'"{tree.fact}"'
    if isinstance(tree, AtLeast):
        return f'("{tree.fact}" >= {tree.number})'
    words = columns.facts[tree.fact].words
    if isinstance(tree, In):
        return f'("{tree.fact}" IN ({", ".join(str(words.index(v)) for v in tree.values)}))'
    assert isinstance(tree, Has)
    return f'(("{tree.fact}" & {sum(1 << words.index(m) for m in tree.members)}) <> 0)'


WORDS = ("forbidden", "permitted", "required")


def by_planes(book: Book, columns: Columns) -> tuple[float, dict[str, int]]:
    planes = Planes(book)
    best, counts = float("inf"), dict[str, int]()
    for _ in range(3):
        began = time.perf_counter()
        found = np.empty(columns.rows, np.int32)
        for part in planes.parts(columns, ["record"]):
            found[part.rows] = part.answers["record"]
        best = min(best, time.perf_counter() - began)
        numbers = np.bincount(found)
        counts = {
            " and ".join(s.joined.words): int(n)
            for s, n in zip(planes.answers["record"], numbers, strict=False)
        }
    return best, counts


def by_polars(
    book: Book, columns: Columns, lists: dict[str, pl.Series] | None = None
) -> tuple[float, dict[int, int]]:
    frame = pl.DataFrame(
        {name: (lists or {}).get(name, column.values) for name, column in columns.columns.items()}
    )
    met = [
        polars_of(rule.when, columns, frozenset(lists or {})).alias(f"m{i}")
        for i, rule in enumerate(book.rules)
    ]
    code = pl.lit(0, dtype=pl.UInt8)
    for bit, word in enumerate(WORDS):
        speaks = [
            pl.col(f"m{i}") & ~pl.any_horizontal([pl.col(f"m{up}") for up in sorted(r.above)])
            if r.above
            else pl.col(f"m{i}")
            for i, r in enumerate(book.rules)
            if r.outcome and r.outcome.word == word
        ]
        code = code + pl.any_horizontal(speaks).cast(pl.UInt8) * (1 << bit)
    best, counts = float("inf"), dict[int, int]()
    for _ in range(3):
        began = time.perf_counter()
        found = frame.lazy().with_columns(met).select(code.alias("code")).collect()
        best = min(best, time.perf_counter() - began)
        counts = dict(found["code"].value_counts().iter_rows())
    return best, counts


def by_polars_lists(book: Book, columns: Columns) -> tuple[float, dict[int, int]]:
    """The same with each set as a list column."""
    lists = {}
    for name, column in columns.columns.items():
        if columns.facts[name].kind == "some of":
            bits = (
                column.values[:, None] >> np.arange(len(columns.facts[name].words), dtype=column.values.dtype)
            ) & 1
            numbers = np.arange(bits.shape[1], dtype=np.uint8)
            lists[name] = pl.Series(
                name, [numbers[row.astype(bool)] for row in bits], dtype=pl.List(pl.UInt8)
            )
    return by_polars(book, columns, lists)


def by_duckdb(book: Book, columns: Columns) -> tuple[float, dict[int, int]]:
    database = duckdb.connect()
    database.execute("PRAGMA threads=1")
    situations = {name: column.values for name, column in columns.columns.items()}  # noqa: F841
    database.execute("CREATE TABLE t AS SELECT * FROM situations")
    met = ", ".join(f"{sql_of(rule.when, columns)} AS m{i}" for i, rule in enumerate(book.rules))
    terms = []
    for bit, word in enumerate(WORDS):
        speaks = [
            f"(m{i} AND NOT ({' OR '.join(f'm{up}' for up in sorted(r.above))}))" if r.above else f"m{i}"
            for i, r in enumerate(book.rules)
            if r.outcome and r.outcome.word == word
        ]
        terms.append(f"CASE WHEN {' OR '.join(speaks)} THEN {1 << bit} ELSE 0 END")
    query = f"CREATE OR REPLACE TABLE out AS SELECT ({' + '.join(terms)})::UTINYINT AS code FROM (SELECT {met} FROM t)"
    best = float("inf")
    for _ in range(2):
        began = time.perf_counter()
        database.execute(query)
        best = min(best, time.perf_counter() - began)
    return best, dict(database.execute("SELECT code, count(*) FROM out GROUP BY code").fetchall())


def many_situations(book: Book, rows: int) -> None:
    columns = random_columns(book, rows)
    ours, counts = by_planes(book, columns)
    print(f"{rows:,} situations, one thread: {rows / ours / 1e6:.1f} M decisions/s ({ours:.2f} s)")
    print("  goal: at least 10 M decisions/s")
    few = columns.part(slice(0, rows // 20))
    for name, work, given, goal in (
        ("Polars, bit masks", by_polars, columns, 6),
        ("Polars, sets as lists", by_polars_lists, few, 6),
        ("DuckDB, bit masks", by_duckdb, columns, 10),
    ):
        taken, codes = work(book, given)
        wanted = counts if given is columns else by_planes(book, given)[1]
        shown = {
            " and ".join(w for b, w in enumerate(WORDS) if code >> b & 1) or "permitted": 0 for code in codes
        }
        for code, number in codes.items():
            shown[" and ".join(w for b, w in enumerate(WORDS) if code >> b & 1) or "permitted"] += number
        wanted = {name: number for name, number in wanted.items() if number}
        assert shown == wanted, (name, shown, wanted)
        pace = given.rows / taken
        print(f"  {name}: {pace / 1e6:.2f} M/s, ours is {rows / ours / pace:.1f}x as fast (goal: {goal}x)")


# --- proofs


def library_of(words: Vocabulary, floor: int, own: int, agencies: tuple[str, ...]) -> Library:
    """A department and agencies that keep its clauses and add duties of their own under the same exceptions."""
    rng = random.Random(1)
    base = clauses(rng, words, floor, clocks=floor // 8)
    directives = [
        read_directive(text("policy: department\nversion: 2024-01-01\n", base), "department.yaml", words)
    ]
    over = ", ".join(name for name, _ in base if name[0] in "BX")
    for agency in agencies:
        more = [
            (f"M{i}", f"record: required\n  when: {condition(rng, words)}\n  subject to: [{over}]")
            for i in range(own - floor)
        ]
        head = (
            f"policy: {agency}\nversion: 2024-02-01\nfollows: {{policy: department, version: 2024-01-01}}\n"
        )
        directives.append(read_directive(text(head, base + more), f"{agency}.yaml", words))
    return assemble(words, directives)


def proofs(words: Vocabulary, large: bool) -> None:
    began = time.perf_counter()
    library = library_at(DIRECTIVES)
    read = time.perf_counter() - began
    found = prove(library)
    print(
        f"the nine policies under directives/: {len(found)} intervals, {time.perf_counter() - began - read:.2f} s, read in {read:.2f} s"
    )
    for floor, own, goal in (
        (20, 30, None),
        (40, 60, 3),
        (80, 120, None),
        *(((300, 500, 30),) if large else ()),
    ):
        library = library_of(words, floor, own, words.agencies)
        began = time.perf_counter()
        found = prove(library)
        taken = time.perf_counter() - began
        conform = all(proof.check("conforms").holds for proof in found)
        aim = f" (goal: {goal} s)" if goal else ""
        print(f"nine agencies of {own} clauses under {floor}: {taken:.2f} s{aim}, conforms: {conform}")


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rows", type=int, default=10_000_000)
    options.add_argument("--large", action="store_true", help="also 300 x 500 clauses")
    given = options.parse_args()
    words = vocabulary_at(DIRECTIVES / "vocabulary.yaml")
    rng = random.Random(40)
    book = lone_book(
        words,
        read_directive(
            text("policy: forty\nversion: 2024-01-01\n", clauses(rng, words, 40)), "forty.yaml", words
        ),
    )
    columns = random_columns(book, 500)
    one_situation(book, [columns.stated(row) for row in range(500)])
    many_situations(book, given.rows)
    proofs(words, given.large)


if __name__ == "__main__":
    main()
