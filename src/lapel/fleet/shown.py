"""What do the fleet's pages show? Models for people (templates) and programs (JSON) alike."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel

from lapel.access.chart_web import stacked_bars

# Blue and orange are told apart by everybody, and the table says the same.
COVERED = {"in offices with cameras": "#2378c3", "not yet": "#c05600"}


class Option(BaseModel):
    """Something to choose."""

    value: str
    label: str


class CameraRow(BaseModel):
    """A camera in a list. `holder`: who has it; `holders`: how many, by what the calendar says."""

    id: str
    agency: str
    serial: str
    url: str
    maker: str | None
    model: str | None
    firmware: str | None
    status: str
    office: str | None
    holder: str | None
    holder_url: str | None
    holders: int
    held_since: datetime | None
    last_docked_at: datetime | None
    clock_off_s: int | None
    clock_seen_at: datetime | None
    check: str
    check_says: str
    checked_at: datetime | None


class Cameras(BaseModel):
    """The fleet: how many of what, and a page of the list."""

    headline: str
    find: str
    state: str
    states: list[Option]
    counts: dict[str, int]
    failing: int
    rows: list[CameraRow]
    next: str | None
    first: str
    is_first: bool
    csv: str


class SpanShown(BaseModel):
    """A span of the calendar. `believed` is False for what was corrected; `until_known`: when it was."""

    id: str
    agency: str
    camera: str
    camera_url: str
    officer: str
    officer_url: str | None
    begins_at: datetime
    ends_at: datetime | None
    known_from: datetime
    known_until: datetime | None
    believed: bool
    replaces: str | None
    reason: str
    by: str


class StatusShown(BaseModel):
    """A camera became this."""

    status: str
    at: datetime
    reason: str
    by: str


class CheckShown(BaseModel):
    """A check before a shift."""

    outcome: str
    outcome_says: str
    at: datetime
    words: str
    officer: str | None


class CameraPage(BaseModel):
    """One camera: what it is, with whom it was when, and what is said of it."""

    headline: str
    camera: CameraRow
    label: str | None
    buffer_s: int | None
    known: bool
    last_seen_at: datetime
    calendar: list[SpanShown]
    before: list[SpanShown]
    statuses: list[StatusShown]
    checks: list[CheckShown]
    may_keep: bool
    may_check: bool
    statuses_there_are: list[str]
    check_outcomes: list[Option]


class OfficerCameras(BaseModel):
    """The cameras that an officer has and had."""

    headline: str
    agency: str
    badge: str
    office: str | None
    calendar: list[SpanShown]
    before: list[SpanShown]


class ClashShown(BaseModel):
    """Two spans that cannot both be right, and the time they share."""

    kind: str
    begins_at: datetime
    ends_at: datetime | None
    first: SpanShown
    second: SpanShown
    may_keep: bool


class Conflicts(BaseModel):
    """What of the calendar contradicts itself, and the footage that nobody is known to have worn."""

    headline: str
    rows: list[ClashShown]
    more: int
    unknown_wearers: int
    csv: str


class CoverageRow(BaseModel):
    """An agency in a quarter: what the plan in force covers by its end, of how much."""

    agency: str
    quarter: str
    begins_on: date
    offices: int
    offices_of: int
    officers: int
    officers_of: int
    duty_hours: float
    duty_hours_of: float


class PlanShown(BaseModel):
    """The plan that an agency has adopted."""

    agency: str
    sha256: str
    adopted_at: datetime
    worth: float
    bound: float
    exact: bool
    floor: float

    @property
    def gap(self) -> float:
        """How far below the bound, as a share of it."""
        return 0.0 if self.bound <= 0 else max(0.0, 1 - self.worth / self.bound)


class Coverage(BaseModel):
    """What the plans in force cover, by agency and quarter."""

    headline: str
    agency: str
    agencies: list[Option]
    plans: list[PlanShown]
    without: list[str]
    rows: list[CoverageRow]
    csv: str

    def chart(self, what: str) -> str:
        """Officers or duty-hours of all rows by quarter, drawn. `what`: officers or duty_hours."""
        quarters = sorted({row.quarter for row in self.rows})
        bars = []
        for quarter in quarters:
            rows = [row for row in self.rows if row.quarter == quarter]
            there = float(sum(getattr(row, what) for row in rows))
            of = float(sum(getattr(row, f"{what}_of") for row in rows))
            bars.append((quarter, {"in offices with cameras": there, "not yet": of - there}))
        unit = "officers" if what == "officers" else "duty-hours in the quarter"
        return stacked_bars(f"{self.headline} Unit: {unit}.", unit, bars, COVERED)
