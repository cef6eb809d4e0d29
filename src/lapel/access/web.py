"""How does a person come in and go out? Sign-in, the first account, sign-out, the agency in view, the account page."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel

from lapel.access import sessions, signin, store
from lapel.access.guard_web import cookie_name, form_token_of, visitor_cookie_name
from lapel.access.page_web import actor_of, archive_of, done, draw, own_path, page, wants_json
from lapel.base.errors import Invalid, LapelError, Refused, Unavailable

router = APIRouter()
TAG = "Access"

Name = Annotated[str, Form(max_length=200)]
LinkToken = Annotated[str, Path(max_length=200, description="the token of a one-use link")]
Password = Annotated[str, Form(max_length=2000)]


class SignIn(BaseModel):
    """The sign-in form. `next`: where it leads; `problem`: why the last attempt failed; `form_token`: to be sent back with it."""

    next: str
    form_token: str
    name: str = ""
    problem: str = ""
    next_step: str = ""


class Welcome(BaseModel):
    """The form that makes the first account of a one-use link."""

    link: str
    agencies: list[str]
    name: str = ""
    problem: str = ""
    next_step: str = ""


class Grant(BaseModel):
    agency: str
    permission: str


class Account(BaseModel):
    """Who is signed in. Programs send `form_token` back as the header `X-Form-Token` with each request that changes something."""

    name: str
    account: str
    grants: list[Grant]
    agency_in_view: str | None
    session_ends_at: datetime | None
    form_token: str


@router.get("/sign-in.json", response_model=SignIn, summary="What signing in needs", tags=[TAG])
def sign_in_needs(request: Request, answer: Response) -> SignIn:
    """For programs: the form token, and the cookie it belongs to."""
    _with_visitor(request, answer)
    return SignIn(next="/work", form_token=form_token_of(request))


@router.get("/sign-in", response_class=HTMLResponse, summary="The sign-in form", tags=[TAG])
def sign_in_form(request: Request, next_page: Annotated[str, Query(alias="next")] = "/work") -> Response:
    """The sign-in form; to somebody signed in, the page after it."""
    if request.state.actor:
        return done(request, "You are signed in.", own_path(next_page))
    form = SignIn(next=own_path(next_page), form_token=form_token_of(request))
    return _with_visitor(request, draw(request, "sign-in.html", form))


@router.post("/sign-in", summary="Sign in", tags=[TAG], responses={303: {"description": "Signed in"}})
def sign_in(
    request: Request, name: Name, password: Password, next_page: Annotated[str, Form(alias="next")] = "/work"
) -> Response:
    """Open a session: its cookie comes with the answer."""
    target = own_path(next_page)
    try:
        opened = signin.sign_in(archive_of(request).db, name, password, request.state.source)
    except (Refused, Unavailable) as error:
        if wants_json(request) or error.status == 503:
            raise
        form = SignIn(
            next=target,
            form_token=form_token_of(request),
            name=name[:80],
            problem=error.says,
            next_step=error.next_step,
        )
        return _with_visitor(request, draw(request, "sign-in.html", form, status=error.status))
    return _with_session(request, done(request, "You are signed in.", target), opened)


@router.get(
    "/begin/{link}", response_class=HTMLResponse, summary="The form for the first account", tags=[TAG]
)
def welcome_form(request: Request, link: LinkToken) -> Response:
    """The form behind a one-use link. Showing it does not use the link up."""
    form = _welcome(request, link)
    return _with_visitor(request, draw(request, "welcome.html", form))


@router.post(
    "/begin/{link}",
    summary="Make the first account",
    tags=[TAG],
    responses={303: {"description": "Signed in"}},
)
def welcome(
    request: Request,
    link: LinkToken,
    name: Name,
    password: Password,
    again: Password = "",
) -> Response:
    """Use the link up: make the account with its two grants, and sign in."""
    try:
        if not wants_json(request) and password != again:
            raise Invalid("The two passwords differ.", next_step="Type the same password twice.")
        opened = signin.first_account(archive_of(request).db, link, name, password, request.state.source)
    except Invalid as error:
        if wants_json(request):
            raise
        form = _welcome(request, link, name[:80], error)
        return _with_visitor(request, draw(request, "welcome.html", form, status=error.status))
    return _with_session(
        request, done(request, "The account is made and you are signed in.", "/work"), opened
    )


@router.post("/sign-out", summary="Sign out", tags=[TAG], responses={303: {"description": "Signed out"}})
def sign_out(request: Request) -> Response:
    """End the session."""
    token = request.cookies.get(cookie_name(request), "")
    sessions.end(archive_of(request).db, actor_of(request), token)
    answer = done(request, "You are signed out.", "/sign-in")
    answer.delete_cookie(cookie_name(request), path="/", secure=request.app.state.secure, httponly=True)
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


@router.post(
    "/view", summary="Choose the agency in view", tags=[TAG], responses={303: {"description": "Chosen"}}
)
def view(
    request: Request,
    agency: Annotated[str, Form(max_length=20)] = "",
    next_page: Annotated[str, Form(alias="next")] = "/work",
) -> Response:
    """Show one agency in lists; an empty `agency` shows every one of yours."""
    token = request.cookies.get(cookie_name(request), "")
    sessions.view(archive_of(request).db, actor_of(request), token, agency or None)
    return done(request, f"Lists show {agency or 'every agency of yours'}.", own_path(next_page))


@page(router, "/account", "account.html", summary="Who is signed in, and what they may do", tag=TAG)
def account(request: Request) -> Account:
    """Your name, your grants, and the token that programs send with each change."""
    actor = actor_of(request)
    return Account(
        name=actor.name,
        account=actor.account,
        grants=[Grant(agency=agency, permission=permission) for agency, permission in sorted(actor.grants)],
        agency_in_view=actor.agency_in_view,
        session_ends_at=actor.ends_at,
        form_token=form_token_of(request),
    )


def _welcome(request: Request, link: str, name: str = "", error: LapelError | None = None) -> Welcome:
    db = archive_of(request).db
    there = signin.read_link(db, link)
    with db.tx(store.NOBODY) as conn:
        names = {agency.id: agency.name for agency in store.agencies(conn)}
    return Welcome(
        link=link,
        agencies=[names.get(agency, agency) for agency in there.agencies],
        name=name,
        problem=error.says if error else "",
        next_step=error.next_step if error else "",
    )


def _with_visitor(request: Request, answer: Response) -> Response:
    """The page drawn has a form: its token hangs on a cookie that this browser now has."""
    fresh: str | None = getattr(request.state, "fresh_visitor", None)
    if fresh:
        _set(request, answer, visitor_cookie_name(request), fresh)
    return answer


def _with_session(request: Request, answer: Response, opened: signin.Opened) -> Response:
    _set(request, answer, cookie_name(request), opened.token)
    answer.delete_cookie(visitor_cookie_name(request), path="/", secure=request.app.state.secure)
    return answer


def _set(request: Request, answer: Response, name: str, value: str) -> None:
    # Lax, not Strict: a link to a recording in a message should open it for somebody who is signed in.
    answer.set_cookie(
        name, value, path="/", httponly=True, samesite="lax", secure=request.app.state.secure,
        max_age=int(sessions.LENGTH.total_seconds()),
    )  # fmt: skip
