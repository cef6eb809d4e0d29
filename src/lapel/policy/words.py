"""What does the vocabulary's text say? Read first: every directive is typed against it."""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from typing import Literal, cast

from lapel.base.digest import sha256_hex
from lapel.base.errors import Invalid
from lapel.policy.condition import Condition, holds
from lapel.policy.document import (
    Fields,
    Node,
    Place,
    clip,
    fields_of,
    items_of,
    nearest,
    read,
    text_of,
    texts_of,
)
from lapel.policy.expression import read_condition
from lapel.policy.vocabulary import (
    AGENCY,
    NEVER_PRESUMED,
    NONE_ALLOWED,
    WORD,
    Fact,
    Presumption,
    Question,
    Value,
    Vocabulary,
)

_KINDS = ("yes/no", "one of", "some of", "number")
_UNITS = ("seconds", "days")
_TOGETHER = {"longest": "at least", "soonest": "at most", "agree": "binding"}
_RESERVED = {"has", "any", "all", "always", "never"}


def read_vocabulary(text: str, file: str) -> Vocabulary:
    """Raises `Invalid` with file, line, column and the nearest word."""
    top = read(text, file)
    top.only(("facts", "questions", "always", "ordinary", "presume"))
    facts = {
        name: _fact(name, node, top) for name, node in fields_of(top.entries.get("facts"), top.place, "facts")
    }
    if AGENCY not in facts or facts[AGENCY].kind != "one of":
        raise top.place.fault(
            "the facts need `agency`, one of the agencies.", "Add agency: {one of: [..], says: ..}."
        )
    questions = {
        n: _question(n, q) for n, q in fields_of(top.entries.get("questions"), top.place, "questions")
    }
    for name in questions:
        if name in facts:
            raise top.place.fault(f"“{name}” is a fact and a question.", "Rename one of the two.")
    always = tuple(_always(node, facts) for node in items_of(top.entries.get("always"), top.place, "always"))
    ordinary = _ordinary(fields_of(top.entries.get("ordinary"), top.place, "ordinary"), facts, always)
    presume = tuple(
        _presumption(node, facts) for node in items_of(top.entries.get("presume"), top.place, "presume")
    )
    return Vocabulary(file, sha256_hex(text.encode("utf-8")), facts, questions, always, ordinary, presume)


def _word(name: str, place: Place) -> str:
    if not WORD.match(name) or keyword.iskeyword(name) or name in _RESERVED:
        raise place.fault(
            f"“{clip(name)}” cannot be a word of the language.", "Use small letters, digits and _."
        )
    return name


def _fact(name: str, node: Node, top: Fields) -> Fact:
    _word(name, node.place)
    fields = fields_of(node, top.place, f"the fact {name}")
    fields.only((*_KINDS, "says", "note"))
    kinds = [kind for kind in _KINDS if kind in fields.entries]
    if len(kinds) != 1:
        raise fields.place.fault(f"{name} needs one kind.", f"One of: {', '.join(_KINDS)}.")
    kind = kinds[0]
    if kind == "yes/no":
        return Fact(name, "yes/no", text_of(fields.entries[kind], fields.place, name).value)
    says = text_of(fields.entries.get("says"), fields.place, f"says of {name}").value
    if kind == "number":
        low, high = _range(fields.entries[kind], fields.place)
        return Fact(name, "number", says, low=low, high=high)
    words = tuple(_word(t.value, t.place) for t in texts_of(fields.entries[kind], fields.place, kind))
    if len(set(words)) != len(words) or not words:
        raise fields.place.fault(f"{name} lists nothing, or a word twice.", "Name each value once.")
    return Fact(name, "one of" if kind == "one of" else "some of", says, words)


def _range(node: Node, place: Place) -> tuple[int, int]:
    ends = texts_of(node, place, "a range")
    if len(ends) != 2 or not all(t.value.isascii() and t.value.isdigit() and len(t.value) < 10 for t in ends):
        raise place.fault("a range is two whole numbers.", "Write [1, 500].")
    low, high = (int(t.value) for t in ends)
    if low >= high:
        raise place.fault(f"the range [{low}, {high}] is empty.", "The second number is the larger one.")
    return low, high


def _question(name: str, node: Node) -> Question:
    _word(name, node.place)
    fields = fields_of(node, node.place, f"the question {name}")
    fields.only(
        ("one of", *_UNITS, "otherwise", "together", "conform", "anchors", "extends on", "counted", "note")
    )
    kinds = [kind for kind in ("one of", *_UNITS) if kind in fields.entries]
    if len(kinds) != 1:
        raise fields.place.fault(f"{name} needs one kind of answer.", "One of: one of, seconds, days.")
    get = fields.entries.get
    together = text_of(get("together"), fields.place, "together")
    conform = text_of(get("conform"), fields.place, "conform")
    allowed = ("agree",) if kinds[0] == "one of" else ("longest", "soonest")
    if together.value not in allowed:
        raise together.place.fault(
            f"“{clip(together.value)}” cannot join {name}.", nearest(together.value, allowed)
        )
    if _TOGETHER[together.value] != conform.value:
        raise conform.place.fault(
            f"{together.value} conforms by “{_TOGETHER[together.value]}”.", "Write that."
        )
    otherwise = text_of(get("otherwise"), fields.place, "otherwise")
    lists = {
        key: tuple(t.value for t in texts_of(get(key), node.place, key)) if get(key) else ()
        for key in ("anchors", "extends on", "counted")
    }
    answers: tuple[str, ...] = ()
    unit, low, high = "", 0, 0
    if kinds[0] == "one of":
        answers = tuple(_word(t.value, t.place) for t in texts_of(get("one of"), fields.place, "one of"))
        if otherwise.value not in (*answers, NONE_ALLOWED):
            raise otherwise.place.fault(
                f"“{clip(otherwise.value)}” is no answer to {name}.", nearest(otherwise.value, answers)
            )
    else:
        unit = kinds[0]
        low, high = _range(fields.entries[unit], fields.place)
    return Question(
        name, answers, unit, low, high, otherwise.value, cast(Literal["agree", "longest", "soonest"], together.value),
        cast(Literal["binding", "at most", "at least"], conform.value), lists["anchors"], lists["extends on"], lists["counted"],
    )  # fmt: skip


def _always(node: Node, facts: Mapping[str, Fact]) -> Condition:
    return read_condition(text_of(node, node.place, "what is always so"), facts)


def _ordinary(fields: Fields, facts: Mapping[str, Fact], always: tuple[Condition, ...]) -> dict[str, Value]:
    fields.only([name for name in facts if name != AGENCY])
    found: dict[str, Value] = {}
    for name, fact in facts.items():
        if name == AGENCY:
            continue
        node = fields.entries.get(name)
        if node is None:
            raise fields.place.fault(f"ordinary says nothing of {name}.", "Give its ordinary value.")
        if fact.kind == "some of":
            written = "|".join(t.value for t in texts_of(node, node.place, name)) or "-"
        else:
            written = text_of(node, node.place, name).value
        try:
            found[name] = fact.read(written)
        except Invalid as error:
            raise node.place.fault(error.says, error.next_step) from None
    for condition in always:
        if holds(condition, found) is False:
            raise fields.place.fault(
                "the ordinary situation breaks what is always so.", "Change one of the two."
            )
    return found


def _presumption(node: Node, facts: Mapping[str, Fact]) -> Presumption:
    fields = fields_of(node, node.place, "a presumption")
    fields.only(("fact", "rebutted by", "in"))
    fact = text_of(fields.entries.get("fact"), fields.place, "fact")
    if fact.value not in facts:
        raise fact.place.fault(f"“{clip(fact.value)}” is no fact.", nearest(fact.value, facts))
    if fact.value in NEVER_PRESUMED:
        raise fact.place.fault(
            f"{fact.value} is never presumed.", "Remove the presumption: the fact has to be stated."
        )
    rebutted = text_of(fields.entries.get("rebutted by"), fields.place, "rebutted by").value
    return Presumption(fact.value, rebutted, text_of(fields.entries.get("in"), fields.place, "in").value)
