"""What does the policy say of recording in one situation, as the camera facts are and as they ought to be? Pure.

`in_plan`, `equipped` and `trained` decide whether a duty could bind this officer. The policy is asked as they are, and once
more with all three true: what is owed only then is *not in plan*, *no camera* or *untrained*, never silently nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from lapel.activation.findings import LACKING, Why
from lapel.base.errors import Invalid
from lapel.policy.engine import Answer, Engine
from lapel.policy.vocabulary import CAMERA_FACTS, Value

Record = Literal["required", "forbidden", "permitted", "undetermined"]
Stop = Literal["must_continue", "may_stop", "must_stop", "undetermined"]
QUESTIONS = ("record", "stop", "start_within")
SECOND_US = 1_000_000
# One of three for each camera fact, in the order of CAMERA_FACTS: not so, so, unknown.
NO, YES, UNKNOWN = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Ruling:
    """What holds in one situation. `may_require`: of an undetermined answer, whether recording may be required."""

    record: Record
    stop: Stop
    within_us: int
    why: Why
    stop_why: Why
    may_require: bool = False


@dataclass(frozen=True, slots=True)
class Rulings:
    """As the camera facts are, and with all of them true."""

    as_is: Ruling
    ideal: Ruling


def camera_code(in_plan: int, equipped: int, trained: int) -> int:
    """Three camera facts (NO, YES or UNKNOWN each) as one number below 27."""
    return in_plan * 9 + equipped * 3 + trained


def camera_facts(code: int) -> dict[str, bool]:
    """The camera facts that are known."""
    said = (code // 9, code // 3 % 3, code % 3)
    return {name: one == YES for name, one in zip(CAMERA_FACTS, said, strict=True) if one != UNKNOWN}


def rule(engine: Engine, facts: Mapping[str, Value], code: int, *, strict: bool = False) -> Rulings:
    """Ask both times. What the roster knows of the camera facts outranks what the event states."""
    known = {**facts, **camera_facts(code)}
    as_is = _ask(engine, known, strict=strict)
    false = tuple(name for name in LACKING if known.get(name) is False)
    ideal = _ask(engine, {**known, **dict.fromkeys(CAMERA_FACTS, True)}, strict=strict) if false else as_is
    return Rulings(as_is, replace(ideal, why=replace(ideal.why, lacking=false)) if false else ideal)


def unruled(says: str) -> Rulings:
    """Nothing can be said, and why not."""
    why = Why(says=says)
    ruling = Ruling("undetermined", "undetermined", 0, why, why, may_require=True)
    return Rulings(ruling, ruling)


def _ask(engine: Engine, known: Mapping[str, Value], *, strict: bool) -> Ruling:
    usable = {name: value for name, value in known.items() if name in engine.book.facts}
    try:
        answers = engine.ask(usable, questions=QUESTIONS, strict=strict, nearly=False)
    except Invalid as error:
        return unruled(f"{error.says.rstrip('.')}.").as_is
    record, stop, start = (answers[name] for name in QUESTIONS)
    within, why = _within(start), _why(record)
    if start.status == "undetermined" and record.value == "required":
        why = replace(why, missing=tuple(dict.fromkeys((*why.missing, *start.missing))))
    return Ruling(_record(record), _stop(stop), within, why, _why(stop), "required" in record.value.split())


def _record(answer: Answer) -> Record:
    if answer.status in ("undetermined", "conflict"):
        return "undetermined"
    return {"required": "required", "forbidden": "forbidden"}.get(answer.value, "permitted")  # type: ignore[return-value]


def _stop(answer: Answer) -> Stop:
    if answer.status in ("undetermined", "conflict"):
        return "undetermined"
    words: dict[str, Stop] = {"must_continue": "must_continue", "must_stop": "must_stop"}
    return words.get(answer.value, "may_stop")


def _within(answer: Answer) -> int:
    """How long the officer has to start, in microseconds; none: at once. Undetermined: the shortest possible."""
    clocks = answer.joined.clocks
    return min(clock.number for clock in clocks) * SECOND_US if clocks else 0


def _why(answer: Answer) -> Why:
    says = f"The policy says two things at once: {answer.value}." if answer.status == "conflict" else ""
    return Why(answer.clauses, answer.presumed, answer.missing, (), says)
