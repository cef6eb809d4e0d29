"""How do bytes get from the event loop into the store? In pieces, over two threads, with bounded memory.

MD5 is the slowest part of a delivery, and the protocol asks for it. So while one piece is digested by one thread and
hashed, sealed and written by another, the next one is received: at most two pieces of a delivery are in memory.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from anyio import CancelScope, fail_after
from anyio.to_thread import run_sync

from lapel.base.errors import Unavailable
from lapel.footage.incoming import Incoming, Stored
from lapel.storage.archive import Archive

PIECE_BYTES = 2 << 20


class Uploads:
    """The uploads under way. Beyond `limit` at once a sender is told to come back: memory and threads stay bounded."""

    def __init__(self, limit: int, *, silence_s: float = 120) -> None:
        self._limit = limit
        self._silence_s = silence_s
        self._under_way = 0

    @asynccontextmanager
    async def receive(
        self, archive: Archive, stream: AsyncIterator[bytes], length: int | None
    ) -> AsyncIterator[Stored]:
        """Digest, seal and store a body in one pass; unless the caller has it accepted, nothing of it stays.

        `length` is what the sender announced, None when it did not. Raises `Unavailable`: too many at once (503), a disk
        that is full (507), fewer bytes than announced, or a sender that has been silent for too long.
        """
        if self._under_way >= self._limit:
            raise Unavailable(
                f"{self._limit} deliveries are under way, and no more are taken at once.",
                next_step="Try again in a moment.",
            )
        self._under_way += 1
        lanes = _Lanes(archive)
        try:
            async for piece in by_pieces(heard(stream, self._silence_s)):
                await lanes.take(piece)
            yield await lanes.finish(length)
        finally:
            self._under_way -= 1
            with CancelScope(shield=True):
                await run_sync(lanes.end)


class _Lanes:
    """One body on its way: a thread for its MD5 beside one for everything else, a piece at a time."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._incoming: Incoming | None = None
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._under_way: asyncio.Future[tuple[None, None]] | None = None
        self._writing = threading.Lock()
        self._ended = False

    async def take(self, piece: bytearray) -> None:
        """Begin with this piece once the one before is done; raises what that one raised."""
        await self._done()
        self._under_way = asyncio.gather(run_sync(self._write, piece), run_sync(self._md5.update, piece))
        # When the stream breaks off meanwhile nobody asks how this one ended.
        self._under_way.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def finish(self, length: int | None) -> Stored:
        """The body as it is stored, not yet committed. Raises `Unavailable` unless it has the length announced."""
        await self._done()
        stored = await run_sync(self._finish)
        if length is not None and stored.size_bytes != length:
            raise cut_short()
        return replace(stored, md5=self._md5.hexdigest())

    def end(self) -> None:
        """Discard what was not accepted. A thread that still writes, its request being gone, is waited for."""
        with self._writing:
            self._ended = True
            if self._incoming is not None:
                self._incoming.__exit__(None, None, None)

    def _finish(self) -> Stored:
        with self._writing:
            return self._begun().finish()

    def _write(self, piece: bytearray) -> None:
        with self._writing:
            if not self._ended:
                self._begun().write(piece)

    def _begun(self) -> Incoming:
        if self._incoming is None:
            self._incoming = Incoming(self._archive)
        return self._incoming

    async def _done(self) -> None:
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            await under_way


async def heard(stream: AsyncIterator[bytes], silence_s: float) -> AsyncIterator[bytes]:
    """The same bytes, as long as something comes within each `silence_s` seconds. Raises `Unavailable` when nothing does."""
    while True:
        try:
            with fail_after(silence_s):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise cut_short() from None
        yield chunk


async def by_pieces(stream: AsyncIterator[bytes]) -> AsyncIterator[bytearray]:
    """The same bytes in pieces of 2 MiB: what arrives is small, and a hop into a thread costs as much as hashing it."""
    held = bytearray()
    async for chunk in stream:
        held += chunk
        if len(held) >= PIECE_BYTES:
            rest = held[PIECE_BYTES:]
            del held[PIECE_BYTES:]
            yield held
            held = rest
    for start in range(0, len(held), PIECE_BYTES):
        yield held[start : start + PIECE_BYTES]


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
