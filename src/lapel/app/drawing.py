"""How does a model become a page? Jinja2 templates in the frame that every page has."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pydantic import BaseModel

from lapel.access import store as access
from lapel.access import words as access_words
from lapel.access.actor import Actor, Role
from lapel.access.guard_web import FORM_FIELD, form_token_of
from lapel.app import trail
from lapel.base import clock
from lapel.footage import store_looks, words
from lapel.footage.store_looks import OpenGlass
from lapel.policy import sentences
from lapel.storage.archive import Archive

HERE = Path(__file__).parent
# The side navigation lists what exists, in the order of the house.
NAVIGATION = (
    ("/work", "Work"),
    ("/recordings", "Recordings"),
    ("/cases", "Cases"),
    ("/shares", "Shared"),
    ("/activation", "Activation"),
    ("/fleet", "Fleet"),
    ("/redactions", "Redactions"),
    ("/policy", "Policy"),
    ("/log", "Log"),
    ("/accounts", "Accounts"),
    ("/audit", "Audit"),
)
FOR_THESE_ONLY: dict[str, tuple[Role, ...]] = {
    "/accounts": ("administrator",),
    "/audit": ("inspector", "administrator"),
}


@dataclass(slots=True)
class Frame:
    """What the frame around a page needs to know of the request."""

    request: Request
    actor: Actor | None
    agencies: dict[str, access.Agency]
    glass: list[OpenGlass] = field(default_factory=list)

    @property
    def path(self) -> str:
        return self.request.url.path

    @property
    def here(self) -> str:
        """This page's own address, for forms that lead back to it."""
        query = self.request.url.query
        return f"{self.path}?{query}" if query else self.path

    @property
    def form_token(self) -> str:
        return form_token_of(self.request)

    @property
    def zone(self) -> str:
        """The zone in which times are written: the agency's in view, else the person's own."""
        actor = self.actor
        agency = self.agencies.get((actor.agency_in_view or actor.agency) if actor else "")
        return agency.zone if agency else "UTC"

    @property
    def mine(self) -> list[access.Agency]:
        """The agencies between which this person can switch."""
        actor = self.actor
        return [self.agencies[a] for a in actor.footage_of if a in self.agencies] if actor else []

    @property
    def sections(self) -> list[tuple[str, str]]:
        """The side navigation, without what only others can open."""
        held = {grant.role for grant in self.actor.grants} if self.actor else set()
        return [
            one for one in NAVIGATION if one[0] not in FOR_THESE_ONLY or held & set(FOR_THESE_ONLY[one[0]])
        ]

    def is_in(self, target: str) -> bool:
        """Is this page part of that section?"""
        missing = self.path == "/recordings/missing"  # a tab of the activation pages
        if missing:
            return target == "/activation"
        return self.path == target or self.path.startswith(target + "/")


class Drawing:
    """Draws pages from `templates/`. One per app."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {
            "when": when, "to_the_hundredth": to_the_hundredth, "day": day, "duration": words.length, "size": words.size, "ago": ago, "clock": clock_time,
            "plural": plural, "stamp": lambda at: clock.stamp(at) if at else None, "trail_path": trail.trail_path,
            "trail_json": trail.trail_json, "clip_json": trail.clip_json, "policy_name": sentences.who,
        }  # fmt: skip
        self._templates.globals |= {
            "form_field": FORM_FIELD,
            "agency_name": self._name,
            "role_says": access_words.ROLES,
        }

    @cached_property
    def agencies(self) -> dict[str, access.Agency]:
        """Every agency by its id; the list changes only with a new version of the department's papers."""
        with self._archive.db.tx(access.NOBODY) as conn:
            return {agency.id: agency for agency in access.agencies(conn)}

    def __call__(self, request: Request, template: str, model: BaseModel, status: int) -> Response:
        actor = getattr(request.state, "actor", None)
        # Whoever is not signed in is told nothing, not even by the frame, and an error page must not ask the database.
        frame = Frame(request, actor, self.agencies if actor else {})
        if actor and status < 500:
            frame.glass = self._glass(actor)
        page = self._templates.get_template(template)
        return HTMLResponse(page.render(page=model, frame=frame, now=clock.now()), status_code=status)

    def _glass(self, actor: Actor) -> list[OpenGlass]:
        """What this person has broken and is open: it stands at the top of each of their pages."""
        if not actor.footage_of:
            return []
        with self._archive.db.tx(actor.scope()) as conn:
            return store_looks.open_glass(conn, actor.account, clock.now())

    def _name(self, agency: str) -> str:
        there = self.agencies.get(agency)
        return there.name if there else agency


def when(at: datetime | None, zone: str, *, seconds: bool = False) -> Markup | str:
    """An instant in a zone, with UTC on hover: `<time datetime="…Z" title="… UTC">Nov 24, 2026, 03:37 EST</time>`."""
    if at is None:
        return "unknown"
    local, utc = at.astimezone(ZoneInfo(zone)), at.astimezone(UTC)
    form = "%b %-d, %Y, %H:%M:%S %Z" if seconds else "%b %-d, %Y, %H:%M %Z"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        clock.stamp(at), utc.strftime("%Y-%m-%d %H:%M:%S UTC"), local.strftime(form)
    )


def to_the_hundredth(at: datetime, zone: str) -> Markup:
    """An instant in a zone to 1/100 s, as an audit names it, with UTC on hover."""
    local, utc = at.astimezone(ZoneInfo(zone)), at.astimezone(UTC)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        clock.stamp(at),
        f"{utc:%Y-%m-%d %H:%M:%S.%f}"[:-4] + " UTC",
        f"{local:%b} {local.day}, {local:%Y, %H:%M:%S.%f}"[:-4] + f" {local:%Z}",
    )


def day(at: datetime, zone: str) -> str:
    """The day of an instant in a zone."""
    return at.astimezone(ZoneInfo(zone)).strftime("%b %-d, %Y")


def ago(at: datetime, now: datetime) -> str:
    """How old something is: `3 days`."""
    return words.length(max(0.0, (now - at).total_seconds()))


def clock_time(seconds: float) -> str:
    """A place on a time line: `03:40`, `1:02:05`."""
    whole = int(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """A number with its noun: `1 recording`, `2 recordings`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
