"""How are conditions, answers and sources said to a person who is no programmer?"""

from __future__ import annotations

from typing import Final

from lapel.policy.condition import And, AtLeast, Condition, Has, In, Not, Or, Term, Yes
from lapel.policy.directive import Confidence
from lapel.policy.outcome import Outcome
from lapel.policy.vocabulary import Fact, Question, Vocabulary

SURE: Final[dict[Confidence, str]] = {
    "quoted": "Quoted: these are the source's words, and the text is in hand.",
    "summary": "Summary: a source says so; these are our words.",
    "recalled": "Recalled: remembered, with no text in hand.",
    "invented": "Invented, to fill a gap no source fills.",
}
CHECKS: Final = {
    "sane": "What is always so leaves something possible.",
    "conforms": "Nowhere less strict than the department, except where an opening was granted.",
    "granted": "Relies only on openings that were made to it, and only as far as they reach.",
    "no conflict": "Never two answers that nobody can obey at once.",
    "no dead clause": "Every clause can decide something.",
    "no gap": "No question goes unanswered that must be answered.",
    "terms": "Every word left to it is defined, within its bounds.",
    "addresses": "Says something about all that it has to contain.",
}
_QUESTIONS: Final = {
    "record": "May the camera record, and must it?",
    "stop": "May recording stop?",
    "start_within": "How soon must recording start?",
    "retain": "How long is a recording kept at least?",
    "keep_at_most": "How long may it be kept at most?",
    "release": "How soon must it be released?",
}
_ANSWERS: Final = {
    ("record", "required"): "the camera must record",
    ("record", "permitted"): "the camera may record, and need not",
    ("record", "forbidden"): "the camera must not record",
    ("stop", "must_continue"): "recording must go on",
    ("stop", "may_stop"): "recording may stop",
    ("stop", "must_stop"): "recording must stop",
    ("retain", "unscheduled"): "kept: nothing allows it to be destroyed",
}


def question_of(name: str) -> str:
    """A question as a person asks it."""
    return _QUESTIONS.get(name, name.replace("_", " ").capitalize())


def answer_of(question: str, value: str) -> str:
    """An answer's value in words."""
    return _ANSWERS.get((question, value), value.replace("_", " "))


def outcome_of(question: Question, said: Outcome) -> str:
    """What a clause answers, in words."""
    shown = said.show(question.unit)
    if said.word:
        return answer_of(question.name, said.word)
    bound = {"at most": "at most ", "at least": "at least "}.get(question.conform, "")
    return f"{bound}{shown}"


def plain(word: str) -> str:
    """A word of the vocabulary as people write it."""
    return word.replace("_", " ")


def conditions(condition: Condition, words: Vocabulary) -> list[str]:
    """What has to be so, one sentence each; all of them together. Empty: always."""
    parts = condition.parts if isinstance(condition, And) else (condition,)
    return [phrase(part, words) for part in parts]


def phrase(condition: Condition, words: Vocabulary) -> str:
    """A condition as a sentence."""
    if isinstance(condition, And):
        return "; and ".join(_inner(part, words) for part in condition.parts) or "always"
    if isinstance(condition, Or):
        return "; or ".join(_inner(part, words) for part in condition.parts) or "never"
    if isinstance(condition, Not):
        return _not(condition.part, words)
    if isinstance(condition, Term):
        return f"the agency's word “{plain(condition.name)}” covers it"
    return _fact(condition, _fact_of(condition.fact, words))


def _inner(condition: Condition, words: Vocabulary) -> str:
    said = phrase(condition, words)
    return f"({said})" if isinstance(condition, And | Or) and len(condition.parts) > 1 else said


def _fact_of(name: str, words: Vocabulary) -> Fact:
    return words.facts.get(name) or Fact(name, "yes/no", f"the agency's word “{plain(name)}” covers it")


def _not(part: Condition, words: Vocabulary) -> str:
    if isinstance(part, AtLeast):
        return _fact_of(part.fact, words).says.replace("{}", f"fewer than {part.number}")
    if isinstance(part, In):
        return _fact_of(part.fact, words).says.replace("{}", f"other than {_list(part.values, 'or')}")
    return f"it is not so that {_inner(part, words)}"


def _fact(atom: Yes | In | Has | AtLeast, fact: Fact) -> str:
    if isinstance(atom, Yes):
        return fact.says
    if isinstance(atom, AtLeast):
        return fact.says.replace("{}", f"at least {atom.number}")
    if isinstance(atom, In):
        return fact.says.replace("{}", _list(atom.values, "or"))
    return fact.says.replace("{}", _list(atom.members, "and" if atom.every else "or"))


def _list(values: tuple[str, ...], last: str) -> str:
    shown = [plain(value) for value in values]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} {last} {shown[-1]}"
