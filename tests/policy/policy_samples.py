"""A small vocabulary whose situations can all be counted, and random policies written in it."""

from __future__ import annotations

import itertools
import random
from datetime import date
from functools import cache

import numpy as np

from lapel.policy.book import Book
from lapel.policy.columns import Array, Column, Columns, coded, dtype
from lapel.policy.directive import Directive
from lapel.policy.language import read_directive
from lapel.policy.library import Library, assemble
from lapel.policy.vocabulary import Fact, Situation, Vocabulary
from lapel.policy.words import read_vocabulary

ON = date(2024, 6, 1)

WORDS = """
facts:
  agency: {one of: [north, south], says: "the officer belongs to {}"}
  alone: {yes/no: "the officer is alone"}
  armed: {yes/no: "somebody is armed"}
  place: {one of: [street, home, school], says: "the place is {}"}
  doing: {some of: [patrol, stop, search], says: "the officer is doing: {}"}
  people: {number: [1, 9], says: "{} people are there"}
questions:
  record: {one of: [forbidden, permitted, required], otherwise: permitted, together: agree, conform: binding}
  stop: {one of: [must_continue, may_stop, must_stop], otherwise: may_stop, together: agree, conform: binding}
  start_within: {seconds: [0, 3600], otherwise: no limit, together: soonest, conform: at most}
  retain: {days: [1, 9999], otherwise: unscheduled, together: longest, conform: at least, anchors: [recorded], extends on: [request]}
  keep_at_most: {days: [1, 9999], otherwise: no limit, together: soonest, conform: at most}
  release: {days: [1, 999], otherwise: no clock, together: soonest, conform: at most, anchors: [request, incident], counted: [calendar, working]}
always:
- not (place is school) or armed or people < 8
- not (doing has all [patrol, search] and place is home)
ordinary: {alone: no, armed: no, place: street, doing: [patrol], people: 2}
presume:
- {fact: armed, rebutted by: supervisor, in: register}
- {fact: place, rebutted by: dispatch, in: event}
"""


@cache
def words() -> Vocabulary:
    return read_vocabulary(WORDS, "words.yaml")


def head(policy: str, extra: str = "") -> str:
    follows = "follows: {policy: dept, version: 2024-01-01}\n" if policy in {"north", "south"} else ""
    return (
        f"policy: {policy}\nversion: {'2024-02-01' if follows else '2024-01-01'}\n{follows}{extra}clauses:\n"
    )


def clause(name: str, answer: str = "", when: str = "", **more: str) -> str:
    lines = [f"- id: {name}", '  says: "x"', "  cite: {source: none, confidence: invented}"]
    lines += [f"  {answer}"] if answer else []
    lines += [f"  when: {when}"] if when else []
    lines += [f"  {key.replace('_', ' ')}: {value}" for key, value in more.items()]
    return "\n".join(lines) + "\n"


def directive(text: str, file: str = "given.yaml") -> Directive:
    return read_directive(text, file, words())


def library(*texts: str) -> Library:
    return assemble(words(), [directive(text, f"given{i}.yaml") for i, text in enumerate(texts)])


def random_atom(rng: random.Random, terms: tuple[str, ...] = ()) -> str:
    kind = rng.choice(["yes", "one", "has", "any", "number", "chain", *(["term"] if terms else [])])
    if kind == "yes":
        return rng.choice(["alone", "armed"])
    if kind == "one":
        some = rng.sample(["street", "home", "school"], rng.randint(1, 2))
        return (
            f"place in [{', '.join(some)}]"
            if len(some) > 1
            else f"place {rng.choice(['is', 'is not'])} {some[0]}"
        )
    if kind == "has":
        return f"doing has {rng.choice(['patrol', 'stop', 'search'])}"
    if kind == "any":
        some = rng.sample(["patrol", "stop", "search"], 2)
        return f"doing has {rng.choice(['any', 'all'])} [{', '.join(some)}]"
    if kind == "number":
        return f"people {rng.choice(['<', '>='])} {rng.randint(2, 9)}"
    if kind == "chain":
        return f"{rng.randint(2, 4)} <= people < {rng.randint(5, 9)}"
    return rng.choice(terms)


def random_condition(rng: random.Random, terms: tuple[str, ...] = (), depth: int = 2) -> str:
    if depth == 0 or rng.random() < 0.3:
        return random_atom(rng, terms)
    if rng.random() < 0.25:
        return f"not ({random_condition(rng, terms, depth - 1)})"
    word = rng.choice([" and ", " or "])
    return word.join(f"({random_condition(rng, terms, depth - 1)})" for _ in range(rng.randint(2, 3)))


def random_answer(rng: random.Random) -> str:
    question = rng.choice(
        [
            "record",
            "record",
            "record",
            "stop",
            "stop",
            "start_within",
            "retain",
            "retain",
            "keep_at_most",
            "release",
        ]
    )
    if question == "record":
        return f"record: {rng.choice(['forbidden', 'permitted', 'required'])}"
    if question == "stop":
        return f"stop: {rng.choice(['must_continue', 'may_stop', 'must_stop'])}"
    if question == "start_within":
        return f"start_within: {rng.choice(['0', '30', '60', 'no limit'])}"
    if question == "retain":
        plain = rng.choice(["30", "90", "180", "unscheduled"])
        return f"retain: {rng.choice([plain, '{days: 60, extend by: 60, on: request}', '{days: 90, extend by: 90, on: request}'])}"
    if question == "keep_at_most":
        return f"keep_at_most: {rng.choice(['60', '90', '365'])}"
    return f"release: {rng.choice(['20', '{days: 20, counted: working}', '{days: 45, from: incident}', 'no clock'])}"


def random_clauses(
    rng: random.Random, count: int, letter: str, terms: tuple[str, ...] = (), grant: str = ""
) -> str:
    found = ""
    for number in range(count):
        more: dict[str, str] = {}
        ups = [f"{letter}{i}" for i in range(number) if rng.random() < 0.35]
        if ups:
            more["subject_to"] = f"[{', '.join(ups)}]"
        if grant and rng.random() < 0.25:
            more["under"] = grant
        answer = random_answer(rng)
        if answer in {"record: permitted", "stop: may_stop"} and letter == "D" and rng.random() < 0.5:
            more["exactly"] = "yes"
        found += clause(
            f"{letter}{number}", answer, random_condition(rng, terms) if rng.random() < 0.9 else "", **more
        )
    return found


def random_library(seed: int, size: int = 6) -> Library:
    """A department, one agency and, sometimes, a grant, a word and an order."""
    rng = random.Random(seed)
    terms = ("fitting",) if rng.random() < 0.6 else ()
    left = (
        f'left to the agency:\n- {{term: fitting, must cover: "{random_atom(rng)}", may not reach: ""}}\n'
        if terms
        else ""
    )
    grants = (
        f'grants:\n- {{id: G1, to: [north], when: "{random_condition(rng, terms, 1)}", '
        "record: [permitted, forbidden], retain: [60]}\n"
    )
    department = head("dept", left + grants) + random_clauses(rng, size, "D", terms)
    own = f'terms: {{fitting: "{random_condition(rng, (), 1)}"}}\n' if terms else ""
    agency = head("north", own) + random_clauses(rng, size, "N", terms, "G1")
    texts = [department, agency]
    if rng.random() < 0.3:
        outranks = rng.choice(["[dept, north]", "[north]", "[dept]"])
        order = f"order: {{binds: [north], authority: court, outranks: {outranks}}}\n"
        texts.append(head("writ", order) + random_clauses(rng, 2, "O"))
    return library(*texts)


def every_situation(agency: str | None = "north") -> list[Situation]:
    """Every situation there is; of one agency."""
    found: list[Situation] = []
    sets = [frozenset(c) for n in range(4) for c in itertools.combinations(["patrol", "stop", "search"], n)]
    for alone, armed, place, doing, people in itertools.product(
        (False, True), (False, True), ("street", "home", "school"), sets, range(1, 10)
    ):
        if place == "school" and not armed and people >= 8:
            continue
        if {"patrol", "search"} <= doing and place == "home":
            continue
        found.append(
            {
                "agency": agency or "north",
                "alone": alone,
                "armed": armed,
                "place": place,
                "doing": doing,
                "people": people,
            }
        )
    return found


def random_rows(book: Book, rows: int, seed: int) -> Columns:
    """Half the rows near to an ordinary situation, half of them anywhere."""
    rng = np.random.default_rng(seed)

    def values(name: str, fact: Fact) -> Array:
        kind = dtype(fact)
        usual = coded(fact, book.ordinary[name])
        if fact.kind == "some of":
            bits = rng.random((rows, len(fact.words))) < 0.15
            drawn = (bits @ (1 << np.arange(len(fact.words), dtype=np.int64))).astype(kind)
        elif fact.kind == "number":
            drawn = rng.integers(fact.low, fact.high + 1, rows).astype(kind)
        else:
            drawn = rng.integers(0, len(fact.words) or 2, rows).astype(kind)
        keep = (np.arange(rows) % 2 == 0) & (rng.random(rows) < 0.85)
        return np.where(keep, np.array(usual, kind), drawn)

    return Columns(book.facts, {name: Column(values(name, fact)) for name, fact in book.facts.items()}, rows)
