"""What does this receipt prove, and what does it not? Standard library only; it asks nobody.

The rules, in their order; a rule that fails ends the check with status 90:
- the fields that are shown, with their salts, and the commitments of those that are not give the entry's commitment;
- that commitment is the one in the 49-byte leaf;
- the leaf stands at the index that the proof names, and the audit path leads from it to the checkpoint's root;
- with a trust file: the origin is the trusted one, a log key that may sign for this size did, no known key's line fails;
- at least `quorum` of the known witnesses cosigned; fewer is not wrong, but not anchored (status 8);
- the SHA-256 of the file, when one is given, is the entry's field `sha256`; if that field is not shown, status 1.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, BinaryIO

from lapel.base.clock import stamp
from lapel.base.digest import Value
from lapel.base.errors import CHECK_DOES_NOT_HOLD, NOT_ANCHORED, EvidenceFault, Invalid
from lapel.custody import entry as entries
from lapel.custody.checkpoint import Checkpoint, Proof, read_checkpoint, read_proof, seen_by, signed_by_log
from lapel.custody.note import names, read_base64
from lapel.custody.strictjson import members, read_json
from lapel.custody.tree import leaf_hash, verify_inclusion
from lapel.custody.trust import Trust, read_trust

WRONG = EvidenceFault.exit_status
_MEMBERS = {"receipt", "v", "opened", "closed", "leaf", "index", "proof"}
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt as read: nothing in it has been checked yet."""

    version: int
    opened: Mapping[str, tuple[bytes, Value]]
    closed: Mapping[str, bytes]
    leaf: bytes
    index: int
    proof: Proof
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome. `status`: 0 anchored, 8 consistent but not anchored, 1 the file could not be compared, 90 wrong."""

    status: int
    opened: Mapping[str, Value]
    proved: tuple[str, ...]
    not_proved: tuple[str, ...]
    wrong: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "opened": dict(self.opened),
            "proved": list(self.proved),
            "not_proved": list(self.not_proved),
            "wrong": list(self.wrong),
        }

    def __str__(self) -> str:
        claims = "The receipt claims, but do not rely on it" if self.wrong else "The entry says"
        blocks = {
            "WRONG": self.wrong,
            claims: tuple(f"{name}: {_shown(value)}" for name, value in self.opened.items()),
            "Proved": self.proved,
            "Not proved": self.not_proved,
        }
        return "\n".join(
            f"{head}:\n" + "".join(f"  - {line}\n" for line in lines)
            for head, lines in blocks.items()
            if lines
        )


def verify_receipt(
    text: str | bytes,
    file: BinaryIO | None = None,
    trust: Trust | str | bytes | None = None,
    *,
    now: datetime | None = None,
) -> Verdict:
    """Check a receipt, against a trust file's text and an opened file where they are given.

    Raises `Invalid` (exit 5) when the receipt or the trust file cannot be read; all else is in the verdict.
    """
    receipt = read_receipt(text)
    known = trust if isinstance(trust, Trust) or trust is None else read_trust(trust)
    opened = {name: value for name, (_, value) in receipt.opened.items()}
    try:
        proved = [*_entry_is_in_log(receipt)]
        status, more, missing = _anchor(receipt, known, now)
        proved += more
        if file is not None:
            compared, sentence = _compare(receipt, file)
            (proved if compared else missing).append(sentence)
            status = status if compared else CHECK_DOES_NOT_HOLD
    except EvidenceFault as fault:
        return Verdict(WRONG, opened, (), (), (fault.says,))
    missing.append(
        "That what the entry says is true: only that it was said then, and has not been changed since."
    )
    missing.append(
        "That nothing else was done: other entries, later ones, and acts never logged are not seen here."
    )
    return Verdict(status, opened, tuple(proved), tuple(missing))


def read_receipt(text: str | bytes) -> Receipt:
    """The receipt in a JSON text. Raises `Invalid` when it is none or could be read in two ways."""
    content = members(read_json(text, what="The receipt"), _MEMBERS, what="The receipt")
    if content["receipt"] != 1 or content["v"] != entries.VERSION or type(content["index"]) is not int:
        raise Invalid("The receipt is of a version that this verifier does not know.")
    if not isinstance(content["opened"], dict) or not isinstance(content["closed"], dict):
        raise Invalid("The fields in the receipt are not objects.")
    opened = {name: _opened(name, item) for name, item in content["opened"].items()}
    closed = {name: _hex(item, name) for name, item in content["closed"].items()}
    if twice := (opened.keys() & closed.keys()) | ({"v"} & (opened.keys() | closed.keys())):
        raise Invalid(f"The receipt gives the field “{min(twice)[:40]}” twice.")
    if not isinstance(content["leaf"], str) or not isinstance(content["proof"], str):
        raise Invalid("The leaf and the proof in the receipt are not texts.")
    leaf = read_base64(content["leaf"])
    entries.read_leaf(leaf)
    proof = read_proof(content["proof"])
    head = read_checkpoint(proof.note.text)
    return Receipt(content["v"], opened, closed, leaf, content["index"], proof, head)


def _entry_is_in_log(receipt: Receipt) -> tuple[str, str]:
    commitments = {name: entries.field_commitment(*opened) for name, opened in receipt.opened.items()}
    computed = entries.commitment(receipt.version, {**commitments, **receipt.closed})
    _, committed = entries.read_leaf(receipt.leaf)
    if computed != committed:
        raise EvidenceFault(
            "The fields shown are not those of this entry: a value, a salt or a name was changed."
        )
    head, proof = receipt.checkpoint, receipt.proof
    if receipt.index != proof.index:
        raise EvidenceFault(f"The receipt says entry {receipt.index}, its proof says {proof.index}.")
    if head.extra:
        raise EvidenceFault("The checkpoint has extension lines, which a log of this kind never writes.")
    if not verify_inclusion(leaf_hash(receipt.leaf), proof.index, head.size, proof.path, head.root):
        raise EvidenceFault(
            f"The proof does not lead from entry {proof.index} to the root of the checkpoint."
        )
    hidden = len(receipt.closed)
    fields = (
        f"The fields shown are exactly as they were committed to; {hidden} more of this entry are not shown."
    )
    place = f"It is entry {proof.index} of the {head.size} that the log {head.origin} had at this checkpoint."
    return fields, place


def _anchor(receipt: Receipt, trust: Trust | None, now: datetime | None) -> tuple[int, list[str], list[str]]:
    note, head = receipt.proof.note, receipt.checkpoint
    if trust is None:
        return (
            NOT_ANCHORED,
            [],
            ["That the log is the department's: no trust file was given, anybody could have made it."],
        )
    if head.origin != trust.origin:
        raise EvidenceFault(f"The checkpoint is of the log {head.origin}, not of {trust.origin}.")
    signers = signed_by_log(note, head.size, trust.log_keys)
    if not signers:
        raise EvidenceFault(f"No key that may sign for size {head.size} has signed the checkpoint.")
    proved = [f"The log signed this size and root (key {', '.join(k.key.id.hex() for k in signers)})."]
    seen = seen_by(note, trust.witnesses, int(now.timestamp() if now else time.time()))
    if seen:
        first = stamp(datetime.fromtimestamp(min(w.at_s for w in seen), UTC))
        proved.append(f"Seen by {names(w.key for w in seen)}, first at {first}: it was logged before then.")
    if len(seen) < trust.quorum:
        short = f"That enough outsiders saw this log: {len(seen)} witnesses signed, the trust file asks for {trust.quorum}."
        return NOT_ANCHORED, proved, [short]
    if not seen:
        alone = "Seen by no outside party: the department could show somebody else a different log."
        return 0, proved, [alone]
    return 0, proved, []


def _compare(receipt: Receipt, file: BinaryIO) -> tuple[bool, str]:
    if "sha256" not in receipt.opened:
        return (
            False,
            "That the file given is the one of this entry: the field sha256 is not shown in the receipt.",
        )
    digest = sha256()
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
    _, logged = receipt.opened["sha256"]
    if digest.hexdigest() != logged:
        raise EvidenceFault(
            f"The file given is not the one of this entry: its SHA-256 is {digest.hexdigest()}."
        )
    return True, f"The file given is, bit for bit, the one of this entry (SHA-256 {logged})."


def _opened(name: str, item: Any) -> tuple[bytes, Value]:
    content = members(item, {"salt", "value"}, what=f"The field “{name[:40]}” in the receipt")
    return _hex(content["salt"], name), content["value"]


def _hex(text: Any, name: str) -> bytes:
    if not isinstance(text, str) or len(text) != 64 or set(text) - set("0123456789abcdef"):
        raise Invalid(
            f"The field “{name[:40]}” in the receipt has no 64 lower case hex digits where it must."
        )
    return bytes.fromhex(text)


def _shown(value: Value) -> str:
    """A value on one line: what a stranger put into a receipt must not move the cursor."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
