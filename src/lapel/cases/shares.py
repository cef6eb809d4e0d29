"""What does one agency let another see, and how does it end?

A share names what (a recording, a case's recordings, or those a saved search finds), which acts, for which purpose and
until when. It gives the giver's own recordings only. Row-level security shows them to the other agency while it lasts
(migration 0014); what that agency's people do is entered in the giver's log.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lapel.base import clock
from lapel.base.clock import stamp
from lapel.base.digest import Value
from lapel.base.errors import Conflict, Invalid, NotFound
from lapel.base.ids import new_id, recording_number
from lapel.cases import store
from lapel.cases.entering import enter, one_of, reason_given, words_given
from lapel.cases.files import still_open
from lapel.cases.model import SHARE_ACTS, Ref, SavedSearch, Share
from lapel.custody import log
from lapel.custody.log import Act
from lapel.custody.sidecar import Write
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

LONGEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class What:
    """What is shared: exactly one of the three."""

    recording: Ref | None = None
    case: str | None = None
    search: str | None = None


def save_search(
    archive: Archive, scope: Scope, agency: str, name: str, filters: Mapping[str, Any]
) -> SavedSearch:
    """Keep a filter under a name. `filters`: office, wearer, camera, category, first_day, last_day, zone, words.

    Raises `Invalid` when it narrows nothing, `Conflict` for a name that is taken: a saved search never changes.
    """
    name = words_given(name, "A saved search's name", 100)
    at = clock.now()
    row = {**filters, "id": new_id(), "agency": agency, "name": name, "made_at": at, "made_by": scope.actor}
    made = SavedSearch(**row)
    if not made.narrows:
        raise Invalid("This search leaves nothing out.", next_step="Narrow the list first.")
    with archive.db.tx(scope) as conn:
        if any(one.name == name for one in store.saved_searches(conn, (agency,))):
            raise Conflict(f"{agency} has a saved search “{name}” already.", next_step="Give another name.")
        detail: dict[str, Value] = {"name": name, "search": made.says}
        write = Write(
            "saved_search", {**row, "first_day": _day(made.first_day), "last_day": _day(made.last_day)}
        )
        enter(conn, archive, scope, agency=agency, act="search_saved", subject=f"search:{made.id}", detail=detail, writes=[write], at=at)  # fmt: skip
        return store.saved_search(conn, made.id)


def give(
    archive: Archive,
    scope: Scope,
    agency: str,
    to_agency: str,
    what: What,
    *,
    acts: Collection[str],
    purpose: str,
    expires_at: datetime,
    to_account: str | None = None,
) -> Share:
    """Share something of this agency with another, at once. Raises `Invalid` for what cannot be given, `NotFound`, `Conflict`.

    `to_account`: with this one person instead, whom this agency lets in from outside; `to_agency` is then its own.
    To view is always given; a share lasts at most 366 days.
    """
    purpose, at = reason_given(purpose, "Sharing"), clock.now()
    given = [act for act in SHARE_ACTS if act in {"view", *acts}]
    if set(acts) - set(SHARE_ACTS):
        one_of(min(set(acts) - set(SHARE_ACTS)), SHARE_ACTS, "act to share")
    if not at < expires_at <= at + LONGEST:
        raise Invalid(
            "A share ends in the future, and within 366 days.", next_step="Choose its last day; give it anew then."
        )  # fmt: skip
    with archive.db.tx(scope) as conn:
        _to_whom(conn, agency, to_agency, to_account)
        row = {
            "id": new_id(), "agency": agency, "to_agency": to_agency, "to_account": to_account, "recording": None,
            "case_file": None, "search": None, "acts": given, "purpose": purpose, "given_at": at, "given_by": scope.actor,
            "expires_at": expires_at,
        }  # fmt: skip
        detail: dict[str, Value] = {
            "to": to_agency, "acts": list(given), "purpose": purpose, "expires_at": stamp(expires_at),
        }  # fmt: skip
        if to_account:
            detail["to_account"] = to_account
        touched = _named(conn, agency, what, row, detail)
        subject = f"share:{row['id']}"
        entry = log.prepare(conn, actor=scope.actor, agency=agency, act="shared", subject=subject, detail=detail, at=at)  # fmt: skip
        write = Write("share", {**row, "entry": entry.id})
        enter(conn, archive, scope, agency=agency, act="shared", subject=subject, detail=detail, writes=[write], entry=entry)  # fmt: skip
        said: dict[str, Value] = {"share": str(row["id"]), "to": to_agency, "acts": list(given), "until": stamp(expires_at)}  # fmt: skip
        if to_account:
            said["to_account"] = to_account
        _on_each(conn, scope, agency, "shared", touched, said)
        return store.share(conn, str(row["id"]))


def _to_whom(conn: Connection, agency: str, to_agency: str, to_account: str | None) -> None:
    if to_account is None:
        known = [row["id"] for row in conn.execute("SELECT id FROM agency WHERE id <> %s", (agency,))]
        one_of(to_agency, sorted(known), "other agency")
    elif to_agency != agency or to_account not in {one.id for one in store.outsiders(conn, agency)}:
        raise Invalid(
            f"{agency} has let in nobody like this from outside.",
            next_step="An administrator gives them the role “outside” first.",
        )


def revoke(archive: Archive, scope: Scope, share_id: str, reason: str) -> Share:
    """Take a share back: from the end of this call nothing is seen by it. Raises `Conflict` when it is over already."""
    reason, at = reason_given(reason, "Taking a share back"), clock.now()
    with archive.db.tx(scope) as conn:
        conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 14))", (share_id,))
        there = store.share(conn, share_id)
        if there.agency not in scope.agencies:
            raise NotFound("Only the agency that gave a share takes it back.")
        if not there.is_live(at):
            raise Conflict("This share is over already.", next_step="Look at the list of shares.")
        change = {"id": there.id, "revoked_at": at, "revoked_by": scope.actor, "revoke_reason": reason}
        enter(
            conn,
            archive,
            scope,
            agency=there.agency,
            act="share_revoked",
            subject=f"share:{there.id}",
            detail={"reason": reason, "to": there.to_agency},
            writes=[Write("share", change, change=True)],
            at=at,
        )
        said: dict[str, Value] = {"share": there.id, "to": there.to_agency, "reason": reason}
        _on_each(conn, scope, there.agency, "share_revoked", _touched(conn, there), said)
        return store.share(conn, there.id)


def _named(
    conn: Connection, agency: str, what: What, row: dict[str, Any], detail: dict[str, Value]
) -> list[str]:
    """Fill in what is shared, in the row and in the entry; returns the subjects that hear of it too."""
    if what.recording:
        if what.recording.agency != agency:
            raise Invalid(f"{recording_number(what.recording.id)} is not {agency}'s to share.")
        row["recording"] = what.recording.id
        detail |= {"recording": what.recording.id, "recording_number": recording_number(what.recording.id)}
        return [f"recording:{what.recording.id}"]
    if what.case:
        there = still_open(store.case(conn, what.case))
        mine = [p.recording for p in store.placed(conn, there.id) if p.agency == agency]
        row["case_file"] = there.id
        detail |= {
            "case": there.id, "case_number": there.number, "recordings": [recording_number(r) for r in mine],
        }  # fmt: skip
        return [f"case:{there.id}", *(f"recording:{r}" for r in mine)]
    if what.search:
        found = store.saved_search(conn, what.search)
        if found.agency != agency:
            raise Invalid(f"The search “{found.name}” is not {agency}'s to share.")
        row["search"] = found.id
        detail |= {"search": found.id, "search_name": found.name, "search_says": found.says}
        return [f"search:{found.id}"]
    raise Invalid("It is not said what is to be shared.", next_step="Name a recording, a case or a saved search.")  # fmt: skip


def _touched(conn: Connection, there: Share) -> list[str]:
    """The subjects besides the share itself that hear of its end."""
    if there.recording:
        return [f"recording:{there.recording}"]
    if there.case_file:
        placed = store.placed(conn, there.case_file)
        mine = [f"recording:{p.recording}" for p in placed if p.agency == there.agency]
        return [f"case:{there.case_file}", *mine]
    return [f"search:{there.search}"]


def _on_each(
    conn: Connection, scope: Scope, agency: str, act: str, subjects: list[str], said: Mapping[str, Value]
) -> None:
    log.record_many(conn, [Act(scope.actor, agency, act, subject, said) for subject in subjects])


def _day(day: object) -> str | None:
    return str(day) if day else None
