"""What does the worker do when a plan is agreed and somebody asks for the copy? It renders, looks again, seals, signs, logs.

A plan that is not the one that two people agreed on is a fault. What the second look still sees opens the plan again, with
suspects. Anything else that stops it leaves the plan agreed, with the reason, to be tried again.
"""

from __future__ import annotations

from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.errors import EvidenceFault, LapelError, NotFound, Unavailable
from lapel.custody import log
from lapel.custody.sidecar import Write
from lapel.footage import store as footage
from lapel.footage.model import Recording
from lapel.redaction import plan_reading, store
from lapel.redaction.copying import Chosen, make_copy
from lapel.redaction.keeping import NOT_AGREED, keep_with_act, perform_on
from lapel.redaction.model import Redaction
from lapel.redaction.plan import Plan
from lapel.redaction.second_look import Look, StillSeen, look_again, with_suspects
from lapel.redaction.timing import Progress
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

ACTOR = "system:worker"


def render_copy(archive: Archive, redaction: str, *, look: Look = look_again) -> None:
    """The job that `desk.ask_render` defers. Safe to do twice: the first that is done leaves nothing for the second.

    Raises `Unavailable` (done again later) and `EvidenceFault`.
    """
    with archive.db.tx(Scope(ACTOR, ())) as conn:
        scope = Scope(ACTOR, (store.agency_of(conn, redaction),))
    with archive.db.tx(scope) as conn:
        there = store.redaction(conn, redaction)
        if there.state != "rendering":
            return
        recording = footage.recording(conn, there.recording)
        plan = agreed_plan(conn, archive, there, recording)

    def kept(milli: int, says: str) -> None:
        with archive.db.tx(scope) as conn:
            store.change(conn, redaction, progress_milli=milli, says=says)

    progress = Progress(kept, "Rendering and looking again")
    row = {
        "id": there.id, "state": "rendered", "rendered_at": clock.now(), "progress_milli": 1000, "says": "",
    }  # fmt: skip
    try:
        chosen = {there.original: Chosen(plan, there.watched_milli, there.id)}
        done = [Write("redaction", row, change=True)]
        make_copy(archive, scope, recording.id, chosen, auto=False, told=progress.told, look=look, done=done)
    except StillSeen as seen:
        _open_again(archive, scope, there, recording, plan, seen)
    except EvidenceFault:
        raise
    except Unavailable as error:
        kept(0, f"It waits, and is tried again: {error.says}"[:1000])
        raise
    except LapelError as error:
        _stopped(archive, scope, there, recording, error)


def agreed_plan(conn: Connection, archive: Archive, there: Redaction, recording: Recording) -> Plan:
    """The plan of a redaction, when it is the one whose digest the log has from the second reader. Raises `EvidenceFault`."""
    text = store.plan_text(conn, archive, there, recording, there.revision)
    plan = plan_reading.read_plan(text)
    digest = plan_reading.digest(plan)
    logged = [
        act.detail.get("plan")
        for act in log.history(conn, f"recording:{recording.id}")
        if act.act == "redaction_second_read" and act.detail.get("redaction") == there.id
    ]
    if digest != there.plan_sha256 or not logged or logged[-1] != digest or plan.reviewed is None:
        raise EvidenceFault(
            f"The plan of redaction {there.id} is not the one that two people agreed on; nothing was made.",
            next_step="Keep everything as it is; have a second person look who changed it.",
        )
    return plan


def _open_again(
    archive: Archive, scope: Scope, there: Redaction, recording: Recording, plan: Plan, seen: StillSeen
) -> None:
    sightings = [one for every in seen.seen.values() for one in every]
    with archive.db.tx(scope) as conn:
        there = store.redaction(conn, there.id, lock=True)
        if there.state != "rendering":
            return
        changes = {"state": "open", **NOT_AGREED, "says": seen.says[:1000]}
        detail: dict[str, Value] = {
            "redaction": there.id, "plan": there.plan_sha256 or "", "sightings": len(sightings), "says": seen.says,
        }  # fmt: skip
        keep_with_act(
            conn, archive, scope, there, recording, with_suspects(plan, sightings),
            "seen in the render by the detector", "redaction_stopped", detail, changes,
        )  # fmt: skip


def _stopped(
    archive: Archive, scope: Scope, there: Redaction, recording: Recording, error: LapelError
) -> None:
    with archive.db.tx(scope) as conn:
        try:
            there = store.redaction(conn, there.id, lock=True)
        except NotFound:
            return
        if there.state != "rendering":
            return
        row = {"id": there.id, "state": "second_read", "progress_milli": 0, "says": str(error)[:1000]}
        detail: dict[str, Value] = {
            "redaction": there.id,
            "plan": there.plan_sha256 or "",
            "says": error.says[:500],
        }
        perform_on(
            conn,
            archive,
            scope,
            recording,
            "redaction_stopped",
            detail,
            [Write("redaction", row, change=True)],
        )
