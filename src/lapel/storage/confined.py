"""How is a file from outside parsed without harm? In a child process that can do nothing but read it (design §4.11).

The child gets no environment, no database, no keys and no file name: it asks for ranges over a socket, and this process
reads (and decrypts) them, so that plain bytes never touch a disk and memory stays bounded whatever the size. What the
child may do is in `lockdown`; what it answers is limited in size here and believed in nothing by its callers.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lapel.base.errors import Invalid, Unavailable
from lapel.storage.ranges import HEAD, RANGE

Read = Callable[[int, int], bytes]
MAX_RANGE_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What a parser may use, and how much it may say. CPU and wall-clock time grow with the file."""

    memory_bytes: int = 1 << 30
    cpu_s: float = 120
    cpu_s_per_gib: float = 60
    wall_s_per_cpu_s: float = 10
    answer_bytes: int = 16 << 20
    blobs: int = 32
    blob_bytes: int = 1 << 20

    def cpu_limit_s(self, size: int) -> int:
        """CPU seconds for a file of this many bytes."""
        return max(1, round(self.cpu_s + self.cpu_s_per_gib * size / (1 << 30)))


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a child said: its answer as JSON values, its blobs, and the limits that held."""

    answer: Mapping[str, Any]
    blobs: tuple[bytes, ...]
    enforced: tuple[str, ...]


def run(module: str, request: Mapping[str, Any], read: Read, size: int, limits: Limits) -> Spoken:
    """Run `python -m module` in its cell over a file of `size` bytes that `read(offset, length)` gives.

    Raises `Invalid` with the reason in plain words when the file made the parser fail, crash, or hit a limit;
    `Unavailable` when this machine cannot start the child; and whatever `read` raises.
    """
    with _keeper(module, read, size, limits) as keeper:
        blobs: list[bytes] = []
        said = keeper.listen(request)
        try:
            while True:
                blobs.append(next(said))
        except StopIteration as end:
            return Spoken(end.value, tuple(blobs), keeper.enforced or ())


def stream(
    module: str, request: Mapping[str, Any], read: Read, size: int, limits: Limits
) -> Generator[bytes, None, Mapping[str, Any]]:
    """The same, one blob at a time as the child sends them, for answers too large to hold; returns the answer.

    The child waits while the caller works, and that time counts against nobody. Raises as `run`, at any step.
    """
    with _keeper(module, read, size, limits) as keeper:
        return (yield from keeper.listen(request))


@contextmanager
def _keeper(module: str, read: Read, size: int, limits: Limits) -> Generator[_Keeper, None, None]:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            child = _start(module, theirs)
        try:
            yield _Keeper(child, ours, read, size, limits)
        finally:
            ours.close()
            child.kill()
            child.wait()


def _start(module: str, theirs: socket.socket) -> subprocess.Popen[bytes]:
    # The loader's path is the only variable a Python outside the system's places may need to start at all.
    environment = {k: v for k, v in os.environ.items() if k == "LD_LIBRARY_PATH"}
    try:
        return subprocess.Popen(
            [sys.executable, "-I", "-B", "-m", module],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", **environment},
            cwd="/",
            close_fds=True,
        )
    except OSError as error:
        raise Unavailable(
            f"A process for reading a file from outside could not be started: {error.strerror}.",
            next_step="The job is tried again.",
        ) from error


class _Keeper:
    """This side of one conversation."""

    def __init__(
        self, child: subprocess.Popen[bytes], line: socket.socket, read: Read, size: int, limits: Limits
    ) -> None:
        self._child = child
        self._line = line
        self._read = read
        self._size = size
        self._limits = limits
        self._cpu_s = limits.cpu_limit_s(size)
        self._wall_s = self._cpu_s * limits.wall_s_per_cpu_s
        self._ends_at = time.monotonic() + self._wall_s
        self.enforced: tuple[str, ...] | None = None
        self._blobs = 0

    def listen(self, request: Mapping[str, Any]) -> Generator[bytes, None, dict[str, Any]]:
        """Send the request and serve ranges; gives each blob, and in the end the answer."""
        body = {
            "size": self._size,
            "memory_bytes": self._limits.memory_bytes,
            "cpu_s": self._cpu_s,
            **request,
        }
        try:
            self._send(b"Q", json.dumps(body).encode())
            while True:
                kind, said = self._message()
                if kind == b"J":
                    return _parsed(said)
                if kind == b"B":
                    self._count(said)
                    given_at = time.monotonic()
                    yield said
                    self._ends_at += time.monotonic() - given_at
                else:
                    self._heed(kind, said)
        except TimeoutError:
            raise Invalid(f"The parser took longer than {self._wall_s:.0f} s and was stopped.") from None
        except (EOFError, ConnectionError, BrokenPipeError):
            raise self._ended() from None

    def _count(self, blob: bytes) -> None:
        self._blobs += 1
        if self._blobs > self._limits.blobs or len(blob) > self._limits.blob_bytes:
            raise Invalid("The parser said more than it may and was stopped.")

    def _heed(self, kind: bytes, said: bytes) -> None:
        if kind == b"R":
            offset, length = RANGE.unpack(said)
            if length > MAX_RANGE_BYTES or offset + length > self._size:
                raise Invalid("The parser asked for bytes beyond the file and was stopped.")
            self._send(b"D", self._read(offset, length))
        elif kind == b"S":
            self.enforced = tuple(str(word) for word in json.loads(said))
        elif kind == b"X":
            raise Invalid(
                str(_parsed(said).get("reason", ""))[:500] or "The parser gave up without a reason."
            )
        else:
            raise Invalid("The parser said more than it may and was stopped.")

    def _message(self) -> tuple[bytes, bytes]:
        kind, size = HEAD.unpack(self._exactly(HEAD.size))
        if size > self._limits.answer_bytes:
            raise Invalid("The parser said more than it may and was stopped.")
        return kind, self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            self._line.settimeout(max(0.001, self._ends_at - time.monotonic()))
            got = self._line.recv(min(size - len(parts), 1 << 20))
            if not got:
                raise EOFError
            parts += got
        return bytes(parts)

    def _send(self, kind: bytes, body: bytes) -> None:
        self._line.settimeout(max(0.001, self._ends_at - time.monotonic()))
        self._line.sendall(HEAD.pack(kind, len(body)))
        self._line.sendall(body)

    def _ended(self) -> Invalid | Unavailable:
        """Why the child stopped talking, from how it ended."""
        try:
            code = self._child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            code = 0
        if self.enforced is None:
            return Unavailable(
                f"The process for reading a file from outside ended before it began (status {code}).",
                next_step="Check that the installation is whole; the job is tried again.",
            )
        if code == -signal.SIGXCPU:
            return Invalid(f"The parser used more than {self._cpu_s} s of processor time and was stopped.")
        if code == -signal.SIGKILL:
            return Invalid(
                "The parser was stopped by the operating system, most likely for its use of memory."
            )
        if code < 0:
            return Invalid(f"The parser crashed on this file ({signal.Signals(-code).name}).")
        return Invalid(f"The parser ended without an answer (status {code}).")


def _parsed(said: bytes) -> dict[str, Any]:
    try:
        value = json.loads(said)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Invalid("The parser's answer could not be read.")
    return value
