"""Does what was sealed open again, in any range, and nothing else?"""

from __future__ import annotations

import json
import os
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lapel.base.errors import EvidenceFault, Invalid, NotFound, Unavailable
from lapel.storage.sealed import FRAME_BYTES, Header, SealedReader, Sealer, sealed_bytes

from . import seal_by_the_page as page
from .doubles import Failing, MemoryStore

VECTORS = json.loads((page.VECTORS / "sealed.json").read_text())
KEY = bytes.fromhex(VECTORS["key"])
chunks_of_bytes = st.lists(st.binary(max_size=80), max_size=12)


def seal(store: MemoryStore, chunks: list[bytes], frame_bytes: int = 16, key: bytes = KEY) -> tuple[str, int]:
    with store.upload() as upload:
        sealer = Sealer(upload, key, "test-key", frame_bytes=frame_bytes)
        for chunk in chunks:
            sealer.write(chunk)
        plain_bytes = sealer.finish()
        upload.commit()
    return upload.name, plain_bytes


@pytest.mark.parametrize("vector", VECTORS["good"], ids=lambda vector: vector["says"])
def test_the_vectors_open_and_are_sealed_to_the_same_bytes(
    vector: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, whole = bytes.fromhex(vector["plain"]), bytes.fromhex(vector["sealed"])
    store = MemoryStore()
    store.put_new(VECTORS["object"], whole)
    reader = SealedReader(store, VECTORS["object"], KEY, len(plain))
    assert b"".join(reader.chunks()) == plain
    assert reader.header == Header(VECTORS["object"], VECTORS["key_id"], vector["frame_bytes"])
    assert sealed_bytes(len(plain), reader.header) == len(whole)

    numbers = iter(range(100))
    monkeypatch.setattr("lapel.storage.sealed.os.urandom", lambda count: page.nonce(next(numbers))[:count])
    upload = NamedUpload(VECTORS["object"])
    sealer = Sealer(upload, KEY, VECTORS["key_id"], frame_bytes=int(vector["frame_bytes"]))
    sealer.write(plain)
    assert sealer.finish() == len(plain)
    assert bytes(upload.written) == whole


class NamedUpload:
    """An upload whose name a vector has chosen."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.written = bytearray()

    def write(self, data: memoryview) -> None:
        self.written += data


@given(chunks_of_bytes, st.integers(1, 40))
@settings(deadline=None)
def test_any_chunking_is_sealed_to_what_the_page_says(chunks: list[bytes], frame_bytes: int) -> None:
    plain = b"".join(chunks)
    store = MemoryStore()
    name, plain_bytes = seal(store, chunks, frame_bytes)
    assert plain_bytes == len(plain)
    whole = store.read(name)
    at = 27 + len("test-key")
    head, pieces = whole[:at], []
    while at < len(whole):
        pieces.append(whole[at : at + frame_bytes + 28])
        at += frame_bytes + 28
    assert len(pieces) == max(1, -(-len(plain) // frame_bytes))
    assert head == page.header(name, frame_bytes)
    assert b"".join(SealedReader(store, name, KEY, len(plain)).chunks()) == plain


@given(st.binary(max_size=100), st.integers(1, 40), st.integers(0, 120), st.integers(0, 120))
@settings(deadline=None)
def test_any_range_is_what_slicing_the_plain_bytes_gives(
    plain: bytes, frame: int, start: int, length: int
) -> None:
    store = MemoryStore()
    name, plain_bytes = seal(store, [plain], frame)
    reader = SealedReader(store, name, KEY, plain_bytes)
    assert reader.read(start, length) == plain[start : start + length]
    assert b"".join(reader.chunks(start)) == plain[start:]
    assert all(0 < len(piece) <= frame for piece in reader.chunks(start))


def test_a_range_opens_only_the_frames_it_needs() -> None:
    store = MemoryStore()
    name, plain_bytes = seal(store, [page.PLAIN], 16)
    whole = bytearray(store.read(name))
    whole[27 + 8 + 20] ^= 1  # in frame 0
    store.replace(name, bytes(whole))
    reader = SealedReader(store, name, KEY, plain_bytes)
    assert reader.read(16, 16) == page.PLAIN[16:32]
    with pytest.raises(EvidenceFault):
        reader.read(15, 1)


@pytest.mark.parametrize("name", sorted(page.damaged()))
def test_a_damaged_object_is_an_evidence_fault(name: str) -> None:
    store = MemoryStore()
    store.put_new(page.OBJECT, (page.VECTORS / "sealed" / f"{name}.lseal").read_bytes())
    with pytest.raises(EvidenceFault):
        b"".join(SealedReader(store, page.OBJECT, KEY, len(page.PLAIN)).chunks())


def test_the_damaged_files_are_the_ones_the_page_makes_and_only_those() -> None:
    there = {path.stem: path.read_bytes() for path in (page.VECTORS / "sealed").iterdir()}
    assert there == page.damaged()
    assert VECTORS["damaged"]["files"] == sorted(there)


@given(st.data(), st.binary(max_size=60))
@settings(deadline=None)
def test_no_changed_byte_goes_unnoticed(data: st.DataObject, plain: bytes) -> None:
    store = MemoryStore()
    name, plain_bytes = seal(store, [plain])
    whole = bytearray(store.read(name))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    store.replace(name, bytes(whole))
    with pytest.raises(EvidenceFault):
        b"".join(SealedReader(store, name, KEY, plain_bytes).chunks())


@given(st.binary(min_size=1, max_size=60), st.data())
@settings(deadline=None)
def test_a_wrong_plain_size_is_noticed_before_a_byte_is_given_out(plain: bytes, data: st.DataObject) -> None:
    store = MemoryStore()
    name, plain_bytes = seal(store, [plain])
    wrong = data.draw(st.integers(0, 200).filter(lambda size: size != plain_bytes))
    with pytest.raises(EvidenceFault):
        SealedReader(store, name, KEY, wrong)


def test_the_same_bytes_are_never_sealed_the_same_way_twice() -> None:
    store = MemoryStore()
    first, second = (store.read(seal(store, [b"x" * 40])[0])[35:] for _ in range(2))
    assert not {first[at : at + 12] for at in (0, 44, 88)} & {second[at : at + 12] for at in (0, 44, 88)}


def test_an_empty_object_opens_only_with_its_key() -> None:
    store = MemoryStore()
    name, _ = seal(store, [])
    assert list(SealedReader(store, name, KEY, 0).chunks()) == []
    with pytest.raises(EvidenceFault):
        list(SealedReader(store, name, bytes(32), 0).chunks())


def test_misuse_is_invalid_and_what_is_not_there_not_found() -> None:
    store = MemoryStore()
    with store.upload() as upload:
        for key, key_id in ((b"short", "k"), (KEY, ""), (KEY, "k" * 256), (KEY, "schlüssel")):
            with pytest.raises(Invalid):
                Sealer(upload, key, key_id)
        sealer = Sealer(upload, KEY, "k")
        sealer.finish()
        for act in (sealer.finish, lambda: sealer.write(b"x")):
            with pytest.raises(Invalid):
                act()
    with pytest.raises(NotFound):
        SealedReader(store, "0" * 32, KEY, 0)
    name, size = seal(store, [b"abc"])
    with pytest.raises(Invalid):
        list(SealedReader(store, name, KEY, size).chunks(-1))


def test_a_store_that_fails_at_any_write_fails_the_sealing_and_leaves_nothing() -> None:
    for step in range(4):
        store = MemoryStore()
        failing = Failing.at_call(store, step, persists=False, status=507)
        with pytest.raises(Unavailable):
            seal(failing, [page.PLAIN])  # type: ignore[arg-type]
        assert list(store.list()) == []


def test_memory_stays_bounded_whatever_the_size() -> None:
    class Nowhere(NamedUpload):
        def write(self, data: memoryview) -> None:
            pass

    sealer = Sealer(Nowhere("0" * 32), os.urandom(32), "k")  # type: ignore[arg-type]
    chunk = bytes(5 * FRAME_BYTES + 17)
    tracemalloc.start()
    for _ in range(20):
        sealer.write(chunk)
    assert sealer.finish() == 20 * len(chunk)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * FRAME_BYTES
