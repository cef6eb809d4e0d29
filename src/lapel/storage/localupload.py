"""How does one object get into a directory store, whole or not at all?"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from lapel.base.errors import Conflict, Invalid
from lapel.base.ids import new_id
from lapel.storage.objects import Buffer, Upload

if TYPE_CHECKING:
    from lapel.storage.localstore import LocalStore


_FLUSH_EVERY_BYTES = 8 << 20
_SYNC_FILE_RANGE_WRITE = 2
_libc = ctypes.CDLL(None)


class LocalUpload(Upload):
    """A temporary file that its writer holds locked, so that a sweep can tell the dead from the living."""

    def __init__(self, store: LocalStore, writing: Path, name: str | None = None) -> None:
        from lapel.storage.localstore import os_errors

        self._store = store
        self._name = name or new_id()
        self._os_errors = os_errors
        with os_errors():
            self._file, self._temporary = _open_locked(writing)
        self._written = self._flushing = 0

    @property
    def name(self) -> str:
        return self._name

    def write(self, data: Buffer) -> None:
        left = memoryview(data).cast("B")
        self._check_open()
        with self._os_errors():
            while left:
                count = os.write(self._file, left)
                self._written += count
                left = left[count:]
        if self._written - self._flushing >= _FLUSH_EVERY_BYTES:
            _begin_flush(self._file, self._flushing, self._written - self._flushing)
            self._flushing = self._written

    def commit(self) -> None:
        """As the contract says; raises `Conflict` when the name is taken."""
        path = self._prepare()
        try:
            with self._os_errors():
                try:
                    os.link(self._temporary, path)
                except FileExistsError:
                    raise Conflict(
                        f"An object named {self._name} is already there, and it differs."
                    ) from None
                sync(path.parent)
        finally:
            self.discard()

    def commit_over(self) -> None:
        """Like `commit`, but an object of this name is replaced."""
        path = self._prepare()
        try:
            with self._os_errors():
                self._temporary.replace(path)
                sync(path.parent)
        finally:
            self.discard()

    def discard(self) -> None:
        if self._file < 0:
            return
        with contextlib.suppress(OSError):
            self._temporary.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            os.close(self._file)
        self._file = -1

    def __enter__(self) -> LocalUpload:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None
    ) -> None:
        self.discard()

    def _prepare(self) -> Path:
        self._check_open()
        path = self._store.path(self._name)
        with self._os_errors():
            os.fsync(self._file)
            try:
                self._store.make_durable(path.parent)
            except (FileExistsError, NotADirectoryError):
                raise Invalid(f"A part of the name {self._name} is itself the name of an object.") from None
            if path.is_dir():
                raise Invalid(f"Other objects' names begin with {self._name}/.")
        return path

    def _check_open(self) -> None:
        if self._file < 0:
            raise Invalid("This upload has ended.")


def _begin_flush(file: int, start: int, length: int) -> None:
    """Let the disk begin on these bytes, so that the fsync at the end finds little to do. It promises nothing by itself."""
    begin = getattr(_libc, "sync_file_range", None)  # Linux only; elsewhere the fsync does all of it
    if begin is not None:
        begin(file, ctypes.c_int64(start), ctypes.c_int64(length), _SYNC_FILE_RANGE_WRITE)


def sync(directory: Path) -> None:
    """Make the names in a directory durable."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _open_locked(writing: Path) -> tuple[int, Path]:
    while True:
        path = writing / new_id()
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
        fcntl.flock(file, fcntl.LOCK_SH)
        if os.fstat(file).st_nlink:  # else a sweep took it between the two calls
            return file, path
        os.close(file)
