"""Why was a camera off, and what becomes of what should not have been recorded? The two registers and the acts on them."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from fastapi.responses import Response

from lapel.access import store as access
from lapel.access.actor import Actor
from lapel.access.csv_web import csv_answer
from lapel.access.page_web import actor_of, archive_of, done, page
from lapel.access.permit import Facts, permit_lists
from lapel.activation import (
    exceptions,
    forbidden,
    page_duty,
    page_front,
    standing,
    store,
    store_pages,
    store_watch,
    story,
)
from lapel.activation import shown_registers as shown
from lapel.activation.asked_web import PAGE, Asked, position, position_after
from lapel.activation.exceptions import Entered
from lapel.activation.forbidden import DECISIONS
from lapel.activation.reasons import MEANINGS
from lapel.activation.store_watch import Claim
from lapel.activation.web import After, Number, State, receipt_of
from lapel.roster import store as roster
from lapel.storage.postgres import Connection

router = APIRouter(prefix="/activation")
TAG = "Activation"
_STATES = (("", "All"), ("waiting", "Waiting for a decision"), ("granted", "Granted"), ("refused", "Refused"), ("withdrawn", "Withdrawn"))  # fmt: skip
_REGISTER_CSV = (
    "id", "agency", "officer", "office", "duty", "reason", "clause", "clause_version", "begins_at", "ends_at", "words",
    "entered_by", "entered_at", "state", "decided_by", "decided_at", "decision",
)  # fmt: skip
_FORBIDDEN_CSV = (
    "duty", "agency", "office", "officer", "outcome", "begins_at", "recorded_s", "clauses", "number", "restricted", "decision",
    "decided_by", "decided_at", "words",
)  # fmt: skip
Id = Annotated[str, Path(max_length=40)]
Words = Annotated[str, Form(max_length=8000)]


@page(router, "/exceptions", "activation-exceptions.html", summary="The register of exceptions", tag=TAG)
def register(
    request: Request,
    state: State = "",
    reason: State = "",
    badge: Annotated[str, Query(max_length=100)] = "",
    after: After = "",
) -> shown.Register:
    """Every reason that was given for a duty not met, newest first, with what was decided."""
    actor = actor_of(request)
    permit_lists(actor)
    with archive_of(request).db.tx(actor.scope()) as conn:
        reach = standing.reach(conn, actor)
        rows = store_watch.register(
            conn, reach, state=state, reason=reason, badge=badge, after=position(after), limit=PAGE + 1
        )
        waiting = store_watch.count_waiting(conn, reach)
        listed = page_duty.exceptions_shown(conn, rows[:PAGE])
    following = rows[PAGE - 1] if len(rows) > PAGE else None
    said = {"state": state, "reason": reason, "badge": badge}
    return shown.Register(
        state=state,
        reason=reason,
        badge=badge,
        states=page_front.choices(_STATES),
        reasons=page_front.choices([(name, meaning.says) for name, meaning in MEANINGS.items()]),
        rows=listed,
        waiting=waiting,
        next=_address(
            "/activation/exceptions",
            said | {"after": position_after(following["entered_at"], following["id"])},
        )
        if following
        else None,
        first=_address("/activation/exceptions", said),
        is_first=not after,
        csv=_address("/activation/exceptions.csv", said | {"after": after}),
    )


@router.get(
    "/exceptions.csv", summary="The register of exceptions (CSV)", tags=[TAG], response_class=Response
)
def register_csv(
    request: Request,
    state: State = "",
    reason: State = "",
    badge: Annotated[str, Query(max_length=100)] = "",
    after: After = "",
) -> Response:
    """Exactly the rows that the page with the same address shows."""
    return csv_answer("exceptions.csv", _REGISTER_CSV, register(request, state, reason, badge, after).rows)


@page(router, "/exceptions/{exception}", "activation-exception.html", summary="One exception", tag=TAG)
def exception(request: Request, exception: Id) -> shown.ExceptionPage:
    """What was said, the clause that allows it, what it excuses, and who decides."""
    actor = actor_of(request)
    with archive_of(request).db.tx(actor.scope()) as conn:
        there = store_watch.exception(conn, exception)
        facts = _facts(conn, actor, there)
        standing.permit(actor, "activation.view", there.agency, facts)
        zone = next(a.zone for a in access.agencies(conn) if a.id == there.agency)
        touched = store_watch.touched_by(conn, there)
        own = actor.officer == there.officer
        entered = there.entered_by == actor.id
        waiting = there.state == "waiting"
        allowed = standing.may(actor, "activation.decide", there.agency, facts)
        return shown.ExceptionPage(
            exception=page_duty.exceptions_shown(conn, [page_duty.vars_of(there)])[0],
            zone=zone,
            clause=story.clause(conn, there.agency, there.clause, there.begins_at, zone),
            excuses=[page_duty.row(page_duty.vars_of(finding)) for finding in touched],
            may_decide=waiting and allowed and not own and not entered,
            may_withdraw=waiting and entered,
            why_not=_why_not(waiting=waiting, own=own, entered=entered, allowed=allowed),
            receipt_url=f"/activation/exceptions/{there.id}/receipt",
        )


@router.get(
    "/exceptions/{exception}/receipt",
    summary="The receipt of an exception",
    tags=[TAG, "Custody"],
    response_class=Response,
)
def exception_receipt(request: Request, exception: Id) -> Response:
    """Proves the decision, or while there is none that it was entered."""
    actor = actor_of(request)
    with archive_of(request).db.tx(actor.scope()) as conn:
        there = store_watch.exception(conn, exception)
        return receipt_of(
            request, conn, there.agency, there.decision_entry or there.entry, f"exception-{there.id[:8]}"
        )


@router.post("/duties/{number}/exceptions", summary="Say why a duty was not met", tags=[TAG], responses={303: {"description": "Entered"}})  # fmt: skip
def enter(
    request: Request,
    number: Number,
    clause: Annotated[str, Form(max_length=200, description="reason and clause, reason/policy:clause")] = "",
    words: Words = "",
) -> Response:
    """Enter an exception into the register; somebody else decides it."""
    actor, archive = actor_of(request), archive_of(request)
    with archive.db.tx(actor.scope()) as conn:
        finding = store.finding(conn, number)
        facts = standing.facts(conn, actor, finding.agency, finding.officer, finding.office)
        standing.permit(actor, "activation.except", finding.agency, facts)
    reason, _, key = clause.partition("/")
    said = Entered(
        finding.officer or "", reason, key, words, finding.begins_at, finding.ends_at, finding.duty
    )
    made = exceptions.enter(archive, standing.scope_in(actor, finding.agency), finding.agency, said)
    return done(
        request, "It stands in the register. Somebody else decides it.", f"/activation/exceptions/{made}"
    )


@router.post("/exceptions/{exception}/decision", summary="Decide an exception", tags=[TAG], responses={303: {"description": "Decided"}})  # fmt: skip
def decide(
    request: Request,
    exception: Id,
    decision: Annotated[str, Form(max_length=20, description="grant or refuse")] = "",
    words: Words = "",
) -> Response:
    """Grant or refuse it, never what one entered or what is about oneself."""
    actor, archive = actor_of(request), archive_of(request)
    with archive.db.tx(actor.scope()) as conn:
        there = store_watch.exception(conn, exception)
        standing.permit(actor, "activation.decide", there.agency, _facts(conn, actor, there))
    scope = standing.scope_in(actor, there.agency)
    excused = exceptions.decide(
        archive,
        scope,
        exception,
        granted=decision == "grant",
        words=words,
        decider_is=actor.officer,
    )
    says = f"Granted; {len(excused)} duties are excused." if decision == "grant" else "Refused."
    return done(request, says, f"/activation/exceptions/{there.id}")


@router.post("/exceptions/{exception}/withdrawal", summary="Take an exception back", tags=[TAG], responses={303: {"description": "Withdrawn"}})  # fmt: skip
def withdraw(request: Request, exception: Id) -> Response:
    """Only who entered it, and only before it is decided."""
    actor, archive = actor_of(request), archive_of(request)
    with archive.db.tx(actor.scope()) as conn:
        there = store_watch.exception(conn, exception)
        standing.permit(actor, "activation.except", there.agency, _facts(conn, actor, there))
    exceptions.withdraw(archive, standing.scope_in(actor, there.agency), exception)
    return done(request, "Withdrawn.", f"/activation/exceptions/{there.id}")


@page(router, "/forbidden", "activation-forbidden.html", summary="Recorded though it was forbidden", tag=TAG)
def forbidden_list(
    request: Request, asked: Annotated[Asked, Depends()], state: State = "", after: After = ""
) -> shown.Forbidden:
    """For counsel and the custodian: what was recorded though it was forbidden, and what is to become of it."""
    wanted = {"": "open", "all": ""}.get(state, state)
    with archive_of(request).db.tx(actor_of(request).scope()) as conn:
        rows = store_pages.forbidden(
            conn, asked.narrowed, state=wanted, after=position(after), limit=PAGE + 1
        )
        listed = forbidden.rows_shown(conn, rows[:PAGE])
    following = rows[PAGE - 1] if len(rows) > PAGE else None
    where = "/activation/forbidden"
    return shown.Forbidden(
        filters=asked.shown,
        state=state,
        states=page_front.choices([("", "To be decided"), *DECISIONS.items(), ("all", "All")]),
        decisions=page_front.choices(list(DECISIONS.items())),
        rows=listed,
        next=asked.address(where, state=state, after=position_after(following["begins_at"], following["duty"])) if following else None,
        first=asked.address(where, state=state),
        is_first=not after,
        csv=asked.address(f"{where}.csv", state=state, after=after),
    )  # fmt: skip


@router.get(
    "/forbidden.csv", summary="Recorded though it was forbidden (CSV)", tags=[TAG], response_class=Response
)
def forbidden_csv(
    request: Request, asked: Annotated[Asked, Depends()], state: State = "", after: After = ""
) -> Response:
    """Exactly the rows that the page with the same address shows."""
    return csv_answer("forbidden.csv", _FORBIDDEN_CSV, forbidden_list(request, asked, state, after).rows)


@router.post("/forbidden/{number}", summary="Decide about a forbidden recording", tags=[TAG], responses={303: {"description": "Decided"}})  # fmt: skip
def forbidden_decide(
    request: Request,
    number: Number,
    decision: Annotated[str, Form(max_length=20, description=", ".join(DECISIONS))] = "",
    words: Words = "",
    recording: Annotated[str, Form(max_length=40, description="the recording's number")] = "",
) -> Response:
    """Kept as evidence or for a complaint, to be disposed of, or allowed after all; the reason is kept for ever."""
    actor, archive = actor_of(request), archive_of(request)
    with archive.db.tx(actor.scope()) as conn:
        finding = store.finding(conn, number)
        facts = standing.facts(conn, actor, finding.agency, finding.officer, finding.office)
        standing.permit(actor, "activation.forbidden", finding.agency, facts)
    forbidden.decide(archive, standing.scope_in(actor, finding.agency), finding, recording, decision, words)
    return done(request, "It is decided.", "/activation/forbidden")


def _facts(conn: Connection, actor: Actor, there: Claim) -> Facts:
    return standing.facts(
        conn, actor, there.agency, there.officer, roster.officer(conn, there.officer).office
    )


def _why_not(*, waiting: bool, own: bool, entered: bool, allowed: bool) -> str:
    if not waiting:
        return ""
    if own or entered:
        return "You entered it, or it is about you, so somebody else decides it: another supervisor of the unit, or the evidence custodian."
    return "" if allowed else "A supervisor of the officer's unit, or the evidence custodian, decides it."


def _address(path: str, said: dict[str, str]) -> str:
    query = urlencode({name: value for name, value in said.items() if value})
    return f"{path}?{query}" if query else path
