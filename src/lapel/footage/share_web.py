"""Who else sees it? The pages of shares given and had, their receipts, and taking one back."""

from __future__ import annotations

import json
from datetime import datetime, time
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import Response

from lapel.access import store as access
from lapel.access.actor import Actor
from lapel.access.page_web import actor_of, archive_of, done, page
from lapel.access.permit import Facts, permit
from lapel.base import clock
from lapel.base.errors import Invalid, NotFound, Refused
from lapel.base.ids import recording_number
from lapel.cases import shares, store
from lapel.cases.model import SHARE_ACTS, Ref, SavedSearch, Share
from lapel.cases.shares import What
from lapel.custody import receipt
from lapel.footage import guests
from lapel.footage.found_web import found
from lapel.footage.model import Recording
from lapel.footage.search import read_days
from lapel.footage.shown_cases import (
    NewShare,
    PersonShown,
    SearchRow,
    ShareRow,
    Shares,
    ShareShown,
)
from lapel.storage.postgres import Connection

router = APIRouter()
TAG = "Cases"
Id = Annotated[str, Path(max_length=40, pattern="^[0-9a-f]{32}$")]
_RECEIPT = ("at", "act", "agency", "to", "acts", "purpose", "expires_at", "recording_number", "case_number", "search_says", "reason")  # fmt: skip

# A case or a share is a matter itself; who handles it need not say for which.
MATTER = Facts(purpose="case")


def _own(actor: Actor, there: Recording) -> None:
    """Return when the recording is of an agency whose footage this person sees. What is shared is not theirs to hand on."""
    if guests.is_guest(actor.scope(), there):
        raise Refused(
            f"{there.number} is {there.agency.upper()}'s, and only they hand it on.",
            rules=("cases/only-the-owner-hands-on",),
            next_step=f"Ask {there.agency.upper()}.",
        )


def share_row(conn: Connection, one: Share) -> ShareRow:
    return ShareRow(
        id=one.id, url=f"/shares/{one.id}", by=one.agency, to=_to(conn, one), what=_what(conn, one),
        acts=list(one.acts), purpose=one.purpose, given_at=one.given_at, ends_at=one.ends_at,
        live=one.is_live(clock.now()),
        ended=f"taken back: {one.revoke_reason}" if one.revoked_at else "expired",
    )  # fmt: skip


def _to(conn: Connection, one: Share) -> str:
    """The agency's id; of a person the name, where the account is in view."""
    if one.to_account is None:
        return one.to_agency
    names = access.account_names(conn, [one.to_account])
    return names.get(one.to_account, "one person from outside")


def _what(conn: Connection, one: Share) -> str:
    if one.recording:
        if store.kept(conn, [one.recording]):
            return "a recording that is not shown to you"
        return f"recording {recording_number(one.recording)}"
    try:
        if one.case_file:
            return f"the recordings of case {store.case(conn, one.case_file).number}"
        return f"recordings {store.saved_search(conn, one.search or '').says}"
    except NotFound:
        return "the recordings of a case"


@page(router, "/shares", "shares.html", summary="What is shared", tag=TAG)
def share_list(request: Request) -> Shares:
    """What other agencies shared with those in view, and what these gave."""
    actor = actor_of(request)
    guests.permit_matters(actor)
    with archive_of(request).db.tx(actor.scope()) as conn:
        return Shares(
            had=[share_row(conn, s) for s in store.shares_had(conn, actor.in_view, actor.account)],
            given=[share_row(conn, s) for s in store.shares_given(conn, actor.in_view)],
            searches=[search_row(one) for one in store.saved_searches(conn, actor.in_view)],
        )


def search_row(one: SavedSearch) -> SearchRow:
    return SearchRow(
        id=one.id,
        url=f"/searches/{one.id}",
        agency=one.agency,
        name=one.name,
        says=one.says,
        made_at=one.made_at,
    )


@page(router, "/shares/new", "share-new.html", summary="Share with another agency", tag=TAG)
def share_form(
    request: Request,
    recording: Annotated[str, Query(max_length=40)] = "",
    case: Annotated[str, Query(max_length=60)] = "",
    agency: Annotated[str, Query(max_length=16)] = "",
    search: Annotated[str, Query(max_length=32)] = "",
) -> NewShare:
    """Say with whom, for which acts, for what and until when."""
    actor = actor_of(request)
    giver, what, _ = _wanted(request, recording, case, agency, search)
    with archive_of(request).db.tx(actor.scope()) as conn:
        others = [
            row["id"] for row in conn.execute("SELECT id FROM agency WHERE id <> %s ORDER BY name", (giver,))
        ]
        people = [PersonShown(id=one.id, name=one.name) for one in store.outsiders(conn, giver)]
    return NewShare(
        recording=recording, case=case, search=search, what=what, agency=giver, agencies=others, people=people,
        acts=list(SHARE_ACTS),
    )  # fmt: skip


@router.post("/shares", summary="Share", tags=[TAG], responses={303: {"description": "Shared"}})
def give(
    request: Request,
    recording: Annotated[str, Form(max_length=40)] = "",
    case: Annotated[str, Form(max_length=60)] = "",
    agency: Annotated[str, Form(max_length=16)] = "",
    to: Annotated[
        str, Form(max_length=40, description="an agency, or account:<id> of somebody from outside")
    ] = "",
    act: Annotated[list[str], Form(max_length=3)] = [],  # noqa: B006
    purpose: Annotated[str, Form(max_length=4000)] = "",
    last_day: Annotated[str, Form(max_length=20)] = "",
    search: Annotated[str, Form(max_length=32)] = "",
) -> Response:
    """Share a recording, a case's recordings or what a saved search finds; the last day is whole, in UTC."""
    giver, _, what = _wanted(request, recording, case, agency, search)
    person = to.removeprefix("account:") if to.startswith("account:") else None
    days = read_days(last_day.strip())
    if days is None:
        raise Invalid("The last day is missing.", next_step="Write it like 2026-12-31.")
    until = datetime.combine(days[1], time(23, 59, 59), ZoneInfo("UTC"))
    made = shares.give(
        archive_of(request), actor_of(request).scope(), giver, giver if person else to, what, acts=act, purpose=purpose,
        expires_at=until, to_account=person,
    )  # fmt: skip
    return done(request, "It is shared.", f"/shares/{made.id}")


def _wanted(request: Request, recording: str, case: str, agency: str, search: str) -> tuple[str, str, What]:
    """Who gives, what in words, and what. Raises `Refused`, `NotFound`, `Invalid`."""
    actor = actor_of(request)
    if recording:
        there = found(request, recording, "footage.download")
        _own(actor, there)
        return there.agency, f"recording {there.number}", What(recording=Ref(there.id, there.agency))
    if search:
        with archive_of(request).db.tx(actor.scope()) as conn:
            saved = store.saved_search(conn, search)
        permit(actor, "footage.download", saved.agency, MATTER)
        return saved.agency, f"what “{saved.name}” finds", What(search=saved.id)
    if not case:
        raise Invalid(
            "It is not said what is to be shared.",
            next_step="Start from a recording, a case or a saved search.",
        )
    with archive_of(request).db.tx(actor.scope()) as conn:
        which = store.case_numbered(conn, case, agency or None)
    giver = which.agency if which.agency in actor.scope().agencies else (actor.in_view or ("",))[0]
    permit(actor, "footage.download", giver, MATTER)
    return giver, f"the recordings of case {which.number}", What(case=which.id)


@page(router, "/shares/{share}", "share.html", summary="A share", tag=TAG)
def one_share(request: Request, share: Id) -> ShareShown:
    """What it gives now, to whom, until when, and its receipt."""
    actor = actor_of(request)
    guests.permit_matters(actor)
    with archive_of(request).db.tx(actor.scope()) as conn:
        there = store.share(conn, share)
        ids = store.recordings_of_share(conn, share)
        return ShareShown(
            share=share_row(conn, there),
            ours=there.agency in actor.scope().agencies,
            recordings=[recording_number(one) for one in ids],
            receipt_url=f"/shares/{share}/receipt",
        )


@router.get(
    "/shares/{share}/receipt",
    summary="The receipt of a share",
    tags=[TAG],
    responses={200: {"content": {"application/json": {}}, "description": "A file that anybody can verify"}},
    response_class=Response,
)
def share_receipt(request: Request, share: Id) -> Response:
    """For both sides to keep: the giver's log has the entry that it proves."""
    actor, archive = actor_of(request), archive_of(request)
    guests.permit_matters(actor)
    with archive.db.tx(actor.scope()) as conn:
        there = store.share(conn, share)
        kind = {"recording": "recording_number", "case": "case_number", "search": "search_says"}[there.kind]
        fields = [
            f for f in _RECEIPT if f in ("at", "act", "agency", "to", "acts", "purpose", "expires_at", kind)
        ]
        given = receipt.prove(conn, archive.stores.public, there.entry, fields)
    name = f"share-{share[:8]}-receipt.json"
    return Response(
        json.dumps(given, indent=1) + "\n",
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.post("/shares/{share}/revoke", summary="Take a share back", tags=[TAG], responses={303: {"description": "Taken back"}})  # fmt: skip
def revoke(request: Request, share: Id, reason: Annotated[str, Form(max_length=4000)] = "") -> Response:
    """From now on nothing is seen by it; what was done by it stays in the log."""
    actor, archive = actor_of(request), archive_of(request)
    with archive.db.tx(actor.scope()) as conn:
        permit(actor, "footage.download", store.share(conn, share).agency, MATTER)
    shares.revoke(archive, actor.scope(), share, reason)
    return done(request, "It is taken back.", f"/shares/{share}")
