"""What is a page of this room narrowed to? Filters in the address, days of the agency's zone, and a position in a list."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import Query, Request
from pydantic import BaseModel

from lapel.access import store as access
from lapel.access.page_web import actor_of, archive_of
from lapel.access.permit import permit_lists
from lapel.activation import standing, store_pages
from lapel.activation.store_pages import Narrowed
from lapel.base import clock
from lapel.base.clock import read_stamp
from lapel.base.errors import Invalid
from lapel.roster import store as roster

PAGE = 50
_WITHOUT_A_RUN = timedelta(days=90)


class Choice(BaseModel):
    """Something to choose in a form."""

    value: str
    label: str


class Filters(BaseModel):
    """What the page is narrowed to, as in its address; days are of `zone`, `to` is the last day shown."""

    agency: str
    first_day: date
    last_day: date
    office: str
    badge: str
    activity: str
    outcome: str
    zone: str
    agencies: list[Choice]
    offices: list[Choice]
    activities: list[Choice]


class Asked:
    """The filters in the address. Without days: those of the newest run, or the last ninety."""

    def __init__(
        self,
        request: Request,
        agency: Annotated[str, Query(max_length=20, description="one agency; empty: those in view")] = "",
        first_day: Annotated[str, Query(alias="from", max_length=10, description="first day")] = "",
        last_day: Annotated[str, Query(alias="to", max_length=10, description="last day")] = "",
        office: Annotated[str, Query(max_length=200, description="an office's name")] = "",
        badge: Annotated[str, Query(max_length=100, description="a badge number")] = "",
        activity: Annotated[str, Query(max_length=100)] = "",
        outcome: Annotated[str, Query(max_length=40, description="one outcome, such as missing")] = "",
    ) -> None:
        actor = actor_of(request)
        permit_lists(actor)
        self.path = request.url.path
        self.agency, self.office, self.badge = agency, _clean(office), _clean(badge)
        self.activity, self.outcome = _clean(activity), _clean(outcome)
        with archive_of(request).db.tx(actor.scope()) as conn:
            reach = standing.reach(conn, actor, agency)
            names = {a.id: a for a in access.agencies(conn)}
            run = store_pages.latest_run(conn, reach.agencies)
            offices = [o for o in roster.offices(conn) if o.agency in reach.agencies]
            activities = store_pages.activities(conn, reach.agencies)
        self.zone = names[agency or actor.agency_in_view or actor.agency].zone
        zone = ZoneInfo(self.zone)
        until = _day(last_day) or (
            (run["until"] - timedelta(microseconds=1)).astimezone(zone).date()
            if run
            else clock.now().astimezone(zone).date()
        )
        since = _day(first_day) or (
            run["since"].astimezone(zone).date() if run and not last_day else until - _WITHOUT_A_RUN
        )
        if since > until:
            raise Invalid(
                f"The last day ({until}) is before the first ({since}).", next_step="Exchange them."
            )
        self.first_day, self.last_day = since, until
        self.narrowed = Narrowed(
            reach, datetime.combine(since, time(), zone), datetime.combine(until + timedelta(days=1), time(), zone),
            self.office, self.badge, self.activity, self.outcome,
        )  # fmt: skip
        self._choices = (
            [Choice(value=a, label=names[a].name) for a in standing.agencies_of(actor) if a in names],
            [Choice(value=name, label=name) for name in dict.fromkeys(o.name for o in offices)],
            [Choice(value=a, label=a.replace("_", " ")) for a in activities],
        )

    def address(self, path: str, **more: str) -> str:
        """The address of a page narrowed in the same way; `more` is added, and an empty text takes away."""
        said = {
            "agency": self.agency, "from": str(self.first_day), "to": str(self.last_day), "office": self.office,
            "badge": self.badge, "activity": self.activity, "outcome": self.outcome, **more,
        }  # fmt: skip
        query = urlencode({name: value for name, value in said.items() if value})
        return f"{path}?{query}" if query else path

    @property
    def shown(self) -> Filters:
        """As a form shows it."""
        agencies, offices, activities = self._choices
        return Filters(
            agency=self.agency, first_day=self.first_day, last_day=self.last_day, office=self.office, badge=self.badge,
            activity=self.activity, outcome=self.outcome, zone=self.zone, agencies=agencies, offices=offices,
            activities=activities,
        )  # fmt: skip


def position(text: str) -> tuple[datetime, str] | None:
    """A position in a list, `instant~id`. Raises `Invalid` for what is none."""
    if not text:
        return None
    at, _, name = text.partition("~")
    return read_stamp(at), name[:200]


def position_after(at: datetime, name: str) -> str:
    """The position below this row."""
    return f"{at.isoformat()}~{name}"


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(f"“{text[:20]}” is not a day.", next_step="Write it like 2026-11-24.") from None


def _clean(text: str) -> str:
    return text.replace("\0", "").strip()
