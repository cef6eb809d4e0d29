"""How does a plan come into force? Each agency's part is an act of its own; the fact `in_plan` is read from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lapel.base import clock
from lapel.base.digest import sha256_hex
from lapel.base.errors import Conflict, Invalid
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.custody.sidecar import Under, Write, perform
from lapel.fleet import plan_check, plan_file, store
from lapel.fleet.plan import Plan
from lapel.fleet.quarters import first_day
from lapel.roster import store as roster
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

_TOLD = 10


@dataclass(frozen=True, slots=True)
class Adopted:
    """What came into force for an agency. `superseded`: the plan that did until now, if one."""

    agency: str
    plan: str
    offices: int
    officers: int
    cameras: int
    superseded: str | None


def adopt(archive: Archive, scope: Scope, text: bytes, reason: str) -> list[Adopted]:
    """Adopt a plan.json for every agency in it; agencies that it does not name keep what they have.

    Raises `Invalid` for a file that is no plan, breaks its own rules, or names agencies or offices that nobody knows;
    `Conflict` when it is in force already.
    """
    plan, sha256, reason = plan_file.from_json(text), sha256_hex(text), reason.strip()
    if not reason:
        raise Invalid("A plan is adopted for a reason.", next_step="Say by which decision: --reason.")
    if faults := plan_check.broken(plan):
        raise Invalid(f"The plan breaks its own rules: {'; '.join(faults[:_TOLD])}.", next_step="Plan again.")
    agencies = sorted({office.agency for office in plan.offices})
    if unknown := [agency for agency in agencies if agency not in scope.agencies]:
        raise Invalid(
            f"There is no agency {unknown[0][:20]}.", next_step=f"There are {', '.join(scope.agencies)}."
        )
    with archive.db.tx(scope) as conn:
        conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('deployment plan', 24))")
        now = clock.now()
        places = {agency: _places(conn, plan, agency) for agency in agencies}
        _all_known(places)
        in_force = {agency: store.plan_in_force(conn, agency) for agency in agencies}
        if all(there is not None and there.sha256 == sha256 for there in in_force.values()):
            raise Conflict("This plan is in force already.", next_step="There is nothing to do.")
        return [
            _adopt(conn, archive, scope, plan, agency, places[agency], sha256, reason, now) for agency in agencies
        ]  # fmt: skip


def _places(conn: Connection, plan: Plan, agency: str) -> dict[str, str | None]:
    """The id of each planned office by the name the plan gives it: the roster's name, or its code."""
    there = roster.offices(conn, agency)
    known = {office.code: office.id for office in there if office.code} | {o.name: o.id for o in there}
    return {office.name: known.get(office.name) for office in plan.offices if office.agency == agency}


def _all_known(places: dict[str, dict[str, str | None]]) -> None:
    unknown = [f"{name} of {agency}" for agency, one in places.items() for name, place in one.items() if not place]  # fmt: skip
    if unknown:
        raise Invalid(
            f"The roster does not know these offices of the plan ({len(unknown):,}): {', '.join(unknown[:_TOLD])}.",
            next_step="Import the roster first (lapel roster import), or write the offices as it does, by name or code.",
            offices=unknown,
        )
    for agency, one in places.items():
        if len(set(one.values())) < len(one):
            raise Invalid(
                f"Two offices of the plan are the same office of {agency}: once by its name and once by its code.",
                next_step="Keep one of them, and plan again.",
            )


def _adopt(
    conn: Connection, archive: Archive, scope: Scope, plan: Plan, agency: str, places: dict[str, str | None], sha256: str,
    reason: str, now: datetime,
) -> Adopted:  # fmt: skip
    before, made = store.plan_in_force(conn, agency), new_id()
    mine = [(o, s) for o, s in plan_file.in_order(plan) if o.agency == agency]
    begun = [(office, start) for office, start in mine if start is not None]
    writes = []
    if before is not None:
        writes.append(Write("deployment_plan", {"id": before.id, "superseded_at": now}, change=True))
    row = {
        "id": made, "agency": agency, "sha256": sha256, "quarters": _quarters(plan, agency), "adopted_at": now,
        "adopted_by": scope.actor,
    }  # fmt: skip
    writes.append(Write("deployment_plan", row))
    for office, start in begun:
        row = {
            "id": new_id(), "agency": agency, "plan": made, "office": places[office.name],
            "from_on": first_day(plan.means.quarters[start]), "until_on": None, "cameras": office.cameras,
            "officers": office.officers,
        }  # fmt: skip
        writes.append(Write("deployment", row))
    found = Adopted(
        agency, made, len(begun), sum(o.officers for o, _ in begun), sum(o.cameras for o, _ in begun),
        before.id if before else None,
    )  # fmt: skip
    entry = log.prepare(
        conn, actor=scope.actor, agency=agency, act="plan_adopted", subject=f"plan:{made}", at=now,
        detail={
            "sha256": sha256, "reason": reason, "offices": found.offices, "officers": found.officers,
            "cameras": found.cameras, "supersedes": found.superseded,
        },
    )  # fmt: skip
    perform(conn, archive, entry, writes, agency=agency, under=Under())
    return found


def _quarters(plan: Plan, agency: str) -> dict[str, Any]:
    """What the page of coverage shows without the file: this agency by quarter, and how good the plan is as a whole."""
    mine = [office for office in plan.offices if office.agency == agency]
    return {
        "v": 1,
        "quarters": [
            {
                "quarter": c.quarter, "begins_on": str(first_day(c.quarter)), "offices": c.offices, "officers": c.officers,
                "cameras": c.cameras, "duty_hours": plan_file.number(c.duty_hours),
            }
            for c in plan_file.coverage(plan) if c.agency == agency
        ],
        "of": {
            "offices": len(mine), "officers": sum(o.officers for o in mine),
            "duty_hours": plan_file.number(sum(o.duty_hours for o in mine)),
        },
        "floor": plan_file.number(plan.means.floor), "worth": plan_file.number(plan.worth),
        "bound": plan_file.number(plan.bound), "exact": plan.exact,
    }  # fmt: skip
