"""Why may I not see this? Which rule says no, what it turns on here, who can change it, and what can be asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request

from lapel.access import store as access
from lapel.access.actor import Actor
from lapel.access.page_web import actor_of, archive_of, page
from lapel.access.permit import ACTS, NO_FACTS, Act, Decision, Facts, Rule, decide, refusal
from lapel.base.errors import Invalid, Refused
from lapel.base.ids import read_number
from lapel.footage import guests, standing
from lapel.footage import shown_looks as shown
from lapel.footage.found_web import Number, in_view, only_purpose_missing, purposes_that_allow
from lapel.footage.model import Recording

router = APIRouter()
TAG = "Access"
_LOOKING: Final = ("footage.view", "footage.play", "footage.download", "footage.prove", "redaction.view")


@page(router, "/recordings/{number}/why", "why.html", summary="Why may I not see this?", tag=TAG)
def why(
    request: Request, number: Number, act: Annotated[str, Query(max_length=40)] = "footage.view"
) -> shown.Why:
    """Of a recording: the rules that decide, what they turn on, and what can be asked for. A number of nobody is not found."""
    actor, asked = actor_of(request), _act(act)
    number = read_number(number) or number
    try:
        with archive_of(request).db.tx(actor.scope()) as conn:
            there = in_view(conn, actor, number, asked)
            if guests.is_guest(actor.scope(), there):
                guests.permit_shared(conn, actor, there, asked)
                decision, facts = Decision(True, ()), Facts(shared=frozenset({asked}))
            else:
                facts = standing.facts(conn, actor, there)
                decision = decide(actor, asked, there.agency, facts)
    except Refused as refused:
        return _of_refusal(number, asked, refused)
    if decision.allowed:
        return _allowed(number, asked, there.agency)
    said = refusal(actor, asked, there.agency, decision)
    return shown.Why(
        about=f"recording {number}",
        doing=doing(asked),
        agency=there.agency,
        allowed=False,
        says=said.says,
        rules=[_rule(rule, facts) for rule in decision.rules],
        roles=sorted(actor.roles_in(there.agency, there.office)),
        ways=_ways(actor, asked, there, facts, decision),
        back=f"/recordings/{number}",
    )


@page(router, "/why", "why.html", summary="Why may I not do this?", tag=TAG)
def why_not(
    request: Request,
    act: Annotated[str, Query(max_length=40)],
    agency: Annotated[str, Query(max_length=20)],
) -> shown.Why:
    """Of an act in an agency, whatever it is done to: which roles may, which of them this person has, who can give one."""
    actor, asked = actor_of(request), _act(act)
    with archive_of(request).db.tx(actor.home()) as conn:
        if agency not in {one.id for one in access.agencies(conn)}:
            raise Invalid(f"There is no agency {agency}.", next_step="Start from the work list.")
    decision = decide(actor, asked, agency, Facts(purpose="case"))
    about = f"what {agency.upper()} has"
    if decision.allowed:
        return _allowed(about, asked, agency)
    return shown.Why(
        about=about,
        doing=doing(asked),
        agency=agency,
        allowed=False,
        says=refusal(actor, asked, agency, decision).says,
        rules=[_rule(rule, NO_FACTS) for rule in decision.rules],
        roles=sorted(actor.roles_in(agency)),
        ways=[_role_way(agency)],
    )


def doing(act: Act) -> str:
    """An act in words: `view`, `break glass`."""
    return act.split(".")[1].replace("_", " ")


def _act(text: str) -> Act:
    found = next((act for act in ACTS if act == text), None)
    if found is None:
        raise Invalid(f"“{text[:40]}” is no act.", next_step="Start from the page that refused.")
    return found


def _allowed(about: str, act: Act, agency: str) -> shown.Why:
    recording = about.startswith("R-")
    return shown.Why(
        about=f"recording {about}" if recording else about,
        doing=doing(act),
        agency=agency,
        allowed=True,
        says="No rule says no to you now.",
        rules=[],
        roles=[],
        ways=[],
        back=f"/recordings/{about}" if recording else "",
    )


def _of_refusal(number: str, act: Act, refused: Refused) -> shown.Why:
    """What a refusal says by itself: of a share that is over or allows less, or of a restriction. Nothing else is told."""
    restricted = refused.rules == ("access/restricted",)
    so = "It is restricted, and you are not named for it. Of what kind, and who is named, is not said here."
    return shown.Why(
        about=f"recording {number}",
        doing=doing(act),
        agency="",
        allowed=False,
        says=refused.says,
        rules=[
            shown.RuleShown(id=rule, forbids=True, says=refused.says, so=so if restricted else "")
            for rule in refused.rules
        ],
        roles=[],
        ways=[shown.Way(says=refused.next_step)] if refused.next_step else [],
    )


def _rule(rule: Rule, facts: Facts) -> shown.RuleShown:
    so = _SO.get(rule.id)
    return shown.RuleShown(
        id=f"access/{rule.id}", forbids=not rule.permits, says=rule.says, so=so(facts) if so else ""
    )


# What a rule turns on, as it is here. Only a rule that decides, or could permit, is asked; so nothing else is told.
_SO: Final[Mapping[str, Callable[[Facts], str]]] = {
    "officer-own": lambda f: "" if f.own else "Somebody else wore the camera.",
    "supervisor-unit": lambda f: "" if f.own_unit else "You do not supervise whoever wore the camera, by the roster or by your office.",
    "investigator-case": lambda f: "" if f.purpose == "case" else "You have not said a case that you work on.",
    "purpose": lambda _: "You have not said for what you look, or the time for which it held is over.",
    "investigated": lambda f: "You wore the camera." if f.own else "You supervise whoever wore the camera.",
    "report-first": lambda _: "You wore the camera, it shows a use of force, and nobody has entered that you gave your first report.",
    "report-unknown": lambda _: "You wore the camera, it shows a use of force, nobody has entered that you gave your first report, and the directive in force that day does not say.",
}  # fmt: skip


def _ways(actor: Actor, act: Act, there: Recording, facts: Facts, decision: Decision) -> list[shown.Way]:
    url, ways = f"/recordings/{there.number}", []
    kinds = purposes_that_allow(actor, act, there.agency, facts)
    if only_purpose_missing(decision) or (kinds and not decision.allowed):
        says = "Say a case that you work on." if kinds == ["case"] else "Say for which case you look, or why."
        ways.append(shown.Way(says=says, url=f"{url}/purpose", label="Say it"))
    forbidding = [rule for rule in decision.rules if not rule.permits and rule.id != "purpose"]
    ways += [shown.Way(says=rule.next.format(agency=there.agency.upper())) for rule in forbidding]
    if not forbidding and not kinds:
        ways.append(_role_way(there.agency))
    if act in _LOOKING and not kinds and decide(actor, "footage.break_glass", there.agency, facts).allowed:
        says = "In an emergency you can break the glass: it opens this recording for a while, and the inspector general reads why."
        ways.append(shown.Way(says=says, url=f"{url}/glass", label="Break the glass"))
    return ways


def _role_way(agency: str) -> shown.Way:
    return shown.Way(says=f"An administrator of {agency.upper()} can give a role that does.")
