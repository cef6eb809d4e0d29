"""Did every agency adopt its policy in time, and does it say all that it has to? The 180-day board."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel

from lapel.policy.counts import count, names_of
from lapel.policy.coverage import coverage
from lapel.policy.phrases import plain
from lapel.policy.record import Record
from lapel.policy.sentences import who
from lapel.policy.sheets import WaiverShown, waivers


class DueRow(BaseModel):
    """One agency on the 180-day board. `adopted_on` null: not yet; `days_late` then counts to today."""

    agency: str
    name: str
    due_on: date
    adopted_on: date | None
    days_late: int
    covered: int
    clauses: dict[str, list[str]]
    missing: list[str]
    waivers: list[WaiverShown]


class Due(BaseModel):
    """What every agency's policy has to contain, by when, and whether it does."""

    headline: str
    on: date
    within_days: int
    department_version: date | None
    topics: list[str]
    rows: list[DueRow]


def due(there: Record, on: date) -> Due:
    """The 180-day board as of a day."""
    library = there.directives
    found = coverage(library, on)
    department = library.in_force(library.department, on)
    topics = list(dict.fromkeys(plain(c.topic) for c in found))
    rows = []
    for agency in dict.fromkeys(c.agency for c in found):
        mine = [c for c in found if c.agency == agency]
        rows.append(
            DueRow(
                agency=agency, name=who(agency), due_on=min(c.due_on for c in mine), adopted_on=mine[0].adopted_on,
                days_late=max(c.days_late for c in mine), covered=sum(bool(c.clauses) for c in mine),
                clauses={plain(c.topic): list(c.clauses) for c in mine},
                missing=[plain(c.topic) for c in mine if not c.clauses],
                waivers=waivers(there, agency, on),
            )
        )  # fmt: skip
    late = [r for r in rows if r.adopted_on and r.days_late]
    without = [r.name for r in rows if not r.adopted_on]
    intime = len(rows) - len(late) - len(without)
    said = [f"{count(intime).capitalize()} of {count(len(rows))} agencies adopted their policy in time"]
    said += [f"{r.name} {r.days_late} days late" for r in late]
    said += (
        [f"{names_of(without)} {'has' if len(without) == 1 else 'have'} not adopted one"] if without else []
    )
    return Due(
        headline="; ".join(said), on=on, within_days=max((t.within_days for t in department.must_address), default=0) if department else 0,
        department_version=department.version if department else None, topics=topics, rows=rows,
    )  # fmt: skip
