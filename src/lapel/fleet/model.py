"""Which cameras are there, and what is planned? Values only; who had which one when is `calendar`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

Status = Literal["in stock", "issued", "in repair", "lost", "retired"]
CheckOutcome = Literal[
    "sound", "does_not_start", "does_not_record", "no_picture", "no_sound", "clock_wrong", "battery_low", "damaged", "no_mount", "other",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera. `known` is False while footage alone says that it exists; `status` None: nobody has said.

    `clock_off_s` is what was last seen of its clock, at `clock_seen_at`; `buffer_s` what it keeps from before the button.
    """

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
    status: Status | None = None
    office: str | None = None
    buffer_s: int | None = None
    last_docked_at: datetime | None = None
    clock_seen_at: datetime | None = None

    @property
    def label(self) -> str:
        """What a page calls this camera."""
        return f"Camera {self.serial}"


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A camera became this, at an instant, for a reason, by somebody."""

    camera: str
    status: Status
    at: datetime
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Check:
    """A pre-shift check: was the camera `sound`? `outcome`: in a code (`keeping.CHECK_OUTCOMES`); `says`: what was not."""

    camera: str
    officer: str | None
    at: datetime
    sound: bool
    says: str
    by: str
    outcome: CheckOutcome = "sound"


@dataclass(frozen=True, slots=True)
class Deployment:
    """An office is to have cameras on the days [from_on, until_on), by the adopted plan."""

    office: str
    from_on: date
    until_on: date | None
    cameras: int
    officers: int


@dataclass(frozen=True, slots=True)
class InForce:
    """The plan that an agency has adopted. `quarters`: what it covers, as docs/formats/deployment-plan.md says."""

    id: str
    agency: str
    sha256: str
    quarters: Mapping[str, Any]
    adopted_at: datetime
    adopted_by: str
