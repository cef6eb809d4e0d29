"""A worker in a process of its own that kills itself, as `kill -9` would, at a named step of an inspection.

python worker_that_dies.py URL SOCKET OBJECTS STEP        STEP: one of STEPS, or `never`
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lapel.custody import sidecar
from lapel.footage import examine, inspect
from lapel.storage import queue
from lapel.storage.archive import Archive
from lapel.storage.keys import AgentKeys
from lapel.storage.localstore import local_stores
from lapel.storage.postgres import Database

STEPS = {
    "before it is read back": (inspect, "_read_back", "before"),
    "while it is parsed": (examine.confined, "_start", "after"),
    "before anything is kept": (inspect, "_keep", "before"),
    "after the first derived object": (inspect, "_seal", "after"),
    "before the entry": (inspect.log, "prepare", "before"),
    "after the sidecar, before the commit": (sidecar, "put", "after"),
    "after the commit": (inspect, "_keep", "after"),
}


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def deadly(place: Any, name: str, when: str) -> None:
    whole: Callable[..., Any] = getattr(place, name)

    def step(*args: Any, **named: Any) -> Any:
        if when == "before":
            die()
        whole(*args, **named)
        die()

    setattr(place, name, step)


def main() -> None:
    url, socket, objects, step = sys.argv[1:]
    archive = Archive(Database(url), local_stores(Path(objects)), AgentKeys(Path(socket)))
    if step != "never":
        deadly(*STEPS[step])
    patience = queue.Patience(heartbeat_s=0.2, silence_s=1, sweep_s=0.3, poll_s=0.2, first_retry_s=0.1)
    jobs = {"footage.inspect": lambda original: inspect.inspect(archive, original)}
    queue.run_worker(url, jobs, concurrency=1, patience=patience)


if __name__ == "__main__":
    main()
