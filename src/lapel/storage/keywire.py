"""How do the key agent and its callers talk? Length-prefixed messages of length-prefixed fields, every length checked.

message = 4 bytes length, then fields; field = 4 bytes length, then its bytes (big endian). A request's first field is
its operation; a reply's first field is `ok` or the code of an error from `lapel.base.errors`.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence

from lapel.base.errors import Invalid

MAX_MESSAGE_BYTES = (1 << 20) + (16 << 10)
MAX_FIELDS = 8


def encode(fields: Sequence[bytes]) -> bytes:
    """One message. Raises `Invalid` when it would be too long."""
    body = b"".join(struct.pack(">I", len(field)) + field for field in fields)
    if len(body) > MAX_MESSAGE_BYTES:
        raise Invalid("A message to the key agent has at most 1 MiB.", status=413)
    return struct.pack(">I", len(body)) + body


def receive(connection: socket.socket) -> list[bytes] | None:
    """The next message's fields, None when the other side has hung up between messages.

    Raises `Invalid` when what comes is no message, `OSError` when the other side is gone in the middle of one.
    """
    prefix = _exactly(connection, 4, may_end=True)
    if not prefix:
        return None
    (length,) = struct.unpack(">I", prefix)
    if length > MAX_MESSAGE_BYTES:
        raise Invalid("That is no message to a key agent: it announces more than 1 MiB.")
    return _fields(_exactly(connection, length))


def _fields(body: bytes) -> list[bytes]:
    found: list[bytes] = []
    at = 0
    while at < len(body):
        if len(found) == MAX_FIELDS or at + 4 > len(body):
            raise Invalid("That is no message to a key agent.")
        (length,) = struct.unpack_from(">I", body, at)
        at += 4 + length
        if at > len(body):
            raise Invalid("That is no message to a key agent: a field is longer than its message.")
        found.append(body[at - length : at])
    return found


def _exactly(connection: socket.socket, count: int, *, may_end: bool = False) -> bytes:
    parts: list[bytes] = []
    left = count
    while left:
        part = connection.recv(min(left, 1 << 16))
        if not part:
            if may_end and left == count:
                return b""
            raise ConnectionResetError("the other side is gone in the middle of a message")
        parts.append(part)
        left -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
