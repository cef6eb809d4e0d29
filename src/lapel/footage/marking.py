"""What is said of a recording that changes who may look? It shows a use of force; it is evidence in an investigation.

A use of force is marked by a supervisor or a custodian, or follows from the category; its wearer then looks only as the
directive says, until the supervisor enters that the first report was given. Evidence in an investigation is marked by who
investigates, or follows from an open case of internal affairs; the wearer and their supervisor then look at nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args

from lapel.access.permit import Act
from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.errors import Conflict, Invalid
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.custody.sidecar import Under, Write, perform
from lapel.footage import store, store_looks
from lapel.footage.model import Recording
from lapel.footage.restricting import said
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

MarkKind = Literal["use_of_force", "investigated"]
MARKS: Final[Mapping[MarkKind, str]] = {
    "use_of_force": "shows a use of force",
    "investigated": "is evidence in an investigation of its wearer",
}
ACT_OF: Final[Mapping[MarkKind, Act]] = {
    "use_of_force": "footage.mark",
    "investigated": "footage.investigate",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark on a recording; it counts until it is ended."""

    id: str
    agency: str
    recording: str
    kind: MarkKind
    reason: str
    made_at: datetime
    made_by: str
    ended_at: datetime | None
    ended_by: str | None
    ended_for: str


def mark_kind(text: str) -> MarkKind:
    """The kind of mark that is meant. Raises `Invalid`."""
    for kind in get_args(MarkKind):
        if text == kind:
            return kind  # type: ignore[no-any-return]  # one of the literal's own values
    raise Invalid(f"“{text[:20]}” is no mark.", next_step=f"One of: {', '.join(MARKS)}.")


def mark(archive: Archive, scope: Scope, recording_id: str, kind: MarkKind, reason: str) -> None:
    """Mark a recording, with the reason. Raises `Conflict` when it is marked so already, `Invalid`, `NotFound`."""
    words = said(reason, "marking it")
    with archive.db.tx(scope) as conn:
        there = store.recording(conn, recording_id, lock=True)
        if _now(conn, there, kind) is not None:
            raise Conflict(f"{there.number} is marked already: it {MARKS[kind]}.")
        at = clock.now()
        row: dict[str, Any] = {
            "id": new_id(), "agency": there.agency, "recording": there.id, "kind": kind, "reason": words,
            "made_at": at, "made_by": scope.actor,
        }  # fmt: skip
        write = Write("footage_mark", row)
        _enter(conn, archive, scope, there, "marked", {"kind": kind, "reason": words}, write, at)


def unmark(archive: Archive, scope: Scope, recording_id: str, kind: MarkKind, reason: str) -> None:
    """End a mark, with the reason; what stood in between stays in the log. Raises `Conflict` when there is none."""
    words = said(reason, "ending the mark")
    with archive.db.tx(scope) as conn:
        there = store.recording(conn, recording_id, lock=True)
        standing = _now(conn, there, kind)
        if standing is None:
            raise Conflict(f"{there.number} is not marked: nobody says that it {MARKS[kind]}.")
        at = clock.now()
        change = {"id": standing.id, "ended_at": at, "ended_by": scope.actor, "ended_for": words}
        write = Write("footage_mark", change, change=True)
        _enter(conn, archive, scope, there, "unmarked", {"kind": kind, "reason": words}, write, at)


def report_given(archive: Archive, scope: Scope, recording_id: str, given_at: datetime) -> None:
    """Enter when the wearer had given the first report on a use of force; from then on it is theirs to look at.

    Raises `Invalid` for a time before the recording or in the future, `Conflict` when it is entered already, `NotFound`.
    """
    with archive.db.tx(scope) as conn:
        there = store.recording(conn, recording_id, lock=True)
        if there.first_report_at is not None:
            raise Conflict("That the report was given is entered already.", next_step="Load the page again.")
        at = clock.now()
        if not (there.started_at or there.announced_at) <= given_at <= at:
            raise Invalid(
                "The report cannot have been given at that time.",
                next_step="Enter a time after the recording began, and not in the future.",
            )
        write = Write("recording", {"id": there.id, "first_report_at": given_at}, change=True)
        detail: dict[str, Value] = {"given_at": clock.stamp(given_at)}
        _enter(conn, archive, scope, there, "report_given", detail, write, at)


def _now(conn: Connection, there: Recording, kind: MarkKind) -> Mark | None:
    found = store_looks.marks(conn, there.id)
    return next((one for one in found if one.kind == kind and one.ended_at is None), None)


def _enter(
    conn: Connection,
    archive: Archive,
    scope: Scope,
    there: Recording,
    act: str,
    detail: Mapping[str, Value],
    write: Write,
    at: datetime,
) -> None:
    entry = log.prepare(
        conn, actor=scope.actor, agency=there.agency, act=act, subject=f"recording:{there.id}", detail=detail, at=at
    )  # fmt: skip
    under = Under(there.id, there.wrapped_key)
    perform(conn, archive, entry, [write], agency=there.agency, under=under)
