"""What do the pages of this room show? The models behind them and their `.json`; instants are UTC, lengths are seconds."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel

from lapel.access.chart_web import stacked_bars
from lapel.activation.asked_web import Choice, Filters

MOST_BARS = 24  # more are a table, and no picture


class OutcomeShown(BaseModel):
    """One outcome: how many duties, and what it means. `url`: the list of them, if there is one."""

    outcome: str
    means: str
    findings: int
    colour: str
    url: str | None


class GroupShown(BaseModel):
    """One group. `counts`: outcome -> duties, each by itself; `share`: recorded among `owed`, null when nothing was owed."""

    name: str
    label: str
    duties: int
    owed: int
    counts: dict[str, int]
    share: float | None
    owed_h: float
    recorded_h: float
    url: str | None


class RunShown(BaseModel):
    """What the figures were computed from."""

    id: str
    ran_at: datetime
    code: str
    findings_sha256: str
    directives: list[list[str]]
    inputs: dict[str, str]
    notes: list[str]
    entry: str | None
    receipt_url: str | None


class Front(BaseModel):
    """The programme's front page."""

    headline: str
    filters: Filters
    by: str
    bys: list[str]
    outcomes: list[OutcomeShown]
    not_to_be_recorded: list[OutcomeShown]
    groups: list[GroupShown]
    total: GroupShown
    chart_says: str
    run: RunShown | None
    csv: str
    json_url: str
    public_url: str

    @property
    def chart(self) -> str:
        """The table of groups, drawn."""
        rows = [
            (g.label, {o.outcome: float(g.counts[o.outcome]) for o in self.outcomes})
            for g in self.groups[:MOST_BARS]
        ]
        return stacked_bars(self.chart_says, "duties", rows, {o.outcome: o.colour for o in self.outcomes})


class ToldShown(BaseModel):
    """A group as everybody may see it; a null count is 1 to 9."""

    name: str
    duties: int
    counts: dict[str, int | None]


class PublicFigures(BaseModel):
    """The figures without what could point to a person."""

    filters: Filters
    by: str
    fewest: int
    outcomes: list[str]
    groups: list[ToldShown]
    csv: str


class DutyRow(BaseModel):
    """A duty in a list. `since`: when it was over; `owner`: who is asked, `leader`: their supervisor."""

    number: str
    url: str
    agency: str
    office: str | None
    owner: str
    leader: str | None
    activity: str
    outcome: str
    begins_at: datetime
    ends_at: datetime
    owed_s: float
    recorded_s: float
    clauses: list[str]
    exception: str | None
    exception_state: str
    since: datetime


class Gaps(BaseModel):
    """Duties that were not met and not explained, the oldest first."""

    filters: Filters
    state: str
    states: list[Choice]
    rows: list[DutyRow]
    count: int
    more: bool
    next: str | None
    first: str
    is_first: bool
    csv: str


class ClauseShown(BaseModel):
    """A clause that made a duty. `url`: where the whole policy can be read."""

    key: str
    policy: str
    id: str
    says: str
    answer: str
    confidence: str
    url: str


class StretchShown(BaseModel):
    """A piece of a time line: places are percent of its length."""

    at: float
    width: float
    kind: str
    label: str
    url: str | None
    begins_at: datetime
    ends_at: datetime


class ExceptionShown(BaseModel):
    """One row of the register."""

    id: str
    url: str
    agency: str
    officer: str
    office: str | None
    duty: str | None
    duty_url: str | None
    reason: str
    reason_says: str
    clause: str
    clause_url: str
    clause_version: date
    begins_at: datetime
    ends_at: datetime
    words: str
    entered_by: str
    entered_at: datetime
    state: str
    decided_by: str | None
    decided_at: datetime | None
    decision: str


class Duty(BaseModel):
    """One duty: what came of it, why it was owed, who says so, and what proves it."""

    number: str
    agency: str
    agency_name: str
    zone: str
    says: str
    outcome: str
    measured: str
    kind: str
    activity: str
    officer: str
    officer_url: str | None
    office: str | None
    event_kind: str
    event_source: str
    event_number: str
    begins_at: datetime
    ends_at: datetime
    within_s: float
    owed_s: float
    recorded_s: float
    late_s: float
    early_s: float
    gap_s: float
    gaps: int
    facts: list[list[str]]
    came_from: str
    earlier: list[str]
    clauses: list[ClauseShown]
    presumed: list[str]
    missing: list[str]
    lacking: list[str]
    why_says: str
    told: list[str]
    line: list[StretchShown]
    recordings: list[StretchShown]
    exceptions: list[ExceptionShown]
    may_explain: bool
    reasons: list[ReasonShown]
    run: RunShown | None


class ReasonShown(BaseModel):
    """A reason that can be entered, with the clauses in force that day that allow it."""

    reason: str
    says: str
    clauses: list[Choice]


class OfficerDay(BaseModel):
    """One day of one officer: duties above, recordings below."""

    badge: str
    agency: str
    agency_name: str
    office: str | None
    zone: str
    day: date
    headline: str
    duties: list[DutyRow]
    duty_line: list[StretchShown]
    recording_line: list[StretchShown]
    hours: list[str]
    days: list[date]
    before: str | None
    after: str | None
    csv: str
