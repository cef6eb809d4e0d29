"""How is a situation, an answer or a counterexample said to a person?"""

from __future__ import annotations

from lapel.policy.book import Book
from lapel.policy.engine import Spoken
from lapel.policy.outcome import Outcome
from lapel.policy.vocabulary import AGENCY, Question, Situation

# The two questions whose answers have verbs of their own; every other answer is quoted as it stands.
_VERBS = {
    ("record", "required"): "requires recording",
    ("record", "permitted"): "permits recording",
    ("record", "forbidden"): "forbids recording",
    ("stop", "must_continue"): "requires recording to go on",
    ("stop", "may_stop"): "lets recording stop",
    ("stop", "must_stop"): "requires recording to stop",
}


def who(policy: str) -> str:
    """A policy's name at the head of a sentence: TSA, Department."""
    return policy.upper() if len(policy) <= 4 else policy.replace("_", " ").capitalize()


def named(key: str) -> str:
    """A rule's key in a sentence: `department:D1` is “Department D1”."""
    policy, _, clause = key.partition(":")
    return f"{who(policy)} {clause}"


def clauses(keys: tuple[str, ...], policy: str) -> str:
    """Keys in a list; those of the policy itself by their number alone."""
    return ", ".join(key.partition(":")[2] if key.startswith(f"{policy}:") else named(key) for key in keys)


def differences(book: Book, situation: Situation) -> dict[str, str]:
    """What is not ordinary in a situation, as facts with their values written."""
    usual = book.ordinary
    return {n: book.facts[n].show(v) for n, v in situation.items() if n != AGENCY and v != usual[n]}


def scene(book: Book, situation: Situation) -> str:
    """“an ordinary situation except: the officer is doing: emergency call; …”."""
    usual = book.ordinary
    odd = [book.facts[n].sentence(v) for n, v in situation.items() if n != AGENCY and v != usual[n]]
    where = "" if book.agency else f" for {situation[AGENCY]}"
    return (
        f"an ordinary situation{where} except: {'; '.join(odd)}" if odd else f"an ordinary situation{where}"
    )


def outcome(question: Question, said: Outcome) -> str:
    """What a clause says: “requires recording”, “says retain: 180 days from recorded”."""
    return _VERBS.get((question.name, said.word), f"says {question.name}: {said.show(question.unit)}")


def answer(question: Question, spoken: Spoken, policy: str) -> str:
    """What a policy answers and by which clauses: “permits recording by T9”, “says nothing, so …”."""
    shown = spoken.joined.show(question.unit)
    if not spoken.clauses:
        return f"says nothing of {question.name}, which leaves it {shown}"
    verb = " and ".join(
        _VERBS.get((question.name, word), f"says {question.name}: {word}") for word in spoken.joined.words
    )
    return f"{verb or f'says {question.name}: {shown}'} by {clauses(spoken.clauses, policy)}"
