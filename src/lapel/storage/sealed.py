"""How are bytes sealed, so that whoever has the disk but not the key reads nothing and changes nothing unnoticed?

LSEAL version 1 (docs/formats/sealed.md): a header, then frames of nonce || ciphertext || tag, AES-256-GCM. A frame's
additional data are SHA-256(header) || frame number || last flag, so no frame opens at another place, in another
object, under another header, or at an end that is not the end. The plain size is kept outside, in the object's row.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lapel.base.errors import EvidenceFault, Invalid
from lapel.storage.objects import Buffer, ObjectStore, Upload

FRAME_BYTES = 1 << 20
KEY_BYTES = 32
NONCE_BYTES = 12
FRAME_OVERHEAD_BYTES = NONCE_BYTES + 16

_MAGIC = b"LSEAL\x01"
_FIXED = struct.Struct(">6sI16sB")  # magic and version, frame bytes, object id, length of the key id
_LARGEST_FRAME = 16 << 20  # a header that asks a reader for more memory than this is not ours
_LARGEST_HEADER = _FIXED.size + 255


@dataclass(frozen=True, slots=True)
class Header:
    """What stands in front of the frames. `key_id` names the key for people and repair; it is no secret."""

    object_id: str
    key_id: str
    frame_bytes: int = FRAME_BYTES

    def encoded(self) -> bytes:
        """27 bytes and the key id. Raises `Invalid` when a part does not fit."""
        key_id = self.key_id.encode("ascii", "replace")
        if not 0 < len(key_id) <= 255 or key_id.decode() != self.key_id:
            raise Invalid("A key id is 1 to 255 ASCII characters.")
        return _FIXED.pack(_MAGIC, self.frame_bytes, bytes.fromhex(self.object_id), len(key_id)) + key_id


def read_header(start: bytes) -> Header:
    """The header in the first bytes of a sealed object. Raises `EvidenceFault` when there is none."""
    if len(start) < _FIXED.size:
        raise EvidenceFault("A sealed object ends inside its header.")
    magic, frame_bytes, object_id, key_id_bytes = _FIXED.unpack_from(start)
    key_id = start[_FIXED.size : _FIXED.size + key_id_bytes]
    if magic != _MAGIC or not 0 < frame_bytes <= _LARGEST_FRAME:
        raise EvidenceFault("An object does not begin as a sealed object of version 1 does.")
    if len(key_id) != key_id_bytes or not key_id or not key_id.isascii():
        raise EvidenceFault("A sealed object's key id is cut or not ASCII.")
    return Header(object_id.hex(), key_id.decode(), frame_bytes)


def frame_count(plain_bytes: int, frame_bytes: int = FRAME_BYTES) -> int:
    """How many frames hold that many plain bytes; an empty object is one empty frame."""
    return max(1, -(-plain_bytes // frame_bytes))


def sealed_bytes(plain_bytes: int, header: Header) -> int:
    """The exact size of the sealed object."""
    frames = frame_count(plain_bytes, header.frame_bytes)
    return len(header.encoded()) + plain_bytes + frames * FRAME_OVERHEAD_BYTES


class Sealer:
    """Seals a stream of any chunking into an upload, holding two frames in memory.

    `key`: 32 bytes, used for no other attempt, not even of the same bytes. The caller commits the upload.
    """

    def __init__(self, upload: Upload, key: bytes, key_id: str, *, frame_bytes: int = FRAME_BYTES) -> None:
        header = Header(upload.name, key_id, frame_bytes).encoded()
        self._upload = upload
        self._frames = _Frames(key, header)
        self._sealed = memoryview(bytearray(frame_bytes + FRAME_OVERHEAD_BYTES))
        self._held = memoryview(bytearray(frame_bytes))  # a full frame waits here: it may yet be the last one
        self._held_bytes = 0
        self._number = 0
        self._finished = False
        upload.write(header)

    def write(self, data: Buffer) -> None:
        """Seal more bytes. Raises what the upload raises."""
        if self._finished:
            raise Invalid("This object is already sealed.")
        rest = memoryview(data).cast("B")
        frame_bytes = len(self._held)
        while self._held_bytes + len(rest) > frame_bytes:
            if self._held_bytes:
                rest = self._hold(rest)
                self._emit(self._held, last=False)
                self._held_bytes = 0
            else:
                self._emit(rest[:frame_bytes], last=False)
                rest = rest[frame_bytes:]
        self._hold(rest)

    def finish(self) -> int:
        """Seal the last frame and return the number of plain bytes. Call it once."""
        if self._finished:
            raise Invalid("This object is already sealed.")
        self._finished = True
        plain_bytes = self._number * len(self._held) + self._held_bytes
        self._emit(self._held[: self._held_bytes], last=True)
        return plain_bytes

    def _hold(self, data: memoryview) -> memoryview:
        taken = min(len(data), len(self._held) - self._held_bytes)
        self._held[self._held_bytes : self._held_bytes + taken] = data[:taken]
        self._held_bytes += taken
        return data[taken:]

    def _emit(self, plain: memoryview, *, last: bool) -> None:
        size = self._frames.seal(plain, self._number, last, self._sealed)
        self._upload.write(self._sealed[:size])
        self._number += 1


class SealedReader:
    """Opens any range of a sealed object, frame by frame, holding one frame in memory.

    `plain_bytes`: the size in the object's row; with it a missing end is noticed before the first byte is given out.
    Raises `NotFound` when the object is not there, `EvidenceFault` when size, header, key or any frame disagrees.
    """

    def __init__(self, store: ObjectStore, name: str, key: bytes, plain_bytes: int) -> None:
        self._store = store
        self._name = name
        self.plain_bytes = plain_bytes
        self.header = read_header(store.read(name, 0, _LARGEST_HEADER))
        if self.header.object_id != name:
            raise EvidenceFault(f"The object {name} holds what was sealed as {self.header.object_id}.")
        encoded = self.header.encoded()
        self._frames = _Frames(key, encoded)
        self._first_at = len(encoded)
        self._count = frame_count(plain_bytes, self.header.frame_bytes)
        expected, there = sealed_bytes(plain_bytes, self.header), store.stat(name).bytes
        if there != expected:
            raise EvidenceFault(f"The object {name} has {there} bytes where its row asks for {expected}.")

    def read(self, start: int, length: int) -> bytes:
        """Plain bytes [start, start + length), cut at the end."""
        return b"".join(self.chunks(start, start + max(0, length)))

    def chunks(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Plain bytes [start, end) in pieces of at most a frame. Raises `Invalid` for a start below 0."""
        if start < 0:
            raise Invalid("A range begins at 0 or later.")
        end = self.plain_bytes if end is None else min(end, self.plain_bytes)
        size = self.header.frame_bytes
        # The whole of an empty object is its one frame: opening it proves the key and the emptiness.
        wanted = (
            range(start // size, frame_count(end, size)) if start < end or end == start == 0 else range(0)
        )
        for number in wanted:
            plain = self._open(number)
            piece = plain[max(0, start - number * size) : end - number * size]
            if piece:
                yield piece

    def _open(self, number: int) -> bytes:
        size = self.header.frame_bytes
        plain_bytes = min(size, self.plain_bytes - number * size)
        at = self._first_at + number * (size + FRAME_OVERHEAD_BYTES)
        sealed = self._store.read(self._name, at, plain_bytes + FRAME_OVERHEAD_BYTES)
        try:
            return self._frames.open(sealed, number, number == self._count - 1)
        except (InvalidTag, ValueError):
            raise EvidenceFault(
                f"Frame {number} of the object {self._name} does not open: it was changed, or the key is another's.",
                next_step="Keep the disk as it is, run `lapel fsck`, and look at the backup.",
            ) from None


class _Frames:
    """The cipher of one object: its key and the digest of its header."""

    def __init__(self, key: bytes, header: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise Invalid("An object's key has 32 bytes.")
        self._cipher = AESGCM(key)
        self._digest = hashlib.sha256(header).digest()

    def seal(self, plain: memoryview, number: int, last: bool, out: memoryview) -> int:
        nonce = os.urandom(NONCE_BYTES)
        size = len(plain) + FRAME_OVERHEAD_BYTES
        out[:NONCE_BYTES] = nonce
        self._cipher.encrypt_into(nonce, plain, self._additional(number, last), out[NONCE_BYTES:size])
        return size

    def open(self, sealed: bytes, number: int, last: bool) -> bytes:
        view = memoryview(sealed)
        return self._cipher.decrypt(view[:NONCE_BYTES], view[NONCE_BYTES:], self._additional(number, last))

    def _additional(self, number: int, last: bool) -> bytes:
        return self._digest + struct.pack(">QB", number, last)
