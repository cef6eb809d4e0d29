"""What may another agency's people do with footage that is shared with theirs, and how does the giver's log hear of it?

Row-level security shows a shared recording to the other agency's transactions while the share lasts. Which acts the
share allows is a fact that the policies decide by; each act is an entry of the giver's agency on the recording, with who did it and by which
share.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from lapel.access import store as access
from lapel.access.actor import Actor
from lapel.access.permit import Act, Facts, decide, permit_lists
from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.errors import NotFound, Refused
from lapel.cases import store as cases
from lapel.cases.model import ShareAct, said_acts
from lapel.custody import log
from lapel.footage import looking
from lapel.footage.model import Recording
from lapel.storage.postgres import Connection, Scope

_ACTS: Final[dict[Act, ShareAct]] = {
    "footage.view": "view",
    "footage.play": "play",
    "footage.download": "download",
}


def shared_acts(conn: Connection, recording: Recording) -> frozenset[Act]:
    """The acts that shares with an agency in view allow on a recording now."""
    given = {act for share in cases.covering(conn, recording.id) for act in share.acts}
    return frozenset(act for act, name in _ACTS.items() if name in given)


def is_guest(scope: Scope, recording: Recording) -> bool:
    """Is this somebody for whom the recording is another agency's?"""
    return recording.agency not in scope.agencies


def permit_shared(conn: Connection, actor: Actor, recording: Recording, act: Act) -> None:
    """Return when a share allows the act, as the policies say; otherwise raise `Refused` with what it does allow.

    The share's purpose stands for the guest's own: it was said when it was given, and is in the giver's log with each act.
    """
    allowed = shared_acts(conn, recording)
    facts = Facts(shared=allowed, purpose="case", office=recording.office)
    if decide(actor, act, recording.agency, facts).allowed:
        return
    there = said_acts([_ACTS[one] for one in allowed]) or "nothing"
    raise Refused(
        f"{recording.number} is {recording.agency.upper()}'s. It is shared with your agency to {there}, and not for this.",
        rules=("cases/share-acts",),
        next_step=f"Ask {recording.agency.upper()} for a share that allows it.",
    )


def permit_matters(actor: Actor) -> None:
    """Return for who sees footage somewhere, and for who was let in from outside; otherwise raise `Refused`.

    Which cases and shares they see is row-level security's answer.
    """
    if actor.acts is not None or not actor.agencies_as("outside"):
        permit_lists(actor)


def refuse_ended(conn: Connection, number: str) -> None:
    """Return when no share ever gave the recording with this number; raise `Refused` when the one that did is over."""
    share = cases.over(conn, number)
    if share is None:
        return
    giver, had = share.agency.upper(), "you" if share.to_account else share.to_agency.upper()
    if share.revoked_at is not None:
        how, rule = (
            f"{giver} took it back on {_day(share.revoked_at)}: {share.revoke_reason}",
            "cases/share-revoked",
        )
    elif share.expires_at <= clock.now():
        how, rule = f"it ended on {_day(share.expires_at)}", "cases/share-expired"
    else:
        how, rule = f"{giver} took it out of what it shares", "cases/share-left"
    raise Refused(
        f"{number} was shared with {had}; {how}.",
        rules=(rule,),
        next_step=f"Ask {giver} to share it again. The receipt of the share stays yours.",
    )


def record(
    conn: Connection,
    scope: Scope,
    recording: Recording,
    act: str,
    detail: Mapping[str, Value] | None = None,
    at: datetime | None = None,
) -> None:
    """Enter an act on a recording in its agency's log, with its purpose; a guest's with who they are and by which share.

    Raises `NotFound` when the share has ended meanwhile: then nothing is entered and nothing may be shown.
    """
    subject = f"recording:{recording.id}"
    if not is_guest(scope, recording):
        with_purpose = {**looking.purpose(conn, scope, recording), **(detail or {})}
        log.record(
            conn, actor=scope.actor, agency=recording.agency, act=act, subject=subject, detail=with_purpose, at=at
        )  # fmt: skip
        return
    covering = cases.covering(conn, recording.id)
    if not covering:
        raise NotFound(f"{recording.number} is not shared with your agency any more.")
    share = cases.share(conn, covering[0].share)
    account = scope.actor.removeprefix("account:")
    who = access.account_names(conn, [account]).get(account, "")
    said: dict[str, Value] = {
        **(detail or {}),
        "share": share.id,
        "by_agency": share.to_agency,
        "by_name": who,
    }
    log.record_on_known(conn, log.Act(scope.actor, recording.agency, act, subject, said, at))


def _day(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")
