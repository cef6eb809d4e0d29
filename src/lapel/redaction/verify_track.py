"""Is each group of this track what the manifest says of it? The walk over the packets, in order, that leaves none out."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from hashlib import sha256
from typing import Any, BinaryIO

from lapel.base.errors import EvidenceFault
from lapel.redaction import verify_pictures as pictures
from lapel.redaction.manifest import Group, TrackClaim
from lapel.redaction.verify_media import FileTrack

_GROUP = b"lapel/redaction/1/group\0"


class TrackWalk:
    """The walk over one track."""

    def __init__(
        self, claim: TrackClaim, facts: Any, found: FileTrack, file: BinaryIO, shift: Fraction
    ) -> None:
        self._claim, self._facts, self._found, self._file, self._shift = claim, facts, found, file, shift
        base = claim.time_base or tuple(facts.get("time_base", ()))
        if len(base) != 2 or not all(type(one) is int and one > 0 for one in base):
            raise EvidenceFault(f"track {claim.number} has no clock")
        self._tick = Fraction(*base)
        self._name = "picture" if claim.kind == "video" else "sound"
        self._next = 0
        self._last: int | None = None
        self._off: Fraction | None = None
        self._sets: pictures.Sets = {}
        self._source = {(kind, number): unit for kind, number, unit in claim.sets}
        self._ours = {(kind, number): unit for kind, number, unit in claim.ours}
        self._config = pictures.sets_of(self._source)

    def check(self) -> None:
        """Raises `EvidenceFault` naming the group."""
        claim, found = self._claim, self._found
        if found.kind != claim.kind or self._facts.get("kind") != claim.kind:
            raise EvidenceFault(f"track {claim.number} is not the {self._name} it is said to be")
        if claim.kind == "video":
            self._same_picture()
        else:
            self._same_sound()
        for group in claim.groups:
            try:
                self._group(group)
            except EvidenceFault as fault:
                at = float(group.start * self._tick - self._shift)
                raise EvidenceFault(
                    f"{self._name} group {group.number} (from {at:.3f} s): {fault.says}"
                ) from None
        if self._next != len(found.sizes):
            raise EvidenceFault(f"{len(found.sizes) - self._next} packets of {self._name} belong to no group")

    def _same_picture(self) -> None:
        claim, found, facts = self._claim, self._found, self._facts
        codec = "h264" if claim.whole else facts.get("codec")
        even = 1 if claim.whole else 0
        wanted = (facts["width"] + (facts["width"] & even), facts["height"] + (facts["height"] & even))
        if found.codec != codec:
            raise EvidenceFault(f"the picture is {found.codec}, not {codec}")
        if (found.width, found.height) != wanted:
            raise EvidenceFault("the picture has another size than the original")
        aspect = Fraction(*facts["aspect"]) if all(facts["aspect"]) else Fraction(1)
        if found.displayed is not None:
            shaped = (
                abs(found.width * aspect - found.displayed[0]) <= 1 and found.displayed[1] == found.height
            )
        else:
            shaped = all(found.aspect) and Fraction(*found.aspect) == aspect
        if not shaped:
            raise EvidenceFault("the picture has another shape than the original")
        if found.rotation != facts["rotation"]:
            raise EvidenceFault("the picture is turned another way than the original")
        self._sets = pictures.configured(found.codec, found.record)
        for place, unit in (*self._source.items(), *self._ours.items()):
            if (place[0], pictures.set_id(found.codec, unit)) != place:
                raise EvidenceFault("a parameter set in the manifest has another id than it says")

    def _same_sound(self) -> None:
        claim, found, facts = self._claim, self._found, self._facts
        if found.sample_rate != min(facts["sample_rate"], 0xFFFF) or found.channels != facts["channels"]:
            raise EvidenceFault("the sound has another rate or layout than the original")
        self._config = pictures.sets_of({(0, 0): found.record} if found.record else {})
        if claim.config is not None:
            if found.record != claim.config:
                raise EvidenceFault("the sound has another configuration than was signed")
        elif self._config.hex() != facts.get("config"):
            raise EvidenceFault("the sound has another configuration than the original")

    def _group(self, group: Group) -> None:
        packets, payloads = [], []
        for number, pts in enumerate(group.pts):
            what = group.packets[number] if group.packets else ("", b"")
            if what[0] == "x":
                packets.append(what[1])
                continue
            sample = self._sample(pts)
            payload = self._payload(group, sample)
            payloads.append(payload)
            if what[0] == "s":
                if sample != self._claim.silence:
                    raise EvidenceFault("a packet that is declared silent is not the silence that was signed")
                packets.append(what[1])
            elif group.kind != "redacted":
                assert pts is not None
                dts = group.dts[number]
                salt = what[1] if what[0] == "c" else pictures.salt_of(group.key, number)
                rest = (group.rest or {}).get(number, pictures.ZERO)
                times = (pts - group.start, None if dts is None else dts - group.start)
                packets.append(pictures.packet_of(salt, *times, payload, rest))
        if group.kind == "redacted":
            if sha256(_GROUP + b"".join(payloads)).digest() != group.payload:
                raise EvidenceFault("it is declared redacted, and is not what was signed")
        elif (
            pictures.leaf_of(self._claim.number, group.number, group.start, packets, self._config)
            != group.leaf
        ):
            raise EvidenceFault("it is declared copied, and is not what the camera delivered")
        shown = [pts for pts in group.pts if pts is not None]
        if shown:
            if self._last is not None and min(shown) <= self._last:
                raise EvidenceFault("it overlaps in time with the group before it")
            self._last = max(shown)

    def _sample(self, pts: int | None) -> bytes:
        """The next sample, if it is presented when it should be."""
        if self._next >= len(self._found.sizes):
            raise EvidenceFault("packets of it are missing")
        assert pts is not None
        off = self._found.at(self._next) - (pts * self._tick - self._shift)
        if abs(off) > self._found.slack or (
            self._found.steady and self._off is not None and off != self._off
        ):
            raise EvidenceFault(f"a packet is shown {float(abs(off)) * 1000:.3f} ms from its time")
        self._off = off
        sample = self._found.sample(self._file, self._next)
        self._next += 1
        return sample

    def _payload(self, group: Group, sample: bytes) -> bytes:
        if self._claim.kind == "audio":
            return pictures.payload_of([sample])
        codec = self._found.codec
        units = pictures.take_apart(codec, sample, self._sets)
        needed = self._ours if group.kind == "redacted" else self._source
        for place, unit in needed.items():
            if self._sets.get(place) != unit:
                raise EvidenceFault("a parameter set that it is decoded with is not the one that was signed")
        self._refers(codec, units, needed)
        return pictures.payload_of(units)

    @staticmethod
    def _refers(codec: str, units: Sequence[bytes], needed: Any) -> None:
        kind = 8 if codec == "h264" else 34
        for unit in units:
            number = pictures.picture_set_of(codec, unit)
            if number >= 0 and (kind, number) not in needed:
                raise EvidenceFault("a picture refers to a parameter set that is not its own")
