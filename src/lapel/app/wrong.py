"""What does somebody see when something goes wrong, and what does the custody log hear of it?"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote, urlencode

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from lapel.access.actor import Actor
from lapel.access.guard_web import let_ask
from lapel.access.page_web import archive_of, draw, stranger, wants_json
from lapel.base.errors import EvidenceFault, Invalid, LapelError, NotFound, Refused
from lapel.base.ids import new_id
from lapel.custody import log

PROBLEM: Final = "application/problem+json"
_log = structlog.get_logger("lapel.staff")

_TITLES = {
    401: "Sign in first",
    403: "Not permitted",
    404: "Not found",
    405: "Not done this way",
    409: "It has changed meanwhile",
    413: "Too large",
    422: "Something has to be corrected",
    429: "Too often",
    503: "Not now",
    507: "No space left",
}


class Wrong(BaseModel):
    """Something went wrong: what, which thing, what to do next (RFC 9457). `rules`: which ones said no.

    `why`: the page that explains it; `ask`: the page where the purpose can be said that was missing.
    """

    type: str
    title: str
    status: int
    detail: str
    next_step: str = ""
    rules: list[str] = []
    reference: str = ""
    why: str = ""
    ask: str = ""


def add_handlers(app: FastAPI) -> None:
    """Every error becomes a page for people and a problem for programs."""
    app.add_exception_handler(LapelError, _ours)
    app.add_exception_handler(RequestValidationError, _unfit)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unknown)


async def _ours(request: Request, error: Exception) -> Response:
    if not isinstance(error, LapelError):
        return await _unknown(request, error)
    if _is_read(request) and error.facts.get("ask"):
        # Nobody has said no yet: the page that asks for the purpose comes before the first look.
        return RedirectResponse(
            f"{error.facts['ask']}?next={quote(_here(request), safe='/')}", status_code=303
        )
    # Asking for a thing that is not there for this person is a read that failed; a page that nobody has is none.
    if isinstance(error, Refused | EvidenceFault) or (isinstance(error, NotFound) and request.path_params):
        await run_in_threadpool(_enter, request, error)
    if error.status == 401 and request.method in ("GET", "HEAD") and not wants_json(request):
        return RedirectResponse(_sign_in(request), status_code=303)
    return await run_in_threadpool(_answer, request, error)


async def _unfit(request: Request, error: Exception) -> Response:
    where = ""
    if isinstance(error, RequestValidationError):
        first: dict[str, Any] = next(iter(error.errors()), {})
        where = ".".join(str(part) for part in first.get("loc", ())[1:])
        where = f" ({where}: {first.get('msg', '')})" if where else ""
    said = Invalid(f"What was sent does not fit this page{where}.", next_step="Correct it and send it again.")
    return await run_in_threadpool(_answer, request, said)


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    # No route was found, so nobody has asked who this is. A stranger is not told which pages there are.
    if not hasattr(request.state, "actor") and not request.url.path.startswith("/static/"):
        try:
            await let_ask(request)
        except LapelError as too_often:
            return await _ours(request, too_often)
        if request.state.actor is None:
            return await _ours(request, stranger())
    said: LapelError = NotFound("There is no such page.", next_step="Start from the work list.")
    if status != 404:
        said = Invalid("This cannot be done at this address.", status=status)
    answer = await run_in_threadpool(_answer, request, said)
    if isinstance(error, HTTPException) and error.headers:
        answer.headers.update(error.headers)
    return answer


async def _unknown(request: Request, error: Exception) -> Response:
    reference = new_id()[:8]
    _log.error("failed", reference=reference, kind=type(error).__name__, exc_info=error)
    said = LapelError(
        "Lapel made a mistake, and what you asked for was not done. What was stored is safe.",
        next_step=f"Tell the operator this reference: {reference}.",
    )
    return await run_in_threadpool(_answer, request, said, reference)


def _is_read(request: Request) -> bool:
    """Does a person open a page, rather than a program, a player or a picture ask for something?"""
    accepts = request.headers.get("accept", "")
    return request.method == "GET" and "text/html" in accepts and not wants_json(request)


def _here(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _why(error: LapelError) -> str:
    """Where a refusal is explained: of the recording, or of the act in its agency."""
    if error.status != 403:
        return ""
    if error.facts.get("why"):
        return str(error.facts["why"])
    if error.facts.get("act") and error.facts.get("agency"):
        return f"/why?{urlencode({'act': str(error.facts['act']), 'agency': str(error.facts['agency'])})}"
    return ""


def _sign_in(request: Request) -> str:
    here = _here(request)
    return "/sign-in" if here == "/" else f"/sign-in?next={quote(here, safe='/')}"


def _answer(request: Request, error: LapelError, reference: str = "") -> Response:
    wrong = Wrong(
        type=f"urn:lapel:error:{error.code}",
        title=_TITLES.get(error.status, "A fault"),
        status=error.status,
        detail=error.says,
        next_step=error.next_step,
        rules=list(error.rules) if isinstance(error, Refused) else [],
        reference=reference,
        why=_why(error),
        ask=str(error.facts.get("ask", "")),
    )
    if wants_json(request):
        answer: Response = JSONResponse(
            wrong.model_dump(exclude_defaults=True), status_code=error.status, media_type=PROBLEM
        )
    else:
        answer = draw(request, "wrong.html", wrong, status=error.status)
    if wait_s := error.facts.get("retry_after_s"):
        answer.headers["Retry-After"] = str(wait_s)
    if error.status == 401 and getattr(request.state, "by_token", False):
        answer.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'  # RFC 6750 §3
    return answer


def _enter(request: Request, error: LapelError) -> None:
    """A refusal or a fault that a person met is an entry of its own; strangers are counted where they sign in."""
    actor = getattr(request.state, "actor", None)
    if not isinstance(actor, Actor):
        return
    route = request.scope.get("route")
    attempted = getattr(route, "name", "request")
    db = archive_of(request).db
    log.record_refusal(db, actor.home(), error, act=attempted, subject=actor.id, agency=actor.agency)
