"""Which offices are to be planned for? The table of offices, row by row; a row that cannot be planned with stops the plan."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from lapel.base.errors import Invalid
from lapel.fleet.plan import Office
from lapel.fleet.quarters import first_day
from lapel.storage import tables
from lapel.storage.tables import is_formula

NEEDED = ("agency", "office", "officers", "duty_hours")
MAY = ("cameras", "risk", "pilot", "earliest", "cost")
_NUMBER = re.compile(r"[0-9]{1,11}(\.[0-9]{1,6})?")
_WHOLE = re.compile(r"[0-9]{1,7}")
_YES = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False, "": False}
_TOLD = 10


def read_offices(path: Path, quarters: tuple[str, ...]) -> tuple[list[Office], list[str]]:
    """The offices, and what is to be said of the file (totals and blank rows that were left out).

    Raises `Invalid` with the first ten bad rows: a plan without an office would be a plan against it. `NotFound`.
    """
    offices, notes, wrong = [], [], []
    seen: dict[tuple[str, str], int] = {}
    with tables.opened(path) as table:
        if table.columns:
            _columns(path, table.columns)
        for row in table:
            if row.defect == "it is a totals row":
                notes.append(f"Row {row.number} is a totals row and no office.")
                continue
            try:
                if row.defect:
                    raise Invalid(row.defect)
                office = _office(row.cells, quarters)
                if (office.agency, office.name) in seen:
                    raise Invalid(f"this office stands in row {seen[office.agency, office.name]} already")
            except Invalid as error:
                wrong.append(f"row {row.number}: {error.says}")
                continue
            seen[office.agency, office.name] = row.number
            offices.append(office)
    if wrong:
        more = f" … and {len(wrong) - _TOLD:,} more" if len(wrong) > _TOLD else ""
        raise Invalid(
            f"{path.name} has {len(wrong):,} rows that cannot be planned with: {'; '.join(wrong[:_TOLD])}{more}.",
            next_step="Correct them; an office that is not to be planned for is left out of the table.",
            rows=wrong,
        )
    return offices, notes


def _columns(path: Path, there: tuple[str, ...]) -> None:
    missing = [name for name in NEEDED if name not in there]
    if missing:
        raise Invalid(
            f"{path.name} has no column {', '.join(missing)}.",
            next_step=f"Its columns are {', '.join(there)[:300]}; needed are {', '.join(NEEDED)}, and there may be {', '.join(MAY)}.",
        )


def _office(cells: Mapping[str, str], quarters: tuple[str, ...]) -> Office:
    agency, name = cells["agency"].strip(), cells["office"].strip()
    if not agency or not name:
        raise Invalid("it names no agency or no office")
    if is_formula(agency) or is_formula(name) or len(name) > 200:
        raise Invalid("its agency or office is no name")
    officers = _whole(cells, "officers")
    pilot = _said(cells, "pilot").lower()
    if pilot not in _YES:
        raise Invalid(f"pilot is “{pilot[:20]}”; write yes or no")
    return Office(
        agency, name, officers, _whole(cells, "cameras", officers), _number(cells, "duty_hours"),
        _number(cells, "risk", 1.0), _YES[pilot], _earliest(_said(cells, "earliest"), quarters), _number(cells, "cost", 0.0),
    )  # fmt: skip


def _earliest(said: str, quarters: tuple[str, ...]) -> int:
    if not said:
        return 0
    day = first_day(said)
    return sum(first_day(quarter) < day for quarter in quarters)


def _said(cells: Mapping[str, str], column: str) -> str:
    return cells.get(column, "").strip()


def _whole(cells: Mapping[str, str], column: str, otherwise: int | None = None) -> int:
    said = _said(cells, column)
    if not said and otherwise is not None:
        return otherwise
    if not _WHOLE.fullmatch(said):
        raise Invalid(f"{column} is “{said[:20]}”, which is no whole number")
    return int(said)


def _number(cells: Mapping[str, str], column: str, otherwise: float | None = None) -> float:
    said = _said(cells, column)
    if not said and otherwise is not None:
        return otherwise
    if not _NUMBER.fullmatch(said):
        raise Invalid(f"{column} is “{said[:20]}”, which is no number of 0 or more with at most six decimals")
    return float(said)
