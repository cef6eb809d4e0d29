"""What does a founding leave that did not end well, and how does it go?

A founding marks the data folder while it goes on, and takes back what it made when a step fails. One that was killed
cannot; then its mark stays, and the next founding takes its leavings back first. The secrets are written last: where
they are, there is a department. Nothing of one is ever touched: its keyring is the only way to open its footage.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql
from psycopg.conninfo import make_conninfo

from lapel.app.department import running_database
from lapel.app.settings import Settings
from lapel.base.errors import Conflict
from lapel.storage.postgres import Connection, connect

# In the mark: what of the database is this founding's own.
_DATABASE, _TABLES = b"database", b"tables  "


@dataclass(frozen=True, slots=True)
class Attempt:
    """One founding under way; made by `begun`."""

    settings: Settings
    mark: int

    def takes_database(self, admin_url: str) -> None:
        """Called before the database is made. Raises `Conflict` when it, or another on this server, has a department."""
        name = self.settings.database_name
        with connect(admin_url) as conn:
            there = conn.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone() is not None
            other = conn.execute(
                "SELECT d.datname FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba"
                " WHERE r.rolname = 'lapel_owner' AND d.datname <> %s",
                (name,),
            ).fetchone()
        if other is not None:
            raise Conflict(
                f"The database {other['datname']} on this server is a department's; a second one would lock it out.",
                next_step="Give each department a server of its own.",
            )
        if there:
            with connect(make_conninfo(admin_url, dbname=name)) as conn:
                _refuse_department(conn, name)
        os.pwrite(self.mark, _TABLES if there else _DATABASE, 0)
        os.fsync(self.mark)


@contextmanager
def begun(settings: Settings) -> Iterator[Attempt]:
    """The folder marked for as long as the block lasts; when it raises, what was made in it is taken back.

    Raises `Conflict` when the folder has a department, or parts of one, or somebody else is founding one in it.
    """
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = settings.data / "being-founded"
    killed = path.exists() and not settings.secrets.exists()
    mark = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Conflict(f"A department is being made in {settings.data} by another process.") from None
        if killed:
            _take_back(settings, mark)
        _refuse_leftovers(settings, path)
        try:
            yield Attempt(settings, mark)
        except BaseException:
            _take_back(settings, mark)
            raise
        finally:
            path.unlink(missing_ok=True)
    finally:
        os.close(mark)


def _refuse_leftovers(settings: Settings, mark: Path) -> None:
    """What is there belongs to a department that somebody will want to open again."""
    there = [p for p in (settings.secrets, settings.keyring, settings.trust) if p.exists()]
    there += [p for p in (settings.objects,) if p.is_dir() and any(f.is_file() for f in p.rglob("*"))]
    if not there:
        return
    mark.unlink(missing_ok=True)
    if settings.secrets in there:
        raise Conflict(
            f"There is a department in {settings.data} already.",
            next_step="Use it, or set LAPEL_DATA to another folder.",
        )
    parts = " and ".join(p.name for p in there)
    raise Conflict(
        f"{settings.data} holds {parts} of a department, but not its {settings.secrets.name}.",
        next_step="Restore what is missing, or set LAPEL_DATA to another folder. Delete nothing.",
    )


def _refuse_department(conn: Connection, name: str) -> None:
    there = conn.execute("SELECT to_regclass('lapel.department') IS NOT NULL AS it").fetchone()
    # The table's owner may read it, an administrator who is no superuser is a member of the owner.
    if there and there["it"] and conn.execute("SELECT FROM lapel.department").fetchone() is not None:
        raise Conflict(
            f"The database {name} holds a department already.",
            next_step="Set LAPEL_DATA to the folder it belongs to, or LAPEL_DATABASE_NAME to another name.",
        )


def _take_back(settings: Settings, mark: int) -> None:
    """Remove what a founding made; the mark goes last, so that it can be repeated."""
    made = os.pread(mark, len(_DATABASE), 0)
    if made:
        with running_database(settings) as admin_url:
            if made == _DATABASE:
                with connect(admin_url) as conn:
                    conn.execute(
                        sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(
                            sql.Identifier(settings.database_name)
                        )
                    )
            else:
                with connect(make_conninfo(admin_url, dbname=settings.database_name)) as conn:
                    conn.execute("SET ROLE lapel_owner")
                    conn.execute("DROP SCHEMA IF EXISTS lapel, queue CASCADE")
        os.ftruncate(mark, 0)
    settings.secrets.unlink(missing_ok=True)
    settings.trust.unlink(missing_ok=True)
    for folder in (settings.keyring.parent, settings.objects):
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)
