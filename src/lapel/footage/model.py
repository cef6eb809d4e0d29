"""What is a recording, and what is it made of? Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Kind = Literal["clip", "trail", "key", "other"]
OriginalState = Literal["waiting", "inspected", "unreadable", "fault"]
Facts = Mapping[str, Any]

# Flags say what a person should look at. They are words of ours, stable, and listed in docs/operate.md.
WEARER_UNKNOWN = "wearer-unknown"
CAMERA_UNKNOWN = "camera-unknown"
CLOCK_OFF = "clock-off"
NO_DURATION = "no-duration"
REJECTED_BY_CAMERA = "rejected-by-camera"
SAME_NAME_OTHER_BYTES = "same-name-other-bytes"
REPLACED = "replaced"
LATE = "late"
BAD_ENCODING = "bad-encoding"

# What a new department's wearers choose from until it says otherwise; retention hangs on these later.
FIRST_CATEGORIES = (
    "Arrest", "Emergency call", "Interview", "Patrol", "Search warrant", "Training", "Use of force", "Recorded by accident",
)  # fmt: skip
NAME_UNREADABLE = "name-unreadable"
CUT = "cut-to-size"


@dataclass(frozen=True, slots=True)
class Recording:
    """One activation of one camera by one wearer. Instants are the camera's, uncorrected."""

    id: str
    agency: str
    number: str
    external_id: str | None
    office: str | None
    wearer: str | None
    camera: str | None
    source: Literal["camera", "hand"]
    state: Literal["receiving", "complete"]
    started_at: datetime | None
    ended_at: datetime | None
    zone: str | None
    facts: Facts
    flags: list[str]
    category: str | None
    category_by: str | None
    suggested_category: str | None
    note: str
    wrapped_key: bytes = field(repr=False)
    announced_at: datetime
    completed_at: datetime | None
    restricted: bool = False
    first_report_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Original:
    """The bytes as they came: a clip, a location trail, a key. `size_bytes` is the plain size; `beside` means not the one shown."""

    id: str
    agency: str
    recording: str
    kind: Kind
    name: str
    object: str
    size_bytes: int
    sha256: str
    object_key: bytes = field(repr=False)
    started_at: datetime | None
    ended_at: datetime | None
    facts: Facts
    flags: list[str]
    beside: bool
    received_at: datetime
    entry: str
    state: OriginalState
    reason: str
    inspection: Facts | None
    media_root: str | None
    inspected_at: datetime | None


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A moment somebody marked, on the camera or on a page. `at` None means the whole recording."""

    id: str
    agency: str
    recording: str
    external_id: str | None
    at: datetime | None
    until: datetime | None
    words: str
    category: str | None
    facts: Facts
    made_by: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Announced:
    """What is said of a recording when it is announced or told about again; None means not said."""

    external_id: str | None = None
    wearer: str | None = None
    camera: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    zone: str | None = None
    facts: Facts = field(default_factory=dict)
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """What the sender says of one file of a recording."""

    kind: Kind
    name: str
    started_at: datetime | None = None
    ended_at: datetime | None = None
    facts: Facts = field(default_factory=dict)
    flags: tuple[str, ...] = ()
