"""Does every agency keep to the department's policy? The proof board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal
from urllib.parse import urlencode

from pydantic import BaseModel

from lapel.policy.case import CHECKS
from lapel.policy.counts import count, names_of
from lapel.policy.coverage import coverage
from lapel.policy.phrases import CHECKS as MEANINGS
from lapel.policy.record import Draft, Proved, Record
from lapel.policy.sentences import who
from lapel.policy.sheets import ClauseShown, WaiverShown, clause_shown, waivers
from lapel.policy.verdict import covers, digest_of, in_interval
from lapel.policy.waiver import Waiver

State = Literal["holds", "fails", "excused", "open"]


class Cell(BaseModel):
    """One check of one policy. `open`: not proved yet."""

    check: str
    state: State


class Counterexample(BaseModel):
    """Why a check does not hold: one sentence, the clauses side by side, and the situation to ask about."""

    check: str
    says: str
    excused_by: str
    left: list[ClauseShown]
    right: list[ClauseShown]
    silent: bool
    ask_url: str


class IntervalShown(BaseModel):
    """A stretch of days in which nothing changes, and what was proved for all of it."""

    start: date
    until: date | None
    holds: bool
    now: bool
    cells: list[Cell]
    counterexamples: list[Counterexample]
    notes: list[str]
    texts: list[tuple[str, str]]


class Row(BaseModel):
    """One policy on the board: the department's, an agency's, or a draft."""

    policy: str
    name: str
    draft: bool
    title: str
    version: date | None
    adopted_on: date | None
    days_late: int
    proved_at: datetime | None
    prover: str
    took_ms: int
    inputs: str
    verdict: str
    holds: bool
    cells: list[Cell]
    counterexamples: list[Counterexample]
    elsewhere: list[IntervalShown]
    waivers: list[WaiverShown]
    handed_by: str
    url: str


class Board(BaseModel):
    """Nine agencies down, checks across, as of a day."""

    headline: str
    on: date
    checks: dict[str, str]
    rows: list[Row]
    open: bool
    took_ms: int


class ProofShown(BaseModel):
    """Everything that was proved of one policy."""

    row: Row
    intervals: list[IntervalShown]
    checks: dict[str, str]


def board(
    there: Record, proofs: Mapping[str, Proved | None], drafts: Sequence[tuple[Draft, Record]], on: date
) -> Board:
    """The board as of a day."""
    library = there.directives
    rows = [row(there, library.department, proofs.get(library.department), on)]
    for agency in library.vocabulary.agencies:
        rows.append(row(there, agency, proofs.get(agency), on))
        rows += [draft_row(as_if, draft, on) for draft, as_if in drafts if draft.policy == agency]
    adopted = [r for r in rows if not r.draft]
    return Board(
        headline=_headline(list(adopted[1:])), on=on, checks=dict(MEANINGS), rows=rows,
        open=any(c.state == "open" for r in adopted for c in r.cells), took_ms=sum(r.took_ms for r in adopted),
    )  # fmt: skip


def _headline(rows: Sequence[Row]) -> str:
    have = [r for r in rows if r.version]
    failing = [r.name for r in have if any(c.state == "fails" for c in r.cells)]
    excused = [r.name for r in have if r.name not in failing and any(c.state == "excused" for c in r.cells)]
    unproved = [r.name for r in have if any(c.state == "open" for c in r.cells)]
    without = [r.name for r in rows if not r.version]
    good = [r for r in have if r.name not in (*failing, *excused, *unproved)]
    if len(good) == len(rows):
        return f"All {count(len(rows))} agencies keep to the department's policy"
    said = [
        f"{count(len(good)).capitalize()} of {count(len(rows))} agencies are proved to keep to the department's policy"
    ]
    if failing:
        said.append(f"{names_of(failing)} {'does' if len(failing) == 1 else 'do'} not")
    if excused:
        said.append(f"{names_of(excused)} only by a waiver")
    if unproved:
        said.append(f"{names_of(unproved)} {'is' if len(unproved) == 1 else 'are'} still being proved")
    if without:
        said.append(f"{names_of(without)} {'has' if len(without) == 1 else 'have'} no policy")
    return "; ".join(said)


def row(there: Record, policy: str, proved: Proved | None, on: date) -> Row:
    """The row of a policy on record, or of an agency that has none."""
    library = there.directives
    directive = library.in_force(policy, on)
    late = max((c.days_late for c in coverage(library, on) if c.agency == policy), default=0)
    held = waivers(there, policy, on)
    verdict = proved.verdict if proved else []
    intervals = [interval(there, policy, one, on, "") for one in verdict]
    now = next((one for one in intervals if one.now), None)
    if directive is None:
        cells = []
    else:
        cells = now.cells if now else [Cell(check=name, state="open") for name in CHECKS]
    return Row(
        policy=policy, name=who(policy), draft=False, title=directive.title if directive else "",
        version=directive.version if directive else None, adopted_on=directive.adopted_on if directive else None,
        days_late=late, proved_at=proved.proved_at if proved else None, prover=proved.prover if proved else "",
        took_ms=proved.took_ms if proved else 0, inputs=proved.inputs if proved else "",
        verdict=digest_of(verdict) if proved else "", holds=bool(now and now.holds), cells=cells,
        counterexamples=now.counterexamples if now else [],
        elsewhere=[one for one in intervals if not one.now and not one.holds], waivers=held, handed_by="",
        url=f"/policy/proofs/{policy}",
    )  # fmt: skip


def draft_row(there: Record, draft: Draft, on: date) -> Row:
    """The row of a draft, as of its first day; `there` is the record as if it were adopted."""
    intervals = [interval(there, draft.policy, one, on, draft.policy) for one in draft.verdict]
    first = intervals[0] if intervals else None
    return Row(
        policy=draft.policy, name=who(draft.policy), draft=True, title=draft.file, version=draft.version, adopted_on=None,
        days_late=0, proved_at=draft.handed_at, prover=draft.prover, took_ms=draft.took_ms, inputs=draft.sha256,
        verdict=digest_of(draft.verdict), holds=draft.holds, cells=first.cells if first else [],
        counterexamples=first.counterexamples if first else [], elsewhere=[], waivers=[], handed_by=draft.handed_by,
        url=f"/policy/proofs/{draft.policy}",
    )  # fmt: skip


def interval(there: Record, policy: str, kept: dict[str, Any], on: date, draft: str) -> IntervalShown:
    """One interval of a verdict. `draft`: whose draft the verdict is about."""
    held = [waiver for _, waiver in there.waivers]
    start = date.fromisoformat(kept["from"])
    until = date.fromisoformat(kept["until"]) if kept["until"] else None
    day = on if in_interval([kept], on) else start
    found = [
        _counterexample(there, policy, check["check"], finding, held, day, draft)
        for check in kept["checks"]
        for finding in check["findings"]
    ]
    return IntervalShown(
        start=start, until=until, holds=kept["holds"], now=in_interval([kept], on) is not None,
        cells=[Cell(check=c["check"], state=_state(policy, c, held, day)) for c in kept["checks"]],
        counterexamples=found, notes=[note for c in kept["checks"] for note in c["notes"]],
        texts=[(file, digest) for file, digest in kept["texts"]],
    )  # fmt: skip


def _state(policy: str, check: dict[str, Any], held: Sequence[Waiver], day: date) -> State:
    if check["holds"]:
        return "holds"
    excused = all(
        any(covers(w, policy, check["check"], f["clauses"], day) for w in held) for f in check["findings"]
    )
    return "excused" if excused else "fails"


def _counterexample(
    there: Record,
    policy: str,
    check: str,
    finding: dict[str, Any],
    held: Sequence[Waiver],
    day: date,
    draft: str,
) -> Counterexample:
    by = next((w.id for w in held if covers(w, policy, check, finding["clauses"], day)), "")
    facts = finding["facts"]
    query = [("agency", policy), ("on", str(day)), *([("draft", draft)] if draft else [])]
    for name, value in (facts or {}).items():
        query += [(name, member) for member in value.split("|")]
    return Counterexample(
        check=check, says=finding["says"], excused_by=by, left=clauses_of(there, finding["clauses"]),
        right=clauses_of(there, finding["against"]), silent=bool(facts) and not finding["against"],
        ask_url=f"/policy/ask?{urlencode(query)}" if facts and policy in there.directives.vocabulary.agencies else "",
    )  # fmt: skip


def clauses_of(there: Record, keys: Sequence[str]) -> list[ClauseShown]:
    """The clauses with these keys, as the latest version that has them says."""
    library, found = there.directives, []
    for key in keys:
        policy, _, name = key.partition(":")
        having = (c for d in reversed(library.versions(policy)) if (c := d.clause(name)))
        clause = next(having, None)
        if clause:
            found.append(clause_shown(policy, clause, library.vocabulary))
    return found
