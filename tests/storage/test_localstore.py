"""Does the directory store keep its promise when the power, the process or the space goes?"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lapel.base.errors import Invalid, LapelError, Unavailable
from lapel.storage.localstore import LocalStore, local_stores

CALLS = ("open", "write", "fsync", "link", "mkdir", "replace", "unlink")


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def put(store: LocalStore) -> None:
    store.put_new("log/tile/0/000", b"abc")


def overwrite(store: LocalStore) -> None:
    store.replace("log/checkpoint", b"abc")


def stream(store: LocalStore) -> None:
    with store.upload() as upload:
        upload.write(b"abc")
        upload.commit()


class Traced:
    """Every call of the operating system that a store makes to change something; `fail_at` fails one of them."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, fail_at: int = -1, number: int = errno.ENOSPC
    ) -> None:
        self.calls: list[tuple[str, str]] = []
        for name in CALLS:
            monkeypatch.setattr(os, name, self._traced(name, getattr(os, name), fail_at, number))

    def _traced(self, name: str, real: Callable[..., Any], fail_at: int, number: int) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            if name == "open" and not args[1] & os.O_CREAT:
                return real(*args, **more)  # reading a directory needs no space
            self.calls.append((name, _thing(name, args)))
            if len(self.calls) - 1 == fail_at:
                raise OSError(number, os.strerror(number))
            return real(*args, **more)

        return call


def _thing(name: str, args: tuple[Any, ...]) -> str:
    if name in ("write", "fsync"):
        return os.readlink(f"/proc/self/fd/{args[0]}")
    return str(args[1] if name == "link" else args[0])


@pytest.mark.parametrize("act", [put, overwrite, stream])
def test_bytes_are_synced_before_they_get_their_name_and_the_directory_after(
    act: Callable[[LocalStore], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(tmp_path)
    with monkeypatch.context() as patch:
        calls = Traced(patch).calls
        act(store)
    kinds = [name for name, _ in calls]
    named = max(kinds.index(name) for name in ("link", "replace") if name in kinds)
    written = kinds.index("write")
    (synced,) = [n for n, call in enumerate(calls) if call == ("fsync", calls[written][1])]
    directory = os.path.dirname(next(tmp_path / name for name in files(tmp_path)))
    assert written < synced < named
    assert ("fsync", directory) in calls[named:]
    new_directories = [thing for name, thing in calls[:named] if name == "mkdir"]
    assert {os.path.dirname(made) for made in new_directories} <= {
        thing for name, thing in calls if name == "fsync"
    }


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("act", [put, overwrite, stream])
def test_a_disk_that_fails_at_any_step_leaves_nothing_in_part_and_the_repetition_succeeds(
    act: Callable[[LocalStore], None], number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = calls_of(act, tmp_path / "trace", monkeypatch)
    assert steps >= 5
    for step in range(steps):
        root = tmp_path / f"{step}"
        store = LocalStore(root)
        fault = outcome_of_failing_at(step, act, store, number, monkeypatch)
        if fault is not None:  # removing a temporary file may fail without anybody being told
            assert (type(fault), fault.status) == (Unavailable, 503 if number == errno.EIO else 507)
        assert all(store.read(name) == b"abc" for name in store.list())
        act(store)
        LocalStore(root)
        assert {len((root / name).read_bytes()) for name in files(root)} == {3}


def calls_of(act: Callable[[LocalStore], None], root: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    store = LocalStore(root)
    with monkeypatch.context() as patch:
        traced = Traced(patch)
        act(store)
    return len(traced.calls)


def outcome_of_failing_at(
    step: int,
    act: Callable[[LocalStore], None],
    store: LocalStore,
    number: int,
    monkeypatch: pytest.MonkeyPatch,
) -> LapelError | None:
    with monkeypatch.context() as patch:
        traced = Traced(patch, fail_at=step, number=number)
        try:
            act(store)
        except LapelError as fault:
            return fault
    assert traced.calls[step][0] == "unlink"
    return None


def test_a_really_full_disk_is_507(tmp_path: Path) -> None:
    code = (
        "import resource, sys; from pathlib import Path; from lapel.storage.localstore import LocalStore\n"
        "from lapel.base.errors import Unavailable\n"
        "store = LocalStore(Path(sys.argv[1])); resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "try:\n"
        "    with store.upload() as upload:\n"
        "        upload.write(b'x' * 40_000); upload.write(b'x' * 40_000); upload.commit()\n"
        "except Unavailable as fault: print(fault.status, list(store.list()))\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert said.stdout == "507 []\n"
    assert files(tmp_path) == []


def test_objects_are_read_only_files(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    for act in (put, overwrite, stream):
        act(store)
    assert {os.stat(tmp_path / name).st_mode & 0o777 for name in files(tmp_path)} == {0o400}


WRITER = """
import sys, time
from pathlib import Path
from lapel.storage.localstore import LocalStore
upload = LocalStore(Path(sys.argv[1])).upload()
upload.write(b"x" * 100_000)
print("writing", flush=True)
time.sleep(600)
"""


def test_the_file_of_a_writer_that_was_killed_is_swept_and_a_living_ones_is_kept(tmp_path: Path) -> None:
    dying, living = (
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
        for _ in range(2)
    )
    try:
        for writer in (dying, living):
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"writing\n"
        os.kill(dying.pid, signal.SIGKILL)
        dying.wait()
        assert len(files(tmp_path)) == 2
        LocalStore(tmp_path)
        assert len(files(tmp_path)) == 1
    finally:
        living.kill()
        living.wait()
    LocalStore(tmp_path)
    assert files(tmp_path) == []


def test_stores_opened_while_others_write_never_take_a_writers_file(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    faults: list[BaseException] = []

    def write() -> None:
        try:
            for _ in range(100):
                stream(store)
        except BaseException as fault:
            faults.append(fault)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        LocalStore(tmp_path)
    assert faults == []
    assert len(list(store.list())) == 300


def test_a_name_that_is_also_the_beginning_of_another_is_refused(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put_new("log/tile", b"x")
    with pytest.raises(Invalid):
        store.put_new("log/tile/0", b"y")
    with pytest.raises(Invalid):
        store.put_new("log", b"y")
    assert list(store.list()) == ["log/tile"]


def test_a_link_planted_in_the_store_is_not_listed_as_a_directory(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("x")
    (tmp_path / "store" / "log").symlink_to(outside)
    assert list(store.list()) == ["log"]


def test_the_stores_of_a_department_do_not_see_each_other(tmp_path: Path) -> None:
    stores = local_stores(tmp_path)
    stores.originals.put_new("a", b"1")
    stores.keys.put_new("a", b"2")
    assert list(stores.sidecars.list()) == []
    assert stores.originals.read("a") == b"1"
