"""How are openings kept outside the database, so that a lost database can be rebuilt and one entry still forgotten?

`log-private/<first>-<last>` holds the openings of a stretch of the log, each entry's sealed under a key of its own;
`log-keys/<first>-<last>` holds those keys, sealed by the key agent. Forgetting an entry gives it a new key: what remains
of it is sealed under that at `log-private/kept/<index>/<id of the key>`, and the object of keys is replaced
(docs/decisions/0007). The format is docs/formats/custody.md.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256, shake_256
from json.encoder import encode_basestring as _quote

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lapel.base.errors import EvidenceFault

KEY_BYTES = 32
MAX_STRETCH = 4096
KEY_OWNER = "department"

_MAGIC = b"LPRIV\x01"
_HEAD = struct.Struct(">6sQI")
_NONCE = bytes(12)  # each key seals one text only
_CONTEXT = b"lapel openings v1"


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one entry. `subject` is None once forgotten; `of` then says which key's count it belongs to."""

    entry: str
    agency: str
    n: int
    openings: str
    subject: str | None
    subject_key: bytes | None = None
    of: str | None = None

    def to_bytes(self) -> bytes:
        key = f'"{self.subject_key.hex()}"' if self.subject_key else "null"
        subject = "null" if self.subject is None else _quote(self.subject)
        of = "null" if self.of is None else f'"{self.of}"'
        # Hundreds of thousands a minute pass here, and the openings are JSON already: no encoder, no parser.
        return (
            f'{{"agency":"{self.agency}","entry":"{self.entry}","n":{self.n},"of":{of},'
            f'"openings":{self.openings},"subject":{subject},"subject_key":{key}}}'
        ).encode()


def stretch_name(first: int, last: int) -> str:
    """The name of the two objects of the stretch [first, last]; sorts as the numbers do."""
    return f"{first:016d}-{last:016d}"


def read_stretch_name(name: str) -> tuple[int, int]:
    """First and last in a name."""
    first, _, last = name.partition("-")
    return int(first), int(last)


def purpose(first: int, last: int) -> str:
    """What the key agent binds the keys of a stretch to."""
    return f"openings:{stretch_name(first, last)}"


def entry_keys(secret: bytes, first: int, last: int) -> list[bytes]:
    """The keys of a stretch from its secret, which is destroyed when both objects are written."""
    return split_keys(shake_256(secret).digest(KEY_BYTES * (last - first + 1)), first, last)


def seal_stretch(first: int, kept: Sequence[Kept], keys: Sequence[bytes]) -> bytes:
    """The object of a stretch: magic, first u64, count u32, the length of each part u32, the parts."""
    parts = [_seal(first + i, one, key) for i, (one, key) in enumerate(zip(kept, keys, strict=True))]
    lengths = struct.pack(f">{len(parts)}I", *map(len, parts))
    return b"".join([_HEAD.pack(_MAGIC, first, len(parts)), lengths, *parts])


def open_stretch(
    data: bytes, first: int, last: int, keys: Sequence[bytes]
) -> Iterator[tuple[int, Kept | None]]:
    """Index and content of each entry; None where the key is another one (the entry was forgotten in part).

    Raises `EvidenceFault` when the object is not the one of this stretch.
    """
    count = last - first + 1
    if len(keys) != count or data[: _HEAD.size] != _HEAD.pack(_MAGIC, first, count):
        raise EvidenceFault(f"log-private/{stretch_name(first, last)} is not the object of that stretch.")
    at = _HEAD.size + 4 * count
    lengths = struct.unpack(f">{count}I", data[_HEAD.size : at])
    if at + sum(lengths) != len(data):
        raise EvidenceFault(f"log-private/{stretch_name(first, last)} has not its full length.")
    for i, length in enumerate(lengths):
        yield first + i, _open(first + i, data[at : at + length], keys[i])
        at += length


def kept_name(index: int, key: bytes) -> str:
    """Where the rest of a forgotten entry lies, by its new key."""
    return f"kept/{index:016d}/{sha256(key).hexdigest()[:32]}"


def seal_rest(index: int, kept: Kept, key: bytes) -> bytes:
    """What remains of an entry under its new key."""
    return _seal(index, kept, key)


def open_rest(index: int, data: bytes, key: bytes) -> Kept:
    """Raises `EvidenceFault` when the key does not open it."""
    kept = _open(index, data, key)
    if kept is None:
        raise EvidenceFault(f"What remains of entry {index} does not open.")
    return kept


def split_keys(plain: bytes, first: int, last: int) -> list[bytes]:
    """The keys in an object of keys. Raises `EvidenceFault` when they are not one for each entry."""
    if len(plain) != KEY_BYTES * (last - first + 1):
        raise EvidenceFault(f"log-keys/{stretch_name(first, last)} has not one key for each entry.")
    return [plain[i : i + KEY_BYTES] for i in range(0, len(plain), KEY_BYTES)]


def _seal(index: int, kept: Kept, key: bytes) -> bytes:
    return AESGCM(key).encrypt(_NONCE, kept.to_bytes(), _CONTEXT + index.to_bytes(8, "big"))


def _open(index: int, data: bytes, key: bytes) -> Kept | None:
    try:
        plain = AESGCM(key).decrypt(_NONCE, data, _CONTEXT + index.to_bytes(8, "big"))
    except InvalidTag:
        return None
    content = json.loads(plain)
    key_hex = content["subject_key"]
    return Kept(
        entry=content["entry"],
        agency=content["agency"],
        n=content["n"],
        # Cut out, not parsed and written again: the text must stay as it was committed to.
        openings=_openings_of(plain.decode()),
        subject=content["subject"],
        subject_key=bytes.fromhex(key_hex) if key_hex else None,
        of=content["of"],
    )


def _openings_of(plain: str) -> str:
    start = plain.index('"openings":') + len('"openings":')
    _, end = json.JSONDecoder().raw_decode(plain, start)
    return plain[start:end]
