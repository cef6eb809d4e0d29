"""How does one answer become a page for people and JSON for programs?

A view is a function that returns a model. `page` gives it two addresses: the page, and the same with `.json` behind it,
so both always show the same. Drawing pages is left to the app, which sets `app.state.draw`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from pydantic import BaseModel

from lapel.access.actor import Actor
from lapel.base.errors import Refused
from lapel.storage.archive import Archive

View = TypeVar("View", bound=Callable[..., BaseModel])


class Done(BaseModel):
    """An act was done. `says`: what, in words; `next`: the page that shows it."""

    says: str
    next: str


def page(router: APIRouter, path: str, template: str, *, summary: str, tag: str) -> Callable[[View], View]:
    """Register a view under `path` as a page drawn by `template`, and under `path` + `.json`. It must take `request`."""

    def register(view: View) -> View:
        model = inspect.signature(view, eval_str=True).return_annotation

        @functools.wraps(view)
        def drawn(**given: Any) -> Response:
            return draw(given["request"], template, view(**given))

        router.add_api_route(
            path + ".json", view, methods=["GET"], response_model=model, summary=summary, tags=[tag],
            name=f"{view.__name__}_json",
        )  # fmt: skip
        drawn.__annotations__ = {**view.__annotations__, "return": "Response"}
        router.add_api_route(
            path, drawn, methods=["GET"], response_class=HTMLResponse, response_model=None,
            summary=f"{summary} (page)", tags=[tag], name=view.__name__,
        )  # fmt: skip
        return view

    return register


def draw(request: Request, template: str, model: BaseModel, *, status: int = 200) -> Response:
    """The page of a model."""
    return cast(Response, request.app.state.draw(request, template, model, status))


def wants_json(request: Request) -> bool:
    """Does a program ask? By a token, by the address, or by preferring JSON to HTML."""
    if getattr(request.state, "by_token", False) or request.url.path.endswith(".json"):
        return True
    accept = request.headers.get("accept", "")
    return "json" in accept and "text/html" not in accept


def done(request: Request, says: str, next_page: str) -> Response:
    """After an act: the page that shows it for people, what was done for programs."""
    if wants_json(request):
        return JSONResponse(Done(says=says, next=next_page).model_dump())
    # 303: the page is fetched with GET, and loading it again repeats nothing.
    return RedirectResponse(next_page, status_code=303)


def actor_of(request: Request) -> Actor:
    """Who is asking. Raises `Refused` (401) when there is no session."""
    actor = getattr(request.state, "actor", None)
    if not isinstance(actor, Actor):
        raise stranger()
    return actor


def stranger() -> Refused:
    """What is said to somebody who is not signed in."""
    return Refused(
        "You are not signed in.",
        rules=("access/session",),
        status=401,
        next_step="Sign in; what you asked for is shown afterwards.",
    )


def archive_of(request: Request) -> Archive:
    """The rows, objects and keys of this app."""
    return cast(Archive, request.app.state.archive)


def own_path(target: str | None, otherwise: str = "/work") -> str:
    """`target` when it is a path of this app, `otherwise` when it could lead anywhere else (`//host`, `/\\\\host`, `https:`)."""
    if not target or not target.startswith("/") or target[1:2] in ("/", "\\"):
        return otherwise
    if any(ord(c) <= 0x20 or c == "\\" or ord(c) == 0x7F for c in target) or len(target) > 2000:
        return otherwise
    return target
