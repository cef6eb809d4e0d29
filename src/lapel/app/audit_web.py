"""Who did what, to what, when, from where, with what outcome? The search of the custody log, and that somebody searched it.

The inspector general finds every act of the agency; an administrator what was done to accounts. Each look at the log is an
entry of its own in the transaction that reads it: when that cannot be written, nothing is shown.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from lapel.access.csv_web import csv_answer
from lapel.access.page_web import actor_of, archive_of, page
from lapel.app import auditing
from lapel.app.auditing import Asked, Oversight
from lapel.base.digest import Value
from lapel.custody import log, store_search
from lapel.custody.store_search import Found, Outcome
from lapel.storage.postgres import Connection

router = APIRouter()
TAG = "Custody log"
_COLUMNS = (
    "at", "agency", "actor", "who", "act", "outcome", "subject", "thing", "source", "door", "bytes", "index", "entry", "detail",
)  # fmt: skip


class ActShown(BaseModel):
    """One act. `who` and `thing` are what pages call the actor and the subject; `index` null: it waits for its place.

    `outcome`: done, refused or failed. `at` is UTC to the millisecond. `detail`: everything else the entry says.
    """

    at: datetime
    agency: str
    actor: str | None
    who: str
    act: str
    outcome: Outcome
    subject: str | None
    thing: str
    url: str | None
    source: str | None
    door: str | None
    bytes: int | None
    index: int | None
    entry: str
    detail: dict[str, Any]


class AuditShown(BaseModel):
    """The acts that the search leaves, newest first. `accounts_only`: as an administrator sees it."""

    asked: dict[str, str]
    zone: str
    agencies: list[str]
    choices: list[str]
    acts: list[str]
    accounts_only: bool
    rows: list[ActShown]
    next: str | None
    is_first: bool
    first: str
    csv: str
    json_url: str


class Search:
    """What the address of a search asks for."""

    def __init__(
        self,
        agency: Annotated[str, Query(max_length=20, description="one agency, or department")] = "",
        who: Annotated[str, Query(max_length=200, description="an account's name, or an actor's id")] = "",
        act: Annotated[str, Query(max_length=64, description="what was done: viewed, refused, …")] = "",
        thing: Annotated[
            str, Query(max_length=240, description="a recording, a case, or a subject's id")
        ] = "",
        address: Annotated[str, Query(max_length=64, description="the address it came from")] = "",
        door: Annotated[str, Query(max_length=20, description="staff, proxied, intake, terminal …")] = "",
        outcome: Annotated[str, Query(max_length=10, description="done, refused or failed")] = "",
        since: Annotated[str, Query(alias="from", max_length=40, description="a day, or an instant")] = "",
        until: Annotated[str, Query(alias="to", max_length=40, description="a day, or an instant")] = "",
        least: Annotated[str, Query(alias="bytes", max_length=20, description="at least so many bytes")] = "",
    ) -> None:
        self.asked = Asked(agency, who, act, thing, address, door, outcome, since, until, least)

    def to(self, path: str, **more: str) -> str:
        """The address of this search under `path`; `more` is added."""
        query = urlencode({name: value for name, value in {**self.asked.said(), **more}.items() if value})
        return f"{path}?{query}" if query else path


@page(router, "/audit", "audit.html", summary="Who did what: the acts in the custody log", tag=TAG)
def audit(
    request: Request,
    search: Annotated[Search, Depends()],
    after: Annotated[str, Query(max_length=200)] = "",
) -> AuditShown:
    """The acts that the search leaves, newest first, fifty at a time. That somebody looked is an act, too."""
    actor = actor_of(request)
    over = auditing.oversight(actor, search.asked.agency)
    position = store_search.read_position(after) if after else None
    with archive_of(request).db.tx(actor.scope_in(*over.agencies)) as conn:
        zone = auditing.zone_of(conn, over, actor)
        wanted = auditing.wanted(conn, search.asked, over, zone)
        found, following = store_search.find(conn, wanted, position)
        names = auditing.names(conn, found)
        acts = store_search.acts_known(conn, over.agencies)
        _enter(conn, actor.id, over, search, len(found), last=found[-1].at if found else None)
    return AuditShown(
        asked=search.asked.said(),
        zone=zone,
        agencies=list(over.agencies),
        choices=list(over.choices),
        acts=acts,
        accounts_only=over.accounts_only,
        rows=[_shown(one, names) for one in found],
        next=search.to("/audit", after=str(following)) if following else None,
        is_first=position is None,
        first=search.to("/audit"),
        csv=search.to("/audit.csv", after=after),
        json_url=search.to("/audit.json", after=after),
    )


@router.get(
    "/audit.csv",
    summary="Who did what: the acts in the custody log (CSV)",
    tags=[TAG],
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}, "description": "The same page of the search as a table"}},
)
def audit_csv(
    request: Request,
    search: Annotated[Search, Depends()],
    after: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Exactly the rows that the page with the same address shows."""
    shown = audit(request, search, after)
    rows = [row.model_dump(mode="json") | {"detail": auditing.as_text(row.detail)} for row in shown.rows]
    return csv_answer("audit.csv", _COLUMNS, rows)


def _enter(
    conn: Connection, actor: str, over: Oversight, search: Search, count: int, last: datetime | None
) -> None:
    """Looking at the log is an act on the log of each agency that was looked at."""
    detail: dict[str, Value] = {
        "entries": count,
        **{f"asked_{k}": v for k, v in search.asked.said().items() if v},
    }
    if last is not None:
        detail["oldest"] = last.isoformat()
    acts = [log.Act(actor, agency, "log_searched", f"log:{agency}", detail) for agency in over.agencies]
    log.record_many(conn, acts)


def _shown(found: Found, names: auditing.Names) -> ActShown:
    thing, url = names.thing(found.subject)
    return ActShown(
        at=found.at,
        agency=found.agency,
        actor=found.actor,
        who=names.who(found.actor),
        act=found.act,
        outcome=found.outcome,
        subject=found.subject,
        thing=thing,
        url=url,
        source=found.source,
        door=found.door,
        bytes=found.bytes,
        index=found.index,
        entry=found.entry,
        detail=dict(found.detail),
    )
