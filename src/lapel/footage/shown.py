"""What does the page of a recording show? The models behind it and its `.json`; instants are UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from lapel.footage.shown_list import Choice


class FlagShown(BaseModel):
    flag: str
    says: str


class ClipShown(BaseModel):
    """An original of a recording. `play_url` is null when it is no video that could be played."""

    id: str
    name: str
    kind: str
    state: str
    says: str
    reason: str
    beside: bool
    started_at: datetime | None
    ended_at: datetime | None
    duration_s: float | None
    size_bytes: int
    sha256: str
    media_root: str | None
    tracks: list[str]
    frame_rate: float | None
    signed: str
    flags: list[FlagShown]
    received_at: datetime
    inspected_at: datetime | None
    media_type: str
    play_url: str | None
    download_url: str


class StretchShown(BaseModel):
    """A part of the time line, in seconds from its start. `original`: which clip; null for a gap."""

    kind: str
    start_s: float
    end_s: float
    original: str | None


class BookmarkShown(BaseModel):
    """A bookmark. `at_s`: its place on the time line; null when it marks the whole, or the place is unknown."""

    id: str
    at: datetime | None
    at_s: float | None
    until_s: float | None
    words: str
    made_by: str
    made_at: datetime


class ThumbnailShown(BaseModel):
    url: str
    at_s: float
    width_px: int
    height_px: int


class PointShown(BaseModel):
    """Where the camera was, `at_s` seconds after the start of the recording. Degrees, WGS 84."""

    at_s: float
    latitude: float
    longitude: float
    altitude_m: float | None
    utc: str | None


class ActShown(BaseModel):
    """One act of the history. `index`: its place in the log; `published`: a public checkpoint covers it."""

    entry: str
    at: datetime
    who: str
    says: str
    more: str
    act: str
    index: int | None
    published: bool
    proof_url: str


class CameraShown(BaseModel):
    serial: str
    maker: str | None
    model: str | None
    firmware: str | None
    known: bool


class DutyOnLine(BaseModel):
    """A duty of the wearer at that time. `at_s`, `until_s`: places on the recording's line, cut to it; `met`: what was recorded of it."""

    number: str
    url: str
    outcome: str
    activity: str
    begins_at: datetime
    ends_at: datetime
    at_s: float
    until_s: float
    recorded_share: float


class CaseLink(BaseModel):
    """A case that a recording is in."""

    number: str
    title: str
    agency: str
    url: str


class SharedShown(BaseModel):
    """By which share somebody of another agency sees a recording, for what and until when."""

    url: str
    by: str
    to: str
    acts: list[str]
    purpose: str
    until: datetime


class RecordingShown(BaseModel):
    """A recording: what it is, who wore it, when, where, what came of it, and everything that was done to it.

    `purpose`: for what the reader looks, as they said, until when. `may_decide`: they decide something of who may see it.
    """

    number: str
    url: str
    agency: str
    agency_name: str
    zone: str
    office: str | None
    wearer: str
    wearer_known: bool
    camera: CameraShown | None
    clock: str
    source: str
    state: str
    started_at: datetime | None
    ended_at: datetime | None
    announced_at: datetime
    completed_at: datetime | None
    duration_s: float
    size_bytes: int
    line_begins_at: datetime | None
    stretches: list[StretchShown]
    clips: list[ClipShown]
    others: list[ClipShown]
    thumbnails: list[ThumbnailShown]
    bookmarks: list[BookmarkShown]
    trail: list[PointShown]
    flags: list[FlagShown]
    facts: dict[str, Any]
    category: str | None
    category_by: str | None
    suggested_category: str | None
    categories: list[Choice]
    note: str
    history: list[ActShown]
    duties: list[DutyOnLine] = []
    cases: list[CaseLink] = []
    shared: SharedShown | None = None
    restricted: bool = False
    purpose: str = ""
    purpose_until: datetime | None = None
    may_decide: bool = False


class Proof(BaseModel):
    """What can be proved of one act. `receipt`: the file to give away; null until a checkpoint covers the act."""

    number: str
    recording_url: str
    act: ActShown
    agency: str
    pending: bool
    status: int | None
    proved: list[str]
    not_proved: list[str]
    wrong: list[str]
    opened: dict[str, Any]
    hidden: list[str]
    receipt_url: str
    receipt: dict[str, Any] | None
