"""What may a reviewer do to a plan? Each act is a function from plan to plan; undoing is keeping the one before.

No act loses what the detector said: a rejected track stays with who rejected it and why. Whatever changes takes a review
of the whole plan back (`reviewed` is None again): it was for another plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from lapel.base.errors import Conflict, Invalid
from lapel.redaction.exemptions import exemption as known
from lapel.redaction.plan import Looked, Plan, Reviewed, Sound, left_to_look_at
from lapel.redaction.track import Keyframe, Mask, Shape, Track

Thing = TypeVar("Thing", Track, Sound)


def accept(plan: Plan, ids: Iterable[str], *, by: str, exemption: str = "") -> Plan:
    """Accept tracks and stretches of sound; `exemption` replaces their code, and one without a code needs it."""

    def decide(one: Thing) -> Thing:
        code = exemption or one.exemption
        if not code:
            raise Invalid(f"{one.id} has no exemption code.", next_step="Choose one to accept it.")
        return replace(one, state="accepted", by=by, reason="", exemption=known(code).code)

    return _decided(plan, ids, decide, decide)


def reject(plan: Plan, ids: Iterable[str], *, by: str, reason: str) -> Plan:
    """Reject tracks and stretches of sound: they stay visible or audible, for this reason."""
    if not reason.strip():
        raise Invalid("A rejection needs a reason.", next_step="Say why this is to be seen or heard.")

    def decide(one: Thing) -> Thing:
        return replace(one, state="rejected", by=by, reason=reason)

    return _decided(plan, ids, decide, decide)


def reopen(plan: Plan, ids: Iterable[str]) -> Plan:
    """Back to proposed, as if nobody had decided."""

    def decide(one: Thing) -> Thing:
        return replace(one, state="proposed", by="", reason="")

    return _decided(plan, ids, decide, decide)


def draw(plan: Plan, track: Track) -> Plan:
    """Add a track drawn by hand. Raises `Conflict` when the id is taken."""
    _free(plan, track.id)
    return replace(plan, tracks=(*plan.tracks, track), reviewed=None)


def mute(plan: Plan, sound: Sound) -> Plan:
    """Add a stretch of sound chosen by hand. Raises `Conflict` when the id is taken."""
    if any(one.id == sound.id for one in plan.sound):
        raise Conflict(f"The plan has a stretch of sound {sound.id} already.")
    return replace(plan, sound=(*plan.sound, sound), reviewed=None)


def extend(plan: Plan, track_id: str, begins_us: int, ends_us: int) -> Plan:
    """Give a track another time; beyond its keyframes the nearest box holds."""
    if not 0 <= begins_us < ends_us:
        raise Invalid(f"A track from {begins_us} us to {ends_us} us hides nothing.")
    return _put(plan, replace(plan.track(track_id), begins_us=begins_us, ends_us=ends_us))


def keyframe(plan: Plan, track_id: str, key: Keyframe) -> Plan:
    """Set the box at an instant; one that is there already is replaced."""
    track = plan.track(track_id)
    if key.w < 1 or key.h < 1:
        raise Invalid("A box is at least one pixel wide and high.")
    if key.x >= plan.width or key.y >= plan.height or key.x + key.w <= 0 or key.y + key.h <= 0:
        raise Invalid("The box lies outside the picture.")
    others = [one for one in track.keyframes if one.at_us != key.at_us]
    return _put(plan, replace(track, keyframes=tuple(sorted([*others, key], key=lambda one: one.at_us))))


def without_keyframe(plan: Plan, track_id: str, at_us: int) -> Plan:
    """Take the keyframe at an instant away. Raises `Invalid` for the last one, or when there is none."""
    track = plan.track(track_id)
    left = tuple(one for one in track.keyframes if one.at_us != at_us)
    if not left or len(left) == len(track.keyframes):
        raise Invalid(f"Track {track_id} has no keyframe to take away at {at_us} us.")
    return _put(plan, replace(track, keyframes=left))


def split(plan: Plan, track_id: str, at_us: int, new_id: str) -> Plan:
    """Two tracks in place of one, the second from `at_us` on. Each keeps the keyframe beyond the cut that steers its line."""
    track = plan.track(track_id)
    _free(plan, new_id)
    if not track.begins_us < at_us < track.ends_us:
        raise Invalid(f"Track {track_id} does not hide anything on both sides of {at_us} us.")
    keys = track.keyframes
    after = next((n for n, key in enumerate(keys) if key.at_us >= at_us), len(keys))
    before = next((n for n in reversed(range(len(keys))) if keys[n].at_us <= at_us), -1)
    first = replace(track, ends_us=at_us, keyframes=keys[: after + 1])
    second = replace(track, id=new_id, begins_us=at_us, keyframes=keys[max(before, 0) :])
    at = plan.tracks.index(track)
    return replace(plan, tracks=(*plan.tracks[:at], first, second, *plan.tracks[at + 1 :]), reviewed=None)


def merge(plan: Plan, first_id: str, second_id: str) -> Plan:
    """One track in place of two of one thing, under the first's id; between them the box moves straight.

    The later track's keyframes hold while it hides, the earlier one's before (and after, where it goes on longer).
    Raises `Invalid` when the two are not of one kind, or one was accepted or rejected and the other not.
    """
    one, two = plan.track(first_id), plan.track(second_id)
    if one is two or (one.kind, one.state) != (two.kind, two.state):
        raise Invalid(f"{first_id} and {second_id} cannot be one track: kind or decision differ.")
    early, late = sorted((one, two), key=lambda track: (track.begins_us, track.ends_us))
    goes_on = early.ends_us > late.ends_us
    keys = {
        key.at_us: key
        for key in early.keyframes
        if key.at_us < late.begins_us or (goes_on and key.at_us >= late.ends_us)
    }
    keys |= {
        key.at_us: key
        for key in late.keyframes
        if key.at_us >= min(early.ends_us, late.begins_us) and not (goes_on and key.at_us >= late.ends_us)
    }
    keys = keys or {key.at_us: key for key in (*early.keyframes, *late.keyframes)}
    merged = replace(
        one,
        begins_us=early.begins_us,
        ends_us=max(early.ends_us, late.ends_us),
        keyframes=tuple(keys[at] for at in sorted(keys)),
        score_milli=max(one.score_milli, two.score_milli),
    )
    left = tuple(track for track in plan.tracks if track is not two)
    suspects = tuple(replace(s, track=first_id) if s.track == second_id else s for s in plan.suspects)
    return _put(replace(plan, tracks=left, suspects=suspects), merged)


def group(plan: Plan, ids: Iterable[str], person: str) -> Plan:
    """Say that tracks are of one person (or, with "", of nobody in particular)."""
    wanted = [plan.track(one).id for one in ids]
    tracks = tuple(replace(t, person=person) if t.id in wanted else t for t in plan.tracks)
    return replace(plan, tracks=tracks, reviewed=None)


def mask(
    plan: Plan,
    track_id: str,
    *,
    shape: Shape | None = None,
    how: Mask | None = None,
    grow_milli: int | None = None,
) -> Plan:
    """Change how a track is hidden; what is not given stays."""
    track = plan.track(track_id)
    if grow_milli is not None and not 1000 <= grow_milli <= 5000:
        raise Invalid("A mask is 1 to 5 times as large as its box.")
    grow = track.grow_milli if grow_milli is None else grow_milli
    return _put(plan, replace(track, shape=shape or track.shape, mask=how or track.mask, grow_milli=grow))


def look(plan: Plan, suspect_id: str, looked: Looked, *, by: str) -> Plan:
    """Say what a person saw at a suspect: nothing, or something that a track hides now; `open` takes it back."""
    if not any(one.id == suspect_id for one in plan.suspects):
        raise Invalid(f"The plan has no suspect {suspect_id[:40]!r}.")
    suspects = tuple(
        replace(one, looked=looked, by="" if looked == "open" else by) if one.id == suspect_id else one
        for one in plan.suspects
    )
    return replace(plan, suspects=suspects, reviewed=None)


def review(plan: Plan, *, by: str, at: str) -> Plan:
    """A person accepts the whole plan. Raises `Conflict` while anything waits to be looked at."""
    tracks, sounds, suspects = left_to_look_at(plan)
    if tracks or sounds or suspects:
        raise Conflict(
            f"{tracks} tracks, {sounds} stretches of sound and {suspects} suspects wait to be looked at.",
            next_step="Accept or reject each of them first.",
        )
    return replace(plan, reviewed=Reviewed(by, at))


def second_reading(plan: Plan, *, by: str) -> Plan:
    """A second person accepts it too. Raises `Conflict` before the first, and `Invalid` for the same person."""
    if plan.reviewed is None:
        raise Conflict("Nobody has accepted this plan yet; a second reader comes after the first.")
    if plan.reviewed.by == by:
        raise Invalid("The second reader is another person than the first.")
    return replace(plan, reviewed=replace(plan.reviewed, second=by))


@dataclass(frozen=True, slots=True)
class History:
    """A plan and the ones before and after it, for undo and redo."""

    plan: Plan
    before: tuple[Plan, ...] = ()
    after: tuple[Plan, ...] = ()

    def do(self, act: Callable[[Plan], Plan], *, keep: int = 200) -> History:
        """After an act. What had been undone is forgotten; at most `keep` plans are kept."""
        return History(act(self.plan), (*self.before, self.plan)[-keep:])

    def undo(self) -> History:
        """Before the last act; the same when there was none."""
        if not self.before:
            return self
        return History(self.before[-1], self.before[:-1], (self.plan, *self.after))

    def redo(self) -> History:
        """After the act that was undone last; the same when there was none."""
        if not self.after:
            return self
        return History(self.after[0], (*self.before, self.plan), self.after[1:])


def _put(plan: Plan, track: Track) -> Plan:
    tracks = tuple(track if one.id == track.id else one for one in plan.tracks)
    return replace(plan, tracks=tracks, reviewed=None)


def _free(plan: Plan, track_id: str) -> None:
    if any(one.id == track_id for one in plan.tracks):
        raise Conflict(f"The plan has a track {track_id} already.")


def _decided(
    plan: Plan, ids: Iterable[str], on_track: Callable[[Track], Track], on_sound: Callable[[Sound], Sound]
) -> Plan:
    wanted = set(ids)
    there = {t.id for t in plan.tracks} | {s.id for s in plan.sound}
    if missing := wanted - there:
        raise Invalid(f"The plan has neither track nor stretch of sound {min(missing)[:40]!r}.")
    return replace(
        plan,
        tracks=tuple(on_track(t) if t.id in wanted else t for t in plan.tracks),
        sound=tuple(on_sound(s) if s.id in wanted else s for s in plan.sound),
        reviewed=None,
    )
