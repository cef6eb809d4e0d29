"""What does a browser bring, and what is it given to keep? The session's cookie, and the one before there is a session."""

from __future__ import annotations

from typing import cast

from fastapi import Request
from fastapi.responses import Response

from lapel.access import sessions
from lapel.access.doors import Doors
from lapel.access.guard_web import cookie_name, visitor_cookie_name
from lapel.access.opening import Caller, Opened
from lapel.base.errors import Invalid


def doors_of(request: Request) -> Doors:
    """What this installation offers."""
    return cast(Doors, request.app.state.doors)


def origin_of(request: Request) -> str:
    """The origin that passkeys of this app are bound to. Raises `Invalid` where there is none."""
    origin = doors_of(request).origin(request.headers.get("host"), request.url.scheme)
    if origin is None:
        raise Invalid(
            "Passkeys need the name of this site.",
            next_step="Open it as localhost, or have the operator set LAPEL_STAFF_URL.",
        )
    return origin


def browser_of(request: Request) -> str:
    """The secret in this browser's cookie, to which a challenge is bound; never empty after the guard."""
    return str(request.state.form_secret or "")


def caller_of(request: Request, banner: str) -> Caller:
    """Where this attempt to sign in comes from. Raises `Refused` when the notice was not acknowledged."""
    return Caller(
        request.state.source,
        request.cookies.get(cookie_name(request)),
        doors_of(request).check_banner(banner),
    )


def with_visitor(request: Request, answer: Response) -> Response:
    """The page drawn has a form: its token hangs on a cookie that this browser now has."""
    fresh: str | None = getattr(request.state, "fresh_visitor", None)
    if fresh:
        _set(request, answer, visitor_cookie_name(request), fresh)
    return answer


def with_session(request: Request, answer: Response, opened: Opened) -> Response:
    """From now on this browser is in the session that was opened."""
    _set(request, answer, cookie_name(request), opened.token)
    answer.delete_cookie(visitor_cookie_name(request), path="/", secure=request.app.state.secure)
    return answer


def without_session(request: Request, answer: Response) -> Response:
    """This browser forgets its session and what it has kept of its pages."""
    answer.delete_cookie(cookie_name(request), path="/", secure=request.app.state.secure, httponly=True)
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


def _set(request: Request, answer: Response, name: str, value: str) -> None:
    # Lax, not Strict: a link to a recording in a message should open it for somebody who is signed in.
    answer.set_cookie(
        name, value, path="/", httponly=True, samesite="lax", secure=request.app.state.secure,
        max_age=int(sessions.LENGTH.total_seconds()),
    )  # fmt: skip
