"""For what do you look at it? The page that asks before the first look, and the one that breaks the glass."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from lapel.access import store as access
from lapel.access.actor import Actor
from lapel.access.page_web import actor_of, archive_of, done, own_path, page
from lapel.access.permit import Purpose, decide, refusal
from lapel.base import clock
from lapel.base.errors import Conflict, Invalid
from lapel.base.ids import read_number
from lapel.footage import glass, guests, looking, standing, store_looks
from lapel.footage import shown_looks as shown
from lapel.footage.found_web import Number, found, in_view, purposes_that_allow
from lapel.footage.looking import Said
from lapel.footage.model import Recording
from lapel.storage.postgres import Connection

router = APIRouter(prefix="/recordings")
TAG = "Footage"


def _holds(request: Request) -> timedelta:
    holds: timedelta = request.app.state.purpose_holds
    return holds


def zone_of(conn: Connection, agency: str) -> str:
    """The zone in which an agency writes its times."""
    return next((a.zone for a in access.agencies(conn) if a.id == agency), "UTC")


def _for_somebody_else(conn: Connection, actor: Actor, number: str) -> tuple[Recording, list[Purpose]]:
    """The recording, and which kinds of purpose let this person look. Raises `Refused` when none does, `Conflict` when none is needed."""
    there = in_view(conn, actor, number, "footage.view")
    if guests.is_guest(actor.scope(), there):
        raise Conflict(
            "It is shared with your agency for the purpose that the share says; you need say none."
        )
    facts = standing.facts(conn, actor, there)
    if facts.own:
        raise Conflict("It is your own recording; nobody asks you why you look at it.")
    kinds = purposes_that_allow(actor, "footage.view", there.agency, facts)
    if not kinds:
        raise refusal(actor, "footage.view", there.agency, decide(actor, "footage.view", there.agency, facts))
    return there, kinds


@page(router, "/{number}/purpose", "purpose.html", summary="For what do you look at it?", tag=TAG)
def purpose(
    request: Request,
    number: Number,
    following: Annotated[str, Query(alias="next", max_length=2000)] = "",
) -> shown.PurposeAsked:
    """Asked once for a recording and a session; the answer stands with each act of looking in the custody log."""
    actor, number = actor_of(request), read_number(number) or number
    with archive_of(request).db.tx(actor.scope()) as conn:
        there, kinds = _for_somebody_else(conn, actor, number)
        mine = looking.own_cases(conn, actor.account)
        held = store_looks.running(conn, there.id, actor.account, actor.session, clock.now())
        zone = zone_of(conn, there.agency)
    url = f"/recordings/{there.number}"
    return shown.PurposeAsked(
        number=there.number,
        url=url,
        agency=there.agency,
        zone=zone,
        cases=[shown.Offered(value=c.number, label=c.number, means=c.title) for c in mine],
        reasons=[
            shown.Offered(value=r.code, label=r.says, means=r.means, words=r.words)
            for r in looking.reasons().values()
            if "reason" in kinds
        ],
        minutes=_holds(request).total_seconds() / 60,
        next=own_path(following, url),
        said=held[0].says if held else "",
        until=held[0].ends_at if held else None,
    )


@router.post(
    "/{number}/purpose", summary="Say for what you look", tags=[TAG], responses={303: {"description": "Said"}}
)
def say_purpose(
    request: Request,
    number: Number,
    case: Annotated[str, Form(max_length=60, description="the number of a case you work on")] = "",
    reason: Annotated[str, Form(max_length=40, description="a reason's code; not with a case")] = "",
    words: Annotated[str, Form(max_length=2000)] = "",
    following: Annotated[str, Form(alias="next", max_length=2000)] = "",
) -> Response:
    """Say a case or a reason; it holds for this recording and this session, as long as the page says."""
    actor, archive = actor_of(request), archive_of(request)
    number = read_number(number) or number
    if bool(case.strip()) == bool(reason.strip()):
        raise Invalid(
            "Nothing was kept: say either a case or a reason.", next_step="Go back and choose one of them."
        )
    said = Said("case", case.strip(), words) if case.strip() else Said("reason", reason.strip(), words)
    with archive.db.tx(actor.scope()) as conn:
        there, kinds = _for_somebody_else(conn, actor, number)
        if said.why not in kinds:
            raise Invalid(
                "Your role looks at footage for a case, and a reason alone is not enough.",
                next_step="Choose a case you work on, or ask its agency to add you to it.",
            )
        look = looking.state(conn, archive, actor.scope(), there, said, _holds(request))
    return done(
        request,
        f"It is kept that you look for {look.says}, until {clock.stamp(look.ends_at)}.",
        own_path(following, f"/recordings/{there.number}"),
    )


@page(router, "/{number}/glass", "glass.html", summary="Break the glass", tag=TAG)
def glass_page(request: Request, number: Number) -> shown.GlassShown:
    """What breaking the glass does, before it is broken and while it is."""
    actor = actor_of(request)
    there = found(request, number, "footage.break_glass")
    with archive_of(request).db.tx(actor.scope()) as conn:
        held = store_looks.running(conn, there.id, actor.account, actor.session, clock.now())
        zone = zone_of(conn, there.agency)
    broken = next((one for one in held if one.why == "glass"), None)
    holds: timedelta = request.app.state.glass_holds
    return shown.GlassShown(
        number=there.number,
        url=f"/recordings/{there.number}",
        agency=there.agency,
        zone=zone,
        minutes=holds.total_seconds() / 60,
        least_words=glass.LEAST_WORDS,
        until=broken.ends_at if broken else None,
        words=broken.words if broken else "",
    )


@router.post(
    "/{number}/glass", summary="Break the glass", tags=[TAG], responses={303: {"description": "Broken"}}
)
def break_glass(
    request: Request, number: Number, words: Annotated[str, Form(max_length=4000, description="why")] = ""
) -> Response:
    """Open one recording for a while; the inspector general of its agency reads who, when, why, and what was looked at."""
    actor, archive = actor_of(request), archive_of(request)
    there = found(request, number, "footage.break_glass")
    with archive.db.tx(actor.scope()) as conn:
        look = glass.break_glass(conn, archive, actor.scope(), there, words, request.app.state.glass_holds)
    return done(
        request,
        f"The glass is broken until {clock.stamp(look.ends_at)}. The inspector general is told.",
        f"/recordings/{there.number}",
    )


@router.post(
    "/{number}/glass/close",
    summary="End your broken glass",
    tags=[TAG],
    responses={303: {"description": "Ended"}},
)
def close_glass(request: Request, number: Number) -> Response:
    """End it before its time."""
    actor, archive = actor_of(request), archive_of(request)
    number = read_number(number) or number
    with archive.db.tx(actor.scope()) as conn:
        there = in_view(conn, actor, number, "footage.break_glass")
        glass.close(conn, archive, actor.scope(), there)
    return done(request, "It is ended.", f"/recordings/{there.number}/glass")
