"""Was the camera on when it had to be? The programme's front page, the gaps, one duty, an officer's day, the plan."""

from __future__ import annotations

import json
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response

from lapel.access import store as access
from lapel.access.csv_web import csv_answer
from lapel.access.page_web import actor_of, archive_of, page
from lapel.activation import (
    page_duty,
    page_front,
    page_plan,
    shown,
    shown_registers,
    standing,
    store,
    store_pages,
)
from lapel.activation.asked_web import PAGE, Asked, position, position_after
from lapel.base.errors import Invalid, NotFound
from lapel.custody import receipt
from lapel.roster import store as roster
from lapel.storage.postgres import Connection

router = APIRouter(prefix="/activation")
TAG = "Activation"
By = Annotated[str, Query(max_length=20, description="agency, office, activity, month or kind")]
Number = Annotated[str, Path(max_length=40, description="a duty's number, like D-7K3M9-QXD4W")]
State = Annotated[str, Query(max_length=20)]
After = Annotated[str, Query(max_length=200, description="a position in the list")]
_STATES = (
    ("", "Not explained"),
    ("waiting", "Explained, not decided"),
    ("refused", "Refused"),
    ("all", "All not excused"),
)
_GAPS_CSV = (
    "number", "agency", "office", "owner", "leader", "activity", "outcome", "begins_at", "ends_at", "owed_s", "recorded_s",
    "exception_state",
)  # fmt: skip
_DAY_CSV = ("number", "activity", "outcome", "begins_at", "ends_at", "owed_s", "recorded_s", "clauses")


@page(router, "", "activation.html", summary="Duties to record: the programme's front page", tag=TAG)
def front(request: Request, asked: Annotated[Asked, Depends()], by: By = "office") -> shown.Front:
    """How many duties were met, by agency, office, activity, month or kind of event; each outcome has its own number."""
    actor = actor_of(request)
    with archive_of(request).db.tx(actor.scope()) as conn:
        return page_front.build(conn, asked, _by(by), _names(conn))


@router.get(".csv", summary="The front page's table (CSV)", tags=[TAG], response_class=Response)
def front_csv(request: Request, asked: Annotated[Asked, Depends()], by: By = "office") -> Response:
    """Exactly the groups that the page with the same address shows."""
    return csv_answer("duties.csv", *page_front.rows_for_csv(front(request, asked, by)))


@page(
    router, "/public", "activation-public.html", summary="The figures that may be told to everybody", tag=TAG
)
def public(request: Request, asked: Annotated[Asked, Depends()], by: By = "office") -> shown.PublicFigures:
    """The same figures without small groups and small numbers, which could point to a person."""
    with archive_of(request).db.tx(actor_of(request).scope()) as conn:
        return page_front.public(conn, asked, _by(by), _names(conn))


@router.get("/public.csv", summary="The figures for everybody (CSV)", tags=[TAG], response_class=Response)
def public_csv(request: Request, asked: Annotated[Asked, Depends()], by: By = "office") -> Response:
    """Exactly what the page shows; an empty cell is a number from 1 to 9."""
    told = public(request, asked, by)
    rows = [{by: one.name, "duties": one.duties, **one.counts} for one in told.groups]
    return csv_answer("duties-public.csv", [by, "duties", *told.outcomes], rows)


@page(router, "/gaps", "activation-gaps.html", summary="Duties that were not met and not explained", tag=TAG)
def gaps(
    request: Request, asked: Annotated[Asked, Depends()], state: State = "", after: After = ""
) -> shown.Gaps:
    """The oldest first, each with whose it is and how long it waits."""
    wanted = {"": "unexplained", "all": ""}.get(state, state)
    with archive_of(request).db.tx(actor_of(request).scope()) as conn:
        rows = store_pages.unmet(conn, asked.narrowed, state=wanted, after=position(after), limit=PAGE + 1)
        count = store_pages.count_unexplained(conn, asked.narrowed) if wanted == "unexplained" else len(rows)
    following = rows[PAGE - 1] if len(rows) > PAGE else None
    return shown.Gaps(
        filters=asked.shown,
        state=state,
        states=page_front.choices(_STATES),
        rows=[page_duty.row(row) for row in rows[:PAGE]],
        count=count,
        more=count >= 1000,
        next=asked.address(
            "/activation/gaps", state=state, after=position_after(following["begins_at"], following["duty"])
        )
        if following
        else None,
        first=asked.address("/activation/gaps", state=state),
        is_first=not after,
        csv=asked.address("/activation/gaps.csv", state=state, after=after),
    )


@router.get("/gaps.csv", summary="Duties that were not met (CSV)", tags=[TAG], response_class=Response)
def gaps_csv(
    request: Request, asked: Annotated[Asked, Depends()], state: State = "", after: After = ""
) -> Response:
    """Exactly the rows that the page with the same address shows."""
    return csv_answer("gaps.csv", _GAPS_CSV, gaps(request, asked, state, after).rows)


@page(
    router,
    "/duties/{number}",
    "activation-duty.html",
    summary="One duty: why, who says so, and the proof",
    tag=TAG,
)
def duty(request: Request, number: Number) -> shown.Duty:
    """What came of one duty, the clauses that made it, what was recorded, and how it can be excused."""
    actor = actor_of(request)
    with archive_of(request).db.tx(actor.scope()) as conn:
        finding = store.finding(conn, number)
        standing.permit(
            actor, "activation.view", finding.agency,
            standing.facts(conn, actor, finding.agency, finding.officer, finding.office),
        )  # fmt: skip
        return page_duty.build(conn, actor, finding)


@page(
    router, "/officers/{agency}/{badge}", "activation-officer.html", summary="A day of one officer", tag=TAG
)
def officer(
    request: Request,
    agency: Annotated[str, Path(max_length=20)],
    badge: Annotated[str, Path(max_length=100)],
    day: Annotated[date | None, Query(description="a day; none: the latest with a duty")] = None,
) -> shown.OfficerDay:
    """Duties above, recordings below, on one line of the day."""
    actor = actor_of(request)
    with archive_of(request).db.tx(actor.scope()) as conn:
        there = next((a for a in access.agencies(conn) if a.id == agency), None)
        found = roster.officer_by_badge(conn, agency, badge) if there else None
        if there is None or found is None:
            raise NotFound(f"There is no officer {badge[:20]} of {agency[:20]} that you can see.")
        standing.permit(
            actor, "activation.view", agency, standing.facts(conn, actor, agency, found.id, found.office)
        )
        return page_duty.day(conn, there, found.id, badge, day)


@router.get(
    "/officers/{agency}/{badge}.csv",
    summary="A day of one officer (CSV)",
    tags=[TAG],
    response_class=Response,
)
def officer_csv(
    request: Request,
    agency: Annotated[str, Path(max_length=20)],
    badge: Annotated[str, Path(max_length=100)],
    day: date | None = None,
) -> Response:
    """The duties of the day as the page lists them."""
    return csv_answer(f"{agency}-{badge}.csv", _DAY_CSV, officer(request, agency, badge, day).duties)


@page(
    router,
    "/plan",
    "activation-plan.html",
    summary="The deployment plan against what really happened",
    tag=TAG,
)
def plan(request: Request, asked: Annotated[Asked, Depends()]) -> shown_registers.AgainstPlan:
    """For each office and quarter: cameras planned, duties in the plan, and duties that had a camera."""
    with archive_of(request).db.tx(actor_of(request).scope()) as conn:
        return page_plan.build(conn, asked, _names(conn))


@router.get("/plan.csv", summary="The plan against what happened (CSV)", tags=[TAG], response_class=Response)
def plan_csv(request: Request, asked: Annotated[Asked, Depends()]) -> Response:
    """Exactly the rows that the page shows."""
    return csv_answer("plan.csv", list(shown_registers.PlanRow.model_fields), plan(request, asked).rows)


@router.get(
    "/runs/{run}/receipt", summary="The receipt of a run", tags=[TAG, "Custody"], response_class=Response,
    responses={200: {"content": {"application/json": {}}, "description": "A file that anybody can verify"}},
)  # fmt: skip
def run_receipt(request: Request, run: Annotated[str, Path(max_length=40)]) -> Response:
    """Proves that these findings were entered in the custody log; 503 until the next checkpoint covers it."""
    actor = actor_of(request)
    with archive_of(request).db.tx(actor.scope()) as conn:
        there = store.run(conn, run)
        return receipt_of(request, conn, there.agency, there.entry, f"run-{there.id[:8]}")


def receipt_of(request: Request, conn: Connection, agency: str, entry: str | None, name: str) -> Response:
    """The receipt of an entry as a file, every field shown that says nothing of a person."""
    standing.permit(actor_of(request), "custody.prove", agency)
    if entry is None:
        raise NotFound("This was not entered by itself; what it belongs to was.")
    given = receipt.prove(conn, archive_of(request).stores.public, entry)
    fields = [
        f
        for f in (*given["opened"], *given["closed"])
        if f not in ("words", "actor", "officer", "subject_key")
    ]
    given = receipt.prove(conn, archive_of(request).stores.public, entry, fields)
    return Response(
        json.dumps(given, indent=1) + "\n",
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}-receipt.json"'},
    )


def _by(by: str) -> str:
    if by not in page_front.BYS:
        raise Invalid(
            f"Figures are not kept by “{by[:20]}”.", next_step=f"One of: {', '.join(page_front.BYS)}."
        )
    return by


def _names(conn: Connection) -> dict[str, str]:
    return {a.id: a.name for a in access.agencies(conn)}
