"""What waits, and where is what I look for? The work list, the search field, categories for many at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from lapel.access.actor import Actor, Reach
from lapel.access.page_web import actor_of, archive_of, done, own_path, page
from lapel.access.permit import permit
from lapel.base import clock
from lapel.base.errors import Invalid
from lapel.base.ids import read_number
from lapel.cases.model import case_url
from lapel.footage import acts, guests, search, standing, store, worklist
from lapel.footage import shown_list as shown
from lapel.storage.postgres import Connection

router = APIRouter()
TAG = "Footage"
_MOST_AT_ONCE = 500


@page(router, "/work", "work.html", summary="What waits for you", tag=TAG)
def work(request: Request) -> shown.Work:
    """What waits, by the roles you hold; the oldest of each first. The first page of everybody who is signed in."""
    actor, now = actor_of(request), clock.now()
    late: timedelta = request.app.state.undelivered_after
    keeper, kinds = worklist.kept_by(actor)
    with archive_of(request).db.tx(actor.scope()) as conn:
        groups = worklist.work(
            conn, standing.reach(conn, keeper), now=now, undelivered_after=late, kinds=kinds
        )
        mine = worklist.newest(conn, own_reach(actor), now - worklist.LOOK_BACK)
        items = [item for group in groups for item in group.items]
        rows = search.by_ids(conn, [item.recording for item in (*items, *mine)])
        more = request.app.state.more_work(conn, actor, now)
    return shown.Work(
        agencies=list(actor.in_view),
        roles=sorted({grant.role for grant in actor.grants}),
        undelivered_after_h=late.total_seconds() / 3600,
        groups=[_group(group, rows) for group in groups],
        more=[shown.MoreGroup.model_validate(group, from_attributes=True) for group in more],
        mine=[shown.row(rows[item.recording]) for item in mine],
    )


def own_reach(actor: Actor) -> Reach:
    """The recordings that somebody wore the camera for, where they are an officer."""
    if not actor.officer or not actor.agencies_as("officer"):
        return Reach()
    return Reach(agencies=actor.agencies_as("officer"), wearers=(actor.officer,))


_ANCHORS = {"undelivered": "#files", "empty": "#files", "faults": "#files", "wearer-unknown": "#wearer", "uncategorised": "#category"}  # fmt: skip


def _group(group: worklist.Group, rows: dict[str, dict[str, object]]) -> shown.WorkGroup:
    items = []
    for item in group.items:
        recording = shown.row(rows[item.recording])
        items.append(
            shown.WorkItem(
                recording=recording,
                since=item.since,
                says=item.says,
                action=group.kind.action,
                url=recording.url + _ANCHORS[group.kind.key],
            )
        )
    return shown.WorkGroup(
        key=group.kind.key,
        title=group.kind.title,
        why=group.kind.why,
        count=group.count,
        more=group.more,
        items=items,
        all_url="/recordings?category=none" if group.kind.key == "uncategorised" else None,
    )


@router.get("/search", summary="Find what was typed", tags=[TAG], responses={303: {"description": "Found"}})
def find(request: Request, q: Annotated[str, Query(max_length=500)] = "") -> Response:
    """Understand a recording's or a case's number, a badge or serial number, a day or words, and lead to what is meant."""
    actor = actor_of(request)
    guests.permit_matters(actor)
    with archive_of(request).db.tx(actor.scope()) as conn:
        meant = search.understand(conn, q)
    if meant.number:
        return RedirectResponse(f"/recordings/{meant.number}", status_code=303)
    if len(meant.cases) == 1:
        return RedirectResponse(case_url(*meant.cases[0]), status_code=303)
    if meant.cases:
        return RedirectResponse(f"/cases?{urlencode({'words': meant.cases[0][1]})}", status_code=303)
    said = {
        "wearer": meant.wearer, "camera": meant.camera, "from": str(meant.day or ""),
        "to": str(meant.last_day or ""), "text": meant.text,
    }  # fmt: skip
    query = urlencode({name: value for name, value in said.items() if value})
    return RedirectResponse(f"/recordings?{query}" if query else "/recordings", status_code=303)


@router.post(
    "/recordings/categorise",
    summary="Give several recordings a category",
    tags=[TAG],
    responses={303: {"description": "Categorised"}},
)
def categorise(
    request: Request,
    category: Annotated[str, Form(max_length=200, description="a category's id")] = "",
    number: Annotated[list[str], Form(max_length=_MOST_AT_ONCE, description="numbers of recordings")] = [],  # noqa: B006
    next_page: Annotated[str, Form(alias="next", max_length=2000)] = "/recordings",
) -> Response:
    """All of them or, on any error, none."""
    actor, archive = actor_of(request), archive_of(request)
    numbers = {found for text in number if (found := read_number(text))}
    if not numbers or not category:
        raise Invalid(
            "Nothing was categorised: choose recordings and a category.", next_step="Go back and tick some."
        )
    with archive.db.tx(actor.scope()) as conn:
        rows = store.recordings_by_number(conn, sorted(numbers))
        check_category(conn, category, [row.agency for row in rows])
        standings = [(row.agency, standing.facts(conn, actor, row)) for row in rows]
    if len(rows) != len(numbers):
        raise Invalid("Nothing was categorised: one of the recordings is not there, or not for you.")
    for agency, facts in standings:
        permit(actor, "footage.categorise", agency, facts)
    acts.categorise(archive, actor.scope(), [row.id for row in rows], category)
    return done(request, f"{len(rows)} recordings were categorised.", own_path(next_page, "/recordings"))


def check_category(conn: Connection, category: str, agencies: Sequence[str]) -> None:
    """Return when the category belongs to the agency of every recording. Raises `Invalid`: an agency's categories are its own."""
    row = conn.execute("SELECT agency FROM category WHERE id = %s::text AND active", (category,)).fetchone()
    if row is None:
        raise Invalid("There is no such category.", next_step="Choose one from the list.")
    if any(agency != row["agency"] for agency in agencies):
        raise Invalid(
            f"This category belongs to {row['agency']}, and not all of the recordings do.",
            next_step="Choose recordings of one agency.",
        )
