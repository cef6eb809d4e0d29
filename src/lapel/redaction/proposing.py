"""What does the worker do when somebody asks for a redaction? It looks through the clip and proposes a plan."""

from __future__ import annotations

from lapel.base.errors import EvidenceFault, LapelError, Unavailable
from lapel.footage import play
from lapel.footage import store as footage
from lapel.redaction import desk, store
from lapel.redaction.plan import Source
from lapel.redaction.propose import propose
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope


def propose_plan(archive: Archive, redaction: str) -> None:
    """The job that `desk.begin` defers: propose a plan and open it for people. Safe to do twice.

    Whatever the clip does not allow stops the redaction with its reason. Raises `Unavailable` (done again later) and
    `EvidenceFault`.
    """
    with archive.db.tx(Scope("system:worker", ())) as conn:
        scope = Scope("system:worker", (store.agency_of(conn, redaction),))
    with archive.db.tx(scope) as conn:
        there = store.redaction(conn, redaction)
        if there.state != "proposing":
            return
        recording = footage.recording(conn, there.recording)
        original = footage.original(conn, there.original)
    length_us = 1000 * int((original.inspection or {}).get("duration_ms") or 0)

    def told(_: str, done_us: int) -> None:
        share = min(999, 1000 * done_us // length_us) if length_us else 0
        with archive.db.tx(scope) as conn:
            store.change(conn, redaction, progress_milli=share, says="Looking at the pictures.")

    source = Source(original.sha256, original.size_bytes, recording.number)
    try:
        plan = propose(play.reader(archive, recording, original).read, source, told=told).plan
    except (EvidenceFault, Unavailable):
        raise
    except LapelError as error:
        with archive.db.tx(scope) as conn:
            store.change(conn, redaction, state="stopped", says=error.says[:1000])
        return
    with archive.db.tx(scope) as conn:
        there = store.redaction(conn, redaction, lock=True)
        if there.state == "proposing":
            desk.keep_proposal(conn, archive, scope, there, recording, plan)
