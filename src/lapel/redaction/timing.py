"""How much is left of work that takes minutes? Its share, and the time that the rest takes if it goes on like this."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

_FIRST_S = 2.0  # before that nobody can say


@dataclass(slots=True)
class Progress:
    """Tells how far it is, at most once in `every_s` seconds: `kept(milli, words)` with the share in thousandths."""

    kept: Callable[[int, str], None]
    what: str
    every_s: float = 1.0
    begun_s: float = field(default_factory=time.monotonic)
    _last_s: float = 0.0

    def told(self, done: int, total: int) -> None:
        """So much is done of so much; a total of 0 is one that is not known."""
        now = time.monotonic()
        if now - self._last_s < self.every_s:
            return
        self._last_s = now
        milli = min(999, 1000 * done // total) if total else 0
        self.kept(milli, f"{self.what}{left(milli, now - self.begun_s)}")


def left(milli: int, passed_s: float) -> str:
    """The time left in words, with a comma before it; empty while nobody can say."""
    if milli < 20 or passed_s < _FIRST_S:
        return "."
    rest_s = passed_s * (1000 - milli) / milli
    if rest_s < 90:
        return f", about {max(5, 5 * round(rest_s / 5))} seconds left."
    return f", about {round(rest_s / 60)} minutes left."
