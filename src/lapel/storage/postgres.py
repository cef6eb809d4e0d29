"""Who may use the database, and what do they see while they do?

A connection is lent only inside `tx(scope)`, which tells PostgreSQL for this one transaction who acts and which
agencies' rows are in view (design §4.7). No scope, no rows: `in_view` finds the setting empty.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from lapel.base.errors import Invalid, Unavailable

Connection = psycopg.Connection[dict[str, Any]]

_AGENCY = re.compile(r"[a-z][a-z0-9_]{1,15}")
_SET_SCOPE = (
    "SELECT set_config('lapel.actor', %s, true), set_config('lapel.agencies', %s, true),"
    " set_config('lapel.source', %s, true), set_config('lapel.door', %s, true)"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Who acts (`account:<id>`, `site:<id>`, `system:worker`, `cli:<unix user>`) and whose rows they may see.

    `source`: from where, when a request did it; the custody log keeps it with each act. `session`: a mark of the session,
    which ties an act to what was said in it. Raises `Invalid` for an agency whose name could be read as two, or an actor that is empty.
    """

    actor: str
    agencies: tuple[str, ...]
    source: str = ""
    session: str = ""

    def __post_init__(self) -> None:
        if not self.actor or "\0" in self.actor:
            raise Invalid("A transaction needs an actor.")
        for agency in self.agencies:
            if not _AGENCY.fullmatch(agency):
                raise Invalid(f"“{agency[:40]}” is not the name of an agency.")


class Database:
    """A pool of connections as one login role. Opened by the first transaction, safe to share between threads.

    `url`: a PostgreSQL URI or key=value text; `wait_s`: how long a transaction waits for a free connection; `door`: which
    of the department's doors this process is, as custody entries name it.
    """

    def __init__(self, url: str, *, max_size: int = 8, wait_s: float = 10, door: str = "") -> None:
        self._url = url
        self._door = door
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            url,
            min_size=0,
            max_size=max_size,
            timeout=wait_s,
            max_idle=60,
            open=False,
            check=ConnectionPool.check_connection,  # a restarted server must not cost one error per idle connection
            kwargs={"row_factory": dict_row, "connect_timeout": 10, "application_name": "lapel"},
        )
        self._opening = threading.Lock()
        self._opened = False

    def tx(self, scope: Scope) -> AbstractContextManager[Connection]:
        """One transaction: committed when the block returns, rolled back when it raises.

        Raises `Unavailable` when the server is gone, busy or full (status 507). When it comes out of the commit
        itself, nobody knows whether the transaction happened: acts must be safe to repeat.
        """
        return self._tx(scope)

    @contextmanager
    def _tx(self, scope: Scope) -> Iterator[Connection]:
        with _as_unavailable():
            self._open()
            with self._pool.connection() as conn:
                conn.execute(_SET_SCOPE, (scope.actor, ",".join(scope.agencies), scope.source, self._door))
                yield conn

    def direct(self) -> Connection:
        """A connection of one's own, outside the pool, autocommit, no scope: for session locks. The caller closes it.

        Raises `Unavailable`.
        """
        return connect(self._url)

    def close(self) -> None:
        """Close the pool; afterwards `tx` raises `Unavailable`."""
        self._pool.close()

    def _open(self) -> None:
        if self._opened:
            return
        with self._opening:
            if not self._opened:
                self._pool.open()
                self._opened = True


def connect(url: str) -> Connection:
    """An autocommit connection with rows as dictionaries. Raises `Unavailable`."""
    with _as_unavailable():
        return psycopg.Connection[dict[str, Any]].connect(
            url, autocommit=True, row_factory=dict_row, connect_timeout=10, application_name="lapel"
        )


@contextmanager
def _as_unavailable() -> Iterator[None]:
    try:
        yield
    except psycopg.errors.DiskFull as fault:
        raise Unavailable(
            "The database's disk is full.", status=507, next_step="Free space, then repeat."
        ) from fault
    except psycopg.OperationalError as fault:
        # The driver's text can hold an address and a user name, never a row; it goes to the log by the cause.
        raise Unavailable(
            "The database did not answer.",
            next_step="Repeat in a moment; if it stays so, look whether it runs.",
        ) from fault
