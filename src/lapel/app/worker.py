"""Which jobs are there, and what happens when one finds a fault?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import timedelta

from lapel.activation import audit, draws
from lapel.app import logs
from lapel.app.alarms import watch
from lapel.app.department import Department
from lapel.base.errors import EvidenceFault
from lapel.footage.inspect import inspect
from lapel.policy import proving
from lapel.redaction import desk
from lapel.storage import queue
from lapel.storage.archive import Archive


def jobs(archive: Archive, *, review_within: timedelta = draws.WITHIN) -> dict[str, Callable[..., None]]:
    """Every job by the name it is deferred with. `review_within`: how long a supervisor has for a review."""
    return {
        "footage.inspect": lambda original: inspect(archive, original),
        desk.PROPOSE: lambda redaction: _propose(archive, redaction),
        desk.RENDER: lambda redaction: _render(archive, redaction),
        proving.JOB: lambda since: proving.prove_again(archive, since),
        audit.JOB: lambda **named: audit.match_job(archive, **named),
        draws.JOB: lambda agency, begins_on, ends_on: draws.keep_up(
            archive, agency, begins_on, ends_on, review_within
        ),
    }


def _propose(archive: Archive, redaction: str) -> None:
    from lapel.redaction.proposing import propose_plan

    propose_plan(archive, redaction)


def _render(archive: Archive, redaction: str) -> None:
    from lapel.redaction.making import render_copy

    render_copy(archive, redaction)


def work(here: Department) -> None:
    """Do jobs until told to stop. Raises the `EvidenceFault` that stopped the worker."""

    def alarm(name: str, args: Mapping[str, str], fault: EvidenceFault) -> None:
        logs.alarm(fault)

    within = timedelta(days=here.settings.review_within_days)
    archive, ended = here.archive("worker"), threading.Event()
    known = jobs(archive, review_within=within)
    looking = watch(archive.db, here.settings)
    threading.Thread(target=looking.keep, args=(ended,), name="watch", daemon=True).start()
    try:
        queue.run_worker(here.urls["worker"], known, on_fault=alarm)
    finally:
        ended.set()
