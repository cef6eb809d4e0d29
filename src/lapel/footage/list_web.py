"""Which recordings are there? The list with its filters in the address, as a page, JSON and CSV of the same rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response, StreamingResponse

from lapel.access import store as access
from lapel.access.actor import Actor
from lapel.access.page_web import actor_of, archive_of, page
from lapel.access.permit import Facts, decide, permit_lists
from lapel.base.errors import Invalid
from lapel.footage import search, standing
from lapel.footage import shown_list as shown
from lapel.footage.search import Filters
from lapel.roster import store as roster
from lapel.storage.postgres import Connection

router = APIRouter()
TAG = "Footage"
_COLUMNS = (
    "number", "agency", "office", "wearer", "camera", "at", "started_at", "ended_at", "duration_s", "clips",
    "size_bytes", "state", "category", "suggested_category", "note", "flags", "unreadable_files",
)  # fmt: skip


def _day(text: str) -> date | None:
    if not text:
        return None
    days = search.read_days(text.strip())
    if days is None:
        raise Invalid(f"“{text[:20]}” is not a day.", next_step="Write it like 2026-11-24.")
    return days[0]


class Asked:
    """The filters in the address of a list."""

    def __init__(
        self,
        request: Request,
        agency: Annotated[str, Query(max_length=20, description="one agency; empty: those in view")] = "",
        office: Annotated[str, Query(max_length=200, description="an office's name")] = "",
        wearer: Annotated[str, Query(max_length=100, description="a badge number")] = "",
        camera: Annotated[str, Query(max_length=200, description="a serial number")] = "",
        category: Annotated[str, Query(max_length=200, description="a name, or none")] = "",
        first_day: Annotated[str, Query(alias="from", max_length=20, description="first day")] = "",
        last_day: Annotated[str, Query(alias="to", max_length=20, description="last day")] = "",
        text: Annotated[str, Query(max_length=500, description="words of a note or a bookmark")] = "",
    ) -> None:
        actor = actor_of(request)
        permit_lists(actor)
        if agency:
            permit_lists(actor, agency[:20])
        with archive_of(request).db.tx(actor.scope()) as conn:
            zones = {a.id: a.zone for a in access.agencies(conn)}
            reach = standing.reach(conn, actor, (agency,) if agency else None)
        self.agency = agency
        self.filters = Filters(
            reach=reach,
            office=_clean(office),
            wearer=_clean(wearer),
            camera=_clean(camera),
            category=_clean(category),
            first_day=_day(first_day),
            last_day=_day(last_day),
            text=_clean(text),
            zone=zones.get(agency or actor.agency_in_view or actor.agency, "UTC"),
        )

    def address(self, path: str = "/recordings", **more: str) -> str:
        """The address that shows this list; `more` is added."""
        f = self.filters
        said = {
            "agency": self.agency, "office": f.office, "wearer": f.wearer, "camera": f.camera,
            "category": f.category, "from": str(f.first_day or ""), "to": str(f.last_day or ""), "text": f.text,
            **more,
        }  # fmt: skip
        query = urlencode({name: value for name, value in said.items() if value})
        return f"{path}?{query}" if query else path


def _clean(text: str) -> str:
    return text.replace("\0", "").strip()


@page(router, "/recordings", "recordings.html", summary="Recordings, newest first", tag=TAG)
def recordings(
    request: Request, asked: Annotated[Asked, Depends()], after: Annotated[str, Query(max_length=200)] = ""
) -> shown.Recordings:
    """The recordings that the filters leave, newest first, fifty at a time."""
    actor = actor_of(request)
    position = search.read_position(after) if after else None
    with archive_of(request).db.tx(actor.scope()) as conn:
        found, following = search.find(conn, asked.filters, position)
        offices, categories, agencies = _choices(conn, actor, asked.filters.reach.agencies)
    return shown.Recordings(
        filters=shown.filters_shown(asked.filters, asked.agency),
        rows=[shown.row(row) for row in found],
        next=asked.address(after=str(following)) if following else None,
        is_first=position is None,
        first=asked.address(),
        csv=asked.address("/recordings.csv", after=after),
        json_url=asked.address("/recordings.json", after=after),
        save_in=[
            a
            for a in asked.filters.reach.agencies
            if decide(actor, "footage.categorise", a, Facts(purpose="case")).allowed
        ],
        agencies=agencies,
        offices=offices,
        categories=categories,
    )


def _choices(
    conn: Connection, actor: Actor, agencies: Sequence[str]
) -> tuple[list[shown.Choice], list[shown.Choice], list[shown.Choice]]:
    offices = [
        shown.Choice(value=office.name, label=office.name, agency=office.agency)
        for office in roster.offices(conn)
        if office.agency in agencies
    ]
    categories = conn.execute(
        "SELECT id, name, agency FROM category WHERE active AND agency = ANY(%s::text[]) ORDER BY name, agency",
        (list(agencies),),
    ).fetchall()
    return (
        offices,
        [shown.Choice(value=row["id"], label=row["name"], agency=row["agency"]) for row in categories],
        [
            shown.Choice(value=agency.id, label=agency.name)
            for agency in access.agencies(conn)
            if agency.id in actor.footage_of
        ],
    )


@router.get(
    "/recordings.csv",
    summary="Recordings, newest first (CSV)",
    tags=[TAG],
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}, "description": "The same page of the list as a table"}},
)
def recordings_csv(
    request: Request, asked: Annotated[Asked, Depends()], after: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """Exactly the rows that the page with the same address shows."""
    listed = recordings(request, asked, after)
    name = "recordings.csv"
    return StreamingResponse(
        _csv(listed.rows),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _csv(rows: Sequence[shown.Row]) -> Iterator[str]:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    for row in rows:
        values = row.model_dump(mode="json")
        writer.writerow([_cell(values[name]) for name in _COLUMNS])
    yield out.getvalue()


def _cell(value: object) -> str:
    text = "; ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    # A spreadsheet runs what begins like a formula; the words came from outside.
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
