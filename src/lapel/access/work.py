"""What does a work list hold, whichever room it comes from? Each item has an age or a due date, one action, and why it is here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

MAX_ITEMS: Final = 25
COUNT_TO: Final = 1000


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to do: what it is called, at which address, since when it waits or when it is due, and about whom."""

    label: str
    url: str
    since: datetime
    due_at: datetime | None
    who: str
    says: str


@dataclass(frozen=True, slots=True)
class Group:
    """All work of one kind: the oldest items, and how many there are (`more` when counting stopped)."""

    key: str
    title: str
    action: str
    why: str
    all_url: str
    count: int
    more: bool
    items: tuple[Item, ...]


def group(key: str, title: str, action: str, why: str, all_url: str, items: Sequence[Item]) -> Group:
    """The group of all these items; the oldest come first."""
    return Group(
        key, title, action, why, all_url, len(items), len(items) >= COUNT_TO, tuple(items[:MAX_ITEMS])
    )
