"""What do the lists of footage show? The models behind the work list, the list of recordings and their `.json`; instants are UTC."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel

from lapel.footage import words
from lapel.footage.search import Filters


class Row(BaseModel):
    """A recording in a list. `at`: when it began by the camera's clock, or when it was announced."""

    number: str
    url: str
    agency: str
    office: str | None
    wearer: str
    camera: str | None
    at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    duration_s: float | None
    clips: int
    size_bytes: int
    state: str
    category: str | None
    suggested_category: str | None
    note: str
    flags: list[str]
    unreadable_files: int


class FiltersShown(BaseModel):
    """What the list is narrowed to, as in the address. Days are of `zone`."""

    agency: str
    office: str
    wearer: str
    camera: str
    category: str
    first_day: date | None
    last_day: date | None
    text: str
    zone: str


class Choice(BaseModel):
    """Something to choose in a form."""

    value: str
    label: str
    agency: str = ""


class Recordings(BaseModel):
    """A page of the list. `next`: the address of the page after it, null on the last; `csv` and `json_url`: the same rows. `save_in`: where the search may be saved."""

    filters: FiltersShown
    rows: list[Row]
    next: str | None
    is_first: bool
    first: str
    csv: str
    json_url: str
    save_in: list[str]
    agencies: list[Choice]
    offices: list[Choice]
    categories: list[Choice]


class WorkItem(BaseModel):
    """One thing to do. `since`: how long it waits; `action`: the one thing to do with it, at `url`."""

    recording: Row
    since: datetime
    says: str
    action: str
    url: str


class WorkGroup(BaseModel):
    """All work of one kind. `count` is a lower bound when `more`; `items` are the oldest."""

    key: str
    title: str
    why: str
    count: int
    more: bool
    items: list[WorkItem]
    all_url: str | None


class MoreItem(BaseModel):
    """One thing to do that is no recording: about whom, since when it waits or when it is due, and where it is done."""

    label: str
    url: str
    since: datetime
    due_at: datetime | None
    who: str
    says: str


class MoreGroup(BaseModel):
    """All work of one kind that other rooms have for this person."""

    key: str
    title: str
    action: str
    why: str
    count: int
    more: bool
    items: list[MoreItem]
    all_url: str


class Work(BaseModel):
    """A person's work list, by the roles they hold. `mine`: an officer's own newest recordings, of the last thirty days."""

    agencies: list[str]
    roles: list[str]
    undelivered_after_h: float
    groups: list[WorkGroup]
    more: list[MoreGroup] = []
    mine: list[Row] = []


def row(found: dict[str, Any]) -> Row:
    """A row of the list from a row of the database (`search.find`)."""
    number = found["number"]
    return Row(
        number=number,
        url=f"/recordings/{number}",
        agency=found["agency"],
        office=found["office"],
        wearer=wearer(found["badge"], found["wearer_external"], found["wearer_id"]),
        camera=found["camera"],
        at=found["at"],
        started_at=found["started_at"],
        ended_at=found["ended_at"],
        duration_s=found["duration_ms"] / 1000 if found["duration_ms"] is not None else None,
        clips=found["clips"],
        size_bytes=found["bytes"],
        state=found["state"],
        category=found["category"],
        suggested_category=found["suggested_category"],
        note=found["note"],
        flags=[words.flag(flag) for flag in found["flags"]],
        unreadable_files=found["unreadable"],
    )


def wearer(badge: str | None, external_id: str | None, officer: str | None) -> str:
    """What pages call a wearer: the badge number, never a name."""
    if badge:
        return f"Officer {badge}"
    return f"Unknown wearer {(external_id or officer or '')[:8]}".strip()


def filters_shown(filters: Filters, agency: str) -> FiltersShown:
    """The filters as the address says them; `agency` is empty when every agency in view is meant."""
    return FiltersShown(
        agency=agency,
        office=filters.office,
        wearer=filters.wearer,
        camera=filters.camera,
        category=filters.category,
        first_day=filters.first_day,
        last_day=filters.last_day,
        text=filters.text,
        zone=filters.zone,
    )
