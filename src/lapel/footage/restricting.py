"""Who may see a recording that is set apart? Restrict it, name people for it, and lift the restriction with two people.

To whoever is not named, a restricted recording is not there at all: row-level security hides it, its files and what is
made of them, from pages, lists, searches, cases and shares alike (migrations 0012 and 0020). The recording's own flag
follows the restriction in the database, so no act can set one without the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args

from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.errors import Conflict, Invalid, NotFound
from lapel.base.ids import is_id, new_id
from lapel.custody import log
from lapel.custody.sidecar import Under, Write, perform
from lapel.footage import store, store_looks
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

Kind = Literal["technique", "undercover", "internal_affairs", "forbidden", "other"]
KINDS: Final[Mapping[Kind, str]] = {
    "technique": "A sensitive technique",
    "undercover": "Somebody undercover, or an informant",
    "internal_affairs": "Internal affairs",
    "forbidden": "Recorded though the policy forbids it",
    "other": "Another reason",
}
MAX_WORDS = 2000


@dataclass(frozen=True, slots=True)
class Restriction:
    """A restriction in force, or over. `lift_asked_*`: somebody wants it lifted, and a second person has to agree."""

    id: str
    agency: str
    recording: str
    kind: Kind
    reason: str
    made_at: datetime
    made_by: str
    lifted_at: datetime | None
    lifted_by: str | None
    lifted_for: str
    lift_asked_at: datetime | None
    lift_asked_by: str | None
    lift_asked_for: str


@dataclass(frozen=True, slots=True)
class Named:
    """An account that is named to see past a recording's restriction."""

    id: str
    agency: str
    recording: str
    account: str
    named_at: datetime
    named_by: str
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Apart:
    """A recording as those who decide its restriction know it, seen or not. `agency`, `office`, `wearer`: whose it is."""

    id: str
    agency: str
    office: str | None
    wearer: str | None
    wrapped_key: bytes | None = None


def restrict(
    conn: Connection,
    archive: Archive,
    scope: Scope,
    recording_id: str,
    kind: Kind,
    reason: str,
    named: Sequence[str] = (),
    detail: Mapping[str, Value] | None = None,
) -> Restriction:
    """Set a recording apart at once, in the caller's transaction, with its custody entry (`restricted`) and its sidecar.

    For other rooms too: `restrict(conn, archive, scope, recording.id, "forbidden", "Clause F3 forbids it", detail={"clauses": [...]})`
    inside `with archive.db.tx(scope) as conn`, where `scope` sees the recording's agency; the roles staff and worker may.
    `named`: accounts (ids) of the agency that still see it; empty means its inspectors general (of what was forbidden its
    custodians too), so that somebody can decide. Nobody is named by restricting: a person who restricts and is not in `named` does not see the row after this
    call, so read what you need of it before. Asked again while it is restricted, it returns the restriction that is there
    and enters nothing. The caller has asked `permit` (`footage.restrict`), or is a job that acts by the policy.

    Raises `NotFound` (no such recording in view), `Invalid` (kind, reason, an account that is none of the agency's).
    """
    if kind not in get_args(Kind):
        raise Invalid(f"“{kind[:20]}” is no kind of restriction.", next_step=f"One of: {', '.join(KINDS)}.")
    words = said(reason, "restricting it")
    there = store.recording(conn, recording_id, lock=True)
    known = store_looks.restriction(conn, recording_id)
    if known is not None:
        return known
    people = tuple(dict.fromkeys(named)) or _deciders(conn, there.agency, kind)
    _known_accounts(conn, named)
    at = clock.now()
    row: dict[str, Any] = {
        "id": new_id(), "agency": there.agency, "recording": there.id, "kind": kind, "reason": words,
        "made_at": at, "made_by": scope.actor,
    }  # fmt: skip
    said_more: dict[str, Value] = {**(detail or {}), "kind": kind, "reason": words, "named": list(people)}
    # The names come first: whoever restricts and is named goes on seeing what they restrict.
    writes = [Write("restriction_named", _naming(there.agency, there.id, one, scope, at)) for one in people]
    writes.append(Write("restriction", row))
    apart = Apart(there.id, there.agency, there.office, there.wearer, there.wrapped_key)
    _enter(conn, archive, scope, apart, "restricted", said_more, writes, at)
    made = store_looks.restriction(conn, recording_id)
    assert made is not None  # it was written two lines above
    return made


def name(conn: Connection, archive: Archive, scope: Scope, apart: Apart, account: str, reason: str) -> None:
    """Name an account for a restricted recording. Raises `Conflict` when it is not restricted or they are named, `Invalid`."""
    _in_force(conn, apart)
    _known_accounts(conn, [account])
    if any(one.account == account for one in store_looks.named(conn, apart.id)):
        raise Conflict("They are named already.")
    at, words = clock.now(), said(reason, "naming somebody")
    write = Write("restriction_named", _naming(apart.agency, apart.id, account, scope, at))
    _enter(conn, archive, scope, apart, "named", {"account": account, "reason": words}, [write], at)


def unname(conn: Connection, archive: Archive, scope: Scope, apart: Apart, account: str, reason: str) -> None:
    """End somebody's being named; at once they see nothing of it. Raises `Conflict` for the last one named, `NotFound`."""
    _in_force(conn, apart)
    there = store_looks.named(conn, apart.id)
    ending = next((one for one in there if one.account == account), None)
    if ending is None:
        raise NotFound("They are not named for it.", next_step="Load the page again.")
    if len(there) == 1:
        raise Conflict(
            "Nobody else is named for it; then nobody could see or judge it.",
            next_step="Name somebody first.",
        )
    at, words = clock.now(), said(reason, "ending it")
    write = Write("restriction_named", {"id": ending.id, "ended_at": at}, change=True)
    _enter(conn, archive, scope, apart, "unnamed", {"account": account, "reason": words}, [write], at)


def ask_to_lift(conn: Connection, archive: Archive, scope: Scope, apart: Apart, reason: str) -> None:
    """Ask for a restriction to be lifted; a second person lifts it. Raises `Conflict` when somebody has asked already."""
    there = _in_force(conn, apart)
    if there.lift_asked_by is not None:
        raise Conflict("Somebody has asked for it already.", next_step="A second person decides.")
    at, words = clock.now(), said(reason, "lifting it")
    change = {
        "id": there.id,
        "lift_asked_at": at,
        "lift_asked_by": scope.actor,
        "lift_asked_for": words,
    }
    write = Write("restriction", change, change=True)
    _enter(conn, archive, scope, apart, "unrestrict_asked", {"reason": words}, [write], at)


def refuse_to_lift(conn: Connection, archive: Archive, scope: Scope, apart: Apart, reason: str) -> None:
    """The restriction stays: what was asked for is refused, or taken back by who asked. Raises `Conflict`."""
    there = _asked(_in_force(conn, apart))
    at, words = clock.now(), said(reason, "keeping it")
    change = {"id": there.id, "lift_asked_at": None, "lift_asked_by": None, "lift_asked_for": ""}
    write = Write("restriction", change, change=True)
    _enter(conn, archive, scope, apart, "unrestrict_refused", {"reason": words}, [write], at)


def lift(conn: Connection, archive: Archive, scope: Scope, apart: Apart, reason: str) -> None:
    """Lift a restriction that another person asked to be lifted. Raises `Conflict` for the same person, or when nobody asked."""
    there = _asked(_in_force(conn, apart))
    if there.lift_asked_by == scope.actor:
        raise Conflict(
            "You asked for it yourself; a second person has to agree.",
            next_step="Tell them; it stays restricted.",
        )
    at, words = clock.now(), said(reason, "lifting it")
    change = {"id": there.id, "lifted_at": at, "lifted_by": scope.actor, "lifted_for": words}
    # Who was named for this one is not named for the next.
    writes = [
        Write("restriction_named", {"id": one.id, "ended_at": at}, change=True)
        for one in store_looks.named(conn, apart.id)
    ]
    writes.append(Write("restriction", change, change=True))
    detail: dict[str, Value] = {"reason": words, "asked_by": there.lift_asked_by or ""}
    _enter(conn, archive, scope, apart, "unrestricted", detail, writes, at)


def said(text: str, what: str, least: int = 1) -> str:
    """The words somebody gave as a reason for `what`, without what the database cannot keep. Raises `Invalid`."""
    words = text.replace("\0", "").strip()
    if not least <= len(words) <= MAX_WORDS:
        raise Invalid(
            f"Nothing was done: say in {least} to {MAX_WORDS:,} characters why you are {what}.",
            next_step="The reason is kept in the custody log.",
        )
    return words


def _naming(agency: str, recording: str, account: str, scope: Scope, at: datetime) -> dict[str, Any]:
    return {
        "id": new_id(), "agency": agency, "recording": recording, "account": account, "named_at": at,
        "named_by": scope.actor,
    }  # fmt: skip


def _deciders(conn: Connection, agency: str, kind: Kind) -> tuple[str, ...]:
    """Who decides: inspectors general; of what should not have been recorded its custodians too, who keep or dispose of it."""
    inspectors = store_looks.inspectors_of(conn, agency)
    if kind != "forbidden":
        return inspectors
    return tuple(dict.fromkeys((*inspectors, *store_looks.custodians_of(conn, agency))))


def _known_accounts(conn: Connection, accounts: Sequence[str]) -> None:
    for account in accounts:
        if not is_id(account) or not store_looks.account_in_view(conn, account):
            raise Invalid("There is no such account in this agency.", next_step="Choose one from the list.")


def _in_force(conn: Connection, apart: Apart) -> Restriction:
    there = store_looks.restriction(conn, apart.id, lock=True)
    if there is None:
        raise Conflict("It is not restricted any more.", next_step="Load the page again.")
    return there


def _asked(there: Restriction) -> Restriction:
    if there.lift_asked_by is None:
        raise Conflict(
            "Nobody has asked for it to be lifted.", next_step="Ask for it; a second person lifts it."
        )
    return there


def _enter(
    conn: Connection,
    archive: Archive,
    scope: Scope,
    apart: Apart,
    act: str,
    detail: Mapping[str, Value],
    writes: Sequence[Write],
    at: datetime,
) -> None:
    entry = log.prepare(
        conn, actor=scope.actor, agency=apart.agency, act=act, subject=f"recording:{apart.id}", detail=detail, at=at
    )  # fmt: skip
    # Who decides without being named is not shown the recording's key either; the agency's seals what they say.
    under = Under(apart.id, apart.wrapped_key) if apart.wrapped_key else Under()
    perform(conn, archive, entry, writes, agency=apart.agency, under=under)
