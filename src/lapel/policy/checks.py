"""Does a policy contradict itself, leave a gap, or pass the bounds of a word left to it?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from lapel.policy.case import Asked, Case, Finding
from lapel.policy.condition import Not, define, terms_of, text
from lapel.policy.outcome import Outcome
from lapel.policy.sentences import clauses, named, scene, who
from lapel.policy.smt import both, either, negate
from lapel.policy.vocabulary import NONE_ALLOWED, Situation

# Answers to two questions that no officer can obey at once.
CLASHES = (
    (("record", "required"), ("stop", "must_stop")),
    (("record", "forbidden"), ("stop", "must_continue")),
)
KEPT, DESTROYED = "retain", "keep_at_most"


def conflicts(case: Case) -> list[Asked]:
    """Claims that two speaking clauses contradict each other."""
    found = []
    for name, question in case.library.vocabulary.questions.items():
        said = {o.word for o in case.own.outcomes(name) if o}
        if question.answers and len(said) > 1:
            pairs = combinations([w for w in question.answers if w in said], 2)
            two = either(both([_says(case, name, a), _says(case, name, b)]) for a, b in pairs)
            found.append(_conflict(case, f"two answers to {name}", two, (name,)))
    for (first, word), (second, other) in CLASHES:
        if _offers(case, first, word) and _offers(case, second, other):
            clash = both([_says(case, first, word), _says(case, second, other)])
            found.append(_conflict(case, f"{first} {word} and {second} {other}", clash, (first, second)))
    pairs_of_clocks = [both([case.voice.speaks[a], case.voice.speaks[b]]) for a, b in _overdue(case)]
    if pairs_of_clocks:
        found.append(
            _conflict(case, f"{KEPT} longer than {DESTROYED}", either(pairs_of_clocks), (KEPT, DESTROYED))
        )
    return found


def _says(case: Case, question: str, word: str) -> str:
    return case.voice.says(question, lambda outcome: outcome.word == word)


def _offers(case: Case, question: str, word: str) -> bool:
    return question in case.library.vocabulary.questions and any(
        o and o.word == word for o in case.own.outcomes(question)
    )


def _overdue(case: Case) -> Iterator[tuple[int, int]]:
    """Pairs of clauses of which one keeps longer than the other lets it be kept, without extensions."""
    if not {KEPT, DESTROYED} <= case.library.vocabulary.questions.keys():
        return
    for a, kept in enumerate(case.own.outcomes(KEPT)):
        for b, most in enumerate(case.own.outcomes(DESTROYED)):
            if (
                kept
                and most
                and not most.word
                and (kept.word or (kept.number > most.number and _same_start(kept, most)))
            ):
                yield a, b


def _same_start(kept: Outcome, most: Outcome) -> bool:
    return all(not a or not b or a == b for a, b in zip(kept.kind, most.kind, strict=True))


def _conflict(case: Case, what: str, formula: str, questions: tuple[str, ...]) -> Asked:
    def tell(situation: Situation) -> str:
        spoken = case.engine.decide(situation)
        unit = {name: case.library.vocabulary.questions[name].unit for name in questions}
        said = "; ".join(
            f"{clauses(spoken[n].clauses, case.policy)} say {n}: {spoken[n].joined.show(unit[n])}"
            for n in questions
        )
        return f"{who(case.policy)}: {scene(case.frame, situation)}. {what[0].upper()}{what[1:]}: {said}."

    return Asked("no conflict", case.script.claim(f"no conflict {what}", formula), questions, tell)


def gaps(case: Case) -> list[Asked]:
    """Claims that nothing answers a question for which no silence is allowed."""
    found = []
    for name, question in case.library.vocabulary.questions.items():
        if question.otherwise == NONE_ALLOWED:

            def tell(situation: Situation, name: str = name) -> str:
                return f"{who(case.policy)}: {scene(case.frame, situation)}. No clause answers {name}."

            found.append(
                Asked("no gap", case.script.claim(f"no gap {name}", case.voice.silent(name)), (name,), tell)
            )
    return found


def undefined(case: Case) -> list[Finding]:
    """Words left to the agency that it does not define."""
    if case.agency is None:
        return []
    missing = [word.term for word in case.left if word.term not in case.words]
    return [
        Finding("terms", (), f"{who(case.policy)} does not define the word “{term}”.") for term in missing
    ]


def word_bounds(case: Case) -> list[Asked]:
    """Claims that a definition misses what it must cover, or reaches what it may not; of an open word, that no definition can do."""
    found = []
    for word in case.left:
        cover = case.script.formula(word.must_cover) if word.must_cover is not None else "false"
        reach = case.script.formula(word.may_not_reach) if word.may_not_reach is not None else "false"
        if case.agency is None or word.term not in case.words:
            both_ways = both([cover, reach])
            if "false" not in (cover, reach):
                found.append(_bound(case, word.term, "is asked to cover what it may not reach", both_ways))
            continue
        covers = case.script.formula(case.words[word.term])
        if word.must_cover is not None:
            found.append(
                _bound(case, word.term, "does not cover what it must", both([cover, negate(covers)]))
            )
        if word.may_not_reach is not None:
            found.append(_bound(case, word.term, "reaches what it may not", both([reach, covers])))
    return found


def _bound(case: Case, term: str, fault: str, formula: str) -> Asked:
    def tell(situation: Situation) -> str:
        return f"{who(case.policy)}: the word “{term}” {fault}: {scene(case.frame, situation)}."

    return Asked("terms", case.script.claim(f"terms {term} {fault}", formula), (term,), tell, bounds=False)


def left_out(case: Case) -> list[tuple[str, str]]:
    """For each definition and each department clause that uses it: a claim that it leaves something out, and what, in words."""
    if case.agency is None or case.department is None:
        return []
    found = []
    for clause in case.department.clauses:
        for term in sorted(terms_of(clause.when) & case.words.keys()):
            others = {t: c for t, c in case.words.items() if t != term}
            without = define(clause.when, {**others, term: Not(case.words[term])})
            rest = case.defined(without)
            claim = case.script.claim(f"leaves {term} {clause.id}", case.script.formula(rest))
            duty = named(f"{case.department.policy}:{clause.id}")
            words = f"“{term}” leaves out of {duty} what is not: {text(case.words[term])}."
            found.append((claim, words))
    return found
