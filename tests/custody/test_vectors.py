"""Do we say of the shared vectors what they say of themselves? A verifier in another language reads the same file.

python tests/custody/test_vectors.py      writes tests/vectors/custody.json anew
"""

from __future__ import annotations

import base64
import io
import json
import sys
from base64 import b64encode
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import receipts
from receipts import receipt, text, trust

from lapel.base.digest import canonical
from lapel.base.errors import Invalid
from lapel.custody import entry as entries
from lapel.custody import tiles, tree
from lapel.custody.note import LOG_KEY, WITNESS_KEY, read_key
from lapel.custody.private import Kept, entry_keys, kept_name, open_stretch, seal_stretch, stretch_name
from lapel.custody.tiles import Tile
from lapel.custody.verify import verify_receipt

FILE = Path(__file__).parents[1] / "vectors" / "custody.json"
KEY = b"subject key of the little log, 1"


def made() -> dict[str, Any]:
    """The vectors; the same each time."""
    from test_verify import DISAGREES, UNREADABLE

    entry = receipts.entry(3)
    bad = []
    for defect, (spoil, _) in DISAGREES.items():
        content = receipt()
        spoil(content)
        bad.append({"says": defect, "receipt": text(content), "status": 90})
    bad += [
        {"says": defect, "receipt": json.dumps(spoil(receipt())), "status": 5}
        for defect, spoil in UNREADABLE.items()
    ]
    kept = [
        Kept(f"{n:032x}", "cbp", n + 1, receipts.entry(n).openings, "recording:a", KEY if n == 0 else None)
        for n in range(3)
    ]
    return {
        "format": "lapel custody log 1",
        "entry": {
            "fields": dict(entry.fields),
            "salts": {name: salt.hex() for name, salt in entry.salts.items()},
            "canonical": {name: canonical(value).decode() for name, value in entry.fields.items()},
            "commitments": {
                name: entries.field_commitment(entry.salts[name], value).hex()
                for name, value in entry.fields.items()
            },
            "commitment": entry.commitment.hex(),
            "openings": entry.openings,
        },
        "leaf": {
            "subject_key": KEY.hex(),
            "n": 4,
            "tag": entries.tag(KEY, 4).hex(),
            "leaf": receipts.leaf(3).hex(),
            "leaf_hash": tree.leaf_hash(receipts.leaf(3)).hex(),
        },
        "tree": {
            "leaves": [receipts.leaf(n).hex() for n in range(7)],
            "roots": [receipts.root(size).hex() for size in range(8)],
            "inclusion": [
                {"index": i, "size": 7, "proof": [p.hex() for p in tree.inclusion_proof(i, 7, receipts.node)]}
                for i in range(7)
            ],
            "consistency": [
                {
                    "old": old,
                    "new": 7,
                    "proof": [p.hex() for p in tree.consistency_proof(old, 7, receipts.node)],
                }
                for old in range(8)
            ],
        },
        "tiles": {
            "paths": [
                {"level": t.level, "index": t.index, "width": t.width, "path": t.path}
                for t in (Tile(0, 0, 256), Tile(0, 273, 112), Tile(1, 1234067, 256), Tile(63, 1000, 1))
            ],
            "of_70000": [t.path for t in tiles.tiles_between(69_888, 70_000)],
            "bundle_of_7": tiles.encode_bundle(receipts.leaf(n) for n in range(7)).hex(),
        },
        "checkpoint": {
            "log_key": str(receipts.LOG),
            "witness_keys": [str(w) for w in receipts.WITNESSES],
            "note": str(receipts.note(7, witnesses=2)),
        },
        "receipts": {
            "now": receipts.NOW.isoformat(),
            "file": b64encode(receipts.FILE).decode(),
            "trust": trust(witnesses=2, quorum=1).to_json(),
            "good": [
                {"says": "seen by two witnesses", "receipt": text(receipt(witnesses=2)), "status": 0},
                {"says": "seen by one of two", "receipt": text(receipt(witnesses=1)), "status": 0},
                {
                    "says": "the only entry of a log of one",
                    "receipt": text(receipt(0, 1, witnesses=1)),
                    "status": 0,
                },
                {"says": "too few witnesses", "receipt": text(receipt()), "status": 8},
            ],
            "bad": bad,
        },
        "private": {
            "secret": (b"s" * 32).hex(),
            "name": stretch_name(0, 2),
            "keys": [key.hex() for key in entry_keys(b"s" * 32, 0, 2)],
            "plain": [one.to_bytes().decode() for one in kept],
            "object": seal_stretch(0, kept, entry_keys(b"s" * 32, 0, 2)).hex(),
            "kept_name": kept_name(2, b"k" * 32),
        },
    }


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(FILE.read_text())
    return content


def test_the_file_is_what_this_program_makes(vectors: dict[str, Any]) -> None:
    assert json.loads(json.dumps(made())) == vectors


def test_entries_give_their_commitments(vectors: dict[str, Any]) -> None:
    one = vectors["entry"]
    for name, value in one["fields"].items():
        assert canonical(value).decode() == one["canonical"][name]
        assert (
            entries.field_commitment(bytes.fromhex(one["salts"][name]), value).hex()
            == one["commitments"][name]
        )
    closed = {name: bytes.fromhex(digest) for name, digest in one["commitments"].items()}
    assert entries.commitment(1, closed).hex() == one["commitment"]
    assert entries.read_openings(one["openings"]).commitment().hex() == one["commitment"]


def test_proofs_verify(vectors: dict[str, Any]) -> None:
    given = vectors["tree"]
    roots = [bytes.fromhex(root) for root in given["roots"]]
    hashes = [tree.leaf_hash(bytes.fromhex(leaf)) for leaf in given["leaves"]]
    for one in given["inclusion"]:
        proof = [bytes.fromhex(step) for step in one["proof"]]
        assert tree.verify_inclusion(hashes[one["index"]], one["index"], 7, proof, roots[7])
    for one in given["consistency"]:
        proof = [bytes.fromhex(step) for step in one["proof"]]
        assert tree.verify_consistency(one["old"], 7, proof, roots[one["old"]], roots[7])


def test_keys_are_read(vectors: dict[str, Any]) -> None:
    assert str(read_key(vectors["checkpoint"]["log_key"], LOG_KEY)) == vectors["checkpoint"]["log_key"]
    for key in vectors["checkpoint"]["witness_keys"]:
        assert str(read_key(key, WITNESS_KEY)) == key


def test_receipts_have_the_status_that_the_vectors_say(vectors: dict[str, Any]) -> None:
    given = vectors["receipts"]
    now, file = datetime.fromisoformat(given["now"]), base64.b64decode(given["file"])
    for one in [*given["good"], *given["bad"]]:
        try:
            found = verify_receipt(
                one["receipt"], io.BytesIO(file), json.dumps(given["trust"]), now=now
            ).status
        except Invalid as error:
            found = error.exit_status
        assert found == one["status"], one["says"]


def test_private_copies_open(vectors: dict[str, Any]) -> None:
    given = vectors["private"]
    keys = [bytes.fromhex(key) for key in given["keys"]]
    opened = dict(open_stretch(bytes.fromhex(given["object"]), 0, 2, keys))
    assert [kept.to_bytes().decode() if kept else None for kept in opened.values()] == given["plain"]
    keys[1] = bytes(32)
    opened = dict(open_stretch(bytes.fromhex(given["object"]), 0, 2, keys))
    assert [kept is None for kept in opened.values()] == [False, True, False]


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    FILE.write_text(json.dumps(made(), indent=1, ensure_ascii=False) + "\n")
