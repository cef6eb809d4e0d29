"""What does a person do with a redaction? Ask for one, edit its plan, watch, accept it, read it a second time.

Each edit is a revision that stays; undoing is one more. Edits are not entered in the custody log one by one: the entry of
the acceptance has the digest of the plan, which holds who decided each track. The other acts leave sidecars.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.errors import Conflict, Invalid, Refused
from lapel.base.ids import new_id
from lapel.custody.sidecar import Write
from lapel.footage import store as footage
from lapel.footage.model import Original, Recording
from lapel.redaction import edits, orders, plan_reading, store
from lapel.redaction.keeping import NOT_AGREED, keep, keep_with_act, perform_on
from lapel.redaction.model import Redaction
from lapel.redaction.plan import Plan
from lapel.storage import queue
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

# The jobs, by the names they are deferred with.
PROPOSE, RENDER = store.JOBS["proposing"], store.JOBS["rendering"]
MAX_ORDERS = 200
MAX_SPANS = 1000


def begin(archive: Archive, scope: Scope, original_id: str) -> str:
    """Ask for a redaction of a clip: the plan is proposed by a worker. Returns its id. Raises `Invalid` for no clip, `Conflict` for a second one."""
    with archive.db.tx(scope) as conn:
        original = footage.original(conn, original_id)
        if original.kind != "clip" or original.state != "inspected":
            raise Invalid(
                f"{original.name[:60]} is not a clip that was read, so nothing can be redacted in it.",
                next_step="Wait until it is inspected, or choose a clip.",
            )
        store.check_none_running(conn, original.id)
        made = new_id()
        row = {
            "id": made,
            "agency": original.agency,
            "recording": original.recording,
            "original": original.id,
            "state": "proposing",
            "says": "Waits for a worker.",
            "asked_by": scope.actor,
            "asked_at": clock.now(),
        }
        recording = footage.recording(conn, original.recording)
        detail: dict[str, Value] = {"redaction": made, "original": original.id}
        perform_on(conn, archive, scope, recording, "redaction_begun", detail, [Write("redaction", row)])
        queue.defer(conn, PROPOSE, redaction=made)
        return made


def read(archive: Archive, scope: Scope, redaction_id: str) -> tuple[Redaction, Plan | None]:
    """A redaction with the newest revision of its plan, None before there is one. Raises `NotFound`."""
    with archive.db.tx(scope) as conn:
        there = store.redaction(conn, redaction_id)
        if not there.revision:
            return there, None
        recording = footage.recording(conn, there.recording)
        return there, _plan(conn, archive, there, recording)


def edit(
    archive: Archive, scope: Scope, redaction_id: str, base: int, wanted: Sequence[Mapping[str, Any]]
) -> tuple[Redaction, Plan, orders.Done]:
    """Change the plan by orders, all or none, as the next revision.

    `base`: the revision that the person saw. Raises `Conflict` when there is a newer one or the plan is accepted,
    `Invalid` for an order that cannot be.
    """
    if not 0 < len(wanted) <= MAX_ORDERS:
        raise Invalid(f"An edit is 1 to {MAX_ORDERS} orders.")
    with archive.db.tx(scope) as conn:
        there = _open(conn, redaction_id, base)
        recording = footage.recording(conn, there.recording)
        if any(order.get("op") == "undo" for order in wanted):
            return _undo(conn, archive, scope, there, recording)
        plan = _plan(conn, archive, there, recording)
        length_us = _length_us(footage.original(conn, there.original))
        said: list[str] = []
        done = orders.Done(plan, "")
        for order in wanted:
            done = orders.obey(done.plan, order, by=scope.actor, length_us=length_us)
            said.append(done.says)
        done = orders.Done(done.plan, "; ".join(said), done.chosen)
        return *keep(conn, archive, scope, there, recording, done.plan, done.says), done


def watch(archive: Archive, scope: Scope, redaction_id: str, spans: Sequence[tuple[int, int]]) -> Redaction:
    """Keep which spans (microseconds) this person watched; what lies beyond the clip is cut. Raises `Invalid` for too many."""
    if len(spans) > MAX_SPANS:
        raise Invalid(f"At most {MAX_SPANS} spans at once.")
    with archive.db.tx(scope) as conn:
        there = store.redaction(conn, redaction_id, lock=True)
        length_us = _length_us(footage.original(conn, there.original))
        kept = [(max(0, b), min(e, length_us)) for b, e in spans]
        store.add_watched(conn, there, scope.actor, [(b, e) for b, e in kept if b < e], clock.now())
        seen_us = sum(ends - begins for begins, ends in store.watched(conn, there.id))
        share = min(1000, 1000 * seen_us // length_us) if length_us else 0
        store.change(conn, there.id, watched_milli=share)
        return store.redaction(conn, redaction_id)


def accept(archive: Archive, scope: Scope, redaction_id: str, base: int) -> Redaction:
    """Accept the whole plan: nothing is left to decide, and it is not edited any more. Raises `Conflict`."""
    at = clock.now()
    with archive.db.tx(scope) as conn:
        there = _open(conn, redaction_id, base)
        recording = footage.recording(conn, there.recording)
        plan = edits.review(_plan(conn, archive, there, recording), by=scope.actor, at=clock.stamp(at))
        digest = plan_reading.digest(plan)
        changes = {"state": "accepted", "accepted_by": scope.actor, "accepted_at": at, "plan_sha256": digest}
        detail: dict[str, Value] = {
            "redaction": there.id,
            "original": there.original,
            "plan": digest,
            "hidden": sum(track.state == "accepted" for track in plan.tracks),
            "left_visible": sum(track.state == "rejected" for track in plan.tracks),
            "silenced": sum(sound.state == "accepted" for sound in plan.sound),
            "suspects": len(plan.suspects),
            "watched_milli": there.watched_milli,
        }
        keep_with_act(
            conn,
            archive,
            scope,
            there,
            recording,
            plan,
            "the plan is accepted",
            "redaction_accepted",
            detail,
            changes,
        )
        return store.redaction(conn, redaction_id)


def second(archive: Archive, scope: Scope, redaction_id: str) -> Redaction:
    """Read an accepted plan as a second person and agree; the plan may be rendered then. Raises `Refused` for the same person."""
    at = clock.now()
    with archive.db.tx(scope) as conn:
        there = store.redaction(conn, redaction_id, lock=True)
        _in_state(there, "accepted")
        if there.accepted_by == scope.actor:
            raise Refused(
                "You accepted this plan yourself; somebody else reads it a second time.",
                rules=("redaction/two-people",),
                next_step="Ask another records officer.",
            )
        recording = footage.recording(conn, there.recording)
        plan = edits.second_reading(_plan(conn, archive, there, recording), by=scope.actor)
        digest = plan_reading.digest(plan)
        changes = {
            "state": "second_read",
            "second_by": scope.actor,
            "second_at": at,
            "plan_sha256": digest,
            "says": "",
        }
        detail: dict[str, Value] = {"redaction": there.id, "plan": digest}
        keep_with_act(
            conn,
            archive,
            scope,
            there,
            recording,
            plan,
            "read a second time",
            "redaction_second_read",
            detail,
            changes,
        )
        return store.redaction(conn, redaction_id)


def ask_render(archive: Archive, scope: Scope, redaction_id: str) -> Redaction:
    """Have a worker make the copy by the plan that two people agreed on. Raises `Conflict` for one they did not."""
    with archive.db.tx(scope) as conn:
        there = store.redaction(conn, redaction_id, lock=True)
        _in_state(there, "second_read")
        recording = footage.recording(conn, there.recording)
        row = {"id": there.id, "state": "rendering", "progress_milli": 0, "says": "Waits for a worker."}
        detail: dict[str, Value] = {"redaction": there.id, "plan": there.plan_sha256 or ""}
        perform_on(
            conn,
            archive,
            scope,
            recording,
            "redaction_render_asked",
            detail,
            [Write("redaction", row, change=True)],
        )
        queue.defer(conn, RENDER, redaction=there.id)
        return store.redaction(conn, redaction_id)


def give_back(archive: Archive, scope: Scope, redaction_id: str, reason: str) -> Redaction:
    """Open an accepted plan again, because something is to be changed. Raises `Invalid` without a reason."""
    if not reason.strip():
        raise Invalid(
            "The plan was not given back: no reason was given.", next_step="Say what is to be changed."
        )
    with archive.db.tx(scope) as conn:
        there = store.redaction(conn, redaction_id, lock=True)
        _in_state(there, "accepted")
        said = reason.strip()[:1000]
        row = {"id": there.id, "state": "open", **NOT_AGREED, "says": said}
        recording = footage.recording(conn, there.recording)
        detail: dict[str, Value] = {"redaction": there.id, "reason": said}
        perform_on(
            conn,
            archive,
            scope,
            recording,
            "redaction_given_back",
            detail,
            [Write("redaction", row, change=True)],
        )
        return store.redaction(conn, redaction_id)


def keep_proposal(conn: Connection, archive: Archive, scope: Scope, there: Redaction, recording: Recording, plan: Plan) -> None:  # fmt: skip
    """Keep what a worker proposed as the first revision, and open the plan."""
    there, _ = keep(conn, archive, scope, there, recording, plan, "proposed by the detectors")
    store.change(conn, there.id, state="open", says="", progress_milli=1000)


def _undo(
    conn: Connection, archive: Archive, scope: Scope, there: Redaction, recording: Recording
) -> tuple[Redaction, Plan, orders.Done]:
    """Take this person's last edit that is not taken back yet back, when nothing of anybody else came after it."""
    taken: set[int] = set()
    for revision in store.revisions(conn, there.id):
        if revision.undoes is not None:
            taken.add(revision.undoes)
            continue
        if revision.revision in taken:
            continue
        if revision.made_by != scope.actor or revision.revision == 1:
            break
        text = store.plan_text(conn, archive, there, recording, revision.revision - 1)
        plan, says = plan_reading.read_plan(text), f"taken back: {revision.says}"
        kept = keep(conn, archive, scope, there, recording, plan, says, undoes=revision.revision)
        return *kept, orders.Done(kept[1], says)
    raise Conflict("There is nothing of yours to take back.")


def _plan(conn: Connection, archive: Archive, there: Redaction, recording: Recording) -> Plan:
    return plan_reading.read_plan(store.plan_text(conn, archive, there, recording, there.revision))


def _open(conn: Connection, redaction_id: str, base: int) -> Redaction:
    there = store.redaction(conn, redaction_id, lock=True)
    _in_state(there, "open")
    if there.revision != base:
        raise Conflict(
            f"The plan is at revision {there.revision}, and yours is {base}: somebody else changed it.",
            next_step="Look at the newest plan and do it again.",
        )
    return there


def _in_state(there: Redaction, state: str) -> None:
    if there.state != state:
        raise Conflict(
            f"This redaction is not {'open' if state == 'open' else 'waiting for a second reader'} (it is “{there.state}”).",
            next_step="Load its page again.",
        )


def _length_us(original: Original) -> int:
    return 1000 * int((original.inspection or {}).get("duration_ms") or 0)
