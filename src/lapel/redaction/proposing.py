"""What does the worker do when somebody asks for a redaction? It looks through the clip, hears it, and proposes a plan."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lapel.base.digest import Value
from lapel.base.errors import EvidenceFault, Invalid, LapelError, Unavailable
from lapel.base.ids import new_id
from lapel.custody.sidecar import Write
from lapel.footage import play
from lapel.footage import store as footage
from lapel.footage.model import Original, Recording
from lapel.redaction import desk, speech, store, store_copies
from lapel.redaction.keeping import perform_on
from lapel.redaction.model import Redaction
from lapel.redaction.plan import Plan, Source
from lapel.redaction.plan_reading import checked
from lapel.redaction.propose import propose
from lapel.redaction.speech import Transcript
from lapel.redaction.spoken import propose as mutings
from lapel.redaction.timing import Progress
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope
from lapel.storage.sealed import Sealer

ACTOR = "system:worker"
KIND = "transcript"
NO_SOUND = "The clip has no sound."
NOTHING_HEARD = (
    "Nothing was understood in the sound. Listen to it: a machine that hears nothing proves nothing."
)


def propose_plan(archive: Archive, redaction: str) -> None:
    """The job that `desk.begin` defers: propose a plan and open it for people. Safe to do twice.

    Whatever the clip does not allow stops the redaction with its reason; where nothing can hear, the plan says so. Raises
    `Unavailable` (done again later) and `EvidenceFault`.
    """
    with archive.db.tx(Scope(ACTOR, ())) as conn:
        scope = Scope(ACTOR, (store.agency_of(conn, redaction),))
    with archive.db.tx(scope) as conn:
        there = store.redaction(conn, redaction)
        if there.state != "proposing":
            return
        recording = footage.recording(conn, there.recording)
        original = footage.original(conn, there.original)
    length_us = 1000 * int((original.inspection or {}).get("duration_ms") or 0)

    def kept(milli: int, says: str) -> None:
        with archive.db.tx(scope) as conn:
            store.change(conn, redaction, progress_milli=milli, says=says)

    pictures = Progress(kept, "Looking at the pictures")
    source = Source(original.sha256, original.size_bytes, recording.number)
    try:
        read = play.reader(archive, recording, original).read
        found = propose(read, source, told=lambda _, done_us, _total: pictures.told(done_us, length_us)).plan
        plan, transcript = _heard(
            read, source, found, original, Progress(kept, "Hearing the sound"), length_us
        )
    except (EvidenceFault, Unavailable):
        raise
    except LapelError as error:
        with archive.db.tx(scope) as conn:
            store.change(conn, redaction, state="stopped", says=error.says[:1000])
        return
    _open(archive, scope, redaction, recording, plan, transcript)


def _heard(
    read: Callable[[int, int], bytes],
    source: Source,
    plan: Plan,
    original: Original,
    progress: Progress,
    length_us: int,
) -> tuple[Plan, Transcript | None]:
    """The plan with what is to be muted, and the transcript; without one, the plan's record says why."""
    tracks: list[dict[str, Any]] = list((original.inspection or {}).get("tracks", ()))
    if not any(track.get("kind") == "audio" for track in tracks):
        return _says(plan, NO_SOUND), None
    try:
        heard = speech.hear(
            read, source, told=lambda done_us, _: progress.told(done_us, length_us)
        ).transcript
    except (Unavailable, Invalid) as error:
        return _says(plan, f"The sound was not heard: {error.says}"), None
    model = {f"speech_{name}": heard.model[name] for name in ("name", "digest", "licence")}
    described = checked(replace(plan, sound=tuple(mutings(heard.words)), detector={**plan.detector, **model}))
    return (described, heard) if heard.words else (_says(described, NOTHING_HEARD), heard)


def _says(plan: Plan, words: str) -> Plan:
    return checked(replace(plan, detector={**plan.detector, "speech_says": words[:300]}))


def _open(
    archive: Archive,
    scope: Scope,
    redaction: str,
    recording: Recording,
    plan: Plan,
    transcript: Transcript | None,
) -> None:
    """Keep the transcript and the proposal, unless somebody else did so meanwhile."""
    made = _sealed(archive, recording, transcript) if transcript is not None and transcript.words else None
    with archive.db.tx(scope) as conn:
        there = store.redaction(conn, redaction, lock=True)
        if there.state == "proposing":
            _enter(conn, archive, scope, there, recording, plan, made)
            desk.keep_proposal(conn, archive, scope, there, recording, plan)
            return
    if made is not None:
        archive.stores.derived.delete(made["object"])


def _enter(
    conn: Connection, archive: Archive, scope: Scope, there: Redaction, recording: Recording, plan: Plan,
    made: dict[str, Any] | None,
) -> None:  # fmt: skip
    writes = []
    if made is not None:
        place = store_copies.next_place(conn, there.original, KIND)
        writes.append(Write("derived", {**made, "original": there.original, "place": place}))
    detail: dict[str, Value] = {
        "redaction": there.id, "original": there.original, "tracks": len(plan.tracks), "sound": len(plan.sound),
        "suspects": len(plan.suspects), "detector": str(plan.detector.get("name", "none")),
        "detector_digest": str(plan.detector.get("digest", "")), "speech": str(plan.detector.get("speech_name", "none")),
    }  # fmt: skip
    perform_on(conn, archive, scope, recording, "redaction_proposed", detail, writes)


def _sealed(archive: Archive, recording: Recording, transcript: Transcript) -> dict[str, Any]:
    """Store the transcript, durably, and give the row that will refer to it."""
    key, content = os.urandom(32), json.dumps(speech.as_json(transcript), ensure_ascii=False).encode()
    with archive.stores.derived.upload() as upload:
        sealer = Sealer(upload, key, upload.name)
        sealer.write(content)
        sealer.finish()
        upload.commit()
    wrapped = archive.keys.wrap(recording.agency, f"object:{upload.name}", key, under=recording.wrapped_key)
    return {
        "id": new_id(), "agency": recording.agency, "recording": recording.id, "kind": KIND, "object": upload.name,
        "size_bytes": len(content), "object_key": wrapped,
        "facts": {"sha256": hashlib.sha256(content).hexdigest(), "words": len(transcript.words)},
    }  # fmt: skip
