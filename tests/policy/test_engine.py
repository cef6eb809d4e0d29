"""The engine against three other tellings of the same meaning: Catala's defaults, answer sets, and counting."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policy_samples import ON, clause, every_situation, head, library, random_library

from lapel.base.errors import Invalid
from lapel.policy.book import Book, agency_book, floor_book
from lapel.policy.condition import And, AtLeast, Condition, Has, In, Not, Or, Yes, holds
from lapel.policy.engine import Engine
from lapel.policy.vocabulary import Situation

seeds = st.integers(0, 10**6)
ALL = every_situation()


def books(seed: int) -> list[Book]:
    given_library = random_library(seed)
    return [agency_book(given_library, "north", ON), floor_book(given_library, "north", ON)]


def speaking(book: Book, situation: Situation) -> set[str]:
    return {key for spoken in Engine(book).decide(situation).values() for key in spoken.clauses}


# --- Catala: a default <exceptions | just :- cons> yields its exceptions, or else its own consequence, or nothing


def catala(tree: tuple[str, bool, list[Any]]) -> list[str]:
    name, just, exceptions = tree
    raised = [c for exception in exceptions for c in catala(exception)]
    return raised or ([name] if just else [])


@st.composite
def trees(draw: st.DrawFn, depth: int = 3) -> tuple[str, bool, list[Any]]:
    children = draw(st.lists(trees(depth=depth - 1), max_size=3)) if depth else []
    return draw(st.uuids()).hex[:8], draw(st.booleans()), children


@given(st.lists(trees(), min_size=1, max_size=3))
@settings(max_examples=150, deadline=None)
def test_speaking_clauses_are_what_nested_defaults_yield(forest: list[tuple[str, bool, list[Any]]]) -> None:
    text = ""

    def write(tree: tuple[str, bool, list[Any]]) -> None:
        nonlocal text
        for child in tree[2]:
            write(child)
        ups = [f"C{child[0]}" for child in tree[2]]
        more = {"subject_to": f"[{', '.join(ups)}]"} if ups else {}
        text += clause(f"C{tree[0]}", "record: required", "people >= 2" if tree[1] else "people >= 3", **more)

    for tree in forest:
        write(tree)
    book = agency_book(library(head("dept") + clause("D1"), head("north") + text), "north", ON)
    situation = {**ALL[0], "people": 2}
    wanted = {f"north:C{name}" for tree in forest for name in catala(tree)}
    assert speaking(book, situation) == wanted


# --- clingo: the same rules as answer sets


def asp(condition: Condition, name: str) -> str:
    """`name` holds when the condition does, as rules over the facts of the situation."""
    if isinstance(condition, And | Or):
        parts = [f"{name}_{i}" for i, _ in enumerate(condition.parts)]
        below = "".join(asp(part, n) for part, n in zip(condition.parts, parts, strict=True))
        rules = (
            [f"{name} :- {', '.join(parts)}." if parts else f"{name}."]
            if isinstance(condition, And)
            else [f"{name} :- {p}." for p in parts]
        )
        return below + "".join(f"{rule}\n" for rule in rules)
    if isinstance(condition, Not):
        return asp(condition.part, f"{name}_n") + f"{name} :- not {name}_n.\n"
    if isinstance(condition, Yes):
        return f"{name} :- {condition.fact}(yes).\n"
    if isinstance(condition, In):
        return "".join(f"{name} :- {condition.fact}({value}).\n" for value in condition.values)
    if isinstance(condition, AtLeast):
        return f"{name} :- {condition.fact}(N), N >= {condition.number}.\n"
    assert isinstance(condition, Has)
    if condition.every:
        return f"{name} :- {', '.join(f'{condition.fact}({m})' for m in condition.members)}.\n"
    return "".join(f"{name} :- {condition.fact}({m}).\n" for m in condition.members)


def facts(situation: Situation) -> str:
    lines = []
    for name, value in situation.items():
        values = (
            value
            if isinstance(value, frozenset)
            else [("yes" if value else "no") if isinstance(value, bool) else value]
        )
        lines += [f"{name}({v})." for v in values]
    return "\n".join(lines)


def direct(book: Book, policy: str, number: int) -> str:
    rule = book.rules[number]
    ids = {r.clause.id: i for i, r in enumerate(book.rules) if r.policy == policy}
    return "".join(f"under({number},{ids[up]}).\n" for up in rule.clause.subject_to if up in ids)


@pytest.mark.parametrize("seed", range(25))
def test_speaking_clauses_are_the_answer_set(seed: int) -> None:
    import clingo

    given_library = random_library(seed)
    book = agency_book(given_library, "north", ON, orders=False)
    program = "over(X,Y) :- under(X,Y).\nover(X,Z) :- over(X,Y), under(Y,Z).\n"
    program += "speaks(X) :- met(X), not silenced(X).\nsilenced(X) :- over(X,Y), met(Y).\n#show speaks/1.\n"
    for i, rule in enumerate(book.rules):
        program += asp(rule.when, f"when_{i}") + f"met({i}) :- when_{i}.\n" + direct(book, "north", i)
    for situation in random.Random(seed).sample(ALL, 20):
        control = clingo.Control(["--warn=none"])
        control.add("base", [], program + facts(situation))
        control.ground([("base", [])])
        with control.solve(yield_=True) as found:
            models = [
                {book.rules[s.arguments[0].number].key for s in model.symbols(shown=True)} for model in found
            ]
        assert models == [speaking(book, situation)]


# --- counting: unknown facts range over every possible completion


def completions(stated: Situation) -> list[Situation]:
    return [s for s in ALL if all(s[name] == value for name, value in stated.items())]


@given(seeds, st.data())
@settings(max_examples=150, deadline=None)
def test_unknown_facts_range_over_every_completion(seed: int, data: st.DataObject) -> None:
    book = data.draw(st.sampled_from(books(seed)))
    engine = Engine(book)
    whole = data.draw(st.sampled_from(ALL))
    known = data.draw(st.sets(st.sampled_from(["alone", "armed", "place", "doing", "people"])))
    stated = {name: whole[name] for name in known}
    answers = engine.ask(stated, strict=True)
    possible = completions(stated)
    decided = [engine.decide(s) for s in possible]
    for question, answer in answers.items():
        unit = book.vocabulary.questions[question].unit
        values = {d[question].joined.show(unit) for d in decided}
        assert (answer.status == "undetermined") == (len(values) > 1)
        assert set(answer.possible or [answer.value]) == values
        speak = [set(d[question].clauses) for d in decided]
        assert set(answer.clauses) == (set.intersection(*speak) or set.union(*speak))
        alone = set()
        for name in set(whole) - known - {"agency"}:
            groups: dict[tuple[Any, ...], set[str]] = {}
            for s, d in zip(possible, decided, strict=True):
                rest = tuple(sorted((k, str(v)) for k, v in s.items() if k != name))
                groups.setdefault(rest, set()).add(d[question].joined.show(unit))
            if any(len(g) > 1 for g in groups.values()):
                alone.add(name)
        if alone or len(values) == 1:
            assert set(answer.missing) == (alone if len(values) > 1 else set())


@given(seeds, st.sampled_from(ALL), st.sets(st.sampled_from(["alone", "armed", "place", "doing", "people"])))
@settings(max_examples=80, deadline=None)
def test_an_unknown_never_changes_a_determined_answer(seed: int, whole: Situation, known: set[str]) -> None:
    engine = Engine(books(seed)[0])
    answers = engine.ask({name: whole[name] for name in known}, strict=True)
    told = engine.ask(whole, strict=True)
    for question, answer in answers.items():
        if answer.status != "undetermined":
            assert told[question].value == answer.value


@given(seeds, st.sampled_from(ALL))
@settings(max_examples=80, deadline=None)
def test_a_presumption_is_never_hidden(seed: int, whole: Situation) -> None:
    engine = Engine(books(seed)[0])
    stated = {name: whole[name] for name in ("alone", "doing", "people")}
    answers = engine.ask(stated)
    strict = engine.ask(stated, strict=True)
    for question, answer in answers.items():
        assert set(answer.presumed) == set(strict[question].missing) & {"armed", "place"} & set(
            engine.presume(stated)
        )


@given(seeds, st.randoms(use_true_random=False), st.sampled_from(ALL))
@settings(max_examples=60, deadline=None)
def test_the_order_of_clauses_does_not_matter(seed: int, rng: random.Random, situation: Situation) -> None:
    from dataclasses import replace

    from lapel.policy.library import assemble

    given_library = random_library(seed)
    mixed = [
        replace(d, clauses=tuple(rng.sample(d.clauses, len(d.clauses)))) for d in given_library.directives
    ]
    other = assemble(given_library.vocabulary, mixed)
    one, two = (Engine(agency_book(lib, "north", ON)).decide(situation) for lib in (given_library, other))
    assert {q: (s.joined, set(s.clauses)) for q, s in one.items()} == {
        q: (s.joined, set(s.clauses)) for q, s in two.items()
    }


# --- the ladder, in words


def book_of(*clauses: str, terms: str = "") -> Book:
    return agency_book(
        library(head("dept") + clause("D1"), head("north", terms) + "".join(clauses)), "north", ON
    )


def test_a_contradiction_in_one_fact_is_certain() -> None:
    engine = Engine(book_of(clause("A", "record: required", "alone or not alone")))
    assert engine.ask({}, strict=True)["record"].value == "required"


def test_a_clause_that_nearly_spoke_is_named() -> None:
    engine = Engine(
        book_of(
            clause("B", "stop: must_stop", "armed"),
            clause("A", "record: required", "alone", subject_to="[B]"),
        )
    )
    stated = {"alone": True, "armed": True, "place": "home", "doing": frozenset({"stop"}), "people": 3}
    silenced = engine.ask(stated)["record"]
    assert silenced.status == "silent"
    assert [(n.clause, n.silenced_by) for n in silenced.nearly] == [("north:A", ("north:B",))]
    away = engine.ask({**stated, "armed": False, "alone": False})["record"]
    assert [(n.clause, n.fact, n.value) for n in away.nearly] == [("north:A", "alone", "yes")]


def test_a_presumption_that_cannot_stand_is_dropped() -> None:
    engine = Engine(book_of(clause("A", "record: forbidden", "armed")))
    stated = {"place": "school", "people": 9, "alone": False, "doing": frozenset({"stop"})}
    assert engine.ask(stated)["record"].value == "forbidden"
    assert "armed" not in engine.presume({**stated, "agency": "north"})


def test_an_impossible_situation_is_refused() -> None:
    engine = Engine(book_of(clause("A", "record: forbidden")))
    with pytest.raises(Invalid, match="cannot be: place=school, people=9, armed=no"):
        engine.ask({"place": "school", "people": 9, "armed": False})


@pytest.mark.parametrize(
    "stated",
    [
        {"armd": True},
        {"armed": "yes"},
        {"place": "moon"},
        {"people": 0},
        {"doing": frozenset({"x"})},
        {"agency": "south"},
    ],
)
def test_what_is_not_in_the_vocabulary_is_refused(stated: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        Engine(book_of(clause("A", "record: forbidden"))).ask(stated)


def test_kleene_value_of_a_tree_agrees_where_it_is_known() -> None:
    book = books(3)[0]
    for situation in ALL[::50]:
        assert all(holds(rule.when, situation) is not None for rule in book.rules)
