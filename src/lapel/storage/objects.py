"""Where do bytes live, and what may a caller count on?

The contract of every store, checked by one suite (tests/storage/test_objects.py):

- **Durable when it returns.** After `commit`, `put_new`, `replace` and `delete` return, power may fail. When they raise
  `Unavailable` the outcome is unknown: the bytes may be there or not, never in part. Repeating is always right.
- **Written once.** A name that exists never changes its bytes, but for the few that `replace` is meant for.
- **Whole or absent.** No reader and no listing ever sees half an object.
- **Any thread, any process** may call any method at the same time. Of two `put_new` of one name with different bytes
  exactly one succeeds. One `Upload` belongs to one thread at a time.
- **Names** are segments of `[A-Za-z0-9._-]`, joined by `/`, none of them `.` or `..`, at most 255 bytes each; anything
  else is `Invalid`. A name never leads out of the store.
- **Listing** is sorted by name, and tells what was there when it began; what comes or goes meanwhile may be missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lapel.base.errors import Invalid

Buffer = bytes | bytearray | memoryview

_SEGMENT = re.compile(r"[A-Za-z0-9._-]{1,255}")
_LONGEST_NAME = 900


@dataclass(frozen=True, slots=True)
class ObjectStat:
    """What is known of an object without reading it: its size, and when the store took it (the store's own clock)."""

    bytes: int
    stored_at: datetime


class Upload(AbstractContextManager["Upload"], Protocol):
    """An object being written. Leaving the context without `commit` discards it."""

    @property
    def name(self) -> str:
        """The object's random name, 32 hex digits, known from the start."""

    def write(self, data: Buffer) -> None:
        """Append. The buffer may be used again on return. Raises `Unavailable` (507 when the store is full)."""

    def commit(self) -> None:
        """Make the object durable and visible. Raises `Unavailable`: then whether it is there is unknown."""

    def discard(self) -> None:
        """Forget what was written. Does nothing after `commit`, and never raises for want of space."""


class ObjectStore(Protocol):
    """See the contract above. All methods raise `Unavailable` when the store does not answer or is full (507)."""

    def upload(self) -> Upload:
        """Begin a new object under a fresh random name."""

    def put_new(self, name: str, data: bytes) -> None:
        """Store a small object. Equal bytes already there are success; different bytes raise `Conflict`."""

    def replace(self, name: str, data: bytes) -> None:
        """Store or overwrite, atomically. Only for objects meant to change: checkpoint, log keys, sidecars."""

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        """Bytes [start, start + length), cut at the end; to the end when `length` is None. Raises `NotFound`."""

    def stat(self, name: str) -> ObjectStat:
        """Size and age. Raises `NotFound`."""

    def list(self, prefix: str = "") -> Iterator[str]:
        """The names that begin with `prefix`, sorted."""

    def delete(self, name: str) -> None:
        """Remove. Raises `NotFound` when it is not there."""


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores by what is in them; each may have credentials of its own (docs/operate.md)."""

    originals: ObjectStore
    sidecars: ObjectStore
    derived: ObjectStore
    keys: ObjectStore
    log_private: ObjectStore
    log_keys: ObjectStore
    public: ObjectStore


def check_name(name: str) -> str:
    """The name, when it is one. Raises `Invalid`."""
    segments = name.split("/")
    if len(name) > _LONGEST_NAME or any(
        not _SEGMENT.fullmatch(segment) or segment in (".", "..") for segment in segments
    ):
        raise Invalid(f"“{name[:60]!r}” cannot be the name of an object.")
    return name
