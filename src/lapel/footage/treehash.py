"""Which bytes are hashed, and with which salts, in a media tree?

The formulas of `docs/formats/media-tree.md`, version 1, and nothing else. Pure.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Protocol

from lapel.custody.tree import HASH_BYTES, Frontier

VERSION = 1
NO_TIME = -(2**63)
NOTHING = bytes(32)

_PAYLOAD = b"lapel/media/1/payload\0"
_REST = b"lapel/media/1/rest\0"
_PACKET = b"lapel/media/1/packet\0"
_UNIT = b"lapel/media/1/unit\0"
_SETS = b"lapel/media/1/sets\0"
_CHANGE = b"lapel/media/1/change\0"

_WRAP = 2**64 - 1
_u32 = struct.Struct(">I").pack
_times = struct.Struct(">QQ").pack
_place = struct.Struct(">HI").pack
_set_head = struct.Struct(">BHI").pack


class _Hash(Protocol):
    def update(self, data: Buffer, /) -> None: ...
    def digest(self) -> bytes: ...


Buffer = bytes | bytearray | memoryview

# Told of each packet that goes into a leaf: track, unit, number in the unit, start of the unit, relative pts and dts
# (or `NO_TIME`), and the digests of its payload and its rest.
PacketTold = Callable[[int, int, int, int, int, int, bytes, bytes], None]


def unit_key(seed: bytes, track: int, unit: int) -> bytes:
    """The 16 bytes that a release publishes to prove a unit it copied whole."""
    return hmac.digest(seed, b"unit" + _place(track, unit), "sha256")[:16]


def rest_key(seed: bytes, track: int, unit: int) -> bytes:
    """The 16 bytes that a release publishes beside the unit key where it also copied what is not picture (SEI)."""
    return hmac.digest(seed, b"rest" + _place(track, unit), "sha256")[:16]


def salt(key: bytes, packet: int) -> bytes:
    """The salt of one packet under a unit key or a rest key."""
    return hmac.digest(key, _u32(packet), "sha256")[:16]


def payload_digest(units: Sequence[Buffer]) -> bytes:
    """The unsalted digest of what is shown or heard: the picture's NAL units, or the whole packet as one."""
    digest = sha256(_PAYLOAD)
    for unit in units:
        digest.update(_u32(len(unit)))
        digest.update(unit)
    return digest.digest()


def sets_digest(sets: Mapping[tuple[int, int], Buffer]) -> bytes:
    """The digest of the parameter sets in force, by (NAL unit type, id)."""
    digest = sha256(_SETS)
    for (kind, number), unit in sorted(sets.items(), key=lambda item: item[0]):
        digest.update(_set_head(kind, number, len(unit)))
        digest.update(unit)
    return digest.digest()


def packet_digest(packet_salt: bytes, pts: int, dts: int, payload: bytes, rest: bytes = NOTHING) -> bytes:
    """What a leaf holds of a packet. `pts` and `dts` are relative to the unit's start, or `NO_TIME`."""
    return sha256(b"".join((_PACKET, packet_salt, _times(pts & _WRAP, dts & _WRAP), payload, rest))).digest()


def root_of(leaves: bytes) -> bytes:
    """The root of the tree (RFC 9162 §2.1.1) over leaf hashes of 32 bytes each."""
    tree = Frontier()
    for start in range(0, len(leaves), 1024 * HASH_BYTES):
        piece = leaves[start : start + 1024 * HASH_BYTES]
        tree.extend(piece[at : at + HASH_BYTES] for at in range(0, len(piece), HASH_BYTES))
    return tree.root()


class Leaf:
    """One unit in the making: the hash of its leaf so far, and its last packet, which may still get more."""

    def __init__(
        self, seed: bytes, track: int, unit: int, start: int, config: bytes, told: PacketTold | None = None
    ) -> None:
        self.start = start
        self._told = told
        self._seed = seed
        self._place = (track, unit)
        self._key = unit_key(seed, track, unit)
        self._config = config
        self._count = 0
        self._open: tuple[int, int, bytes] | None = None
        self._rest: _Hash | None = None
        self._digest = sha256(b"\0" + _UNIT + _place(track, unit) + (start & _WRAP).to_bytes(8, "big"))

    def packet(self, pts: int | None, dts: int | None, payload: bytes) -> None:
        """The next packet of the unit, with its times on the track's clock."""
        self._close_packet()
        self._open = (
            NO_TIME if pts is None else pts - self.start,
            NO_TIME if dts is None else dts - self.start,
            payload,
        )

    def rest(self, units: Iterable[Buffer]) -> None:
        """What came with or after the packet and is not picture."""
        for unit in units:
            if self._rest is None:
                key = rest_key(self._seed, *self._place)
                self._rest = sha256(_REST + salt(key, self._count))
            self._rest.update(_u32(len(unit)))
            self._rest.update(unit)

    def changed(self, config: bytes) -> None:
        """Parameter sets changed at the packet that is open, within the unit."""
        self._config = sha256(_CHANGE + self._config + _u32(self._count) + config).digest()

    def close(self) -> bytes:
        """The leaf hash."""
        self._close_packet()
        self._digest.update(_u32(self._count) + self._config)
        return self._digest.digest()

    def _close_packet(self) -> None:
        if self._open is None:
            return
        rest = NOTHING if self._rest is None else self._rest.digest()
        self._digest.update(packet_digest(salt(self._key, self._count), *self._open, rest))
        if self._told:
            pts, dts, payload = self._open
            self._told(*self._place, self._count, self.start, pts, dts, payload, rest)
        self._count += 1
        self._open = self._rest = None
