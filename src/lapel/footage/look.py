"""What does one original turn out to be? A clip, a location trail, or something else that is only kept.

Takes what was read, gives plain values: the facts for its row, and what is to be kept beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from lapel.base import clock
from lapel.base.errors import Invalid
from lapel.footage.examine import examine
from lapel.footage.gnss import MAX_BYTES, read_trail
from lapel.footage.inspection import Inspection, Trail
from lapel.footage.model import Original, Recording
from lapel.footage.treehash import VERSION
from lapel.storage.confined import Limits
from lapel.storage.sealed import SealedReader


@dataclass(frozen=True, slots=True)
class Made:
    """Something to be kept beside an original, sealed under its recording's key."""

    kind: str
    content: bytes = field(repr=False)
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """What the look into one original came to."""

    readable: bool
    complete: bool
    reason: str
    facts: Mapping[str, Any]
    made: tuple[Made, ...] = ()
    media_root: str | None = None


def look(
    reader: SealedReader, recording: Recording, original: Original, limits: Limits | None = None
) -> Found:
    """Look into an original. Never raises for what is in it; raises `EvidenceFault` and `Unavailable` as its reader does."""
    if original.kind == "clip":
        looked = examine(reader.read, original.size_bytes, limits=limits)
        off_s = _clock_off_s(looked.trail, original.started_at)
        return _of_clip(_by_the_recording(looked, recording, original), off_s)
    if original.kind == "trail":
        return _of_trail(reader, recording, original)
    return Found(readable=True, complete=True, reason="", facts={})


def _of_clip(looked: Inspection, clock_off_s: int | None) -> Found:
    made = [
        Made(
            "thumbnail", one.jpeg, {"at_ms": one.at_ms, "width_px": one.width_px, "height_px": one.height_px}
        )
        for one in looked.thumbnails
    ]
    if looked.trail.points:
        made.append(trail_to_keep(looked.trail))
    if looked.media:
        facts = {"version": VERSION, "root": looked.media.root}
        made.append(Made("media_seed", looked.media_seed, facts))
    facts = asdict(replace(looked, thumbnails=(), media_seed=b"", trail=Trail()))
    for name in ("readable", "complete", "reason", "thumbnails", "media_seed"):
        del facts[name]
    facts["trail"] = {"points": len(looked.trail.points), "skipped": looked.trail.skipped}
    facts["clock_off_s"] = clock_off_s
    return Found(
        looked.readable,
        looked.complete,
        looked.reason,
        facts if looked.readable else {},
        tuple(made),
        looked.media.root if looked.media else None,
    )


def _of_trail(reader: SealedReader, recording: Recording, original: Original) -> Found:
    try:
        if original.size_bytes > MAX_BYTES:
            raise Invalid(
                f"The location trail has {original.size_bytes} bytes; at most {MAX_BYTES} are read."
            )
        trail = read_trail(b"".join(reader.chunks()))
    except Invalid as error:
        return Found(readable=False, complete=False, reason=error.says, facts={})
    facts = {
        "trail": {"points": len(trail.points), "skipped": trail.skipped},
        "clock_off_s": _clock_off_s(trail, recording.started_at),
    }
    return Found(True, True, "", facts, (trail_to_keep(trail),) if trail.points else ())


def trail_to_keep(trail: Trail) -> Made:
    """The trail as `docs/formats/trail.md` describes it."""
    content = {"v": 1, "points": [asdict(point) for point in trail.points], "skipped": trail.skipped}
    return Made("trail", json.dumps(content, separators=(",", ":")).encode(), {"points": len(trail.points)})


def _by_the_recording(looked: Inspection, recording: Recording, original: Original) -> Inspection:
    """A clip's own trail counts from the clip's start; kept is what counts from the recording's."""
    if not looked.trail.points or not recording.started_at or not original.started_at:
        return looked
    later_ms = max(0, round((original.started_at - recording.started_at).total_seconds() * 1000))
    points = tuple(replace(p, at_ms=p.at_ms + later_ms) for p in looked.trail.points)
    return replace(looked, trail=replace(looked.trail, points=points))


def _clock_off_s(trail: Trail, started_at: datetime | None) -> int | None:
    """By how much the camera's clock was ahead of the satellites' (behind: negative), at the first fix with a time."""
    fix = next((point for point in trail.points if point.utc), None)
    if fix is None or fix.utc is None or started_at is None:
        return None
    return round((started_at - clock.read_stamp(fix.utc)).total_seconds() + fix.at_ms / 1000)
