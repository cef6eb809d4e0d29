"""One recording: what is it, and what does somebody do with it? Its page, the acts on it, and the proof of each act."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import Response

from lapel.access.page_web import actor_of, archive_of, done, page
from lapel.access.permit import Act, decide
from lapel.base import clock
from lapel.base.errors import Invalid, NotFound, Unavailable
from lapel.custody import receipt, verify
from lapel.footage import (
    acts,
    history,
    play,
    recording_page,
    shown,
    standing,
    store,
    store_looks,
    timeline,
)
from lapel.footage.found_web import Number, found
from lapel.footage.model import Recording
from lapel.footage.web import check_category
from lapel.storage.postgres import Connection

router = APIRouter(prefix="/recordings")
TAG = "Footage"
# What a receipt shows unless somebody chooses otherwise: who, what and when, but no words of people, and never the plain
# digest of a file, which would confirm a guess.
_OPENED = ("at", "actor", "agency", "act", "subject", "media_root", "category", "originals", "grant", "until", "bytes", "flags", "kind")  # fmt: skip


@page(router, "/{number}", "recording.html", summary="A recording", tag=TAG)
def recording(request: Request, number: Number) -> shown.RecordingShown:
    """Everything about one recording. Looking at it is an entry in its history."""
    archive, scope = archive_of(request), actor_of(request).scope()
    there = found(request, number, "footage.view")
    play.enter_view(archive, scope, there)
    shown_page = recording_page.build(archive, scope, there.number)
    shown_page.duties = _duties(request, there, shown_page)
    if shown_page.shared is None:
        _say_purpose(request, there, shown_page)
    return shown_page


def _say_purpose(request: Request, there: Recording, page: shown.RecordingShown) -> None:
    """For what the reader looks, and whether they decide something of who may see it."""
    actor = actor_of(request)
    with archive_of(request).db.tx(actor.scope()) as conn:
        held = store_looks.running(conn, there.id, actor.account, actor.session, clock.now())
        facts = standing.facts(conn, actor, there)
    if held and not facts.own:
        page.purpose, page.purpose_until = held[0].says, held[0].ends_at
    deciding: tuple[Act, ...] = ("footage.restrict", "footage.mark")
    page.may_decide = any(decide(actor, act, there.agency, facts).allowed for act in deciding)


@router.post(
    "/{number}/category", summary="Choose the category", tags=[TAG], responses={303: {"description": "Done"}}
)
def category(
    request: Request,
    number: Number,
    category: Annotated[str, Form(max_length=64, description="a category's id")] = "",
) -> Response:
    """A person's choice; a suggestion never replaces it."""
    there = found(request, number, "footage.categorise")
    archive, scope = archive_of(request), actor_of(request).scope()
    with archive.db.tx(scope) as conn:
        check_category(conn, category, [there.agency])
    acts.categorise(archive, scope, [there.id], category)
    return done(request, "The category is chosen.", f"/recordings/{there.number}#category")


@router.post("/{number}/note", summary="Write the note", tags=[TAG], responses={303: {"description": "Done"}})
def note(request: Request, number: Number, words: Annotated[str, Form(max_length=20_000)] = "") -> Response:
    """The words before stay readable in the history."""
    there = found(request, number, "footage.note")
    acts.note(archive_of(request), actor_of(request).scope(), there.id, _plain(words))
    return done(request, "The note is written.", f"/recordings/{there.number}#note")


@router.post(
    "/{number}/wearer", summary="Correct the wearer", tags=[TAG], responses={303: {"description": "Done"}}
)
def wearer(
    request: Request,
    number: Number,
    badge: Annotated[str, Form(max_length=100)] = "",
    reason: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Say who wore the camera, and how you know."""
    there = found(request, number, "footage.correct_wearer")
    acts.correct_wearer(
        archive_of(request), actor_of(request).scope(), there.id, _plain(badge).strip(), _plain(reason)
    )
    return done(request, "The wearer is corrected.", f"/recordings/{there.number}#wearer")


@router.post(
    "/{number}/bookmarks", summary="Set a bookmark", tags=[TAG], responses={303: {"description": "Done"}}
)
def bookmark(
    request: Request,
    number: Number,
    words: Annotated[str, Form(max_length=4000)] = "",
    at_s: Annotated[
        float | None,
        Form(ge=0, le=timeline.LONGEST_LINE_S, description="place on the time line; empty: the whole"),
    ] = None,
) -> Response:
    """Mark a moment of the recording, or the whole of it."""
    there = found(request, number, "footage.bookmark")
    archive, scope = archive_of(request), actor_of(request).scope()
    if not words.strip():
        raise Invalid("The bookmark was not set: it has no words.", next_step="Say what is to be seen there.")
    marked: dict[str, object] = {"words": _plain(words).strip()}
    if at_s is not None:
        with archive.db.tx(scope) as conn:
            clips = [o for o in store.originals(conn, there.id) if o.kind == "clip" and not o.beside]
        begins_at = timeline.lay_out(clips, []).begins_at
        if begins_at is None:
            raise Invalid(
                "The bookmark was not set: no clip of this recording says when it began.",
                next_step="Leave the time empty to mark the whole recording.",
            )
        marked["at"] = begins_at + timedelta(seconds=at_s)
    acts.add_bookmark(archive, scope, there, marked)
    return done(request, "The bookmark is set.", f"/recordings/{there.number}#bookmarks")


@page(router, "/{number}/history/{entry}", "proof.html", summary="What is proved of one act", tag="Custody")
def proof(request: Request, number: Number, entry: Annotated[str, Path(max_length=40)]) -> shown.Proof:
    """What the custody log proves of one act, by which checkpoint, and what it does not."""
    there = found(request, number, "footage.prove")
    archive, scope = archive_of(request), actor_of(request).scope()
    with archive.db.tx(scope) as conn:
        line = _line(conn, there, entry)
        try:
            given = receipt.prove(conn, archive.stores.public, entry, _usual(line))
        except Unavailable:
            given = None  # not yet: the next checkpoint covers it, and the page says so
    act = recording_page.act(f"/recordings/{there.number}", line)
    verdict = verify.verify_receipt(json.dumps(given), trust=request.app.state.trust) if given else None
    return shown.Proof(
        number=there.number,
        recording_url=f"/recordings/{there.number}",
        act=act,
        agency=there.agency,
        pending=given is None,
        status=verdict.status if verdict else None,
        proved=list(verdict.proved) if verdict else [],
        not_proved=list(verdict.not_proved) if verdict else [],
        wrong=list(verdict.wrong) if verdict else [],
        opened=dict(verdict.opened) if verdict else {},
        hidden=sorted(given["closed"]) if given else [],
        receipt_url=f"{act.proof_url}/receipt",
        receipt=given,
    )


@router.get(
    "/{number}/history/{entry}/receipt",
    summary="The receipt of one act",
    tags=["Custody"],
    responses={200: {"content": {"application/json": {}}, "description": "A file that anybody can verify"}},
    response_class=Response,
)
def receipt_file(
    request: Request,
    number: Number,
    entry: Annotated[str, Path(max_length=40)],
    open_field: Annotated[
        list[str], Query(max_length=40, description="fields to show; none: the usual ones")
    ] = [],  # noqa: B006
) -> Response:
    """The receipt as a file to give away; 503 until the next checkpoint covers the act."""
    there = found(request, number, "footage.prove")
    archive, scope = archive_of(request), actor_of(request).scope()
    with archive.db.tx(scope) as conn:
        line = _line(conn, there, entry)
        given = receipt.prove(conn, archive.stores.public, entry, open_field or _usual(line))
    return Response(
        json.dumps(given, indent=1) + "\n",
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{there.number}-{entry[:8]}-receipt.json"'},
    )


def _line(conn: Connection, recording: Recording, entry: str) -> history.Line:
    line = next((one for one in history.lines(conn, recording) if one.entry == entry), None)
    if line is None:
        raise NotFound("There is no such act on this recording.")
    return line


def _usual(line: history.Line) -> list[str]:
    return [field for field in line.fields if field in _OPENED]


def _duties(request: Request, there: Recording, page: shown.RecordingShown) -> list[shown.DutyOnLine]:
    """What the wearer owed at that time. The room that knows duties stands to the left of this one, so the app hands it in."""
    duties_of = getattr(request.app.state, "duties_of", None)
    if duties_of is None or there.wearer is None or page.line_begins_at is None or not page.stretches:
        return []
    with archive_of(request).db.tx(actor_of(request).scope()) as conn:
        found = duties_of(conn, there.agency, there.wearer, page.line_begins_at, page.stretches[-1].end_s)
    return [shown.DutyOnLine.model_validate(one) for one in found]


def _plain(text: str) -> str:
    # PostgreSQL keeps no NUL, and nobody types one.
    return text.replace("\0", "")
