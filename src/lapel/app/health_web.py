"""Does the custody log work? A page for those who oversee and administer, and one bit for whatever watches the machine."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from fastapi import APIRouter, Request
from pydantic import BaseModel

from lapel.access.page_web import actor_of, archive_of, page
from lapel.app import alarms, auditing, store_alarms
from lapel.app.alarms import Watch
from lapel.custody.health import SCOPE

router = APIRouter()
TAG = "Custody log"


class AlarmShown(BaseModel):
    """`over_at` null: it lasts."""

    kind: str
    says: str
    began_at: datetime
    last_seen_at: datetime
    over_at: datetime | None


class HealthShown(BaseModel):
    """`ok`: nothing is wrong now. Ages in seconds, null when nothing waits. `witnesses`: outsiders who cosign checkpoints."""

    ok: bool
    wrong: list[str]
    waiting: int | None
    oldest_waiting_s: float | None
    size: int | None
    published: int | None
    published_at: datetime | None
    oldest_unpublished_s: float | None
    free_bytes: int | None
    total_bytes: int | None
    witnesses: int
    tells: bool
    late_after_s: float
    alarms: list[AlarmShown]


class LogAnswers(BaseModel):
    """`ok`: entries are written, placed and published in time."""

    ok: bool


def watch_of(request: Request) -> Watch:
    """The watch that this process keeps."""
    return cast(Watch, request.app.state.watch)


@router.get("/health/log", summary="Does the custody log work?", tags=["Operation"])
def log_health(request: Request) -> LogAnswers:
    """For whatever watches the machine: 200 while the log works, 503 when somebody has to look. Open, and says nothing else."""
    alarms.need_well(watch_of(request).recent())
    return LogAnswers(ok=True)


@page(router, "/audit/health", "health.html", summary="Does the custody log work?", tag=TAG)
def health(request: Request) -> HealthShown:
    """What waits, what is public, how much room there is, and every alarm. For those who oversee or administer."""
    auditing.oversight(actor_of(request))
    watch = watch_of(request)
    found = watch.look()
    with archive_of(request).db.tx(SCOPE) as conn:
        rows = store_alarms.newest(conn)
    there = found.state
    return HealthShown(
        ok=not found.troubles,
        wrong=[trouble.says for trouble in found.troubles],
        waiting=there.waiting if there else None,
        oldest_waiting_s=there.oldest_s if there else None,
        size=there.size if there else None,
        published=there.published if there else None,
        published_at=there.published_at if there else None,
        oldest_unpublished_s=there.unpublished_s if there else None,
        free_bytes=there.free if there else None,
        total_bytes=there.total if there else None,
        witnesses=0,
        tells=bool(watch.command),
        late_after_s=watch.after.total_seconds(),
        alarms=[
            AlarmShown(
                kind=row["kind"],
                says=row["says"],
                began_at=row["raised_at"],
                last_seen_at=row["seen_at"],
                over_at=row["cleared_at"],
            )
            for row in rows
        ],
    )
