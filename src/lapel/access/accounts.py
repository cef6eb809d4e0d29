"""How is an account made, tied to an officer, closed, opened and unlocked? Each is an act of somebody who administers its agency."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg

from lapel.access import passwords, sessions, store_accounts, store_ways
from lapel.access.grants import someone, waits_again
from lapel.access.signin import clean_name, name_key
from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.errors import Conflict, Invalid, NotFound, Refused
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.storage.postgres import Connection, Database, Scope

LINK_LENGTH = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class Offered:
    """A one-use link for the holder of an account, shown once. `waiting`: the roles that wait for a second person again."""

    account: str
    name: str
    token: str = field(repr=False)
    waiting: tuple[str, ...] = ()


def make(db: Database, scope: Scope, agency: str, name: str, badge: str = "") -> Offered:
    """A new account without any role; its holder sets the password by the link, so nobody else ever knows it.

    Raises `Invalid` for a name that is taken or a badge number that no officer of the agency has.
    """
    name, at = clean_name(name), clock.now()
    with db.tx(scope) as conn:
        row = {
            "id": new_id(), "agency": agency, "name": name, "name_key": name_key(name),
            "password": passwords.hashed(secrets.token_urlsafe(32)), "officer": _officer(conn, agency, badge),
            "made_at": at, "made_by": scope.actor,
        }  # fmt: skip
        try:
            store_accounts.add_account(conn, row)
        except psycopg.errors.UniqueViolation:
            raise Invalid(
                "There is an account with this name, or of this officer.", next_step="Choose another name."
            ) from None
        said: dict[str, Value] = {"made_by": scope.actor, "agencies": [agency], "grants": []}
        if badge:
            said["badge"] = badge
        _enter(conn, scope, "account_made", row, said)
        return _link(conn, scope, row)


def offer_link(db: Database, scope: Scope, account: str) -> Offered:
    """A new link that sets the password, e.g. of somebody who has lost every way in. Its roles wait for a second person again."""
    with db.tx(scope) as conn:
        there = someone(conn, scope, account)
        if not there["active"]:
            raise Invalid(f"{there['name']}’s account is closed.", next_step="Open it first.")
        held = waits_again(conn, scope, there, "a link that sets the password was made", clock.now())
        return _link(conn, scope, there, tuple(held))


def tie(db: Database, scope: Scope, account: str, badge: str) -> None:
    """Say which officer this account is, by badge number; empty for none. Raises `Conflict` while it holds a role as that officer."""
    with db.tx(scope) as conn:
        there = someone(conn, scope, account)
        officer = _officer(conn, there["agency"], badge)
        try:
            store_accounts.set_officer(conn, there["id"], officer)
        except psycopg.errors.UniqueViolation:
            raise Conflict("Another account is this officer.", next_step="Untie that one first.") from None
        except psycopg.errors.IntegrityConstraintViolation:
            raise Conflict(
                f"{there['name']} holds, or is to get, a role as the officer they are now.",
                next_step="Take that role away first; who approves the next one approves it for this officer.",
            ) from None
        _enter(conn, scope, "account_tied", there, {"badge": badge.strip()})


def close(db: Database, scope: Scope, account: str) -> None:
    """Nobody gets in by it any more: its sessions end and its tokens are revoked. Raises `Conflict` when it is closed."""
    at = clock.now()
    with db.tx(scope) as conn:
        there = _changed(conn, scope, account, active=False)
        ended = store_ways.end_sessions(conn, at, scope.actor, account=there["id"])
        revoked = [token["id"] for token in store_ways.tokens(conn, [there["id"]])]
        for token in revoked:
            store_ways.revoke_token(conn, token, at, scope.actor)
        _enter(
            conn, scope, "account_closed", there, {"sessions": list(ended), "tokens": list(map(str, revoked))}
        )


def reopen(db: Database, scope: Scope, account: str) -> None:
    """It opens again, with the roles it holds; its tokens stay revoked. Raises `Conflict` when it is open."""
    with db.tx(scope) as conn:
        _enter(conn, scope, "account_opened", _changed(conn, scope, account, active=True))


def unlock(db: Database, scope: Scope, account: str) -> None:
    """Let somebody try again who failed five times. Raises `Conflict` when it is not locked."""
    with db.tx(scope) as conn:
        there = someone(conn, scope, account)
        if there["locked_until"] is None:
            raise Conflict(f"{there['name']}’s account is not locked.")
        store_accounts.unlock(conn, there["id"])
        _enter(conn, scope, "account_unlocked", there)


def _link(conn: Connection, scope: Scope, there: Mapping[str, Any], waiting: tuple[str, ...] = ()) -> Offered:
    token, at = sessions.new_token(), clock.now()
    offered = store_accounts.offer_link(
        conn, sessions.token_hash(token), there["id"], at, at + LINK_LENGTH, scope.actor
    )
    if not offered:
        raise Refused(
            f"Only an administrator of {there['agency']} lets people of {there['agency']} in.",
            rules=("access/administrator-accounts",),
        )
    _enter(conn, scope, "link_made", there, {"until": clock.stamp(at + LINK_LENGTH)})
    return Offered(there["id"], there["name"], token, waiting)


def _changed(conn: Connection, scope: Scope, account: str, *, active: bool) -> dict[str, Any]:
    there = someone(conn, scope, account)
    if not store_accounts.set_active(conn, there["id"], active):
        raise Conflict(f"{there['name']}’s account is {'open' if active else 'closed'} already.")
    return there


def _officer(conn: Connection, agency: str, badge: str) -> str | None:
    if not badge.strip():
        return None
    officer = store_accounts.officer_with_badge(conn, agency, badge.strip())
    if officer is None:
        raise NotFound(
            f"{agency} has no officer with the badge number {badge[:20]}.",
            next_step="Look at the roster.",
        )
    return officer


def _enter(
    conn: Connection,
    scope: Scope,
    act: str,
    there: Mapping[str, Any],
    said: Mapping[str, Value] | None = None,
) -> None:
    subject = f"account:{there['id']}"
    log.record(conn, actor=scope.actor, agency=there["agency"], act=act, subject=subject, detail=said)
