"""What does a camera system meet in the tests? The intake app behind a real server on 127.0.0.1, and a client's hands."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from house import House
from lapel.app.intake import make
from lapel.footage import fsck
from lapel.footage.axis_connect import connect
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope

RECORDING = "1f0a7d6e-0000-4000-8000-000000000001_ACCC8E000001_20261124T101500Z"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Client:
    """A camera system's hands: one request a connection, raw paths, nothing normalised."""

    port: int
    username: str
    key: str
    token: str = ""
    account: str = ""

    def sign_in(self) -> Client:
        answer = self.raw("GET", "/auth/v1.0", {"X-Auth-User": self.username, "X-Auth-Key": self.key})
        assert answer.status == 200, answer
        self.token = answer.headers["x-auth-token"]
        self.account = "/v1/" + answer.headers["x-storage-url"].rsplit("/v1/", 1)[1]
        return self

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = b"",
        headers: Mapping[str, str] | None = None,
        **meta: str,
    ) -> Answer:
        """`path` is below the account, encoded as it shall stand on the wire; `meta` becomes object metadata."""
        prefix = "X-Container-Meta-" if "/" not in path.strip("/") else "X-Object-Meta-"
        said = {f"{prefix}{key}": value for key, value in meta.items()}
        return self.raw(
            method, f"{self.account}{path}", {"X-Auth-Token": self.token, **said, **(headers or {})}, body
        )

    def raw(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection._validate_path = lambda url: None  # type: ignore[attr-defined]
        with contextlib.closing(connection):
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value.encode("utf-8") if isinstance(value, str) else value)
            if body is not None and "Content-Length" not in headers:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body or None)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())


def archive_of(house: House, role: str = "intake") -> Archive:
    return Archive(house.db(role), house.stores, house.keys(role))


def connected(house: House, port: int, agency: str = "cbp", site: str = "North dock") -> Client:
    """A site of this agency, connected and signed in."""
    content = json.loads(
        connect(archive_of(house, "staff"), Scope("cli:test", (agency,)), agency, site, ["http://127.0.0.1"])
    )
    return Client(port, content["BlobAPIUserName"], content["BlobAPIKey"]).sign_in()


@contextlib.contextmanager
def serving(archive: Archive, **settings: int) -> Iterator[int]:
    """The intake app on a free port of 127.0.0.1; yields the port."""
    config = uvicorn.Config(
        make(archive, **settings), host="127.0.0.1", port=0, log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)


@contextlib.contextmanager
def process(house: House, said: Path) -> Iterator[tuple[int, int]]:
    """The intake as it runs in a department, in a process of its own; yields its port and the serving process's id. `said`: its log."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    house.keys("intake")  # starts the agent
    arguments = [house.urls["intake"], house.place / "objects", f"{house._agent}/intake.sock", port]
    pid = said.with_suffix(".pid")
    script = Path(__file__).with_name("serve_intake.py")
    with said.open("wb") as log:
        running = subprocess.Popen(
            [sys.executable, script, *map(str, [*arguments, pid])], stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert running.poll() is None, said.read_text()
            assert time.monotonic() < deadline, said.read_text()
            time.sleep(0.05)
        yield port, int(pid.read_text())
    finally:
        running.terminate()
        running.wait(20)


def faults(house: House, agency: str = "cbp") -> list[str]:
    """What the check of all footage finds, but for what an interrupted delivery may leave: objects that no row names."""
    found = fsck.check_footage(archive_of(house, "worker"), Scope("system:test", (agency,)))
    return [str(fault) for fault in found if fault.kind != "extra"]


@dataclass(slots=True)
class Door:
    """The house, its intake archive, and a client of agency cbp at a running door."""

    house: House
    archive: Archive
    client: Client

    @property
    def scope(self) -> Scope:
        return Scope("account:test", ("cbp",))

    def another(self, agency: str = "cbp", site: str = "South dock") -> Client:
        return connected(self.house, self.client.port, agency, site)
