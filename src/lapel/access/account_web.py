"""What is mine here? Who is signed in, with which passkeys, in which sessions, and what they may do."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel

from lapel.access import identities, passkeys, sessions, store_ways, tokens
from lapel.access.actor import Actor
from lapel.access.cookies_web import browser_of, doors_of, origin_of, without_session
from lapel.access.doors_web import Answer
from lapel.access.guard_web import cookie_name, form_token_of
from lapel.access.page_web import actor_of, archive_of, done, page
from lapel.access.web import TAG
from lapel.base import clock

router = APIRouter()

Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
Called = Annotated[str, Form(max_length=200)]


class GrantShown(BaseModel):
    """A role you hold: `role` in `agency`, or with `office` (an id) in that office alone."""

    agency: str
    role: str
    office: str | None


class Passkey(BaseModel):
    """`synced`: its holder's devices may share it. `rp`: the host name it is good for."""

    id: str
    name: str
    rp: str
    synced: bool
    made_at: datetime
    used_at: datetime | None


class Session(BaseModel):
    """`this`: the one that asks. `locked`: nobody used it for thirty minutes."""

    id: str
    source: str
    method: str
    opened_at: datetime
    seen_at: datetime
    ends_at: datetime
    locked: bool
    this: bool


class Linked(BaseModel):
    """Who somebody else says this is. `kind`: oidc, or what of a card."""

    id: str
    kind: str
    issuer: str
    subject: str
    made_at: datetime
    used_at: datetime | None


class OwnToken(BaseModel):
    """A token of yours that is good: `acts` in `agencies`, until `ends_at`."""

    id: str
    name: str
    acts: list[str]
    agencies: list[str]
    made_at: datetime
    ends_at: datetime
    used_at: datetime | None


class Account(BaseModel):
    """Who is signed in. Programs send `form_token` back as the header `X-Form-Token` with each request that changes something."""

    name: str
    account: str
    grants: list[GrantShown]
    agency_in_view: str | None
    session_ends_at: datetime | None
    form_token: str
    passkeys: list[Passkey] = []
    can_add_passkey: bool = False
    sessions: list[Session] = []
    identities: list[Linked] = []
    tokens: list[OwnToken] = []
    scopes: list[str] = []
    provider: str = ""


@page(router, "/account", "account.html", summary="Who is signed in, and what they may do", tag=TAG)
def account(request: Request) -> Account:
    """Your name, your grants, your passkeys and sessions, and the token that programs send with each change."""
    actor, db = actor_of(request), archive_of(request).db
    at = clock.now()
    with db.tx(actor.home()) as conn:
        keys = store_ways.passkeys(conn, actor.account)
        open_now = store_ways.sessions(conn, at, [actor.account])
        linked = store_ways.identities(conn, [actor.account])
        programs = store_ways.tokens(conn, [actor.account])
    here = sessions.named(db, request.cookies.get(cookie_name(request)))
    return Account(
        name=actor.name,
        account=actor.account,
        grants=[
            GrantShown(agency=grant.agency, role=grant.role, office=grant.office)
            for grant in sorted(actor.grants, key=lambda g: (g.agency, g.role, g.office or ""))
        ],
        agency_in_view=actor.agency_in_view,
        session_ends_at=actor.ends_at,
        form_token=form_token_of(request),
        passkeys=[Passkey(**key) for key in keys],
        can_add_passkey=doors_of(request).origin(request.headers.get("host"), request.url.scheme) is not None,
        sessions=[shown(row, at, here) for row in open_now],
        identities=[Linked(**row) for row in linked],
        tokens=[OwnToken(**row) for row in programs],
        scopes=list(tokens.SCOPES),
        provider=urlsplit(provider.issuer).netloc if (provider := doors_of(request).provider) else "",
    )


def shown(row: dict[str, Any], at: datetime, here: str) -> Session:
    """A session as pages show it. `here`: the id of the one that asks."""
    return Session(**row, locked=row["seen_at"] <= at - sessions.IDLE, this=row["id"] == here)


@router.post("/account/passkeys/options", summary="What a browser makes a passkey of", tags=[TAG])
def passkey_options(request: Request) -> dict[str, Any]:
    """A challenge, good for five minutes, for this session, once."""
    return passkeys.to_register(
        archive_of(request).db, origin_of(request), browser_of(request), actor_of(request)
    )


@router.post("/account/passkeys", summary="Add a passkey", tags=[TAG])
def add_passkey(request: Request, credential: Answer, name: Called) -> Response:
    """Keep the public half of the passkey that the browser made."""
    passkeys.register(
        archive_of(request).db, origin_of(request), browser_of(request), actor_of(request), name, credential
    )
    return done(request, "The passkey is added.", "/account")


@router.post("/account/passkeys/{passkey}/remove", summary="Remove a passkey", tags=[TAG])
def remove_passkey(request: Request, passkey: Id) -> Response:
    """It opens nothing any more. The device keeps its half until its holder deletes it there."""
    name = passkeys.remove(archive_of(request).db, actor_of(request), passkey)
    return done(request, f"The passkey “{name}” is removed.", "/account")


@router.post("/account/identities/{identity}/remove", summary="Unlink an identity of yours", tags=[TAG])
def remove_identity(request: Request, identity: Id) -> Response:
    """It opens your account no more."""
    identities.unlink_own(archive_of(request).db, actor_of(request), identity)
    return done(request, "It is unlinked.", "/account")


@router.post("/account/sessions/{session}/end", summary="End one of your sessions", tags=[TAG])
def end_session(request: Request, session: Id) -> Response:
    """Sign out wherever that session is."""
    actor, db = actor_of(request), archive_of(request).db
    here = sessions.named(db, request.cookies.get(cookie_name(request)))
    sessions.end_own(db, actor, session)
    return _after(request, actor, "The session is ended.", session == here)


@router.post("/account/sessions/end-others", summary="End every other session of yours", tags=[TAG])
def end_others(request: Request) -> Response:
    """Sign out everywhere but here."""
    actor, db = actor_of(request), archive_of(request).db
    ended = sessions.end_others(db, actor, sessions.named(db, request.cookies.get(cookie_name(request))))
    return done(request, f"{ended} other sessions are ended.", "/account")


def _after(request: Request, actor: Actor, says: str, left: bool) -> Response:
    if not left:
        return done(request, says, "/account")
    return without_session(request, done(request, says, "/sign-in"))
