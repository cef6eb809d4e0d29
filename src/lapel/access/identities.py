"""Whom does somebody else vouch for, and which account does that open? Only what was linked before, by an act that is logged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast, get_args

import psycopg

from lapel.access import opening, store, store_ways
from lapel.access.actor import Actor
from lapel.access.grants import waits_again
from lapel.access.opening import Caller, Method, Opened
from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.errors import Conflict, Invalid, NotFound
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.storage.postgres import Connection, Database, Scope

Kind = Literal["oidc", "certificate-serial", "certificate-subject", "certificate-name"]
MAX_LENGTH = 1000


def kind_of(said: str) -> Kind:
    """The kind that is called so. Raises `Invalid`."""
    for kind in get_args(Kind):
        if kind == said:
            return cast(Kind, kind)
    raise Invalid("There is no such kind of identity.", next_step=f"There are {', '.join(get_args(Kind))}.")


def link(db: Database, scope: Scope, account: str, agency: str, kind: Kind, issuer: str, subject: str) -> str:
    """Link an identity to the actor's own account, which is of `agency`. Returns the link's id.

    Raises `Conflict` when it is linked to an account already, `Invalid` for what cannot be one.
    """
    with db.tx(scope) as conn:
        return _link(conn, scope, account, agency, kind, issuer, subject)


def link_for(
    db: Database, scope: Scope, there: Mapping[str, Any], kind: Kind, issuer: str, subject: str
) -> str:
    """Link an identity to somebody else's account (`id`, `agency`): its roles wait for a second person again. Raises the same."""
    with db.tx(scope) as conn:
        made = _link(conn, scope, there["id"], there["agency"], kind, issuer, subject)
        waits_again(conn, scope, there, "an identity was linked", clock.now())
    return made


def _link(
    conn: Connection, scope: Scope, account: str, agency: str, kind: Kind, issuer: str, subject: str
) -> str:
    for said in (issuer, subject):
        if not said or len(said) > MAX_LENGTH or not said.isprintable():
            raise Invalid(f"An identity has an issuer and a subject of 1 to {MAX_LENGTH} visible characters.")
    row = {
        "id": new_id(), "agency": agency, "account": account, "kind": kind, "issuer": issuer, "subject": subject,
        "made_at": clock.now(), "made_by": scope.actor,
    }  # fmt: skip
    try:
        store_ways.add_identity(conn, row)
    except psycopg.errors.UniqueViolation:
        raise Conflict(
            "This identity opens an account already.",
            next_step="Unlink it there before you link it here.",
        ) from None
    detail: dict[str, Value] = {
        "identity": str(row["id"]),
        "kind": kind,
        "issuer": issuer,
        "named": subject,
    }
    log.record(
        conn,
        actor=scope.actor,
        agency=agency,
        act="identity_linked",
        subject=f"account:{account}",
        detail=detail,
    )
    return str(row["id"])


def unlink(db: Database, scope: Scope, account: str, agency: str, identity: str) -> None:
    """It opens nothing any more. Raises `NotFound`."""
    with db.tx(scope) as conn:
        was = store_ways.remove_identity(conn, account, identity, clock.now())
        if was is None:
            raise NotFound("No such identity is linked to this account.", next_step="Load the page again.")
        log.record(
            conn,
            actor=scope.actor,
            agency=agency,
            act="identity_unlinked",
            subject=f"account:{account}",
            detail={"identity": identity, "kind": was["kind"]},
        )


def unlink_own(db: Database, actor: Actor, identity: str) -> None:
    """Unlink one of the actor's own. Raises `NotFound`."""
    unlink(db, actor.home(), actor.account, actor.agency, identity)


def sign_in(db: Database, method: Method, candidates: list[tuple[Kind, str, str]], caller: Caller) -> Opened:
    """Open a session for who was vouched for: (kind, issuer, subject), any of which may be linked.

    Raises `Refused` (401) when none is linked, or they are linked to different accounts.
    """
    opening.need_patience(db, caller.source)
    with db.tx(store.NOBODY) as conn:
        found = [
            there
            for kind, issuer, subject in candidates
            if (there := store_ways.identity_of(conn, kind, issuer, subject, clock.now()))
        ]
    if len({there.account for there in found}) != 1:
        says = "Who you are there is known; but no account here is linked to it yet."
        shown = "; ".join(subject for _, _, subject in candidates)[:500].rstrip(";")
        error = opening.refusal(
            says, rule="access/identity", next_step=f"Give an administrator of your agency this: {shown}"
        )
        raise opening.failed(db, caller, error)
    agency = opening.begin(db, found[0].account, caller)
    return opening.opened(db, found[0].account, agency, method, caller, {"identity": found[0].id})
