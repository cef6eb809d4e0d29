"""Which processes make up a running Lapel, and what happens when one of them dies?

    database    the embedded PostgreSQL, where no server is set
    keys        the key agent: the only process that reads the keyring
    sequencer   the one writer of the custody log
    intake      the door that camera systems deliver to; may seal and never open
    worker      inspection and other jobs
    staff       the pages
    proxied     the pages again, for the named reverse proxy, where one is set

Each is a process of its own, in a process group of its own, and is started again when it dies, a little later each
time it dies soon. `lapel serve` runs them all; `lapel serve --only NAME` runs one, on whatever machine.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import structlog

from lapel.app.department import embedded, note_address
from lapel.app.serving import need_free
from lapel.app.settings import Settings
from lapel.base.errors import Unavailable
from lapel.storage.embedded import EmbeddedPostgres
from lapel.storage.keys import AgentKeys

PROCESSES = ("keys", "sequencer", "worker", "intake", "staff")
_STEADY_S = 20.0
_LONGEST_WAIT_S = 30.0

log = structlog.get_logger("lapel.running")


@dataclass(slots=True)
class _Child:
    name: str
    process: subprocess.Popen[bytes] | None = None
    started: float = 0
    wait_s: float = 0
    next_start: float = 0


@dataclass(slots=True)
class Stack:
    """All processes of one machine. `run` keeps them up until told to stop, then ends them in the opposite order."""

    settings: Settings
    names: tuple[str, ...] = PROCESSES
    _children: list[_Child] = field(default_factory=list)
    _server: EmbeddedPostgres | None = None

    def start(self) -> None:
        """Start the database and every process; returns when they have been started, not when they answer.

        Raises `Unavailable` when a door's address is another program's, or the database does not come up; `Conflict` when
        another process runs this department.
        """
        doors = {"staff": self.settings.staff_bind, "intake": self.settings.intake_bind}
        for name in self.names:
            if name in doors:
                need_free(doors[name])
        if not self.settings.database_url:
            self._server = embedded(self.settings)
            self._server.start()
            note_address(self.settings, self._server)
        names = (
            (*self.names, "proxied") if self.settings.proxy_socket and "staff" in self.names else self.names
        )
        self._children = [_Child(name) for name in names]
        self._look_after()

    def run(self, stop: threading.Event) -> None:
        """Keep everything up until `stop` is set."""
        try:
            while not stop.wait(0.2):
                self._look_after()
        finally:
            self.stop()

    def stop(self) -> None:
        """End what runs: doors first, the database last. What does not end in ten seconds is killed."""
        for child in reversed(self._children):
            if child.process is not None and child.process.poll() is None:
                child.process.terminate()
        deadline = time.monotonic() + 10
        for child in reversed(self._children):
            if child.process is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.process.wait(max(0.1, deadline - time.monotonic()))
                _end_group(child.process)
        self._children = []
        if self._server is not None:
            self._server.stop()
            self._server = None

    def pids(self) -> dict[str, int]:
        """The process ids of what runs now, by name; for whoever watches, and for the tests that kill them."""
        running = {c.name: c.process.pid for c in self._children if c.process and c.process.poll() is None}
        if self._server is not None and self._server.alive():
            running["database"] = self._server.pid
        return running

    def _look_after(self) -> None:
        if self._server is not None and not self._server.alive():
            log.warning("started again", process="database")
            self._server.stop()
            self._server.start()
            note_address(self.settings, self._server)
        now = time.monotonic()
        for child in self._children:
            if child.process is not None and child.process.poll() is not None:
                _end_group(child.process)
                log.warning("ended", process=child.name, status=child.process.returncode)
                lived = now - child.started
                child.wait_s = 0 if lived > _STEADY_S else min(_LONGEST_WAIT_S, max(0.25, child.wait_s * 2))
                child.next_start = now + child.wait_s
                child.process = None
            if child.process is None and now >= child.next_start:
                child.process = _spawn(child.name, self.settings)
                child.started = now


def _spawn(name: str, settings: Settings) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        **{
            f"LAPEL_{key.upper()}": str(value)
            for key, value in settings.model_dump().items()
            if value is not None
        },
    }
    return subprocess.Popen(
        [sys.executable, "-m", "lapel.app.process", name, str(os.getpid())],
        env=environment,
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # so that what it started can be ended with it, and Ctrl-C comes to us alone
    )


def _end_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)


@contextmanager
def key_agent(settings: Settings) -> Iterator[None]:
    """A key agent that answers: the one that runs, or one that is started for as long as the block lasts."""
    with ExitStack() as stack:
        if not _agent_answers(settings):
            process = _spawn("keys", settings)
            stack.callback(_end_group, process)
            deadline = time.monotonic() + 30
            while not _agent_answers(settings):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise Unavailable("The key agent did not start.", next_step="Its own words are above.")
                time.sleep(0.05)
        yield


def _agent_answers(settings: Settings) -> bool:
    try:
        AgentKeys(settings.sockets / "admin.sock").public_key("log")
    except Unavailable:
        return False
    return True
