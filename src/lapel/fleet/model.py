"""Which cameras are there? Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera. `known` is False while footage alone says that it exists; `clock_off_s` is what was last seen of its clock."""

    id: str
    agency: str
    serial: str
    maker: str | None
    model: str | None
    firmware: str | None
    name: str | None
    active: bool
    known: bool
    last_seen_at: datetime
    clock_off_s: int | None

    @property
    def label(self) -> str:
        """What a page calls this camera."""
        return f"Camera {self.serial}"
