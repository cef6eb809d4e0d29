"""The bit planes against the closure, against SQL, and, where facts are unknown, against the exact engine."""

from __future__ import annotations

import random

import duckdb
import numpy as np
import pytest
from policy_samples import ON, every_situation, random_library

from lapel.policy.book import Book, agency_book
from lapel.policy.columns import Columns, of_situations
from lapel.policy.condition import And, AtLeast, Condition, Has, In, Not, Or, Yes
from lapel.policy.engine import Engine
from lapel.policy.planes import UNDETERMINED, Planes
from lapel.policy.settle import Settler
from lapel.policy.vocabulary import Situation

ALL = every_situation()
SEEDS = range(12)


def book_of(seed: int, size: int = 6) -> Book:
    return agency_book(random_library(seed, size), "north", ON)


def with_unknowns(rng: random.Random, count: int) -> list[Situation]:
    chosen = (rng.choice(ALL) for _ in range(count))
    return [{n: v for n, v in s.items() if rng.random() < 0.7 or n == "agency"} for s in chosen]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("chunk", [64, 1 << 16])
def test_planes_equal_the_closure(seed: int, chunk: int) -> None:
    book = book_of(seed)
    planes, engine = Planes(book), Engine(book)
    columns = of_situations(book.facts, ALL)
    for part in planes.parts(columns, chunk=chunk):
        for offset, situation in enumerate(ALL[part.rows]):
            spoken = engine.decide(situation)
            mask = engine.speaking(situation)
            for question, rows in part.answers.items():
                assert planes.answers[question][rows[offset]].joined == spoken[question].joined
            for index, (sure, _) in part.speaking.items():
                assert bool(part.bits(sure)[offset]) == bool(mask >> index & 1)


def test_planes_take_many_answers_to_one_question() -> None:
    from policy_samples import clause, head, library

    text = "".join(clause(f"N{n}", f"retain: {n + 1}", f"people >= {n % 8 + 2}") for n in range(90))
    book = agency_book(library(head("dept") + clause("D1"), head("north") + text), "north", ON)
    planes, engine = Planes(book), Engine(book)
    part = next(iter(planes.parts(of_situations(book.facts, ALL), ["retain"])))
    for offset, situation in enumerate(ALL):
        assert (
            planes.answers["retain"][part.answers["retain"][offset]].joined
            == engine.decide(situation)["retain"].joined
        )


# --- the fifth back end: SQL, whose NULL follows Kleene as the planes do


def sql(condition: Condition) -> str:
    if isinstance(condition, And | Or):
        word = " AND " if isinstance(condition, And) else " OR "
        return (
            f"({word.join(sql(p) for p in condition.parts)})"
            if condition.parts
            else str(isinstance(condition, And))
        )
    if isinstance(condition, Not):
        return f"(NOT {sql(condition.part)})"
    if isinstance(condition, Yes):
        return f'"{condition.fact}"'
    if isinstance(condition, In):
        return f'("{condition.fact}" IN ({", ".join(repr(v) for v in condition.values)}))'
    if isinstance(condition, AtLeast):
        return f'("{condition.fact}" >= {condition.number})'
    assert isinstance(condition, Has)
    members = [f'"{condition.fact}_{member}"' for member in condition.members]
    return f"({(' AND ' if condition.every else ' OR ').join(members)})"


def table(database: duckdb.DuckDBPyConnection, book: Book, situations: list[Situation]) -> None:
    columns: dict[str, list[object]] = {"row": list(range(len(situations)))}
    for name, fact in book.facts.items():
        if fact.kind == "some of":
            for word in fact.words:
                columns[f"{name}_{word}"] = [None if name not in s else word in s[name] for s in situations]  # type: ignore[operator]
        else:
            columns[name] = [s.get(name) for s in situations]
    kinds = {"yes/no": "BOOLEAN", "number": "INTEGER"}
    kind = {"row": "INTEGER", **{name: kinds.get(fact.kind, "VARCHAR") for name, fact in book.facts.items()}}
    types = [f'"{name}" {kind.get(name, "BOOLEAN")}' for name in columns]
    database.execute(f"CREATE TABLE t ({', '.join(types)})")
    database.executemany(
        f"INSERT INTO t VALUES ({', '.join('?' for _ in columns)})", list(zip(*columns.values(), strict=True))
    )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("unknown", [False, True])
def test_sql_equals_the_planes(seed: int, unknown: bool) -> None:
    rng = random.Random(seed)
    book = book_of(seed)
    situations = with_unknowns(rng, 150) if unknown else rng.sample(ALL, 150)
    met = [sql(rule.when) for rule in book.rules]
    speaks = [
        " AND ".join([met[i], *(f"NOT {met[up]}" for up in sorted(r.above))])
        for i, r in enumerate(book.rules)
    ]
    database = duckdb.connect()
    table(database, book, situations)
    answers = database.execute(f"SELECT {', '.join(speaks)} FROM t ORDER BY row").fetchall()
    part = next(iter(Planes(book).parts(of_situations(book.facts, situations))))
    for index, (sure, may) in part.speaking.items():
        surely, perhaps = part.bits(sure), part.bits(may)
        for row, cells in enumerate(answers):
            assert cells[index] == (True if surely[row] else None if perhaps[row] else False)


@pytest.mark.parametrize("seed", SEEDS)
def test_planes_never_give_a_wrong_answer_where_facts_are_unknown(seed: int) -> None:
    book = book_of(seed)
    engine, planes = Engine(book), Planes(book)
    situations = with_unknowns(random.Random(seed), 120)
    part = next(iter(planes.parts(of_situations(book.facts, situations))))
    for row, stated in enumerate(situations):
        for question, answer in engine.ask(stated, strict=True).items():
            place = part.answers[question][row]
            if place != UNDETERMINED:
                assert answer.status != "undetermined"
                assert planes.answers[question][place].joined == answer.joined


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("strict", [False, True])
def test_settled_rows_equal_the_engine(seed: int, strict: bool) -> None:
    book = book_of(seed)
    settler = Settler(book, strict=strict)
    situations = with_unknowns(random.Random(seed), 200)
    columns = of_situations(book.facts, situations)
    for settled in settler.parts(columns, chunk=64):
        for offset, stated in enumerate(situations[settled.rows]):
            asked = settler.engine.ask(stated, strict=strict, nearly=False)
            for question, answer in asked.items():
                assert settler.answers[settled.answers[question][offset]] == answer


def test_an_impossible_row_is_said_to_be_impossible() -> None:
    book = book_of(1)
    columns = of_situations(book.facts, [{"place": "school", "armed": False, "people": 9}, dict(ALL[0])])
    settled = next(iter(Settler(book).parts(columns)))
    assert [settled.answers["record"][row] == -1 for row in range(2)] == [True, False]


def test_a_file_without_columns_is_all_unknown() -> None:
    book = book_of(2)
    settler = Settler(book, strict=True)
    settled = next(iter(settler.parts(Columns(book.facts, {}, 3))))
    assert {settler.answers[i] for i in np.asarray(settled.answers["record"]).tolist()} == {
        settler.engine.ask({}, strict=True, nearly=False)["record"]
    }
