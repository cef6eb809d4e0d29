"""What do the registers, the reviews and the plan show? The models behind them and their `.json`; instants are UTC."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel

from lapel.access.chart_web import stacked_bars
from lapel.activation.asked_web import Choice, Filters
from lapel.activation.shown import MOST_BARS, ClauseShown, DutyRow, ExceptionShown

PLAN_COLOURS = {
    "planned and with a camera": "#2f7fbf",
    "planned, no camera": "#d1495b",
    "camera outside the plan": "#d9a032",
}


class ForbiddenRow(BaseModel):
    """Something recorded that was not to be. `number` null: the recording is not in your view."""

    duty: str
    duty_url: str
    agency: str
    office: str | None
    officer: str
    leader: str | None
    outcome: str
    begins_at: datetime
    recorded_s: float
    clauses: list[str]
    number: str | None
    recording_url: str | None
    restricted: bool
    decision: str | None
    decision_says: str | None
    decided_at: datetime | None
    decided_by: str | None
    words: str | None


class Forbidden(BaseModel):
    """Recordings that were forbidden, oldest first."""

    filters: Filters
    state: str
    states: list[Choice]
    decisions: list[Choice]
    rows: list[ForbiddenRow]
    next: str | None
    first: str
    is_first: bool
    csv: str


class Register(BaseModel):
    """The register of exceptions, newest first."""

    state: str
    reason: str
    badge: str
    states: list[Choice]
    reasons: list[Choice]
    rows: list[ExceptionShown]
    waiting: int
    next: str | None
    first: str
    is_first: bool
    csv: str


class ExceptionPage(BaseModel):
    """One exception: what was said, what allows it, and who decides."""

    exception: ExceptionShown
    zone: str
    clause: ClauseShown
    excuses: list[DutyRow]
    may_decide: bool
    may_withdraw: bool
    why_not: str
    receipt_url: str


class ReviewRow(BaseModel):
    """A recording to look at."""

    id: str
    url: str
    number: str
    recording_url: str
    agency: str
    office: str | None
    officer: str
    supervisor: str | None
    made_at: datetime | None
    why: str
    due_at: datetime
    overdue: bool
    outcome: str | None
    outcome_says: str | None
    words: str
    done_by: str | None
    done_at: datetime | None


class DrawShown(BaseModel):
    """One draw: what it was drawn from, by which seed, and how many."""

    id: str
    url: str
    agency: str
    supervisor: str | None
    begins_on: date
    ends_on: date
    officers: int
    recordings: int
    drawn: int
    sha256: str
    logged_at: datetime
    seed: str | None
    log_size: int | None
    drawn_at: datetime | None


class Reviews(BaseModel):
    """The review queue by due date."""

    state: str
    states: list[Choice]
    rows: list[ReviewRow]
    open: int
    overdue: int
    outcomes: list[Choice]
    draws: list[DrawShown]
    next: str | None
    first: str
    is_first: bool
    csv: str


class DrawPage(BaseModel):
    """One draw, so that anybody can repeat it. `wrong`: what does not agree; empty when all does."""

    draw: DrawShown
    wrong: list[str]
    picks: list[ReviewRow]
    population_url: str
    receipt_url: str


class PlanRow(BaseModel):
    """An office in a quarter: what was planned, and what was."""

    agency: str
    office: str
    quarter: str
    planned_cameras: int | None
    planned_officers: int | None
    duties: int
    in_plan: int
    with_camera: int
    camera_outside_plan: int
    planned_without_camera: int
    duty_hours: float
    camera_hours: float
    says: str


class AgainstPlan(BaseModel):
    """The deployment plan against what really happened."""

    headline: str
    filters: Filters
    rows: list[PlanRow]
    has_plan: bool
    csv: str

    @property
    def chart(self) -> str:
        """The duties of each row, by whether they were planned and had a camera, drawn."""
        rows = [
            (
                f"{row.office}, {row.quarter}",
                {
                    "planned and with a camera": float(row.in_plan - row.planned_without_camera),
                    "planned, no camera": float(row.planned_without_camera),
                    "camera outside the plan": float(row.camera_outside_plan),
                },
            )
            for row in self.rows[:MOST_BARS]
        ]
        return stacked_bars(self.headline, "duties", rows, PLAN_COLOURS)
