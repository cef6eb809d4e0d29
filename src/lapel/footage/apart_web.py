"""Who may see this recording? Its restriction and who is named, how it is marked, and whether the first report was given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from lapel.access.actor import Actor
from lapel.access.page_web import actor_of, archive_of, done, page
from lapel.access.permit import Act, Facts, decide, permit, refusal
from lapel.base import clock
from lapel.base.errors import Invalid, NotFound
from lapel.base.ids import read_number
from lapel.footage import guests, marking, restricting, standing, store, store_looks
from lapel.footage import shown_looks as shown
from lapel.footage.found_web import Number, found
from lapel.footage.history import actor_names
from lapel.footage.model import Recording
from lapel.footage.purpose_web import zone_of
from lapel.footage.restricting import Apart
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

router = APIRouter(prefix="/recordings")
TAG = "Footage"
SEE_OTHER: dict[int | str, dict[str, Any]] = {303: {"description": "Done"}}
_DECIDED: tuple[Act, ...] = (
    "footage.restrict",
    "footage.mark",
    "footage.investigate",
    "footage.report_given",
)


@dataclass(frozen=True, slots=True)
class _There:
    """A recording as the person who decides about it stands to it; `recording` is None where it is kept from them."""

    apart: Apart
    number: str
    facts: Facts
    recording: Recording | None

    def may(self, actor: Actor, act: Act) -> bool:
        return decide(actor, act, self.apart.agency, self.facts).allowed


def _there(conn: Connection, actor: Actor, number: str) -> _There:
    """The recording with this number, seen or restricted. Raises `NotFound`; of another agency's nothing is told."""
    number = read_number(number) or number
    try:
        recording = store.recording_by_number(conn, number)
    except NotFound:
        apart = store_looks.restricted(conn, number)
        if apart is None:
            raise
        known = store_looks.standing(conn, apart.id, actor.account, actor.session, clock.now())
        own = apart.wearer is not None and apart.wearer == actor.officer
        facts = Facts(own=own, restricted=True, under_investigation=known.investigated, office=apart.office)
        return _There(apart, number, facts, None)
    if guests.is_guest(actor.scope(), recording):
        raise NotFound(f"There is no recording {number[:40]} that you can see.")
    apart = Apart(
        recording.id, recording.agency, recording.office, recording.wearer, bytes(recording.wrapped_key)
    )
    return _There(apart, number, standing.facts(conn, actor, recording), recording)


@page(router, "/{number}/who", "who.html", summary="Who may see this recording?", tag=TAG)
def who(request: Request, number: Number) -> shown.WhoMaySee:
    """What sets it apart, for those who decide something of it or are named."""
    actor = actor_of(request)
    with archive_of(request).db.tx(actor.scope()) as conn:
        there = _there(conn, actor, number)
        apart, facts = there.apart, there.facts
        may = {act: there.may(actor, act) for act in _DECIDED}
        if not any(may.values()) and not facts.restricted_to_me:
            raise refusal(
                actor,
                "footage.restrict",
                apart.agency,
                decide(actor, "footage.restrict", apart.agency, facts),
            )
        marks = [one for one in store_looks.marks(conn, apart.id) if one.ended_at is None]
        restriction = _restriction(conn, actor, apart)
        names = actor_names(conn, [one.made_by for one in marks])
        known = store_looks.standing(conn, apart.id, actor.account, actor.session, clock.now())
        may_restrict = may["footage.restrict"]
        recording = there.recording
        return shown.WhoMaySee(
            number=there.number,
            url=f"/recordings/{there.number}",
            agency=apart.agency,
            zone=zone_of(conn, apart.agency),
            seen=recording is not None,
            restriction=restriction,
            marks=[
                shown.MarkShown(
                    kind=m.kind, says=marking.MARKS[m.kind], reason=m.reason, made_at=m.made_at, made_by=names[m.made_by]
                )
                for m in marks
                if m.kind == "use_of_force" or may["footage.investigate"]
            ],
            case_investigates=may["footage.investigate"]
            and known.investigated
            and not any(m.kind == "investigated" for m in marks),
            report=standing.report_answer(conn, recording, marked=known.force) if recording else "",
            report_given_at=recording.first_report_at if recording else None,
            may_restrict=may_restrict,
            may_mark=may["footage.mark"],
            may_investigate=may["footage.investigate"] and recording is not None,
            may_report=may["footage.report_given"],
            kinds=[shown.Offered(value=kind, label=says) for kind, says in restricting.KINDS.items()],
            people=[shown.Offered(value=i, label=n) for i, n in store_looks.people(conn, apart.agency)]
            if may_restrict
            else [],
        )  # fmt: skip


def _restriction(conn: Connection, actor: Actor, apart: Apart) -> shown.RestrictionShown | None:
    there = store_looks.restriction(conn, apart.id)
    if there is None:
        return None
    named = store_looks.named(conn, apart.id)
    said = [
        there.made_by,
        there.lift_asked_by or "",
        *(f"account:{n.account}" for n in named),
        *(n.named_by for n in named),
    ]
    names = actor_names(conn, sorted({one for one in said if one}))
    return shown.RestrictionShown(
        kind=restricting.KINDS[there.kind],
        reason=there.reason,
        made_at=there.made_at,
        made_by=names[there.made_by],
        named=[
            shown.NamedShown(
                account=n.account, who=names[f"account:{n.account}"], named_at=n.named_at, named_by=names[n.named_by]
            )
            for n in named
        ],
        asked_by=names.get(there.lift_asked_by or ""),
        asked_by_me=there.lift_asked_by == actor.id,
        asked_at=there.lift_asked_at,
        asked_for=there.lift_asked_for,
    )  # fmt: skip


@router.post("/{number}/restrict", summary="Restrict a recording", tags=[TAG], responses=SEE_OTHER)
def restrict(
    request: Request,
    number: Number,
    kind: Annotated[str, Form(max_length=40)] = "",
    reason: Annotated[str, Form(max_length=4000)] = "",
    named: Annotated[
        list[str], Form(max_length=100, description="accounts; none: the inspectors general")
    ] = [],  # noqa: B006
) -> Response:
    """Set it apart at once, for the people named and nobody else; who restricts is not named by it."""
    actor, archive = actor_of(request), archive_of(request)
    there = found(request, number, "footage.restrict")
    people = [one for one in named if one]
    with archive.db.tx(actor.scope()) as conn:
        restricting.restrict(conn, archive, actor.scope(), there.id, kind, reason, people)  # type: ignore[arg-type]
    seen = "" if actor.account in people else " You are not named, so you do not see it any more."
    return done(
        request, f"It is restricted.{seen}", f"/recordings/{there.number}/who" if not seen else "/recordings"
    )


@router.post("/{number}/named", summary="Name somebody for it", tags=[TAG], responses=SEE_OTHER)
def name(
    request: Request,
    number: Number,
    account: Annotated[str, Form(max_length=40)] = "",
    reason: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """From then on they see it."""

    def act(conn: Connection, archive: Archive, scope: Scope, apart: Apart, words: str) -> None:
        restricting.name(conn, archive, scope, apart, account, words)

    return _decide(request, number, "footage.restrict", act, reason, "They are named.")


@router.post("/{number}/named/end", summary="End somebody's being named", tags=[TAG], responses=SEE_OTHER)
def unname(
    request: Request,
    number: Number,
    account: Annotated[str, Form(max_length=40)] = "",
    reason: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """From then on they do not see it; somebody stays named."""

    def act(conn: Connection, archive: Archive, scope: Scope, apart: Apart, words: str) -> None:
        restricting.unname(conn, archive, scope, apart, account, words)

    return _decide(request, number, "footage.restrict", act, reason, "They are not named any more.")


@router.post("/{number}/unrestrict", summary="Lift a restriction", tags=[TAG], responses=SEE_OTHER)
def unrestrict(
    request: Request,
    number: Number,
    answer: Annotated[str, Form(max_length=10, description="ask, lift (a second person), or keep")] = "ask",
    reason: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """One person asks, another lifts or keeps it."""
    acts: dict[str, tuple[Callable[[Connection, Archive, Scope, Apart, str], None], str]] = {
        "ask": (restricting.ask_to_lift, "It is asked for; a second person decides."),
        "lift": (restricting.lift, "It is not restricted any more."),
        "keep": (restricting.refuse_to_lift, "It stays restricted."),
    }
    if answer not in acts:
        raise Invalid(f"“{answer}” is no answer.", next_step="One of: ask, lift, keep.")
    act, says = acts[answer]
    return _decide(request, number, "footage.unrestrict", act, reason, says)


def _decide(
    request: Request,
    number: str,
    asked: Act,
    act: Callable[[Connection, Archive, Scope, Apart, str], None],
    reason: str,
    says: str,
) -> Response:
    """Decide about a restriction, also one that is kept from who decides; then back to the page that shows it."""
    actor, archive = actor_of(request), archive_of(request)
    with archive.db.tx(actor.scope()) as conn:
        there = _there(conn, actor, number)
        permit(actor, asked, there.apart.agency, there.facts)
        act(conn, archive, actor.scope(), there.apart, reason)
    return done(request, says, f"/recordings/{there.number}/who")


@router.post("/{number}/marks", summary="Mark a recording", tags=[TAG], responses=SEE_OTHER)
def mark(
    request: Request,
    number: Number,
    kind: Annotated[str, Form(max_length=40, description="use_of_force or investigated")] = "",
    reason: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Say that it shows a use of force, or is evidence in an investigation of its wearer."""
    which = marking.mark_kind(kind)
    there = found(request, number, marking.ACT_OF[which])
    marking.mark(archive_of(request), actor_of(request).scope(), there.id, which, reason)
    return done(request, "It is marked.", f"/recordings/{there.number}/who")


@router.post("/{number}/marks/end", summary="End a mark", tags=[TAG], responses=SEE_OTHER)
def unmark(
    request: Request,
    number: Number,
    kind: Annotated[str, Form(max_length=40)] = "",
    reason: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """It does not hold any more, and why."""
    which = marking.mark_kind(kind)
    there = found(request, number, marking.ACT_OF[which])
    marking.unmark(archive_of(request), actor_of(request).scope(), there.id, which, reason)
    return done(request, "The mark is ended.", f"/recordings/{there.number}/who")


@router.post("/{number}/report", summary="The first report was given", tags=[TAG], responses=SEE_OTHER)
def report_given(
    request: Request,
    number: Number,
    given_at: Annotated[
        str, Form(max_length=40, description="when; without an offset in the agency's zone")
    ] = "",
) -> Response:
    """Enter when the wearer had given the first report on the use of force; then they may look."""
    there = found(request, number, "footage.report_given")
    archive, actor = archive_of(request), actor_of(request)
    with archive.db.tx(actor.scope()) as conn:
        zone = zone_of(conn, there.agency)
    try:
        at = datetime.fromisoformat(given_at.strip())
    except ValueError:
        raise Invalid(f"“{given_at[:40]}” is no time.", next_step="Write it like 2026-11-24T10:15.") from None
    given = at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))
    marking.report_given(archive, actor.scope(), there.id, given)
    return done(request, "It is entered that the report was given.", f"/recordings/{there.number}/who")
