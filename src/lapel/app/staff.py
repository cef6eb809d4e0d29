"""The staff app: which rooms' pages does it show, to whom, and what does it look after meanwhile?"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog
from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.types import Scope as AsgiScope

from lapel.access import account_web, accounts_web, doors_web, provider_web, signin, tokens_web
from lapel.access import store as access
from lapel.access import web as access_web
from lapel.access.doors import Doors
from lapel.access.guard_web import guard
from lapel.access.limits import Limits, Patience
from lapel.access.store import NOBODY
from lapel.activation import draws, page_duty, register_web, review_web
from lapel.activation import web as activation_web
from lapel.app import audit_web, health_web, log_web, worklists
from lapel.app.alarms import EVERY_S, Watch
from lapel.app.drawing import HERE, Drawing
from lapel.app.headers import BodyLimit, Headers
from lapel.app.wrong import PROBLEM, Wrong, add_handlers
from lapel.base import clock
from lapel.base.errors import LapelError
from lapel.custody.trust import read_trust
from lapel.fleet import web as fleet_web
from lapel.footage import (
    apart_web,
    bytes_web,
    case_acts_web,
    case_web,
    gaps_web,
    glass,
    inspector_web,
    list_web,
    looking,
    play,
    purpose_web,
    recording_web,
    saved_web,
    share_web,
    why_web,
)
from lapel.footage import web as footage_web
from lapel.policy import web as policy_web
from lapel.redaction import copies_web
from lapel.redaction import web as redaction_web
from lapel.roster import store as roster
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope

# What is served of which front-end package; nothing else of node_modules can be reached.
PACKAGES: Final = {"uswds": "@uswds/uswds/dist", "htmx": "htmx.org/dist", "maplibre-gl": "maplibre-gl/dist"}
HOUSEKEEPING_S = 30.0
DEPARTMENT = "department"

_log = structlog.get_logger("lapel.staff")


def make(
    archive: Archive,
    *,
    npm: Path,
    secure: bool = False,
    trust: Path | None = None,
    doors: Doors | None = None,
    undelivered_after: timedelta = timedelta(hours=4),
    docked_within: timedelta = timedelta(hours=24),
    limits: Limits | None = None,
    watch: Watch | None = None,
    purpose_holds: timedelta = looking.HOLDS,
    glass_holds: timedelta = glass.HOLDS,
    housekeeping_s: float = HOUSEKEEPING_S,
) -> FastAPI:
    """The ASGI app of the staff process.

    `archive`: opened for the role staff. `npm`: the folder of the front-end packages. `secure`: people reach it by https
    (cookies, HSTS). `trust`: the department's trust file, with which "prove it" checks receipts. `doors`: the ways
    in; without, a name and a password. What was announced is undelivered after `undelivered_after`; a camera
    that was in use is to be docked within `docked_within`. `limits`: how often somebody may ask; without, no limit.
    `watch`: looks after the custody log; without, one that tells nobody but the process log.
    `purpose_holds`, `glass_holds`: for how long it holds what somebody said they look for, and that they broke the glass.
    """
    watch = watch or Watch(archive.db, npm)
    app = FastAPI(
        title="Lapel staff pages",
        version="1",
        description="Each page of the staff app is also JSON at the same address with `.json`. Sign in with POST /sign-in;"
        " a request that changes something brings the form token of GET /account.json as the header X-Form-Token.",
        responses={"default": {"model": Wrong, "content": {PROBLEM: {}}, "description": "What went wrong"}},
        dependencies=[Depends(guard)],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=_housekeeping(archive, watch, housekeeping_s),
    )
    app.state.archive = archive
    app.state.secure = secure
    app.state.doors = doors or Doors()
    app.state.undelivered_after = undelivered_after
    app.state.docked_within = docked_within
    app.state.patience = Patience(limits or Limits())
    app.state.watch = watch
    app.state.purpose_holds = purpose_holds
    app.state.glass_holds = glass_holds
    app.state.more_work = worklists.more_work(archive.db)
    app.state.duties_of = page_duty.beside_a_recording
    app.state.trust = read_trust(trust.read_bytes()) if trust and trust.exists() else None
    app.state.trust_file = trust.read_bytes() if trust and trust.exists() else b""
    app.state.draw = Drawing(archive)
    _add_routes(app)
    add_handlers(app)
    for name, folder in PACKAGES.items():
        app.mount(f"/static/npm/{name}", Files(directory=npm / folder, check_dir=False))
    app.mount("/static", Files(directory=HERE / "static"))
    app.add_middleware(BodyLimit)
    app.add_middleware(Headers, secure=secure)
    return app


class Files(StaticFiles):
    """Files of ours and of the packages: the same for everyone, asked for again after an hour."""

    async def get_response(self, path: str, scope: AsgiScope) -> Response:
        """The file, or 404."""
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = "public, max-age=3600"
        answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return answer


class Health(BaseModel):
    """`ok`: this process and its database answer."""

    ok: bool


def _add_routes(app: FastAPI) -> None:
    @app.get(
        "/", summary="The first page", tags=["Footage"], status_code=303, response_class=RedirectResponse
    )
    def first() -> Response:
        """Leads to the work list."""
        return RedirectResponse("/work", status_code=303)

    @app.get("/health", summary="Does it run?", tags=["Operation"])
    def health(request: Request) -> Health:
        """For a supervisor: whether this process and its database answer. Open to anyone, and says nothing else."""
        archive: Archive = request.app.state.archive
        with archive.db.tx(NOBODY) as conn:
            conn.execute("SELECT 1")
        return Health(ok=True)

    @app.get("/openapi.json", summary="This description", tags=["Operation"], response_class=JSONResponse)
    def description() -> dict[str, Any]:
        """The whole interface as OpenAPI."""
        return app.openapi()

    for router in (
        case_web.router,
        case_acts_web.router,
        share_web.router,
        saved_web.router,
        access_web.router,
        doors_web.router,
        provider_web.router,
        account_web.router,
        tokens_web.router,
        accounts_web.router,
        footage_web.router,
        list_web.router,
        gaps_web.router,
        bytes_web.router,
        recording_web.router,
        purpose_web.router,
        why_web.router,
        apart_web.router,
        inspector_web.router,
        redaction_web.router,
        copies_web.router,
        activation_web.router,
        register_web.router,
        review_web.router,
        fleet_web.router,
        policy_web.router,
        audit_web.router,
        health_web.router,
        log_web.router,
        log_web.public,
    ):
        app.include_router(router)


def _housekeeping(
    archive: Archive, watch: Watch, every_s: float
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Enters what has to wait until it is over: plays that ended, minutes of failed sign-ins. Looks after the log."""

    asked = Asked()

    async def keep() -> None:
        while True:
            await asyncio.sleep(every_s)
            try:
                await run_in_threadpool(tidy, archive, asked)
            except LapelError as error:
                _log.warning("housekeeping waits", code=error.code)

    async def look() -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            await run_in_threadpool(watch.check)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(keep()), asyncio.create_task(look())]
        yield
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    return lifespan


class Asked:
    """What this process has seen to: the reviews of which month are asked for, and when officers were last said to be of an office."""

    month: date | None = None
    settled: datetime | None = None


def tidy(archive: Archive, asked: Asked | None = None) -> None:
    """One round of housekeeping. Safe to run anywhere, any number of times, at once."""
    asked = asked or Asked()
    ask_for_reviews(archive, asked)
    settle_offices(archive, asked)
    play.end_plays(archive)
    signin.enter_failures(archive.db, DEPARTMENT)


def settle_offices(archive: Archive, asked: Asked) -> None:
    """Once an hour: an officer whose day to move has come is of the new office from then on."""
    if asked.settled is not None and clock.now() - asked.settled < timedelta(hours=1):
        return
    with archive.db.tx(NOBODY) as conn:
        agencies = tuple(agency.id for agency in access.agencies(conn))
    with archive.db.tx(Scope("system:staff", agencies)) as conn:
        roster.settle_offices(conn)
    asked.settled = clock.now()


def ask_for_reviews(archive: Archive, asked: Asked) -> None:
    """When a month is over, ask for the draws of every agency; asked twice, they are the same draws."""
    today = clock.now().date()
    if asked.month == today.replace(day=1):
        return
    with archive.db.tx(NOBODY) as conn:
        for agency in access.agencies(conn):
            draws.ask(conn, agency.id, today)
    asked.month = today.replace(day=1)
