"""The pages of redactions: which are there, the desk on which one is decided, and what its script sends."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import Response

from lapel.access.actor import Actor
from lapel.access.page_web import actor_of, archive_of, done, page
from lapel.access.permit import Act
from lapel.base.errors import Invalid
from lapel.footage import found_web
from lapel.footage import store as footage
from lapel.redaction import desk, desk_page, plan_reading, shown, store
from lapel.redaction.model import Redaction

router = APIRouter()
TAG = "Redaction"
Id = Annotated[str, Path(max_length=40, pattern="^[0-9a-f]{32}$")]
SEE_OTHER: dict[int | str, dict[str, Any]] = {303: {"description": "Done"}}


@page(router, "/redactions", "redactions.html", summary="Redactions", tag=TAG)
def redactions(request: Request) -> shown.Redactions:
    """What waits to be decided, to be read a second time, and what is made."""
    actor = actor_of(request)
    with archive_of(request).db.tx(actor.scope()) as conn:
        waiting = store.redactions(conn, actor.in_view)
        made = store.redactions(conn, actor.in_view, done=True)
    return desk_page.listed(actor, waiting, made)


@page(router, "/redactions/{redaction}", "redaction.html", summary="A redaction: the desk", tag=TAG)
def redaction(request: Request, redaction: Id) -> shown.RedactionShown:
    """The clip with what is to be hidden in it, and what is left to decide."""
    actor = actor_of(request)
    _found(request, actor, redaction, "redaction.view")
    return desk_page.build(archive_of(request), actor, redaction)


@router.get("/redactions/{redaction}/plan.json", summary="The plan of a redaction", tags=[TAG])
def plan(request: Request, redaction: Id) -> shown.PlanNow:
    """The newest revision of the plan, as docs/formats/redaction-plan.md has it. Raises `Invalid` before there is one."""
    actor = actor_of(request)
    _found(request, actor, redaction, "redaction.view")
    there, now = desk.read(archive_of(request), actor.scope(), redaction)
    if now is None:
        raise Invalid("There is no plan yet.", next_step="Wait until it is proposed.")
    return shown.PlanNow(plan=plan_reading.as_json(now), revision=there.revision, open=there.state == "open")


@router.get(
    "/redactions/{redaction}/plan",
    summary="The plan as a file",
    tags=[TAG],
    responses={200: {"content": {"application/json": {}}, "description": "For lapel redact --plan"}},
    response_class=Response,
)
def plan_file(request: Request, redaction: Id) -> Response:
    """The newest revision as `lapel redact --plan` takes it. Raises `Invalid` before there is one."""
    actor = actor_of(request)
    there = _found(request, actor, redaction, "redaction.edit")
    _, now = desk.read(archive_of(request), actor.scope(), redaction)
    if now is None:
        raise Invalid("There is no plan yet.", next_step="Wait until it is proposed.")
    name = f'attachment; filename="{there.number}-plan.json"'
    return Response(
        plan_reading.written(now), media_type="application/json", headers={"Content-Disposition": name}
    )


@router.post("/redactions/{redaction}/edits", summary="Change the plan", tags=[TAG])
def edits(request: Request, redaction: Id, wanted: shown.Orders) -> shown.PlanNow:
    """All orders or none, as the next revision; 409 when somebody else changed the plan meanwhile."""
    actor = actor_of(request)
    _found(request, actor, redaction, "redaction.edit")
    there, now, made = desk.edit(archive_of(request), actor.scope(), redaction, wanted.base, wanted.edits)
    return shown.PlanNow(
        plan=plan_reading.as_json(now), revision=there.revision, open=True, says=made.says, chosen=made.chosen
    )


@router.post("/redactions/{redaction}/watched", summary="Say what was watched", tags=[TAG])
def watched(request: Request, redaction: Id, said: shown.Watched) -> shown.Says:
    """Which stretches of the clip this person played, in sight and at no more than twice its speed."""
    actor = actor_of(request)
    _found(request, actor, redaction, "redaction.edit")
    spans = [(span.begins_us, span.ends_us) for span in said.spans]
    there = desk.watch(archive_of(request), actor.scope(), redaction, spans)
    return shown.Says(says=desk_page.watched_says(there))


@router.post("/redactions/{redaction}/accept", summary="Accept the plan", tags=[TAG], responses=SEE_OTHER)
def accept(request: Request, redaction: Id, revision: Annotated[int, Form(ge=1, le=1 << 30)]) -> Response:
    """Nothing is left to decide, and what is decided is right."""
    actor = actor_of(request)
    _found(request, actor, redaction, "redaction.accept")
    # The page was drawn before the last edits; what is accepted is what the desk shows now.
    there, _ = desk.read(archive_of(request), actor.scope(), redaction)
    if there.revision < revision:
        raise Invalid("This plan has no such revision.")
    desk.accept(archive_of(request), actor.scope(), redaction, there.revision)
    return done(request, "The plan is accepted and waits for a second reader.", f"/redactions/{redaction}")


@router.post(
    "/redactions/{redaction}/second", summary="Agree as second reader", tags=[TAG], responses=SEE_OTHER
)
def second(request: Request, redaction: Id) -> Response:
    """Somebody else than who accepted it; the plan may be rendered then."""
    actor = actor_of(request)
    _found(request, actor, redaction, "redaction.accept")
    desk.second(archive_of(request), actor.scope(), redaction)
    return done(request, "The plan is agreed by two people.", f"/redactions/{redaction}")


@router.post("/redactions/{redaction}/render", summary="Render", tags=[TAG], responses=SEE_OTHER)
def render(request: Request, redaction: Id) -> Response:
    """Have a worker make the redacted copy by the plan that two people agreed on."""
    actor = actor_of(request)
    _found(request, actor, redaction, "redaction.accept")
    desk.ask_render(archive_of(request), actor.scope(), redaction)
    return done(request, "The copy is being made.", f"/redactions/{redaction}")


@router.post("/redactions/{redaction}/back", summary="Give the plan back", tags=[TAG], responses=SEE_OTHER)
def back(request: Request, redaction: Id, reason: Annotated[str, Form(max_length=1000)] = "") -> Response:
    """Open an accepted plan again, with what is to be changed."""
    actor = actor_of(request)
    _found(request, actor, redaction, "redaction.accept")
    desk.give_back(archive_of(request), actor.scope(), redaction, reason.replace("\0", ""))
    return done(request, "The plan is open again.", f"/redactions/{redaction}")


@router.post("/recordings/{number}/redactions", summary="Send to redaction", tags=[TAG], responses=SEE_OTHER)
def begin(request: Request, number: found_web.Number, original: Annotated[str, Form(pattern="^[0-9a-f]{32}$")]) -> Response:  # fmt: skip
    """Ask for a redaction of one clip of this recording."""
    actor, archive = actor_of(request), archive_of(request)
    there = found_web.found(request, number, "redaction.edit")
    with archive.db.tx(actor.scope()) as conn:
        if footage.original(conn, original).recording != there.id:
            raise Invalid("This recording has no such clip.")
    made = desk.begin(archive, actor.scope(), original)
    return done(request, "The clip is looked through for what may have to be hidden.", f"/redactions/{made}")


def _found(request: Request, actor: Actor, redaction_id: str, act: Act) -> Redaction:
    """The redaction, when it is in view and the act is permitted on its recording. Raises `NotFound`, `Refused`."""
    with archive_of(request).db.tx(actor.scope()) as conn:
        there = store.redaction(conn, redaction_id)
    found_web.found(request, there.number, act)
    return there
