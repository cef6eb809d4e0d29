"""A redacted copy: what was made, how is it taken away, and how does somebody outside verify it?"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response, StreamingResponse

from lapel.access.actor import Actor
from lapel.access.page_web import actor_of, archive_of, page
from lapel.access.permit import Act
from lapel.base.errors import NotFound
from lapel.footage import found_web, history
from lapel.footage import store as footage
from lapel.footage.bytes_web import ending, part_asked
from lapel.footage.model import Recording
from lapel.redaction import copies, shown, store_copies
from lapel.redaction.store_copies import Copy

router = APIRouter(prefix="/copies")
TAG = "Redaction"
Id = Annotated[str, Path(max_length=40, pattern="^[0-9a-f]{32}$")]


@page(router, "/{copy}", "copy.html", summary="A redacted copy", tag=TAG)
def copy(request: Request, copy: Id) -> shown.CopyShown:
    """What was made, by whose decision, and how it is verified."""
    actor, archive = actor_of(request), archive_of(request)
    there, _ = _found(request, actor, copy, "redaction.view")
    with archive.db.tx(actor.scope()) as conn:
        files = store_copies.files(conn, there.id)
        report = shown.CopyReport.model_validate(there.report)
        people = [by for by in report.accepted_by if by] + [there.made_by]
        names = history.actor_names(conn, people)
    return shown.CopyShown(
        url=f"/copies/{there.id}",
        number=there.number,
        recording_url=f"/recordings/{there.number}",
        redaction_url=f"/redactions/{there.redaction}" if there.redaction else None,
        agency=there.agency,
        headline=_headline(there),
        reviewed=there.reviewed,
        made_by=names.get(there.made_by, there.made_by),
        made_at=there.made_at,
        size_bytes=there.size_bytes,
        clips=there.clips,
        clips_shown=there.clips_shown,
        manifest_sha256=there.manifest_sha256,
        report=report,
        accepted_by=[f"{names.get(by, by)}: {count}" for by, count in report.accepted_by.items()],
        files=[shown.CopyFileShown(name=f.name, size_bytes=f.size_bytes, sha256=f.sha256) for f in files],
        plays=[f"/copies/{there.id}/play/{f.name}" for f in files if f.name.endswith(".mp4")],
        zip_url=f"/copies/{there.id}/copy.zip" if there.reviewed else None,
        folder=f"{there.number}-redacted",
        verifier=copies.VERIFIER,
    )


@router.get(
    "/{copy}/copy.zip",
    summary="Take a redacted copy",
    tags=[TAG],
    response_class=StreamingResponse,
    responses={
        200: {"content": {"application/zip": {}}, "description": "Renders, manifest, receipts, verifier"}
    },
)
def take(request: Request, copy: Id) -> Response:
    """The copy as a folder that proves itself, zipped; two entries of its own. An unreviewed copy is not handed out."""
    actor, archive = actor_of(request), archive_of(request)
    there, _ = _found(request, actor, copy, "redaction.accept")
    copies.check_publishable(there)
    package = copies.prepare(archive, actor.scope(), there.id, request.app.state.trust_file)
    named = f'attachment; filename="{package.folder}.zip"'
    return StreamingResponse(
        ending(copies.stream(archive, actor.scope(), package)),
        media_type="application/zip",
        headers={"Cache-Control": "private, no-store", "Content-Disposition": named},
    )


@router.get(
    "/{copy}/play/{name}",
    summary="Watch a redacted clip",
    tags=[TAG],
    response_class=StreamingResponse,
    responses={
        200: {"content": {"video/mp4": {}}, "description": "The whole clip"},
        206: {"content": {"video/mp4": {}}, "description": "A range of it"},
        416: {"description": "The range begins beyond the end"},
    },
)
def watch(request: Request, copy: Id, name: Annotated[str, Path(pattern=r"^clip-\d{1,4}\.mp4$")]) -> Response:
    """A clip of the copy, whole or one range. It belongs to the page; what is hidden in it stays hidden."""
    actor, archive = actor_of(request), archive_of(request)
    there, recording = _found(request, actor, copy, "redaction.view")
    with archive.db.tx(actor.scope()) as conn:
        file = next((one for one in store_copies.files(conn, there.id) if one.name == name), None)
    if file is None:
        raise NotFound("This copy has no such clip.")
    asked = part_asked(request, file.sha256, file.size_bytes)
    if isinstance(asked, Response):
        return asked
    part, status, headers = asked
    opened = copies.opened(archive, recording, file)
    return StreamingResponse(
        ending(opened.chunks(part.start, part.end)),
        status_code=status,
        media_type="video/mp4",
        headers=headers,
    )


def _found(request: Request, actor: Actor, copy_id: str, act: Act) -> tuple[Copy, Recording]:
    """The copy, when it is in view and the act is permitted on its recording. Raises `NotFound`, `Refused`."""
    with archive_of(request).db.tx(actor.scope()) as conn:
        there = store_copies.copy(conn, copy_id)
    found_web.found(request, there.number, act)
    with archive_of(request).db.tx(actor.scope()) as conn:
        return there, footage.recording(conn, there.recording)


def _headline(there: Copy) -> str:
    if not there.reviewed:
        return "Unreviewed: this copy can never be published"
    hidden = sum(n for n in there.report.get("accepted_by", {}).values() if isinstance(n, int))
    return f"{hidden} track{'' if hidden == 1 else 's'} hidden in {there.clips_shown} of {there.clips} clip{'' if there.clips == 1 else 's'}"
