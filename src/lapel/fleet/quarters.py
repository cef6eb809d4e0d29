"""Which quarter is it, and when does it begin? Quarters of the calendar year, written `2027-Q1`."""

from __future__ import annotations

import re
from datetime import date

from lapel.base.errors import Invalid

_WRITTEN = re.compile(r"([12][0-9]{3})-?Q([1-4])", re.IGNORECASE)


def first_day(quarter: str) -> date:
    """The first day of a quarter. Raises `Invalid` for what is none."""
    found = _WRITTEN.fullmatch(quarter.strip())
    if found is None:
        raise Invalid(f"“{quarter[:20]}” is no quarter.", next_step="Write it like 2027-Q1.")
    return date(int(found[1]), 3 * int(found[2]) - 2, 1)


def quarter_of(day: date) -> str:
    """The quarter that a day lies in."""
    return f"{day.year}-Q{(day.month + 2) // 3}"


def following(quarter: str, by: int = 1) -> str:
    """The quarter so many after this one."""
    day = first_day(quarter)
    at = day.year * 4 + (day.month - 1) // 3 + by
    return f"{at // 4}-Q{at % 4 + 1}"


def quarters_from(quarter: str, count: int) -> tuple[str, ...]:
    """So many quarters, this one first."""
    return tuple(following(quarter, at) for at in range(count))
