"""Which cameras are there, who has which, and what is planned? The fleet's pages and the acts on them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import Response

from lapel.access import store as access
from lapel.access.actor import Actor
from lapel.access.csv_web import csv_answer
from lapel.access.page_web import actor_of, archive_of, done, own_path, page
from lapel.access.permit import permit, permit_lists
from lapel.base import clock
from lapel.base.errors import Invalid, NotFound
from lapel.fleet import acts, keeping, pages, shown, standing, store, store_pages
from lapel.fleet.calendar import clashes
from lapel.fleet.model import Camera
from lapel.roster import store as roster
from lapel.storage.postgres import Connection

router = APIRouter(prefix="/fleet")
TAG = "Fleet"
PAGE = 50
MOST_CLASHES = 200
STATES = (
    ("", "All"), ("issued", "Issued"), ("in stock", "In stock"), ("in repair", "In repair"), ("lost", "Lost"),
    ("retired", "Retired"), ("unsaid", "Nobody has said"), ("failing", "Failed the last check"),
)  # fmt: skip
_CSV = (
    "agency", "serial", "maker", "model", "firmware", "status", "office", "holder", "holders", "held_since", "last_docked_at",
    "clock_off_s", "clock_seen_at", "check", "checked_at",
)  # fmt: skip
_COVERAGE_CSV = (
    "agency", "quarter", "begins_on", "offices", "offices_of", "officers", "officers_of", "duty_hours", "duty_hours_of",
)  # fmt: skip
CameraId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="a camera's id")]
Words = Annotated[str, Form(max_length=8000)]
When = Annotated[
    str, Form(max_length=40, description="an instant, or a local time of the agency; empty: now")
]


@page(router, "", "fleet.html", summary="The cameras: status, who has which, last docked", tag=TAG)
def cameras(
    request: Request,
    find: Annotated[
        str, Query(max_length=200, description="a serial number, a label or a badge number")
    ] = "",
    state: Annotated[str, Query(max_length=20, description="a status, unsaid or failing")] = "",
    after: Annotated[str, Query(max_length=300, description="a position in the list")] = "",
) -> shown.Cameras:
    """How many cameras there are of what, and which; those of a unit or an officer for who sees no others."""
    actor = actor_of(request)
    permit_lists(actor)
    find, after, now = find.replace("\0", "").strip(), after.replace("\0", ""), clock.now()
    with archive_of(request).db.tx(actor.scope()) as conn:
        reach = standing.reach(conn, actor)
        counts, failing = store_pages.counts(conn, reach, now, find=find)
        found = store_pages.listed(conn, reach, now, find=find, state=state, after=after, limit=PAGE + 1)
    last = found[PAGE - 1] if len(found) > PAGE else None
    asked = {"find": find, "state": state}
    return shown.Cameras(
        headline=pages.fleet_headline(counts, failing), find=find, state=state, counts=counts, failing=failing,
        states=[shown.Option(value=value, label=label) for value, label in STATES],
        rows=[pages.row(one) for one in found[:PAGE]],
        next=_address("/fleet", **asked, after=f"{last['agency']}~{last['serial']}") if last else None,
        first=_address("/fleet", **asked), is_first=not after, csv=_address("/fleet.csv", **asked, after=after),
    )  # fmt: skip


@router.get(".csv", summary="The cameras (CSV)", tags=[TAG], response_class=Response)
def cameras_csv(
    request: Request,
    find: Annotated[str, Query(max_length=200)] = "",
    state: Annotated[str, Query(max_length=20)] = "",
    after: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """Exactly the rows that the page with the same address shows."""
    return csv_answer("cameras.csv", _CSV, cameras(request, find, state, after).rows)


@page(router, "/cameras/{camera}", "fleet-camera.html", summary="One camera: its calendar, status and checks", tag=TAG)  # fmt: skip
def camera(request: Request, camera: CameraId) -> shown.CameraPage:
    """Who had it when, as believed now and before; what became of it; its checks."""
    actor = actor_of(request)
    with archive_of(request).db.tx(actor.scope()) as conn:
        there = store.camera(conn, camera)
        facts = standing.of_camera(conn, actor, there)
        permit(actor, "fleet.view", there.agency, facts)
        spans = store.calendar(conn, there.agency, camera_id=there.id)
        checks = store.checks(conn, there.id)
        ids = {span.officer for span in spans} | {c.officer for c in checks if c.officer}
        people, now = store_pages.people(conn, sorted(ids)), clock.now()
        whole = actor.reach((there.agency,))
        wide = type(whole)(
            whole.agencies, whole.agencies
        )  # permitted above; the row itself is looked up whole
        found = store_pages.listed(conn, wide, now, find=there.serial, limit=PAGE)
        row = next(one for one in found if one["id"] == there.id)
        return pages.camera_page(
            there, row, spans, people, store.statuses(conn, there.id), checks, now,
            may_keep=standing.may(actor, "fleet.keep", there.agency, facts),
            may_check=standing.may(actor, "fleet.check", there.agency, facts),
        )  # fmt: skip


@page(router, "/officers/{agency}/{badge}", "fleet-officer.html", summary="An officer's cameras", tag=TAG)
def officer(
    request: Request,
    agency: Annotated[str, Path(max_length=20)],
    badge: Annotated[str, Path(max_length=100, description="a badge number")],
) -> shown.OfficerCameras:
    """Which cameras an officer has and had, as believed now and before."""
    actor = actor_of(request)
    with archive_of(request).db.tx(actor.scope()) as conn:
        there = roster.officer_by_badge(conn, agency, badge)
        if there is None:
            raise NotFound(f"There is no officer {badge[:40]} in {agency[:20]} that you can see.")
        permit(actor, "fleet.view", agency, standing.of_officer(conn, actor, there.id, agency, there.office))
        spans = store.calendar(conn, agency, officer_id=there.id)
        serials = store.serials(conn, [span.camera for span in spans])
        office = next((o.name for o in roster.offices(conn, agency) if o.id == there.office), None)
        people = store_pages.people(conn, [there.id])
        return pages.officer_page(agency, badge, office, spans, serials, people, clock.now())


@page(router, "/conflicts", "fleet-conflicts.html", summary="What of the calendar contradicts itself", tag=TAG)  # fmt: skip
def conflicts(request: Request) -> shown.Conflicts:
    """Cameras on two wearers, wearers with two cameras, and how much footage has no known wearer."""
    actor = actor_of(request)
    permit_lists(actor)
    rows: list[shown.ClashShown] = []
    with archive_of(request).db.tx(actor.scope()) as conn:
        reach = standing.reach(conn, actor)
        for agency in reach.agencies:
            rows += _clashes(conn, actor, agency, reach)
        unknown = store_pages.unknown_wearers(conn, reach.whole)
    rows.sort(key=lambda r: r.begins_at)
    headline = (
        f"{len(rows):,} contradiction{'s' if len(rows) != 1 else ''} in the calendar to resolve"
        if rows
        else "The calendar does not contradict itself"
    )
    return shown.Conflicts(
        headline=headline, rows=rows[:MOST_CLASHES], more=max(0, len(rows) - MOST_CLASHES), unknown_wearers=unknown,
        csv="/fleet/conflicts.csv",
    )  # fmt: skip


@router.get("/conflicts.csv", summary="Contradictions of the calendar (CSV)", tags=[TAG], response_class=Response)  # fmt: skip
def conflicts_csv(request: Request) -> Response:
    """Exactly the rows that the page shows."""
    rows = [
        {
            "kind": r.kind, "begins_at": r.begins_at.isoformat(), "ends_at": r.ends_at.isoformat() if r.ends_at else "",
            **{f"{which}_{name}": getattr(getattr(r, which), name) for which in ("first", "second") for name in ("camera", "officer", "id")},
        }
        for r in conflicts(request).rows
    ]  # fmt: skip
    names = ("kind", "begins_at", "ends_at", "first_camera", "first_officer", "first_id", "second_camera", "second_officer", "second_id")  # fmt: skip
    return csv_answer("conflicts.csv", names, rows)


@page(router, "/coverage", "fleet-coverage.html", summary="What the adopted plan covers, by agency and quarter", tag=TAG)  # fmt: skip
def coverage(
    request: Request, agency: Annotated[str, Query(max_length=20, description="one agency; empty: those in view")] = ""
) -> shown.Coverage:  # fmt: skip
    """Officers and duty-hours in offices with cameras, by the plans in force."""
    actor = actor_of(request)
    permit_lists(actor, agency or None)
    with archive_of(request).db.tx(actor.scope()) as conn:
        names = {one.id: one.name for one in access.agencies(conn)}
        found = {one: store.plan_in_force(conn, one) for one in actor.in_view}
    there = [one for one in ((agency,) if agency else actor.in_view) if found.get(one)]
    plans = [plan for one in there if (plan := found[one])]
    return pages.coverage(
        agency, [shown.Option(value=one, label=names.get(one, one)) for one in actor.in_view if found[one]], plans,
        [names.get(one, one) for one in actor.in_view if not found[one]], _address("/fleet/coverage.csv", agency=agency),
    )  # fmt: skip


@router.get("/coverage.csv", summary="What the plan covers (CSV)", tags=[TAG], response_class=Response)
def coverage_csv(request: Request, agency: Annotated[str, Query(max_length=20)] = "") -> Response:
    """Exactly the rows that the page with the same address shows."""
    return csv_answer("coverage.csv", _COVERAGE_CSV, coverage(request, agency).rows)


@router.post("/cameras/{camera}/status", summary="Say what becomes of a camera", tags=[TAG], responses={303: {"description": "Said"}})  # fmt: skip
def change_status(
    request: Request, camera: CameraId, status: Annotated[str, Form(max_length=20)] = "", reason: Words = ""
) -> Response:  # fmt: skip
    """In stock, issued, in repair, lost or retired, with a reason."""
    actor, there = _asked(request, camera, "fleet.keep")
    keeping.set_status(archive_of(request), actor.scope_in(there.agency), there.agency, there.serial, status, reason)  # fmt: skip
    return done(request, f"Camera {there.serial} is {status}.", f"/fleet/cameras/{camera}")


@router.post("/cameras/{camera}/checks", summary="Enter a check before a shift", tags=[TAG], responses={303: {"description": "Entered"}})  # fmt: skip
def enter_check(
    request: Request, camera: CameraId, outcome: Annotated[str, Form(max_length=40)] = "", words: Words = ""
) -> Response:  # fmt: skip
    """Whether it starts, records and shows the right time, in a code; by the officer who wears it or by who keeps the cameras."""
    actor, there = _asked(request, camera, "fleet.check")
    keeping.check(
        archive_of(request), actor.scope_in(there.agency), there.agency, there.serial, outcome, words, officer=actor.officer
    )  # fmt: skip
    return done(request, "The check is entered.", f"/fleet/cameras/{camera}")


@router.post("/cameras/{camera}/given", summary="An officer has the camera", tags=[TAG], responses={303: {"description": "Entered"}})  # fmt: skip
def give(
    request: Request, camera: CameraId, badge: Annotated[str, Form(max_length=100)] = "", begins: When = "", ends: When = "",
    reason: Words = "",
) -> Response:  # fmt: skip
    """From an instant on, and until another if that is known. What contradicts the calendar is kept, and listed."""
    actor, there = _asked(request, camera, "fleet.keep")
    zone = _zone(request, there)
    acts.give(
        archive_of(request), actor.scope_in(there.agency), there.agency, there.serial, badge.strip(),
        _instant(begins, zone) or clock.now(), _instant(ends, zone), keeping.said(reason),
    )  # fmt: skip
    return done(request, f"Camera {there.serial} is with officer {badge}.", f"/fleet/cameras/{camera}")


@router.post("/cameras/{camera}/returned", summary="The camera came back", tags=[TAG], responses={303: {"description": "Entered"}})  # fmt: skip
def take_back(request: Request, camera: CameraId, at: When = "", reason: Words = "") -> Response:
    """What the calendar says of that instant ends there."""
    actor, there = _asked(request, camera, "fleet.keep")
    when = _instant(at, _zone(request, there)) or clock.now()
    acts.take_back(archive_of(request), actor.scope_in(there.agency), there.agency, there.serial, when, keeping.said(reason))  # fmt: skip
    return done(request, f"Camera {there.serial} came back.", f"/fleet/cameras/{camera}")


@router.post("/cameras/{camera}/withdrawn", summary="A span of the calendar never was", tags=[TAG], responses={303: {"description": "Withdrawn"}})  # fmt: skip
def withdraw(
    request: Request, camera: CameraId, span: Annotated[str, Form(pattern="^[0-9a-f]{32}$")], reason: Words = "",
    next_page: Annotated[str, Form(alias="next", max_length=2000)] = "",
) -> Response:  # fmt: skip
    """It is believed no more; what was believed until now can still be asked for."""
    actor, there = _asked(request, camera, "fleet.keep")
    with archive_of(request).db.tx(actor.scope()) as conn:
        if store.assignment(conn, span).camera != there.id:
            raise NotFound("That span is of another camera.", next_step="Load the page again.")
    acts.withdraw(archive_of(request), actor.scope_in(there.agency), there.agency, span, keeping.said(reason))
    return done(request, "It is withdrawn.", own_path(next_page, f"/fleet/cameras/{camera}"))


def _asked(request: Request, camera_id: str, act: Any) -> tuple[Actor, Camera]:
    """Who asks, and the camera, when they may do this to it. Raises `Refused`, `NotFound`."""
    actor = actor_of(request)
    with archive_of(request).db.tx(actor.scope()) as conn:
        there = store.camera(conn, camera_id)
        permit(actor, act, there.agency, standing.of_camera(conn, actor, there))
    return actor, there


def _clashes(conn: Connection, actor: Actor, agency: str, reach: Any) -> list[shown.ClashShown]:
    found = clashes(store.calendar(conn, agency))
    sides = [span for one in found for span in (one.first, one.second)]
    people = store_pages.people(conn, sorted({span.officer for span in sides}))
    serials = store.serials(conn, [span.camera for span in sides])
    rows = []
    for one in found:
        near = [people.get(one.first.officer, {}), people.get(one.second.officer, {})]
        mine = any(p.get("id") in reach.wearers or p.get("office") in reach.offices for p in near)
        if agency not in reach.whole and not mine:
            continue
        camera = store.camera(conn, one.second.camera)
        may = standing.may(actor, "fleet.keep", agency, standing.of_camera(conn, actor, camera))
        rows.append(pages.clash(one, serials, people, agency, may_keep=may))
    return rows


def _zone(request: Request, there: Camera) -> ZoneInfo:
    with archive_of(request).db.tx(actor_of(request).scope()) as conn:
        return ZoneInfo(next((a.zone for a in access.agencies(conn) if a.id == there.agency), "UTC"))


def _instant(said: str, zone: ZoneInfo) -> datetime | None:
    """An instant, or a local time of the agency as a form gives it. Raises `Invalid`."""
    if not said.strip():
        return None
    try:
        found = datetime.fromisoformat(said.strip())
    except ValueError:
        raise Invalid(f"“{said[:30]}” is no time.", next_step="Write it like 2026-11-24T08:00.") from None
    return found if found.tzinfo else found.replace(tzinfo=zone)


def _address(path: str, **said: str) -> str:
    query = urlencode({name: value for name, value in said.items() if value})
    return f"{path}?{query}" if query else path
