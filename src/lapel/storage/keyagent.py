"""Who holds the master keys, and what may each caller ask of them?

One process with one unix socket per caller. The file permissions of a socket say who may be that caller: run each
process as a user of its own and give it its own socket; processes of one user can be told apart by nobody. A process
that is taken over can ask what its socket allows, as long as it runs, and never gets a master key or a recording's key.

    python -m lapel.storage.keyagent KEYRING SOCKETS      runs it in the foreground until SIGTERM or SIGINT
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from lapel.base.errors import Conflict, Invalid, LapelError, Unavailable
from lapel.storage import keyrights, keywire
from lapel.storage.keyring import Keyring

CONNECTIONS_PER_CALLER = 64
_PATIENCE_S = 10  # for the rest of a message that has begun, and for a reply to be taken


class KeyAgent:
    """The agent's sockets and threads. `owners`: the user id that each caller's socket is given to (root only).

    Raises `Refused` when the keyring is open to others, `Conflict` when another agent serves these sockets.
    """

    def __init__(self, keyring: Path, sockets: Path, *, owners: Mapping[str, int] | None = None) -> None:
        self._keyring = Keyring(keyring)
        self._sockets = sockets
        self._owners = owners or {}
        self._listeners: list[socket.socket] = []
        self._connections: set[socket.socket] = set()
        self._changing = threading.Lock()
        self._lock = -1

    def start(self) -> None:
        """Open the sockets; a socket file left by an agent that was killed is replaced."""
        self._sockets.mkdir(mode=0o711, parents=True, exist_ok=True)
        self._lock = os.open(self._sockets / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise Conflict(
                f"Another key agent serves {self._sockets}.", next_step="Stop that one first."
            ) from None
        try:
            for caller in keyrights.MAY:
                listener = self._listen(caller)
                self._listeners.append(listener)
                threading.Thread(target=self._accept, args=(caller, listener), daemon=True).start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Close every socket and connection."""
        for listener in self._listeners:
            _close(listener)
        self._listeners.clear()
        with self._changing:
            for connection in self._connections:
                _close(connection)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _listen(self, caller: str) -> socket.socket:
        path = self._sockets / f"{caller}.sock"
        half = self._sockets / f".{caller}.new"
        half.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(str(half))
        except OSError as fault:
            raise Invalid(
                f"The path {path} cannot be a socket ({fault}).",
                next_step="Use a directory with a shorter name.",
            ) from fault
        # Nobody can connect before listen(), so the mode and the owner are right before the first caller comes.
        if caller in self._owners:
            os.chown(half, self._owners[caller], -1)
        half.chmod(0o600)
        listener.listen(CONNECTIONS_PER_CALLER)
        half.rename(path)
        return listener

    def _accept(self, caller: str, listener: socket.socket) -> None:
        places = threading.BoundedSemaphore(CONNECTIONS_PER_CALLER)
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # closed by stop()
            with self._changing:
                self._connections.add(connection)
            if places.acquire(blocking=False):
                arguments = (caller, connection, places)
                threading.Thread(target=self._converse, args=arguments, daemon=True).start()
            else:
                self._hang_up(connection, Unavailable(f"{caller} has too many connections to the key agent."))

    def _converse(self, caller: str, connection: socket.socket, places: threading.BoundedSemaphore) -> None:
        parting: LapelError | None = None
        try:
            while True:
                connection.settimeout(None)
                connection.recv(
                    1, socket.MSG_PEEK
                )  # an idle caller may wait for ever, a half message may not
                connection.settimeout(_PATIENCE_S)
                fields = keywire.receive(connection)
                if fields is None:
                    return
                connection.sendall(self._reply(caller, fields))
        except Invalid as fault:
            parting = fault
        except OSError:
            return
        finally:
            places.release()
            self._hang_up(connection, parting)

    def _reply(self, caller: str, fields: list[bytes]) -> bytes:
        try:
            return keywire.encode([b"ok", keyrights.answer(self._keyring, caller, fields)])
        except LapelError as fault:
            return _said(fault)
        except Exception:  # a defect must cost its caller an answer, never the agent its thread
            return _said(Unavailable("The key agent has a defect and could not answer."))

    def _hang_up(self, connection: socket.socket, parting: LapelError | None) -> None:
        if parting is not None:
            with contextlib.suppress(OSError):
                connection.settimeout(1)
                connection.sendall(_said(parting))
        with self._changing:
            self._connections.discard(connection)
        _close(connection)


def serve(
    keyring: Path,
    sockets: Path,
    *,
    owners: Mapping[str, int] | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Serve until `stop` is set, or, without one, until SIGTERM or SIGINT. Raises as `KeyAgent` does."""
    if stop is None:
        stop = threading.Event()
        ended = stop
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: ended.set())
    _hide_memory()
    agent = KeyAgent(keyring, sockets, owners=owners)
    agent.start()
    try:
        stop.wait()
    finally:
        agent.stop()


def _said(fault: LapelError) -> bytes:
    return keywire.encode([fault.code.encode(), fault.says.encode(), fault.next_step.encode()])


def _close(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def _hide_memory() -> None:
    # PR_SET_DUMPABLE 0: no core file, and no other process of the same user may attach or read /proc/<pid>/mem.
    ctypes.CDLL(None).prctl(4, 0)


def main() -> None:
    """Run the agent in the foreground."""
    try:
        serve(Path(sys.argv[1]), Path(sys.argv[2]))
    except LapelError as fault:
        sys.exit(str(fault))


if __name__ == "__main__":
    main()
