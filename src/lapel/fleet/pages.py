"""What stands on each of the fleet's pages? From rows and spans to what is shown, with the sentence that answers first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from lapel.fleet import shown
from lapel.fleet.calendar import Assignment, Clash, at, believed
from lapel.fleet.keeping import CHECK_OUTCOMES, STATUSES
from lapel.fleet.model import Camera, Check, InForce, StatusChange

UNSAID = "nobody has said"
Names = Mapping[str, Mapping[str, Any]]


def row(found: Mapping[str, Any]) -> shown.CameraRow:
    """A camera of the list."""
    outcome = found["check_outcome"] or ""
    badge = found["holder_badge"]
    return shown.CameraRow(
        id=found["id"], agency=found["agency"], serial=found["serial"], url=f"/fleet/cameras/{found['id']}",
        maker=found["maker"], model=found["model"], firmware=found["firmware"], status=found["status"] or UNSAID,
        office=found["office_name"], holder=_person(found["holder"], badge, found["holder_external"]),
        holder_url=f"/fleet/officers/{found['agency']}/{badge}" if badge else None, holders=found["holders"],
        held_since=found["held_since"], last_docked_at=found["last_docked_at"], clock_off_s=found["clock_off_s"],
        clock_seen_at=found["clock_seen_at"], check=outcome, check_says=CHECK_OUTCOMES.get(outcome, "not checked"),
        checked_at=found["checked_at"],
    )  # fmt: skip


def fleet_headline(counts: Mapping[str, int], failing: int) -> str:
    """How many cameras of what."""
    total = sum(counts.values())
    if not total:
        return "No camera is known yet"
    parts = [f"{counts[s]:,} {s}" for s in STATUSES if counts.get(s)]
    if counts.get("unsaid"):
        parts.append(f"{counts['unsaid']:,} of which nobody has said what they are")
    sound = f"; {failing:,} failed the last check" if failing else ""
    return f"{total:,} camera{'s' if total != 1 else ''}: {', '.join(parts)}{sound}"


def camera_page(
    camera: Camera, found: Mapping[str, Any], spans: Sequence[Assignment], people: Names, statuses: Sequence[StatusChange],
    checks: Sequence[Check], now: datetime, *, may_keep: bool, may_check: bool,
) -> shown.CameraPage:  # fmt: skip
    """One camera."""
    top = row(found)
    there = at(spans, now)
    if len(there) > 1:
        says = f"Camera {camera.serial} is said to be with {len(there)} officers at once"
    elif there:
        says = f"Camera {camera.serial} is with {name(people, there[0].officer)}"
    else:
        says = f"Nobody has camera {camera.serial}" + (f"; it is {camera.status}" if camera.status else "")
    serials = {camera.id: camera.serial}
    return shown.CameraPage(
        headline=says, camera=top, label=camera.name, buffer_s=camera.buffer_s, known=camera.known,
        last_seen_at=camera.last_seen_at, calendar=_now(spans, serials, people, camera.agency),
        before=_before(spans, serials, people, camera.agency),
        statuses=[shown.StatusShown(status=s.status, at=s.at, reason=s.reason, by=s.by) for s in statuses],
        checks=[
            shown.CheckShown(
                outcome=c.outcome, outcome_says=CHECK_OUTCOMES[c.outcome], at=c.at, words=c.says,
                officer=name(people, c.officer) if c.officer else None,
            )
            for c in checks
        ],
        may_keep=may_keep, may_check=may_check,
        statuses_there_are=[s for s in STATUSES if s != camera.status],
        check_outcomes=[shown.Option(value=v, label=says) for v, says in CHECK_OUTCOMES.items()],
    )  # fmt: skip


def officer_page(
    agency: str, badge: str, office: str | None, spans: Sequence[Assignment], serials: Mapping[str, str], people: Names,
    now: datetime,
) -> shown.OfficerCameras:  # fmt: skip
    """The cameras of one officer."""
    there = [serials.get(span.camera, span.camera[:8]) for span in at(spans, now)]
    if not there:
        says = f"Officer {badge} has no camera"
    elif len(there) == 1:
        says = f"Officer {badge} has camera {there[0]}"
    else:
        says = f"Officer {badge} is said to have {len(there)} cameras at once: {', '.join(there)}"
    return shown.OfficerCameras(
        headline=says, agency=agency, badge=badge, office=office, calendar=_now(spans, serials, people, agency),
        before=_before(spans, serials, people, agency),
    )  # fmt: skip


def clash(found: Clash, serials: Mapping[str, str], people: Names, agency: str, *, may_keep: bool) -> shown.ClashShown:  # fmt: skip
    """One contradiction of the calendar."""
    return shown.ClashShown(
        kind=found.kind, begins_at=found.begins_at, ends_at=found.ends_at,
        first=_span(found.first, serials, people, agency), second=_span(found.second, serials, people, agency),
        may_keep=may_keep,
    )  # fmt: skip


def coverage(
    agency: str, agencies: Sequence[shown.Option], plans: Sequence[InForce], without: Sequence[str], csv: str
) -> shown.Coverage:
    """What the plans cover, summed over the agencies that are shown."""
    rows = [
        shown.CoverageRow(
            agency=plan.agency, quarter=q["quarter"], begins_on=date.fromisoformat(q["begins_on"]), offices=q["offices"],
            offices_of=plan.quarters["of"]["offices"], officers=q["officers"], officers_of=plan.quarters["of"]["officers"],
            duty_hours=float(q["duty_hours"]), duty_hours_of=float(plan.quarters["of"]["duty_hours"]),
        )
        for plan in plans for q in plan.quarters["quarters"]
    ]  # fmt: skip
    return shown.Coverage(
        headline=_covered(rows), agency=agency, agencies=list(agencies), without=list(without), rows=rows, csv=csv,
        plans=[
            shown.PlanShown(
                agency=p.agency, sha256=p.sha256, adopted_at=p.adopted_at, worth=float(p.quarters["worth"]),
                bound=float(p.quarters["bound"]), exact=p.quarters["exact"], floor=float(p.quarters["floor"]),
            )
            for p in plans
        ],
    )  # fmt: skip


def _covered(rows: Sequence[shown.CoverageRow]) -> str:
    if not rows:
        return "No deployment plan is adopted"
    last = max(row.quarter for row in rows)
    there = [row for row in rows if row.quarter == last]
    officers, of = sum(row.officers for row in there), sum(row.officers_of for row in there)
    hours, hours_of = sum(row.duty_hours for row in there), sum(row.duty_hours_of for row in there)
    return (
        f"By the end of {last}, {officers:,} of {of:,} officers and {_share(hours, hours_of)} of the duty-hours are to be in offices"
        " with cameras"
    )


def _share(part: float, of: float) -> str:
    return f"{part / of:.0%}" if of else "none"


def _now(spans: Iterable[Assignment], serials: Mapping[str, str], people: Names, agency: str) -> list[shown.SpanShown]:  # fmt: skip
    newest = sorted(believed(spans), key=lambda s: (s.begins_at, s.id), reverse=True)
    return [_span(span, serials, people, agency) for span in newest]


def _before(spans: Iterable[Assignment], serials: Mapping[str, str], people: Names, agency: str) -> list[shown.SpanShown]:  # fmt: skip
    corrected = [span for span in spans if span.known_until is not None]
    newest = sorted(corrected, key=lambda s: (s.known_until or s.known_from, s.id), reverse=True)
    return [_span(span, serials, people, agency) for span in newest]


def _span(span: Assignment, serials: Mapping[str, str], people: Names, agency: str) -> shown.SpanShown:
    badge = people.get(span.officer, {}).get("badge")
    return shown.SpanShown(
        id=span.id, agency=agency, camera=serials.get(span.camera, span.camera[:8]), camera_url=f"/fleet/cameras/{span.camera}",
        officer=name(people, span.officer), officer_url=f"/fleet/officers/{agency}/{badge}" if badge else None,
        begins_at=span.begins_at, ends_at=span.ends_at, known_from=span.known_from, known_until=span.known_until,
        believed=span.known_until is None, replaces=span.replaces, reason=span.reason, by=span.by,
    )  # fmt: skip


def name(people: Names, officer: str) -> str:
    """What a page calls an officer: the badge number where there is one, never a name."""
    one = people.get(officer, {})
    return _person(officer, one.get("badge"), one.get("external_id")) or "Unknown wearer"


def _person(officer: str | None, badge: str | None, external: str | None) -> str | None:
    if officer is None:
        return None
    return f"Officer {badge}" if badge else f"Unknown wearer {(external or officer)[:8]}"
