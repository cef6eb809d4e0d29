"""Who gives a role, who takes it? What shows footage takes two people: one asks, another approves, and neither is who gets it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, get_args

import psycopg

from lapel.access import store_accounts
from lapel.access.actor import FOOTAGE, Role
from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.errors import Conflict, Invalid, NotFound, Refused
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.storage.postgres import Connection, Database, Scope

# One administrator alone gives what shows no footage; the database keeps to the same (migration 0021).
ALONE: Final[tuple[Role, ...]] = ("policy", "outside")
ROLES: Final[tuple[Role, ...]] = get_args(Role)
assert set(ROLES) == {*FOOTAGE, *ALONE, "administrator"}


def ask(
    db: Database,
    scope: Scope,
    account: str,
    agency: str,
    role: str,
    *,
    office: str | None = None,
    until: datetime | None = None,
) -> bool:
    """Give an account a role in an agency, or ask for it. True when it waits for a second person.

    Raises `Refused` for one's own account, `Invalid` for what cannot be, `Conflict` for a role that is held or asked for.
    """
    at = clock.now()
    if role not in ROLES:
        raise Invalid(f"There is no role {role[:20]}.", next_step=f"There are {', '.join(ROLES)}.")
    if until is not None and until <= at:
        raise Invalid("The role would be over before it began.", next_step="Choose a day in the future.")
    with db.tx(scope) as conn:
        there = someone(conn, scope, account)
        _fits(conn, there, agency, role, office)
        waits = role not in ALONE
        row = {
            "id": new_id(), "account": there["id"], "agency": agency, "permission": role, "office": office, "until": until,
            "waiting": waits, "given_at": at, "given_by": scope.actor,
        }  # fmt: skip
        try:
            store_accounts.add_grant(conn, row)
        except psycopg.errors.UniqueViolation:
            raise Conflict(f"{there['name']} holds this role already, or it is asked for.") from None
        _enter(conn, scope, "role_asked" if waits else "role_given", {**row, "role": role})
    return waits


def approve(db: Database, scope: Scope, grant: str) -> dict[str, Any]:
    """Approve what somebody else asked for; it counts from now on. Raises `NotFound`, `Conflict`, `Refused` (the same person)."""
    with db.tx(scope) as conn:
        there = found(conn, scope, grant)
        if not there["waiting"]:
            raise Conflict("This role was approved already.", next_step="Load the page again.")
        if there["given_by"] == scope.actor:
            raise Refused(
                "You asked for this role yourself; a second person approves it.",
                rules=("access/two-people",),
                next_step=f"Another administrator of {there['agency']}, or an operator, can decide.",
            )
        store_accounts.approve_grant(conn, grant, scope.actor)
        _enter(conn, scope, "role_approved", there, {"asked_by": there["given_by"]})
    return there


def end(db: Database, scope: Scope, grant: str) -> dict[str, Any]:
    """Take a role away, or refuse it while it waits. One person may: it only ever shows less. Raises `NotFound`, `Refused`."""
    at = clock.now()
    with db.tx(scope) as conn:
        there = found(conn, scope, grant)
        store_accounts.end_grant(conn, grant, at, scope.actor)
        _enter(conn, scope, "role_not_given" if there["waiting"] else "role_taken", there)
    return there


def found(conn: Connection, scope: Scope, grant: str) -> dict[str, Any]:
    """The role in view with this id. Raises `NotFound`, and `Refused` when it is the actor's own."""
    there = store_accounts.grant(conn, grant, clock.now())
    if there is None:
        raise NotFound("There is no such role any more.", next_step="Load the page again.")
    not_own(scope, there["account"])
    return there


def someone(conn: Connection, scope: Scope, account: str) -> dict[str, Any]:
    """The account in view with this id or name, not the actor's own. Raises `NotFound`, `Refused`."""
    there = store_accounts.account(conn, account, clock.now())
    if there is None:
        raise NotFound("There is no such account in your agencies.", next_step="Its name is written exactly.")
    not_own(scope, there["id"])
    return there


def not_own(scope: Scope, account: str) -> None:
    """Return when the account is somebody else's. Raises `Refused`."""
    if scope.actor == f"account:{account}":
        raise Refused(
            "Nobody gives roles to themselves, or changes how their own account is let in here.",
            rules=("access/own-roles",),
            next_step="Another administrator can do it; passkeys and passwords are on your account page.",
        )


def waits_again(
    conn: Connection, scope: Scope, account: Mapping[str, Any], why: str, at: datetime
) -> list[str]:
    """Whoever changed how an account is opened could open it: its roles wait for a second person again. Returns them."""
    held = store_accounts.roles_wait_again(conn, account["id"], at, scope.actor)
    if held:
        detail: dict[str, Value] = {"roles": list(held), "because": why}
        log.record(
            conn, actor=scope.actor, agency=account["agency"], act="roles_wait_again",
            subject=f"account:{account['id']}", detail=detail, at=at,
        )  # fmt: skip
    return held


def _fits(conn: Connection, there: Mapping[str, Any], agency: str, role: str, office: str | None) -> None:
    if not there["active"]:
        raise Invalid(f"{there['name']}’s account is closed.", next_step="Open it first.")
    if role == "officer" and there["badge_of"] != agency:
        raise Invalid(
            f"{there['name']} is not tied to an officer of {agency}, so there are no own recordings to see.",
            next_step="Say which officer this is first, by badge number.",
        )
    if office and office not in {o["id"] for o in store_accounts.offices(conn) if o["agency"] == agency}:
        raise Invalid(f"{agency} has no such office.", next_step="Choose one from the list.")


def _enter(
    conn: Connection,
    scope: Scope,
    act: str,
    grant: Mapping[str, Any],
    more: Mapping[str, Value] | None = None,
) -> None:
    said: dict[str, Value] = {"grant": grant["id"], "role": grant["role"], **(more or {})}
    if grant["office"]:
        said["office"] = grant["office"]
    if grant["until"]:
        said["until"] = clock.stamp(grant["until"])
    log.record(
        conn, actor=scope.actor, agency=grant["agency"], act=act, subject=f"account:{grant['account']}", detail=said
    )  # fmt: skip
