"""What does a release say of itself? Collects, sample by sample, the part of the manifest that is about one clip.

The format is `docs/formats/redaction-manifest.md`, version 1; `manifest` reads it. The unit keys and salts that prove what
was copied are made here from the clip's seed; of what was redacted only salted digests go in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from lapel.base.digest import canonical
from lapel.footage import nal
from lapel.footage.nal import Part
from lapel.footage.treehash import NO_TIME, NOTHING, packet_digest, payload_digest, salt, unit_key
from lapel.redaction.exemptions import PROPOSED
from lapel.redaction.pictures import COPIED, ENCODED, LEFT_OUT, SILENT, Sample
from lapel.redaction.plan import SOUND_PAD_US, Plan, hides
from lapel.redaction.plan_reading import as_json
from lapel.redaction.track import PAD_US, Box, Track

GROUP = b"lapel/redaction/1/group\0"
PLAN = b"lapel/redaction/1/plan\0"


@dataclass(slots=True)
class _Unit:
    """One unit while its samples come."""

    what: set[int] = field(default_factory=set)
    samples: list[tuple[int, int, int | None, bytes, bytes]] = field(
        default_factory=list
    )  # what pts dts rest payload
    group: Any = None


class ClipRecord:
    """The manifest's part about one clip. `found`: what the first pass found, `seed`: the secret of its media tree."""

    def __init__(self, found: Mapping[str, Any], seed: bytes, plan: Plan, *, auto: bool) -> None:
        self._found, self._seed, self._plan, self._auto = found, seed, plan, auto
        self._leaves: str = found["leaves"]
        self._kept: dict[int, Mapping[str, Any]] = {kept["track"]: kept for kept in found["kept"]}
        self._units: dict[int, dict[int, _Unit]] = {track: {} for track in self._kept}
        self._done: dict[int, dict[int, dict[str, Any]]] = {track: {} for track in self._kept}
        self._first: list[int] = []
        at = 1
        for count in found["units"]:
            self._first.append(at)
            at += count

    def see(self, one: Sample, codec: nal.Codec | None) -> None:
        """The next sample of a track, in the order of the render."""
        units = self._units[one.track]
        if one.unit not in units:
            for earlier in [number for number in units if number < one.unit]:
                self._close(one.track, earlier)
            units[one.unit] = _Unit()
        unit = units[one.unit]
        unit.what.add(one.what)
        if one.what == ENCODED:
            if unit.group is None:
                unit.group = sha256(GROUP)
            unit.group.update(payload_digest(pictures_in(one.body, codec)))
        unit.samples.append((one.what, one.pts, one.dts, one.rest, one.payload))

    def to_json(self, told: Sequence[Mapping[str, Any]], shift: tuple[int, int]) -> dict[str, Any]:
        """The members that prove the clip. `told`: what the cell says of each track at the end."""
        for track, units in self._units.items():
            for number in list(units):
                self._close(track, number)
        return {
            "root": self._found["root"],
            "header": self._found["header"],
            "plan": plan_commitment(self._seed, self._plan),
            "shift": list(shift),
            "origin_us": self._found["origin_us"],
            "tracks": [self._track(number, told[number]) for number in range(len(self._first))],
        }

    def _track(self, number: int, told: Mapping[str, Any]) -> dict[str, Any]:
        why = self._found["left_out"].get(str(number))
        if why is not None:
            return {"track": number, "left_out": why, "leaves": self._leaves_of(number)}
        kept = self._kept[number]
        said: dict[str, Any] = {"track": number, "kind": kept["kind"], "whole": kept["whole"]}
        if kept["kind"] == "video":
            return {
                **said,
                "sets": [] if kept["whole"] else told["sets"],
                "ours": told["ours"],
                "groups": self._groups(number, kept),
            }
        if kept["whole"]:
            group = self._done[number].get(0, _empty(0))
            group["hides"] = self._mutes(None, None)
            return {
                **said,
                "time_base": kept["time_base"],
                "config": told["config"],
                "leaves": self._leaves_of(number),
                "groups": [group],
            }
        return {**said, "silence": kept["silence"], "groups": self._groups(number, kept)}

    def _groups(self, track: int, kept: Mapping[str, Any]) -> list[dict[str, Any]]:
        reasons = {int(unit): why for unit, why in kept.get("touched", [])}
        groups = []
        for number in range(self._found["units"][track]):
            group = self._done[track].get(number) or _empty(number)
            group["leaf"] = self._leaf(track, number)
            if group["is"] == "redacted":
                group["why"] = reasons.get(number, "")
                begins_us, ends_us = kept["spans"][number]
                group["hides"] = self._hides(begins_us, ends_us)
            elif group["is"] == "partly":
                base = kept["time_base"]
                begins_us = int(group["start"]) * base[0] * 1_000_000 // base[1] - self._found["origin_us"]
                group["hides"] = self._mutes(begins_us, begins_us + 2_000_000)
            groups.append(group)
        return groups

    def _close(self, track: int, number: int) -> None:
        unit = self._units[track].pop(number)
        if unit.what == {ENCODED}:
            made = self._encoded(number, unit)
        elif unit.what == {COPIED}:
            made = self._copied(track, number, unit)
        else:
            made = self._partly(track, number, unit)
        self._done[track][number] = made

    def _encoded(self, number: int, unit: _Unit) -> dict[str, Any]:
        start = unit.samples[0][1]
        return {
            "n": number,
            "is": "redacted",
            "start": str(start),
            "pts": runs([pts - start for _, pts, *_ in unit.samples]),
            "payload": unit.group.hexdigest(),
        }

    def _times(self, number: int, unit: _Unit) -> dict[str, Any]:
        start = unit.samples[0][1] if unit.samples[0][1] != NO_TIME else unit.samples[0][2] or 0
        return {
            "n": number,
            "start": str(start),
            "pts": runs([None if pts == NO_TIME else pts - start for _, pts, *_ in unit.samples]),
            "dts": runs([None if dts is None else dts - start for _, _, dts, *_ in unit.samples]),
        }

    def _copied(self, track: int, number: int, unit: _Unit) -> dict[str, Any]:
        rests = [[k, rest.hex()] for k, (*_, rest, _p) in enumerate(unit.samples) if rest != NOTHING]
        made = {**self._times(number, unit), "is": "copied", "key": unit_key(self._seed, track, number).hex()}
        return {**made, "rest": rests} if rests else made

    def _partly(self, track: int, number: int, unit: _Unit) -> dict[str, Any]:
        key = unit_key(self._seed, track, number)
        made = self._times(number, unit)
        start = int(made["start"])
        packets = []
        for k, (what, pts, dts, _rest, payload) in enumerate(unit.samples):
            if what == COPIED:
                packets.append(["c", salt(key, k).hex()])
                continue
            times = (NO_TIME if pts == NO_TIME else pts - start, NO_TIME if dts is None else dts - start)
            packets.append(
                ["s" if what == SILENT else "x", packet_digest(salt(key, k), *times, payload).hex()]
            )
        assert unit.what <= {COPIED, SILENT, LEFT_OUT}
        return {**made, "is": "partly", "packets": packets}

    def _leaf(self, track: int, number: int) -> str:
        at = 64 * (self._first[track] + number)
        return self._leaves[at : at + 64]

    def _leaves_of(self, track: int) -> str:
        start = 64 * self._first[track]
        return self._leaves[start : start + 64 * self._found["units"][track]]

    def _hides(self, begins_us: int, ends_us: int) -> list[dict[str, Any]]:
        found = []
        for one in self._plan.tracks:
            if one.begins_us - PAD_US >= ends_us or one.ends_us + PAD_US <= begins_us:
                continue
            if not hides(one, auto=self._auto):
                continue
            box = _bounds(one, begins_us, ends_us, self._plan)
            if box is not None:
                found.append(
                    {
                        "id": one.id, "kind": one.kind, "mask": one.mask, "shape": one.shape,
                        "exemption": one.exemption or PROPOSED, "box": [box.x, box.y, box.w, box.h],
                        "begins_us": max(begins_us, one.begins_us - PAD_US),
                        "ends_us": min(ends_us, one.ends_us + PAD_US),
                    }
                )  # fmt: skip
        return found

    def _mutes(self, begins_us: int | None, ends_us: int | None) -> list[dict[str, Any]]:
        found = []
        for one in self._plan.sound:
            start, end = one.begins_us - SOUND_PAD_US, one.ends_us + SOUND_PAD_US
            outside = begins_us is not None and ends_us is not None and (end <= begins_us or start >= ends_us)
            if hides(one, auto=self._auto) and not outside:
                found.append(
                    {
                        "id": one.id, "kind": one.kind, "exemption": one.exemption or PROPOSED,
                        "begins_us": max(0, start), "ends_us": end,
                    }
                )  # fmt: skip
        return found


def plan_commitment(seed: bytes, plan: Plan) -> str:
    """What the manifest says of the plan: a digest under a salt from the clip's seed, since a plan holds names and words."""
    key = sha256(PLAN + seed).digest()
    return sha256(PLAN + key + canonical(as_json(plan))).hexdigest()


def pictures_in(body: bytes, codec: nal.Codec | None) -> list[bytes]:
    """The payload of a sample of ours: the picture's NAL units, or the whole of it for sound."""
    if codec is None:
        return [body]
    units = nal.split_prefixed(memoryview(body), 4)
    return [bytes(unit) for unit in units if codec.parts[codec.type_of(unit[0])] <= Part.FIRST_PICTURE]


def runs(values: Sequence[int | None]) -> list[list[int | None]]:
    """Values as steps from the one before (from 0 at first), equal steps counted: [[step, times], …]; null stays null."""
    found: list[list[int | None]] = []
    last = 0
    for value in values:
        step = None if value is None else value - last
        last = last if value is None else value
        if found and found[-1][0] == step:
            found[-1][1] = (found[-1][1] or 0) + 1
        else:
            found.append([step, 1])
    return found


def _empty(number: int) -> dict[str, Any]:
    """A unit of which nothing could be decoded."""
    return {"n": number, "is": "redacted", "start": "0", "pts": [], "payload": sha256(GROUP).hexdigest()}


def _bounds(one: Track, begins_us: int, ends_us: int, plan: Plan) -> Box | None:
    """The smallest box around all that a track hides in this time, clipped to the picture."""
    times = {max(begins_us, one.begins_us - PAD_US), min(ends_us, one.ends_us + PAD_US) - 1}
    times |= {key.at_us for key in one.keyframes if begins_us <= key.at_us < ends_us}
    times |= {key.at_us - 1 for key in one.keyframes if begins_us < key.at_us <= ends_us}
    found: Box | None = None
    for at in times:
        if not begins_us <= at < ends_us or not one.begins_us - PAD_US <= at < one.ends_us + PAD_US:
            continue
        box = one.box_at(at)
        shown = box and box.grown(one.grow_milli).within(plan.width, plan.height)
        if shown:
            found = shown if found is None else _around(found, shown)
    return found


def _around(one: Box, other: Box) -> Box:
    left, top = min(one.x, other.x), min(one.y, other.y)
    right, bottom = max(one.x + one.w, other.x + other.w), max(one.y + one.h, other.y + other.h)
    return Box(left, top, right - left, bottom - top)
