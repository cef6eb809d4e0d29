"""How does a person come in and go out? Sign-in, the first account, sign-out, the agency in view."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel

from lapel.access import sessions, signin, store
from lapel.access.cookies_web import caller_of, doors_of, with_session, with_visitor, without_session
from lapel.access.guard_web import cookie_name, form_token_of
from lapel.access.opening import refusal
from lapel.access.page_web import actor_of, archive_of, done, draw, own_path, wants_json
from lapel.base import clock
from lapel.base.errors import Invalid, LapelError, Refused, Unavailable

router = APIRouter()
TAG = "Access"

Name = Annotated[str, Form(max_length=200)]
LinkToken = Annotated[str, Path(max_length=200, description="the token of a one-use link")]
Password = Annotated[str, Form(max_length=2000)]
Banner = Annotated[str, Form(max_length=64, description="the digest of the notice that was acknowledged")]


class SignIn(BaseModel):
    """The sign-in form. `next`: where it leads; `problem`: why the last attempt failed; `form_token`: to be sent back with it.

    `notice` has to be acknowledged: `banner` is then sent back. `passwords`, `passkeys`, `certificates` and `provider` (its
    host): the ways in that are open here. `locked`: there is a session, which nobody used for thirty minutes.
    """

    next: str
    form_token: str
    name: str = ""
    problem: str = ""
    next_step: str = ""
    notice: str = ""
    banner: str = ""
    passwords: bool = True
    passkeys: bool = False
    certificates: bool = False
    provider: str = ""
    locked: bool = False


class Left(BaseModel):
    """Of the session of this cookie."""

    state: Literal["open", "locked", "none"]
    locks_in_s: int


class Welcome(BaseModel):
    """The form that makes the first account of a one-use link, or sets the password of the account `holder`."""

    link: str
    holder: str | None
    agencies: list[str]
    name: str = ""
    problem: str = ""
    next_step: str = ""


@router.get("/sign-in.json", response_model=SignIn, summary="What signing in needs", tags=[TAG])
def sign_in_needs(request: Request, answer: Response) -> SignIn:
    """For programs: the form token, and the cookie it belongs to."""
    with_visitor(request, answer)
    return form_of(request, "/work")


@router.get("/sign-in", response_class=HTMLResponse, summary="The sign-in form", tags=[TAG])
def sign_in_form(request: Request, next_page: Annotated[str, Query(alias="next")] = "/work") -> Response:
    """The sign-in form; to somebody signed in, the page after it."""
    if request.state.actor:
        return done(request, "You are signed in.", own_path(next_page))
    return with_visitor(request, draw(request, "sign-in.html", form_of(request, own_path(next_page))))


@router.post("/sign-in", summary="Sign in", tags=[TAG], responses={303: {"description": "Signed in"}})
def sign_in(
    request: Request,
    name: Name,
    password: Password,
    next_page: Annotated[str, Form(alias="next")] = "/work",
    banner: Banner = "",
) -> Response:
    """Open a session: its cookie comes with the answer."""
    target = own_path(next_page)
    try:
        if not doors_of(request).passwords:
            raise refusal("Nobody signs in here with a password.", rule="access/no-passwords")
        caller = caller_of(request, banner)
        opened = signin.sign_in(
            archive_of(request).db,
            name,
            password,
            caller.source,
            before=caller.before,
            banner=caller.banner,
        )
    except (Refused, Unavailable) as error:
        return not_signed_in(request, error, target, name[:80])
    return with_session(request, done(request, "You are signed in.", target), opened)


@router.get(
    "/begin/{link}", response_class=HTMLResponse, summary="The form for the first account", tags=[TAG]
)
def welcome_form(request: Request, link: LinkToken) -> Response:
    """The form behind a one-use link. Showing it does not use the link up."""
    form = _welcome(request, link)
    return with_visitor(request, draw(request, "welcome.html", form))


@router.post(
    "/begin/{link}",
    summary="Make the first account",
    tags=[TAG],
    responses={303: {"description": "Signed in"}},
)
def welcome(
    request: Request,
    link: LinkToken,
    password: Password,
    name: Name = "",
    again: Password = "",
) -> Response:
    """Use the link up: make the account with its two grants, or set the password of the account it is for; and sign in."""
    try:
        if not wants_json(request) and password != again:
            raise Invalid("The two passwords differ.", next_step="Type the same password twice.")
        opened = signin.first_account(archive_of(request).db, link, name, password, request.state.source)
    except Invalid as error:
        if wants_json(request):
            raise
        form = _welcome(request, link, name[:80], error)
        return with_visitor(request, draw(request, "welcome.html", form, status=error.status))
    return with_session(request, done(request, "The account is made and you are signed in.", "/work"), opened)


@router.post("/sign-out", summary="Sign out", tags=[TAG], responses={303: {"description": "Signed out"}})
def sign_out(request: Request) -> Response:
    """End the session."""
    token = request.cookies.get(cookie_name(request), "")
    sessions.end(archive_of(request).db, actor_of(request), token)
    return without_session(request, done(request, "You are signed out.", "/sign-in"))


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


@router.get("/session.json", summary="How long until this session locks or ends", tags=[TAG])
def session(request: Request) -> Left:
    """Asking is no use of the session. `state`: open, locked (sign in again to go on) or none."""
    db, token = archive_of(request).db, request.cookies.get(cookie_name(request), "")
    left = sessions.left(db, token)
    if left is None:
        return Left(state="locked" if sessions.locked(db, token) else "none", locks_in_s=0)
    return Left(state="open", locks_in_s=max(0, int((min(left) - clock.now()).total_seconds())))


def _welcome(request: Request, link: str, name: str = "", error: LapelError | None = None) -> Welcome:
    db = archive_of(request).db
    there = signin.read_link(db, link)
    with db.tx(store.NOBODY) as conn:
        names = {agency.id: agency.name for agency in store.agencies(conn)}
    return Welcome(
        link=link,
        holder=there.name,
        agencies=[names.get(agency, agency) for agency in there.agencies],
        name=name,
        problem=error.says if error else "",
        next_step=error.next_step if error else "",
    )


def form_of(request: Request, target: str, name: str = "", error: LapelError | None = None) -> SignIn:
    """The sign-in form as this installation and this browser have it."""
    doors = doors_of(request)
    locked = sessions.locked(archive_of(request).db, request.cookies.get(cookie_name(request)))
    return SignIn(
        next=target,
        form_token=form_token_of(request),
        name=name or locked or "",
        problem=error.says if error else "",
        next_step=error.next_step if error else "",
        notice=doors.banner,
        banner=doors.banner_digest,
        passwords=doors.passwords,
        passkeys=doors.origin(request.headers.get("host"), request.url.scheme) is not None,
        certificates=doors.proxied,
        provider=urlsplit(doors.provider.issuer).netloc if doors.provider else "",
        locked=locked is not None,
    )


def not_signed_in(request: Request, error: LapelError, target: str, name: str = "") -> Response:
    """The form again, and why; to a program, and when a part is down, the error itself."""
    if wants_json(request) or error.status == 503:
        raise error
    form = form_of(request, target, name, error)
    return with_visitor(request, draw(request, "sign-in.html", form, status=error.status))
