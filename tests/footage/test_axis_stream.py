"""A body comes through in pieces, unchanged, and a sender that falls silent does not hold its place for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from door import archive_of
from faltering import Walk, faltering
from hypothesis import given, settings
from hypothesis import strategies as st

from house import House
from lapel.base.errors import Unavailable
from lapel.footage.axis_stream import PIECE_BYTES, Uploads, by_pieces, joined, up_to


async def of(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


@settings(deadline=None)
@given(st.lists(st.integers(0, 3 * PIECE_BYTES), max_size=4))
def test_pieces_are_the_same_bytes_and_none_is_large(sizes: list[int]):
    chunks = [bytes([n % 251]) * size for n, size in enumerate(sizes)]

    async def run() -> list[bytearray]:
        return [piece async for piece in by_pieces(of(*chunks))]

    pieces = asyncio.run(run())
    assert b"".join(pieces) == b"".join(chunks)
    assert all(0 < len(piece) <= PIECE_BYTES for piece in pieces)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=50)), st.integers(0, 100))
def test_a_small_body_is_whole_and_a_larger_one_can_be_gone_on_with(chunks: list[bytes], limit: int):
    async def run() -> tuple[bytes, bool, bytes]:
        stream = of(*chunks)
        begun, whole = await up_to(stream, limit)
        return begun, whole, b"".join([chunk async for chunk in joined(begun, stream)])

    begun, whole, all_of_it = asyncio.run(run())
    assert all_of_it == b"".join(chunks)
    assert whole == (len(all_of_it) <= limit)
    assert begun == all_of_it or not whole


def receive(
    house: House, stream: Callable[[], AsyncIterator[bytes]], uploads: Uploads, walk: Walk | None = None
) -> str:
    archive = archive_of(house)

    async def run() -> str:
        async with uploads.receive(
            faltering(archive, "originals", walk) if walk else archive, stream(), None
        ) as stored:
            return stored.md5

    return asyncio.run(run())


def test_a_sender_that_falls_silent_gives_its_place_up(house: House):
    uploads = Uploads(1, silence_s=0.1)

    async def silent() -> AsyncIterator[bytes]:
        yield b"x" * 3_000_000
        await asyncio.sleep(60)

    with pytest.raises(Unavailable):
        receive(house, silent, uploads)
    assert receive(house, lambda: of(b"abc"), uploads) == "900150983cd24fb0d6963f7d28e17f72"
    assert list(house.stores.originals.list()) == []


@pytest.mark.parametrize("number", [1, 3, 8])
def test_a_write_that_fails_in_its_thread_is_the_uploads_error(house: House, number: int):
    walk = Walk(persists=False, status=507)
    walk.begin(number)
    with pytest.raises(Unavailable) as full:
        receive(house, lambda: of(*[b"x" * 1_000_000] * 9), Uploads(1), walk)
    assert full.value.status == 507


def test_a_thread_that_still_writes_when_its_request_is_gone_writes_nowhere_else(house: House):
    """Cancelled in the middle: the file is closed only when no thread writes to it, so its number is not reused under it."""
    archive = archive_of(house)

    async def run() -> None:
        async def endless() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 1_000_000

        async def upload() -> None:
            async with Uploads(1).receive(archive, endless(), None):
                pass

        tasks = [asyncio.create_task(upload()) for _ in range(8)]
        await asyncio.sleep(0.3)
        for task in tasks:
            task.cancel()
        assert all(
            isinstance(e, asyncio.CancelledError)
            for e in await asyncio.gather(*tasks, return_exceptions=True)
        )

    asyncio.run(run())
    assert [path for path in (house.place / "objects" / "originals").rglob("*") if path.is_file()] == []
