"""What did the camera deliver, group of pictures by group of pictures, in a form that can be proved piece by piece?

The bytes of this format are defined in `docs/formats/media-tree.md`, version 1; its vectors are
`tests/vectors/mediatree.json`. Pure and streamed: packets in, in decode order, one root out; of the packets nothing is
kept but the leaf hashes, 32 bytes for each unit.

    builder = TreeBuilder(seed, [Track(kind="video", codec="h264", ...), Track(kind="audio", ...)])
    builder.add(0, packet, pts=0, dts=0, key=True)
    tree = builder.finish()
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from lapel.base.digest import Value, canonical
from lapel.base.errors import Invalid
from lapel.custody.tree import leaf_hash
from lapel.footage import nal
from lapel.footage.nal import Codec, Part
from lapel.footage.treehash import VERSION, Buffer, Leaf, PacketTold, payload_digest, root_of, sets_digest

SEED_BYTES = 32

SeiSeen = Callable[[int, memoryview], None]


@dataclass(frozen=True, slots=True)
class Track:
    """One track of the tree. `facts` go into the header leaf: size, aspect, pixel format, rotation, or the audio layout."""

    kind: Literal["video", "audio"]
    codec: str
    time_base: tuple[int, int]  # seconds per tick, as numerator and denominator
    extradata: bytes = b""
    facts: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MediaTree:
    """The tree of one clip: its root, the header leaf, and every leaf hash in order (32 bytes each, the header's first)."""

    root: bytes
    header: bytes
    leaves: bytes
    units: tuple[int, ...]
    packets: tuple[int, ...]
    broken_packets: int


class TreeBuilder:
    """Builds the media tree of one clip from its packets.

    `tracks`: every video track in the order of the file, then every audio track. `seed`: 32 random bytes, a secret of the
    clip; the salts come from it. `sei` is told of every SEI NAL unit (track, NAL unit) and may keep no view of it; `told`
    of every packet that has gone into a leaf.
    """

    def __init__(
        self,
        seed: bytes,
        tracks: Sequence[Track],
        *,
        sei: SeiSeen | None = None,
        told: PacketTold | None = None,
    ) -> None:
        if len(seed) != SEED_BYTES:
            raise Invalid(f"The seed of a media tree has {SEED_BYTES} bytes, not {len(seed)}.")
        self._tracks = [_builder(seed, number, track, sei) for number, track in enumerate(tracks)]
        for builder in self._tracks:
            builder.told = told

    def add(self, track: int, packet: Buffer, *, pts: int | None, dts: int | None, key: bool) -> None:
        """The next packet of a track in decode order. Times are source ticks on the presentation clock, None if absent."""
        self._tracks[track].add(memoryview(packet), pts, dts, key)

    def counts(self, track: int) -> tuple[int, int]:
        """Units and packets of a track so far; the last unit may still get more."""
        return self._tracks[track].units, self._tracks[track].packets

    def sets(self, track: int) -> tuple[Mapping[tuple[int, int], bytes], int]:
        """The parameter sets in force, by (NAL unit type, id), and how often they changed after the first picture."""
        return self._tracks[track].in_force, self._tracks[track].changes

    def broken(self, track: int) -> int:
        """How many packets of a track could not be taken apart so far."""
        return self._tracks[track].broken

    def finish(self) -> MediaTree:
        """Close the last units and hash the tree (RFC 9162 §2.1.1) over header, video units and audio units."""
        for track in self._tracks:
            track.close_unit()
        header = canonical(
            {
                "format": "lapel.media-tree",
                "v": VERSION,
                "tracks": [track.described() for track in self._tracks],
            }
        )
        leaves = leaf_hash(header) + b"".join(track.leaves for track in self._tracks)
        return MediaTree(
            root=root_of(leaves),
            header=header,
            leaves=leaves,
            units=tuple(track.units for track in self._tracks),
            packets=tuple(track.packets for track in self._tracks),
            broken_packets=sum(track.broken for track in self._tracks),
        )


class _Whole:
    """A track whose whole packets are the payload: sound, and pictures of other codecs than H.264 and H.265."""

    def __init__(self, seed: bytes, number: int, track: Track) -> None:
        self._seed = seed
        self._number = number
        self._track = track
        self._sets: dict[tuple[int, int], bytes] = {(0, 0): track.extradata} if track.extradata else {}
        self._config = sets_digest(self._sets)
        self._configured = self._config
        self._leaf: Leaf | None = None
        self._first_pts: int | None = None
        self.told: PacketTold | None = None
        self.leaves = bytearray()
        self.changes = 0
        self.units = 0
        self.packets = 0
        self.broken = 0

    def add(self, packet: memoryview, pts: int | None, dts: int | None, key: bool) -> None:
        """One packet: sound begins a unit each second, pictures at each key packet."""
        if self._track.kind == "audio":
            begins = self._leaf is not None and self._a_second_on(self._leaf.start, pts)
        else:
            begins = key
        self._unit(pts, dts, begins=begins).packet(pts, dts, payload_digest([packet]))

    def close_unit(self) -> None:
        """The unit is over; its leaf hash is kept."""
        if self._leaf is not None:
            self.leaves += self._leaf.close()
            self._leaf = None

    def described(self) -> dict[str, Value]:
        """This track's part of the header leaf."""
        return {
            **self._track.facts,
            "kind": self._track.kind,
            "codec": self._track.codec,
            "time_base": list(self._track.time_base),
            "config": self._configured.hex(),
            "units": self.units,
            "first_pts": None if self._first_pts is None else str(self._first_pts),
        }

    @property
    def in_force(self) -> Mapping[tuple[int, int], bytes]:
        """The parameter sets in force now."""
        return self._sets

    def _a_second_on(self, start: int, pts: int | None) -> bool:
        numerator, denominator = self._track.time_base
        return pts is not None and (pts - start) * numerator >= denominator

    def _unit(self, pts: int | None, dts: int | None, *, begins: bool) -> Leaf:
        """The unit that the next packet belongs to; the one before is closed if a new one begins."""
        self.packets += 1
        if begins or self._leaf is None:
            self.close_unit()
            if self.units == 0:
                self._first_pts = pts
            start = pts if pts is not None else dts if dts is not None else 0
            self._leaf = Leaf(self._seed, self._number, self.units, start, self._config, self.told)
            self.units += 1
        return self._leaf


class _Pictures(_Whole):
    """A track of H.264 or H.265: only the picture's own NAL units are the payload, so that other framings agree."""

    def __init__(self, seed: bytes, number: int, track: Track, codec: Codec, sei: SeiSeen | None) -> None:
        super().__init__(seed, number, track)
        self._codec = codec
        self._length_bytes = nal.length_bytes(codec, track.extradata)
        self._sei = sei
        self._early: list[memoryview] = []
        self._sets = {}
        for unit in nal.configured(codec, track.extradata):
            if codec.parts[codec.type_of(unit[0])] is Part.PARAMETERS:
                self._remember(unit)
        self._config = self._configured = sets_digest(self._sets)
        self._changed = False

    def add(self, packet: memoryview, pts: int | None, dts: int | None, key: bool) -> None:
        """One packet, usually one access unit; one without a picture is folded into the packet before it."""
        try:
            units = self._split(packet)
        except Invalid:
            self.broken += 1
            self._picture([packet], [], pts, dts, begins=False)
            return
        pictures: list[memoryview] = []
        rest: list[memoryview] = []
        begins = False
        type_of, parts = self._codec.type_of, self._codec.parts
        for unit in units:
            part = parts[type_of(unit[0])]
            if part <= Part.FIRST_PICTURE:
                pictures.append(unit)
                begins = begins or part is Part.FIRST_PICTURE
            elif part is Part.PARAMETERS:
                self._remember(unit)
            elif part is Part.REST:
                rest.append(unit)
                if self._sei and type_of(unit[0]) in self._codec.sei:
                    self._sei(self._number, unit)
        if pictures:
            self._picture(pictures, rest, pts, dts, begins=begins)
        elif self._leaf is not None:
            self._leaf.rest(rest)
        else:
            self._early += [memoryview(bytes(unit)) for unit in rest]

    def _picture(
        self,
        pictures: list[memoryview],
        rest: list[memoryview],
        pts: int | None,
        dts: int | None,
        *,
        begins: bool,
    ) -> None:
        units_before, config_before = self.units, self._config
        if self._changed:
            self._config = sets_digest(self._sets)
        if self._config != config_before and self.packets:
            self.changes += 1
        leaf = self._unit(pts, dts, begins=begins)
        leaf.packet(pts, dts, payload_digest(pictures))
        # A set may have changed and changed back between two pictures: what is in force counts.
        if self._config != config_before and self.units == units_before:
            leaf.changed(self._config)
        self._changed = False
        leaf.rest(self._early)
        leaf.rest(rest)
        self._early = []

    def _split(self, packet: memoryview) -> list[memoryview]:
        if self._length_bytes is None:
            return nal.split_start_codes(packet)
        return nal.split_prefixed(packet, self._length_bytes)

    def _remember(self, unit: memoryview) -> None:
        place = (self._codec.type_of(unit[0]), nal.parameter_id(self._codec, unit))
        content = bytes(unit)
        if self._sets.get(place) != content:
            self._sets[place] = content
            self._changed = True


def _builder(seed: bytes, number: int, track: Track, sei: SeiSeen | None) -> _Whole:
    codec = nal.CODECS.get(track.codec) if track.kind == "video" else None
    return _Whole(seed, number, track) if codec is None else _Pictures(seed, number, track, codec, sei)
