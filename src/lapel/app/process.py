"""What does each process of a running Lapel do? `python -m lapel.app.process NAME [PARENT]`.

With the process id of its parent it ends when that parent does: nothing is left running that nobody looks after.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from lapel.app import logs
from lapel.app.department import Department, attached, department
from lapel.app.serving import serve, serve_socket
from lapel.app.settings import Settings
from lapel.base.errors import EvidenceFault, Invalid, LapelError, Unavailable

if TYPE_CHECKING:
    from fastapi import FastAPI


def keys(settings: Settings) -> None:
    """The key agent."""
    from lapel.storage import keyagent

    keyagent.serve(settings.keyring, settings.sockets)


def sequencer(settings: Settings) -> None:
    """The one writer of the custody log."""
    from lapel.custody.sequencer import Sequencer

    here = _department(settings)
    archive = here.archive("sequencer")
    Sequencer(
        here.urls["sequencer"], archive.keys, archive.stores, here.origin, interval_s=settings.publish_every_s
    ).run(_until_told())


def worker(settings: Settings) -> None:
    """Inspection and other jobs."""
    from lapel.app.worker import work

    work(_department(settings))


def intake(settings: Settings) -> None:
    """The door that camera systems deliver to."""
    serve(
        "lapel.app.process:intake_app",
        settings.intake_bind,
        tls_cert=settings.tls_cert,
        tls_key=settings.tls_key,
    )


def staff(settings: Settings) -> None:
    """The pages."""
    serve(
        "lapel.app.process:staff_app",
        settings.staff_bind,
        tls_cert=settings.tls_cert,
        tls_key=settings.tls_key,
    )


def proxied(settings: Settings) -> None:
    """The pages again, for the named proxy: the only door where a card is believed."""
    if settings.proxy_socket is None:
        raise Invalid(
            "No proxy is set.", next_step="Set LAPEL_PROXY_SOCKET to a path in a folder of its own."
        )
    serve_socket("lapel.app.process:proxied_app", settings.proxy_socket)


def intake_app() -> FastAPI:
    """What `intake` serves; made in the serving process, with the settings of its environment."""
    from lapel.app.intake import make

    settings = Settings()
    logs.begin("intake", settings.log_level)
    return make(_department(settings).archive("intake"), url=settings.intake_url or None)


def staff_app() -> FastAPI:
    """What `staff` serves."""
    return _pages("staff", proxied=False)


def proxied_app() -> FastAPI:
    """What `proxied` serves."""
    return _pages("proxied", proxied=True)


def _pages(process: str, *, proxied: bool) -> FastAPI:
    from lapel.app.alarms import watch
    from lapel.app.entrance import doors, limits
    from lapel.app.staff import make

    settings = Settings()
    logs.begin(process, settings.log_level)
    archive = _department(settings).archive("staff", door="proxied" if proxied else "staff")
    return make(
        archive,
        npm=settings.npm,
        secure=settings.secure,
        trust=settings.trust,
        doors=doors(settings, proxied=proxied),
        undelivered_after=timedelta(hours=settings.undelivered_after_h),
        docked_within=timedelta(hours=settings.docked_within_h),
        watch=watch(archive.db, settings),
        limits=limits(settings),
        purpose_holds=timedelta(minutes=settings.purpose_holds_min),
        glass_holds=timedelta(minutes=settings.glass_holds_min),
    )


PROCESSES: dict[str, Callable[[Settings], None]] = {
    "keys": keys, "sequencer": sequencer, "worker": worker, "intake": intake, "staff": staff, "proxied": proxied,
}  # fmt: skip


def _department(settings: Settings) -> Department:
    """The department, once its database answers; a minute of patience, for all processes start at once."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return department(settings, settings.database_url or attached(settings))
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _until_told() -> threading.Event:
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    return stop


def _end_with(parent: int) -> None:
    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def main(name: str, parent: int | None = None) -> int:
    """Run one process until it is told to stop; the exit status of the error that ended it, if one did."""
    settings = Settings()
    logs.begin(name, settings.log_level)
    if parent is not None:
        _end_with(parent)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            PROCESSES[name](settings)
    except EvidenceFault as fault:
        logs.alarm(fault)
        return fault.exit_status
    except LapelError as error:
        logs.ended(error)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None))
