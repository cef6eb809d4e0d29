"""Who hears of it when the custody log does not work? A watch that every process with pages or jobs keeps, and a command.

Every minute the watch looks at the log. What is wrong becomes a row of `alarm`, an entry where one can be written, a named
error in the process's own log, and a text on the standard input of the operator's command (LAPEL_ALARM_COMMAND). Whoever
makes the row tells; when no row can be made each process tells by itself, once an hour.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

import psycopg
import structlog

from lapel.app import store_alarms
from lapel.app.settings import Settings
from lapel.base import clock
from lapel.base.errors import LapelError, Unavailable
from lapel.custody import health, log
from lapel.custody.health import DEPARTMENT, SCOPE, State, Trouble
from lapel.storage.postgres import Connection, Database

EVERY_S: Final = 60.0
AGAIN_S: Final = 3600.0
COMMAND_S: Final = 30.0
RECENT_S: Final = 10.0
_log = structlog.get_logger("lapel.watch")


@dataclass(frozen=True, slots=True)
class Health:
    """The log as it was found. `state` is None when the database did not answer."""

    state: State | None
    troubles: tuple[Trouble, ...]


@dataclass(slots=True)
class Watch:
    """Looks after the log of one department. `objects`: the folder whose disk must have room; `after`: when late is too late."""

    db: Database
    objects: Path
    after: timedelta = timedelta(minutes=10)
    command: str = ""
    told: dict[str, float] = field(default_factory=dict)
    last: tuple[float, Health] | None = None

    def recent(self) -> Health:
        """As `look`, at most ten seconds old: whoever may ask as often as they like costs no more than that."""
        now = time.monotonic()
        if self.last is None or now - self.last[0] > RECENT_S:
            self.last = (now, self.look())
        return self.last[1]

    def look(self) -> Health:
        """How the log is now. Writes nothing that stays, raises nothing."""
        room = shutil.disk_usage(self.objects if self.objects.exists() else Path("/"))
        try:
            with self.db.tx(SCOPE) as conn:
                there = health.state(conn, room.free, room.total)
        except (LapelError, psycopg.Error):
            return Health(None, tuple(t for t in [health.cannot_write(self.db)] if t))
        found = [*health.troubles(there, self.after)]
        wrong = health.cannot_write(self.db)
        return Health(there, (wrong, *found) if wrong else tuple(found))

    def check(self) -> Health:
        """Look, and tell what is new: alarms that begin, and those that are over."""
        found = self.look()
        try:
            with self.db.tx(SCOPE) as conn:
                begun, over = store_alarms.keep(conn, found.troubles, clock.now())
        except (LapelError, psycopg.Error):
            self._tell_without_rows(found.troubles)
            return found
        for trouble in begun:
            self._tell(trouble)
        for kind in over:
            self.told.pop(kind, None)
            _log.warning("custody log alarm over", alarm=kind)
            run(self.command, f"Over: {kind}\n\nThe custody log of Lapel does not show this any more.\n")
        for act, kinds in (("alarm_raised", [t.kind for t in begun]), ("alarm_over", over)):
            self._enter(act, kinds)
        return found

    def keep(self, stop: threading.Event, every_s: float = EVERY_S) -> None:
        """Check again and again until told to stop."""
        while not stop.wait(every_s):
            self.check()

    def _tell(self, trouble: Trouble) -> None:
        _log.critical("custody log alarm", alarm=trouble.kind, says=trouble.says)
        run(self.command, f"{trouble.kind}\n\n{trouble.says}\n")

    def _tell_without_rows(self, troubles: Sequence[Trouble]) -> None:
        now = time.monotonic()
        for trouble in troubles:
            if now - self.told.get(trouble.kind, -AGAIN_S) >= AGAIN_S:
                self.told[trouble.kind] = now
                self._tell(trouble)

    def _enter(self, act: str, kinds: Sequence[str]) -> None:
        try:
            with self.db.tx(SCOPE) as conn:
                _record(conn, act, kinds)
        except (LapelError, psycopg.Error) as fault:
            _log.error("alarm not entered", alarm=list(kinds), kind=type(fault).__name__)


def watch(db: Database, settings: Settings) -> Watch:
    """The watch as an installation is set."""
    after = timedelta(minutes=settings.alarm_after_min)
    return Watch(db, settings.objects, after, settings.alarm_command)


def _record(conn: Connection, act: str, kinds: Sequence[str]) -> None:
    log.record_many(
        conn, [log.Act(SCOPE.actor, DEPARTMENT, act, "log:department", {"alarm": kind}) for kind in kinds]
    )


def run(command: str, text: str) -> bool:
    """Run the operator's command with a text on its standard input; whether it ended with 0. It gets none of our settings."""
    if not command:
        return False
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LAPEL_")}
    try:
        done = subprocess.run(
            shlex.split(command), input=text.encode(), env=environment, timeout=COMMAND_S, check=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, ValueError, subprocess.TimeoutExpired) as fault:
        _log.error("alarm command failed", kind=type(fault).__name__)
        return False
    if done.returncode:
        _log.error("alarm command failed", status=done.returncode)
    return not done.returncode


def need_well(found: Health) -> None:
    """Raises `Unavailable` when something is wrong with the log; says nothing of what."""
    if found.troubles:
        raise Unavailable("The custody log needs somebody to look at it.", next_step="Tell the operator.")
