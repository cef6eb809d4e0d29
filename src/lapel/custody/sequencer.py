"""In which order did things happen, for the log? One process gives every entry its place, and publishes the log.

The steps, each safe to repeat after a crash at any point (tests/custody/test_sequencer_crashes.py walks them):
1. `step`: what is pending gets index rows, tags, and the new root, in one transaction;
2. `seal`: the openings of what has a place go to log-private/, each under a key of its own;
3. `publish`: the tiles and bundles of the size being published, then the checkpoint's row, signature and object.
One sequencer at a time: it holds a session lock on a direct connection, and each commit checks the epoch that its start
made its own. It refuses to start while the rows are behind what was published: it would fork the log.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import psycopg
import structlog

from lapel.base.errors import Conflict, EvidenceFault, Unavailable
from lapel.custody import publish, sealing
from lapel.custody.agreement import agree
from lapel.custody.batch import drop_strays, take_up
from lapel.custody.private import MAX_STRETCH
from lapel.custody.tree import EMPTY_ROOT
from lapel.storage.keys import Keys
from lapel.storage.objects import Stores
from lapel.storage.postgres import Connection, connect

BATCH = 4096
WAIT_S = 0.1  # no entry waits longer than 250 ms for its place
SEAL_EVERY_S = 5.0

_LOCK = 0x1A9E100
# Every statement here touches some thousand rows by their keys. Without this the planner comes to read whole tables,
# and an entry would cost the more, the more there are.
_BY_KEYS = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"
_RETRIES = (Unavailable, psycopg.OperationalError)
_log = structlog.get_logger(__name__)


class Sequencer:
    """Gives places and publishes. `run` is the process; `step`, `seal` and `publish` are its parts, for tests and tools.

    `interval_s`: seconds between two publications. `signing_keys`: the log's keys at the key agent; two for the thirty
    days of a rotation. Not to be shared between threads but as `run` does it.
    """

    def __init__(
        self,
        database_url: str,
        keys: Keys,
        stores: Stores,
        origin: str,
        interval_s: float = 60.0,
        *,
        signing_keys: Sequence[str] = ("log",),
        batch: int = BATCH,
    ) -> None:
        self._url = database_url
        self._keys = keys
        self._stores = stores
        self._origin = origin
        self._interval_s = interval_s
        self._signing_keys = tuple(signing_keys)
        self._batch = batch
        self._conn: Connection | None = None
        self._epoch = 0

    def start(self) -> bool:
        """Become the one sequencer; False while another one is. Does nothing when it is already.

        Raises `EvidenceFault` when the rows are behind the published log or disagree with it, `Unavailable`.
        """
        if self._conn is not None:
            return True
        conn = _connection(self._url)
        try:
            lock = conn.execute("SELECT pg_try_advisory_lock(%s) AS mine", (_LOCK,)).fetchone()
            if not lock or not lock["mine"]:
                conn.close()
                return False
            row = conn.execute("UPDATE custody_epoch SET epoch = epoch + 1 RETURNING epoch").fetchone()
            self._epoch = row["epoch"] if row else 0
            agree(conn, self._stores, self._origin)
        except BaseException:
            conn.close()
            raise
        self._conn = conn
        return True

    def stop(self) -> None:
        """Let go of the lock and the connection."""
        if self._conn is not None:
            self._conn.close()
            self._conn = None

    def step(self) -> int:
        """Give a place to what is pending, at most one batch of it. Returns how many pending rows were taken up."""
        try:
            with self._tx() as conn:
                return take_up(conn, self._batch)
        except psycopg.errors.UniqueViolation:
            # Only a row that should not be there does this; it must not hold up what comes after it.
            with self._tx() as conn:
                strays = drop_strays(conn)
            if not strays:
                raise EvidenceFault("An entry that has a place in the log was to be given another.") from None
            _log.warning("custody.strays", entries=strays)
            return len(strays)

    def seal(self) -> int:
        """Write the openings of all that has a place to log-private/. Returns how many entries."""
        return sealing.seal_all(self._tx, self._keys, self._stores)

    def publish(self) -> int:
        """Publish the log as it is now; returns the size that is public afterwards. Seals first.

        A publication that was begun and not finished is finished as it was begun.
        """
        last = publish.last_checkpoint(self._tx)
        if last is None:
            publish.commit_checkpoint(self._tx, None, 0, EMPTY_ROOT)
            return self._finish(0, EMPTY_ROOT)
        if not last.published:
            self._finish(last.size, last.root)
        # In this order: what gets its place meanwhile is not public before its openings are kept.
        batch = publish.last_batch(self._tx)
        self.seal()
        if batch is None or batch.size == last.size:
            return last.size
        try:
            publish.write_tiles(self._tx, self._stores.public, last.size, batch.size)
        except Conflict as fault:
            raise EvidenceFault(f"The published log is not the one of the database: {fault.says}") from fault
        publish.commit_checkpoint(self._tx, last.size, batch.size, batch.root)
        return self._finish(batch.size, batch.root)

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set: give places as entries come, seal, and publish once per interval.

        Waits while another sequencer runs, and goes on after the database, a store or the key agent was away. Raises
        `EvidenceFault` at once: then a person must look.
        """
        while not stop.is_set():
            try:
                if self.start():
                    self._work(stop)
                else:
                    stop.wait(1.0)
            except _RETRIES as fault:
                _log.warning("custody.sequencer.waits", because=str(fault))
                stop.wait(1.0)
            finally:
                self.stop()

    def _work(self, stop: threading.Event) -> None:
        """Places here, publication in a second thread with a connection of its own, so that neither waits for the other."""
        ended = threading.Event()
        faults: list[BaseException] = []
        outlet = Sequencer(
            self._url,
            self._keys,
            self._stores,
            self._origin,
            self._interval_s,
            signing_keys=self._signing_keys,
        )
        outlet._epoch, outlet._conn = self._epoch, _connection(self._url)

        def publishes() -> None:
            try:
                outlet._publish_on_time(ended)
            except BaseException as fault:
                faults.append(fault)

        thread = threading.Thread(target=publishes, name="custody-publish", daemon=True)
        thread.start()
        try:
            while not stop.is_set() and not faults:
                if self.step() < self._batch:
                    stop.wait(WAIT_S)
        finally:
            ended.set()
            thread.join()
            outlet.stop()
        if faults:
            raise faults[0]

    def _publish_on_time(self, ended: threading.Event, clock: Callable[[], float] = time.monotonic) -> None:
        published = sealed = -float("inf")
        while not ended.is_set():
            if clock() - published >= self._interval_s:
                begun = clock()
                self.publish()
                published = sealed = begun
            elif clock() - sealed >= SEAL_EVERY_S or self._unsealed() >= MAX_STRETCH:
                sealed = clock()
                self.seal()
            ended.wait(min(0.25, self._interval_s))

    def _unsealed(self) -> int:
        with self._tx() as conn:
            return sealing.unsealed(conn)

    def _finish(self, size: int, root: bytes) -> int:
        return publish.finish(
            self._tx, self._keys, self._stores.public, self._origin, self._signing_keys, size, root
        )

    @contextmanager
    def _tx(self) -> Iterator[Connection]:
        """A transaction that commits only while this sequencer's epoch is the current one."""
        if self._conn is None:
            raise Unavailable("The sequencer has not started, or another one runs.")
        with self._conn.transaction():
            row = self._conn.execute(
                "SELECT epoch FROM custody_epoch WHERE epoch = %s FOR SHARE", (self._epoch,)
            ).fetchone()
            if row is None:
                raise Unavailable("Another sequencer has taken over.")
            yield self._conn


def _connection(url: str) -> Connection:
    conn = connect(url)
    conn.execute(_BY_KEYS)
    return conn
