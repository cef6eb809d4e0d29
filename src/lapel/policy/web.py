"""The pages of the policy room: the proof board, the text, side by side, asking, deadlines, differences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from lapel.access.page_web import actor_of, archive_of, done, page
from lapel.base import clock
from lapel.base.errors import Invalid, LapelError, NotFound
from lapel.policy import asking, beside, boards, changes_page, deadlines, proving, sheets, store
from lapel.policy.phrases import CHECKS
from lapel.policy.record import Draft, Record
from lapel.storage.postgres import Connection

router = APIRouter()
TAG = "Policy"
Name = Annotated[str, Path(max_length=64, description="department, an agency or an order")]
Agency = Annotated[str, Path(max_length=64, description="an agency's short name")]
OnDay = Annotated[date | None, Query(description="as of this day; today without it")]
_LEADS: dict[int | str, dict[str, Any]] = {303: {"description": "Found"}}
_OF_THE_FORM = {"agency", "on", "draft", "strict"}


@contextmanager
def _record(request: Request) -> Iterator[tuple[Connection, Record]]:
    """The record as this person may read it: every agency's policies, and the drafts of their own agencies."""
    actor = actor_of(request)
    with archive_of(request).db.tx(actor.scope_in(*actor.agencies)) as conn:
        yield conn, store.record(conn)


def _today() -> date:
    return clock.now().date()


class Board(boards.Board):
    """The board, and the drafts that fit the record no longer. `adopted` false: there is nothing to show yet."""

    adopted: bool
    unfit: list[str]


@page(router, "/policy", "policy-board.html", summary="The proof board", tag=TAG)
def board(request: Request, on: OnDay = None) -> Board:
    """Does every agency keep to the department's policy? Nine agencies and their drafts × every check."""
    day = on or _today()
    with _record(request) as (conn, there):
        if there.library is None:
            return Board(
                headline="The department has adopted no policy yet", on=day, checks={}, rows=[], open=False, took_ms=0,
                adopted=False, unfit=[],
            )  # fmt: skip
        fit: list[tuple[Draft, Record]] = []
        unfit: list[str] = []
        for draft in store.drafts(conn):
            try:
                fit.append((draft, store.with_draft(there, draft)))
            except LapelError as error:
                unfit.append(error.says)
        found = boards.board(there, store.proofs(conn, there), fit, day)
    return Board(**dict(found), adopted=True, unfit=unfit)


@page(router, "/policy/proofs/{policy}", "policy-proof.html", summary="What was proved of a policy", tag=TAG)
def proofs(request: Request, policy: Name, draft: bool = False, on: OnDay = None) -> boards.ProofShown:
    """Every interval with its checks, counterexamples, notes and the digests of the texts; of a draft with `draft`."""
    day = on or _today()
    with _record(request) as (conn, there):
        if draft:
            found = _draft(conn, policy)
            as_if = store.with_draft(there, found)
            row = boards.draft_row(as_if, found, day)
            verdict, record = found.verdict, as_if
        else:
            proved = store.proofs(conn, there).get(policy)
            if policy not in (there.directives.department, *there.directives.agencies):
                raise NotFound("No such policy is proved.", next_step="Choose one on the board.")
            row = boards.row(there, policy, proved, day)
            verdict, record = (proved.verdict if proved else []), there
        intervals = [boards.interval(record, policy, one, day, policy if draft else "") for one in verdict]
    return boards.ProofShown(row=row, intervals=intervals, checks=dict(CHECKS))


def _draft(conn: Connection, policy: str) -> Draft:
    found = next((draft for draft in store.drafts(conn) if draft.policy == policy), None)
    if found is None:
        raise NotFound(
            "There is no such draft that you can see.", next_step="Drafts are listed on the board."
        )
    return found


@router.post(
    "/policy/prove",
    summary="Prove every policy again",
    tags=[TAG],
    responses={303: {"description": "Asked for"}},
)
def prove(request: Request) -> Response:
    """Asks the worker for new proofs of what is on record; the old ones stay until they are there."""
    actor = actor_of(request)
    with archive_of(request).db.tx(actor.scope_in(*actor.agencies)) as conn:
        store.library(conn)
        proving.ask_again(conn, since=clock.now())
    return done(request, "The policies are being proved again.", "/policy#proved")


@router.get(
    "/policy/read",
    summary="The department's policy",
    tags=[TAG],
    responses=_LEADS,
    response_class=RedirectResponse,
)
def read_first(request: Request) -> Response:
    """Leads to the department's policy."""
    with _record(request) as (_, there):
        return RedirectResponse(f"/policy/read/{there.directives.department}", status_code=303)


@router.get(
    "/policy/beside", summary="Side by side", tags=[TAG], responses=_LEADS, response_class=RedirectResponse
)
def beside_first(request: Request) -> Response:
    """Leads to the person's own agency beside the department."""
    with _record(request) as (_, there):
        return RedirectResponse(f"/policy/beside/{_own(request, there)}", status_code=303)


@router.get(
    "/policy/changes",
    summary="The latest changes",
    tags=[TAG],
    responses=_LEADS,
    response_class=RedirectResponse,
)
def changes_first(request: Request) -> Response:
    """Leads to a policy that has more than one version, if one has."""
    with _record(request) as (_, there):
        library = there.directives
        several = (d.policy for d in library.directives if len(library.versions(d.policy)) > 1)
        return RedirectResponse(f"/policy/changes/{next(several, library.department)}", status_code=303)


def _own(request: Request, there: Record) -> str:
    """The agency in view, the person's own, or the first that has a policy. Raises `NotFound` when none has."""
    actor, known = actor_of(request), there.directives.agencies
    if not known:
        raise NotFound("No agency has adopted a policy yet.", next_step="The board says who is due.")
    return next((a for a in (actor.agency_in_view, actor.agency) if a in known), known[0])


@page(router, "/policy/read/{policy}", "policy-read.html", summary="A policy as a person reads it", tag=TAG)
def read(request: Request, policy: Name, version: date | None = None) -> sheets.PolicyShown:
    """Each clause with its text, its answer, whom it binds, its source and how sure we are of it."""
    with _record(request) as (_, there):
        return sheets.policy_shown(there, policy, version, _today())


@page(
    router,
    "/policy/beside/{agency}",
    "policy-beside.html",
    summary="Department and agency side by side",
    tag=TAG,
)
def side_by_side(request: Request, agency: Agency, on: OnDay = None) -> beside.Beside:
    """What the agency adds, what its words leave out of each duty, and what it is granted."""
    with _record(request) as (conn, there):
        proved = store.proofs(conn, there).get(agency)
        return beside.beside(there, agency, proved, on or _today())


@page(router, "/policy/ask", "policy-ask.html", summary="Ask what the policy says", tag=TAG)
def ask(
    request: Request,
    agency: Annotated[str, Query(max_length=64)] = "",
    on: Annotated[str, Query(max_length=10, description="as of this day, YYYY-MM-DD; today without it")] = "",
    draft: Annotated[str, Query(max_length=64, description="ask the draft of this policy")] = "",
    strict: Annotated[bool, Query(description="presume nothing")] = False,
) -> asking.Ask:
    """State facts as `fact=value` in the address, a set's members one by one; the answers come with their reasons."""
    facts: dict[str, list[Any]] = {}
    for name, value in request.query_params.multi_items():
        if name not in _OF_THE_FORM:
            facts.setdefault(name[:64], []).append(value[:500])
    with _record(request) as (conn, there):
        found = _draft(conn, draft) if draft else None
        record = store.with_draft(there, found) if found else there
        chosen = agency or draft or _own(request, record)
        return asking.ask(record, chosen, _day(on), facts, strict=strict, draft=draft)


def _day(text: str) -> date:
    if not text:
        return _today()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(f"“{text[:20]}” is no day.", next_step="Write it as YYYY-MM-DD.") from None


@page(router, "/policy/due", "policy-due.html", summary="The 180-day board", tag=TAG)
def due(request: Request, on: OnDay = None) -> deadlines.Due:
    """What every agency's policy has to contain, when it was due, when it was adopted, and how late."""
    with _record(request) as (_, there):
        return deadlines.due(there, on or _today())


@page(router, "/policy/changes/{policy}", "policy-changes.html", summary="What a version changed", tag=TAG)
def changes(request: Request, policy: Name, new: date | None = None) -> changes_page.Changes:
    """The clauses that a version added, removed or altered, and the kinds of situation whose answer differs."""
    with _record(request) as (conn, there):
        pair = changes_page.pair_of(there, policy, new)
        kept = store.changes(conn, pair[0].digest, pair[1].digest) if pair else []
        return changes_page.changes_shown(there, policy, pair, kept)
