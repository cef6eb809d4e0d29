"""Who works on a case? Accounts and people with a part in it, and the agencies it is joint with."""

from __future__ import annotations

from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.errors import Conflict, Invalid, NotFound
from lapel.base.ids import is_id, new_id
from lapel.cases import store
from lapel.cases.entering import enter, one_of, words_given
from lapel.cases.files import open_case_of_ours
from lapel.cases.model import PARTS, Joint, Member
from lapel.custody.sidecar import Write
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope


def add_member(
    archive: Archive, scope: Scope, case_id: str, who: str, part: str, account: str | None = None
) -> Member:
    """Give somebody a part in a case: an account by its id, or a person outside by office or badge number (`who`).

    Raises `Invalid` for a part or an account there is none of, `Conflict` when they have this part already.
    """
    who = words_given(who, "Who has a part in a case", 100)
    one_of(part, PARTS, "part")
    with archive.db.tx(scope) as conn:
        there = open_case_of_ours(conn, scope, case_id)
        if account is not None and not (is_id(account) and store.account_in_view(conn, account)):
            raise Invalid("There is no such account in your agencies.", next_step="Choose one from the list.")
        same = [m for m in store.members(conn, there.id) if m.ended_at is None and m.part == part]
        if any((m.account or m.who) == (account or who) for m in same):
            raise Conflict(f"{who} is {part} of case {there.number} already.")
        row = {
            "id": new_id(), "agency": there.agency, "case_file": there.id, "account": account, "who": who,
            "part": part, "added_at": clock.now(), "added_by": scope.actor,
        }  # fmt: skip
        detail: dict[str, Value] = {"member": str(row["id"]), "who": who, "part": part}
        if account:
            detail["account"] = account
        enter(
            conn,
            archive,
            scope,
            agency=there.agency,
            act="member_added",
            subject=f"case:{there.id}",
            detail=detail,
            writes=[Write("case_member", row)],
        )
        return next(m for m in store.members(conn, there.id) if m.id == row["id"])


def end_member(archive: Archive, scope: Scope, case_id: str, member_id: str) -> None:
    """Somebody's part in a case ends. Raises `NotFound` when they have none."""
    with archive.db.tx(scope) as conn:
        there = open_case_of_ours(conn, scope, case_id)
        found = [m for m in store.members(conn, there.id) if m.id == member_id and m.ended_at is None]
        if not found:
            raise NotFound(f"Nobody of this name has a part in case {there.number} now.")
        change = {"id": member_id, "ended_at": clock.now(), "ended_by": scope.actor}
        enter(
            conn,
            archive,
            scope,
            agency=there.agency,
            act="member_ended",
            subject=f"case:{there.id}",
            detail={"member": member_id, "who": found[0].who, "part": found[0].part},
            writes=[Write("case_member", change, change=True)],
        )


def add_joint(archive: Archive, scope: Scope, case_id: str, joint: str, task_force: str = "") -> Joint:
    """Let another agency see the case and put its own recordings into it. It shows no footage: that is what shares are for.

    Raises `Conflict` when it is joint already, `Invalid` for the case's own agency or one there is none of.
    """
    if task_force:
        task_force = words_given(task_force, "The task force", 100)
    with archive.db.tx(scope) as conn:
        there = open_case_of_ours(conn, scope, case_id)
        known = [row["id"] for row in conn.execute("SELECT id FROM agency WHERE id <> %s", (there.agency,))]
        one_of(joint, sorted(known), "other agency")
        if any(j.joint == joint and j.ended_at is None for j in store.joints(conn, there.id)):
            raise Conflict(f"Case {there.number} is joint with {joint} already.")
        row = {
            "id": new_id(), "agency": there.agency, "case_file": there.id, "joint": joint,
            "task_force": task_force, "added_at": clock.now(), "added_by": scope.actor,
        }  # fmt: skip
        enter(
            conn,
            archive,
            scope,
            agency=there.agency,
            act="agency_joined",
            subject=f"case:{there.id}",
            detail={"joint": joint, "task_force": task_force},
            writes=[Write("case_joint", row)],
        )
        return next(j for j in store.joints(conn, there.id) if j.id == row["id"])


def end_joint(archive: Archive, scope: Scope, case_id: str, joint: str) -> None:
    """The agency does not see the case any more; its recordings stay in it. Raises `NotFound` when it is not joint."""
    with archive.db.tx(scope) as conn:
        there = open_case_of_ours(conn, scope, case_id)
        found = [j for j in store.joints(conn, there.id) if j.joint == joint and j.ended_at is None]
        if not found:
            raise NotFound(f"Case {there.number} is not joint with {joint[:20]}.")
        change = {"id": found[0].id, "ended_at": clock.now(), "ended_by": scope.actor}
        enter(
            conn,
            archive,
            scope,
            agency=there.agency,
            act="agency_left",
            subject=f"case:{there.id}",
            detail={"joint": joint},
            writes=[Write("case_joint", change, change=True)],
        )
