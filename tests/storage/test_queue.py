"""A job is there with its row or not at all, and it is done although its worker dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from house import House
from lapel.base.errors import EvidenceFault, Invalid, Unavailable
from lapel.storage import queue
from lapel.storage.postgres import connect
from lapel.storage.queue import Patience, defer, run_worker, sweep

QUICK = Patience(heartbeat_s=0.2, silence_s=1, sweep_s=0.2, poll_s=0.2, first_retry_s=0)


def waiting(house: House) -> list[tuple[str, str, int]]:
    with connect(house.urls["worker"]) as conn:
        rows = conn.execute(
            "SELECT task_name, status::text, attempts FROM queue.procrastinate_jobs ORDER BY id"
        )
        return [(row["task_name"], row["status"], row["attempts"]) for row in rows]


def until(holds: Callable[[], object], within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def ask(house: House, name: str, **args: str) -> None:
    with house.db("intake").tx(house.scope()) as conn:
        defer(conn, name, **args)


class Working:
    """A worker in a thread; `fault` is what ended it."""

    def __init__(self, house: House, jobs: dict[str, queue.Job], **more: object) -> None:
        self.stop = threading.Event()
        self.fault: BaseException | None = None
        self._run = lambda: run_worker(house.urls["worker"], jobs, stop=self.stop, patience=QUICK, **more)
        self.thread = threading.Thread(target=self._guarded)

    def _guarded(self) -> None:
        try:
            self._run()
        except BaseException as fault:
            self.fault = fault

    def __enter__(self) -> Working:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(30)
        assert not self.thread.is_alive()


def test_a_job_deferred_in_a_transaction_that_is_rolled_back_does_not_exist(house: House) -> None:
    def ask_and_fail() -> None:
        with house.db("staff").tx(house.scope()) as conn:
            defer(conn, "footage.inspect", original="0" * 32)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask_and_fail()
    assert waiting(house) == []
    ask(house, "footage.inspect", original="0" * 32)
    assert waiting(house) == [("footage.inspect", "todo", 0)]


def test_a_job_is_called_with_the_arguments_it_was_asked_for_with(house: House) -> None:
    seen: list[str] = []
    ask(house, "x.note", original="abc")
    with Working(house, {"x.note": lambda original: seen.append(original)}):  # noqa: PLW0108  called by keyword
        until(lambda: seen and not waiting(house))
        ask(house, "x.note", original="später 🎥")  # while it runs: by notification
        until(lambda: len(seen) == 2 and not waiting(house))
    assert seen == ["abc", "später 🎥"]


def test_unavailable_is_retried_and_nothing_else_is(house: House) -> None:
    tries: list[str] = []

    def job(kind: str) -> None:
        tries.append(kind)
        if kind == "busy" and tries.count("busy") < 3:
            raise Unavailable("busy")
        if kind == "wrong":
            raise Invalid("wrong")
        if kind == "broken":
            raise ZeroDivisionError

    for kind in ("busy", "wrong", "broken"):
        ask(house, "x.try", kind=kind)
    with Working(house, {"x.try": job}) as working:
        until(lambda: [status for _, status, _ in waiting(house)] == ["failed", "failed"])
    assert working.fault is None
    assert sorted(tries) == ["broken", "busy", "busy", "busy", "wrong"]


def test_what_is_unavailable_for_long_is_done_in_the_end(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "_LONGEST_WAIT_S", 0.05)
    tries: list[int] = []

    def job() -> None:
        tries.append(1)
        if len(tries) <= queue.ATTEMPTS + 2:
            raise Unavailable("not yet")

    ask(house, "x.late")
    with Working(house, {"x.late": job}):
        until(lambda: not waiting(house))
    assert len(tries) == queue.ATTEMPTS + 3


def test_an_evidence_fault_is_told_never_retried_and_ends_the_worker(house: House) -> None:
    told: list[tuple[str, dict[str, str], str]] = []

    def job(original: str) -> None:
        raise EvidenceFault(f"{original} does not agree")

    ask(house, "x.check", original="abc")
    with Working(
        house,
        {"x.check": job},
        on_fault=lambda name, args, fault: told.append((name, dict(args), fault.says)),
    ) as working:
        working.thread.join(30)
    assert isinstance(working.fault, EvidenceFault)
    assert told == [("x.check", {"original": "abc"}, "abc does not agree")]
    assert waiting(house) == [("x.check", "failed", 1)]


WORKER = """
import sys, time
from pathlib import Path
from lapel.storage.queue import Patience, run_worker

def slow(mark):
    with Path(mark).open("a") as out:
        out.write("begun\\n")
    time.sleep(600)

run_worker(sys.argv[1], {"x.slow": slow}, patience=Patience(heartbeat_s=0.2, silence_s=1, sweep_s=0.2))
"""


def test_the_job_of_a_worker_killed_in_the_middle_is_done_by_the_next(house: House, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    ask(house, "x.slow", mark=str(mark))
    first = subprocess.Popen([sys.executable, "-c", WORKER, house.urls["worker"]])
    until(mark.exists)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert waiting(house) == [("x.slow", "doing", 0)]  # by itself nobody notices
    done: list[str] = []
    with Working(house, {"x.slow": lambda mark: done.append(mark)}):  # noqa: PLW0108  called by keyword
        until(lambda: done and not waiting(house))
    assert done == [str(mark)]


def test_a_job_that_kills_its_workers_is_failed_in_the_end(house: House) -> None:
    ask(house, "x.deadly")
    with connect(house.urls["worker"]) as conn:
        for _ in range(queue.ATTEMPTS):
            conn.execute(
                "UPDATE queue.procrastinate_jobs SET status = 'doing', worker_id = NULL WHERE status = 'todo'"
            )
            assert sweep(conn) == 1
        assert sweep(conn) == 0
    assert waiting(house) == [("x.deadly", "failed", queue.ATTEMPTS)]


def test_a_worker_that_lives_keeps_its_job(house: House) -> None:
    held, let_go = threading.Event(), threading.Event()

    def job() -> None:
        held.set()
        let_go.wait(30)

    ask(house, "x.hold")
    with Working(house, {"x.hold": job}):
        held.wait(30)
        time.sleep(1.5)  # longer than a silence counts as death
        with connect(house.urls["worker"]) as conn:
            assert sweep(conn, silence_s=1) == 0
        let_go.set()
    assert waiting(house) == []


def test_a_database_that_ends_all_connections_is_waited_for(house: House) -> None:
    seen: list[str] = []
    with Working(house, {"x.note": lambda n: seen.append(n)}):  # noqa: PLW0108  called by keyword
        ask(house, "x.note", n="before")
        until(lambda: seen == ["before"])
        with connect(house.superuser_url) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'lapel_worker'"
            )
        ask(house, "x.note", n="after")
        until(lambda: seen == ["before", "after"])


@pytest.mark.parametrize("role", ["staff", "intake"])
def test_who_asks_for_jobs_can_neither_read_nor_change_the_queue(house: House, role: str) -> None:
    ask(house, "x.note", n="1")
    for statement in ("SELECT * FROM queue.procrastinate_jobs", "DELETE FROM queue.procrastinate_jobs"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), house.db(role).tx(house.scope()) as conn:
            conn.execute(statement.encode())
