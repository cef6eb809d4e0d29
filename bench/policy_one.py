"""How long does one answer take, beside engines that decide one situation at a time?"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable
from typing import Any

import cedarpy
import cel
import zen

from lapel.policy.book import Book
from lapel.policy.condition import And, AtLeast, Condition, Has, In, Not, Or, Yes, holds
from lapel.policy.engine import Engine
from lapel.policy.vocabulary import Situation

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


def timed(work: Callable[[], object], least_s: float = 0.4) -> float:
    """Seconds a call, the best of five series."""
    work()
    gc.disable()
    best = float("inf")
    for _ in range(5):
        calls, began = 0, time.process_time()
        while time.process_time() - began < least_s / 5 or not calls:
            work()
            calls += 1
        best = min(best, (time.process_time() - began) / calls)
    gc.enable()
    return best


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
