"""A parser in its cell can compute and nothing else, and whatever it does, its keeper gets a sentence."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from lapel.base.errors import EvidenceFault, Invalid, Unavailable
from lapel.storage import confined
from lapel.storage.confined import Limits, Spoken

PLAIN_POPEN = subprocess.Popen
HERE = str(Path(__file__).parent)
CONTENT = bytes(range(256)) * 20_000
SMALL = Limits(memory_bytes=512 << 20, cpu_s=1, cpu_s_per_gib=0, wall_s_per_cpu_s=10)


@pytest.fixture(autouse=True)
def _cellmates(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child knows no search path of ours; for these tests its interpreter is told of the folder of cellmates."""
    start = subprocess.Popen

    def with_cellmates(command: list[str], **rest: Any) -> Any:
        program = f"import sys, runpy; sys.path.insert(0, {HERE!r}); runpy.run_module('cellmates', run_name='__main__')"
        return start([*command[:-2], "-c", program], **rest)

    monkeypatch.setattr(confined.subprocess, "Popen", with_cellmates)


def run(act: str, *, limits: Limits = SMALL, read: Any = None, unfiltered: bool = False) -> Spoken:
    return confined.run(
        "cellmates",
        {"act": act, "unfiltered": unfiltered},
        read or (lambda at, n: CONTENT[at : at + n]),
        len(CONTENT),
        limits,
    )


def test_the_file_is_read_by_ranges() -> None:
    assert run("sum").answer == {"sum": sum(CONTENT)}


def test_nothing_of_our_environment_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAPEL_DATABASE_URL", "postgresql://secret")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    there = run("tell").answer["environment"]
    assert not [name for name in there if name.startswith(("LAPEL", "PYTHON", "HOME", "PATH"))]


def filtered() -> bool:
    return "system-calls" in run("tell").enforced


@pytest.mark.parametrize(
    "act",
    ["read a file", "write a file", "open a socket", "open a local socket", "start a process", "start a program",
     "start a thread", "signal its keeper",
        "signal a thread of its keeper", "list a folder", "become root"],
)  # fmt: skip
def test_it_cannot(act: str) -> None:
    if not filtered():
        pytest.skip("this kernel offers no seccomp filter; what holds is named in the inspection")
    outcome = run(act).answer["outcome"]
    assert outcome in ("PermissionError", "RuntimeError", "OSError"), outcome


def test_where_the_kernel_can_filter_it_is_filtered() -> None:
    if platform.machine() not in ("x86_64", "aarch64") or not Path("/proc/sys/kernel/seccomp").exists():
        pytest.skip("no seccomp filter is to be had on this machine")
    assert filtered()


@pytest.mark.parametrize(
    "act",
    [
        "read a file",
        "write a file",
        "open a socket",
        "open a local socket",
        "start a process",
        "start a thread",
    ],
)
def test_without_a_filter_resource_limits_still_hold_and_no_more_is_claimed(act: str) -> None:
    spoken = run(act, unfiltered=True)
    assert "system-calls" not in spoken.enforced
    assert "no-processes" not in spoken.enforced
    assert spoken.answer["outcome"] in ("OSError", "BlockingIOError", "RuntimeError", "PermissionError")


def test_memory_is_limited() -> None:
    assert 0 < run("eat memory").answer["mib"] < 512


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        ("spin", "more than 1 s of processor time"),
        ("crash", "crashed on this file \\(SIG"),
        ("talk without end", "said more than it may"),
        ("say too much", "said more than it may"),
        ("say nonsense", "could not be read"),
        ("ask beyond the end", "beyond the file"),
        ("leave", "without an answer"),
    ],
)
def test_a_parser_that_misbehaves_gives_a_reason(act: str, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        run(act)


def test_a_parser_that_hangs_is_stopped() -> None:
    with pytest.raises(Invalid, match="took longer than"):
        run("sleep", limits=Limits(cpu_s=1, wall_s_per_cpu_s=1))


def test_a_parser_that_cannot_start_is_worth_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unavailable, match="ended before it began"):
        run("fail before it begins")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(Unavailable, match="could not be started"):
        run("tell")


def test_a_fault_of_the_store_is_not_a_fault_of_the_file() -> None:
    def broken(offset: int, length: int) -> bytes:
        raise EvidenceFault("A frame does not open.")

    with pytest.raises(EvidenceFault):
        run("sum", read=broken)


def test_no_child_and_no_descriptor_is_left() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for act in ("sum", "crash", "leave"):
        with contextlib.suppress(Invalid):
            run(act)
    assert len(os.listdir("/proc/self/fd")) == before
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    assert not children.exists() or "cellmates" not in children.read_text()


def test_a_cell_is_never_root_and_ends_when_its_keeper_is_killed() -> None:
    program = (
        f"import sys, subprocess; sys.path.insert(0, {HERE!r})\n"
        "from lapel.storage import confined\n"
        "start = subprocess.Popen\n"
        "def telling(command, **rest):\n"
        f"    child = start([*command[:-2], '-c', \"import sys, runpy; sys.path.insert(0, {HERE!r}); "
        "runpy.run_module('cellmates', run_name='__main__')\"], **rest)\n"
        "    print(child.pid, flush=True)\n"
        "    return child\n"
        "confined.subprocess.Popen = telling\n"
        "confined.run('cellmates', {'act': 'sleep'}, None, 1, confined.Limits())\n"
    )
    with PLAIN_POPEN([sys.executable, "-c", program], stdout=subprocess.PIPE) as keeper:
        assert keeper.stdout is not None
        cell = int(keeper.stdout.readline())
        deadline = time.monotonic() + 60
        while not _gave_its_rights_up(cell) and time.monotonic() < deadline:  # it does so while it starts
            time.sleep(0.05)
        gave_up = _gave_its_rights_up(cell)
        keeper.kill()
        keeper.wait()
        assert gave_up
        deadline = time.monotonic() + 10
        while _runs(cell) and time.monotonic() < deadline:
            time.sleep(0.05)
    assert not _runs(cell)


def _gave_its_rights_up(process: int) -> bool:
    """Is it not root, with no rights to gain?"""
    status = Path(f"/proc/{process}/status").read_text()
    return status.split("Uid:")[1].split()[1] != "0" and "NoNewPrivs:\t1" in status


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
