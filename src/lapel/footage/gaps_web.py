"""Which footage should be here and is not? One list with owner and age, and the act that closes each."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from lapel.access.csv_web import csv_answer
from lapel.access.page_web import actor_of, archive_of, done, own_path, page
from lapel.access.permit import permit, permit_lists
from lapel.base import clock
from lapel.base.errors import Invalid
from lapel.footage import gaps
from lapel.footage.gaps import KINDS, OUTCOMES, Gap, Patience

router = APIRouter(prefix="/recordings")
TAG = "Footage"
PAGE = 50
_CSV = (
    "kind",
    "kind_says",
    "agency",
    "since",
    "says",
    "owner",
    "supervisor",
    "office",
    "camera",
    "number",
    "name",
)


class GapShown(BaseModel):
    """One thing that is missing. `url`: where to look; `action`: what usually closes it."""

    name: str
    kind: str
    kind_says: str
    agency: str
    since: datetime
    says: str
    owner: str
    supervisor: str | None
    office: str | None
    camera: str | None
    number: str | None
    url: str | None
    action: str


class Option(BaseModel):
    """Something to choose."""

    value: str
    label: str


class Missing(BaseModel):
    """The list, the oldest first."""

    kind: str
    kinds: list[Option]
    outcomes: list[Option]
    rows: list[GapShown]
    counts: dict[str, int]
    total: int
    docked_within_h: float
    delivered_within_h: float
    next: str | None
    first: str
    is_first: bool
    csv: str


_ACTIONS = {
    "not_docked": "Find the camera and dock it",
    "not_delivered": "See what is missing",
    "sequence": "Look at the recording",
    "wearer": "Say who wore it",
}


def patience_of(request: Request) -> Patience:
    """How long this installation waits before something counts as missing."""
    return Patience(docked=request.app.state.docked_within, delivered=request.app.state.undelivered_after)


@page(router, "/missing", "missing.html", summary="Footage that should exist and does not", tag=TAG)
def missing(
    request: Request,
    kind: Annotated[str, Query(max_length=20, description="one kind, or empty")] = "",
    after: Annotated[str, Query(max_length=300, description="a position in the list")] = "",
) -> Missing:
    """Cameras not docked, recordings not delivered, holes between clips, wearers unknown; the oldest first."""
    actor = actor_of(request)
    permit_lists(actor)
    patience = patience_of(request)
    found: list[Gap] = []
    with archive_of(request).db.tx(actor.scope()) as conn:
        for agency in actor.in_view:
            found += gaps.gaps(conn, agency, now=clock.now(), patience=patience)
    listed = sorted((g for g in found if kind in ("", g.kind)), key=_place)
    left = [gap for gap in listed if not after or "~".join(_place(gap)) > after]
    following = left[PAGE - 1] if len(left) > PAGE else None
    return Missing(
        kind=kind,
        kinds=[Option(value=value, label=label) for value, label in KINDS.items()],
        outcomes=[Option(value=value, label=label) for value, label in OUTCOMES.items()],
        rows=[_shown(gap) for gap in left[:PAGE]],
        counts={value: sum(gap.kind == value for gap in found) for value in KINDS},
        total=len(listed),
        docked_within_h=patience.docked.total_seconds() / 3600,
        delivered_within_h=patience.delivered.total_seconds() / 3600,
        next=_address("/recordings/missing", kind=kind, after="~".join(_place(following)))
        if following
        else None,
        first=_address("/recordings/missing", kind=kind),
        is_first=not after,
        csv=_address("/recordings/missing.csv", kind=kind, after=after),
    )


@router.get("/missing.csv", summary="Footage that should exist (CSV)", tags=[TAG], response_class=Response)
def missing_csv(
    request: Request,
    kind: Annotated[str, Query(max_length=20)] = "",
    after: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """Exactly the rows that the page with the same address shows."""
    return csv_answer("missing.csv", _CSV, missing(request, kind, after).rows)


@router.post(
    "/missing", summary="Say what became of it", tags=[TAG], responses={303: {"description": "Said"}}
)
def resolve(
    request: Request,
    agency: Annotated[str, Form(max_length=20)] = "",
    name: Annotated[str, Form(max_length=200)] = "",
    outcome: Annotated[str, Form(max_length=40)] = "",
    words: Annotated[str, Form(max_length=8000)] = "",
    next_page: Annotated[str, Form(alias="next", max_length=2000)] = "/recordings/missing",
) -> Response:
    """It leaves the list; the code and the words stay in the custody log."""
    actor, archive = actor_of(request), archive_of(request)
    if not agency:
        raise Invalid("It is not said whose footage is missing.", next_step="Choose it from the list.")
    permit(actor, "footage.resolve_gap", agency)
    gaps.resolve(archive, actor.scope_in(agency), agency, name, outcome, words, patience=patience_of(request))
    return done(request, "It is dealt with.", own_path(next_page, "/recordings/missing"))


def _place(gap: Gap) -> tuple[str, str]:
    return clock.stamp(gap.since), gap.name


def _shown(gap: Gap) -> GapShown:
    anchor = "#wearer" if gap.kind == "wearer" else "#files"
    return GapShown(
        name=gap.name, kind=gap.kind, kind_says=KINDS[gap.kind], agency=gap.agency, since=gap.since, says=gap.says,
        owner=gap.owner, supervisor=gap.supervisor, office=gap.office, camera=gap.camera, number=gap.number,
        url=f"/recordings/{gap.number}{anchor}" if gap.number else None, action=_ACTIONS[gap.kind],
    )  # fmt: skip


def _address(path: str, **said: str) -> str:
    query = urlencode({name: value for name, value in said.items() if value})
    return f"{path}?{query}" if query else path
