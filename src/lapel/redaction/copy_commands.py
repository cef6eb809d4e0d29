"""How is a redacted copy of a recording made and taken from a terminal? `lapel redact REC …`, `lapel redact take REC`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lapel.base.errors import Conflict, Invalid, NotFound, Refused, Unavailable

if TYPE_CHECKING:
    from lapel.footage.model import Original, Recording
    from lapel.redaction.copies import Package
    from lapel.redaction.copying import Chosen
    from lapel.redaction.plan import Plan
    from lapel.redaction.verify import Verdict
    from lapel.storage.archive import Archive
    from lapel.storage.postgres import Connection, Scope

# The worker's archive, who asks, and the department's trust file.
Opened = Callable[[], AbstractContextManager[tuple["Archive", "Scope", bytes]]]
Told = Callable[[int, int], None]


def add_take(app: typer.Typer, opened: Opened) -> None:
    """Add `take` to `lapel redact`."""

    @app.command()
    def take(
        rec: Annotated[str, typer.Argument(help="The recording's number.")],
        out: Annotated[Path, typer.Option(help="The folder to make.")],
        wait_s: Annotated[
            int, typer.Option(min=0, help="How long to wait for the log's next checkpoint.")
        ] = 180,
    ) -> None:
        """Take the newest redacted copy of a recording again, with receipts against the newest checkpoint."""
        with opened() as (archive, scope, trust):
            with archive.db.tx(scope) as conn:
                from lapel.redaction import store_copies

                found = store_copies.copies(conn, recording=_recording(conn, rec).id)
            if not found:
                raise NotFound(
                    f"There is no redacted copy of {rec[:40]}.", next_step="Make one: lapel redact."
                )
            verdict = hand_out(archive, scope, found[0].id, out, trust, wait_s=wait_s)
        typer.echo(str(verdict))
        raise typer.Exit(verdict.status)


def redact_recording(
    archive: Archive, scope: Scope, rec: str, plans: Sequence[bytes], *, auto: bool, told: Told
) -> str:
    """Make a copy of a recording; its id. Each of `plans` is one that two people agreed on at the desk, unchanged since;
    without any, every clip that has such a plan is shown; with `auto`, every clip, by what the detectors propose.

    Raises `Refused` for a plan that nobody agreed on, `Conflict` when there is none.
    """
    from lapel.footage import store as footage
    from lapel.redaction.copying import make_copy

    with archive.db.tx(scope) as conn:
        recording = _recording(conn, rec)
        clips = [one for one in footage.originals(conn, recording.id) if one.kind == "clip"]
        if auto and plans:
            raise Invalid(
                "Give --plan or --auto, not both.", next_step="A plan is accepted by a person; --auto is not."
            )
        chosen = {} if auto else _agreed(conn, archive, recording, clips, plans)
    if auto:
        chosen = _proposed(archive, scope, recording, clips)
    return make_copy(archive, scope, recording.id, chosen, auto=auto, told=told)


def hand_out(archive: Archive, scope: Scope, copy: str, out: Path, trust: bytes, *, wait_s: float) -> Verdict:
    """Write a copy into a new folder; the verdict on it. Without a checkpoint in time it has no receipts (status 8)."""
    from lapel.redaction import copies
    from lapel.redaction.verify_folder import verify_folder

    package = _package(archive, scope, copy, trust, wait_s)
    detail: dict[str, Any] = {"copy": copy, "manifest": package.copy.manifest_sha256}
    copies.enter(archive, scope, package.copy, "copy_taken", detail)
    copies.write_folder(archive, package, out)
    return verify_folder(out, trust)


def _package(archive: Archive, scope: Scope, copy: str, trust: bytes, wait_s: float) -> Package:
    from lapel.redaction import copies

    deadline = time.monotonic() + wait_s
    said = False
    while True:
        try:
            return copies.prepare(archive, scope, copy, trust)
        except Unavailable as waits:
            if time.monotonic() >= deadline:
                print(
                    f"{waits.says} The copy is made without receipts; take it again with `lapel redact take`, while"
                    " `lapel serve` runs.",
                    file=sys.stderr,
                )
                return copies.prepare(archive, scope, copy, trust, receipts=False)
            if not said:
                print("Waiting for the next checkpoint of the log …", file=sys.stderr)
                said = True
            time.sleep(min(1.0, wait_s / 10))


def _agreed(
    conn: Connection,
    archive: Archive,
    recording: Recording,
    clips: Sequence[Original],
    plans: Sequence[bytes],
) -> Mapping[str, Chosen]:
    from lapel.redaction import plan_reading, store
    from lapel.redaction.copying import Chosen
    from lapel.redaction.making import agreed_plan

    chosen: dict[str, Chosen] = {}
    if not plans:
        for there in store.agreed(conn, recording.id):
            chosen[there.original] = Chosen(
                agreed_plan(conn, archive, there, recording), there.watched_milli, there.id
            )
        if not chosen:
            raise Conflict(
                f"No plan of {recording.number} is agreed by two people, so nothing can be shown.",
                next_step="Decide it at the desk; or hide all that is found, unreviewed, with --auto.",
            )
    for text in plans:
        plan = plan_reading.read_plan(text)
        original = _clip_of(recording, clips, plan)
        accepted = store.accepted_plan(conn, original.id, plan_reading.digest(plan))
        if accepted is None:
            raise Refused(
                f"This plan of {original.name[:60]} is not one that two people agreed on: it was changed since, or never accepted.",
                rules=("redaction/two-people",),
                next_step="Take the plan from the desk again; or have it accepted and read a second time there.",
            )
        chosen[original.id] = Chosen(
            agreed_plan(conn, archive, accepted, recording), accepted.watched_milli, accepted.id
        )
    return chosen


def _clip_of(recording: Recording, clips: Sequence[Original], plan: Plan) -> Original:
    for one in clips:
        if (one.sha256, one.size_bytes) == (plan.source.sha256, plan.source.size_bytes):
            return one
    raise Invalid(
        f"The plan is for another file: SHA-256 {plan.source.sha256[:16]}…; no clip of {recording.number} is that one.",
        next_step="Choose the plan of a clip of this recording.",
    )


def _proposed(
    archive: Archive, scope: Scope, recording: Recording, clips: Sequence[Original]
) -> Mapping[str, Chosen]:
    from lapel.custody import log
    from lapel.footage import play
    from lapel.redaction.copying import Chosen
    from lapel.redaction.plan import Source
    from lapel.redaction.propose import propose

    chosen: dict[str, Chosen] = {}
    for one in clips:
        if one.media_root is None:
            continue
        with archive.db.tx(scope) as conn:
            log.record(
                conn, actor=scope.actor, agency=recording.agency, act="redaction_proposed",
                subject=f"recording:{recording.id}", detail={"original": one.id},
            )  # fmt: skip
        source = Source(one.sha256, one.size_bytes, recording.number)
        chosen[one.id] = Chosen(propose(play.reader(archive, recording, one).read, source).plan)
    return chosen


def _recording(conn: Connection, said: str) -> Recording:
    from lapel.base.ids import is_id, read_number
    from lapel.footage import store as footage

    if is_id(said):
        return footage.recording(conn, said)
    return footage.recording_by_number(conn, read_number(said) or said)
