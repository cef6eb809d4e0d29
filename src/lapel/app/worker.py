"""Which jobs are there, and what happens when one finds a fault?"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lapel.app import logs
from lapel.app.department import Department
from lapel.base.errors import EvidenceFault
from lapel.footage.inspect import inspect
from lapel.policy import proving
from lapel.storage import queue
from lapel.storage.archive import Archive


def jobs(archive: Archive) -> dict[str, Callable[..., None]]:
    """Every job by the name it is deferred with."""
    return {
        "footage.inspect": lambda original: inspect(archive, original),
        proving.JOB: lambda since: proving.prove_again(archive, since),
    }


def work(here: Department) -> None:
    """Do jobs until told to stop. Raises the `EvidenceFault` that stopped the worker."""

    def alarm(name: str, args: Mapping[str, str], fault: EvidenceFault) -> None:
        logs.alarm(fault)

    queue.run_worker(here.urls["worker"], jobs(here.archive("worker")), on_fault=alarm)
