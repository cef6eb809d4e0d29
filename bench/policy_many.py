"""How many answers a second, beside engines that work on columns?"""

from __future__ import annotations

import os
import time

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import duckdb
import numpy as np
import polars as pl

from lapel.policy.book import Book
from lapel.policy.columns import Columns, dtype
from lapel.policy.condition import And, AtLeast, Condition, Has, In, Not, Or, Yes
from lapel.policy.planes import Planes
from policy_clauses import random_columns


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


def sql_of(tree: Condition, columns: Columns, lists: bool = False) -> str:
    if isinstance(tree, And | Or):
        return (
            "("
            + (" AND " if isinstance(tree, And) else " OR ").join(
                sql_of(p, columns, lists) for p in tree.parts
            )
            + ")"
        )
    if isinstance(tree, Not):
        return f"(NOT {sql_of(tree.part, columns, lists)})"
    if isinstance(tree, Yes):
        return f'"{tree.fact}"'
    if isinstance(tree, AtLeast):
        return f'("{tree.fact}" >= {tree.number})'
    words = columns.facts[tree.fact].words
    if isinstance(tree, In):
        return f'("{tree.fact}" IN ({", ".join(str(words.index(v)) for v in tree.values)}))'
    assert isinstance(tree, Has)
    if lists:
        return f'list_has_any("{tree.fact}", [{", ".join(str(words.index(m)) for m in tree.members)}]::UTINYINT[])'
    return f'(("{tree.fact}" & {sum(1 << words.index(m) for m in tree.members)}) <> 0)'


WORDS = ("forbidden", "permitted", "required")


def by_planes(book: Book, columns: Columns) -> tuple[float, dict[str, int]]:
    planes = Planes(book)
    best, counts = float("inf"), dict[str, int]()
    width = next(iter(planes.parts(columns.part(slice(0, 64)), ["record"]))).answers["record"].dtype
    for _ in range(5):
        began = time.process_time()
        found = np.empty(columns.rows, width)
        for part in planes.parts(columns, ["record"]):
            found[part.rows] = part.answers["record"]
        best = min(best, time.process_time() - began)
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
        began = time.process_time()
        found = frame.lazy().with_columns(met).select(code.alias("code")).collect()
        best = min(best, time.process_time() - began)
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


def by_duckdb_lists(book: Book, columns: Columns) -> tuple[float, dict[int, int]]:
    """The same with each set as a list column."""
    return by_duckdb(book, columns, lists=True)


def by_duckdb(book: Book, columns: Columns, lists: bool = False) -> tuple[float, dict[int, int]]:
    database = duckdb.connect()
    database.execute("PRAGMA threads=1")
    situations = {name: column.values for name, column in columns.columns.items()}  # noqa: F841
    sets = [fact for fact in columns.facts.values() if fact.kind == "some of" and lists]
    as_list = (
        f'list_filter(range({len(f.words)}), lambda x: ("{f.name}" >> x) & 1 = 1)::UTINYINT[] AS "{f.name}"'
        for f in sets
    )
    replaced = f"REPLACE ({', '.join(as_list)})" if sets else ""
    database.execute(f"CREATE TABLE t AS SELECT * {replaced} FROM situations")
    met = ", ".join(f"{sql_of(rule.when, columns, lists)} AS m{i}" for i, rule in enumerate(book.rules))
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
        began = time.process_time()
        database.execute(query)
        best = min(best, time.process_time() - began)
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
        ("DuckDB, sets as lists", by_duckdb_lists, few, 10),
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
