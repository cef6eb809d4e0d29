"""Who looked in an emergency where their role would not let them? Breaking the glass: loud, for a while, answered for.

It opens one recording to one account until it ends. What nobody breaks is said by the policies: restricted footage, the
evidence against oneself or one's unit, and one's own recording before the first report where the directive wants that.
Each stands on the list of the inspectors general until one of them has said, by a code, what it was.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from lapel.base import clock
from lapel.base.errors import Conflict, Invalid, NotFound
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.custody.sidecar import Under, Write, perform
from lapel.footage import looking, store, store_looks
from lapel.footage.looking import Look
from lapel.footage.model import Recording
from lapel.footage.restricting import said
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

HOLDS = timedelta(minutes=60)
LEAST_WORDS = 20
OUTCOMES: Final[Mapping[str, str]] = {
    "justified": "It was needed",
    "not_needed": "A role or a share would have done; nothing was wrong",
    "followed_up": "Somebody has to answer for it",
    "referred": "Given to internal affairs or another inquiry",
}


def break_glass(
    conn: Connection,
    archive: Archive,
    scope: Scope,
    recording: Recording,
    words: str,
    holds: timedelta = HOLDS,
) -> Look:
    """Open this recording to the acting account until `holds` is over. The caller has asked `permit` (`footage.break_glass`).

    Raises `Invalid` for a reason of less than twenty characters, `Conflict` when it is open to them already.
    """
    account, at = scope.actor.removeprefix("account:"), clock.now()
    why = said(words, "breaking the glass", LEAST_WORDS)
    if any(one.why == "glass" for one in store_looks.running(conn, recording.id, account, scope.session, at)):
        raise Conflict("You have broken the glass for it already, and it has not ended.")
    look = Look(
        id=new_id(), agency=recording.agency, recording=recording.id, account=account, why="glass", code="",
        case_number="", words=why, begun_at=at, ends_at=at + holds, seen_at=None, seen_by=None, seen_says="",
        session=scope.session, case_file=None, seen_as="",
    )  # fmt: skip
    more = {"reason": why, "until": clock.stamp(look.ends_at)}
    looking.enter(conn, archive, scope, recording, look, "glass_broken", more)
    return look


def close(conn: Connection, archive: Archive, scope: Scope, recording: Recording) -> None:
    """End one's own broken glass before its time. Raises `Conflict` when none is open."""
    account, at = scope.actor.removeprefix("account:"), clock.now()
    there = [
        one
        for one in store_looks.running(conn, recording.id, account, scope.session, at)
        if one.why == "glass"
    ]
    if not there:
        raise Conflict("No glass is broken for it any more.", next_step="Load the page again.")
    entry = log.prepare(
        conn, actor=scope.actor, agency=recording.agency, act="glass_closed", subject=f"recording:{recording.id}",
        detail={"look": there[0].id}, at=at,
    )  # fmt: skip
    write = Write("look", {"id": there[0].id, "ends_at": at}, change=True)
    perform(conn, archive, entry, [write], agency=recording.agency, under=_under(recording))


def acknowledge(archive: Archive, scope: Scope, look_id: str, outcome: str, words: str) -> None:
    """An inspector general says what the glass was broken for, by a code and in words; once, and not about oneself.

    The caller has asked `permit` (`access.audit`). Raises `Invalid`, `NotFound`, `Conflict`.
    """
    if outcome not in OUTCOMES:
        raise Invalid(f"“{outcome[:20]}” is no outcome.", next_step=f"One of: {', '.join(OUTCOMES)}.")
    says = said(words, "coming to that outcome")
    with archive.db.tx(scope) as conn:
        there = store_looks.look(conn, look_id, lock=True)
        if there is None or there.why != "glass":
            raise NotFound("There is no such broken glass that you can see.")
        if f"account:{there.account}" == scope.actor:
            raise Conflict("You broke it yourself.", next_step="Another inspector general looks into it.")
        if there.seen_at is not None:
            raise Conflict("Somebody has looked into it already.", next_step="Load the list again.")
        at = clock.now()
        entry = log.prepare(
            conn, actor=scope.actor, agency=there.agency, act="glass_answered",
            subject=f"recording:{there.recording}", detail={"look": there.id, "outcome": outcome, "words": says}, at=at,
        )  # fmt: skip
        change = {
            "id": there.id,
            "seen_at": at,
            "seen_by": scope.actor,
            "seen_as": outcome,
            "seen_says": says,
        }
        under = Under()
        # Restricted meanwhile, and this inspector is not named: then the agency's key seals what they say.
        with contextlib.suppress(NotFound):
            under = _under(store.recording(conn, there.recording))
        perform(conn, archive, entry, [Write("look", change, change=True)], agency=there.agency, under=under)


def _under(recording: Recording) -> Under:
    return Under(recording.id, recording.wrapped_key)
