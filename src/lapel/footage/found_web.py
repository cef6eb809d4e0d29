"""May this person do this to the recording with this number? What every route about one recording asks first."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Path, Request

from lapel.access.actor import Actor
from lapel.access.page_web import actor_of, archive_of
from lapel.access.permit import Act, Decision, Facts, Purpose, decide, permit, refusal
from lapel.base.errors import NotFound, Refused
from lapel.base.ids import read_number
from lapel.footage import guests, looking, standing, store
from lapel.footage.model import Recording
from lapel.storage.postgres import Connection

Number = Annotated[str, Path(max_length=40, description="a recording's number, like R-7K3M9-QXD4W")]
PURPOSES: tuple[Purpose, ...] = ("case", "reason")


def found(request: Request, number: str, act: Act) -> Recording:
    """The recording with this number, when it is in view and the act is permitted. Raises `NotFound`, `Refused`.

    Where only a purpose is missing, a program may say one in the header `X-Lapel-Purpose`; it is then entered and holds as
    one that was said on the page. A refusal tells where it is explained, and where a purpose can be said.
    """
    actor, number = actor_of(request), read_number(number) or number
    try:
        return _found(request, actor, number, act)
    except Refused as refused:
        links = {"why": f"/recordings/{number}/why?{urlencode({'act': act})}"}
        if refused.rules == ("access/purpose",):
            links["ask"] = f"/recordings/{number}/purpose"
        refused.facts = {**refused.facts, **links}
        raise


def _found(request: Request, actor: Actor, number: str, act: Act) -> Recording:
    archive = archive_of(request)
    with archive.db.tx(actor.scope()) as conn:
        recording = in_view(conn, actor, number, act)
        if guests.is_guest(actor.scope(), recording):
            guests.permit_shared(conn, actor, recording, act)
            return recording
        facts = standing.facts(conn, actor, recording)
        decision = decide(actor, act, recording.agency, facts)
        said = request.headers.get(looking.HEADER)
        if said is not None and only_purpose_missing(decision):
            purpose = looking.read(said)
            facts = replace(facts, purpose=purpose.why)
            decision = decide(actor, act, recording.agency, facts)
            if decision.allowed:
                holds = request.app.state.purpose_holds
                looking.state(conn, archive, actor.scope(), recording, purpose, holds)
    if not decision.allowed:
        raise refusal(actor, act, recording.agency, decision)
    return recording


def only_purpose_missing(decision: Decision) -> bool:
    """Would the act be permitted to who says why?"""
    return not decision.allowed and [rule.id for rule in decision.rules] == ["purpose"]


def purposes_that_allow(actor: Actor, act: Act, agency: str, facts: Facts) -> list[Purpose]:
    """The kinds of purpose with which the act would be permitted."""
    return [one for one in PURPOSES if decide(actor, act, agency, replace(facts, purpose=one)).allowed]


def in_view(conn: Connection, actor: Actor, number: str, act: Act) -> Recording:
    """The recording with this number. Raises `Refused` for what was shared and is over, or is restricted; else `NotFound`.

    A number of nobody and one of another agency are asked for in the same way and answered with the same words.
    """
    try:
        return store.recording_by_number(conn, number)
    except NotFound:
        guests.refuse_ended(conn, number)
        there = store.restricted_number(conn, number)
        if there is not None:
            permit(actor, act, there, Facts(restricted=True, purpose="case"))
        raise
