"""What happens to the bytes of a file on its way in? One pass: hashed, sealed, stored, with at most two frames in memory."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from lapel.storage.archive import Archive
from lapel.storage.objects import Upload
from lapel.storage.sealed import Sealer


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes that are sealed in the store but not yet committed there: `upload.commit()` makes them durable."""

    upload: Upload
    key: bytes = field(repr=False)
    size_bytes: int
    sha256: str
    md5: str = ""  # only where a protocol asks for it: a transport checksum that proves nothing


class Incoming:
    """One file on its way in: hashed, sealed and stored in one pass, with at most a frame of it in memory."""

    def __init__(self, archive: Archive) -> None:
        self._upload = archive.stores.originals.upload()
        self._key = os.urandom(32)
        self._sealer = Sealer(self._upload, self._key, self._upload.name)
        self._sha256 = hashlib.sha256()
        self.size_bytes = 0

    def write(self, chunk: bytes | bytearray | memoryview) -> None:
        """Take the next bytes. Raises `Unavailable` (507 when the disk is full)."""
        self._sha256.update(chunk)
        self._sealer.write(chunk)
        self.size_bytes += len(chunk)

    def finish(self) -> Stored:
        """Close the last frame; the digests are known from here on."""
        self._sealer.finish()
        return Stored(
            upload=self._upload,
            key=self._key,
            size_bytes=self.size_bytes,
            sha256=self._sha256.hexdigest(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._upload.discard()  # nothing happens to what was committed
