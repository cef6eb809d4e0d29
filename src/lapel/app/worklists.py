"""What waits for this person, from every room? Composed by the roles they hold; each room says what of its own waits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

from lapel.access import worklist as access_work
from lapel.access.actor import Actor
from lapel.access.work import Group, Item, group
from lapel.activation import worklist as activation_work
from lapel.app import store_alarms
from lapel.base.clock import stamp
from lapel.base.errors import NotFound
from lapel.cases import worklist as cases_work
from lapel.custody import store_search
from lapel.custody.health import SCOPE
from lapel.custody.store_search import Wanted
from lapel.footage import inspector_web
from lapel.policy import store as policy
from lapel.policy.deadlines import due
from lapel.redaction import worklist as redaction_work
from lapel.storage.postgres import Connection, Database

MoreWork = Callable[[Connection, Actor, datetime], list[Any]]
LOOK_BACK = timedelta(days=7)


def more_work(db: Database) -> MoreWork:
    """Everything but the keepers' own work; what the inspector general has to look into comes first."""

    def work(conn: Connection, actor: Actor, now: datetime) -> list[Any]:
        found: list[Any] = [*log_alarms(db, actor), *inspector_web.work(conn, actor)]
        if actor.footage_of:
            found += activation_work.work(conn, actor, now)
        found += redaction_work.work(conn, actor)
        found += refusals(conn, actor, now)
        found += deadlines(conn, actor, now)
        found += cases_work.work(conn, actor, now)
        return found + access_work.work(db, actor, now)

    return work


def log_alarms(db: Database, actor: Actor) -> list[Group]:
    """What is wrong with the custody log now, for those who oversee it: nothing else can be trusted while it stands still."""
    if not (actor.agencies_as("inspector") or actor.agencies_as("administrator")):
        return []
    with db.tx(SCOPE) as conn:
        lasting = [row for row in store_alarms.newest(conn) if row["cleared_at"] is None]
    items = [
        Item(
            str(row["kind"]).replace("-", " "),
            "/audit/health",
            row["raised_at"],
            None,
            "",
            str(row["says"])[:140],
        )
        for row in lasting
    ]
    why = (
        "Acts are entered in the custody log before they count. One that stands still hides what is done meanwhile. It leaves"
        " this list when the log works again."
    )
    return [group("log-alarms", "The custody log needs a look", "See its state", why, "/audit/health", items)]


def refusals(conn: Connection, actor: Actor, now: datetime) -> list[Group]:
    """What people were refused in the last week, for the inspector general: what they would not be shown otherwise."""
    agencies = tuple(a for a in actor.in_view if a in actor.agencies_as("inspector"))
    if not agencies:
        return []
    wanted = Wanted(agencies, outcome="refused", since=now - LOOK_BACK)
    rows = store_search.find(conn, wanted, limit=100)[0]
    items = [
        Item(
            str(row.detail.get("attempted", "an act")).replace("_", " "),
            f"/audit?outcome=refused&from={stamp(now - LOOK_BACK)[:10]}", row.at, None, row.agency.upper(),
            str(row.detail.get("says", ""))[:140],
        )
        for row in rows
    ]  # fmt: skip
    why = (
        "Somebody asked for something that a rule does not let them. Most are mistakes; many by one person, or of one"
        " recording, are worth a question. It leaves this list after a week and stays in the log."
    )
    return [
        group("refusals", "Refused in the last week", "See the log", why, "/audit?outcome=refused", items)
    ]


def deadlines(conn: Connection, actor: Actor, now: datetime) -> list[Group]:
    """Agencies whose policy is late or says less than it has to, for the policy office."""
    if not actor.agencies_as("policy"):
        return []
    try:
        rows = due(policy.record(conn), now.date()).rows
    except NotFound:  # the department has adopted no policy yet, so no agency is late
        rows = []
    items = [
        Item(
            row.name, "/policy/due", datetime.combine(row.due_on, time(), UTC), datetime.combine(row.due_on, time(), UTC),
            row.agency.upper(),
            "Not adopted yet" if row.adopted_on is None else f"Lacks: {', '.join(row.missing)}",
        )
        for row in rows if row.adopted_on is None or row.missing
    ]  # fmt: skip
    why = (
        "The department's policy says by when each agency adopts its own, and what that has to contain. It leaves this list"
        " when the agency has adopted a policy that contains it."
    )
    return [group("policies", "Policies that are due", "See the board", why, "/policy/due", items)]
