"""What is the door that camera systems deliver to? A process of its own: it may seal and never open.

Its database role writes what has come and reads no footage; its keys only wrap. What it says of a request in its log is
the method, the status, the bytes and the time: paths name officers and cameras, and texts of errors may quote them.
"""

from __future__ import annotations

import time
import traceback

import structlog
from anyio import move_on_after
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lapel.base.errors import EvidenceFault, LapelError, NotFound
from lapel.footage.axis_stream import Uploads
from lapel.footage.axis_web import Protocol
from lapel.storage.archive import Archive

UPLOADS_AT_ONCE = 32
LINGER_S = 30

log = structlog.get_logger("lapel.intake")


def make(archive: Archive, *, url: str | None = None, uploads: int = UPLOADS_AT_ONCE) -> FastAPI:
    """The app. `archive` as the role intake; `url`: where systems are told to deliver, when it is not where they signed in."""
    app = FastAPI(title="Lapel intake", openapi_url=None, docs_url=None, redoc_url=None)
    app.include_router(Protocol(archive, Uploads(uploads), url).router())
    app.add_exception_handler(LapelError, _problem)
    app.add_exception_handler(HTTPException, _other)
    app.add_middleware(Door)
    return app


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, LapelError)
    if isinstance(error, EvidenceFault):
        log.critical("evidence fault", code=error.code)
    headers = {}
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Swift realm="lapel"'
    if error.retryable:
        headers["Retry-After"] = "10"
    return JSONResponse(error.problem(), error.status, headers=headers, media_type="application/problem+json")


async def _other(request: Request, error: Exception) -> Response:
    """What the router itself says no to. A method that nothing knows is answered 400, as the protocol wants."""
    assert isinstance(error, HTTPException)
    problem = NotFound("There is nothing here.").problem()
    status = 400 if error.status_code == 405 else error.status_code
    return JSONResponse({**problem, "status": status}, status, media_type="application/problem+json")


class Door:
    """Logs each request without its path, and answers 500 for what nobody foresaw."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, came, status, more = time.perf_counter(), 0, 0, True

        async def counted() -> Message:
            nonlocal came, more
            message = await receive()
            came += len(message.get("body", b""))
            more = message.get("more_body", False)
            return message

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, counted, noted)
        except ClientDisconnect:
            status = status or 499  # nobody is there to be answered
        except Exception as fault:
            place = traceback.extract_tb(fault.__traceback__)[-1]
            log.critical("unforeseen", kind=type(fault).__name__, file=place.filename, line=place.lineno)
            if not status:
                answer = JSONResponse(
                    {"type": "urn:lapel:error:error", "title": "error", "status": 500},
                    500,
                    media_type="application/problem+json",
                )
                await answer(scope, receive, noted)
        finally:
            # A sender that still sends would meet a closed connection instead of its answer, and could not know that its
            # token is over, say: let it finish, for a while.
            with move_on_after(LINGER_S):
                while more:
                    await counted()
            took_s = round(time.perf_counter() - begun, 4)
            log.info("request", method=scope["method"], status=status, bytes=came, took_s=took_s)
