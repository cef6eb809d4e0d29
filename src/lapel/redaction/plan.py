"""What is to be hidden in one clip, by whose decision, and what is left to look at? The plan, version 1.

Values only; `plan_reading` reads and writes them as `docs/formats/redaction-plan.md` says, `edits` changes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from lapel.base.errors import Invalid
from lapel.redaction.track import PAD_US, Box, Kind, Mask, Shape, State, Track, joined

VERSION = 1
SoundKind = Literal["name", "phone", "address", "birth", "voice", "other"]
SOUND_KINDS: tuple[str, ...] = get_args(SoundKind)
Why = Literal["weak", "begins", "breaks_off", "text", "seen_after"]
WHYS: tuple[str, ...] = get_args(Why)
Looked = Literal["open", "nothing", "tracked"]
LOOKED: tuple[str, ...] = get_args(Looked)

# Word times swallow pauses and clip the ends of words; what is muted is muted this much earlier and later.
SOUND_PAD_US = 150_000


@dataclass(frozen=True, slots=True)
class Source:
    """The clip that the plan is for, by the digest of its bytes. `number`: the recording's, where there is one."""

    sha256: str
    size_bytes: int
    number: str = ""


@dataclass(frozen=True, slots=True)
class Sound:
    """A stretch of sound to mute. `words`: what is said there, as heard by the transcriber or written by a person."""

    id: str
    kind: SoundKind
    begins_us: int
    ends_us: int
    words: str = ""
    exemption: str = ""
    state: State = "proposed"
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Suspect:
    """Something for a person to look at: a weak detection, or a track that begins or breaks off in the open.

    `track`: the track it belongs to, if any. `looked`: open, or what the person said: nothing there, or tracked.
    """

    id: str
    why: Why
    kind: Kind
    begins_us: int
    ends_us: int
    x: int
    y: int
    w: int
    h: int
    score_milli: int = 0
    track: str = ""
    looked: Looked = "open"
    by: str = ""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """Who accepted the whole plan and when (RFC 3339, UTC), and the second reader if there was one."""

    by: str
    at: str
    second: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything about one clip. `width`, `height`: px of the coded picture as decoded, before rotation."""

    source: Source
    width: int
    height: int
    tracks: tuple[Track, ...] = ()
    sound: tuple[Sound, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    detector: Mapping[str, str | int] = field(default_factory=dict)
    reviewed: Reviewed | None = None

    def track(self, track_id: str) -> Track:
        """The track with this id. Raises `Invalid`."""
        for one in self.tracks:
            if one.id == track_id:
                return one
        raise Invalid(f"The plan has no track {track_id[:40]!r}.")


@dataclass(frozen=True, slots=True)
class Region:
    """What to hide in one picture: the grown box, clipped to the picture, and how.

    `whole` is the grown box before clipping: an ellipse at the edge is inscribed in that one.
    """

    track: str
    kind: Kind
    shape: Shape
    mask: Mask
    box: Box
    whole: Box
    exemption: str


def hides(track: Track | Sound, *, auto: bool = False) -> bool:
    """Is this one rendered? Accepted ones are; with `auto`, proposed ones too."""
    return track.state == "accepted" or (auto and track.state == "proposed")


def boxes_at(plan: Plan, at_us: int, *, auto: bool = False) -> list[Region]:
    """What to hide in the picture shown at an instant, in the plan's order; PAD_US early and late included."""
    found = []
    for track in plan.tracks:
        if not hides(track, auto=auto) or not track.begins_us - PAD_US <= at_us < track.ends_us + PAD_US:
            continue
        box = track.box_at(at_us)
        if box is None:
            continue
        whole = box.grown(track.grow_milli)
        clipped = whole.within(plan.width, plan.height)
        if clipped is not None:
            found.append(
                Region(track.id, track.kind, track.shape, track.mask, clipped, whole, track.exemption)
            )
    return found


def boxes_during(plan: Plan, begins_us: int, ends_us: int, *, auto: bool = False) -> list[Region]:
    """What to hide in a picture that stands on [begins_us, ends_us): also what a track only then begins to hide.

    Where pictures are far apart (variable frame rate) somebody may have drawn a track long after its picture came.
    """
    times = {begins_us}
    for track in plan.tracks:
        if (
            hides(track, auto=auto)
            and track.begins_us - PAD_US < ends_us
            and track.ends_us + PAD_US > begins_us
        ):
            times |= {begins - PAD_US for begins, _ in track.stretches()} | {
                key.at_us for key in track.keyframes
            }
    found: dict[Region, None] = {}
    for at_us in sorted(time for time in times if begins_us <= time < ends_us):
        found |= dict.fromkeys(boxes_at(plan, at_us, auto=auto))
    return list(found)


def spans(plan: Plan, *, auto: bool = False) -> list[tuple[int, int]]:
    """The times [begins, ends) in microseconds at which `boxes_at` may give something: padded, joined, in order."""
    return joined(
        (max(0, begins - PAD_US), ends + PAD_US)
        for track in plan.tracks
        if hides(track, auto=auto)
        for begins, ends in track.stretches()
    )


def sound_spans(plan: Plan, *, auto: bool = False) -> list[tuple[int, int]]:
    """The times [begins, ends) in microseconds to be silent: padded by SOUND_PAD_US, joined, in order."""
    return joined(
        (max(0, one.begins_us - SOUND_PAD_US), one.ends_us + SOUND_PAD_US)
        for one in plan.sound
        if hides(one, auto=auto)
    )


def check_source(plan: Plan, sha256: str, size_bytes: int) -> None:
    """Raises `Invalid` when the plan was made for another file than this one."""
    if plan.source.sha256 != sha256 or plan.source.size_bytes != size_bytes:
        raise Invalid(
            f"The plan is for another file: SHA-256 {plan.source.sha256[:16]}…, {plan.source.size_bytes:,} bytes; "
            f"this one is {sha256[:16]}…, {size_bytes:,} bytes.",
            next_step="Choose the plan of this clip, or make one with `lapel redact propose`.",
        )


def check_picture(plan: Plan, width: int, height: int) -> None:
    """Raises `Invalid` when the clip's picture, as decoded, has another size than the plan says."""
    if (plan.width, plan.height) != (width, height):
        raise Invalid(
            f"The plan is for a picture of {plan.width} x {plan.height} px; this clip has {width} x {height}."
        )


def left_to_look_at(plan: Plan) -> tuple[int, int, int]:
    """How many tracks, stretches of sound and suspects wait for a person."""
    return (
        sum(track.state == "proposed" for track in plan.tracks),
        sum(sound.state == "proposed" for sound in plan.sound),
        sum(suspect.looked == "open" for suspect in plan.suspects),
    )
