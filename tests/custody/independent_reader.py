"""A second reader of the public log, written from the specifications alone: nothing of `lapel.custody` is in it.

C2SP tlog-tiles, tlog-checkpoint and signed-note, RFC 6962 §2.1, and docs/formats/custody.md for the 49 bytes. It follows
the log as an outsider would: the checkpoint first, then only the tiles whose existence that size implies.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Fetch = Callable[[str], bytes]


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def open_checkpoint(note: bytes, name: str, public_key: bytes) -> tuple[str, int, bytes]:
    """Origin, size and root of a signed checkpoint; raises when the named key did not sign it."""
    body, _, signatures = note.rpartition(b"\n\n")
    text = body + b"\n"
    for line in signatures.decode().splitlines():
        dash, who, blob = line.split(" ")
        raw = base64.b64decode(blob)
        expected = sha(name.encode() + b"\n\x01" + public_key)[:4]
        if (dash, who, raw[:4]) == ("—", name, expected):
            Ed25519PublicKey.from_public_bytes(public_key).verify(raw[4:], text)
            origin, size, root = text.decode().splitlines()
            return origin, int(size), base64.b64decode(root)
    raise ValueError("not signed by the log")


def path(n: int) -> str:
    """The index encoding of tlog-tiles."""
    digits = str(n)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    return "/".join(["x" + g for g in groups[:-1]] + groups[-1:])


def fetch_level(fetch: Fetch, kind: str, count: int) -> list[bytes]:
    """Every tile or bundle of a level that has `count` hashes."""
    found = [fetch(f"tile/{kind}/{path(n)}") for n in range(count // 256)]
    if count % 256:
        found.append(fetch(f"tile/{kind}/{path(count // 256)}.p/{count % 256}"))
    return found


def entries_of(bundle: bytes) -> list[bytes]:
    """The length-prefixed entries of a bundle."""
    found = []
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        found.append(bundle[2 : 2 + length])
        if len(found[-1]) != length:
            raise ValueError("cut short")
        bundle = bundle[2 + length :]
    return found


def merkle(hashes: list[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1 over leaf hashes, level by level: an odd one out goes up as it is."""
    if not hashes:
        return sha(b"")
    while len(hashes) > 1:
        pairs = [sha(b"\x01" + a + b) for a, b in zip(hashes[::2], hashes[1::2], strict=False)]
        hashes = pairs + hashes[len(pairs) * 2 :]
    return hashes[0]


def read_log(fetch: Fetch, name: str, public_key: bytes) -> list[bytes]:
    """All entries of the log, after every tile of every level was held against the entries and the signed root."""
    origin, size, root = open_checkpoint(fetch("checkpoint"), name, public_key)
    if origin != name:
        raise ValueError("another log")
    entries = [entry for bundle in fetch_level(fetch, "entries", size) for entry in entries_of(bundle)]
    hashes = [sha(b"\x00" + entry) for entry in entries]
    if len(entries) != size or merkle(hashes) != root:
        raise ValueError("the entries are not those of the signed root")
    level, row = 0, hashes
    while row:
        if b"".join(row) != b"".join(fetch_level(fetch, str(level), len(row))):
            raise ValueError(f"the tiles of level {level} are not those of the entries")
        row = [merkle(row[i : i + 256]) for i in range(0, len(row) // 256 * 256, 256)]
        level += 1
    return entries


def entries_of_subject(entries: list[bytes], key: bytes) -> list[int]:
    """The indexes of a subject's entries 1, 2, 3 … until the next is nowhere: a complete history under this key."""
    places = {entry[1:17]: index for index, entry in enumerate(entries)}
    found: list[int] = []
    while True:
        tag = hmac.new(key, (len(found) + 1).to_bytes(8, "big"), "sha256").digest()[:16]
        if tag not in places:
            return found
        found.append(places[tag])
