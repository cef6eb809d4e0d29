"""What does a clause answer, and what do several answers together amount to?

A word question joins by agreement. A clock question keeps one joined number for each kind of clock (anchor and
counting) and, beside it, one for each event that extends it; clocks of different kinds are never compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lapel.policy.document import Fields, Node, Place, Text, clip, fields_of, nearest, text_of
from lapel.policy.vocabulary import Question

Kind = tuple[str, str]  # anchor, counted; either may be empty


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer of one clause: a `word`, or a clock of `number` units of a `kind`, extended by `extend_by` on `event`."""

    word: str = ""
    number: int = 0
    kind: Kind = ("", "")
    extend_by: int = 0
    event: str = ""
    review_every: int = 0
    renewable: bool = False

    def at(self, event: str) -> int:
        """The number that counts once `event` has happened ("" for none)."""
        return self.number + (self.extend_by if event and event == self.event else 0)

    def show(self, unit: str) -> str:
        """“required”, “180 days”, “20 working days from request, reviewed every 5 days, renewable”."""
        if self.word:
            return self.word
        parts = [_clock_text(self.number, self.kind, unit)]
        if self.event:
            parts.append(f"{self.extend_by} more on {self.event.replace('_', ' ')}")
        if self.review_every:
            parts.append(f"reviewed every {self.review_every} {unit}")
        if self.renewable:
            parts.append("renewable")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Clock:
    """A joined number of one kind; `extended`: (event, number) where an event makes it longer."""

    number: int
    kind: Kind
    extended: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Joined:
    """What the speaking clauses amount to. `words`: of a word question, more than one is a conflict. `endless`: no clock."""

    words: tuple[str, ...] = ()
    clocks: tuple[Clock, ...] = ()
    endless: str = ""

    @property
    def conflict(self) -> bool:
        return len(self.words) > 1

    def show(self, unit: str) -> str:
        if self.words or self.endless:
            return " and ".join(self.words) or self.endless
        return "; ".join(_joined_text(clock, unit) for clock in self.clocks)


def _clock_text(number: int, kind: Kind, unit: str) -> str:
    anchor, counted = kind
    return f"{number} {counted + ' ' if counted else ''}{unit}" + (
        f" from {anchor.replace('_', ' ')}" if anchor else ""
    )


def _joined_text(clock: Clock, unit: str) -> str:
    more = "".join(f", {number} on {event.replace('_', ' ')}" for event, number in clock.extended)
    return _clock_text(clock.number, clock.kind, unit) + more


def join(question: Question, outcomes: Iterable[Outcome]) -> Joined:
    """The joined answer of the clauses that speak; with none, what the question says otherwise."""
    spoken = list(outcomes)
    if question.answers:
        said = {outcome.word for outcome in spoken} or {question.otherwise}
        return Joined(
            words=tuple(word for word in (*question.answers, question.otherwise) if word in said)[: len(said)]
        )
    clocks = [outcome for outcome in spoken if not outcome.word]
    longest = question.together == "longest"
    if not clocks or (longest and len(clocks) < len(spoken)):
        return Joined(endless=question.otherwise)
    pick = max if longest else min
    joined = []
    for kind in sorted({clock.kind for clock in clocks}):
        same = [clock for clock in clocks if clock.kind == kind]
        number = pick(clock.number for clock in same)
        events = [(event, pick(clock.at(event) for clock in same)) for event in question.extends_on]
        joined.append(Clock(number, kind, tuple((event, n) for event, n in events if n != number)))
    return Joined(clocks=tuple(joined))


def steps(question: Question, outcomes: Sequence[Outcome | None]) -> list[tuple[frozenset[int], bool]]:
    """Which yes/no features fix the joined answer?

    Each is (indices of clauses, whether silence counts as well): the feature holds when one of these speaks, or when
    nothing speaks and silence counts. Two sets of speaking clauses join to the same answer exactly when they agree
    on every feature. `outcomes` has None where a clause answers another question.
    """
    mine = [(i, outcome) for i, outcome in enumerate(outcomes) if outcome is not None]
    if question.answers:
        words = dict.fromkeys([o.word for _, o in mine] + [question.otherwise])
        return [(frozenset(i for i, o in mine if o.word == w), w == question.otherwise) for w in words]
    endless = frozenset(i for i, o in mine if o.word)
    longest = question.together == "longest"
    over = endless if longest else frozenset()
    features = [(endless, True)] if longest else []
    clocks = [(i, o) for i, o in mine if not o.word]
    for kind in sorted({o.kind for _, o in clocks}):
        same = [(i, o) for i, o in clocks if o.kind == kind]
        for event in ("", *question.extends_on):
            for number in sorted({o.at(event) for _, o in same}):
                reach = (i for i, o in same if (o.at(event) >= number if longest else o.at(event) <= number))
                features.append((frozenset(reach) | over, longest))
    return list(dict.fromkeys(features))


CLOCK_KEYS = ("extend by", "on", "from", "counted", "review every", "renewable")


def read_outcome(question: Question, node: Node, place: Place) -> Outcome:
    """The answer of a clause, typed against its question. Raises `Invalid` with the nearest word."""
    if question.answers:
        word = text_of(node, place, f"the answer to {question.name}")
        if word.value not in question.answers:
            raise place.fault(
                f"“{clip(word.value)}” is no answer to {question.name}.",
                nearest(word.value, question.answers),
            )
        return Outcome(word=word.value)
    first = (question.anchors[0] if question.anchors else "", question.counted[0] if question.counted else "")
    if isinstance(node, Text):
        if node.value == question.otherwise and not question.gapless:
            return Outcome(word=node.value)
        return Outcome(number=_number(node, question, place, question.low), kind=first)
    fields = fields_of(node, place, f"the answer to {question.name}")
    fields.only((question.unit, *CLOCK_KEYS), place.clause)
    return _clock(question, fields, place, first)


def _clock(question: Question, fields: Fields, place: Place, first: Kind) -> Outcome:
    get = fields.entries.get
    unit = text_of(get(question.unit), place, question.unit)
    extend = get("extend by")
    if (extend is None) != (get("on") is None):
        raise place.fault("`extend by` and `on` go together.", "Give both, or neither.")
    renewable = _one(get("renewable"), ("yes", "no"), place, "renewable") or "no"
    review = get("review every")
    return Outcome(
        number=_number(unit, question, place, question.low),
        kind=(
            _one(get("from"), question.anchors, place, "from") or first[0],
            _one(get("counted"), question.counted, place, "counted") or first[1],
        ),
        extend_by=_number(text_of(extend, place, "extend by"), question, place, 1) if extend else 0,
        event=_one(get("on"), question.extends_on, place, "on"),
        review_every=_number(text_of(review, place, "review every"), question, place, 1) if review else 0,
        renewable=renewable == "yes",
    )


def _one(node: Node | None, allowed: tuple[str, ...], place: Place, what: str) -> str:
    if node is None:
        return ""
    word = text_of(node, place, what).value
    if word not in allowed:
        raise place.fault(
            f"“{clip(word)}” cannot stand after {what}.",
            nearest(word, allowed) or "The vocabulary lists none.",
        )
    return word


def _number(text: Text, question: Question, place: Place, low: int) -> int:
    value = text.value.strip()
    if not (value.isascii() and value.isdigit() and len(value) < 10 and low <= int(value) <= question.high):
        says = f"“{clip(value)}” is no answer to {question.name}: whole {question.unit} from {low} to {question.high}"
        raise place.fault(says + ("." if question.gapless else f", or {question.otherwise}."))
    return int(value)
