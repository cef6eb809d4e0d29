"""What is the fingerprint of these bytes, or of this value?

Canonical JSON follows RFC 8785 for the values that Lapel writes: objects, arrays, strings, integers within
±(2^53−1), booleans and null. Floats are refused: their canonical form is the part of RFC 8785 that differs between
implementations, and no format of ours needs one. Larger integers are written as decimal strings by the caller.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring as _quote

from lapel.base.errors import Invalid

MAX_INTEGER = 2**53 - 1

Value = None | bool | int | str | Sequence["Value"] | Mapping[str, "Value"]


def sha256_hex(data: bytes | bytearray | memoryview) -> str:
    """SHA-256 as 64 lowercase hex digits."""
    return hashlib.sha256(data).hexdigest()


def canonical(value: Value) -> bytes:
    """RFC 8785 encoding. Raises `Invalid` for a float, an integer beyond ±(2^53−1) or a lone surrogate."""
    try:
        return _text(value).encode("utf-8")
    except UnicodeEncodeError:
        raise Invalid("A text with half a surrogate pair has no canonical form.") from None


def _text(value: Value) -> str:
    if isinstance(value, str):
        return _string(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise Invalid(
                f"The integer {value} is too large for canonical JSON.", next_step="Write it as a string."
            )
        return str(int(value))
    if isinstance(value, Mapping):
        members = sorted(value.items(), key=_utf16)
        return "{" + ",".join(f"{_string(name)}:{_text(member)}" for name, member in members) + "}"
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return "[" + ",".join(_text(member) for member in value) + "]"
    raise Invalid(f"A {type(value).__name__} has no canonical JSON form here.")


def _string(text: str) -> str:
    # json's encoder escapes exactly what RFC 8785 §3.2.2.2 asks for, but leaves U+007F alone, as it should.
    return _quote(text)


def _utf16(member: tuple[str, Value]) -> bytes:
    # RFC 8785 §3.2.3 sorts by UTF-16 code units, which differs from code points beyond the basic plane.
    return member[0].encode("utf-16-be", "surrogatepass")
