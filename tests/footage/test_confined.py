"""A parser in its cell can compute and nothing else, and whatever it does, its keeper gets a sentence."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lapel.base.errors import EvidenceFault, Invalid, Unavailable
from lapel.footage import confined
from lapel.footage.confined import Limits, Spoken

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


def run(act: str, *, limits: Limits = SMALL, read: Any = None) -> Spoken:
    return confined.run(
        "cellmates", {"act": act}, read or (lambda at, n: CONTENT[at : at + n]), len(CONTENT), limits
    )


def test_the_file_is_read_by_ranges() -> None:
    assert run("sum").answer == {"sum": sum(CONTENT)}


def test_nothing_of_our_environment_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAPEL_DATABASE_URL", "postgresql://secret")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    there = run("tell").answer["environment"]
    assert not [name for name in there if name.startswith(("LAPEL", "PYTHON", "HOME", "PATH"))]


def test_it_is_not_root() -> None:
    assert run("tell").answer["uid"] != 0


def filtered() -> bool:
    return "system-calls" in run("tell").enforced


@pytest.mark.parametrize(
    "act",
    ["read a file", "write a file", "open a socket", "open a local socket", "start a process", "start a program",
     "start a thread", "signal its keeper", "list a folder", "become root"],
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
