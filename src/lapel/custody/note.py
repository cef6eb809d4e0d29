"""Who signed this text? C2SP signed-note: text, an empty line, then `— name base64(key id ‖ signature)` lines."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from lapel.base.errors import Invalid
from lapel.custody import ed25519

MAX_NOTE_BYTES = 128 * 1024
MAX_SIGNATURES = 16
LOG_KEY = 0x01
WITNESS_KEY = 0x04

_DASH = "\u2014 "
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")
_HEX8 = re.compile("[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key under a name. `kind` is 0x01 for a log, 0x04 for a witness; a key is never used for both."""

    name: str
    kind: int
    key: bytes

    @property
    def id(self) -> bytes:
        """SHA-256(name ‖ 0x0A ‖ kind ‖ key), first four bytes."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.key).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([self.kind]) + self.key).decode()}"


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line, not yet checked: the name, the four bytes of key id, and what follows them."""

    name: str
    key_id: bytes
    body: bytes

    def __str__(self) -> str:
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.body).decode()}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text (ending in a newline) and its signature lines, in their order."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return self.text + "\n" + "".join(map(str, self.signatures))

    def by(self, key: VerifierKey) -> list[Signature]:
        """The lines that claim to be of this key (name and id)."""
        return [s for s in self.signatures if s.name == key.name and s.key_id == key.id]


def read_note(data: bytes | str) -> Note:
    """The note in these bytes. Raises `Invalid` when malformed, beyond 128 KiB or with more than 16 signatures."""
    text = _utf8(data)
    body, gap, lines = text.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise Invalid("A signed note needs an empty line and then signature lines.")
    signatures = tuple(_signature(line) for line in lines[:-1].split("\n"))
    if len(signatures) > MAX_SIGNATURES:
        raise Invalid(f"A signed note with more than {MAX_SIGNATURES} signatures is not read.", status=413)
    return Note(body + "\n", signatures)


def read_key(text: str, kind: int) -> VerifierKey:
    """The verifier key `name+id+base64(kind ‖ key)`. Raises `Invalid` unless it is one of this kind and of good order."""
    parts = text.split("+", 2)
    if len(parts) != 3 or not is_name(parts[0]) or not _HEX8.fullmatch(parts[1]):
        raise Invalid(f"“{text[:80]}” is not a verifier key.", next_step="Write it as name+id+base64.")
    raw = read_base64(parts[2])
    if len(raw) != 33 or raw[0] != kind:
        raise Invalid(f"The verifier key of {parts[0]} is not of type {kind} with 32 bytes.")
    key = VerifierKey(parts[0], kind, raw[1:])
    if key.id.hex() != parts[1]:
        raise Invalid(f"The id in the verifier key of {parts[0]} does not belong to its bytes.")
    if not ed25519.is_key(key.key):
        raise Invalid(f"The verifier key of {parts[0]} is not a point that can verify anything.")
    return key


def is_name(name: str) -> bool:
    """May this be a key's name? Not empty, without spaces, `+` and control characters."""
    return bool(name) and "+" not in name and not any(c.isspace() or c < " " for c in name)


def read_base64(text: str) -> bytes:
    """The bytes in canonical standard base64. Raises `Invalid` for anything else, such as stray bits or missing padding."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = None
    if data is None or base64.b64encode(data).decode() != text:
        raise Invalid(f"“{text[:60]}” is not canonical base64.")
    return data


def names(keys: Iterable[VerifierKey]) -> str:
    """The names of keys as people read them."""
    return ", ".join(sorted({key.name for key in keys}))


def _signature(line: str) -> Signature:
    name, space, blob = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space or not is_name(name):
        raise Invalid(f"“{line[:60]}” is not a signature line.")
    raw = read_base64(blob)
    if len(raw) < 5:
        raise Invalid(f"The signature of {name} is too short.")
    return Signature(name, raw[:4], raw[4:])


def _utf8(data: bytes | str) -> str:
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogatepass")
    if len(data) > MAX_NOTE_BYTES:
        raise Invalid("A signed note of more than 128 KiB is not read.", status=413)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Invalid("A signed note is UTF-8; this is not.") from None
    if _CONTROL.search(text):
        raise Invalid("A signed note has no control characters but newlines.")
    return text
