"""How is a case opened and closed?"""

from __future__ import annotations

import re

from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.errors import Conflict, Invalid
from lapel.base.ids import new_id
from lapel.cases import store
from lapel.cases.entering import enter, one_of, reason_given, words_given
from lapel.cases.model import KINDS, Case
from lapel.custody.sidecar import Write
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9/._-]{0,39}")


def open_case(archive: Archive, scope: Scope, agency: str, kind: str, title: str, number: str = "") -> Case:
    """A new case of this agency. Without a number it gets the agency's next of the year, like `26-0113`.

    Raises `Invalid` for a kind, title or number that cannot be, `Conflict` for a number the agency has given already.
    """
    title = words_given(title, "A case's title", 200)
    number = number.strip()
    if number and not _NUMBER.fullmatch(number):
        raise Invalid(
            "A case number has up to 40 letters, digits, hyphens, dots, slashes and underscores.",
            next_step="Leave it empty to get the next one.",
        )
    at = clock.now()
    with archive.db.tx(scope) as conn:
        year = f"{at.year % 100:02}"
        highest = store.highest_number(conn, agency, year)
        number = number or f"{year}-{highest + 1:04}"
        if any(one.agency == agency for one in store.cases_numbered(conn, number)):
            raise Conflict(f"{agency} has a case {number} already.", next_step="Give another number.")
        row = {
            "id": new_id(), "agency": agency, "number": number, "kind": one_of(kind, KINDS, "kind of case"),
            "title": title, "opened_at": at, "opened_by": scope.actor,
        }  # fmt: skip
        detail: dict[str, Value] = {"number": number, "kind": kind, "title": title}
        subject = f"case:{row['id']}"
        enter(
            conn,
            archive,
            scope,
            agency=agency,
            act="case_opened",
            subject=subject,
            detail=detail,
            writes=[Write("case_file", row)],
            at=at,
        )
        return store.case(conn, str(row["id"]))


def close_case(archive: Archive, scope: Scope, case_id: str, reason: str) -> Case:
    """Close a case, for a reason. Its shares last until they expire or are taken back. Raises `Conflict` when it is closed."""
    reason, at = reason_given(reason, "Closing a case"), clock.now()
    with archive.db.tx(scope) as conn:
        there = open_case_of_ours(conn, scope, case_id)
        change = Write("case_file", {"id": there.id, "closed_at": at, "closed_by": scope.actor}, change=True)
        enter(
            conn,
            archive,
            scope,
            agency=there.agency,
            act="case_closed",
            subject=f"case:{there.id}",
            detail={"reason": reason},
            writes=[change],
            at=at,
        )
        return store.case(conn, there.id)


def reopen_case(archive: Archive, scope: Scope, case_id: str, reason: str) -> Case:
    """Open a closed case again, for a reason. Raises `Conflict` when it is open, `Invalid` when it is another agency's."""
    reason, at = reason_given(reason, "Opening a case again"), clock.now()
    with archive.db.tx(scope) as conn:
        there = _of_ours(store.case(conn, case_id, lock=True), scope)
        if there.closed_at is None:
            raise Conflict(f"Case {there.number} is open already.")
        change = Write("case_file", {"id": there.id, "closed_at": None, "closed_by": None}, change=True)
        enter(
            conn,
            archive,
            scope,
            agency=there.agency,
            act="case_reopened",
            subject=f"case:{there.id}",
            detail={"reason": reason},
            writes=[change],
            at=at,
        )
        return store.case(conn, there.id)


def open_case_of_ours(conn: Connection, scope: Scope, case_id: str) -> Case:
    """The case, held for this transaction. Raises `Conflict` when it is closed, `Invalid` when it is another agency's."""
    return still_open(_of_ours(store.case(conn, case_id, lock=True), scope))


def _of_ours(there: Case, scope: Scope) -> Case:
    if there.agency not in scope.agencies:
        raise Invalid(
            f"Case {there.number} is {there.agency}'s; only that agency changes it.",
            next_step="A joint agency adds its own recordings, and shares them.",
        )
    return there


def still_open(there: Case) -> Case:
    """The case. Raises `Conflict` when it is closed."""
    if there.closed_at is not None:
        raise Conflict(
            f"Case {there.number} is closed, so nothing was changed.", next_step="Open a new case."
        )
    return there
