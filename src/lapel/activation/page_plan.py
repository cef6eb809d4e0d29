"""What was planned, and what really happened? For each office and quarter: cameras and duties with a camera."""

from __future__ import annotations

from datetime import date

from lapel.activation import shown_registers as shown
from lapel.activation import store_pages
from lapel.activation.asked_web import Asked
from lapel.fleet import store as fleet
from lapel.fleet.model import Deployment
from lapel.fleet.quarters import first_day, following, quarter_of
from lapel.roster import store as roster
from lapel.storage.postgres import Connection


def build(conn: Connection, asked: Asked, names: dict[str, str]) -> shown.AgainstPlan:
    """The plan against what happened, of what a person may see."""
    planned: dict[str, list[Deployment]] = {}
    for agency in asked.narrowed.reach.agencies:
        for one in fleet.deployments(conn, agency):
            planned.setdefault(one.office, []).append(one)
    rows = []
    for found in store_pages.against_the_plan(conn, asked.narrowed):
        deployment = _in_force(planned.get(found["office"] or "", []), first_day(found["quarter"]))
        office = found["office_name"] or "no office"
        rows.append(
            shown.PlanRow(
                agency=found["agency"], office=office, quarter=found["quarter"],
                planned_cameras=deployment.cameras if deployment else None,
                planned_officers=deployment.officers if deployment else None,
                duties=found["duties"], in_plan=found["in_plan"], with_camera=found["with_camera"],
                camera_outside_plan=found["camera_outside_plan"], planned_without_camera=found["planned_without_camera"],
                duty_hours=round(found["duty_hours"], 2), camera_hours=round(found["camera_hours"], 2),
                says=_says(found["planned_without_camera"], found["camera_outside_plan"]),
            )
        )  # fmt: skip
    if not any((asked.narrowed.badge, asked.narrowed.activity, asked.narrowed.outcome)):
        rows += _without_duties(conn, asked, planned, {(row.agency, row.office, row.quarter) for row in rows})
        rows.sort(key=lambda row: (row.agency, row.office, row.quarter))
    headline = _headline(rows, has_plan=bool(planned))
    return shown.AgainstPlan(
        headline=headline,
        filters=asked.shown,
        rows=rows,
        has_plan=bool(planned),
        csv=asked.address("/activation/plan.csv"),
    )


def _without_duties(
    conn: Connection, asked: Asked, planned: dict[str, list[Deployment]], there: set[tuple[str, str, str]]
) -> list[shown.PlanRow]:  # fmt: skip
    """What was planned in the time that is shown and has no duty that is known: silence is not success."""
    reach, found = asked.narrowed.reach, []
    for office in roster.offices(conn):
        seen = office.agency in reach.whole or office.id in reach.offices
        if not seen or office.id not in planned or asked.narrowed.office not in ("", office.name):
            continue
        quarter = quarter_of(asked.first_day)
        while first_day(quarter) <= asked.last_day:
            deployment = _in_force(planned[office.id], first_day(quarter))
            if deployment and (office.agency, office.name, quarter) not in there:
                found.append(
                    shown.PlanRow(
                        agency=office.agency, office=office.name, quarter=quarter, planned_cameras=deployment.cameras,
                        planned_officers=deployment.officers, duties=0, in_plan=0, with_camera=0, camera_outside_plan=0,
                        planned_without_camera=0, duty_hours=0.0, camera_hours=0.0, says="planned, and no duty is known",
                    )
                )  # fmt: skip
            quarter = following(quarter)
    return found


def _headline(rows: list[shown.PlanRow], *, has_plan: bool) -> str:
    if not has_plan:
        return "No deployment plan is adopted, so no duty lies in one"
    in_plan = sum(row.in_plan for row in rows)
    without = sum(row.planned_without_camera for row in rows)
    return f"{in_plan - without:,} of {in_plan:,} duties in the deployment plan had a camera"


def _says(planned_without: int, outside: int) -> str:
    said = []
    if planned_without:
        said.append("planned, and no camera was there")
    if outside:
        said.append("a camera was there before the plan")
    return "; ".join(said) or "as planned"


def _in_force(deployments: list[Deployment], on: date) -> Deployment | None:
    held = [
        d for d in deployments if d.from_on <= _quarter_end(on) and (d.until_on is None or d.until_on > on)
    ]
    return max(held, key=lambda d: d.from_on, default=None)


def _quarter_end(first: date) -> date:
    month = first.month + 2
    return date(first.year, month, 28)
