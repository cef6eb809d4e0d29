"""What do good receipts look like, made without a database? For tests and for the shared vectors; all keys are fixed."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lapel.custody import entry as entries
from lapel.custody import tree
from lapel.custody.checkpoint import Checkpoint, LogKey, Proof, cosigned_text, log_signature
from lapel.custody.entry import Entry
from lapel.custody.note import LOG_KEY, WITNESS_KEY, Note, Signature, VerifierKey
from lapel.custody.trust import Trust

ORIGIN = "police.example.gov/lapel"
FILE = b"not really a video, but its bytes are what counts\n"
AT = datetime(2026, 11, 24, 3, 37, 44, 123000, UTC)
WITNESSED_S = 1_795_491_600
NOW = datetime.fromtimestamp(WITNESSED_S + 3600, UTC)


def private(name: str) -> Ed25519PrivateKey:
    """A key that is the same each time, from its name; worth nothing outside tests."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"lapel test key {name}".encode()).digest())


def public(name: str) -> bytes:
    return private(name).public_key().public_bytes_raw()


LOG = VerifierKey(ORIGIN, LOG_KEY, public("log"))
WITNESSES = [VerifierKey(f"witness.example/{n}", WITNESS_KEY, public(f"witness {n}")) for n in (1, 2)]


def trust(*, witnesses: int = 0, quorum: int = 0) -> Trust:
    return Trust(ORIGIN, (LogKey(LOG),), tuple(WITNESSES[:witnesses]), quorum)


def entry(n: int) -> Entry:
    """The n-th entry of the little log, with salts that are the same each time."""
    fields = {
        "at": f"2026-11-24T03:{n:02}:00.000Z",
        "actor": "account:00000000000000000000000000000001",
        "agency": "cbp",
        "act": "received",
        "subject": "recording:0000000000000000000000000000000a",
        "name": "Körperkamera 🎥.mp4",
        "sha256": hashlib.sha256(FILE).hexdigest(),
        "size_bytes": len(FILE),
        "clips": ["a", {"b": [1, True, None]}],
    }
    salts = {name: hashlib.sha256(f"salt {n} {name}".encode()).digest() for name in fields}
    return entries.seal(f"{n:032x}", fields, salts, None)


def leaf(n: int) -> bytes:
    return entries.leaf_data(entries.tag(b"subject key of the little log, 1", n + 1), entry(n).commitment)


def note(size: int, *, witnesses: int = 0) -> Note:
    """The signed checkpoint of the little log at this size."""
    text = Checkpoint(ORIGIN, size, root(size)).text
    lines = [log_signature(ORIGIN, LOG.key, private("log").sign(text.encode()))]
    for n, witness in enumerate(WITNESSES[:witnesses], 1):
        signed = private(f"witness {n}").sign(cosigned_text(text, WITNESSED_S + n))
        lines.append(Signature(witness.name, witness.id, (WITNESSED_S + n).to_bytes(8, "big") + signed))
    return Note(text, tuple(lines))


def root(size: int) -> bytes:
    return tree.root_of(size, node)


def node(height: int, index: int) -> bytes:
    if height == 0:
        return tree.leaf_hash(leaf(index))
    return tree.node_hash(node(height - 1, 2 * index), node(height - 1, 2 * index + 1))


def receipt(
    index: int = 3,
    size: int = 7,
    *,
    opened: tuple[str, ...] = ("act", "agency", "at", "sha256"),
    witnesses: int = 0,
) -> dict[str, Any]:
    """A good receipt of one entry of the little log."""
    one = entry(index)
    closed = {
        name: entries.field_commitment(one.salts[name], value).hex()
        for name, value in sorted(one.fields.items())
        if name not in opened
    }
    proof = Proof(index, tuple(tree.inclusion_proof(index, size, node)), note(size, witnesses=witnesses))
    return {
        "receipt": 1,
        "v": 1,
        "opened": {name: {"salt": one.salts[name].hex(), "value": one.fields[name]} for name in opened},
        "closed": closed,
        "leaf": b64encode(leaf(index)).decode(),
        "index": index,
        "proof": str(proof),
    }


def text(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False)
