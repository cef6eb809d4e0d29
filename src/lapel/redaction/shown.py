"""What do the pages of redactions show? The models behind them and their `.json`; instants are UTC."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, Field


class RedactionRow(BaseModel):
    """One redaction in a list. `age_s`: since it was asked for; `action`: the one thing to do."""

    url: str
    number: str
    recording_url: str
    agency: str
    clip: str
    state: str
    state_says: str
    left: str
    why: str
    action: str
    asked_at: datetime
    due_on: date | None
    mine_to_read: bool


class Redactions(BaseModel):
    """Redactions under way, the oldest first, and those that are made."""

    headline: str
    waiting: list[RedactionRow]
    made: list[RedactionRow]


class RevisionShown(BaseModel):
    revision: int
    at: datetime
    by: str
    says: str


class DeskShown(BaseModel):
    """What the desk needs to draw the clip. `state` is what its script reads; `turn`: how the browser turned the picture.

    `sound_says`: how the words are used, or why there are none.
    """

    play_url: str
    shown_width: int
    shown_height: int
    turn: str
    length_s: int
    sound_says: str
    state: dict[str, Any]


class RedactionShown(BaseModel):
    """One redaction. `desk` is null before there is a plan."""

    url: str
    number: str
    recording_url: str
    agency: str
    clip: str
    state: str
    state_says: str
    headline: str
    left: str
    says: str
    progress_milli: int
    revision: int
    watched_says: str
    accepted_by: str | None
    accepted_at: datetime | None
    second_by: str | None
    second_at: datetime | None
    rendered_at: datetime | None
    size_bytes: int | None
    revisions: list[RevisionShown]
    reasons: list[str]
    desk: DeskShown | None
    copy_url: str | None
    problem: str | None = None
    next_step: str | None = None


class CopyReport(BaseModel):
    """What the manifest reports of the work; `null`: nobody counted."""

    frames: int
    looks: int
    tracks: int
    accepted_by: dict[str, int]
    rejected: int
    silenced: int
    suspects: int
    suspects_looked_at: int
    frames_watched: int | None
    still_seen: int | None
    groups: int
    groups_encoded_again: int
    complete: bool


class CopyFileShown(BaseModel):
    name: str
    size_bytes: int
    sha256: str


class CopyShown(BaseModel):
    """A redacted copy. `zip_url` is null for an unreviewed one, which is handed to nobody."""

    url: str
    number: str
    recording_url: str
    redaction_url: str | None
    agency: str
    headline: str
    reviewed: bool
    made_by: str
    made_at: datetime
    size_bytes: int
    clips: int
    clips_shown: int
    manifest_sha256: str
    report: CopyReport
    accepted_by: list[str]
    files: list[CopyFileShown]
    plays: list[str]
    zip_url: str | None
    folder: str
    verifier: str
    problem: str | None = None
    next_step: str | None = None


class Span(BaseModel):
    """Microseconds from the clip's first frame."""

    begins_us: int = Field(ge=0, le=1 << 50)
    ends_us: int = Field(ge=0, le=1 << 50)


class Watched(BaseModel):
    spans: list[Span] = Field(max_length=1000)


class Orders(BaseModel):
    """`base`: the revision that the person saw; `edits`: orders as `redaction.orders` knows them, all or none."""

    base: int = Field(ge=1, le=1 << 30)
    edits: list[dict[str, Any]] = Field(min_length=1, max_length=200)


class PlanNow(BaseModel):
    """The newest plan. `chosen`: the track that an edit made; `open`: may it still be edited?"""

    plan: dict[str, Any]
    revision: int
    open: bool
    says: str = ""
    chosen: str = ""


class Says(BaseModel):
    says: str
