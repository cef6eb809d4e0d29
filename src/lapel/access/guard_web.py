"""Is anybody let in who should not be? What every request of the staff app passes before its route.

`guard` is a dependency of the whole app: a route is closed unless its path is listed here, and a request that changes
something must bring back the form token of its page.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from lapel.access import sessions, signin, tokens
from lapel.access.certificates import PROXY_ONLY, SOURCE_HEADER
from lapel.access.page_web import actor_of, archive_of
from lapel.base.errors import Invalid, Refused

OPEN_PATHS = ("/sign-in", "/sign-in.json", "/session.json", "/health", "/health/log")
# The custody log is for everyone to check; a one-use link is its own key; whoever signs in is nobody yet.
OPEN_FOLDERS = ("/log/", "/begin/", "/sign-in/")
# Where a program may come with a token: to read what is no page, and to act on footage and cases, each asked of `permit`.
# Everything else is closed to it: work lists, the audit, and wherever people, their ways in and tokens are looked after,
# for who has one token must not get another.
TOKEN_READS = (
    "/recordings", "/cases", "/shares", "/searches", "/activation", "/fleet", "/policy", "/log", "/health", "/openapi.json",
)  # fmt: skip
TOKEN_FOLDERS = ("/recordings/", "/cases", "/shares", "/activation/")
TOKEN_FIELDS = ("access_token", "token", "api_key")
SAFE = ("GET", "HEAD", "OPTIONS")
FORM_FIELD = "form_token"
FORM_HEADER = "x-form-token"


def cookie_name(request: Request) -> str:
    """The session cookie. With TLS its name makes browsers insist: this host only, secure, every path."""
    return "__Host-lapel" if request.app.state.secure else "lapel"


def visitor_cookie_name(request: Request) -> str:
    """The cookie that ties the sign-in form to a browser before there is a session."""
    return "__Host-lapel-visitor" if request.app.state.secure else "lapel_visitor"


def form_token_of(request: Request) -> str:
    """The value of the hidden field in a form of this request's page."""
    token = getattr(request.state, "form_secret", None)
    return sessions.form_token(token) if token else ""


async def recognise(request: Request) -> None:
    """Find out who asks, whatever they ask for. Sets `actor`, `source` and what the forms of the page need."""
    db = archive_of(request).db
    request.state.source = _source(request)
    request.state.by_token = False
    bearer = _bearer(request)
    if bearer is not None:
        # The header is meant; a cookie that comes with it counts for nothing.
        request.state.by_token, request.state.form_secret, request.state.fresh_visitor = True, None, None
        program = await run_in_threadpool(tokens.read, db, bearer, request.state.source)
        request.state.actor = replace(program, session=sessions.mark(bearer)) if program else None
        return
    token = request.cookies.get(cookie_name(request))
    actor = await run_in_threadpool(sessions.read, db, token) if token else None
    mark = sessions.mark(token or "")
    request.state.actor = replace(actor, source=request.state.source, session=mark) if actor else None
    visitor = request.cookies.get(visitor_cookie_name(request))
    request.state.fresh_visitor = None
    if request.state.actor is None and visitor is None and request.method in SAFE:
        request.state.fresh_visitor = visitor = sessions.new_token()
    request.state.form_secret = token if request.state.actor else visitor


async def let_ask(request: Request) -> None:
    """Count this request, and find out who asks. Raises `Unavailable` (429) when they ask too often."""
    patience = request.app.state.patience
    patience.arrive(_source(request))
    await recognise(request)
    actor = request.state.actor
    patience.ask(request.state.source, actor.account if actor else None, changes=request.method not in SAFE)


async def guard(request: Request) -> None:
    """Let a request pass. Raises `Refused` without a session (401) or for a form that is not this page's (403)."""
    await let_ask(request)
    if any(field in request.query_params for field in TOKEN_FIELDS):
        raise Invalid(
            "A token never stands in an address: addresses are kept in logs and histories.",
            next_step="Send it as the header “Authorization: Bearer …”, and revoke this one: it may have been read.",
        )
    if request.state.by_token:
        await _by_token(request)
        return
    if not request.app.state.doors.proxied and any(name in request.headers for name in PROXY_ONLY):
        await run_in_threadpool(_spoofed, request)
    path = request.url.path
    if path not in OPEN_PATHS and not path.startswith(OPEN_FOLDERS):
        actor_of(request)
    if request.method not in SAFE:
        await _meant(request)


def _bearer(request: Request) -> str | None:
    """The token in the header, None when there is no such header; another scheme's is a token that is unknown."""
    said = request.headers.get("authorization")
    if said is None:
        return None
    scheme, _, text = said.partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


async def _by_token(request: Request) -> None:
    """Let a program pass where programs may. Raises `Refused`. No browser sends this header by itself, so no form token is asked."""
    if request.state.actor is None:
        raise await run_in_threadpool(tokens.not_known, archive_of(request).db, request.state.source)
    path = request.url.path
    drawn = getattr(request.scope.get("route"), "response_class", None) is HTMLResponse
    reads = any(path == one or path.startswith((one + "/", one + ".")) for one in TOKEN_READS)
    changes = request.method not in SAFE and not path.startswith(TOKEN_FOLDERS)
    if drawn or changes or not reads:
        raise Refused(
            "This is not for programs with a token.",
            rules=("access/not-by-token",),
            next_step="Ask for the same address with .json, or do it on the page."
            if drawn
            else "A person does it, on its page.",
        )


def _source(request: Request) -> str:
    """Where a request comes from. Behind the named proxy, as it says: there every connection is its own."""
    if request.app.state.doors.proxied:
        return signin.source_of(request.headers.get(SOURCE_HEADER))
    return signin.source_of(request.client.host if request.client else None)


def _spoofed(request: Request) -> None:
    """A card was to be shown at a door where anybody could claim one. Raises `Refused`; who is nobody yet is counted."""
    if request.state.actor is None:
        signin.count_spoof(archive_of(request).db, request.state.source)
    raise Refused(
        "Only the proxy hands over a card, and this is not its door.",
        rules=("access/client-certificate-header",),
        next_step="Open Lapel at the address that the operator gave you.",
    )


async def _meant(request: Request) -> None:
    """Was this request sent from a page of this app, by the person whose cookies it carries?"""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    foreign = site in ("cross-site", "same-site") or (
        origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    )
    if foreign:
        raise Refused(
            "This request came from a page of another site, so nothing was done.",
            rules=("access/same-origin",),
            next_step="Do it on a page of Lapel.",
        )
    sent = request.headers.get(FORM_HEADER)
    if sent is None:
        value = (await request.form()).get(FORM_FIELD)
        sent = value if isinstance(value, str) else None
    sessions.check_form(request.state.form_secret, sent)
