"""How does an outsider follow the custody log? Its public objects, read-only, without signing in, and a page about it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel

from lapel.access.page_web import actor_of, archive_of, page
from lapel.base.errors import NotFound
from lapel.custody.checkpoint import read_checkpoint
from lapel.custody.note import read_note

public = APIRouter(prefix="/log")
router = APIRouter()
TAG = "Custody log"

# C2SP tlog-tiles §"Merkle tree": level 0 to 63 or `entries`, the index in groups of three digits, a width below 256.
_OBJECT = re.compile(
    r"checkpoint|tile/(?:entries|[0-9]|[1-5][0-9]|6[0-3])/(?:x[0-9]{3}/){0,6}[0-9]{3}(?:\.p/[1-9][0-9]{0,2})?"
)
_FOR_EVER = "public, max-age=31536000, immutable"
_FIVE_SECONDS = "public, max-age=5"


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}, "text/plain": {}}, "description": "The object"},
    404: {"description": "The log has no such object"},
}


@public.head(
    "/{name:path}",
    summary="Is there such an object?",
    tags=[TAG],
    response_class=Response,
    responses=_ANSWERS,
)
@public.get(
    "/{name:path}",
    summary="A public object of the log",
    tags=[TAG],
    response_class=Response,
    responses=_ANSWERS,
)
def log_object(
    request: Request, name: Annotated[str, Path(description="checkpoint, tile/0/000, …")]
) -> Response:
    """The checkpoint, a tile or an entry bundle, as C2SP tlog-tiles names them."""
    if not _OBJECT.fullmatch(name):
        raise NotFound("The custody log has no such object.")
    body = archive_of(request).stores.public.read(f"log/{name}")
    is_checkpoint = name == "checkpoint"
    headers = {
        "Cache-Control": _FIVE_SECONDS if is_checkpoint else _FOR_EVER,
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    kind = "text/plain; charset=utf-8" if is_checkpoint else "application/octet-stream"
    return Response(body, media_type=kind, headers=headers)


class LogShown(BaseModel):
    """The custody log as its last published checkpoint tells it. `size` null: nothing has been published yet.

    `waiting`: entries that have their place in the log and are not public yet.
    """

    origin: str | None
    size: int | None
    root: str | None
    published_at: datetime | None
    waiting: int
    signatures: list[str]
    checkpoint: str | None


@page(router, "/log", "log.html", summary="The custody log", tag=TAG)
def log(request: Request) -> LogShown:
    """How large the log is, what its last checkpoint says, who signed it, and how to follow it."""
    archive = archive_of(request)
    with archive.db.tx(actor_of(request).scope()) as conn:
        last = conn.execute(
            "SELECT size, published_at FROM custody_publication ORDER BY size DESC LIMIT 1"
        ).fetchone()
        row = conn.execute(
            "SELECT count(*) AS waiting FROM custody_leaf WHERE index >= %s", (last["size"] if last else 0,)
        ).fetchone()
    waiting = int(row["waiting"]) if row else 0
    try:
        text = archive.stores.public.read("log/checkpoint").decode()
    except NotFound:
        return LogShown(
            origin=None,
            size=None,
            root=None,
            published_at=None,
            waiting=waiting,
            signatures=[],
            checkpoint=None,
        )
    note = read_note(text)
    head = read_checkpoint(note.text)
    return LogShown(
        origin=head.origin,
        size=head.size,
        root=head.root.hex(),
        published_at=last["published_at"] if last else None,
        waiting=waiting,
        signatures=sorted({signature.name for signature in note.signatures}),
        checkpoint=text,
    )
