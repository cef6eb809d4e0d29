"""How does somebody come in without a password? With a passkey or a card; each way in ends in the same kind of session."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse, Response

from lapel.access import certificates, identities, opening, passkeys
from lapel.access.cookies_web import browser_of, caller_of, doors_of, origin_of, with_session
from lapel.access.page_web import archive_of, done, own_path
from lapel.access.web import TAG, Banner, not_signed_in
from lapel.base import clock
from lapel.base.errors import Invalid, NotFound, Refused, Unavailable

router = APIRouter()

Answer = Annotated[str, Form(max_length=passkeys.MAX_ANSWER, description="the credential as JSON (WebAuthn)")]
Next = Annotated[str, Form(alias="next", max_length=2000)]


@router.post("/sign-in/passkey/options", summary="What a browser asks its passkeys", tags=[TAG])
def passkey_options(request: Request) -> dict[str, Any]:
    """A challenge, good for five minutes, for this browser, once."""
    return passkeys.to_sign_in(archive_of(request).db, origin_of(request), browser_of(request))


@router.post("/sign-in/passkey", summary="Sign in with a passkey", tags=[TAG], response_class=JSONResponse)
def passkey_sign_in(
    request: Request, credential: Answer, next_page: Next = "/work", banner: Banner = ""
) -> Response:
    """Open a session for the browser's answer to the challenge."""
    opened = passkeys.sign_in(
        archive_of(request).db,
        origin_of(request),
        browser_of(request),
        credential,
        caller_of(request, banner),
    )
    return with_session(request, done(request, "You are signed in.", own_path(next_page)), opened)


@router.post(
    "/sign-in/certificate", summary="Sign in with a card", tags=[TAG], responses={303: {"description": "In"}}
)
def card_sign_in(request: Request, next_page: Next = "/work", banner: Banner = "") -> Response:
    """Open a session for the card that the proxy hands over. There is no other door for cards."""
    if not doors_of(request).proxied:
        raise NotFound("Nobody shows a card at this door.", next_step="Sign in another way.")
    db, target = archive_of(request).db, own_path(next_page)
    try:
        caller = caller_of(request, banner)
        try:
            card = certificates.handed_over(
                request.headers.get(certificates.VERIFY_HEADER),
                request.headers.get(certificates.CERTIFICATE_HEADER),
                clock.now(),
            )
        except Refused as wrong:
            raise opening.failed(db, caller, wrong) from None
        opened = identities.sign_in(db, "certificate", card.identities(), caller)
    except (Refused, Unavailable, Invalid) as error:
        return not_signed_in(request, error, target)
    return with_session(request, done(request, "You are signed in.", target), opened)
