"""Doubles that fail at the k-th thing a sequencer does: before it happened, or after it did happen.

`Tripwire` counts commits, object operations and key operations alike. What it does when its number comes up is the
test's choice: raise as a store does that cannot be reached, or end the process as `kill -9` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lapel.base.errors import Unavailable
from lapel.custody.sequencer import Sequencer
from lapel.storage.keys import Keys
from lapel.storage.objects import ObjectStat, ObjectStore, Stores, Upload
from lapel.storage.postgres import Connection


def unreachable() -> None:
    raise Unavailable("A test pulled the cable.")


@dataclass(slots=True)
class Tripwire:
    """Trips at event number `at` (from 1), before the event or after it."""

    at: int
    after: bool
    trips: Callable[[], None] = unreachable
    count: int = 0

    def through(self, act: Callable[[], Any]) -> Any:
        number = self.begin()
        done = act()
        self.end(number)
        return done

    def begin(self) -> int:
        self.count += 1
        if self.count == self.at and not self.after:
            self.trips()
        return self.count

    def end(self, number: int) -> None:
        """Writes happen inside a commit's event, so an event is known by the number it began with."""
        if number == self.at and self.after:
            self.trips()

    @property
    def tripped(self) -> bool:
        return self.count >= self.at


@dataclass(frozen=True, slots=True)
class FailingStore(ObjectStore):
    """A store whose writes may fail, persisted or not."""

    inner: ObjectStore
    wire: Tripwire

    def upload(self) -> Upload:
        return self.inner.upload()

    def put_new(self, name: str, data: bytes) -> None:
        self.wire.through(lambda: self.inner.put_new(name, data))

    def replace(self, name: str, data: bytes) -> None:
        self.wire.through(lambda: self.inner.replace(name, data))

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        return self.inner.read(name, start, length)

    def stat(self, name: str) -> ObjectStat:
        return self.inner.stat(name)

    def list(self, prefix: str = "") -> Iterator[str]:
        return self.inner.list(prefix)

    def delete(self, name: str) -> None:
        self.inner.delete(name)


@dataclass(frozen=True, slots=True)
class FailingKeys(Keys):
    """A key agent that may not answer, having done what it was asked or not."""

    inner: Keys
    wire: Tripwire

    def new_recording_key(self, agency: str) -> bytes:
        return self.inner.new_recording_key(agency)

    def wrap(self, agency: str, purpose: str, plain: bytes, *, under: bytes | None = None) -> bytes:
        wrapped: bytes = self.wire.through(lambda: self.inner.wrap(agency, purpose, plain, under=under))
        return wrapped

    def unwrap(self, agency: str, purpose: str, blob: bytes, *, under: bytes | None = None) -> bytes:
        return self.inner.unwrap(agency, purpose, blob, under=under)

    def sign(self, key: str, message: bytes) -> bytes:
        signature: bytes = self.wire.through(lambda: self.inner.sign(key, message))
        return signature

    def public_key(self, key: str) -> bytes:
        return self.inner.public_key(key)


def failing_stores(stores: Stores, wire: Tripwire) -> Stores:
    """The three stores that a sequencer writes to, behind the wire."""
    return Stores(
        originals=stores.originals,
        sidecars=stores.sidecars,
        derived=stores.derived,
        keys=stores.keys,
        log_private=FailingStore(stores.log_private, wire),
        log_keys=FailingStore(stores.log_keys, wire),
        public=FailingStore(stores.public, wire),
    )


class FailingSequencer(Sequencer):
    """A sequencer whose commits go through the wire too."""

    wire: Tripwire

    @contextmanager
    def _tx(self) -> Iterator[Connection]:
        number = self.wire.begin()
        with super()._tx() as conn:
            yield conn
        self.wire.end(number)


def failing(
    url: str, keys: Keys, stores: Stores, origin: str, wire: Tripwire, *, batch: int = 4096
) -> FailingSequencer:
    """A sequencer, its stores, its keys and its commits behind one wire."""
    one = FailingSequencer(
        url, FailingKeys(keys, wire), failing_stores(stores, wire), origin, 1.0, batch=batch
    )
    one.wire = wire
    return one
