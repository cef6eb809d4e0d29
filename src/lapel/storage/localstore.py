"""How are objects kept in a directory, so that what was acknowledged survives a power cut?

Bytes go to a temporary file in the store, are fsynced, and get their name by link(2), which never replaces anything;
then the directory is fsynced, and its parents when they are new. Files are 0400.

    ROOT/=writing/       temporary files; those whose writers are gone are swept when a store is opened
    ROOT/=ab/abcdef…     names of one segment that begin with two hex digits, 256 directories of them: one directory
                         of a hundred million entries is slow to list and to repair
    ROOT/log/tile/…      every other name, as it is

No name of an object holds `=`, so these never meet.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import heapq
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from lapel.base.errors import Conflict, Invalid, NotFound, Unavailable
from lapel.storage.localupload import LocalUpload, sync
from lapel.storage.objects import ObjectStat, ObjectStore, Stores, check_name

_FANNED = re.compile(r"[0-9a-f]{2}[^/]*")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class LocalStore(ObjectStore):
    """An object store in the directory `root`, which is made when it is absent."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._writing = root / "=writing"
        self._durable: set[Path] = set()
        with os_errors():
            self._writing.mkdir(parents=True, exist_ok=True)
            self.make_durable(self._writing)
            _sweep(self._writing)

    def upload(self) -> LocalUpload:
        return LocalUpload(self, self._writing)

    def put_new(self, name: str, data: bytes) -> None:
        check_name(name)
        with LocalUpload(self, self._writing, name) as upload:
            upload.write(data)
            try:
                upload.commit()
            except Conflict:
                if self.read(name) != data:
                    raise
                with os_errors(name):  # the first writer may have died between its link and its fsync
                    sync(self.path(name).parent)

    def replace(self, name: str, data: bytes) -> None:
        check_name(name)
        with LocalUpload(self, self._writing, name) as upload:
            upload.write(data)
            upload.commit_over()

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        if start < 0 or (length is not None and length < 0):
            raise Invalid("A range begins at 0 or later and is not negative.")
        with os_errors(name), self.path(name).open("rb", buffering=0) as source:
            if length is None:
                length = max(0, os.fstat(source.fileno()).st_size - start)
            parts = []
            while length > 0 and (part := os.pread(source.fileno(), length, start)):
                parts.append(part)
                start += len(part)
                length -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def stat(self, name: str) -> ObjectStat:
        with os_errors(name):
            there = self.path(name).stat()
        return ObjectStat(there.st_size, datetime.fromtimestamp(there.st_mtime, UTC))

    def list(self, prefix: str = "") -> Iterator[str]:
        return heapq.merge(_walk(self._root, "", prefix), _walk_fanned(self._root, prefix))

    def delete(self, name: str) -> None:
        path = self.path(name)
        with os_errors(name):
            path.unlink()
            sync(path.parent)

    def path(self, name: str) -> Path:
        """Where an object of this name lies, whether or not it is there. Raises `Invalid`."""
        check_name(name)
        return self._root / f"={name[:2]}" / name if _FANNED.fullmatch(name) else self._root / name

    def make_durable(self, directory: Path) -> None:
        """Make a directory below the root, so that it and its way from the root survive a power cut."""
        if directory in self._durable:
            return
        directory.mkdir(parents=True, exist_ok=True)
        # Another process may have made it and not synced it yet, so the whole way is synced once per process.
        for step in (directory, *directory.parents):
            sync(step)
            if step == self._root.parent:
                break
        self._durable.add(directory)


def local_stores(root: Path) -> Stores:
    """All stores of a department in one directory, side by side."""
    return Stores(
        originals=LocalStore(root / "originals"),
        sidecars=LocalStore(root / "sidecars"),
        derived=LocalStore(root / "derived"),
        keys=LocalStore(root / "keys"),
        log_private=LocalStore(root / "log-private"),
        log_keys=LocalStore(root / "log-keys"),
        public=LocalStore(root / "public"),
    )


@contextmanager
def os_errors(name: str = "") -> Iterator[None]:
    """The operating system's errors as ours; `name` is the object that the caller asked for."""
    try:
        yield
    except (FileNotFoundError, IsADirectoryError) as fault:
        if not name:
            raise Unavailable("The object store's directory is gone.") from fault
        raise NotFound(f"There is no object {name}.") from None
    except NotADirectoryError:
        raise NotFound(f"There is no object {name}.") from None
    except OSError as fault:
        if fault.errno in _FULL:
            raise Unavailable(
                "The object store is full.", status=507, next_step="Free space, then send it again."
            ) from fault
        raise Unavailable(
            f"The object store does not answer ({fault.strerror}).", next_step="Look at the disk."
        ) from fault


def _walk(directory: Path, above: str, prefix: str) -> Iterator[str]:
    # A directory sorts as if its name ended in `/`: so whole names come out in order.
    for order, entry in _entries(directory):
        if entry.name.startswith("="):
            continue
        name = f"{above}{order}"
        if order.endswith("/"):
            if name.startswith(prefix) or prefix.startswith(name):
                yield from _walk(Path(entry.path), name, prefix)
        elif name.startswith(prefix):
            yield name


def _walk_fanned(root: Path, prefix: str) -> Iterator[str]:
    for order, fan in _entries(root):
        first = order[1:3]
        if len(order) == 4 and order[0] == "=" and (first.startswith(prefix) or prefix.startswith(first)):
            yield from (name for name, _ in _entries(Path(fan.path)) if name.startswith(prefix))


def _entries(directory: Path) -> list[tuple[str, os.DirEntry[str]]]:
    try:
        with os.scandir(directory) as found:
            return sorted(
                (
                    (f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name, entry)
                    for entry in found
                ),
                key=lambda pair: pair[0],
            )
    except FileNotFoundError:
        return []


def _sweep(writing: Path) -> None:
    for entry in os.scandir(writing):
        # BlockingIOError: its writer lives.
        with contextlib.suppress(FileNotFoundError, BlockingIOError), open(entry.path, "rb") as left:
            fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(entry.path)
