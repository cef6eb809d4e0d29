"""A second reader of entries, proofs, receipts and private copies, made from docs/formats/custody.md and not from the code.

Plain where ours is quick: proofs by the recursive definitions of RFC 9162, signatures by another library.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class Disagrees(Exception):
    """Something in a receipt does not hold: status 90."""


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def canonical(value: Any) -> str:
    """RFC 8785 for values without fractions."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: [*struct.iter_unpack(">H", name.encode("utf-16-be"))])
        return "{" + ",".join(f"{canonical(name)}:{canonical(value[name])}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def field(salt: bytes, value: Any) -> bytes:
    return sha(salt, canonical(value).encode())


def entry(version: int, commitments: Mapping[str, bytes]) -> bytes:
    return sha(canonical({"v": version, **{n: c.hex() for n, c in commitments.items()}}).encode())


def openings(fields: Mapping[str, Any], salts: Mapping[str, str]) -> str:
    return canonical({name: [salts[name], value] for name, value in fields.items()})


def tag(key: bytes, n: int) -> bytes:
    return hmac.new(key, struct.pack(">Q", n), "sha256").digest()[:16]


def leaf(entry_tag: bytes, commitment: bytes) -> bytes:
    return b"\x01" + entry_tag + commitment


def leaf_hash(data: bytes) -> bytes:
    return sha(b"\x00", data)


def mth(leaves: Sequence[bytes]) -> bytes:
    """RFC 9162 §2.1.1."""
    if not leaves:
        return sha()
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    k = split(len(leaves))
    return sha(b"\x01", mth(leaves[:k]), mth(leaves[k:]))


def path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D_n), RFC 9162 §2.1.3.1."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def proof(m: int, leaves: Sequence[bytes], *, whole: bool = True) -> list[bytes]:
    """SUBPROOF(m, D_n, b), RFC 9162 §2.1.4.1; nothing is to be shown for an empty tree."""
    n = len(leaves)
    if m in (0, n):
        return [] if whole or m == 0 else [mth(leaves)]
    k = split(n)
    if m <= k:
        return [*proof(m, leaves[:k], whole=whole), mth(leaves[k:])]
    return [*proof(m - k, leaves[k:], whole=False), mth(leaves[:k])]


def split(n: int) -> int:
    return 2 ** (len(bin(n - 1)) - 3)


def root_by_path(digest: bytes, index: int, size: int, steps: Sequence[bytes]) -> bytes:
    """Where an audit path leads; the last step belongs to the topmost node."""
    if size == 1:
        if steps:
            raise Disagrees("too many steps")
        return digest
    if not steps:
        raise Disagrees("too few steps")
    k = split(size)
    if index < k:
        return sha(b"\x01", root_by_path(digest, index, k, steps[:-1]), steps[-1])
    return sha(b"\x01", steps[-1], root_by_path(digest, index - k, size - k, steps[:-1]))


def key_of(text: str) -> tuple[str, int, bytes, bytes]:
    """Name, type, key id and key."""
    name, key_id, encoded = text.split("+", 2)
    raw = base64.b64decode(encoded)
    if sha(name.encode(), b"\n", raw)[:4].hex() != key_id:
        raise Disagrees("key id")
    return name, raw[0], bytes.fromhex(key_id), raw[1:]


def lines_by(note: str, key: str) -> Iterator[bytes]:
    """What follows the key id in each line of a note that claims to be of this key."""
    name, _, key_id, _ = key_of(key)
    for line in note.rpartition("\n\n")[2].splitlines():
        _, who, blob = line.split(" ")
        raw = base64.b64decode(blob)
        if (who, raw[:4]) == (name, key_id):
            yield raw[4:]


def signed(key: str, message: bytes, signature: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key_of(key)[3]).verify(signature, message)
    except InvalidSignature:
        raise Disagrees("signature") from None


def judge(receipt: Mapping[str, Any], trust: Mapping[str, Any], file: bytes, now_s: int) -> int:
    """The status of a receipt that can be read, held against a trust file and a file."""
    try:
        return _judge(receipt, trust, file, now_s)
    except Disagrees:
        return 90


def _judge(receipt: Mapping[str, Any], trust: Mapping[str, Any], file: bytes, now_s: int) -> int:
    opened = receipt["opened"]
    commitments = {n: field(bytes.fromhex(o["salt"]), o["value"]) for n, o in opened.items()}
    commitments |= {n: bytes.fromhex(c) for n, c in receipt["closed"].items()}
    data = base64.b64decode(receipt["leaf"])
    head, _, note = receipt["proof"].partition("\n\n")
    _, index, *steps = head.split("\n")
    text = note.rpartition("\n\n")[0] + "\n"
    origin, size, root, *extra = text.splitlines()
    if data[17:] != entry(receipt["v"], commitments) or extra or index != f"index {receipt['index']}":
        raise Disagrees("entry, index or checkpoint")
    found = root_by_path(leaf_hash(data), receipt["index"], int(size), [base64.b64decode(s) for s in steps])
    if found != base64.b64decode(root) or origin != trust["origin"]:
        raise Disagrees("root or origin")
    logs = 0
    for one in trust["log_keys"]:
        for body in lines_by(note, one["key"]):
            signed(one["key"], text.encode(), body)
            last = one["last_size"]
            logs += one["first_size"] <= int(size) and (last is None or int(size) <= last)
    seen = set()
    for witness in trust["witness_keys"]:
        for body in lines_by(note, witness):
            (at_s,) = struct.unpack(">Q", body[:8])
            signed(witness, f"cosignature/v1\ntime {at_s}\n{text}".encode(), body[8:])
            if not 0 < at_s <= now_s + 300:
                raise Disagrees("time")
            seen.add(witness)
    if not logs:
        raise Disagrees("nobody signed")
    if "sha256" not in opened:
        return 1
    if opened["sha256"]["value"] != sha(file).hex():
        raise Disagrees("file")
    return 0 if len(seen) >= trust["quorum"] else 8


def stretch(data: bytes, keys: Sequence[bytes]) -> list[str | None]:
    """The texts in an object of log-private/, None where the key does not open one."""
    magic, first, count = struct.unpack(">6sQI", data[:18])
    if magic != b"LPRIV\x01":
        raise ValueError("magic")
    lengths = struct.unpack(f">{count}I", data[18 : 18 + 4 * count])
    at, found = 18 + 4 * count, list[str | None]()
    for i, length in enumerate(lengths):
        bound = b"lapel openings v1" + struct.pack(">Q", first + i)
        try:
            found.append(AESGCM(keys[i]).decrypt(bytes(12), data[at : at + length], bound).decode())
        except InvalidTag:
            found.append(None)
        at += length
    if at != len(data):
        raise ValueError("length")
    return found


def keys_from(secret: bytes, count: int) -> list[bytes]:
    stream = hashlib.shake_256(secret).digest(32 * count)
    return [stream[i : i + 32] for i in range(0, len(stream), 32)]
