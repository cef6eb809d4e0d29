"""What does a personnel file say, row by row, as its mapping reads it? What cannot be taken comes with its reason.

No row disappears: each is taken, or rejected with a reason, or was blank or a totals row (rejected, and told so).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from lapel.base.errors import Invalid
from lapel.roster.columns import Cell, Shared, columns_are_there
from lapel.roster.mapping import RosterMapping, Stretch
from lapel.storage import tables

TOO_MANY = 0.5  # of the rows: then it is the mapping that does not fit
Days = tuple[date, date | None]


@dataclass(frozen=True, slots=True)
class Said:
    """What a row says of one officer, before it is known whether the agency and the supervisor exist."""

    number: int
    cells: Mapping[str, str]
    agency: str
    badge: str
    external_id: str = ""
    name: str = ""
    job: str = ""
    hired_on: date | None = None
    left_on: date | None = None
    component: str = ""
    office: str = ""
    office_code: str = ""
    belongs: Days = (date.min, None)
    supervisor: str = ""
    supervised: Days = (date.min, None)
    trainings: tuple[tuple[str, Days], ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """What was not taken, and why: `part` is `row` or what of it (supervisor, office …). `number` as a person counts in the file."""

    number: int
    part: str
    reason: str
    cells: Mapping[str, str]


@dataclass(slots=True)
class Reading:
    """What one file said."""

    mapping: RosterMapping
    file: str
    sha256: str
    rows: list[Said] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    count: int = 0
    blank: int = 0


def read_file(path: Path, mapping: RosterMapping) -> Reading:
    """Every row of a file. Raises `NotFound`; `Invalid` for a file that cannot be read, a column that is not there, and when
    most rows are rejected."""
    reading = Reading(mapping, path.name, tables.digest(path))
    with tables.opened(path, mapping.shared.layout) as table:
        columns_are_there(mapping.cells, table.columns, path.name, mapping.shared.file)
        for row in table:
            try:
                if row.defect:
                    raise Invalid(row.defect)
                reading.rows.append(_said(mapping, row.number, row.cells))
            except Invalid as error:
                reading.rejected.append(Rejected(row.number, "row", error.says, row.cells))
        reading.count, reading.blank = table.count, table.blank
    check_share(
        len(reading.rejected), reading.count - reading.blank, path.name, mapping.shared, reading.rejected
    )
    return reading


def check_share(bad: int, rows: int, file: str, shared: Shared, rejected: list[Rejected]) -> None:
    """Refuse a file that does not fit its mapping at all. Raises `Invalid`."""
    if rows and bad > max(rows * TOO_MANY, 1):
        raise Invalid(
            f"{bad:,} of {rows:,} rows of {file} cannot be taken, the first (row {rejected[0].number}) because"
            f" {rejected[0].reason}.",
            next_step=f"Is {shared.file} the right mapping?",
        )


def _said(mapping: RosterMapping, number: int, cells: Mapping[str, str]) -> Said:
    shared = mapping.shared

    def text(cell: Cell) -> str:
        return cell.of(cells, shared.empty)

    agency, badge = text(shared.agency), text(mapping.badge)
    if not badge:
        raise Invalid("it has no badge number")
    if not agency:
        raise Invalid("it names no agency")
    hired, left = shared.day(mapping.hired, cells), shared.day(mapping.left, cells)
    if hired and left and left < hired:
        raise Invalid(f"the officer left ({left}) before being hired ({hired})")
    belongs = _days(shared, mapping.belongs, cells, "belongs to the office", hired)
    supervised = _days(shared, mapping.supervised, cells, "is supervised", hired)
    supervisor = text(mapping.supervisor)
    if supervisor == badge:
        raise Invalid("the officer is said to supervise themselves")
    trainings = []
    for one in mapping.trainings:
        course = text(one.course)
        if course and shared.day(one.days.since, cells):
            trainings.append((course, _days(shared, one.days, cells, f"is trained ({course})", None)))
    return Said(
        number, cells, agency, badge, text(mapping.external_id), text(mapping.name), text(mapping.job), hired, left,
        text(mapping.component), text(mapping.office), text(mapping.office_code), belongs, supervisor, supervised,
        tuple(trainings),
    )  # fmt: skip


def _days(shared: Shared, stretch: Stretch, cells: Mapping[str, str], what: str, hired: date | None) -> Days:
    since, until = shared.day(stretch.since, cells), shared.day(stretch.until, cells)
    since = since or max(shared.as_of, hired or shared.as_of)
    if until is not None and until <= since:
        raise Invalid(f"the officer {what} until {until}, which is not after {since}")
    return since, until
