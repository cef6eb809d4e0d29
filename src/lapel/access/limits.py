"""How often may somebody ask? Token buckets in memory, one for each account and each address; no I/O.

A bucket holds so many requests and fills evenly; an empty one says how long to wait. Each process counts for itself, and
forgets what it counted when it ends: that is no defence against many machines, which is the proxy's, but against one program.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from lapel.base.errors import Unavailable

MOST_KEPT: Final = 20_000


@dataclass(frozen=True, slots=True)
class Rate:
    """`each_minute` on average, and as many at once. 0: no limit."""

    each_minute: int


class Buckets:
    """The buckets of one rate; safe to use from several threads. The least recently used are forgotten, which only lets more in."""

    def __init__(
        self, rate: Rate, *, now: Callable[[], float] = time.monotonic, most: int = MOST_KEPT
    ) -> None:
        self._size = float(rate.each_minute)
        self._now, self._most = now, most
        self._kept: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, who: str) -> float:
        """Take one. 0 when there was one, else the seconds until there is."""
        if not self._size:
            return 0.0
        with self._lock:
            now = self._now()
            left, since = self._kept.pop(who, (self._size, now))
            left = min(self._size, left + (now - since) * self._size / 60)
            taken = left >= 1
            self._kept[who] = (left - 1 if taken else left, now)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return 0.0 if taken else (1 - left) * 60 / self._size


@dataclass(frozen=True, slots=True)
class Limits:
    """What one door allows a minute; 0 is no limit.

    `account`: requests of one account. `changes`: those of them that change something. `address`: requests of one address
    (IPv6: its /64), whoever asks. `stranger`: those of them that nobody signed in has sent.
    """

    account: int = 0
    changes: int = 0
    address: int = 0
    stranger: int = 0


class Patience:
    """The limits of one door at work."""

    def __init__(self, limits: Limits, *, now: Callable[[], float] = time.monotonic) -> None:
        self._buckets = {
            name: Buckets(Rate(rate), now=now)
            for name, rate in (
                ("account", limits.account), ("changes", limits.changes), ("address", limits.address),
                ("stranger", limits.stranger),
            )
        }  # fmt: skip

    def arrive(self, source: str) -> None:
        """Count one request, before anything is read for it. Raises `Unavailable` (429) with how long to wait."""
        self._take("address", source, "this address")

    def ask(self, source: str, account: str | None, *, changes: bool) -> None:
        """Count it for who sent it, too. Raises the same."""
        if account is None:
            self._take("stranger", source, "this address, without being signed in")
            return
        self._take("account", account, "this account")
        if changes:
            self._take("changes", account, "this account, each changing something")

    def _take(self, bucket: str, who: str, says: str) -> None:
        wait_s = math.ceil(self._buckets[bucket].take(who))
        if wait_s:
            raise Unavailable(
                f"Too many requests came from {says}, so this one was not answered.",
                status=429,
                next_step=f"Wait {wait_s} second{'' if wait_s == 1 else 's'} and ask again; nothing was changed.",
                retry_after_s=wait_s,
            )
