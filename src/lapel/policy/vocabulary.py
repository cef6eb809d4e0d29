"""Which facts can be stated, which questions can be asked, and what is taken as ordinary?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lapel.base.errors import Invalid
from lapel.policy.document import clip, nearest

if TYPE_CHECKING:
    from lapel.policy.condition import Condition

Value = bool | str | int | frozenset[str]
Situation = Mapping[str, Value]
FactKind = Literal["yes/no", "one of", "some of", "number"]

AGENCY = "agency"
CAMERA_FACTS = ("in_plan", "equipped", "trained")
NEVER_PRESUMED = (AGENCY, "activity", "phase", "with_public", *CAMERA_FACTS)
NONE_ALLOWED = "none allowed"
WORD = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that can be stated of a situation. `words`: its values or members; `low`, `high`: of a number."""

    name: str
    kind: FactKind
    says: str
    words: tuple[str, ...] = ()
    low: int = 0
    high: int = 0

    def read(self, text: str) -> Value:
        """A value as a person writes it: yes, secured, stop|patrol, 12; `-` is the empty set. Raises `Invalid`."""
        text = text.strip()
        if self.kind == "yes/no":
            return self._yes(text)
        if self.kind == "one of":
            return self._word(text)
        if self.kind == "number":
            return self._number(text)
        if text in {"-", "[]", "{}"}:
            return frozenset()
        members = [w for w in re.split(r"[\s|,;]+", text.strip("[]{}")) if w]
        if not members:
            raise Invalid(f"{self.name} is empty.", next_step="Write - for none of them.")
        return frozenset(self._word(w) for w in members)

    def _yes(self, text: str) -> bool:
        if text not in {"yes", "no"}:
            raise Invalid(f"{self.name} is yes or no, not “{clip(text)}”.")
        return text == "yes"

    def _word(self, text: str) -> str:
        if text not in self.words:
            raise Invalid(f"“{clip(text)}” is no value of {self.name}.", next_step=nearest(text, self.words))
        return text

    def _number(self, text: str) -> int:
        if not re.fullmatch(r"-?\d{1,9}", text, re.ASCII) or not self.low <= int(text) <= self.high:
            raise Invalid(
                f"{self.name} is a whole number from {self.low} to {self.high}, not “{clip(text)}”."
            )
        return int(text)

    def accepts(self, value: object) -> bool:
        """Is this a value of the fact, typed as the engine takes it?"""
        if self.kind == "yes/no":
            return isinstance(value, bool)
        if self.kind == "number":
            return isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high
        if self.kind == "one of":
            return isinstance(value, str) and value in self.words
        return isinstance(value, frozenset) and value <= frozenset(self.words)

    def show(self, value: Value) -> str:
        """The value as `read` takes it."""
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, frozenset):
            return "|".join(w for w in self.words if w in value) or "-"
        return str(value)

    def sentence(self, value: Value) -> str:
        """The value in the vocabulary's words: “the place is home”."""
        if isinstance(value, bool):
            return self.says if value else f"not so: {self.says}"
        if isinstance(value, frozenset):
            shown = ", ".join(w.replace("_", " ") for w in self.words if w in value) or "nothing of this"
            return self.says.replace("{}", shown)
        return self.says.replace("{}", str(value).replace("_", " "))


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that a policy answers. A question with `answers` is answered by a word, any other by a clock of `unit`s.

    `otherwise` is the answer when no clause speaks. For a clock it is the endless one: strongest when the longest
    counts, weakest when the soonest counts.
    """

    name: str
    answers: tuple[str, ...]
    unit: str
    low: int
    high: int
    otherwise: str
    together: Literal["agree", "longest", "soonest"]
    conform: Literal["binding", "at most", "at least"]
    anchors: tuple[str, ...] = ()
    extends_on: tuple[str, ...] = ()
    counted: tuple[str, ...] = ()

    @property
    def gapless(self) -> bool:
        return self.otherwise == NONE_ALLOWED


@dataclass(frozen=True, slots=True)
class Presumption:
    """A fact taken as ordinary unless stated; who may rebut it, and where that is written down."""

    fact: str
    rebutted_by: str
    where: str


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """The department's words. `always`: what cannot be otherwise; `ordinary`: a value for every fact but the agency."""

    file: str
    digest: str
    facts: Mapping[str, Fact]
    questions: Mapping[str, Question]
    always: tuple[Condition, ...]
    ordinary: Situation
    presume: tuple[Presumption, ...]

    @property
    def agencies(self) -> tuple[str, ...]:
        return self.facts[AGENCY].words

    def fact(self, name: str) -> Fact:
        """Raises `Invalid` with the nearest word for an unknown name."""
        if name not in self.facts:
            raise Invalid(
                f"“{clip(name)}” is no fact of the vocabulary.", next_step=nearest(name, self.facts)
            )
        return self.facts[name]

    def question(self, name: str) -> Question:
        """Raises `Invalid` with the nearest word for an unknown name."""
        if name not in self.questions:
            raise Invalid(
                f"“{clip(name)}” is no question of the vocabulary.", next_step=nearest(name, self.questions)
            )
        return self.questions[name]

    def read(self, stated: Mapping[str, str]) -> dict[str, Value]:
        """A situation as a person states it, typed. Raises `Invalid` for an unknown fact or value."""
        return {name: self.fact(name).read(text) for name, text in stated.items()}
