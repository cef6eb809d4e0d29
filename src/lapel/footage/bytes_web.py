"""How do the bytes of footage leave the house? Playing by ranges, downloading an original, thumbnails."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Annotated
from urllib.parse import quote

import anyio
from fastapi import APIRouter, Path, Request
from fastapi.responses import Response, StreamingResponse
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool

from lapel.access.page_web import actor_of, archive_of
from lapel.access.permit import Act
from lapel.base.errors import EvidenceFault, Invalid, NotFound
from lapel.footage import play, store
from lapel.footage.found_web import Number, found
from lapel.footage.model import Original, Recording

router = APIRouter(prefix="/recordings")
TAG = "Footage"
Id = Annotated[str, Path(max_length=40, pattern="^[0-9a-f]{32}$")]
# Footage is cached nowhere, embedded by nobody else, and whatever its bytes are, never run.
CLOSED = {
    "Cache-Control": "private, no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


@router.get(
    "/{number}/originals/{original}/play",
    summary="Play a clip",
    tags=[TAG],
    response_class=StreamingResponse,
    responses={
        200: {"content": {"video/mp4": {}}, "description": "The whole clip"},
        206: {"content": {"video/mp4": {}}, "description": "A range of it"},
        416: {"description": "The range begins beyond the end"},
    },
)
def play_clip(request: Request, number: Number, original: Id) -> Response:
    """The bytes of a clip, whole or one range, opened as they are read. Ten minutes of ranges are one act of playing."""
    there, file = _original(request, number, original, "footage.play")
    kind = play.media_type(file)
    if kind == play.OCTETS:
        raise Invalid("This file is not a video that could be played.", next_step="Download the original.")
    asked = part_asked(request, file.sha256, file.size_bytes)
    if isinstance(asked, Response):
        return asked
    part, status, headers = asked
    archive, scope = archive_of(request), actor_of(request).scope()
    try:
        opened = play.reader(archive, there, file)
    except EvidenceFault as fault:
        play.enter_fault(archive, scope, there, fault)
        raise
    grant = play.begin(archive, scope, there)
    body = ending(play.stream(archive, scope, there, opened, part, grant))
    return StreamingResponse(body, status_code=status, media_type=kind, headers=headers)


def part_asked(
    request: Request, sha256: str, size_bytes: int
) -> Response | tuple[play.Part, int, dict[str, str]]:
    """Which bytes of a file a request wants, with the answer's status and headers; or the answer that they are not there."""
    etag = f'"{sha256}"'
    base = {**CLOSED, "Accept-Ranges": "bytes", "ETag": etag}
    try:
        part = play.wanted(request.headers.get("range"), request.headers.get("if-range"), etag, size_bytes)
    except Invalid as error:
        return Response(
            status_code=416, headers={**base, "Content-Range": f"bytes */{error.facts['size_bytes']}"}
        )
    headers = {**base, "Content-Length": str(part.end - part.start)}
    if part.whole:
        return part, 200, headers
    return part, 206, headers | {"Content-Range": f"bytes {part.start}-{part.end - 1}/{part.size}"}


@router.head(
    "/{number}/originals/{original}/play", summary="Ask about a clip", tags=[TAG], response_class=Response
)
def ask_clip(request: Request, number: Number, original: Id) -> Response:
    """Size, type and digest of a clip. Asking is not playing."""
    _, file = _original(request, number, original, "footage.play")
    return Response(
        media_type=play.media_type(file),
        headers={
            **CLOSED,
            "Accept-Ranges": "bytes",
            "ETag": f'"{file.sha256}"',
            "Content-Length": str(file.size_bytes),
        },
    )


@router.get(
    "/{number}/originals/{original}/download",
    summary="Download an original",
    tags=[TAG],
    response_class=StreamingResponse,
    responses={200: {"content": {play.OCTETS: {}}, "description": "The exact bytes as they came"}},
)
def download(request: Request, number: Number, original: Id) -> Response:
    """The exact bytes as they came, with their digest; an entry of its own."""
    there, file = _original(request, number, original, "footage.download")
    archive, scope = archive_of(request), actor_of(request).scope()
    try:
        opened = play.reader(archive, there, file)
    except EvidenceFault as fault:
        play.enter_fault(archive, scope, there, fault)
        raise
    play.enter_download(archive, scope, there, file)
    headers = {
        **CLOSED,
        "Content-Length": str(file.size_bytes),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(_file_name(there, file), safe='')}",
        "X-Lapel-SHA256": file.sha256,
    }
    return StreamingResponse(ending(opened.chunks()), media_type=play.OCTETS, headers=headers)


@router.get(
    "/{number}/thumbnails/{thumbnail}",
    summary="A thumbnail",
    tags=[TAG],
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}, "description": "A key frame"}},
)
def thumbnail(request: Request, number: Number, thumbnail: Id) -> Response:
    """A key frame of a clip as JPEG. It belongs to the page, whose view is entered."""
    there = found(request, number, "footage.view")
    archive, scope = archive_of(request), actor_of(request).scope()
    with archive.db.tx(scope) as conn:
        row = next((r for r in play.derived(conn, there.id, "thumbnail") if r["id"] == thumbnail), None)
    if row is None:
        raise NotFound("There is no such thumbnail.")
    picture = play.derived_bytes(archive, there, row)
    return Response(picture, media_type="image/jpeg", headers=CLOSED)


def _original(request: Request, number: str, original: str, act: Act) -> tuple[Recording, Original]:
    there = found(request, number, act)
    with archive_of(request).db.tx(actor_of(request).scope()) as conn:
        file = store.original(conn, original)
    if file.recording != there.id:
        raise NotFound("There is no such file in this recording.")
    return there, file


def _file_name(recording: Recording, original: Original) -> str:
    kept = "".join(c if c.isalnum() or c in "._- " else "_" for c in original.name).strip(". ")[-120:]
    return f"{recording.number} {kept or original.id}"


async def ending(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks; however the request ends, the iterator's own end is run, and not in the event loop."""
    try:
        async for chunk in iterate_in_threadpool(chunks):
            yield chunk
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            with anyio.CancelScope(shield=True):
                await run_in_threadpool(close)
