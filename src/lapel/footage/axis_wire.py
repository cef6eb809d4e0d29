"""What stands in a request and an answer of the protocol, on the wire? No I/O and no web framework.

Paths are read raw: after a server has decoded them, `%2f` in a name can no longer be told from the slash before it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from lapel.base.errors import Invalid

_ALIASES = (("x-auth-user", "x-auth-key"), ("x-storage-user", "x-storage-pass"))


def place(raw_path: bytes) -> tuple[str, bytes, bytes]:
    """Account, container and object of `/v1/<account>/<container>/<object>`, the last two still encoded; "" where absent."""
    parts = [*raw_path.split(b"?")[0].split(b"/", 4), b"", b"", b""]
    return parts[2].decode("latin-1"), parts[3], parts[4]


def credentials(headers: Mapping[str, str]) -> tuple[str, str]:
    """Username and key as Swift's first version sends them, under its older names, or as Basic; empty when absent."""
    for user, key in _ALIASES:
        if headers.get(user) is not None:
            return headers[user], headers.get(key, "")
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, key = base64.b64decode(encoded, validate=True).decode().rpartition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return user, key
    return "", ""


def as_headers(prefix: str, said: Mapping[str, Any]) -> dict[str, str]:
    """Metadata as headers, percent-encoded as it came."""
    return {f"{prefix}{key}": quote(str(value), safe=" /:;,+") for key, value in said.items()}


def md5(body: bytes) -> str:
    """The transport checksum of the protocol; it proves nothing."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def check_etag(said: str | None, came: str) -> None:
    """Raises `Invalid` (422) when the sender says another MD5 than the bytes have."""
    if said and said.strip().strip('"').lower() != came:
        raise Invalid(
            "The bytes do not have the digest that was sent with them.", next_step="Send them again."
        )


def content_length(headers: Mapping[str, str]) -> int | None:
    """How many bytes the sender says will come, or None."""
    said = headers.get("content-length", "")
    return int(said) if said.isascii() and said.isdigit() else None
