"""Does the tree say the same as RFC 9162, and never anything of a leaf that was changed?"""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lapel.base.errors import EvidenceFault, Invalid
from lapel.custody import tree
from lapel.custody.tree import Frontier, leaf_hash, node_hash

# The leaves and roots of the Certificate Transparency reference implementation's own tests.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SIZES = st.integers(1, 700)


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(i.to_bytes(4, "big")) for i in range(count)]


def recursive_root(hashes: list[bytes]) -> bytes:
    """The definition in RFC 9162 §2.1.1, word for word."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return node_hash(recursive_root(hashes[:k]), recursive_root(hashes[k:]))


def nodes(hashes: list[bytes]) -> tree.Node:
    return lambda height, index: recursive_root(hashes[index << height : (index + 1) << height])


def test_the_roots_are_those_of_the_reference_implementation() -> None:
    hashes = [leaf_hash(bytes.fromhex(leaf)) for leaf in LEAVES]
    for size, root in enumerate(ROOTS):
        frontier = Frontier()
        frontier.extend(hashes[:size])
        assert frontier.root().hex() == root
        assert tree.root_of(size, nodes(hashes)).hex() == root


@given(SIZES, st.data())
def test_a_frontier_goes_on_from_where_it_was_kept(size: int, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, size))
    hashes = leaves(size)
    frontier = Frontier()
    frontier.extend(hashes[:cut])
    kept = Frontier.from_bytes(cut, frontier.to_bytes())
    kept.extend(hashes[cut:])
    assert kept.root() == recursive_root(hashes)


@given(SIZES)
def test_the_nodes_of_full_tiles_come_out_as_they_fill(size: int) -> None:
    hashes = leaves(size)
    full = Frontier().extend(hashes)
    assert full == [(1, i, recursive_root(hashes[i * 256 : i * 256 + 256])) for i in range(size // 256)]


def test_the_nodes_of_the_second_level_come_out_too() -> None:
    hashes = [b"%032d" % i for i in range(65_537)]
    full = Frontier().extend(hashes)
    assert [f[:2] for f in full] == [(1, i) for i in range(256)] + [(2, 0)]
    assert full[-1][2] == recursive_root(hashes[:65_536])


def test_a_frontier_that_does_not_fit_its_size_is_a_fault() -> None:
    with pytest.raises(EvidenceFault):
        Frontier.from_bytes(3, b"x" * 32)
    with pytest.raises(EvidenceFault):
        Frontier.from_bytes(1, b"x" * 31)


@given(SIZES, st.data())
def test_every_leaf_can_be_proved(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    hashes = leaves(size)
    proof = tree.inclusion_proof(index, size, nodes(hashes))
    assert tree.verify_inclusion(hashes[index], index, size, proof, recursive_root(hashes))


@given(SIZES, st.data())
def test_a_proof_of_a_changed_leaf_never_verifies(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    hashes = leaves(size)
    root, proof = recursive_root(hashes), tree.inclusion_proof(index, size, nodes(hashes))
    other = data.draw(st.binary(min_size=32, max_size=32).filter(lambda digest: digest != hashes[index]))
    assert not tree.verify_inclusion(other, index, size, proof, root)


@given(SIZES, st.data())
def test_a_proof_holds_at_its_own_place_with_its_own_steps_only(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    hashes = leaves(size)
    root, proof = recursive_root(hashes), tree.inclusion_proof(index, size, nodes(hashes))
    elsewhere = data.draw(st.integers(-1, size).filter(lambda i: i != index))
    assert not tree.verify_inclusion(hashes[index], elsewhere, size, proof, root)
    assert not tree.verify_inclusion(hashes[index], index, size, [*proof, root], root)
    if proof:
        step = data.draw(st.integers(0, len(proof) - 1))
        assert not tree.verify_inclusion(hashes[index], index, size, proof[:step] + proof[step + 1 :], root)
        changed = [bytes([p[0] ^ 1]) + p[1:] if i == step else p for i, p in enumerate(proof)]
        assert not tree.verify_inclusion(hashes[index], index, size, changed, root)


@settings(max_examples=200)
@given(SIZES, st.data())
def test_any_two_sizes_of_one_log_are_consistent(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, new))
    hashes = leaves(new)
    proof = tree.consistency_proof(old, new, nodes(hashes))
    old_root, new_root = recursive_root(hashes[:old]), recursive_root(hashes)
    assert tree.verify_consistency(old, new, proof, old_root, new_root)


@given(SIZES, st.data())
def test_two_logs_that_differ_below_the_smaller_size_are_never_consistent(
    new: int, data: st.DataObject
) -> None:
    old = data.draw(st.integers(1, new))
    place = data.draw(st.integers(0, old - 1))
    hashes = leaves(new)
    rewritten = [leaf_hash(b"other") if i == place else digest for i, digest in enumerate(hashes)]
    for shown, grown in ((hashes, rewritten), (rewritten, hashes)):
        proof = tree.consistency_proof(old, new, nodes(grown))
        assert not tree.verify_consistency(
            old, new, proof, recursive_root(shown[:old]), recursive_root(grown)
        )


def test_sizes_that_make_no_sense_are_refused() -> None:
    with pytest.raises(Invalid):
        tree.inclusion_proof(3, 3, nodes([]))
    with pytest.raises(Invalid):
        tree.consistency_proof(4, 3, nodes([]))
    assert not tree.verify_consistency(4, 3, [], b"", b"")
    assert not tree.verify_consistency(0, 3, [], b"x" * 32, b"y" * 32)
    assert not tree.verify_consistency(2, 3, [], b"x" * 32, b"y" * 32)
