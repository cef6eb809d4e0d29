"""How do bytes get from the event loop into the store? One hop into a thread for each MiB, with bounded memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import CancelScope
from anyio.to_thread import run_sync

from lapel.base.errors import Unavailable
from lapel.footage.receive import Incoming, Stored
from lapel.storage.archive import Archive

HOP_BYTES = 1 << 20


class Uploads:
    """The uploads under way. Beyond `limit` at once a sender is told to come back: memory and threads stay bounded."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._under_way = 0

    @asynccontextmanager
    async def receive(
        self, archive: Archive, stream: AsyncIterator[bytes], length: int | None
    ) -> AsyncIterator[Stored]:
        """Hash, seal and store a body in one pass; unless the caller has it accepted, nothing of it stays.

        `length` is what the sender announced, None when it did not. Raises `Unavailable`: too many at once (503), a disk
        that is full (507), or fewer bytes than announced.
        """
        if self._under_way >= self._limit:
            raise Unavailable(
                f"{self._limit} deliveries are under way, and no more are taken at once.",
                next_step="Try again in a moment.",
            )
        self._under_way += 1
        incoming: Incoming | None = None
        try:
            incoming = await run_sync(lambda: Incoming(archive, with_md5=True))
            async for chunk in by_hops(stream):
                await run_sync(incoming.write, chunk)
            if length is not None and incoming.size_bytes != length:
                raise cut_short()
            yield await run_sync(incoming.finish)
        finally:
            self._under_way -= 1
            if incoming is not None:
                with CancelScope(shield=True):
                    await run_sync(incoming.__exit__, None, None, None)


async def by_hops(stream: AsyncIterator[bytes]) -> AsyncIterator[bytearray]:
    """The same bytes in pieces of a MiB and more: what arrives is small, and a hop into a thread costs as much as hashing it."""
    held = bytearray()
    async for chunk in stream:
        held += chunk
        if len(held) >= HOP_BYTES:
            yield held
            held = bytearray()
    if held:
        yield held


async def up_to(stream: AsyncIterator[bytes], limit: int) -> tuple[bytes, bool]:
    """The body if it has at most `limit` bytes, and True; else its beginning, False, and the stream holds the rest."""
    body = bytearray()
    async for chunk in stream:
        body += chunk
        if len(body) > limit:
            return bytes(body), False
    return bytes(body), True


async def joined(beginning: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """One stream of both."""
    yield beginning
    async for chunk in rest:
        yield chunk


def cut_short() -> Unavailable:
    """The error for a body that ended before all of it had come."""
    return Unavailable("The delivery ended before all of it had come.", next_step="Send it again.")
