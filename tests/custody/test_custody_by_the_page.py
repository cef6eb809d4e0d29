"""Is what docs/formats/custody.md says enough to read, check and judge what we write?"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import custody_by_the_page as page
import pytest
import receipts
from hypothesis import given
from hypothesis import strategies as st
from test_entry import NAMES, VALUES, made

from lapel.custody import tree

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "custody.json").read_text())
GIVEN = VECTORS["receipts"]


def test_an_entry_is_committed_to_and_kept_as_the_page_says() -> None:
    one = VECTORS["entry"]
    commitments = {n: page.field(bytes.fromhex(one["salts"][n]), v) for n, v in one["fields"].items()}
    assert {n: page.canonical(v) for n, v in one["fields"].items()} == one["canonical"]
    assert {n: c.hex() for n, c in commitments.items()} == one["commitments"]
    assert page.entry(1, commitments).hex() == one["commitment"]
    assert page.openings(one["fields"], one["salts"]) == one["openings"]


@given(st.dictionaries(NAMES, VALUES, max_size=6))
def test_any_entry_is_committed_to_and_kept_as_the_page_says(detail: dict[str, object]) -> None:
    entry = made(detail)
    assert (
        page.entry(1, {n: page.field(entry.salts[n], v) for n, v in entry.fields.items()}) == entry.commitment
    )
    assert page.openings(entry.fields, {n: s.hex() for n, s in entry.salts.items()}) == entry.openings


def test_a_leaf_and_its_tag_are_as_the_page_says() -> None:
    one, entry = VECTORS["leaf"], VECTORS["entry"]
    found = page.tag(bytes.fromhex(one["subject_key"]), one["n"])
    assert found.hex() == one["tag"]
    assert page.leaf(found, bytes.fromhex(entry["commitment"])).hex() == one["leaf"]
    assert page.leaf_hash(bytes.fromhex(one["leaf"])).hex() == one["leaf_hash"]


def test_roots_and_proofs_are_those_of_the_recursive_definitions() -> None:
    given_ = VECTORS["tree"]
    leaves = [bytes.fromhex(leaf) for leaf in given_["leaves"]]
    assert [page.mth(leaves[:size]).hex() for size in range(8)] == given_["roots"]
    for one in given_["inclusion"]:
        assert [step.hex() for step in page.path(one["index"], leaves[: one["size"]])] == one["proof"]
    for one in given_["consistency"]:
        assert [step.hex() for step in page.proof(one["old"], leaves[: one["new"]])] == one["proof"]


@given(st.integers(1, 130), st.data())
def test_our_tree_is_that_of_the_recursive_definitions_at_any_size(size: int, data: st.DataObject) -> None:
    leaves = [i.to_bytes(2, "big") for i in range(size)]
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))

    def node(height: int, at: int) -> bytes:
        return page.mth(leaves[at << height : (at + 1) << height])

    assert tree.root_of(size, node) == page.mth(leaves)
    assert tree.inclusion_proof(index, size, node) == page.path(index, leaves)
    assert tree.consistency_proof(old, size, node) == page.proof(old, leaves)


def test_the_checkpoint_is_signed_by_the_log_and_both_witnesses() -> None:
    given_ = VECTORS["checkpoint"]
    note = given_["note"]
    text = note.rpartition("\n\n")[0] + "\n"
    assert text.splitlines()[2] == base64.b64encode(bytes.fromhex(VECTORS["tree"]["roots"][7])).decode()
    (body,) = page.lines_by(note, given_["log_key"])
    page.signed(given_["log_key"], text.encode(), body)
    for witness in given_["witness_keys"]:
        (body,) = page.lines_by(note, witness)
        cosigned = f"cosignature/v1\ntime {int.from_bytes(body[:8], 'big')}\n{text}"
        page.signed(witness, cosigned.encode(), body[8:])


READABLE = [one for one in [*GIVEN["good"], *GIVEN["bad"]] if one["status"] != 5]


@pytest.mark.parametrize("one", READABLE, ids=lambda one: one["says"])
def test_a_second_verifier_comes_to_the_same_status(one: dict[str, Any]) -> None:
    now_s = int(datetime.fromisoformat(GIVEN["now"]).timestamp())
    file = base64.b64decode(GIVEN["file"])
    assert page.judge(json.loads(one["receipt"]), GIVEN["trust"], file, now_s) == one["status"]


def test_a_second_verifier_asks_for_the_digest_before_it_vouches_for_a_file() -> None:
    shown = receipts.receipt(opened=("act",), witnesses=1)
    now_s = int(receipts.NOW.timestamp())
    assert page.judge(shown, GIVEN["trust"], receipts.FILE, now_s) == 1


def test_private_copies_open_with_their_keys_only() -> None:
    given_ = VECTORS["private"]
    keys = page.keys_from(bytes.fromhex(given_["secret"]), 3)
    assert [key.hex() for key in keys] == given_["keys"]
    data = bytes.fromhex(given_["object"])
    assert page.stretch(data, keys) == given_["plain"]
    assert page.stretch(data, [keys[0], b"k" * 32, keys[2]]) == [given_["plain"][0], None, given_["plain"][2]]
    assert [json.loads(plain)["n"] for plain in given_["plain"]] == [1, 2, 3]
    digest = hashlib.sha256(b"k" * 32).hexdigest()[:32]
    assert given_["kept_name"] == f"kept/{2:016d}/{digest}"
