"""What is to be done later, who does it, and what if they die while doing it?

A job is asked for by name inside the transaction that makes it necessary: both are committed or neither. The jobs of a
worker that died are found by its silence and done again, so a job must be safe to do twice, and at the same time: a
worker that was only frozen may wake up. The tables are procrastinate's, in the schema `queue`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg
from psycopg.types.json import Jsonb

from lapel.base.errors import EvidenceFault, Unavailable
from lapel.storage.postgres import Connection, connect

if TYPE_CHECKING:
    from procrastinate import App, BaseRetryStrategy

Job = Callable[..., None]

QUEUE = "default"
ATTEMPTS = 25
_LONGEST_WAIT_S = 60
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a worker waits for what. All in seconds."""

    heartbeat_s: float = 10  # how often a worker says that it lives
    silence_s: float = 30  # how long until it counts as dead
    sweep_s: float = 10  # how often the dead ones' jobs are looked for
    poll_s: float = 5  # how often to look for jobs when no notification comes
    first_retry_s: float = 2  # doubled at every attempt, a minute at most


def defer(conn: Connection, task_name: str, **args: str) -> None:
    """Ask for a job inside the caller's transaction. `args` are ids and never what a row says about a person."""
    conn.execute(
        "SELECT queue.procrastinate_defer_jobs_v1(ARRAY[ROW(%s, %s, 0, NULL, NULL, %s, NULL)"
        "::queue.procrastinate_job_to_defer_v1])",
        (QUEUE, task_name, Jsonb(args)),
    )


def sweep(conn: Connection, *, silence_s: float = 30, attempts: int = ATTEMPTS) -> int:
    """Put the jobs of silent workers back; returns how many were found.

    A job that was begun `attempts` times and never ended is failed instead: it may be what kills its workers.
    """
    found = conn.execute(
        """
        WITH stalled AS (
            SELECT id, attempts FROM queue.procrastinate_jobs job
            WHERE status = 'doing' AND NOT EXISTS (
                SELECT FROM queue.procrastinate_workers worker
                WHERE worker.id = job.worker_id
                  AND worker.last_heartbeat >= now() - make_interval(secs => %s))
            FOR UPDATE SKIP LOCKED
        )
        SELECT CASE WHEN attempts + 1 < %s
            THEN queue.procrastinate_retry_job_v2(id, now(), NULL, NULL, NULL)
            ELSE queue.procrastinate_finish_job_v1(id, 'failed', false) END
        FROM stalled
        """,
        (silence_s, attempts),
    ).fetchall()
    return len(found)


def app_for(url: str, jobs: Mapping[str, Job] | None = None, *, patience: Patience | None = None) -> App:
    """procrastinate's view of the database at `url` (lapel_worker's), knowing these jobs by name."""
    from procrastinate import App, PsycopgConnector

    connector = PsycopgConnector(
        conninfo=url, min_size=1, max_size=4, kwargs={"options": "-c search_path=queue,pg_temp"}
    )
    app = App(connector=connector)
    for name, job in (jobs or {}).items():
        app.task(name=name, queue=QUEUE, retry=_retry(patience or Patience()))(job)
    return app


def run_worker(
    url: str,
    jobs: Mapping[str, Job],
    *,
    concurrency: int = 2,
    on_fault: Callable[[str, Mapping[str, str], EvidenceFault], None] | None = None,
    stop: threading.Event | None = None,
    patience: Patience | None = None,
) -> None:
    """Do jobs until `stop` is set, or, without one, until SIGTERM or SIGINT; the jobs being done are finished first.

    `url`: lapel_worker's. `jobs`: what to call for each name, in a thread, with the arguments it was deferred with.
    `Unavailable` is retried at growing intervals for as long as it takes, because what was asked for with a row must be
    done in the end, however long a part was away; any other error fails the job for good. An
    `EvidenceFault` is told to `on_fault` (name, arguments, fault), ends the worker, and is raised from here. A
    database that goes away is waited for.
    """
    worker = _Worker(url, jobs, concurrency, on_fault, stop, patience or Patience())
    asyncio.run(worker.run())
    if worker.fault is not None:
        raise worker.fault


@dataclass(slots=True)
class _Worker:
    url: str
    jobs: Mapping[str, Job]
    concurrency: int
    on_fault: Callable[[str, Mapping[str, str], EvidenceFault], None] | None
    told: threading.Event | None
    patience: Patience
    fault: EvidenceFault | None = None
    _halt: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        watching = [asyncio.create_task(self._sweeping())]
        if self.told is None:
            for name in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(name, self._halt.set)
        else:
            watching.append(asyncio.create_task(self._listening(self.told)))
        app = app_for(
            self.url,
            {name: self._watched(name, job, loop) for name, job in self.jobs.items()},
            patience=self.patience,
        )
        while not self._halt.is_set():
            try:
                await self._until_halt_or_loss(app)
            except (psycopg.Error, _connector_error()) as lost:
                _log.warning("the queue's database is not there, trying again: %s", type(lost).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._halt.wait(), 1)
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)

    async def _until_halt_or_loss(self, app: App) -> None:
        async with app.open_async():
            working = asyncio.create_task(
                app.run_worker_async(
                    queues=[QUEUE],
                    concurrency=self.concurrency,
                    install_signal_handlers=False,
                    delete_jobs="successful",
                    update_heartbeat_interval=self.patience.heartbeat_s,
                    stalled_worker_timeout=self.patience.silence_s,
                    fetch_job_polling_interval=self.patience.poll_s,
                )
            )
            halting = asyncio.create_task(self._halt.wait())
            await asyncio.wait({working, halting}, return_when=asyncio.FIRST_COMPLETED)
            halting.cancel()
            if not working.done():
                working.cancel()  # procrastinate's way of a graceful end: no new job, then wait for those begun
            with contextlib.suppress(asyncio.CancelledError):
                await working

    async def _sweeping(self) -> None:
        while True:
            with contextlib.suppress(Unavailable, psycopg.Error):
                count = await asyncio.to_thread(self._sweep)
                if count:
                    _log.warning("%d jobs of dead workers were put back", count)
            await asyncio.sleep(self.patience.sweep_s)

    def _sweep(self) -> int:
        with connect(self.url) as conn:
            return sweep(conn, silence_s=self.patience.silence_s)

    async def _listening(self, told: threading.Event) -> None:
        while not told.is_set():
            await asyncio.sleep(0.1)
        self._halt.set()

    def _watched(self, name: str, job: Job, loop: asyncio.AbstractEventLoop) -> Job:
        def run(**args: str) -> None:
            try:
                job(**args)
            except EvidenceFault as fault:
                self.fault = self.fault or fault
                loop.call_soon_threadsafe(self._halt.set)
                if self.on_fault is not None:
                    self.on_fault(name, args, fault)
                raise

        return run


def _retry(patience: Patience) -> BaseRetryStrategy:
    from procrastinate import BaseRetryStrategy, RetryDecision
    from procrastinate.jobs import Job as QueuedJob

    class RetryUnavailable(BaseRetryStrategy):
        """Only what says of itself that it is worth retrying is retried."""

        def get_retry_decision(self, *, exception: BaseException, job: QueuedJob) -> RetryDecision | None:
            if not isinstance(exception, Unavailable):
                return None
            wait_s = min(_LONGEST_WAIT_S, patience.first_retry_s * 2 ** min(job.attempts, 20))
            return RetryDecision(retry_in={"seconds": wait_s})

    return RetryUnavailable()


def _connector_error() -> type[Exception]:
    from procrastinate.exceptions import ConnectorException

    return ConnectorException
