"""How does somebody come in, or link their account, by way of the department's identity provider?"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from lapel.access import identities, opening, sessions, store, store_ways
from lapel.access.actor import Actor
from lapel.access.cookies_web import browser_of, caller_of, doors_of, with_session
from lapel.access.guard_web import cookie_name
from lapel.access.oidc import Provider, not_believed
from lapel.access.opening import Caller
from lapel.access.page_web import actor_of, archive_of, done, draw, own_path, wants_json
from lapel.access.passkeys import CHALLENGE_LENGTH
from lapel.access.web import TAG, Banner, not_signed_in
from lapel.base import clock
from lapel.base.errors import LapelError, NotFound, Refused, Unavailable

router = APIRouter()
BACK = "/sign-in/provider/back"
Said = Annotated[str, Query(max_length=4000)]


class Leave(BaseModel):
    """The browser goes to the provider, and comes back."""

    address: str
    provider: str


@router.post("/sign-in/provider", summary="Sign in at the identity provider", tags=[TAG])
def ask(
    request: Request,
    next_page: Annotated[str, Form(alias="next", max_length=2000)] = "/work",
    banner: Banner = "",
) -> Response:
    """Leads to the provider. Where the session was locked, its holder has to sign in there anew."""
    provider, caller = _provider(request), caller_of(request, banner)
    again = sessions.locked(archive_of(request).db, caller.before) is not None
    kept = {"next": own_path(next_page), "banner": caller.banner}
    return _leave(request, provider, kept, again=again)


@router.post("/account/identities", summary="Link your account at the identity provider", tags=[TAG])
def link(request: Request) -> Response:
    """Leads to the provider; who signs in there is linked to your account."""
    return _leave(request, _provider(request), {"account": actor_of(request).account}, again=True)


@router.get(
    BACK, summary="Back from the identity provider", tags=[TAG], responses={303: {"description": "In"}}
)
def back(request: Request, code: Said = "", state: Said = "", iss: Said = "", error: Said = "") -> Response:
    """Once, from the browser that was sent there. Opens a session, or links the account of who asked for that."""
    db, provider = archive_of(request).db, _provider(request)
    caller = Caller(request.state.source, request.cookies.get(cookie_name(request)))
    try:
        opening.need_patience(db, caller.source)
        with db.tx(store.NOBODY) as conn:
            kept = store_ways.take_challenge(
                conn,
                sessions.token_hash(state),
                "oidc",
                sessions.token_hash(browser_of(request)),
                clock.now(),
            )
        if kept is None:
            raise not_believed("Nobody in this browser was sent there, or not just now.")
        if error or not code:
            raise not_believed("The provider did not say who you are.")
        subject = provider.subject(
            _back(request), code, kept["nonce"], kept["verifier"], issuer=iss, again=bool(kept["again"])
        )
    except Refused as wrong:
        return _failed(request, opening.failed(db, caller, wrong))
    except Unavailable as wrong:
        return _failed(request, wrong)
    if "account" in kept:
        return _linked(request, provider, kept["account"], subject)
    try:
        opened = identities.sign_in(
            db,
            "oidc",
            [("oidc", provider.issuer, subject)],
            Caller(caller.source, caller.before, kept["banner"]),
        )
    except (Refused, Unavailable) as wrong:
        return _failed(request, wrong)
    return with_session(request, done(request, "You are signed in.", own_path(kept["next"])), opened)


def _linked(request: Request, provider: Provider, account: str, subject: str) -> Response:
    actor: Actor = actor_of(request)
    if actor.account != account:
        raise Refused("Somebody else asked for this link.", rules=("access/provider",))
    db = archive_of(request).db
    identities.link(db, actor.home(), actor.account, actor.agency, "oidc", provider.issuer, subject)
    return done(request, "Your account is linked.", "/account")


def _failed(request: Request, error: LapelError) -> Response:
    """On the sign-in page for whoever is not signed in; otherwise as every error."""
    if request.state.actor:
        raise error
    return not_signed_in(request, error, "/work")


def _leave(request: Request, provider: Provider, kept: dict[str, str], *, again: bool) -> Response:
    question = provider.ask(_back(request), again=again)
    kept = {
        **kept,
        "nonce": question.nonce,
        "verifier": question.verifier,
        "again": "yes" if again else "",
    }
    at = clock.now()
    with archive_of(request).db.tx(store.NOBODY) as conn:
        store_ways.keep_challenge(
            conn,
            sessions.token_hash(question.state),
            "oidc",
            sessions.token_hash(browser_of(request)),
            at,
            at + 2 * CHALLENGE_LENGTH,
            kept,
        )
    if wants_json(request):
        return done(request, "Go on at the identity provider.", question.address)
    # A page that leads there, and no redirect: a form of ours may not be sent on to another site, wherever that site
    # may send it next (form-action).
    return draw(request, "leave.html", Leave(address=question.address, provider=provider.issuer))


def _provider(request: Request) -> Provider:
    provider = doors_of(request).provider
    if provider is None:
        raise NotFound("No identity provider is set here.", next_step="Sign in another way.")
    return provider


def _back(request: Request) -> str:
    """Where the browser comes back to. The provider knows this address and refuses any other."""
    base = doors_of(request).url or str(request.base_url).rstrip("/")
    return base + BACK
