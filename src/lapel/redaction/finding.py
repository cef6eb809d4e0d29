"""What would have to be hidden in this clip? Runs the detectors in their cell and makes a plan of what they say.

A track is proposed when a detector was sure of it once, or saw it weakly more than once; what was only ever weak, and what
begins or breaks off in the open picture, is a suspect for a person to look at first. The cell has read a file from outside:
what it says is read as strictly as a plan from anywhere.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lapel.base.errors import Invalid
from lapel.redaction.exemptions import PROPOSED
from lapel.redaction.plan import Plan, Source, Suspect, boxes_at
from lapel.redaction.plan_reading import checked, read_track
from lapel.redaction.track import Box, Track
from lapel.storage import confined
from lapel.storage.confined import Limits, Read

CELL = "lapel.redaction.detect_cell"
LIMITS = Limits(
    memory_bytes=32 << 30,  # of addresses, which runtimes reserve freely; a gigabyte is held
    cpu_s=7200,
    cpu_s_per_gib=200_000,
    blobs=1 << 40,
    blob_bytes=8 << 20,
)
KINDS = ("face", "plate")
OPEN_US = 150_000  # a track that begins or ends this near to the clip's own ends is not broken off


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for and how. Scores in thousandths.

    `seed_milli`: what a sighting must have to count; a track is proposed from `weak_milli` seen once, or from two sightings
    with a mean of `again_milli`. `long_px`: longest side of the picture given to the face model, 0 for full size. `closely`:
    all of the picture in full size at every look. `still_us`, `moved_milli`: see `watch.Cadence`. `faces`: an agency's own
    weights, answering as CenterFace does, and their `licence`.
    """

    kinds: Sequence[str] = KINDS
    faces: Path | None = None
    licence: str = ""
    long_px: int = 0
    closely: bool = False
    still_us: int = 960_000
    moved_milli: int = 150
    seed_milli: int = 120
    again_milli: int = 140
    weak_milli: int = 180
    strong_milli: int = 500
    threads: int = field(default_factory=lambda: max(1, min(4, os.cpu_count() or 1)))


@dataclass(frozen=True, slots=True)
class Found:
    """The plan and facts about the work: frames, looks, models, processor time (ms), the most memory held (bytes)."""

    plan: Plan
    facts: Mapping[str, Any]


Told = Callable[[int, int], None]


def find(
    read: Read,
    source: Source,
    search: Search | None = None,
    *,
    told: Told | None = None,
    limits: Limits = LIMITS,
) -> Found:
    """Look through one clip. `told(done_us, total_us)` hears how far it is; the total is 0 while it is not known.

    Raises `Invalid` for what is no clip or defeats its parser, `Unavailable` where no model can be run.
    """
    chosen = search or Search()
    paths: list[Mapping[str, Any]] = []
    answer = _listen(read, source.size_bytes, chosen, limits, told, paths, None)
    width, height = int(answer["width"]), int(answer["height"])
    if not width or not height:
        raise Invalid(
            "There is no picture track in this file.",
            next_step="A plan is made of a clip with a picture; sound alone has none yet.",
        )
    if not answer["frames"]:
        raise Invalid("Not one picture of this file can be decoded, so nothing was looked at.")
    tracks: list[Track] = []
    suspects: list[Suspect] = []
    left_out = 0
    for said in paths:
        track = _track(said, len(tracks) + 1, width, height, chosen)
        if track is None:
            left_out += 1
            continue
        tracks.append(track)
        suspects += _suspects(track, len(suspects), int(answer["length_us"]), (width, height), chosen)
    facts = {**answer, "left_out": left_out}
    plan = Plan(source, width, height, tuple(tracks), (), tuple(suspects), _described(facts, chosen))
    return Found(checked(plan), facts)


@dataclass(frozen=True, slots=True)
class Unaccounted:
    """Something a detector sees that neither a mask nor a rejection with a reason accounts for."""

    kind: str
    at_us: int
    box: Box
    score_milli: int


def unaccounted(
    read: Read,
    size_bytes: int,
    plan: Plan,
    search: Search | None = None,
    *,
    auto: bool = False,
    told: Told | None = None,
) -> list[Unaccounted]:
    """Look again, over the rendered output. Empty is what one hopes for; it is no proof that nobody is seen.

    A sighting is accounted for where masks, or tracks that a named person rejected with a reason, cover half of it.
    Raises as `find`, and `Invalid` when the output's picture has another size than the plan's.
    """
    chosen = search or Search(kinds=("face",))
    glances: list[Mapping[str, Any]] = []
    answer = _listen(read, size_bytes, chosen, LIMITS, told, [], glances)
    if answer["width"] and not answer["frames"]:
        raise Invalid("Not one picture of the output could be decoded, so nobody can have looked at it.")
    if (answer["width"], answer["height"]) != (plan.width, plan.height):
        raise Invalid("The output's picture has another size than the plan's.")
    found = []
    for glance in glances:
        at_us = int(glance["at_us"])
        known = [region.box for region in boxes_at(plan, at_us, auto=auto)] + _rejected(plan, at_us)
        for left, top, right, bottom, score in glance["seen"]:
            box = Box(int(left), int(top), max(1, int(right) - int(left)), max(1, int(bottom) - int(top)))
            if score >= chosen.strong_milli and _share_hidden(box, known) < 0.5:
                found.append(Unaccounted(str(glance["kind"]), at_us, box, int(score)))
    return found


def _listen(
    read: Read,
    size_bytes: int,
    search: Search,
    limits: Limits,
    told: Told | None,
    paths: list[Mapping[str, Any]],
    glances: list[Mapping[str, Any]] | None,
) -> Mapping[str, Any]:
    request = {
        "kinds": list(search.kinds),
        "faces": str(search.faces.resolve()) if search.faces else "",
        "licence": search.licence,
        "long_px": search.long_px,
        "closely": search.closely,
        "still_us": search.still_us,
        "moved_milli": search.moved_milli,
        "seed_milli": search.seed_milli,
        "threads": search.threads,
        "glances": glances is not None,
    }
    said = confined.stream(CELL, request, read, size_bytes, limits)
    try:
        while True:
            blob = next(said)
            if blob[:1] == b"T":
                paths.append(json.loads(blob[1:]))
            elif blob[:1] == b"G" and glances is not None:
                glances.append(json.loads(blob[1:]))
            elif blob[:1] == b"P" and told is not None:
                done_us, _, total_us = blob[1:].partition(b"/")
                told(int(done_us), int(total_us or 0))
    except StopIteration as end:
        answer: Mapping[str, Any] = end.value
        return answer
    except (ValueError, RecursionError):
        raise Invalid("The detectors' answer could not be read.") from None


def _track(said: Mapping[str, Any], number: int, width: int, height: int, search: Search) -> Track | None:
    """The track that a path becomes; None where a detector was hardly sure once."""
    try:
        best, mean, looks = int(said["best"]), int(said["mean"]), int(said["looks"])
        kind = str(said["kind"])
        keys = _keys(said["keys"], width, height)
    except (KeyError, TypeError, ValueError, IndexError):
        raise Invalid("The detectors' answer could not be read.") from None
    again = looks >= 2 and mean >= search.again_milli
    if best < search.weak_milli and not again:
        return None
    begins, ends = keys[0]["at_us"], keys[-1]["at_us"] + 1
    sizes = sorted(min(key["w"], key["h"]) for key in keys)
    # Small boxes are less sure by a pixel or two, which is more of them.
    grow = min(1900, 1400 + 6000 // max(1, sizes[len(sizes) // 2])) if kind == "face" else 1150
    body = {
        "id": f"{kind[0]}{number}",
        "kind": kind,
        "begins_us": begins,
        "ends_us": ends,
        "keyframes": keys,
        "shape": "ellipse" if kind == "face" else "box",
        "mask": "opaque",
        "grow_milli": grow,
        "state": "proposed",
        "by": "",
        "reason": "",
        "exemption": PROPOSED,
        "person": "",
        "score_milli": min(1000, best),
        "source": "centerface" if kind == "face" else "plates",
    }
    return read_track(body, f"track {number} of the detectors", width, height)


def _keys(said: Sequence[Sequence[int]], width: int, height: int) -> list[dict[str, Any]]:
    """Keyframes of whole pixels, in order of time, each with at least a pixel in the picture."""
    keys: list[dict[str, Any]] = []
    for at_us, left, top, right, bottom in said:
        if keys and at_us <= keys[-1]["at_us"]:
            continue
        w, h = max(1, right - left), max(1, bottom - top)
        x, y = min(max(left, 1 - w), width - 1), min(max(top, 1 - h), height - 1)
        keys.append({"at_us": at_us, "x": x, "y": y, "w": w, "h": h})
    return keys


def _suspects(
    track: Track, number: int, length_us: int, size: tuple[int, int], search: Search
) -> list[Suspect]:
    """What a person should look at of this track, each with where and when."""
    made: list[Suspect] = []

    def add(why: Any, key: Any, begins_us: int, ends_us: int) -> None:
        place = (key.x, key.y, key.w, key.h)
        made.append(
            Suspect(
                f"s{number + len(made) + 1}",
                why,
                track.kind,
                begins_us,
                ends_us,
                *place,
                track.score_milli,
                track.id,
            )
        )

    if track.score_milli < search.strong_milli:
        why = "text" if track.kind == "plate" else "weak"
        add(why, track.keyframes[len(track.keyframes) // 2], track.begins_us, track.ends_us)
        return made
    first, last = track.keyframes[0], track.keyframes[-1]
    if track.begins_us > OPEN_US and not _at_edge(first.box, size):
        add("begins", first, max(0, track.begins_us - 500_000), track.begins_us + 1)
    if track.ends_us < length_us - OPEN_US and not _at_edge(last.box, size):
        add("breaks_off", last, track.ends_us - 1, track.ends_us + 500_000)
    return made


def _at_edge(box: Box, size: tuple[int, int]) -> bool:
    near = max(box.w, box.h) // 2
    across, down = size
    return box.x < near or box.y < near or box.x + box.w > across - near or box.y + box.h > down - near


def _rejected(plan: Plan, at_us: int) -> list[Box]:
    places = [
        track.box_at(at_us)
        for track in plan.tracks
        if track.state == "rejected" and track.by and track.reason.strip()
    ]
    return [box.grown(1300) for box in places if box is not None]


def _share_hidden(box: Box, known: Sequence[Box]) -> float:
    """The share of the box that these cover, on a grid of 8 by 8 points."""
    points = [
        (box.x + (2 * i + 1) * box.w / 16, box.y + (2 * j + 1) * box.h / 16)
        for i in range(8)
        for j in range(8)
    ]
    hidden = sum(any(k.x <= x < k.x + k.w and k.y <= y < k.y + k.h for k in known) for x, y in points)
    return hidden / len(points)


def _described(facts: Mapping[str, Any], search: Search) -> dict[str, str | int]:
    """The detector as the plan records it."""
    said: dict[str, str | int] = {
        "frames": int(facts["frames"]),
        "broken_packets": int(facts.get("broken", 0)),
        "followed_by": str(facts.get("by", "")),
        "still_us": search.still_us,
        "moved_milli": search.moved_milli,
        "seed_milli": search.seed_milli,
        "strong_milli": search.strong_milli,
    }
    for kind, looks in dict(facts.get("looks", {})).items():
        said[f"looks_{kind}"] = int(looks)
    for number, model in enumerate(list(facts.get("models", []))[:4], 1):
        for name in ("name", "digest", "licence", "source", "runtime"):
            said[f"model_{number}_{name}"] = str(model[name])[:200]
    if facts.get("models"):
        first = facts["models"][0]
        said |= {"name": str(first["name"]), "digest": str(first["digest"]), "licence": str(first["licence"])}
    return said
