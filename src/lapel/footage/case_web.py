"""Which matter does it belong to, and who else sees it? Cases, and the export of a recording."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import Response, StreamingResponse

from lapel.access.actor import Actor
from lapel.access.page_web import actor_of, archive_of, done, page
from lapel.access.permit import decide, permit
from lapel.base.errors import Refused
from lapel.base.ids import recording_number
from lapel.cases import contents, files, store
from lapel.cases.model import KINDS, PARTS, Case, Ref
from lapel.custody import log
from lapel.footage import export, guests, history
from lapel.footage import words as said
from lapel.footage.bytes_web import ending
from lapel.footage.found_web import Number, found
from lapel.footage.model import Recording
from lapel.footage.share_web import MATTER, share_row
from lapel.footage.shown_cases import (
    ActShown,
    CaseRow,
    Cases,
    CaseShown,
    InCase,
    JointShown,
    PartShown,
)
from lapel.storage.postgres import Connection

router = APIRouter()
TAG = "Cases"
Agency = Annotated[str, Path(max_length=16)]
CaseNumber = Annotated[str, Path(max_length=40)]

# A case or a share is a matter itself; who handles it need not say for which.


def _own(actor: Actor, there: Recording) -> None:
    """Return when the recording is of an agency whose footage this person sees. What is shared is not theirs to hand on."""
    if guests.is_guest(actor.scope(), there):
        raise Refused(
            f"{there.number} is {there.agency.upper()}'s, and only they hand it on.",
            rules=("cases/only-the-owner-hands-on",),
            next_step=f"Ask {there.agency.upper()}.",
        )


def _case_row(one: Case, counts: dict[str, int]) -> CaseRow:
    return CaseRow(
        number=one.number, agency=one.agency, title=one.title, kind=one.kind, opened_at=one.opened_at,
        closed_at=one.closed_at, recordings=counts.get(one.id, 0), url=one.url,
    )  # fmt: skip


@page(router, "/cases", "cases.html", summary="Cases", tag=TAG)
def case_list(
    request: Request, words: Annotated[str, Query(max_length=100, description="of a number or a title")] = ""
) -> Cases:
    """The cases of the agencies in view, those joint with them, and those shared with them."""
    actor, words = actor_of(request), words.replace("\0", "").strip()
    guests.permit_matters(actor)
    with archive_of(request).db.tx(actor.scope()) as conn:
        there = store.cases(conn, open_only=False, words=words)
        counts = store.count_placed(conn, [c.id for c in there])
    return Cases(
        words=words,
        rows=[_case_row(c, counts) for c in there],
        kinds=list(KINDS),
        agencies=[
            a for a in actor.scope().agencies if decide(actor, "footage.categorise", a, MATTER).allowed
        ],
    )


@router.post("/cases", summary="Open a case", tags=[TAG], responses={303: {"description": "Opened"}})
def new_case(
    request: Request,
    agency: Annotated[str, Form(max_length=20)] = "",
    kind: Annotated[str, Form(max_length=40)] = "",
    title: Annotated[str, Form(max_length=400)] = "",
    number: Annotated[str, Form(max_length=60)] = "",
) -> Response:
    """A new case; without a number it gets the agency's next of the year."""
    actor = actor_of(request)
    permit(actor, "footage.categorise", agency, MATTER)
    made = files.open_case(archive_of(request), actor.scope(), agency, kind, title, number)
    return done(request, f"Case {made.number} is open.", made.url)


@page(router, "/cases/{agency}/{number}", "case.html", summary="A case", tag=TAG)
def one_case(request: Request, agency: Agency, number: CaseNumber) -> CaseShown:
    """What is in a case, who works on it, and with whom it is shared."""
    actor = actor_of(request)
    guests.permit_matters(actor)
    with archive_of(request).db.tx(actor.scope()) as conn:
        there = store.case_numbered(conn, number.replace("~", "/"), agency)
        placed = store.placed(conn, there.id)
        ours = there.agency in actor.scope().agencies
        known = [
            row["id"] for row in conn.execute("SELECT id FROM agency WHERE id <> %s ORDER BY name", (agency,))
        ]
        return CaseShown(
            case=_case_row(there, {there.id: len(placed)}),
            ours=ours,
            recordings=[
                InCase(
                    number=recording_number(p.recording), agency=p.agency, added_at=p.added_at,
                    url=f"/recordings/{recording_number(p.recording)}",
                )
                for p in placed
            ],
            members=[
                PartShown(id=m.id, who=m.who, part=m.part, account=m.account)
                for m in store.members(conn, there.id) if not m.ended_at
            ],
            joint=[
                JointShown(agency=j.joint, task_force=j.task_force)
                for j in store.joints(conn, there.id) if not j.ended_at
            ],
            shares=[share_row(conn, s) for s in store.shares_of_case(conn, there.id)],
            may_change=ours and decide(actor, "footage.categorise", there.agency, MATTER).allowed,
            may_take_out=[
                a for a in actor.scope().agencies if decide(actor, "footage.categorise", a, MATTER).allowed
            ],
            parts=list(PARTS),
            agencies=known,
            history=_history(conn, there),
        )  # fmt: skip


def _history(conn: Connection, there: Case) -> list[ActShown]:
    acts = sorted(log.history(conn, f"case:{there.id}"), key=lambda act: (act.at, act.index or 0))
    names = history.actor_names(conn, sorted({act.actor for act in acts if act.actor}))
    kept = store.kept(conn, sorted({str(act.detail.get("recording", "")) for act in acts}))
    return [
        ActShown(
            at=act.at,
            who=names.get(act.actor or "", history.FORGOTTEN),
            says=said.case_act(act.act, act.detail),
            more=str(act.detail.get("reason") or act.detail.get("purpose") or ""),
        )
        for act in acts
        if act.detail.get("recording") not in kept
    ]


@router.post(
    "/recordings/{number}/case",
    summary="Add to a case",
    tags=[TAG],
    responses={303: {"description": "Added"}},
)
def add_to_case(request: Request, number: Number, case: Annotated[str, Form(max_length=60)] = "") -> Response:
    """Put a recording into a case of its agency, or one that is joint with it."""
    there = found(request, number, "footage.categorise")
    archive, scope = archive_of(request), actor_of(request).scope()
    with archive.db.tx(scope) as conn:
        which = store.case_numbered(conn, case.strip())
    contents.add_recordings(archive, scope, which.id, [Ref(there.id, there.agency)])
    return done(request, "It is in the case.", f"/recordings/{there.number}#cases")


@router.get(
    "/recordings/{number}/export.zip",
    summary="Export a recording",
    tags=["Footage"],
    response_class=StreamingResponse,
    responses={200: {"content": {"application/zip": {}}, "description": "Originals, receipts, instructions"}},
)
def export_zip(request: Request, number: Number) -> Response:
    """Originals as they came, what is known, receipts, the trust file and how to verify; two entries of its own."""
    there = found(request, number, "footage.download")
    actor, archive = actor_of(request), archive_of(request)
    _own(actor, there)
    made = export.prepare(archive, actor.scope(), there, request.app.state.trust_file)
    return StreamingResponse(
        ending(export.stream(archive, actor.scope(), made)),
        media_type="application/zip",
        headers={"Cache-Control": "private, no-store", "Content-Disposition": f'attachment; filename="{made.file_name}"'},
    )  # fmt: skip
