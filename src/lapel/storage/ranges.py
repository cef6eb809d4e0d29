"""How do a parser in its cell and its keeper talk? Short messages over one socket: the cell asks for ranges of the file.

A message: kind (1 byte), length of the body (4 bytes, big-endian), body. From the cell: `R` a range wanted (offset 8
bytes, length 4), `S` the limits are on (JSON), `B` a blob, `J` the answer (JSON), `X` why there is none (JSON). To the
cell: `Q` the request (JSON), `D` the bytes of a range.
"""

from __future__ import annotations

import os
import struct
from collections import OrderedDict

HEAD = struct.Struct(">cI")
RANGE = struct.Struct(">QI")
BLOCK_BYTES = 1 << 20
KEPT_BLOCKS = 8


class KeeperGoneError(Exception):
    """Nobody listens any more, or not in our language."""


class Line:
    """The cell's end of the socket, by file descriptor. Raises `KeeperGoneError`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def send(self, kind: bytes, body: bytes | bytearray = b"") -> None:
        """One message; returns when the kernel has it."""
        left = memoryview(HEAD.pack(kind, len(body)) + body)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError:
            raise KeeperGoneError from None

    def receive(self) -> tuple[bytes, bytearray]:
        """The next message: its kind and its body."""
        kind, size = HEAD.unpack(self._exactly(HEAD.size))
        return kind, self._exactly(size)

    def _exactly(self, size: int) -> bytearray:
        body = bytearray(size)
        left = memoryview(body)
        while left:
            got = os.readv(self._descriptor, [left])
            if got == 0:
                raise KeeperGoneError
            left = left[got:]
        return body


class RemoteFile:
    """The file as a seekable object of a few kept blocks; what a parser reads, the keeper decrypts."""

    def __init__(self, line: Line, size: int) -> None:
        self._line = line
        self._size = size
        self._at = 0
        self._blocks: OrderedDict[int, bytearray] = OrderedDict()

    def read(self, count: int = -1) -> bytes:
        """At most `count` bytes from where we are, at most to the end of a block; empty at the end of the file."""
        if count < 0:
            count = self._size - self._at
        number, inside = divmod(self._at, BLOCK_BYTES)
        if count == 0 or self._at >= self._size:
            return b""
        piece = bytes(memoryview(self._block(number))[inside : inside + count])
        self._at += len(piece)
        return piece

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move; returns where we are."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """Where we are."""
        return self._at

    def seekable(self) -> bool:
        """Yes."""
        return True

    def _block(self, number: int) -> bytearray:
        kept = self._blocks.get(number)
        if kept is not None:
            self._blocks.move_to_end(number)
            return kept
        start = number * BLOCK_BYTES
        wanted = min(BLOCK_BYTES, self._size - start)
        self._line.send(b"R", RANGE.pack(start, wanted))
        kind, block = self._line.receive()
        if kind != b"D" or len(block) != wanted:
            raise KeeperGoneError
        self._blocks[number] = block
        if len(self._blocks) > KEPT_BLOCKS:
            self._blocks.popitem(last=False)
        return block
