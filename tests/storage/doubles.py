"""Stores that are not there to keep things: one in memory, and ones that fail in the ways that disks and networks do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from lapel.base.errors import Conflict, Invalid, NotFound, Unavailable
from lapel.base.ids import new_id
from lapel.storage.objects import Buffer, ObjectStat, ObjectStore, Upload, check_name


class MemoryStore(ObjectStore):
    """Objects in a dictionary: quick, and the shortest statement of the contract."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, datetime]] = {}

    def upload(self) -> Upload:
        return _MemoryUpload(self)

    def put_new(self, name: str, data: bytes) -> None:
        there = self.objects.setdefault(check_name(name), (bytes(data), datetime.now(UTC)))
        if there[0] != data:
            raise Conflict(f"An object named {name} is already there, and it differs.")

    def replace(self, name: str, data: bytes) -> None:
        self.objects[check_name(name)] = (bytes(data), datetime.now(UTC))

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        if start < 0 or (length or 0) < 0:
            raise Invalid("A range begins at 0 or later and is not negative.")
        return self._get(name)[0][start : None if length is None else start + length]

    def stat(self, name: str) -> ObjectStat:
        data, stored_at = self._get(name)
        return ObjectStat(len(data), stored_at)

    def list(self, prefix: str = "") -> Iterator[str]:
        return iter(sorted(name for name in self.objects if name.startswith(prefix)))

    def delete(self, name: str) -> None:
        self._get(name)
        del self.objects[name]

    def _get(self, name: str) -> tuple[bytes, datetime]:
        try:
            return self.objects[check_name(name)]
        except KeyError:
            raise NotFound(f"There is no object {name}.") from None


class _MemoryUpload(Upload):
    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._name = new_id()
        self._data: bytearray | None = bytearray()

    @property
    def name(self) -> str:
        return self._name

    def write(self, data: Buffer) -> None:
        if self._data is None:
            raise Invalid("This upload has ended.")
        self._data += data

    def commit(self) -> None:
        if self._data is None:
            raise Invalid("This upload has ended.")
        self._store.put_new(self._name, bytes(self._data))
        self._data = None

    def discard(self) -> None:
        self._data = None

    def __enter__(self) -> _MemoryUpload:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()


class Failing(ObjectStore):
    """A store of which chosen calls raise `Unavailable`, either after doing what was asked or without.

    `fails(call, name)` is asked once per changing call (`put_new`, `replace`, `delete`, `write`, `commit`); `persists`
    says whether the call then did its work. `status` 507 makes it a full disk.
    """

    def __init__(
        self, inner: ObjectStore, *, persists: bool, fails: Callable[[str, str], bool], status: int = 503
    ) -> None:
        self.inner = inner
        self._persists = persists
        self._fails = fails
        self._status = status

    @classmethod
    def every_first_time(cls, inner: ObjectStore, *, persists: bool) -> Failing:
        """The first call of each kind on each name fails, its repetition succeeds."""
        met: set[tuple[str, str]] = set()

        def first(call: str, name: str) -> bool:
            if call == "write" or (call, name) in met:
                return False
            met.add((call, name))
            return True

        return cls(inner, persists=persists, fails=first)

    @classmethod
    def at_call(cls, inner: ObjectStore, number: int, *, persists: bool, status: int = 503) -> Failing:
        """Only the changing call with this number (from 0) fails: walk the numbers to fail at every step."""
        count = iter(range(1 << 30))
        return cls(inner, persists=persists, fails=lambda *_: next(count) == number, status=status)

    @contextlib.contextmanager
    def around(self, call: str, name: str) -> Iterator[bool]:
        """Yields whether to do the work; raises afterwards when the call is to fail."""
        failing = self._fails(call, name)
        yield self._persists or not failing
        if failing:
            raise Unavailable(f"{call} of {name} failed on purpose.", status=self._status)

    def upload(self) -> Upload:
        return _FailingUpload(self, self.inner.upload())

    def put_new(self, name: str, data: bytes) -> None:
        with self.around("put_new", name) as really:
            if really:
                self.inner.put_new(name, data)

    def replace(self, name: str, data: bytes) -> None:
        with self.around("replace", name) as really:
            if really:
                self.inner.replace(name, data)

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        return self.inner.read(name, start, length)

    def stat(self, name: str) -> ObjectStat:
        return self.inner.stat(name)

    def list(self, prefix: str = "") -> Iterator[str]:
        return self.inner.list(prefix)

    def delete(self, name: str) -> None:
        with self.around("delete", name) as really:
            if really:
                self.inner.delete(name)


class _FailingUpload(Upload):
    def __init__(self, store: Failing, inner: Upload) -> None:
        self._store = store
        self._inner = inner

    @property
    def name(self) -> str:
        return self._inner.name

    def write(self, data: Buffer) -> None:
        with self._store.around("write", self.name) as really:
            if really:
                self._inner.write(data)

    def commit(self) -> None:
        with self._store.around("commit", self.name) as really:
            if really:
                self._inner.commit()

    def discard(self) -> None:
        self._inner.discard()

    def __enter__(self) -> _FailingUpload:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()
