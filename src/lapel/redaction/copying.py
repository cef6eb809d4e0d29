"""How does a recording of the archive become a redacted copy? Rendered here, sealed, signed by its agency, and logged.

Originals are opened in this process and parsed in a cell; the render lies in a folder that only this process's user can
enter, until it is sealed. Then one transaction has the rows, the custody entry `redacted` and its sidecar. Every clip of
the recording is named in the manifest, there or withheld.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.errors import Conflict, Invalid
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.custody.sidecar import Under, Write, perform
from lapel.custody.strictjson import read_json
from lapel.footage import play
from lapel.footage import store as footage
from lapel.footage.model import Original, Recording
from lapel.redaction import plan_reading, store, store_copies
from lapel.redaction.manifest import MANIFEST
from lapel.redaction.manifest_values import MAX_BYTES
from lapel.redaction.plan import Plan, check_source
from lapel.redaction.releasing import release
from lapel.redaction.rendering import Clip, Progress
from lapel.redaction.second_look import Look, look_again
from lapel.redaction.signing import signer_of
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope
from lapel.storage.sealed import Sealer

ACT = "redacted"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Chosen:
    """A clip that is shown: its plan, the share of it that people watched (thousandths, None: not counted), its redaction."""

    plan: Plan
    watched_milli: int | None = None
    redaction: str | None = None


def make_copy(
    archive: Archive,
    scope: Scope,
    recording_id: str,
    chosen: Mapping[str, Chosen],
    *,
    auto: bool,
    told: Progress = lambda _done, _total: None,
    look: Look = look_again,
    done: Sequence[Write] = (),
) -> str:
    """Make a copy that shows these clips (by the id of their original); its id. `archive` is the worker's.

    `done`: rows that are written in the same transaction. Raises as `releasing.release`; nothing is left of a failure.
    """
    with archive.db.tx(scope) as conn:
        recording = footage.recording(conn, recording_id)
        clips = [one for one in footage.originals(conn, recording_id) if one.kind == "clip"]
        seeds = store_copies.of_kind(conn, recording_id, "media_seed")
    _check(recording, clips, chosen)
    key, signer = signer_of(archive, recording.agency)
    size = sum(one.size_bytes for one in clips if one.id in chosen)
    parts: list[tuple[Clip, Plan] | str] = []
    for one in clips:
        if one.id not in chosen:
            parts.append(one.media_root or "")
            continue
        seed = play.derived_bytes(archive, recording, seeds[one.id])
        opened = play.reader(archive, recording, one)
        clip = Clip(
            opened.read, one.size_bytes, one.sha256, seed, one.media_root, chosen[one.id].watched_milli
        )
        parts.append((clip, chosen[one.id].plan))
    with tempfile.TemporaryDirectory(prefix="lapel-copy-") as place:
        out = Path(place) / "release"
        release(
            parts,
            out,
            signer,
            auto=auto,
            told=_over_all(told, parts, size),
            recording=recording.number,
            look=look,
        )
        return _keep(archive, scope, recording, clips, chosen, out, key, reviewed=not auto, done=done)


def _check(recording: Recording, clips: Sequence[Original], chosen: Mapping[str, Chosen]) -> None:
    there = {one.id: one for one in clips}
    if not chosen:
        raise Invalid(f"No clip of {recording.number} is to be shown: nothing can be made of it.")
    for original, one in chosen.items():
        if original not in there:
            raise Invalid(
                f"{recording.number} has no such clip.", next_step="Choose a clip of this recording."
            )
        check_source(one.plan, there[original].sha256, there[original].size_bytes)
        if there[original].media_root is None:
            raise Invalid(
                f"{there[original].name[:60]} has no media tree: what is copied from it could not be proved.",
                next_step="Wait until it is inspected; a file that could not be read cannot be rendered.",
            )


def _over_all(told: Progress, parts: Sequence[tuple[Clip, Plan] | str], size: int) -> Progress:
    """Each clip tells of itself from 0 on; what is heard is of all of them together, in bytes."""
    sizes = [one[0].size_bytes for one in parts if not isinstance(one, str)]
    reached = {"clip": 0, "done": 0}

    def heard(done: int, _total: int) -> None:
        if done < reached["done"] and reached["clip"] + 1 < len(sizes):
            reached["clip"] += 1
        reached["done"] = done
        told(min(size, sum(sizes[: reached["clip"]]) + done), size)

    return heard


def _keep(
    archive: Archive, scope: Scope, recording: Recording, clips: Sequence[Original], chosen: Mapping[str, Chosen],
    out: Path, key: str, *, reviewed: bool, done: Sequence[Write],
) -> str:  # fmt: skip
    manifest = (out / MANIFEST).read_bytes()
    said: dict[str, Any] = read_json(manifest, what="The manifest", max_bytes=MAX_BYTES)
    shown = next(
        one for one in clips if one.id in chosen
    )  # whose derived objects the manifest and signature are
    of_file = {claim["file"]: clips[claim["clip"] - 1] for claim in said["clips"] if claim["there"]}
    copy_id, at = new_id(), clock.now()
    files: list[dict[str, Any]] = []
    try:
        for path in sorted(out.iterdir()):
            files.append(_sealed(archive, recording, of_file.get(path.name, shown), path, copy_id))
        with archive.db.tx(scope) as conn:
            _check_not_made(conn, chosen, done)
            row: dict[str, Any] = {
                "id": copy_id,
                "agency": recording.agency,
                "recording": recording.id,
                "redaction": next((c.redaction for c in chosen.values() if c.redaction), None),
                "reviewed": reviewed,
                "manifest_sha256": hashlib.sha256(manifest).hexdigest(),
                "key": key,
                "clips": len(clips),
                "in_order": [one.id for one in clips],
                "clips_shown": len(chosen),
                "size_bytes": sum(file["size_bytes"] for file in files),
                "report": said["report"],
                "made_by": scope.actor,
                "made_at": at,
            }
            _enter(conn, archive, scope, recording, row, files, said, chosen, done)
    except BaseException:
        for file in files:
            archive.stores.derived.delete(file["object"])
        raise
    return copy_id


def _check_not_made(conn: Connection, chosen: Mapping[str, Chosen], done: Sequence[Write]) -> None:
    """A job may be done twice at once; the second one that comes here made its copy for nothing. Raises `Conflict`."""
    for one in chosen.values():
        if done and one.redaction and store.redaction(conn, one.redaction, lock=True).state != "rendering":
            raise Conflict("The copy was made already.", next_step="Open it from the list of redactions.")


def _enter(
    conn: Connection, archive: Archive, scope: Scope, recording: Recording, row: dict[str, Any],
    files: Sequence[dict[str, Any]], said: Mapping[str, Any], chosen: Mapping[str, Chosen], done: Sequence[Write],
) -> None:  # fmt: skip
    plans = [one.plan for one in chosen.values()]
    reviews = [plan.reviewed for plan in plans if plan.reviewed]
    first = plans[0].detector
    detail: dict[str, Value] = {
        "copy": row["id"],
        "manifest": row["manifest_sha256"],
        "plans": [plan_reading.digest(plan) for plan in plans],
        "renders": [claim["sha256"] for claim in said["clips"] if claim["there"]],
        "clips": row["clips"],
        "clips_shown": row["clips_shown"],
        "in_order": list(row.pop("in_order")),  # every clip, as the manifest numbers them
        "shown": list(chosen),
        "reviewed": row["reviewed"],
        "accepted_by": sorted({one.by for one in reviews}) if row["reviewed"] else [],
        "second_by": sorted({one.second for one in reviews if one.second}) if row["reviewed"] else [],
        "detector": str(first.get("name", "none")),
        "detector_digest": str(first.get("digest", "")),
    }
    if row["redaction"]:
        detail["redaction"] = row["redaction"]
    entry = log.prepare(
        conn, actor=scope.actor, agency=recording.agency, act=ACT, subject=f"recording:{recording.id}",
        detail=detail, at=row["made_at"],
    )  # fmt: skip
    derived = [
        Write("derived", {**file, "place": store_copies.next_place(conn, file["original"], "redacted") + number})
        for number, file in enumerate(files)
    ]  # fmt: skip
    writes = [Write("redacted_copy", {**row, "entry": entry.id}), *derived, *done]
    under = Under(recording.id, recording.wrapped_key)
    perform(conn, archive, entry, writes, agency=recording.agency, under=under)


def _sealed(
    archive: Archive, recording: Recording, original: Original, path: Path, copy_id: str
) -> dict[str, Any]:
    """Store one file of the copy, durably, and give the row that will refer to it."""
    key, digest = os.urandom(32), hashlib.sha256()
    with archive.stores.derived.upload() as upload, path.open("rb") as file:
        sealer = Sealer(upload, key, upload.name)
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            sealer.write(chunk)
        size = sealer.finish()
        upload.commit()
    wrapped = archive.keys.wrap(recording.agency, f"object:{upload.name}", key, under=recording.wrapped_key)
    return {
        "id": new_id(), "agency": recording.agency, "recording": recording.id, "original": original.id,
        "kind": "redacted", "object": upload.name, "size_bytes": size, "object_key": wrapped,
        "facts": {"copy": copy_id, "name": path.name, "sha256": digest.hexdigest()},
    }  # fmt: skip
