"""How large was the log, with which root, and who says so? C2SP tlog-checkpoint, cosignature/v1 and tlog-proof.

Rules, in their order:
- the text has three lines (origin, size, root) and, in Lapel's logs, no more;
- a known key whose line does not verify makes the whole note void, unknown lines are ignored;
- one log key whose range of sizes covers this size must have signed;
- a witness's line counts once per key, with a time that is not 0 and not more than five minutes ahead.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from lapel.base.errors import EvidenceFault, Invalid
from lapel.custody import ed25519
from lapel.custody.note import (
    LOG_KEY,
    MAX_NOTE_BYTES,
    Note,
    Signature,
    VerifierKey,
    read_base64,
    read_note,
)
from lapel.custody.tree import HASH_BYTES

MAX_AHEAD_S = 300
MAX_SIZE = 2**63 - 1
PROOF_HEADER = "c2sp.org/tlog-proof@v1"

_DECIMAL = re.compile("0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log. `extra` are extension lines; a checkpoint of Lapel has none."""

    origin: str
    size: int
    root: bytes
    extra: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The text that is signed."""
        lines = (self.origin, str(self.size), b64encode(self.root).decode(), *self.extra)
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True)
class LogKey:
    """A log's key and the sizes it may sign for: from `first` to `last`, both included; `last` None is no end."""

    key: VerifierKey
    first: int = 0
    last: int | None = None

    def covers(self, size: int) -> bool:
        return self.first <= size and (self.last is None or size <= self.last)


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A witness's good signature: who, and when in seconds since 1970."""

    key: VerifierKey
    at_s: int


@dataclass(frozen=True, slots=True)
class Proof:
    """A tlog-proof: the index, the audit path, the checkpoint's note, and opaque extra bytes that prove nothing."""

    index: int
    path: tuple[bytes, ...]
    note: Note
    extra: bytes | None = None

    def __str__(self) -> str:
        extra = "" if self.extra is None else f"extra {b64encode(self.extra).decode()}\n"
        path = "".join(f"{b64encode(step).decode()}\n" for step in self.path)
        return f"{PROOF_HEADER}\n{extra}index {self.index}\n{path}\n{self.note}"


def read_checkpoint(text: str) -> Checkpoint:
    """The checkpoint in a note's text. Raises `Invalid` when it is none."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        raise Invalid("A checkpoint has at least three lines: origin, size and root.")
    origin, size, root, *extra = lines[:-1]
    raw = read_base64(root)
    if len(raw) != HASH_BYTES:
        raise Invalid("The root in a checkpoint has 32 bytes.")
    return Checkpoint(origin, read_decimal(size), raw, tuple(extra))


def read_decimal(text: str) -> int:
    """A size or an index: decimal, no leading zeros, below 2^63. Raises `Invalid`."""
    if not _DECIMAL.fullmatch(text) or int(text) > MAX_SIZE:
        raise Invalid(f"“{text[:30]}” is not a size: decimal, without leading zeros.")
    return int(text)


def read_proof(text: str) -> Proof:
    """The proof in a c2sp.org/tlog-proof@v1 text. Raises `Invalid` when it is none."""
    if len(text) > MAX_NOTE_BYTES + 64 * 64:
        raise Invalid("A proof of more than 132 KiB is not read.", status=413)
    head, gap, note = text.partition("\n\n")
    lines = head.split("\n")
    if not gap or lines[0] != PROOF_HEADER:
        raise Invalid(f"A proof begins with {PROOF_HEADER} and has an empty line before the checkpoint.")
    extra = None
    if len(lines) > 1 and lines[1].startswith("extra "):
        extra = read_base64(lines.pop(1)[6:])
    if len(lines) < 2 or not lines[1].startswith("index "):
        raise Invalid("A proof names the index of its entry.")
    path = tuple(read_base64(line) for line in lines[2:])
    if len(path) > 63 or any(len(step) != HASH_BYTES for step in path):
        raise Invalid("A proof has at most 63 hashes of 32 bytes.")
    return Proof(read_decimal(lines[1][6:]), path, read_note(note), extra)


def log_signature(origin: str, public_key: bytes, signature: bytes) -> Signature:
    """The signature line of the log's key."""
    return Signature(origin, VerifierKey(origin, LOG_KEY, public_key).id, signature)


def cosigned_text(text: str, at_s: int) -> bytes:
    """What a witness signs at this second: cosignature/v1."""
    return f"cosignature/v1\ntime {at_s}\n{text}".encode()


def signed_by_log(note: Note, size: int, keys: Sequence[LogKey]) -> list[LogKey]:
    """The log keys, covering this size, whose signature on the note is good.

    Raises `EvidenceFault` when a line of a known key does not verify, whatever sizes that key is for.
    """
    good = []
    for log_key in keys:
        for line in note.by(log_key.key):
            if not ed25519.verify(log_key.key.key, note.text.encode(), line.body):
                raise EvidenceFault(f"The signature of the log key {log_key.key.id.hex()} does not verify.")
            if log_key.covers(size) and log_key not in good:
                good.append(log_key)
    return good


def seen_by(note: Note, witnesses: Sequence[VerifierKey], now_s: int) -> list[Witnessed]:
    """The witnesses with a good cosignature, each key once with its latest time.

    Raises `EvidenceFault` when a line of a known witness does not verify, or its time is 0 or more than 5 minutes ahead.
    """
    seen: dict[bytes, Witnessed] = {}
    for witness in witnesses:
        for line in note.by(witness):
            at_s = int.from_bytes(line.body[:8], "big")
            if len(line.body) != 72 or not 0 < at_s <= now_s + MAX_AHEAD_S:
                raise EvidenceFault(f"The time that the witness {witness.name} gives cannot be right.")
            if not ed25519.verify(witness.key, cosigned_text(note.text, at_s), line.body[8:]):
                raise EvidenceFault(f"The cosignature of the witness {witness.name} does not verify.")
            if witness.key not in seen or seen[witness.key].at_s < at_s:
                seen[witness.key] = Witnessed(witness, at_s)
    return list(seen.values())
