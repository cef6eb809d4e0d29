"""What is a wrapped key, byte by byte? (docs/formats/keys.md)

    LKEY 01 | kind | owner length | owner | epoch, 4 bytes | under, 16 bytes (kind 2 only) | nonce, 12 | ciphertext | tag

kind 0: a secret under the owner's epoch key; kind 1: a recording's key under the owner's epoch key; kind 2: a secret
under a recording's key, `under` being the first half of the SHA-256 of that wrapped key. AES-256-GCM; the additional
data are everything before the nonce, then the purpose, so a blob opens for one owner, one epoch and one purpose only.
A recording's key never leaves the key agent: kind 1 opens nothing but a kind 2.
"""

from __future__ import annotations

import hashlib
import os
import struct
from dataclasses import dataclass
from enum import IntEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lapel.base.errors import EvidenceFault, Invalid

RECORDING_PURPOSE = "recording-key"
MAX_PLAIN_BYTES = 1 << 20
MAX_PURPOSE_BYTES = 200

_MAGIC = b"LKEY\x01"
_NONCE_BYTES = 12
_TAG_BYTES = 16
_UNDER_BYTES = 16


class Kind(IntEnum):
    """What a blob holds, and under what."""

    SECRET = 0
    RECORDING = 1
    SECRET_OF_RECORDING = 2


@dataclass(frozen=True, slots=True)
class Blob:
    """A wrapped key taken apart; `head` is everything before the nonce."""

    kind: Kind
    owner: str
    epoch: int
    under: bytes
    head: bytes
    nonce: bytes
    sealed: bytes


def seal(
    key: AESGCM, kind: Kind, owner: str, epoch: int, purpose: str, plain: bytes, *, under: bytes = b""
) -> bytes:
    """Wrap. `under`: the wrapped recording key, for kind 2. Raises `Invalid` when a part is too long."""
    if len(plain) > MAX_PLAIN_BYTES:
        raise Invalid("The key agent wraps at most 1 MiB at once.", status=413)
    name = owner.encode()
    head = _MAGIC + struct.pack(">BB", kind, len(name)) + name + struct.pack(">I", epoch)
    if kind is Kind.SECRET_OF_RECORDING:
        head += named(under)
    nonce = os.urandom(_NONCE_BYTES)
    return head + nonce + key.encrypt(nonce, plain, head + _purpose(purpose))


def read(blob: bytes) -> Blob:
    """Take a blob apart. Raises `EvidenceFault` when it is none."""
    try:
        if blob[:5] != _MAGIC:
            raise ValueError
        kind, owner_bytes = Kind(blob[5]), blob[6]
        owner = blob[7 : 7 + owner_bytes].decode("ascii")
        at = 7 + owner_bytes + 4
        (epoch,) = struct.unpack_from(">I", blob, at - 4)
        under = blob[at : at + _UNDER_BYTES] if kind is Kind.SECRET_OF_RECORDING else b""
        at += len(under)
        if len(blob) < at + _NONCE_BYTES + _TAG_BYTES:
            raise ValueError
    except (ValueError, IndexError, struct.error):
        raise EvidenceFault("A wrapped key is damaged: it is not written as wrapped keys are.") from None
    return Blob(kind, owner, epoch, under, blob[:at], blob[at : at + _NONCE_BYTES], blob[at + _NONCE_BYTES :])


def unseal(key: AESGCM, blob: Blob, purpose: str) -> bytes:
    """Open. Raises `EvidenceFault` when key, purpose or any byte is another."""
    try:
        return key.decrypt(blob.nonce, blob.sealed, blob.head + _purpose(purpose))
    except InvalidTag:
        raise EvidenceFault(
            f"A wrapped key of {blob.owner} does not open for this purpose: it was changed, or belongs elsewhere."
        ) from None


def named(recording_key: bytes) -> bytes:
    """How a kind 2 blob names the wrapped recording key that it hangs under."""
    return hashlib.sha256(recording_key).digest()[:_UNDER_BYTES]


def _purpose(purpose: str) -> bytes:
    encoded = purpose.encode()
    if not 0 < len(encoded) <= MAX_PURPOSE_BYTES:
        raise Invalid(f"A purpose has 1 to {MAX_PURPOSE_BYTES} bytes.")
    return encoded
