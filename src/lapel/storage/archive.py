"""What does a process need at hand to keep evidence? Rows, objects and keys, opened for its own role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lapel.storage.keys import Keys
    from lapel.storage.objects import Stores
    from lapel.storage.postgres import Database


@dataclass(frozen=True, slots=True)
class Archive:
    """The three places where a thing is kept: its row, its bytes, its key."""

    db: Database
    stores: Stores
    keys: Keys
