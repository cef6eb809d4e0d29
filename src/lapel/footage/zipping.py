"""How is a zip sent while it is made? Stored and not compressed; nothing of it is held or written to a disk."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any


class _Tray(io.RawIOBase):
    """Where the zip is written: what lies on it is taken away at once, so nothing grows."""

    def __init__(self) -> None:
        self._lying: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._lying.append(bytes(data))
        return len(self._lying[-1])

    def taken(self) -> bytes:
        lying, self._lying = b"".join(self._lying), []
        return lying


def zipped(files: Iterable[tuple[str, int, Iterable[bytes]]], at: datetime) -> Iterator[bytes]:
    """The zip of these files (name, size, chunks) in chunks, each dated `at`. Raises what the chunks raise."""
    tray = _Tray()
    with zipfile.ZipFile(tray, "w", zipfile.ZIP_STORED, allowZip64=True) as out:
        for name, size, chunks in files:
            with out.open(_member(name, at), "w", force_zip64=size > 1 << 31) as slot:
                for chunk in chunks:
                    slot.write(chunk)
                    yield tray.taken()
            yield tray.taken()
    yield tray.taken()


def _member(name: str, at: datetime) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name, at.astimezone(UTC).timetuple()[:6])
    made.external_attr = 0o100644 << 16
    return made
