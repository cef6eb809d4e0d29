"""What is a redaction of a clip? Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

State = Literal["proposing", "open", "accepted", "second_read", "rendering", "rendered", "stopped"]

STATES: dict[str, str] = {
    "proposing": "Looking for faces, plates and words",
    "open": "To decide",
    "accepted": "Waits for a second reader",
    "second_read": "Agreed by two people",
    "rendering": "Being made",
    "rendered": "Made",
    "stopped": "Stopped",
}


@dataclass(frozen=True, slots=True)
class Redaction:
    """The work of hiding things in one clip. `left_tracks` and `left_suspects`: what nobody has decided yet."""

    id: str
    agency: str
    recording: str
    original: str
    state: State
    says: str
    progress_milli: int
    revision: int
    left_tracks: int
    left_suspects: int
    watched_milli: int
    asked_by: str
    asked_at: datetime
    due_on: date | None
    accepted_by: str | None
    accepted_at: datetime | None
    plan_sha256: str | None
    second_by: str | None
    second_at: datetime | None
    object: str | None
    size_bytes: int | None
    object_key: bytes | None
    rendered_at: datetime | None
    number: str
    clip: str


@dataclass(frozen=True, slots=True)
class Revision:
    """One edit of a plan, in words. `undoes`: the revision it took back."""

    revision: int
    says: str
    undoes: int | None
    made_by: str
    made_at: datetime
