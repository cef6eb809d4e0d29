"""When did the policy want this officer's camera on, and when off? Events and rulings in, stretches out. Pure.

An event is a row of steps: from each step on, other facts hold. A duty begins where recording becomes required, lasts while
it is, and after that while `stop` is must_continue. Recording while it is forbidden, or past a must_stop, is looked for too.

Most events share the order of their facts and differ in their times only. So what is owed is worked out once for each
*shape* (policy, facts of each step, camera facts), in terms of steps, and then laid over all events of that shape at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lapel.activation.findings import Kind, Why
from lapel.activation.match import Codes, Ints
from lapel.activation.ruling import Ruling, Rulings, rule, unruled
from lapel.policy.engine import Engine
from lapel.policy.vocabulary import Value

DUTY: Final = 0
FORBIDDEN: Final = 1
PAST_STOP: Final = 2
KINDS: Final[tuple[Kind, ...]] = ("duty", "forbidden", "past the stop")

OWED: Final = 0
LACKING: Final = 1  # owed if the camera facts were so
UNDETERMINED: Final = 2
NEVER_US: Final = 1 << 61


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a shape: from the beginning of step `first` to the beginning of step `last` (past the end: the event's)."""

    first: int
    last: int
    kind: int
    status: int
    within_us: int
    why: Why


@dataclass(frozen=True, slots=True)
class Happened:
    """Events and who took part, in columns. `offsets`: when each step begins, microseconds after the event does; the first 0.

    `shape`: for each event which of `shapes` (the facts of each step) it has; steps beyond a shape's own are NEVER_US.
    `book`: which of `books` was in force; None among them: no policy was. `part`, `camera`: for each officer of an event
    the event's row and the code of the camera facts.
    """

    begin: Ints
    end: Ints
    offsets: Ints
    shape: Codes
    shapes: Sequence[tuple[Mapping[str, Value], ...]]
    book: Codes
    books: Sequence[Engine | None]
    part: Codes
    camera: Codes


@dataclass(frozen=True, slots=True)
class Owed:
    """Stretches in columns. `part`: the row of `Happened.part` they belong to; `why`: a row of `whys`."""

    part: Ints
    piece: Codes
    begin: Ints
    end: Ints
    within: Ints
    kind: NDArray[np.uint8]
    status: NDArray[np.uint8]
    why: Codes
    whys: Sequence[Why]

    def __len__(self) -> int:
        return len(self.part)


@dataclass(slots=True)
class Judge:
    """Remembers what was ruled: the same situation is asked once."""

    strict: bool = False
    _rulings: dict[tuple[int, frozenset[tuple[str, Value]], int], Rulings] = field(default_factory=dict)

    def pieces(
        self, engine: Engine | None, steps: Sequence[Mapping[str, Value]], camera: int, no_policy: str = ""
    ) -> list[Piece]:
        """What a shape owes, in the order of time."""
        if engine is None:
            rulings = [unruled(no_policy or "No policy was in force on that day.")] * len(steps)
        else:
            rulings = [self._ruled(engine, facts, camera) for facts in steps]
        return [*_duties(rulings), *_bans(rulings)]

    def _ruled(self, engine: Engine, facts: Mapping[str, Value], camera: int) -> Rulings:
        key = (id(engine), frozenset(facts.items()), camera)
        found = self._rulings.get(key)
        if found is None:
            found = self._rulings[key] = rule(engine, facts, camera, strict=self.strict)
        return found


def _duties(rulings: Sequence[Rulings]) -> list[Piece]:
    pieces: list[Piece] = []
    for step, both in enumerate(rulings):
        last = pieces[-1] if pieces and pieces[-1].last == step else None
        found = _duty(both, last)
        if found is None:
            continue
        status, why = found
        if last is not None and last.status == status:
            pieces[-1] = replace(last, last=step + 1, why=_both(last.why, why))
        else:
            within = (both.as_is if status != LACKING else both.ideal).within_us
            pieces.append(Piece(step, step + 1, DUTY, status, within, why))
    return pieces


def _duty(both: Rulings, last: Piece | None) -> tuple[int, Why] | None:
    """Is recording owed in this step, and why? `last`: the duty that reaches up to it."""
    as_is, ideal = both.as_is, both.ideal
    if as_is.record == "required":
        return OWED, as_is.why
    if as_is.record == "undetermined" and as_is.may_require:
        return UNDETERMINED, as_is.why
    goes_on = last is not None and last.status == OWED and as_is.record != "forbidden"
    if goes_on and as_is.stop in ("must_continue", "undetermined"):
        return OWED if as_is.stop == "must_continue" else UNDETERMINED, as_is.stop_why
    return _lacking(ideal, last)


def _lacking(ideal: Ruling, last: Piece | None) -> tuple[int, Why] | None:
    """Would recording be owed if every camera fact were so?"""
    if ideal.why.lacking and ideal.record == "required":
        return LACKING, ideal.why
    goes_on = last is not None and last.status == LACKING and ideal.record != "forbidden"
    if goes_on and ideal.stop == "must_continue":
        return LACKING, replace(ideal.stop_why, lacking=ideal.why.lacking)
    return None


def _bans(rulings: Sequence[Rulings]) -> list[Piece]:
    pieces: list[Piece] = []
    for step, both in enumerate(rulings):
        found = _ban(both.as_is)
        if found is None:
            continue
        kind, status, why = found
        last = pieces[-1] if pieces else None
        if last is not None and last.last == step and (last.kind, last.status) == (kind, status):
            pieces[-1] = replace(last, last=step + 1, why=_both(last.why, why))
        else:
            pieces.append(Piece(step, step + 1, kind, status, 0, why))
    return pieces


def _ban(ruling: Ruling) -> tuple[int, int, Why] | None:
    if ruling.record == "forbidden":
        return FORBIDDEN, OWED, ruling.why
    if ruling.stop == "must_stop" and ruling.record != "required":
        return PAST_STOP, OWED, ruling.stop_why
    return None


def _both(one: Why, other: Why) -> Why:
    def joined(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*a, *b)))

    return Why(
        joined(one.clauses, other.clauses), joined(one.presumed, other.presumed), joined(one.missing, other.missing),
        joined(one.lacking, other.lacking), " ".join(joined((one.says,), (other.says,))).strip(),
    )  # fmt: skip


def owed(happened: Happened, judge: Judge, no_policy: Sequence[str] = ()) -> Owed:
    """Every stretch that is owed or banned, for every officer of every event. `no_policy`: for each book, why there is none."""
    rows = happened.part
    combined = (
        happened.shape[rows].astype(np.int64) * len(happened.books) + happened.book[rows]
    ) * 27 + happened.camera
    distinct, which = np.unique(combined, return_inverse=True)
    order = np.argsort(which, kind="stable")
    bounds = np.searchsorted(which[order], np.arange(len(distinct) + 1))
    whys: dict[Why, int] = {}
    found: list[tuple[Ints, ...]] = []
    for i, key in enumerate(distinct.tolist()):
        rest, camera = divmod(key, 27)
        shape, book = divmod(rest, len(happened.books))
        reason = no_policy[book] if no_policy else ""
        pieces = judge.pieces(happened.books[book], happened.shapes[shape], camera, reason)
        parts = order[bounds[i] : bounds[i + 1]]
        for number, piece in enumerate(pieces):
            at = whys.setdefault(piece.why, len(whys))
            found.append(_laid(happened, parts, number, piece, at))
    columns: list[Ints] = [np.zeros(0, np.int64)] * 8
    if found:
        columns = [np.concatenate(column) for column in zip(*found, strict=True)]
    sorted_rows = np.lexsort((columns[1], columns[0]))
    part, place, begin, end, within, kind, status, why_of = (column[sorted_rows] for column in columns)
    return Owed(
        part, place.astype(np.int32), begin, end, within, kind.astype(np.uint8), status.astype(np.uint8),
        why_of.astype(np.int32), tuple(whys),
    )  # fmt: skip


def _laid(happened: Happened, parts: Ints, place: int, piece: Piece, why: int) -> tuple[Ints, ...]:
    """One piece laid over all events of its shape; what lies beyond an event's end is cut off."""
    events = happened.part[parts]
    begins, ends = happened.begin[events], happened.end[events]
    first = begins + happened.offsets[events, piece.first]
    last = ends
    if piece.last < happened.offsets.shape[1]:
        last = np.minimum(ends, begins + happened.offsets[events, piece.last])
    some = first < last
    count = int(some.sum())

    def same(value: int) -> Ints:
        return np.full(count, value, np.int64)

    return (
        parts[some], same(place), first[some], last[some], same(piece.within_us), same(piece.kind), same(piece.status),
        same(why),
    )  # fmt: skip


def unmeasured(due: Owed, rows: NDArray[np.bool_], says: str) -> Owed:
    """Of these rows nothing can be measured, and `says` why: what was owed or banned is undetermined.

    What the camera facts already rule out stays so.
    """
    doubtful = rows & (due.status != LACKING)
    if not doubtful.any():
        return due
    whys, why, status = list(due.whys), due.why.copy(), due.status.copy()
    place = np.arange(len(whys), dtype=np.int32)
    for old in np.unique(why[doubtful]).tolist():
        place[old] = len(whys)
        whys.append(replace(whys[old], says=f"{whys[old].says} {says}".strip()))
    why[doubtful] = place[why[doubtful]]
    status[doubtful] = UNDETERMINED
    return replace(due, why=why, status=status, whys=tuple(whys))
