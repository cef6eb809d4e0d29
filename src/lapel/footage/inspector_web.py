"""What would I not be shown otherwise? The inspector general's list: who broke the glass, why, and what they looked at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import Response

from lapel.access.actor import Actor
from lapel.access.page_web import actor_of, archive_of, done, page
from lapel.access.permit import decide, permit, refusal
from lapel.base import clock
from lapel.base.clock import read_stamp
from lapel.base.errors import NotFound
from lapel.footage import glass, history, store_looks
from lapel.footage import shown_looks as shown
from lapel.footage.looking import Look
from lapel.footage.purpose_web import zone_of
from lapel.footage.shown_list import MoreGroup, MoreItem
from lapel.storage.postgres import Connection

router = APIRouter()
TAG = "Access"
MOST = 200
_WHY = (
    "Somebody looked at a recording that their role does not show them, and said why. It leaves this list when an inspector"
    " general, who is somebody else, has read it and said what it was."
)


def agencies_overseen(actor: Actor) -> tuple[str, ...]:
    """The agencies in view whose inspector general this person is."""
    return tuple(a for a in actor.in_view if decide(actor, "access.audit", a).allowed)


@page(router, "/inspector", "inspector.html", summary="Broken glass", tag=TAG)
def inspector(request: Request) -> shown.InspectorShown:
    """Who broke the glass for which recording, why, until when, what they did meanwhile, and what came of it."""
    actor = actor_of(request)
    agencies = agencies_overseen(actor)
    if not agencies:
        where = actor.agency_in_view or actor.agency
        raise refusal(actor, "access.audit", where, decide(actor, "access.audit", where))
    with archive_of(request).db.tx(actor.scope()) as conn:
        waiting = store_looks.glasses(conn, agencies, seen=False, limit=MOST)
        answered = store_looks.glasses(conn, agencies, seen=True, limit=50)
        rows = _rows(conn, actor, [*waiting, *answered])
        zone = zone_of(conn, agencies[0])
    return shown.InspectorShown(
        waiting=rows[: len(waiting)],
        answered=rows[len(waiting) :],
        outcomes=[shown.Offered(value=code, label=says) for code, says in glass.OUTCOMES.items()],
        zone=zone,
    )


@router.post(
    "/inspector/{look}", summary="Say what the glass was broken for", tags=[TAG], responses={303: {"description": "Said"}}
)  # fmt: skip
def acknowledge(
    request: Request,
    look: Annotated[str, Path(max_length=40, pattern="^[0-9a-f]{32}$")],
    outcome: Annotated[str, Form(max_length=40)] = "",
    words: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Once, by somebody else than who broke it."""
    actor, archive = actor_of(request), archive_of(request)
    with archive.db.tx(actor.scope()) as conn:
        there = store_looks.look(conn, look)
        if there is None or there.why != "glass":
            raise NotFound("There is no such broken glass that you can see.")
        permit(actor, "access.audit", there.agency)
    glass.acknowledge(archive, actor.scope(), look, outcome, words)
    return done(request, "It is answered.", "/inspector")


def work(conn: Connection, actor: Actor) -> list[MoreGroup]:
    """What of this waits for an inspector general, for the work list."""
    agencies = agencies_overseen(actor)
    if not agencies:
        return []
    rows = _rows(conn, actor, store_looks.glasses(conn, agencies, seen=False, limit=MOST))
    items = [
        MoreItem(
            label=row.number or "a restricted recording", url=f"/inspector#g-{row.id}", since=row.begun_at, due_at=None,
            who=row.who, says=row.words[:140],
        )
        for row in rows[:25]
    ]  # fmt: skip
    return [
        MoreGroup(
            key="glass", title="Broken glass", action="Look into it", why=_WHY, all_url="/inspector",
            count=len(rows), more=len(rows) >= MOST, items=items,
        )
    ]  # fmt: skip


def _rows(conn: Connection, actor: Actor, looks: Sequence[Look]) -> list[shown.GlassRow]:
    numbers = store_looks.numbers(conn, [one.recording for one in looks])
    people = [f"account:{one.account}" for one in looks] + [one.seen_by for one in looks if one.seen_by]
    names, now = history.actor_names(conn, sorted(set(people))), clock.now()
    return [_row(conn, actor, one, numbers.get(one.recording), names, now) for one in looks]


def _row(
    conn: Connection, actor: Actor, one: Look, number: str | None, names: dict[str, str], now: datetime
) -> shown.GlassRow:
    return shown.GlassRow(
        id=one.id,
        agency=one.agency,
        who=names[f"account:{one.account}"],
        number=number,
        url=f"/recordings/{number}" if number else None,
        words=one.words,
        begun_at=one.begun_at,
        ends_at=one.ends_at,
        open=one.ends_at > now,
        acts=[
            shown.GlassAct(at=read_stamp(act.at), says=history.says_of(act.act, act.attempted))
            for act in store_looks.acts_under(conn, one)
            if act.act != "glass_broken"
        ],
        mine=f"account:{one.account}" == actor.id,
        outcome=glass.OUTCOMES.get(one.seen_as),
        seen_by=names.get(one.seen_by or ""),
        seen_at=one.seen_at,
        seen_says=one.seen_says,
    )
