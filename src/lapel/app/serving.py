"""How does a web app answer on an address, and stop when it is told to?"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import Any

from lapel.base.errors import Invalid


def address_of(bind: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:8460`. Raises `Invalid`."""
    host, _, port = bind.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise Invalid(f"“{bind}” is not an address to answer on.", next_step="Write it like 127.0.0.1:8460.")
    return host.strip("[]"), int(port)


def serve(app: Any, bind: str, *, tls_cert: Path | None = None, tls_key: Path | None = None) -> None:
    """Answer on `bind` until SIGTERM or SIGINT; requests under way are finished first.

    The server writes no access log: paths name officers and cameras. The apps log method, status, bytes and time.
    """
    from granian.constants import Interfaces
    from granian.server.embed import Server

    host, port = address_of(bind)
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        log_access=False,
        websockets=False,
        ssl_cert=tls_cert,
        ssl_key=tls_key,
    )

    async def run() -> None:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, server.stop)
        with contextlib.suppress(asyncio.CancelledError):
            await server.serve()

    asyncio.run(run())
