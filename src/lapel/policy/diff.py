"""What does a new version change? Classes of situations: old answer, new answer, the clauses that changed, a witness.

The list is empty exactly when both versions answer every question alike in every possible situation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lapel.policy.book import Book
from lapel.policy.condition import Condition, holds
from lapel.policy.engine import Engine
from lapel.policy.ground import Ground
from lapel.policy.outcome import Outcome, steps
from lapel.policy.smt import Script, both, either, negate
from lapel.policy.vocabulary import AGENCY, Situation
from lapel.policy.voice import Voice

MOST_CLASSES = 200


@dataclass(frozen=True, slots=True)
class Change:
    """One class: a question, the answers before and after, the ids of the changed clauses at work, the nearest situation."""

    question: str
    old: str
    new: str
    clauses: tuple[str, ...]
    witness: Situation
    old_by: tuple[str, ...]
    new_by: tuple[str, ...]


def changed(old: Book, new: Book) -> dict[str, tuple[int | None, int | None]]:
    """The clauses that were added, removed or altered (condition, answer or what stands above), with their indices."""
    before = {rule.clause.id: i for i, rule in enumerate(old.rules)}
    after = {rule.clause.id: i for i, rule in enumerate(new.rules)}
    found = {}
    for name in dict.fromkeys([*before, *after]):
        pair = before.get(name), after.get(name)
        if pair[0] is None or pair[1] is None or _body(old, pair[0]) != _body(new, pair[1]):
            found[name] = pair
    return found


def _body(book: Book, index: int) -> tuple[object, ...]:
    rule = book.rules[index]
    return rule.question, rule.outcome, rule.when, {book.rules[up].clause.id for up in rule.above}


class _Both:
    """The two versions in one script."""

    def __init__(self, old: Book, new: Book) -> None:
        self.old, self.new = old, new
        self.changed = changed(old, new)
        facts = {**old.facts, **new.facts}
        agency = old.agency or new.agency
        conditions: list[Condition] = [rule.when for book in (old, new) for rule in book.rules]
        always = dict.fromkeys([*old.always, *new.always])
        script = Script(facts, {AGENCY: agency} if agency else {}, [*conditions, *always])
        for condition in always:
            script.hold(script.formula(condition))
        voices = Voice(script, old, "o"), Voice(script, new, "n")
        self.at_work = {
            n: self._named(script, f"at work {n}", _at_work(voices, old, new, p))
            for n, p in self.changed.items()
        }
        self.relevant = {
            n: [c for c, p in self.changed.items() if _concerns(n, old, p[0]) or _concerns(n, new, p[1])]
            for n in old.vocabulary.questions
        }
        self.features: dict[str, list[tuple[str, str]]] = {}
        self.claims: dict[str, str] = {}
        for name in old.vocabulary.questions:
            pairs = list(_features(name, voices))
            named = [
                (
                    self._named(script, f"{name} {i} before", was),
                    self._named(script, f"{name} {i} after", now),
                )
                for i, (was, now) in enumerate(pairs)
            ]
            self.features[name] = named
            self.claims[name] = script.claim(
                f"differs {name}", either(f"(xor {was} {now})" for was, now in named)
            )
        self.script = script

    def _named(self, script: Script, what: str, formula: str) -> str:
        """A constant equal to a formula, so that its value can be read and assumed."""
        name = f"|{what}|"
        script.lines.append(f"(declare-const {name} Bool)")
        script.hold(f"(= {name} {formula})")
        return name


def _concerns(question: str, book: Book, index: int | None) -> bool:
    """Does a clause answer the question, or stand above one that does?"""
    return index is not None and any(i == index or index in book.rules[i].above for i in book.about(question))


def _features(question: str, voices: tuple[Voice, Voice]) -> Iterator[tuple[str, str]]:
    """The features that fix the answer, for both versions, with the numbers of both as thresholds."""
    old, new = voices
    shift = len(old.book.rules)
    outcomes = [*old.book.outcomes(question), *new.book.outcomes(question)]
    for indices, silence in steps(old.book.vocabulary.questions[question], outcomes):
        was = old.any_of(i for i in indices if i < shift)
        now = new.any_of(i - shift for i in indices if i >= shift)
        yield (
            (either([was, old.silent(question)]), either([now, new.silent(question)]))
            if silence
            else (was, now)
        )


def _at_work(voices: tuple[Voice, Voice], old: Book, new: Book, pair: tuple[int | None, int | None]) -> str:
    """A changed clause matters here: it is met or speaks in one version only, or speaks with another answer."""
    before, after = pair
    met = [
        voices[0].met[before] if before is not None else "false",
        voices[1].met[after] if after is not None else "false",
    ]
    speaks = [
        voices[0].speaks[before] if before is not None else "false",
        voices[1].speaks[after] if after is not None else "false",
    ]
    ways = [f"(xor {met[0]} {met[1]})", f"(xor {speaks[0]} {speaks[1]})"]
    if before is not None and after is not None and old.rules[before].outcome != new.rules[after].outcome:
        ways.append(both(speaks))
    return either(ways)


def diff(old: Book, new: Book, most: int = MOST_CLASSES) -> list[Change]:
    """The classes of situations whose answer differs, at most so many. The books have one vocabulary and one agency."""
    pair = _Both(old, new)
    ground = Ground(pair.script, {**old.ordinary, **new.ordinary})
    engines = Engine(old), Engine(new)
    found: list[Change] = []
    for question, claim in pair.claims.items():
        ground.push()
        while len(found) < most and ground.can(claim):
            witness = ground.nearest(claim)
            found.append(_change(question, witness, engines, pair))
            # The witness's class is excluded: same answers, and at least these changed clauses at work.
            assert ground.can(claim, *ground.pins(witness))
            true = ground.true()
            answers = [
                name if name in true else negate(name) for names in pair.features[question] for name in names
            ]
            work = [pair.at_work[name] for name in pair.relevant[question] if pair.at_work[name] in true]
            ground.exclude([*answers, *work])
        ground.pop()
    return found


def first_difference(old: Book, new: Book) -> tuple[str, Situation] | None:
    """A question and a situation that the two answer otherwise, any one; None: proved that there is none."""
    pair = _Both(old, new)
    ground = Ground(pair.script, {**old.ordinary, **new.ordinary})
    return next(
        ((question, ground.found()) for question, claim in pair.claims.items() if ground.can(claim)), None
    )


def _change(question: str, witness: Situation, engines: tuple[Engine, Engine], pair: _Both) -> Change:
    unit = pair.old.vocabulary.questions[question].unit
    before, after = (engine.decide(witness)[question] for engine in engines)
    work = tuple(name for name in pair.relevant[question] if _works(pair.changed[name], witness, engines))
    return Change(
        question,
        before.joined.show(unit),
        after.joined.show(unit),
        work,
        witness,
        before.clauses,
        after.clauses,
    )


def _works(pair: tuple[int | None, int | None], witness: Situation, engines: tuple[Engine, Engine]) -> bool:
    """The same as `_at_work`, read from the witness."""
    states: list[tuple[bool, bool, Outcome | None]] = []
    for engine, index in zip(engines, pair, strict=True):
        if index is None:
            states.append((False, False, None))
            continue
        rule = engine.book.rules[index]
        speaks = bool(engine.speaking(witness) >> index & 1)
        states.append((holds(rule.when, witness) is True, speaks, rule.outcome if speaks else None))
    return states[0] != states[1]
