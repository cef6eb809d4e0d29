"""How is a plan written down so that anybody reads the same from it? plan.json and plan.csv; docs/formats/deployment-plan.md.

The same plan gives the same bytes: canonical JSON, offices in the order of agency and name, numbers with fractions as text.
No I/O.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum
from typing import Any

from lapel.base.digest import Value, canonical
from lapel.base.errors import Invalid
from lapel.custody.strictjson import read_json
from lapel.fleet.plan import Means, Office, Plan, worth_of
from lapel.fleet.quarters import first_day

VERSION = 1
MAX_BYTES = 64 << 20
CSV_COLUMNS = (
    "agency", "office", "quarter", "begins_on", "officers", "cameras", "duty_hours_per_quarter", "risk", "pilot", "cost",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Covered:
    """What an agency has by the end of a quarter: offices, officers and cameras with it, and the duty-hours of that quarter."""

    agency: str
    quarter: str
    offices: int
    officers: int
    cameras: int
    duty_hours: float


def coverage(plan: Plan) -> list[Covered]:
    """By agency and quarter, in their order."""
    found = []
    for agency in sorted({office.agency for office in plan.offices}):
        mine = [(o, s) for o, s in zip(plan.offices, plan.starts, strict=True) if o.agency == agency]
        for at, quarter in enumerate(plan.means.quarters):
            there = [office for office, start in mine if start is not None and start <= at]
            found.append(
                Covered(
                    agency, quarter, len(there), sum(o.officers for o in there), sum(o.cameras for o in there),
                    fsum(o.duty_hours for o in there),
                )
            )  # fmt: skip
    return found


def to_json(plan: Plan, source_sha256: str) -> bytes:
    """plan.json. `source_sha256`: of the table of offices it was made from."""
    means = plan.means
    quarters: list[Value] = [
        {
            "quarter": quarter, "begins_on": str(first_day(quarter)), "cameras": means.cameras[at],
            "budget_so_far": _money(means.budget[at]), "training": means.training[at],
        }
        for at, quarter in enumerate(means.quarters)
    ]  # fmt: skip
    offices: list[Value] = [
        {
            "agency": o.agency, "office": o.name, "officers": o.officers, "cameras": o.cameras,
            "duty_hours": number(o.duty_hours), "risk": number(o.risk), "pilot": o.pilot,
            "earliest": means.quarters[o.earliest] if o.earliest < len(means.quarters) else None,
            "cost": number(o.cost), "quarter": None if start is None else means.quarters[start],
        }
        for o, start in in_order(plan)
    ]  # fmt: skip
    covered: list[Value] = [
        {
            "agency": c.agency, "quarter": c.quarter, "offices": c.offices, "officers": c.officers, "cameras": c.cameras,
            "duty_hours": number(c.duty_hours),
        }
        for c in coverage(plan)
    ]  # fmt: skip
    said: dict[str, Value] = {
        "v": VERSION, "offices_sha256": source_sha256, "quarters": quarters,
        "rules": {
            "camera_cost": number(means.camera_cost), "running_cost": number(means.running_cost),
            "floor": number(means.floor), "pilot_quarters": means.pilot_quarters,
        },
        "offices": offices, "coverage": covered,
        "worth": number(plan.worth), "bound": number(plan.bound), "exact": plan.exact,
    }  # fmt: skip
    return canonical(said) + b"\n"


def to_csv(plan: Plan) -> bytes:
    """plan.csv: one row for each office; an office without a quarter is not in the plan."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(CSV_COLUMNS)
    for o, start in in_order(plan):
        quarter = "" if start is None else plan.means.quarters[start]
        begins = str(first_day(quarter)) if quarter else ""
        out.writerow(
            (
                o.agency, o.name, quarter, begins, o.officers, o.cameras, number(o.duty_hours), number(o.risk),
                "yes" if o.pilot else "no", number(o.cost),
            )
        )  # fmt: skip
    return text.getvalue().encode()


def from_json(text: bytes) -> Plan:
    """The plan in plan.json. Raises `Invalid` for what is no plan, or whose sums are not those of its offices."""
    said = read_json(text, what="The plan", max_bytes=MAX_BYTES)
    if not isinstance(said, dict) or said.get("v") != VERSION:
        raise Invalid(
            f"This is no deployment plan of version {VERSION}.",
            next_step="Give the plan.json of lapel fleet plan.",
        )
    try:
        plan = _plan(said)
        sums = [
            [c.agency, c.quarter, c.offices, c.officers, c.cameras, number(c.duty_hours)]
            for c in coverage(plan)
        ]
        told = [
            [c[k] for k in ("agency", "quarter", "offices", "officers", "cameras", "duty_hours")]
            for c in said["coverage"]
        ]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise Invalid(
            f"The plan cannot be read: {type(error).__name__} {str(error)[:80]}.",
            next_step="Give the plan.json of lapel fleet plan, unchanged.",
        ) from None
    if sums != told or number(worth_of(plan.offices, plan.starts, len(plan.means.quarters))) != said["worth"]:
        raise Invalid(
            "The plan's sums are not those of its offices: the file was changed after it was made.",
            next_step="Change the table of offices or the limits, and plan again.",
        )
    return plan


def _plan(said: Mapping[str, Any]) -> Plan:
    quarters = [str(q["quarter"]) for q in said["quarters"]]
    for quarter in quarters:
        first_day(quarter)
    place = {quarter: at for at, quarter in enumerate(quarters)}
    rules = said["rules"]
    means = Means(
        tuple(quarters), tuple(_whole(q["cameras"]) for q in said["quarters"]),
        tuple(None if q["budget_so_far"] is None else float(q["budget_so_far"]) for q in said["quarters"]),
        tuple(None if q["training"] is None else _whole(q["training"]) for q in said["quarters"]),
        float(rules["camera_cost"]), float(rules["running_cost"]), float(rules["floor"]), _whole(rules["pilot_quarters"]),
    )  # fmt: skip
    offices, starts = [], []
    for o in said["offices"]:
        earliest = len(quarters) if o["earliest"] is None else place[o["earliest"]]
        offices.append(
            Office(
                str(o["agency"]), str(o["office"]), _whole(o["officers"]), _whole(o["cameras"]), float(o["duty_hours"]),
                float(o["risk"]), bool(o["pilot"]), earliest, float(o["cost"]),
            )
        )  # fmt: skip
        starts.append(None if o["quarter"] is None else place[o["quarter"]])
    return Plan(
        tuple(offices), means, tuple(starts), float(said["worth"]), float(said["bound"]), bool(said["exact"])
    )


def in_order(plan: Plan) -> list[tuple[Office, int | None]]:
    """The offices with their starts, by agency and name."""
    return sorted(
        zip(plan.offices, plan.starts, strict=True), key=lambda pair: (pair[0].agency, pair[0].name)
    )


def number(value: float) -> str:
    """A number as text with at most six decimals, without an exponent or needless zeros."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text


def _money(value: float | None) -> str | None:
    return None if value is None else number(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("a whole number is missing")
    return value
