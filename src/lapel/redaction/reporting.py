"""What does a release report of the work behind it? Who accepted what, what was looked at, what a detector still sees.

No pass, of a machine or a person, is ever called complete. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lapel.redaction.plan import Plan


@dataclass(frozen=True, slots=True)
class Worked:
    """The work on one clip. `watched_milli`: the share of it that people watched, None where nobody counted.

    `still_seen`: what a detector saw in the render that nothing accounts for, None when it did not look.
    """

    plan: Plan
    groups: int
    touched: int
    watched_milli: int | None = None
    still_seen: int | None = None


def report(work: Sequence[Worked]) -> dict[str, Any]:
    """The member `report` of the manifest (docs/formats/redaction-manifest.md)."""
    tracks = [track for one in work for track in one.plan.tracks]
    suspects = [suspect for one in work for suspect in one.plan.suspects]
    accepted: dict[str, int] = {}
    for track in tracks:
        if track.state == "accepted":
            accepted[track.by] = accepted.get(track.by, 0) + 1
    watched = [_said(one.plan, "frames") * one.watched_milli // 1000 for one in work if one.watched_milli is not None]  # fmt: skip
    seen = [one.still_seen for one in work if one.still_seen is not None]
    return {
        "frames": sum(_said(one.plan, "frames") for one in work),
        "looks": sum(_said(one.plan, name) for one in work for name in one.plan.detector if name.startswith("looks_")),
        "tracks": len(tracks),
        "accepted_by": accepted,
        "rejected": sum(track.state == "rejected" for track in tracks),
        "silenced": sum(sound.state == "accepted" for one in work for sound in one.plan.sound),
        "suspects": len(suspects),
        "suspects_looked_at": sum(suspect.looked != "open" for suspect in suspects),
        "frames_watched": sum(watched) if len(watched) == len(work) else None,
        "still_seen": sum(seen) if len(seen) == len(work) else None,
        "groups": sum(one.groups for one in work),
        "groups_encoded_again": sum(one.touched for one in work),
        "complete": False,
    }  # fmt: skip


def _said(plan: Plan, name: str) -> int:
    value = plan.detector.get(name, 0)
    return value if isinstance(value, int) else 0
