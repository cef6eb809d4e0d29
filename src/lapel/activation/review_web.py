"""What is a supervisor to look at, by when, and how can anybody see that nobody chose it? The queue, the outcome, the draw."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import Response

from lapel.access.csv_web import csv_answer
from lapel.access.page_web import actor_of, archive_of, done, page
from lapel.access.permit import permit_lists
from lapel.activation import draws, page_front, review, sample, standing, store_review
from lapel.activation import shown_registers as shown
from lapel.activation.asked_web import PAGE, position, position_after
from lapel.activation.review import OUTCOME_SAYS
from lapel.activation.store_review import Draw
from lapel.activation.web import After, State, receipt_of
from lapel.base import clock
from lapel.footage.history import actor_names
from lapel.roster import store as roster
from lapel.storage.postgres import Connection

router = APIRouter(prefix="/activation")
TAG = "Activation"
_STATES = (("", "To be done"), ("overdue", "Overdue"), ("done", "Done"), ("all", "All"))
_CSV = (
    "id", "number", "agency", "office", "officer", "supervisor", "made_at", "why", "due_at", "overdue", "outcome", "words",
    "done_by", "done_at",
)  # fmt: skip
Id = Annotated[str, Path(max_length=40)]


@page(router, "/reviews", "activation-reviews.html", summary="The review queue", tag=TAG)
def reviews(request: Request, state: State = "", after: After = "") -> shown.Reviews:
    """Recordings that were drawn, by due date; overdue ones stay in sight of everybody above."""
    actor = actor_of(request)
    permit_lists(actor)
    wanted = {"": "open", "all": ""}.get(state, state)
    now = clock.now()
    with archive_of(request).db.tx(actor.scope()) as conn:
        reach = standing.reach(conn, actor)
        rows = store_review.queue(
            conn,
            reach,
            actor.officer,
            now=now,
            state=wanted,
            after=position(after),
            limit=PAGE + 1,
        )
        waiting = store_review.queue(conn, reach, actor.officer, now=now, limit=1000)
        listed = _rows(conn, rows[:PAGE])
        drawn = [_draw(conn, one) for one in store_review.draws(conn, reach.whole, limit=24)]
    following = rows[PAGE - 1] if len(rows) > PAGE else None
    return shown.Reviews(
        state=state,
        states=page_front.choices(_STATES),
        rows=listed,
        open=len(waiting),
        overdue=sum(row["due_at"] < now for row in waiting),
        outcomes=page_front.choices(list(OUTCOME_SAYS.items())),
        draws=drawn,
        next=_address(
            "/activation/reviews", state=state, after=position_after(following["due_at"], following["id"])
        )
        if following
        else None,
        first=_address("/activation/reviews", state=state),
        is_first=not after,
        csv=_address("/activation/reviews.csv", state=state, after=after),
    )


@router.get("/reviews.csv", summary="The review queue (CSV)", tags=[TAG], response_class=Response)
def reviews_csv(request: Request, state: State = "", after: After = "") -> Response:
    """Exactly the rows that the page with the same address shows."""
    return csv_answer("reviews.csv", _CSV, reviews(request, state, after).rows)


@router.post(
    "/reviews/{review_id}", summary="Say what was seen", tags=[TAG], responses={303: {"description": "Said"}}
)
def settle(
    request: Request,
    review_id: Id,
    outcome: Annotated[str, Form(max_length=40)] = "",
    words: Annotated[str, Form(max_length=8000)] = "",
) -> Response:
    """Once, and never about a recording of one's own."""
    actor, archive = actor_of(request), archive_of(request)
    with archive.db.tx(actor.scope()) as conn:
        there = store_review.review(conn, review_id)
        office = roster.officer(conn, there.officer).office
        standing.permit(
            actor,
            "activation.review",
            there.agency,
            standing.facts(conn, actor, there.agency, there.officer, office),
        )
    review.settle(
        archive,
        standing.scope_in(actor, there.agency),
        there.id,
        outcome,
        words,
        reviewer_is=actor.officer,
    )
    return done(request, "The review is done.", "/activation/reviews")


@page(router, "/draws/{draw}", "activation-draw.html", summary="One draw, to be repeated by anybody", tag=TAG)
def draw(request: Request, draw: Id) -> shown.DrawPage:
    """The population's digest, the seed, the sample, and whether drawing again gives the same."""
    actor = actor_of(request)
    with archive_of(request).db.tx(actor.scope()) as conn:
        there = _there(request, conn, draw)
        picks = store_review.queue_of_draw(conn, there.id)
        return shown.DrawPage(
            draw=_draw(conn, there),
            wrong=draws.check(conn, there.id),
            picks=_rows(conn, picks),
            population_url=f"/activation/draws/{there.id}/population",
            receipt_url=f"/activation/draws/{there.id}/receipt",
        )


@router.get("/draws/{draw}/population", summary="What was drawn from", tags=[TAG], response_class=Response)
def population(request: Request, draw: Id) -> Response:
    """The canonical JSON whose SHA-256 is in the custody log, to the byte (docs/formats/review-sample.md)."""
    with archive_of(request).db.tx(actor_of(request).scope()) as conn:
        there = _there(request, conn, draw)
    headers = {"Content-Disposition": f'attachment; filename="population-{there.id[:8]}.json"'}
    return Response(there.population, media_type="application/json", headers=headers)


@router.get(
    "/draws/{draw}/receipt",
    summary="The receipt of the population",
    tags=[TAG, "Custody"],
    response_class=Response,
)
def draw_receipt(request: Request, draw: Id) -> Response:
    """Proves when the population was logged, and its digest."""
    with archive_of(request).db.tx(actor_of(request).scope()) as conn:
        there = _there(request, conn, draw)
        return receipt_of(request, conn, there.agency, there.entry, f"population-{there.id[:8]}")


def _there(request: Request, conn: Connection, draw: str) -> Draw:
    there = store_review.draw(conn, draw)
    standing.permit(actor_of(request), "custody.prove", there.agency)
    return there


def _draw(conn: Connection, there: Draw) -> shown.DrawShown:
    drawn_from = sample.read(there.population)
    return shown.DrawShown(
        id=there.id,
        url=f"/activation/draws/{there.id}",
        agency=there.agency,
        supervisor=roster.officer(conn, there.supervisor).label if there.supervisor else None,
        begins_on=there.begins_on,
        ends_on=there.ends_on,
        officers=len(drawn_from.officers),
        recordings=sum(len(worn.recordings) for worn in drawn_from.officers),
        drawn=len(store_review.reviews_of_draw(conn, there.id)),
        sha256=there.sha256,
        logged_at=there.logged_at,
        seed=there.seed,
        log_size=there.log_size,
        drawn_at=there.drawn_at,
    )


def _rows(conn: Connection, rows: list[dict[str, Any]]) -> list[shown.ReviewRow]:
    people = actor_names(conn, sorted({str(row["done_by"]) for row in rows if row["done_by"]}))
    now = clock.now()
    return [
        shown.ReviewRow(
            id=row["id"],
            url=f"/activation/reviews/{row['id']}",
            number=row["number"] or "not in your view",
            recording_url=f"/recordings/{row['number']}" if row["number"] else "",
            agency=row["agency"],
            office=row["office"],
            officer=f"Officer {row['badge']}",
            supervisor=f"Officer {row['supervisor_badge']}" if row["supervisor_badge"] else None,
            made_at=row["started_at"],
            why="within a year" if row["why"] == "due" else "by weight",
            due_at=row["due_at"],
            overdue=row["outcome"] is None and row["due_at"] < now,
            outcome=row["outcome"],
            outcome_says=OUTCOME_SAYS[row["outcome"]] if row["outcome"] else None,
            words=row["words"],
            done_by=people.get(row["done_by"] or ""),
            done_at=row["done_at"],
        )
        for row in rows
    ]


def _address(path: str, **said: str) -> str:
    query = urlencode({name: value for name, value in said.items() if value})
    return f"{path}?{query}" if query else path
