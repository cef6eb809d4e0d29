"""The intake of a department, served as there, that stands still at a named step of a delivery until it may go on.

python intake_that_stops.py GATE        with LAPEL_* as `lapel serve` has them

The test writes the step into GATE/stop-at. The process that reaches it leaves its id in GATE/stopped, and goes on when
that file is gone: meanwhile the test kills whomever it likes.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from lapel.app import process
from lapel.app.serving import serve
from lapel.app.settings import Settings
from lapel.custody import log, sidecar
from lapel.footage import announce, axis_containers, axis_objects, axis_web, receive
from lapel.footage.incoming import Incoming
from lapel.storage import queue
from lapel.storage.keys import AgentKeys

STEPS = (
    "the recording's key is stored",
    "the announcement is ready to commit",
    "the first bytes have come",
    "the clip is sealed",
    "its key is wrapped",
    "its object is committed",
    "its entry is inserted",
    "its sidecar is stored",
    "its job is deferred",
    "it is committed",
    "it is about to be acknowledged",
    "Complete is ready to commit",
    "Complete is committed",
)
_keeping = threading.local()


def stand_still(gate: Path, step: str) -> None:
    wanted = gate / "stop-at"
    if not wanted.exists() or wanted.read_text() != step:
        return
    wanted.unlink()
    (gate / "half").write_text(str(os.getpid()))
    (gate / "half").rename(gate / "stopped")
    while (gate / "stopped").exists():
        time.sleep(0.01)


def instrumented(gate: Path) -> None:
    """A step before or after each of these functions; those of a clip only while a clip is being kept."""

    def around(
        place: Any,
        name: str,
        *,
        before: str = "",
        after: str = "",
        only: Callable[..., bool] = lambda *_: True,
    ) -> None:
        whole = getattr(place, name)

        def step(*args: Any, **named: Any) -> Any:
            if before and only(*args):
                stand_still(gate, before)
            result = whole(*args, **named)
            if after and only(*args):
                stand_still(gate, after)
            return result

        setattr(place, name, step)

    def of_a_file(*_: Any) -> bool:
        return getattr(_keeping, "now", False)

    def keep(*args: Any) -> Any:
        _keeping.now = True
        try:
            return whole_keep(*args)
        finally:
            _keeping.now = False

    whole_keep, receive._keep = receive._keep, keep  # type: ignore[assignment]
    around(announce, "_office_of", before=STEPS[0])
    around(
        announce, "perform", after=STEPS[1], only=lambda conn, archive, entry, *_: entry.act == "announced"
    )
    around(Incoming, "write", after=STEPS[2])
    around(Incoming, "finish", after=STEPS[3])
    around(AgentKeys, "wrap", after=STEPS[4], only=of_a_file)
    around(receive, "perform", before=STEPS[5])
    around(log, "insert", after=STEPS[6], only=of_a_file)
    around(sidecar, "put", after=STEPS[7], only=of_a_file)
    around(queue, "defer", after=STEPS[8])
    around(axis_objects, "accept", after=STEPS[9])
    around(axis_web, "_stored", before=STEPS[10])
    around(
        announce, "perform", after=STEPS[11], only=lambda conn, archive, entry, *_: entry.act == "completed"
    )
    around(axis_containers, "complete", after=STEPS[12])


def app() -> FastAPI:
    """Made in the serving process."""
    instrumented(Path(sys.argv[1]))
    return process.intake_app()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    serve("intake_that_stops:app", Settings().intake_bind)
