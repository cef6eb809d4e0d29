"""How does a process use keys that it does not hold? It asks the key agent.

The order of keys (design §6): an agency's epoch key wraps a recording's key, which wraps the keys of its objects.
Destroying one recording's wrapped key destroys the recording and all that hangs under it.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path
from typing import Protocol

from lapel.base import errors
from lapel.base.errors import Invalid, LapelError, Unavailable
from lapel.storage import keywire

_CONNECT_S = 5
_ANSWER_S = 30
_IDLE_CONNECTIONS = 8
_CODES: dict[str, type[LapelError]] = {
    kind.code: kind
    for kind in (
        errors.Refused,
        errors.NotFound,
        errors.Invalid,
        errors.Conflict,
        errors.Unavailable,
        errors.EvidenceFault,
    )
}


class Keys(Protocol):
    """A key agent, or a key management system of that shape.

    Every method raises `Refused` when the caller may not, `Unavailable` when nobody answers, `Invalid` for more than
    1 MiB or a purpose beyond 200 bytes, `NotFound` when the agency's key is not there (any more).
    """

    def new_recording_key(self, agency: str) -> bytes:
        """A fresh recording key, wrapped; the caller stores it. Unwrapped it never leaves the agent."""

    def wrap(self, agency: str, purpose: str, plain: bytes, *, under: bytes | None = None) -> bytes:
        """Wrap a secret for one purpose under a wrapped recording key, or under the agency's current epoch key."""

    def unwrap(self, agency: str, purpose: str, blob: bytes, *, under: bytes | None = None) -> bytes:
        """The secret again. Raises `EvidenceFault` when agency, purpose, recording or any byte is another."""

    def sign(self, key: str, message: bytes) -> bytes:
        """An Ed25519 signature, 64 bytes, by the signing key of that name (`log`, `manifest:<agency>`)."""

    def public_key(self, key: str) -> bytes:
        """The 32 bytes that such a signature is checked with."""


class AgentKeys(Keys):
    """The key agent behind one caller's socket. Safe to share between threads; survives a restart of the agent."""

    def __init__(self, socket_path: Path) -> None:
        self._path = socket_path
        self._idle: list[socket.socket] = []
        self._changing = threading.Lock()

    def new_recording_key(self, agency: str) -> bytes:
        return self._ask("new_recording_key", agency.encode())

    def wrap(self, agency: str, purpose: str, plain: bytes, *, under: bytes | None = None) -> bytes:
        return self._ask("wrap", agency.encode(), purpose.encode(), plain, _given(under))

    def unwrap(self, agency: str, purpose: str, blob: bytes, *, under: bytes | None = None) -> bytes:
        return self._ask("unwrap", agency.encode(), purpose.encode(), blob, _given(under))

    def sign(self, key: str, message: bytes) -> bytes:
        return self._ask("sign", key.encode(), message)

    def public_key(self, key: str) -> bytes:
        return self._ask("public_key", key.encode())

    def begin_epoch(self, agency: str) -> int:
        """A fresh epoch key for an agency, new or known; only for the administrator. Returns its number."""
        return int(self._ask("begin_epoch", agency.encode()))

    def destroy(self, agency: str, epoch: int) -> None:
        """Destroy an old epoch's key and with it all that is wrapped under it; only for the administrator."""
        self._ask("destroy", agency.encode(), str(epoch).encode())

    def close(self) -> None:
        """Close the idle connections."""
        with self._changing:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _ask(self, operation: str, *fields: bytes) -> bytes:
        message = keywire.encode([operation.encode(), *fields])
        with self._changing:
            connection = self._idle.pop() if self._idle else None
        if connection is not None:
            # An agent that was started again has closed it. Only `destroy` must not be asked twice, and asked twice
            # it answers NotFound, which is true.
            with contextlib.suppress(OSError):
                return self._converse(connection, message)
            self.close()
        try:
            return self._converse(self._connect(), message)
        except OSError as fault:
            raise Unavailable(
                f"The key agent does not answer at {self._path} ({fault.strerror or fault}).",
                next_step="Start it, or look whether this user may use that socket.",
            ) from fault

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(_CONNECT_S)
        try:
            connection.connect(str(self._path))
        except BaseException:
            connection.close()
            raise
        connection.settimeout(_ANSWER_S)
        return connection

    def _converse(self, connection: socket.socket, message: bytes) -> bytes:
        try:
            connection.sendall(message)
            reply = keywire.receive(connection)
            if not reply:
                raise ConnectionResetError("it hung up")
        except BaseException:
            connection.close()
            raise
        self._keep(connection)
        status, *rest = reply
        if status == b"ok" and len(rest) == 1:
            return rest[0]
        says, next_step = (field.decode("utf-8", "replace") for field in (*rest, b"", b"")[:2])
        raise _CODES.get(status.decode("ascii", "replace"), Unavailable)(says, next_step=next_step)

    def _keep(self, connection: socket.socket) -> None:
        with self._changing:
            if len(self._idle) < _IDLE_CONNECTIONS:
                self._idle.append(connection)
                return
        connection.close()


def _given(under: bytes | None) -> bytes:
    # An empty field means "none"; an empty key that was given must not silently mean the epoch key.
    if under is not None and not under:
        raise Invalid("The recording's wrapped key is empty.")
    return under or b""
