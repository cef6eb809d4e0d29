"""Which cases and shares are a person's own? What they have a part in, and what another agency let them see."""

from __future__ import annotations

from datetime import datetime

from lapel.access.actor import Actor
from lapel.access.work import COUNT_TO, Group, Item, group
from lapel.base.errors import NotFound
from lapel.base.ids import recording_number
from lapel.cases import store
from lapel.cases.model import Share, said_acts
from lapel.storage.postgres import Connection


def work(conn: Connection, actor: Actor, now: datetime) -> list[Group]:
    """The person's open cases, and the shares with them that last; the last only for who handles what others share."""
    found = []
    if actor.agencies_as("investigator", "records", "custodian", "supervisor", "officer", "outside"):
        mine = store.cases_for(conn, actor.account)
        counts = store.count_placed(conn, [case.id for case in mine])
        if mine or actor.agencies_as("investigator"):
            found.append(
                group(
                    "cases", "My cases", "Open it",
                    "You have a part in this case, or you opened it. It leaves this list when it is closed or your part ends.",
                    "/cases",
                    [
                        Item(
                            case.number, case.url, case.opened_at, None, case.agency.upper(),
                            f"{case.title}: {counts.get(case.id, 0)} recordings",
                        )
                        for case in mine
                    ],
                )
            )  # fmt: skip
    if actor.agencies_as("outside", "investigator", "custodian"):
        had = [s for s in store.shares_had(conn, actor.in_view, actor.account) if s.is_live(now)][:COUNT_TO]
        if had or actor.agencies_as("outside"):
            title = "Shared with me" if actor.agencies_as("outside") else "Shared with us"
            found.append(
                group(
                    "shares", title, "Look at it",
                    "Another agency, or one that let you in from outside, shared this. What you do with it is entered in their"
                    " log. It leaves this list when the share ends.",
                    "/shares",
                    [
                        Item(
                            _what(conn, share), f"/shares/{share.id}", share.given_at, share.ends_at,
                            share.agency.upper(), f"To {said_acts(share.acts)}, for: {share.purpose[:140]}",
                        )
                        for share in sorted(had, key=lambda share: share.ends_at)
                    ],
                )
            )  # fmt: skip
    return found


def _what(conn: Connection, share: Share) -> str:
    if share.recording:
        kept = store.kept(conn, [share.recording])
        return "a recording that is not shown to you" if kept else recording_number(share.recording)
    try:
        return (
            f"case {store.case(conn, share.case_file).number}"
            if share.case_file
            else store.saved_search(conn, share.search or "").name
        )
    except NotFound:
        return "recordings of a case"
