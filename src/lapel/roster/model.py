"""Who wears a camera? Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Officer:
    """A person who wears a camera. `known` is False while footage alone says that this person exists."""

    id: str
    agency: str
    office: str | None
    badge: str | None
    external_id: str | None
    name: str | None
    active: bool
    known: bool
    seen_at: datetime

    @property
    def label(self) -> str:
        """What a page calls this person: the badge number where there is one, never a name."""
        return (
            f"Officer {self.badge}" if self.badge else f"Unknown wearer {(self.external_id or self.id)[:8]}"
        )


@dataclass(frozen=True, slots=True)
class Office:
    """The lowest level that owns people and cameras."""

    id: str
    agency: str
    name: str
