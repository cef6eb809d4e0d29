"""What does Lapel propose to hide in a clip, and what did it take? Pictures and, if asked, speech: one plan, one transcript."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lapel.base.errors import Invalid
from lapel.redaction.finding import Found, Search, find
from lapel.redaction.plan import Plan, Source
from lapel.redaction.plan_reading import checked
from lapel.redaction.speech import Transcript, hear
from lapel.redaction.spoken import propose as mutings
from lapel.storage.confined import Read

Told = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A plan of which nothing is accepted yet, the transcript if speech was heard, and facts about the work."""

    plan: Plan
    transcript: Transcript | None
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Hearing:
    """Whether and how speech is heard: `model` a folder of weights of one's own, with their `licence`."""

    model: Path | None = None
    licence: str = ""


def propose(
    read: Read,
    source: Source,
    *,
    search: Search | None = None,
    hearing: Hearing | None = None,
    told: Told | None = None,
) -> Proposal:
    """Look through a clip, and hear it. `told("pictures" | "sound", done_us, total_us)` hears how far it is; 0: nobody knows of what.

    Raises as `find` and `hear`; a clip without sound has an empty transcript.
    """
    found = find(read, source, search, told=_part(told, "pictures"))
    if hearing is None:
        return Proposal(found.plan, None, found.facts)
    heard = hear(read, source, model=hearing.model, licence=hearing.licence, told=_part(told, "sound"))
    sound = tuple(mutings(heard.transcript.words))
    described: dict[str, str | int] = {
        **found.plan.detector,
        "speech_name": heard.transcript.model["name"],
        "speech_digest": heard.transcript.model["digest"],
        "speech_licence": heard.transcript.model["licence"],
    }
    facts = {**found.facts, "sound": dict(heard.facts)}
    return Proposal(checked(replace(found.plan, sound=sound, detector=described)), heard.transcript, facts)


def told_in_words(found: Found | Proposal) -> Sequence[str]:
    """What was done and what is left, a line each. It never says that the clip is done."""
    plan, facts = found.plan, found.facts
    kinds: dict[str, int] = {}
    for track in plan.tracks:
        kinds[track.kind] = kinds.get(track.kind, 0) + 1
    whys: dict[str, int] = {}
    for suspect in plan.suspects:
        whys[suspect.why] = whys.get(suspect.why, 0) + 1
    said = [
        "Proposed: "
        + (", ".join(f"{n} {kind} tracks" for kind, n in sorted(kinds.items())) or "no tracks")
        + ".",
    ]
    if whys:
        words = {
            "weak": "weak",
            "begins": "begin in the open",
            "breaks_off": "break off",
            "text": "like a plate by shape only",
        }
        listed = ", ".join(f"{n} {words[why]}" for why, n in sorted(whys.items()))
        said.append(f"Suspects to look at first: {len(plan.suspects)} ({listed}).")
    looks = ", ".join(f"{kind} detector {n} times" for kind, n in dict(facts.get("looks", {})).items())
    said.append(
        f"Looked at {facts.get('frames', 0)} frames: {looks}; followed by {facts.get('by', '')} in between."
    )
    if facts.get("broken"):
        said.append(f"{facts['broken']} packets could not be decoded: nobody looked at what they show.")
    if plan.sound:
        said.append(f"Proposed to mute: {len(plan.sound)} stretches of speech.")
    said.append("Nothing is accepted: a person decides each track and looks for what no detector saw.")
    return said


def _part(told: Told | None, name: str) -> Callable[[int, int], None] | None:
    if told is None:
        return None

    def part(done_us: int, total_us: int) -> None:
        told(name, done_us, total_us)

    return part


def only_clip(names: Sequence[str], wanted: str | None) -> int:
    """Which of a recording's clips is meant. Raises `Invalid` when it is not said, or there is no such clip."""
    if wanted is not None:
        if wanted in names:
            return names.index(wanted)
        raise Invalid(f"The recording has no clip {wanted[:60]}.", next_step=f"It has: {', '.join(names)}.")
    if len(names) == 1:
        return 0
    raise Invalid(
        f"The recording has {len(names)} clips; a plan is for one.",
        next_step=f"Give --clip, one of: {', '.join(names)}.",
    )
