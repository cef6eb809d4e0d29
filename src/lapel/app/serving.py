"""How does a web app answer on an address, and stop when it is told to?"""

from __future__ import annotations

import errno
import socket
import ssl
from pathlib import Path
from typing import Any

from lapel.base.errors import Conflict, Invalid, Unavailable


def address_of(bind: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:8460`. Raises `Invalid`."""
    host, _, port = bind.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise Invalid(f"“{bind}” is not an address to answer on.", next_step="Write it like 127.0.0.1:8460.")
    return host.strip("[]"), int(port)


def need_free(bind: str) -> None:
    """Raises `Unavailable` when another program answers on this address already, `Invalid` when it is none of this machine."""
    host, port = address_of(bind)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # As the server does: connections of the last run that are being closed do not hold the port.
        socket.create_server((host, port), family=family, reuse_port=False).close()
    except OSError as fault:
        if fault.errno != errno.EADDRINUSE:
            raise Invalid(f"Nothing can answer on {bind}: {fault.strerror}.") from None
        raise Unavailable(
            f"Another program answers on {bind} already.",
            next_step="End it, or set LAPEL_STAFF_BIND or LAPEL_INTAKE_BIND to another port.",
        ) from None


def need_tls_files(cert: Path | None, key: Path | None) -> None:
    """Raises `Invalid` when only one of certificate and key is set, or they cannot be read or do not belong together."""
    if cert is None and key is None:
        return
    if cert is None or key is None:
        raise Invalid(
            "A certificate needs its key, and a key its certificate.", next_step="Set both, or neither."
        )
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key)
    except (OSError, ValueError) as fault:  # ssl.SSLError is an OSError
        reason = getattr(fault, "reason", None) or getattr(fault, "strerror", None) or "unreadable"
        raise Invalid(
            f"{cert} and {key} are no certificate with its key: {reason}.", next_step="Both are PEM files."
        ) from None


def serve(factory: str, bind: str, *, tls_cert: Path | None = None, tls_key: Path | None = None) -> None:
    """Answer on `bind` until SIGTERM or SIGINT; requests under way are finished first.

    `factory`: `module:function`, called without arguments in the serving process, a child of this one. The server writes
    no access log: paths name officers and cameras. The apps log method, status, bytes and time.
    """
    host, port = address_of(bind)
    _serve(factory, address=host, port=port, ssl_cert=tls_cert, ssl_key=tls_key)


def serve_socket(factory: str, path: Path) -> None:
    """The same on a unix socket, which only its user and its group may open; who reaches its folder is the operator's to say.

    Raises `Conflict` when something that is no socket lies there.
    """
    if path.exists() and not path.is_socket():
        raise Conflict(
            f"{path} is there and is no socket.", next_step="Set LAPEL_PROXY_SOCKET to another path."
        )
    path.unlink(missing_ok=True)
    _serve(factory, uds=path, uds_permissions=0o660)


def _serve(factory: str, **where: Any) -> None:
    from granian import Granian
    from granian.constants import Interfaces

    Granian(
        factory,
        factory=True,
        interface=Interfaces.ASGI,
        workers=1,  # uploads and pages wait on disks and the database; more machines serve more, not more processes
        websockets=False,
        log_enabled=False,
        log_access=False,
        **where,
    ).serve()
