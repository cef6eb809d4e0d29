"""A database, keys and stores of which any one call can be made to fail, so that a test can walk through all of them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "storage"))

import pytest
from doubles import Failing

from lapel.base.errors import Unavailable
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

# Which part fails, and whether it did its work all the same. A key agent keeps nothing, so it only ever did not.
WAYS = [
    pytest.param(part, persists, id=f"{part} {'but did persist' if persists else 'and did not'}")
    for part in ("database", "keys", "originals", "sidecars", "wrapped keys")
    for persists in (False, True)
    if not (part == "keys" and persists)
]


@dataclass(slots=True)
class Walk:
    """Counts the calls of one part; the one with number `fails_at` fails, with or without having done its work."""

    persists: bool
    status: int = 503
    fails_at: int = -1
    calls: int = 0

    def next_fails(self, *_: object) -> bool:
        self.calls += 1
        return self.calls - 1 == self.fails_at

    def error(self) -> Unavailable:
        return Unavailable("It failed on purpose.", status=self.status)

    def begin(self, fails_at: int) -> None:
        self.calls, self.fails_at = 0, fails_at


class FalteringDatabase:
    """Transactions that fail as a server does that goes away: before anything, or after the commit."""

    def __init__(self, inner: Any, walk: Walk) -> None:
        self._inner, self._walk = inner, walk

    @contextlib.contextmanager
    def tx(self, scope: Scope) -> Iterator[Connection]:
        fails = self._walk.next_fails()
        if fails and not self._walk.persists:
            raise self._walk.error()
        with self._inner.tx(scope) as conn:
            yield conn
        if fails:
            raise self._walk.error()


class FalteringKeys:
    """Keys whose agent goes away at one call."""

    def __init__(self, inner: Any, walk: Walk) -> None:
        self._inner, self._walk = inner, walk

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._inner, name)

        def asked(*args: Any, **named: Any) -> Any:
            if self._walk.next_fails():
                raise self._walk.error()
            return call(*args, **named)

        return asked


def faltering(archive: Archive, part: str, walk: Walk) -> Archive:
    """The archive with one part that fails where the walk says."""
    if part == "database":
        return replace(archive, db=FalteringDatabase(archive.db, walk))  # type: ignore[arg-type]
    if part == "keys":
        return replace(archive, keys=FalteringKeys(archive.keys, walk))  # type: ignore[arg-type]
    name = {"originals": "originals", "sidecars": "sidecars", "wrapped keys": "keys"}[part]
    inner = getattr(archive.stores, name)
    double = Failing(inner, persists=walk.persists, fails=walk.next_fails, status=walk.status)
    return replace(archive, stores=replace(archive.stores, **{name: double}))
