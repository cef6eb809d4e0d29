"""Which recordings belong to a case? Each is an act on the recording and on the case."""

from __future__ import annotations

from collections.abc import Sequence

from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.errors import Invalid, NotFound
from lapel.base.ids import new_id, recording_number
from lapel.cases import store
from lapel.cases.entering import enter, reason_given
from lapel.cases.files import still_open
from lapel.cases.model import Case, Ref
from lapel.custody.sidecar import Write
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

MOST_AT_ONCE = 500


def add_recordings(
    archive: Archive, scope: Scope, case_id: str, recordings: Sequence[Ref], reason: str = ""
) -> int:
    """Put recordings of the actor's agencies into a case that is theirs or joint with them; returns how many were new.

    All of them or, on any error, none. What is in it already stays as it is. Raises `Conflict` for a closed case.
    """
    if not 1 <= len(recordings) <= MOST_AT_ONCE:
        raise Invalid(f"Between 1 and {MOST_AT_ONCE} recordings can be added at once.")
    reason = reason_given(reason, "Adding a recording") if reason.strip() else ""
    with archive.db.tx(scope) as conn:
        there = still_open(store.case(conn, case_id, lock=True))
        return sum(_add(conn, archive, scope, there, one, reason) for one in recordings)


def _add(conn: Connection, archive: Archive, scope: Scope, there: Case, recording: Ref, reason: str) -> bool:
    if recording.agency not in scope.agencies:
        raise Invalid(
            f"{recording_number(recording.id)} is {recording.agency}'s, and only that agency puts it into a case.",
            next_step="Ask them to add it to the joint case.",
        )
    if store.in_case(conn, there.id, recording.id):
        return False
    row = {
        "id": new_id(), "agency": recording.agency, "case_agency": there.agency, "case_file": there.id,
        "recording": recording.id, "reason": reason, "added_at": clock.now(), "added_by": scope.actor,
    }  # fmt: skip
    said: dict[str, Value] = {"case": there.id, "case_number": there.number}
    if reason:
        said["reason"] = reason
    if live := [s.id for s in store.shares_of_case(conn, there.id) if s.agency == recording.agency and s.is_live(clock.now())]:  # fmt: skip
        said["shares"] = list(live)  # from now on they give this recording too
    _both(conn, archive, scope, there, recording, ("added_to_case", "recording_added"), said, Write("case_recording", row))  # fmt: skip
    return True


def remove_recording(archive: Archive, scope: Scope, case_id: str, recording: Ref, reason: str) -> None:
    """Take a recording out of a case, for a reason; shares of the case give it no more. Raises `NotFound`."""
    reason = reason_given(reason, "Taking a recording out of a case")
    with archive.db.tx(scope) as conn:
        there = store.case(conn, case_id, lock=True)
        place = store.in_case(conn, there.id, recording.id)
        if place is None or place.agency not in scope.agencies:
            raise NotFound(f"{recording_number(recording.id)} of yours is not in case {there.number}.")
        change = {"id": place.id, "removed_at": clock.now(), "removed_by": scope.actor}
        said: dict[str, Value] = {"case": there.id, "case_number": there.number, "reason": reason}
        acts = ("removed_from_case", "recording_removed")
        _both(conn, archive, scope, there, recording, acts, said, Write("case_recording", change, change=True))  # fmt: skip


def _both(
    conn: Connection,
    archive: Archive,
    scope: Scope,
    there: Case,
    recording: Ref,
    acts: tuple[str, str],
    said: dict[str, Value],
    write: Write,
) -> None:
    """The entry on the recording, with the row, and the one on the case; both are the recording's agency's."""
    subject = f"recording:{recording.id}"
    enter(conn, archive, scope, agency=recording.agency, act=acts[0], subject=subject, detail=said, writes=[write])  # fmt: skip
    of_case: dict[str, Value] = {
        "recording": recording.id,
        "recording_number": recording_number(recording.id),
    }
    if "reason" in said:
        of_case["reason"] = said["reason"]
    enter(conn, archive, scope, agency=recording.agency, act=acts[1], subject=f"case:{there.id}", detail=of_case)  # fmt: skip
