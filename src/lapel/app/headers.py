"""What is said with every answer, and how much may be sent? Plain ASGI around the staff app."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog

from lapel.base.errors import Invalid

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

MAX_BODY_BYTES = 256 * 1024

# Scripts, styles, pictures and frames come from here and from nowhere else; nothing inline is run. Pictures as data: are
# in the stylesheets of the packages. The map's worker is a file of ours.
CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data: blob:", "font-src 'self'",
        "media-src 'self'", "connect-src 'self'", "worker-src 'self'", "form-action 'self'", "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)  # fmt: skip
_ALWAYS = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "cache-control": "private, no-store",
}
HSTS = "max-age=63072000; includeSubDomains"

_log = structlog.get_logger("lapel.staff")


class Headers:
    """Adds the security headers an answer does not bring itself, and logs method, status, bytes and time, never a path."""

    def __init__(self, app: App, *, secure: bool) -> None:
        self._app = app
        always = _ALWAYS | ({"strict-transport-security": HSTS} if secure else {})
        self._always = [(name.encode(), value.encode()) for name, value in always.items()]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status, sent = time.monotonic(), 0, 0

        async def say(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                own = list(message.get("headers", ()))
                names = {name.lower() for name, _ in own}
                message["headers"] = own + [pair for pair in self._always if pair[0] not in names]
            else:
                sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, say)
        finally:
            ms = round(1000 * (time.monotonic() - begun))
            _log.info("answered", method=scope["method"], status=status, bytes=sent, ms=ms)


class BodyLimit:
    """Refuses what is larger than any form of ours, by what is announced and by what arrives."""

    def __init__(self, app: App, *, most_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._most = most_bytes

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > self._most:
            await _too_large(send, self._most)
            return
        taken, answered, told = 0, False, False

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._most:
                raise _TooLarge
            return message

        async def noted(message: Message) -> None:
            # Whoever was reading the body may have turned our exception into an answer of its own: this one counts.
            nonlocal answered, told
            if taken > self._most and not answered:
                if not told:
                    told = True
                    await _too_large(send, self._most)
                return
            answered = True
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except _TooLarge:
            if not answered and not told:
                await _too_large(send, self._most)


class _TooLarge(Exception):
    """More arrived than any form of ours has."""


async def _too_large(send: Send, most: int) -> None:
    error = Invalid(
        f"What was sent is larger than {most // 1024} KiB.", status=413, next_step="Shorten the text."
    )
    body = json.dumps(error.problem()).encode()
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
