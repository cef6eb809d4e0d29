"""Do tiles and bundles lie where C2SP tlog-tiles looks for them, with what it expects in them?"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lapel.base.errors import EvidenceFault
from lapel.custody import tiles, tree
from lapel.custody.tiles import Tile
from lapel.custody.tree import leaf_hash


def test_the_paths_of_the_specification() -> None:
    assert Tile(0, 1234067, 256).path == "tile/0/x001/x234/067"
    assert Tile(1, 5, 17).path == "tile/1/005.p/17"
    assert tiles.bundle_path(0, 256) == "tile/entries/000"
    assert tiles.bundle_path(1000, 1) == "tile/entries/x001/000.p/1"


def test_a_log_of_70000_entries_has_the_tiles_the_specification_counts() -> None:
    found = list(tiles.tiles_between(0, 70_000))
    assert sum(t.level == 0 and t.width == 256 for t in found) == 273
    assert Tile(0, 273, 112) in found
    assert [t for t in found if t.level] == [Tile(1, 0, 256), Tile(1, 1, 17), Tile(2, 0, 1)]


def test_size_256_needs_one_full_tile_and_one_of_width_one_above() -> None:
    assert list(tiles.tiles_between(0, 256)) == [Tile(0, 0, 256), Tile(1, 0, 1)]
    assert list(tiles.tiles_between(0, 0)) == []


@given(st.integers(0, 200_000), st.integers(0, 200_000))
def test_growing_in_steps_writes_every_tile_that_growing_at_once_does(a: int, b: int) -> None:
    old, new = sorted((a, b))
    at_once = set(tiles.tiles_between(0, new))
    in_steps = set(tiles.tiles_between(0, old)) | set(tiles.tiles_between(old, new))
    assert at_once <= in_steps
    # What a partial tile of the smaller size left behind is the only difference.
    assert all(t.width < 256 for t in in_steps - at_once)


def test_a_full_bundle_has_13056_bytes_and_gives_its_leaves_back() -> None:
    leaves = [bytes([1]) + i.to_bytes(48, "big") for i in range(256)]
    data = tiles.encode_bundle(leaves)
    assert len(data) == 13_056
    assert data[:2] == b"\x00\x31"
    assert tiles.decode_bundle(data) == leaves
    for bad in (data[:-1], data + b"x", b"\x00\x30" + data[2:]):
        with pytest.raises(EvidenceFault):
            tiles.decode_bundle(bad)


@settings(max_examples=30)
@given(st.integers(1, 1500), st.data())
def test_proofs_out_of_tiles_are_those_of_the_tree(size: int, data: st.DataObject) -> None:
    hashes = [leaf_hash(i.to_bytes(4, "big")) for i in range(size)]
    full = tree.Frontier()
    above = [digest for _, _, digest in full.extend(hashes)]
    levels = {0: hashes, 1: above}

    def read(tile: Tile) -> bytes:
        return b"".join(levels[tile.level][tile.index * 256 :][: tile.width])

    node = tiles.nodes_from(read, size)
    assert tree.root_of(size, node) == full.root()
    index = data.draw(st.integers(0, size - 1))
    proof = tree.inclusion_proof(index, size, node)
    assert tree.verify_inclusion(hashes[index], index, size, proof, full.root())


def test_a_tile_of_the_wrong_length_is_a_fault() -> None:
    node = tiles.nodes_from(lambda tile: b"x" * 31, 1)
    with pytest.raises(EvidenceFault):
        node(0, 0)
