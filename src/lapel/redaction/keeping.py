"""How is a decision at the desk kept? The plan as its next revision, and what was done as an act that a rebuild brings back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lapel.base import clock
from lapel.base.digest import Value
from lapel.custody import log
from lapel.custody.sidecar import Under, Write, perform
from lapel.footage.model import Recording
from lapel.redaction import plan_reading, store
from lapel.redaction.model import Redaction
from lapel.redaction.plan import Plan, left_to_look_at
from lapel.storage import rows
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

# What is no longer so when a plan is open again.
NOT_AGREED = dict.fromkeys(("accepted_by", "accepted_at", "second_by", "second_at", "plan_sha256"))
_IN_SIDECAR_BYTES = 500_000  # a sidecar is wrapped whole, at most a MiB


def keep(
    conn: Connection, archive: Archive, scope: Scope, there: Redaction, recording: Recording, plan: Plan, says: str,
    *, undoes: int | None = None,
) -> tuple[Redaction, Plan]:  # fmt: skip
    """Keep a plan as the next revision; the redaction and the plan as they are then. Raises `Invalid` for one too large."""
    row, changes, plan = _revision(archive, scope, there, recording, plan, says, undoes)
    rows.insert(conn, "redaction_plan", row)
    store.change(conn, there.id, **changes)
    return store.redaction(conn, there.id), plan


def keep_with_act(
    conn: Connection, archive: Archive, scope: Scope, there: Redaction, recording: Recording, plan: Plan, says: str,
    act: str, detail: dict[str, Value], changes: Mapping[str, Any],
) -> None:  # fmt: skip
    """Keep a plan as the next revision by an act of its own, whose sidecar brings both back after a loss."""
    row, counted, _ = _revision(archive, scope, there, recording, plan, says, None)
    writes = [Write("redaction", {"id": there.id, **counted, **changes}, change=True)]
    if len(row["plan"]) > _IN_SIDECAR_BYTES:
        rows.insert(conn, "redaction_plan", row)
    else:
        writes.insert(0, Write("redaction_plan", row))
    perform_on(conn, archive, scope, recording, act, detail, writes)


def _revision(
    archive: Archive,
    scope: Scope,
    there: Redaction,
    recording: Recording,
    plan: Plan,
    says: str,
    undoes: int | None,
) -> tuple[dict[str, Any], dict[str, Any], Plan]:
    """The row of the next revision, what changes in the redaction's, and the plan as it is kept."""
    text = plan_reading.written(plan)
    plan = plan_reading.read_plan(text)  # what is kept can be read again, whatever the orders were
    row = store.revision_row(
        archive, there, recording, text, says=says, by=scope.actor, at=clock.now(), undoes=undoes
    )
    tracks, sounds, suspects = left_to_look_at(plan)
    return row, {"revision": row["revision"], "left_tracks": tracks + sounds, "left_suspects": suspects}, plan


def perform_on(
    conn: Connection, archive: Archive, scope: Scope, recording: Recording, act: str, detail: dict[str, Value],
    writes: Sequence[Write],
) -> None:  # fmt: skip
    """Do an act on a redaction: its rows, its entry among the recording's, and its sidecar."""
    entry = log.prepare(
        conn,
        actor=scope.actor,
        agency=recording.agency,
        act=act,
        subject=f"recording:{recording.id}",
        detail=detail,
    )
    under = Under(recording.id, recording.wrapped_key)
    perform(conn, archive, entry, writes, agency=recording.agency, under=under)
