"""What is one act, so that each of its facts can be shown or withheld on its own?

An entry is a flat object of fields. Each field has 32 random bytes of salt; its commitment is SHA-256(salt ‖ canonical
JSON of the value). The entry's commitment is SHA-256 of the canonical JSON of `v` and all field commitments. Only that,
behind a tag, goes into the public log: whoever is shown a field with its salt can check it, and nobody else can guess.
The format is docs/formats/custody.md; `v` is the only field without a salt.
"""

from __future__ import annotations

import hmac
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from json.encoder import encode_basestring as _quote
from typing import Any

from lapel.base.clock import read_stamp, stamp
from lapel.base.digest import MAX_INTEGER, Value, canonical
from lapel.base.errors import EvidenceFault, Invalid
from lapel.base.ids import is_id, new_id

VERSION = 1
SALT_BYTES = 32
LEAF_BYTES = 49
MAX_FIELDS = 64
MAX_OPENINGS_BYTES = 512 * 1024

_LEAF_VERSION = b"\x01"
_OWN = frozenset({"v", "at", "actor", "agency", "act", "subject", "subject_key"})
_NEVER_FORGOTTEN = frozenset({"at", "act", "agency"})
_V = f'"v":{VERSION}'
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SUBJECT = re.compile(r"log|[a-z][a-z_]{0,31}:[!-~]{1,200}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One act. `fields` are the values without `v`; `salts` 32 bytes each; `openings` the text that is kept of both.

    `subject_key` is there only on the subject's first entry: the 32 bytes whose digest that entry commits to.
    """

    id: str
    fields: Mapping[str, Value]
    salts: Mapping[str, bytes]
    commitment: bytes
    openings: str
    subject_key: bytes | None = None

    @property
    def act(self) -> str:
        return str(self.fields["act"])

    @property
    def subject(self) -> str:
        return str(self.fields["subject"])

    @property
    def agency(self) -> str:
        return str(self.fields["agency"])

    @property
    def actor(self) -> str:
        return str(self.fields["actor"])

    @property
    def at(self) -> datetime:
        return read_stamp(str(self.fields["at"]))

    def to_json(self) -> dict[str, Any]:
        """The entry as plain JSON values, for a sidecar; `from_json` reads it back."""
        key = self.subject_key.hex() if self.subject_key else None
        return {"id": self.id, "openings": json.loads(self.openings), "subject_key": key}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Entry:
        """The entry that `to_json` wrote, its commitment computed anew. Raises `EvidenceFault` when it is none."""
        try:
            key = content["subject_key"]
            fields = {name: opened[1] for name, opened in content["openings"].items()}
            salts = {name: bytes.fromhex(opened[0]) for name, opened in content["openings"].items()}
            if not is_id(content["id"]):
                raise ValueError("id")
            return seal(content["id"], fields, salts, bytes.fromhex(key) if key else None)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as fault:
            raise EvidenceFault(f"What was kept of a custody entry cannot be read ({fault!r}).") from None


def new_entry(
    *,
    at: datetime,
    actor: str,
    agency: str,
    act: str,
    subject: str,
    detail: Mapping[str, Value],
    subject_key: bytes | None,
) -> Entry:
    """A new entry with fresh salts. `subject_key` is given for the subject's first entry only, and committed to.

    Integers beyond ±(2^53−1) become decimal strings. Raises `Invalid` for a float, a field name that is not lower case
    ASCII or is one of the entry's own, a subject that is not `<kind>:<id>`, and for more than 64 fields or 512 KiB.
    """
    if not _SUBJECT.fullmatch(subject):
        raise Invalid(f"“{subject[:60]}” is not a subject.", next_step="Write it as kind:id.")
    fields: dict[str, Value] = {
        "at": _stamp(at),
        "actor": actor,
        "agency": agency,
        "act": act,
        "subject": subject,
    }
    for name, value in detail.items():
        if not _may_name(name):
            raise Invalid(f"“{name[:60]}” cannot be the name of a custody field.")
        fields[name] = value if type(value) is str else _plain(value)
    if subject_key is not None:
        fields["subject_key"] = sha256(subject_key).hexdigest()
    if len(fields) > MAX_FIELDS:
        raise Invalid(f"A custody entry has at most {MAX_FIELDS} fields; this one has {len(fields)}.")
    noise = os.urandom(SALT_BYTES * len(fields))
    salts = {name: noise[i * SALT_BYTES : (i + 1) * SALT_BYTES] for i, name in enumerate(fields)}
    return seal(new_id(), fields, salts, subject_key)


def seal(
    entry_id: str, fields: Mapping[str, Value], salts: Mapping[str, bytes], subject_key: bytes | None
) -> Entry:
    """The entry with these fields and salts, its commitment and the text of its openings computed."""
    # Field names are lower case ASCII, so plain sorting is RFC 8785's order and they need no escaping.
    committed, opened, version = [], [], _V
    for name in sorted(fields):
        value, salt = fields[name], salts[name]
        # Every field of every act passes here: most values are strings, which need no walk.
        text = _quote(value) if type(value) is str else canonical(value).decode()
        try:
            digest = sha256(salt + text.encode()).hexdigest()
        except UnicodeEncodeError:
            raise Invalid("A text with half a surrogate pair cannot be logged.") from None
        if version and name > "v":
            committed.append(version)
            version = ""
        committed.append(f'"{name}":"{digest}"')
        opened.append(f'"{name}":["{salt.hex()}",{text}]')
    if version:
        committed.append(version)
    openings = f"{{{','.join(opened)}}}"
    if len(openings) > MAX_OPENINGS_BYTES:
        raise Invalid(f"A custody entry has at most {MAX_OPENINGS_BYTES // 1024} KiB.", status=413)
    # PostgreSQL cannot take such a text apart again, so its fields could never be forgotten.
    if "\\u0000" in openings and any(_has_nul(value) for value in fields.values()):
        raise Invalid("A text with a NUL character cannot be logged.", next_step="Leave the character out.")
    commitment = sha256(f"{{{','.join(committed)}}}".encode()).digest()
    return Entry(entry_id, fields, salts, commitment, openings, subject_key)


def field_commitment(salt: bytes, value: Value) -> bytes:
    """SHA-256(salt ‖ canonical JSON of the value)."""
    return sha256(salt + canonical(value)).digest()


def commitment(version: int, commitments: Mapping[str, bytes]) -> bytes:
    """The entry's commitment from its version and the commitments of all its fields."""
    members: dict[str, Value] = {name: digest.hex() for name, digest in commitments.items()}
    return sha256(canonical({**members, "v": version})).digest()


@dataclass(frozen=True, slots=True)
class Openings:
    """What is kept of an entry: salt and value of the fields that can be shown, the commitments of forgotten ones."""

    opened: Mapping[str, tuple[bytes, Value]]
    closed: Mapping[str, bytes]

    def commitment(self) -> bytes:
        """The commitment of the whole entry; it stays the same whatever is forgotten."""
        shown = {name: field_commitment(*opened) for name, opened in self.opened.items()}
        return commitment(VERSION, {**shown, **self.closed})


def read_openings(text: str) -> Openings:
    """The openings in the text that is kept. Raises `EvidenceFault` when it is not such a text."""
    try:
        kept = json.loads(text)
        opened = {n: (bytes.fromhex(o[0]), o[1]) for n, o in kept.items() if isinstance(o, list)}
        closed = {n: bytes.fromhex(o) for n, o in kept.items() if isinstance(o, str)}
    except (ValueError, TypeError, AttributeError, IndexError) as fault:
        raise EvidenceFault(f"The kept openings of a custody entry cannot be read ({fault!r}).") from None
    if len(opened) + len(closed) != len(kept):
        raise EvidenceFault("The kept openings of a custody entry are not openings.")
    return Openings(opened, closed)


def tag(subject_key: bytes, n: int) -> bytes:
    """The public tag of a subject's n-th entry, n from 1: HMAC-SHA256(key, n as u64 big-endian), first 16 bytes."""
    return hmac.digest(subject_key, n.to_bytes(8, "big"), "sha256")[:16]


def leaf_data(entry_tag: bytes, entry_commitment: bytes) -> bytes:
    """The 49 public bytes of an entry: version, tag, commitment."""
    return _LEAF_VERSION + entry_tag + entry_commitment


def read_leaf(data: bytes) -> tuple[bytes, bytes]:
    """Tag and commitment in a leaf. Raises `Invalid` unless it has 49 bytes and version 1."""
    if len(data) != LEAF_BYTES or data[:1] != _LEAF_VERSION:
        raise Invalid("A leaf of the custody log has 49 bytes, the first of them 1.")
    return data[1:17], data[17:]


def may_be_forgotten(name: str, value: Value) -> bool:
    """May this field be removed? Never when, what, whose, nor a digest: without them the log says nothing."""
    return name not in _NEVER_FORGOTTEN and not (isinstance(value, str) and _DIGEST.fullmatch(value))


@lru_cache(maxsize=1024)
def _may_name(name: str) -> bool:
    return name not in _OWN and _NAME.fullmatch(name) is not None


@lru_cache(maxsize=64)
def _stamp(at: datetime) -> str:
    """Acts that are recorded together happened at one instant."""
    return stamp(at)


def _has_nul(value: Value) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, Mapping):
        return any(_has_nul(name) or _has_nul(member) for name, member in value.items())
    return isinstance(value, Sequence) and any(_has_nul(member) for member in value)


def _plain(value: Value) -> Value:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) <= MAX_INTEGER else str(int(value))
    if isinstance(value, Mapping):
        return {str(name): _plain(member) for name, member in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return [_plain(member) for member in value]
    raise Invalid(f"A {type(value).__name__} cannot be logged.", next_step="Write it as a string.")
