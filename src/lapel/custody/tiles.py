"""In which files does the public log lie, and what is in them? C2SP tlog-tiles: 256 hashes or entries a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from lapel.base.errors import EvidenceFault
from lapel.custody.entry import LEAF_BYTES
from lapel.custody.tree import HASH_BYTES, TILE_HEIGHT, Node, node_hash

WIDTH = 256
CHECKPOINT = "log/checkpoint"

_LENGTH = LEAF_BYTES.to_bytes(2, "big")


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile of hashes: `level` 0 holds leaf hashes, level l the hashes of full tiles below. `width` is 1 to 256."""

    level: int
    index: int
    width: int

    @property
    def path(self) -> str:
        """Its name under the log's address: `tile/0/x001/x234/067`, with `.p/<W>` when it is not full."""
        return f"tile/{self.level}/{number(self.index)}{_part(self.width)}"

    @property
    def name(self) -> str:
        """Its name in the public store."""
        return f"log/{self.path}"


def bundle_path(index: int, width: int) -> str:
    """The name of an entry bundle under the log's address."""
    return f"tile/entries/{number(index)}{_part(width)}"


def number(index: int) -> str:
    """A tile's number in groups of three digits, all but the last with an x: 1234067 is x001/x234/067."""
    groups = []
    while True:
        index, group = divmod(index, 1000)
        groups.append(f"{group:03}")
        if not index:
            return "/".join([f"x{g}" for g in groups[:0:-1]] + [groups[0]])


def tiles_between(old: int, new: int) -> Iterator[Tile]:
    """The tiles that a log of `new` entries has and one of `old` had not, full and partial, lower levels first."""
    level = 0
    while new >> (TILE_HEIGHT * level):
        before, after = old >> (TILE_HEIGHT * level), new >> (TILE_HEIGHT * level)
        if after > before:
            for index in range(before // WIDTH, after // WIDTH):
                yield Tile(level, index, WIDTH)
            if after % WIDTH:
                yield Tile(level, after // WIDTH, after % WIDTH)
        level += 1


def encode_bundle(leaves: Iterable[bytes]) -> bytes:
    """Entry bundle: the length 49 as u16 big-endian before each leaf."""
    return b"".join([_LENGTH + leaf for leaf in leaves])


def decode_bundle(data: bytes) -> list[bytes]:
    """The leaves in a bundle. Raises `EvidenceFault` when it is not made of whole entries of 49 bytes."""
    step = LEAF_BYTES + 2
    if len(data) % step or any(data[i : i + 2] != _LENGTH for i in range(0, len(data), step)):
        raise EvidenceFault("An entry bundle of the log is not made of whole entries of 49 bytes.")
    return [data[i + 2 : i + step] for i in range(0, len(data), step)]


def nodes_from(read: Callable[[Tile], bytes], size: int) -> Node:
    """The nodes of a log of `size` entries out of its tiles; `read` gives a tile's bytes and may raise `NotFound`.

    Each tile is read once. Raises `EvidenceFault` for a tile of the wrong length.
    """
    held: dict[tuple[int, int], bytes] = {}

    def tile(level: int, index: int) -> bytes:
        if (level, index) not in held:
            width = min((size >> (TILE_HEIGHT * level)) - index * WIDTH, WIDTH)
            data = read(Tile(level, index, width))
            if len(data) != width * HASH_BYTES:
                raise EvidenceFault(
                    f"Tile {index} of level {level} has {len(data)} bytes, not {width * HASH_BYTES}."
                )
            held[level, index] = data
        return held[level, index]

    def node(height: int, index: int) -> bytes:
        level, up = divmod(height, TILE_HEIGHT)
        first = index << up
        data, at = tile(level, first // WIDTH), first % WIDTH
        row = [data[i * HASH_BYTES : (i + 1) * HASH_BYTES] for i in range(at, at + (1 << up))]
        while len(row) > 1:
            row = [node_hash(row[i], row[i + 1]) for i in range(0, len(row), 2)]
        return row[0]

    return node


def _part(width: int) -> str:
    return "" if width == WIDTH else f".p/{width}"
