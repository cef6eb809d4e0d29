"""What did a dead launcher or a killed database server leave running, and how does it end?

A postmaster.pid can name a process that has nothing to do with us: pids are used again. PostgreSQL then refuses to
start for ever ("lock file already exists"). A process belongs to a cluster when it is a `postgres` whose working
directory is that cluster; everything PostgreSQL starts is one (src/backend/utils/init/miscinit.c, ChangeToDataDir).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from pathlib import Path

from lapel.base.errors import Unavailable

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Between fork and exec: ask the kernel for SIGINT, PostgreSQL's fast shutdown, when the parent is gone."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


def end(cluster: Path, *, within_s: float = 60) -> None:
    """Wait until no process uses `cluster`, asking them to stop, then drop a stale postmaster.pid.

    Call it only while holding the launcher's lock: then whoever still runs has no launcher. Raises `Unavailable` when
    something does not end.
    """
    asked_to_stop: set[int] = set()
    deadline = time.monotonic() + within_s
    while left := running(cluster):
        postmaster = _named_in(cluster)
        if postmaster in left and postmaster not in asked_to_stop:
            _signal(postmaster, signal.SIGINT)
            asked_to_stop.add(postmaster)
        if time.monotonic() > deadline:
            raise Unavailable(
                f"Processes {sorted(left)} of an earlier start still use the database in {cluster}.",
                next_step="End them, then start again.",
            )
        time.sleep(0.05)
    # Nothing of this cluster runs, so a pid file that is still there names a stranger or nobody.
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def running(cluster: Path) -> set[int]:
    """The ids of the `postgres` processes whose working directory is `cluster`."""
    home = os.path.realpath(cluster)
    found = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):  # gone meanwhile, or another user's: then not this cluster's
            is_server = Path(os.readlink(entry / "exe")).name.startswith("postgres")
            if is_server and os.readlink(entry / "cwd") == home:
                found.add(int(entry.name))
    return found


def _named_in(cluster: Path) -> int:
    try:
        return int((cluster / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return 0


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
