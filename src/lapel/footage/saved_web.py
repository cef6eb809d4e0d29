"""What is looked for again and again, and by whom else? A filter of the list that was given a name, and can be shared."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import Response

from lapel.access import store as access
from lapel.access.actor import Reach
from lapel.access.page_web import actor_of, archive_of, done, page
from lapel.access.permit import decide, permit
from lapel.base.errors import Invalid
from lapel.cases import shares, store
from lapel.cases.model import SavedSearch
from lapel.footage import guests, search, standing
from lapel.footage.share_web import MATTER, TAG, search_row, share_row
from lapel.footage.shown_cases import SearchShown

router = APIRouter()
Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
Said = Annotated[str, Form(max_length=500)]


@router.post("/searches", summary="Save a search", tags=[TAG], responses={303: {"description": "Saved"}})
def save(
    request: Request,
    name: Said = "",
    agency: Annotated[str, Form(max_length=16)] = "",
    office: Said = "",
    wearer: Said = "",
    camera: Said = "",
    category: Said = "",
    first_day: Annotated[str, Form(alias="from", max_length=20)] = "",
    last_day: Annotated[str, Form(alias="to", max_length=20)] = "",
    text: Said = "",
) -> Response:
    """Give the filters of the list a name, in one agency. A saved search never changes: what it was shared for stays so."""
    actor, archive = actor_of(request), archive_of(request)
    permit(actor, "footage.categorise", agency, MATTER)
    days = [search.read_days(day.strip()) if day.strip() else None for day in (first_day, last_day)]
    if any(said.strip() and not day for said, day in zip((first_day, last_day), days, strict=True)):
        raise Invalid("One of the days is not a day.", next_step="Write it like 2026-11-24.")
    with archive.db.tx(actor.scope()) as conn:
        zone = next(one.zone for one in access.agencies(conn) if one.id == agency)
    filters = {
        "office": office.strip(), "wearer": wearer.strip(), "camera": camera.strip(), "category": category.strip(),
        "first_day": days[0][0] if days[0] else None, "last_day": days[1][1] if days[1] else None, "zone": zone,
        "words": text.replace("\0", "").strip(),
    }  # fmt: skip
    made = shares.save_search(archive, actor.scope(), agency, name, filters)
    return done(request, f"“{made.name}” is saved.", f"/searches/{made.id}")


@page(router, "/searches/{search_id}", "search.html", summary="A saved search", tag=TAG)
def one_search(request: Request, search_id: Id) -> SearchShown:
    """What it finds now, and with whom that is shared."""
    actor = actor_of(request)
    guests.permit_matters(actor)
    with archive_of(request).db.tx(actor.scope()) as conn:
        there = store.saved_search(conn, search_id)
        reach = standing.reach(conn, actor, (there.agency,)) if there.agency in actor.footage_of else Reach()
        rows, following = search.find(conn, _filters(there, reach))
        given = [s for s in store.shares_given(conn, (there.agency,)) if s.search == there.id]
        return SearchShown(
            search=search_row(there),
            list_url=_address(there),
            recordings=[row["number"] for row in rows] if reach.agencies else [],
            more=following is not None,
            may_share=decide(actor, "footage.download", there.agency, MATTER).allowed,
            shares=[share_row(conn, one) for one in given],
        )


def _filters(there: SavedSearch, reach: Reach) -> search.Filters:
    return search.Filters(
        reach=reach, office=there.office, wearer=there.wearer, camera=there.camera, category=there.category,
        first_day=there.first_day, last_day=there.last_day, text=there.words, zone=there.zone,
    )  # fmt: skip


def _address(there: SavedSearch) -> str:
    said = {
        "agency": there.agency, "office": there.office, "wearer": there.wearer, "camera": there.camera,
        "category": there.category, "from": str(there.first_day or ""), "to": str(there.last_day or ""),
        "text": there.words,
    }  # fmt: skip
    return "/recordings?" + urlencode({name: value for name, value in said.items() if value})
