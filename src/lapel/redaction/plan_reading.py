"""What does this plan file say? Strictly read: every fault names its place; what is written reads back the same.

The format is `docs/formats/redaction-plan.md`, version 1. Plans come from reviewers' browsers and from other tools: limits
first, then types, then sense (order of times, codes, boxes on the picture).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from lapel.base.digest import MAX_INTEGER, canonical, sha256_hex
from lapel.base.errors import Invalid
from lapel.custody.strictjson import members, read_json
from lapel.redaction import plan as plans
from lapel.redaction.exemptions import CODES, exemption
from lapel.redaction.plan import Plan, Reviewed, Sound, Source, Suspect
from lapel.redaction.track import KINDS, MASKS, SHAPES, STATES, Keyframe, Track

MAX_BYTES = 64 << 20
MAX_TRACKS = 50_000
MAX_KEYFRAMES = 1_000_000
MAX_SOUND = 50_000
MAX_SUSPECTS = 100_000
MAX_SIDE_PX = 16_384
MAX_US = 7 * 24 * 3600 * 1_000_000
ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}\Z")
HEX = re.compile(r"[0-9a-f]{64}\Z")
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z\Z")


def read_plan(text: str | bytes) -> Plan:
    """The plan in this text. Raises `Invalid` naming the place, such as `tracks[3].keyframes[0].x`."""
    top = members(
        read_json(text, what="The plan", max_bytes=MAX_BYTES),
        {"v", "source", "width", "height", "tracks", "sound", "suspects", "detector", "reviewed"},
        what="The plan",
    )
    if top["v"] != plans.VERSION or isinstance(top["v"], bool):
        raise Invalid(f"The plan has version {str(top['v'])[:20]}; this Lapel reads version {plans.VERSION}.")
    width, height = (_whole(top[name], name, 1, MAX_SIDE_PX) for name in ("width", "height"))
    made = Plan(
        source=_source(top["source"]),
        width=width,
        height=height,
        tracks=tuple(
            _track(one, f"tracks[{n}]", width, height)
            for n, one in enumerate(_list(top["tracks"], "tracks", MAX_TRACKS))
        ),
        sound=tuple(
            _sound(one, f"sound[{n}]") for n, one in enumerate(_list(top["sound"], "sound", MAX_SOUND))
        ),
        suspects=tuple(
            _suspect(one, f"suspects[{n}]", width, height)
            for n, one in enumerate(_list(top["suspects"], "suspects", MAX_SUSPECTS))
        ),
        detector=_detector(top["detector"]),
        reviewed=_reviewed(top["reviewed"]),
    )
    return checked(made)


def checked(plan: Plan) -> Plan:
    """The plan, if it holds together as a whole. Raises `Invalid`: an id twice, too many keyframes, a stray suspect."""
    for name, ids in (
        ("tracks", [t.id for t in plan.tracks]),
        ("sound", [s.id for s in plan.sound]),
        ("suspects", [s.id for s in plan.suspects]),
    ):
        if len(set(ids)) != len(ids):
            twice = next(one for one in ids if ids.count(one) > 1)
            raise Invalid(f"{name}: the id {twice} is there twice.")
    if sum(len(track.keyframes) for track in plan.tracks) > MAX_KEYFRAMES:
        raise Invalid(f"The plan has more than {MAX_KEYFRAMES:,} keyframes.")
    return plan


def as_json(plan: Plan) -> dict[str, Any]:
    """The plan as JSON values; only integers, strings, booleans and null."""
    body = asdict(plan)
    for track in body["tracks"]:
        for key in track["keyframes"]:
            if not key["hidden"]:
                del key["hidden"]
    return {"v": plans.VERSION, **body, "detector": dict(plan.detector)}


def written(plan: Plan) -> bytes:
    """The plan as bytes: canonical JSON (RFC 8785), so that equal plans are equal files."""
    return canonical(as_json(plan))


def digest(plan: Plan) -> str:
    """SHA-256 of the plan as written, 64 hex digits."""
    return sha256_hex(written(plan))


def read_track(value: Any, place: str, width: int, height: int) -> Track:
    """One track of a picture of this size. Raises `Invalid` naming the place."""
    return _track(value, place, width, height)


def read_sound(value: Any, place: str) -> Sound:
    """One stretch of sound. Raises `Invalid` naming the place."""
    return _sound(value, place)


def _source(value: Any) -> Source:
    found = members(value, {"sha256", "size_bytes", "number"}, what="source")
    return Source(
        _text(found["sha256"], "source.sha256", HEX),
        _whole(found["size_bytes"], "source.size_bytes", 0, MAX_INTEGER),
        _text(found["number"], "source.number"),
    )


def _track(value: Any, place: str, width: int, height: int) -> Track:
    found = members(value, set(Track.__slots__), what=place)
    begins, ends = _times(found, place)
    keys = tuple(
        _keyframe(one, f"{place}.keyframes[{n}]", width, height)
        for n, one in enumerate(_list(found["keyframes"], f"{place}.keyframes", MAX_KEYFRAMES))
    )
    if not keys:
        raise Invalid(f"{place}.keyframes is empty.", next_step="A track needs a box to hide.")
    for number in range(1, len(keys)):
        if keys[number].at_us <= keys[number - 1].at_us:
            raise Invalid(f"{place}.keyframes[{number}].at_us is not later than the one before it.")
    made: dict[str, Any] = {
        "id": _text(found["id"], f"{place}.id", ID),
        "kind": _one_of(found["kind"], f"{place}.kind", KINDS),
        "shape": _one_of(found["shape"], f"{place}.shape", SHAPES),
        "mask": _one_of(found["mask"], f"{place}.mask", MASKS),
        "grow_milli": _whole(found["grow_milli"], f"{place}.grow_milli", 1000, 5000),
        "score_milli": _whole(found["score_milli"], f"{place}.score_milli", 0, 1000),
        "person": _text(found["person"], f"{place}.person"),
        "source": _text(found["source"], f"{place}.source"),
        **_decision(found, place),
    }
    return Track(begins_us=begins, ends_us=ends, keyframes=keys, **made)


def _keyframe(value: Any, place: str, width: int, height: int) -> Keyframe:
    if not isinstance(value, dict):
        raise Invalid(f"{place} is not an object.")
    found = members({"hidden": False, **value}, set(Keyframe.__slots__), what=place)
    if not isinstance(found["hidden"], bool):
        raise Invalid(f"{place}.hidden is neither true nor false.")
    x, y, w, h = _box(found, place, width, height)
    return Keyframe(_whole(found["at_us"], f"{place}.at_us", 0, MAX_US), x, y, w, h, found["hidden"])


def _sound(value: Any, place: str) -> Sound:
    found = members(value, set(Sound.__slots__), what=place)
    begins, ends = _times(found, place)
    made: dict[str, Any] = {
        "id": _text(found["id"], f"{place}.id", ID),
        "kind": _one_of(found["kind"], f"{place}.kind", plans.SOUND_KINDS),
        "words": _text(found["words"], f"{place}.words", limit=2000),
        **_decision(found, place),
    }
    return Sound(begins_us=begins, ends_us=ends, **made)


def _suspect(value: Any, place: str, width: int, height: int) -> Suspect:
    found = members(value, set(Suspect.__slots__), what=place)
    begins, ends = _times(found, place)
    x, y, w, h = _box(found, place, width, height)
    made: dict[str, Any] = {
        "id": _text(found["id"], f"{place}.id", ID),
        "why": _one_of(found["why"], f"{place}.why", plans.WHYS),
        "kind": _one_of(found["kind"], f"{place}.kind", KINDS),
        "score_milli": _whole(found["score_milli"], f"{place}.score_milli", 0, 1000),
        "track": _text(found["track"], f"{place}.track"),
        "looked": _one_of(found["looked"], f"{place}.looked", plans.LOOKED),
        "by": _text(found["by"], f"{place}.by"),
    }
    return Suspect(begins_us=begins, ends_us=ends, x=x, y=y, w=w, h=h, **made)


def _decision(found: Mapping[str, Any], place: str) -> dict[str, str]:
    state = _one_of(found["state"], f"{place}.state", STATES)
    by = _text(found["by"], f"{place}.by")
    reason = _text(found["reason"], f"{place}.reason", limit=2000)
    code = _text(found["exemption"], f"{place}.exemption")
    if code and code not in CODES:
        try:
            exemption(code)
        except Invalid as fault:
            raise Invalid(f"{place}.exemption: {fault.says}", next_step=fault.next_step) from None
    if state != "proposed" and not by:
        raise Invalid(f"{place} is {state}, and nobody is named who did it.")
    if state == "accepted" and not code:
        raise Invalid(f"{place} is accepted without an exemption code.")
    if state == "rejected" and not reason.strip():
        raise Invalid(f"{place} is rejected without a reason.")
    return {"state": state, "by": by, "reason": reason, "exemption": code}


def _detector(value: Any) -> dict[str, str | int]:
    if not isinstance(value, dict) or len(value) > 40:
        raise Invalid("detector is not an object of at most 40 members.")
    for name, said in value.items():
        if isinstance(said, bool) or not isinstance(said, str | int) or not ID.match(name):
            raise Invalid(f"detector.{name[:40]} is neither a text nor a whole number.")
        if isinstance(said, str):
            _text(said, f"detector.{name}", limit=500)
        else:
            _whole(said, f"detector.{name}", -MAX_INTEGER, MAX_INTEGER)
    return dict(value)


def _reviewed(value: Any) -> Reviewed | None:
    if value is None:
        return None
    found = members(value, {"by", "at", "second"}, what="reviewed")
    by, second = _text(found["by"], "reviewed.by"), _text(found["second"], "reviewed.second")
    if not by:
        raise Invalid("reviewed.by names nobody.")
    if by == second:
        raise Invalid("reviewed.second is the same person as reviewed.by.")
    return Reviewed(by, _text(found["at"], "reviewed.at", STAMP), second)


def _times(found: Mapping[str, Any], place: str) -> tuple[int, int]:
    begins = _whole(found["begins_us"], f"{place}.begins_us", 0, MAX_US)
    ends = _whole(found["ends_us"], f"{place}.ends_us", 0, MAX_US)
    if ends <= begins:
        raise Invalid(f"{place} ends ({ends} us) before it begins ({begins} us), or as it begins.")
    return begins, ends


def _box(found: Mapping[str, Any], place: str, width: int, height: int) -> tuple[int, int, int, int]:
    x, y = (_whole(found[name], f"{place}.{name}", -MAX_SIDE_PX, MAX_SIDE_PX) for name in "xy")
    w, h = (_whole(found[name], f"{place}.{name}", 1, 2 * MAX_SIDE_PX) for name in "wh")
    if x >= width or y >= height or x + w <= 0 or y + h <= 0:
        raise Invalid(
            f"{place} lies outside the picture: {w} x {h} px at {x}, {y} of {width} x {height} px.",
            next_step="Boxes count in pixels of the coded picture as decoded, before rotation.",
        )
    return x, y, w, h


def _whole(value: Any, place: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid(f"{place} is not a whole number.")
    if not least <= value <= most:
        raise Invalid(f"{place} is {str(value)[:30]}; it lies between {least} and {most}.")
    return value


def _text(value: Any, place: str, pattern: re.Pattern[str] | None = None, limit: int = 200) -> str:
    if not isinstance(value, str) or len(value) > limit or not value.isprintable():
        raise Invalid(f"{place} is not a text of at most {limit} printable characters.")
    if pattern is not None and not pattern.match(value):
        raise Invalid(f"{place} is {value[:40]!r}, which cannot be.")
    return value


def _one_of(value: Any, place: str, words: Sequence[str]) -> str:
    if value not in words or not isinstance(value, str):
        raise Invalid(f"{place} is {str(value)[:40]!r}; it is one of {', '.join(words)}.")
    return value


def _list(value: Any, place: str, limit: int) -> list[Any]:
    if not isinstance(value, list):
        raise Invalid(f"{place} is not a list.")
    if len(value) > limit:
        raise Invalid(f"{place} has {len(value):,} entries; at most {limit:,} are read.")
    return value
