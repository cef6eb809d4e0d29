"""Which programs may come in? A person's own tokens, the agency's, the systems that deliver; and what opens an account from elsewhere."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import JSONResponse, Response

from lapel.access import certificates, devices, grants, identities, store_accounts, store_ways, tokens
from lapel.access import shown_accounts as shown
from lapel.access.accounts_web import administered
from lapel.access.cookies_web import doors_of
from lapel.access.page_web import actor_of, archive_of, done, draw, page, wants_json
from lapel.access.permit import Facts, permit
from lapel.base import clock
from lapel.base.errors import Invalid, NotFound

router = APIRouter()
TAG = "Access"
Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]


@router.post("/account/tokens", summary="Make a token for a program of yours", tags=[TAG])
def make(
    request: Request,
    name: Annotated[str, Form(max_length=200)] = "",
    act: Annotated[list[str], Form(max_length=100)] = [],  # noqa: B006
    agency: Annotated[list[str], Form(max_length=100)] = [],  # noqa: B006
    days: Annotated[int, Form(ge=0, le=10_000)] = 90,
) -> Response:
    """It can do nothing that you cannot; it is shown once."""
    actor = actor_of(request)
    agencies = [one for one in agency if one in actor.agencies]
    made = tokens.make(
        archive_of(request).db, actor.home(), actor.account, actor.agency, name, act, agencies, days
    )
    told = shown.TokenMade(id=made.id, name=" ".join(name.split()), token=made.text, ends_at=made.ends_at)
    if wants_json(request):
        return JSONResponse(told.model_dump(mode="json"), status_code=201)
    return draw(request, "token-made.html", told, status=201)


@router.post("/account/tokens/{token}/revoke", summary="Revoke a token of yours", tags=[TAG])
def revoke_own(request: Request, token: Id) -> Response:
    """It opens nothing any more."""
    actor = actor_of(request)
    name = tokens.revoke(archive_of(request).db, actor.home(), token, account=actor.account)
    return done(request, f"The token “{name}” is revoked.", "/account#tokens")


@page(router, "/accounts/programs", "accounts-programs.html", summary="Tokens and camera systems", tag=TAG)
def programs(request: Request) -> shown.Programs:
    """Every token of the agencies you administer that is good, and the systems that deliver footage."""
    with archive_of(request).db.tx(administered(actor_of(request))) as conn:
        return shown.Programs(
            tokens=[shown.TokenShown(**token) for token in store_ways.tokens(conn)],
            sites=[shown.SiteShown(**site) for site in store_accounts.sites(conn)],
        )


@router.post("/accounts/programs/{token}/revoke", summary="Revoke somebody’s token", tags=[TAG])
def revoke(request: Request, token: Id) -> Response:
    """It opens nothing any more."""
    name = tokens.revoke(archive_of(request).db, administered(actor_of(request)), token)
    return done(request, f"The token “{name}” is revoked.", "/accounts/programs")


@router.post("/accounts/sites/{site}/close", summary="Close a system that delivers footage", tags=[TAG])
def close_site(request: Request, site: Id) -> Response:
    """Its key and its tokens open nothing any more; what it delivered stays."""
    name = devices.close(archive_of(request), administered(actor_of(request)), site)
    return done(request, f"{name} may deliver nothing more.", "/accounts/programs")


@router.post("/accounts/{account}/identities", summary="Link a card or a provider’s account", tags=[TAG])
def link(
    request: Request,
    account: Id,
    kind: Annotated[str, Form(max_length=30)] = "",
    certificate: Annotated[str, Form(max_length=20_000, description="a card’s, as PEM")] = "",
    subject: Annotated[str, Form(max_length=1000, description="at the provider; or a name in the card")] = "",
) -> Response:
    """From then on it opens the account; so the account's roles wait for a second person again."""
    actor, db = actor_of(request), archive_of(request).db
    scope = administered(actor)
    with db.tx(scope) as conn:
        there = grants.someone(conn, scope, account)
    permit(actor, "access.accounts", there["agency"], Facts(own=account == actor.account))
    if kind == "oidc":
        provider = doors_of(request).provider
        if provider is None:
            raise NotFound("No identity provider is set here.", next_step="Link a card.")
        of, issuer, named = identities.kind_of(kind), provider.issuer, subject.strip()
    else:
        of, issuer, named = _of_card(kind, certificate, subject.strip())
    identities.link_for(db, scope, there, of, issuer, named)
    return done(request, "It is linked; its roles wait for a second person.", f"/accounts/{account}")


def _of_card(kind: str, pem: str, named: str) -> tuple[identities.Kind, str, str]:
    """What of a card opens the account. Raises `Invalid` when the certificate has no such thing, or several."""
    there = [one for one in certificates.read(pem.strip()).identities() if one[0] == kind]
    if named:
        there = [one for one in there if one[2] == named]
    if len(there) != 1:
        has = "; ".join(one[2] for one in certificates.read(pem.strip()).identities())[:500]
        raise Invalid(
            "It is not clear what of this card opens the account.",
            next_step=f"It has: {has}. Name one of these.",
        )
    return there[0]


@router.post("/accounts/{account}/identities/{identity}/remove", summary="Unlink an identity", tags=[TAG])
def unlink(request: Request, account: Id, identity: Id) -> Response:
    """It opens the account no more."""
    actor, db = actor_of(request), archive_of(request).db
    scope = administered(actor)
    with db.tx(scope) as conn:
        there = store_accounts.account(conn, account, clock.now())
    if there is None or there["agency"] not in scope.agencies:
        raise NotFound("There is no such account in your agencies.")
    identities.unlink(db, scope, account, there["agency"], identity)
    return done(request, "It is unlinked.", f"/accounts/{account}")
