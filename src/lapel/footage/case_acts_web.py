"""What is done to a case on its page? Close it, open it again, name who works on it, join agencies, take a recording out."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from lapel.access import store_accounts
from lapel.access.page_web import actor_of, archive_of, done
from lapel.access.permit import permit
from lapel.base import clock
from lapel.base.ids import read_number
from lapel.cases import contents, files, members, store
from lapel.cases.model import Case, Ref
from lapel.footage import store as footage
from lapel.footage.case_web import TAG, Agency, CaseNumber
from lapel.footage.share_web import MATTER

router = APIRouter(prefix="/cases/{agency}/{number}")
Reason = Annotated[str, Form(max_length=4000)]
Done: dict[int | str, dict[str, Any]] = {303: {"description": "Done"}}


def _case(request: Request, agency: str, number: str) -> Case:
    """The case, when who asks may change it. Raises `NotFound`, `Refused`."""
    actor = actor_of(request)
    with archive_of(request).db.tx(actor.scope()) as conn:
        there = store.case_numbered(conn, number.replace("~", "/"), agency)
    permit(actor, "footage.categorise", there.agency, MATTER)
    return there


def _back(request: Request, there: Case, says: str, place: str = "") -> Response:
    return done(request, says, there.url + place)


@router.post("/close", summary="Close a case", tags=[TAG], responses=Done)
def close(request: Request, agency: Agency, number: CaseNumber, reason: Reason = "") -> Response:
    """Nothing more goes into it. Its shares last until they end or are taken back."""
    there = _case(request, agency, number)
    files.close_case(archive_of(request), actor_of(request).scope(), there.id, reason)
    return _back(request, there, "The case is closed.")


@router.post("/reopen", summary="Open a case again", tags=[TAG], responses=Done)
def reopen(request: Request, agency: Agency, number: CaseNumber, reason: Reason = "") -> Response:
    """With everything that is in it."""
    there = _case(request, agency, number)
    files.reopen_case(archive_of(request), actor_of(request).scope(), there.id, reason)
    return _back(request, there, "The case is open again.")


@router.post("/members", summary="Give somebody a part in a case", tags=[TAG], responses=Done)
def add_member(
    request: Request,
    agency: Agency,
    number: CaseNumber,
    who: Annotated[str, Form(max_length=200, description="an account's name, or who it is outside")] = "",
    part: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """An account by its name, whose work list then holds the case; or somebody outside, by office or badge number."""
    there, scope = _case(request, agency, number), actor_of(request).scope()
    with archive_of(request).db.tx(scope) as conn:
        account = store_accounts.account(conn, who.strip(), clock.now())
    said = str(account["name"]) if account else who
    members.add_member(archive_of(request), scope, there.id, said, part, account["id"] if account else None)
    return _back(request, there, f"{said} is {part}.", "#members")


@router.post("/members/{member}/end", summary="End somebody’s part in a case", tags=[TAG], responses=Done)
def end_member(request: Request, agency: Agency, number: CaseNumber, member: str) -> Response:
    """What they did stays in the history."""
    there = _case(request, agency, number)
    members.end_member(archive_of(request), actor_of(request).scope(), there.id, member)
    return _back(request, there, "Their part has ended.", "#members")


@router.post("/joint", summary="Join another agency", tags=[TAG], responses=Done)
def join(
    request: Request,
    agency: Agency,
    number: CaseNumber,
    joint: Annotated[str, Form(max_length=16)] = "",
    task_force: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """It sees the case and puts its own recordings into it. It shows no footage: that is what shares are for."""
    there = _case(request, agency, number)
    members.add_joint(archive_of(request), actor_of(request).scope(), there.id, joint, task_force.strip())
    return _back(request, there, "The agency is joined.", "#joint")


@router.post("/joint/{joint}/end", summary="End that an agency is joined", tags=[TAG], responses=Done)
def leave(request: Request, agency: Agency, number: CaseNumber, joint: Agency) -> Response:
    """It does not see the case any more; its recordings stay in it."""
    there = _case(request, agency, number)
    members.end_joint(archive_of(request), actor_of(request).scope(), there.id, joint)
    return _back(request, there, "The agency is joined no more.", "#joint")


@router.post("/remove", summary="Take a recording out of a case", tags=[TAG], responses=Done)
def remove(
    request: Request,
    agency: Agency,
    number: CaseNumber,
    recording: Annotated[str, Form(max_length=40, description="its number")] = "",
    reason: Reason = "",
) -> Response:
    """By the recording's own agency. Shares of the case give it no more."""
    actor, archive = actor_of(request), archive_of(request)
    with archive.db.tx(actor.scope()) as conn:
        there = store.case_numbered(conn, number.replace("~", "/"), agency)
        one = footage.recording_by_number(conn, read_number(recording) or recording)
    permit(actor, "footage.categorise", one.agency, MATTER)
    contents.remove_recording(archive, actor.scope(), there.id, Ref(one.id, one.agency), reason)
    return _back(request, there, "It is taken out.")
