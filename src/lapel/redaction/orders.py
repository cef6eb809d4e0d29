"""What may a browser ask the plan to become? Each order is one JSON object; here it becomes an act of `edits`.

Who gives the order is never in it: the server says so. Times are microseconds, boxes are px of the coded picture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lapel.base.errors import Invalid
from lapel.redaction import edits
from lapel.redaction.exemptions import PROPOSED
from lapel.redaction.plan import Plan, Sound
from lapel.redaction.track import KINDS, MASKS, Keyframe, Track

_NEW_TRACK_US = 2_000_000  # a drawn track holds for two seconds until somebody says how long
_WHOLE = 1 << 53


@dataclass(frozen=True, slots=True)
class Done:
    """The plan after an order, what was done in words, and the track to show next (empty: the same)."""

    plan: Plan
    says: str
    chosen: str = ""


def obey(plan: Plan, order: Mapping[str, Any], *, by: str, length_us: int) -> Done:
    """The plan after one order of `by`. Raises `Invalid` for an order nobody knows or that lacks something, and what `edits` raise."""
    name = order.get("op")
    act = _ACTS.get(name) if isinstance(name, str) else None
    if act is None:
        raise Invalid(f"There is no edit “{str(name)[:40]}”.", next_step=f"There are {', '.join(_ACTS)}.")
    return act(plan, _Said(order, by, length_us))


@dataclass(frozen=True, slots=True)
class _Said:
    """An order, read member by member."""

    order: Mapping[str, Any]
    by: str
    length_us: int

    def text(self, name: str, *, most: int = 300, empty: bool = False) -> str:
        value = self.order.get(name, "" if empty else None)
        if not isinstance(value, str) or len(value) > most or (not value and not empty) or "\0" in value:
            raise Invalid(f"The edit needs “{name}”, a text of at most {most} characters.")
        return value

    def whole(self, name: str) -> int:
        value = self.order.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not -_WHOLE < value < _WHOLE:
            raise Invalid(f"The edit needs “{name}”, a whole number.")
        return value

    def word(self, name: str, among: tuple[str, ...]) -> Any:
        value = self.order.get(name)
        if value not in among:
            raise Invalid(f"“{name}” is one of {', '.join(among)}.")
        return value

    def key(self) -> Keyframe:
        return Keyframe(
            self.whole("at_us"), self.whole("x"), self.whole("y"), self.whole("w"), self.whole("h")
        )


def _accept(plan: Plan, said: _Said) -> Done:
    track = said.text("track")
    return Done(edits.accept(plan, [track], by=said.by), f"{track} is hidden")


def _reject(plan: Plan, said: _Said) -> Done:
    track, reason = said.text("track"), said.text("reason", most=500)
    return Done(edits.reject(plan, [track], by=said.by, reason=reason), f"{track} stays visible: {reason}")


def _reopen(plan: Plan, said: _Said) -> Done:
    track = said.text("track")
    return Done(edits.reopen(plan, [track]), f"{track} is to be decided again")


def _extend(plan: Plan, said: _Said) -> Done:
    track = plan.track(said.text("track"))
    begins = said.whole("begins_us") if "begins_us" in said.order else track.begins_us
    ends = said.whole("ends_us") if "ends_us" in said.order else track.ends_us
    return Done(
        edits.extend(plan, track.id, begins, min(ends, said.length_us)), f"{track.id} has another time"
    )


def _keyframe(plan: Plan, said: _Said) -> Done:
    track = said.text("track")
    return Done(edits.keyframe(plan, track, said.key()), f"{track} has a key frame")


def _remove_keyframe(plan: Plan, said: _Said) -> Done:
    """The key frame nearest to the instant, because nobody hits a microsecond."""
    track = plan.track(said.text("track"))
    at = said.whole("at_us")
    nearest = min(track.keyframes, key=lambda key: abs(key.at_us - at))
    return Done(edits.without_keyframe(plan, track.id, nearest.at_us), f"{track.id} has a key frame less")


def _split(plan: Plan, said: _Said) -> Done:
    track, new = said.text("track"), _fresh(plan, "h")
    return Done(
        edits.split(plan, track, said.whole("at_us"), new), f"{track} is split, the rest is {new}", new
    )


def _merge(plan: Plan, said: _Said) -> Done:
    track, other = said.text("track"), said.text("other")
    return Done(edits.merge(plan, track, other), f"{other} is part of {track}")


def _person(plan: Plan, said: _Said) -> Done:
    track, person = said.text("track"), said.text("person", most=40, empty=True)
    return Done(edits.group(plan, [track], person), f"{track} is of {person or 'nobody in particular'}")


def _exempt(plan: Plan, said: _Said) -> Done:
    """Another exemption; a track that was accepted stays accepted, by who changed it."""
    track, code = plan.track(said.text("track")), said.text("exemption", most=20)
    changed = edits.accept(plan, [track.id], by=said.by, exemption=code)
    if track.state != "accepted":
        changed = edits.reopen(changed, [track.id])
    return Done(changed, f"{track.id} is exempt under {code}")


def _mask(plan: Plan, said: _Said) -> Done:
    track, how = said.text("track"), said.word("mask", MASKS)
    return Done(edits.mask(plan, track, how=how), f"{track} is hidden by {how}")


def _add(plan: Plan, said: _Said) -> Done:
    kind, key, new = said.word("kind", KINDS), said.key(), _fresh(plan, "h")
    return Done(_drawn(plan, said, new, kind, key), f"{new} is drawn", new)


def _suspect_hide(plan: Plan, said: _Said) -> Done:
    """A track is drawn where the suspect is, for a person to correct and accept."""
    wanted = said.text("suspect")
    suspect = next((one for one in plan.suspects if one.id == wanted), None)
    if suspect is None:
        raise Invalid(f"The plan has no suspect {wanted[:40]!r}.")
    new = _fresh(plan, "h")
    key = Keyframe(suspect.begins_us, suspect.x, suspect.y, suspect.w, suspect.h)
    drawn = edits.draw(
        plan,
        Track(
            new,
            suspect.kind,
            suspect.begins_us,
            max(suspect.ends_us, suspect.begins_us + 1),
            (key,),
            exemption=PROPOSED,
            score_milli=suspect.score_milli,
        ),
    )
    return Done(edits.look(drawn, wanted, "tracked", by=said.by), f"{new} is drawn where {wanted} was", new)


def _suspect_looked(plan: Plan, said: _Said) -> Done:
    suspect = said.text("suspect")
    if any(one.id == suspect and one.why == "seen_after" for one in plan.suspects):
        raise Invalid(
            f"{suspect} was seen in the render; that it is nothing is not said without a reason.",
            next_step="Hide it, or make it a track and leave that visible with a reason.",
        )
    return Done(edits.look(plan, suspect, "nothing", by=said.by), f"nothing to hide at {suspect}")


def _mute(plan: Plan, said: _Said) -> Done:
    begins, ends, new = said.whole("begins_us"), said.whole("ends_us"), _fresh(plan, "m")
    if not 0 <= begins < ends:
        raise Invalid("A stretch of sound begins at 0 or later and ends after that.")
    sound = Sound(
        new, "other", begins, ends, said.text("words", most=200, empty=True), PROPOSED, "accepted", said.by
    )
    return Done(edits.mute(plan, sound), f"“{sound.words}” is silenced")


def _accept_sound(plan: Plan, said: _Said) -> Done:
    sound = said.text("sound")
    return Done(edits.accept(plan, [sound], by=said.by), f"{sound} is silenced")


def _reject_sound(plan: Plan, said: _Said) -> Done:
    sound = said.text("sound")
    reason = said.text("reason", most=500, empty=True) or "it may be heard"
    return Done(edits.reject(plan, [sound], by=said.by, reason=reason), f"{sound} stays audible")


def _drawn(plan: Plan, said: _Said, new: str, kind: Any, key: Keyframe) -> Plan:
    ends = min(said.length_us, key.at_us + _NEW_TRACK_US)
    shape: Any = "ellipse" if kind == "face" else "box"
    return edits.draw(
        plan,
        Track(new, kind, key.at_us, max(ends, key.at_us + 1), (key,), shape=shape, grow_milli=1000, state="accepted", by=said.by, exemption=PROPOSED),
    )  # fmt: skip


def _fresh(plan: Plan, letter: str) -> str:
    taken = {track.id for track in plan.tracks} | {sound.id for sound in plan.sound}
    number = len(taken) + 1
    while f"{letter}{number}" in taken:
        number += 1
    return f"{letter}{number}"


_ACTS: dict[str, Callable[[Plan, _Said], Done]] = {
    "accept": _accept,
    "reject": _reject,
    "reopen": _reopen,
    "extend": _extend,
    "keyframe": _keyframe,
    "remove_keyframe": _remove_keyframe,
    "split": _split,
    "merge": _merge,
    "person": _person,
    "exempt": _exempt,
    "mask": _mask,
    "add": _add,
    "suspect_hide": _suspect_hide,
    "suspect_looked": _suspect_looked,
    "mute": _mute,
    "unmute": _reject_sound,
    "accept_sound": _accept_sound,
    "reject_sound": _reject_sound,
}
