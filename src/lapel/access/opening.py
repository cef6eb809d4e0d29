"""How does a session begin, however somebody showed who they are? Always with a new token, and an entry that says how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from lapel.access import sessions, store
from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.errors import LapelError, Refused, Unavailable
from lapel.custody import log
from lapel.storage.postgres import Connection, Database, Scope

Method = Literal["password", "passkey", "oidc", "certificate", "link"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Where an attempt comes from. `before`: the token of the session this browser had; `banner`: the digest of the text acknowledged."""

    source: str
    before: str | None = field(default=None, repr=False)
    banner: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """A new session: `token` goes into the cookie and is kept nowhere else."""

    token: str = field(repr=False)
    account: str
    session: str = ""


def need_patience(db: Database, source: str) -> None:
    """Raises `Unavailable` (429) when this source has failed too often in the last fifteen minutes."""
    with db.tx(store.NOBODY) as conn:
        failures = store.failures_of(conn, source, clock.now() - sessions.WINDOW)
    if failures >= sessions.MAX_FAILURES_OF_SOURCE:
        raise Unavailable(
            "Too many sign-ins from here have failed.",
            status=429,
            next_step="Wait fifteen minutes.",
            retry_after_s=900,
        )


def begin(db: Database, account: str, caller: Caller) -> str:
    """Count an attempt of an account that has been named, before anything is compared. Returns its home agency.

    Raises `Refused` (401) when it is locked or closed, in the words of every failure.
    """
    with db.tx(store.NOBODY) as conn:
        agency = store.begin_as(conn, account, clock.now())
    if agency is None:
        raise failed(db, caller, refusal())
    return agency


def open_session(
    conn: Connection,
    account: str,
    agency: str,
    method: Method,
    caller: Caller,
    at: datetime,
    detail: Mapping[str, Value] | None = None,
) -> Opened:
    """Open a session in the caller's transaction, whose scope is the account and its home agency."""
    token = sessions.new_token()
    session = store.open_session(
        conn,
        account,
        sessions.token_hash(token),
        at,
        at + sessions.LENGTH,
        caller.source,
        method=method,
        before=sessions.token_hash(caller.before) if caller.before else None,
    )
    said: dict[str, Value] = {
        "source": caller.source,
        "method": method,
        "session": session,
        **(detail or {}),
    }
    if caller.banner:
        said["banner"] = caller.banner
    actor = f"account:{account}"
    log.record(conn, actor=actor, agency=agency, act="signed_in", subject=actor, detail=said, at=at)
    return Opened(token, account, session)


def opened(
    db: Database,
    account: str,
    agency: str,
    method: Method,
    caller: Caller,
    detail: Mapping[str, Value] | None = None,
) -> Opened:
    """Open a session in a transaction of its own."""
    with db.tx(Scope(f"account:{account}", (agency,))) as conn:
        return open_session(conn, account, agency, method, caller, clock.now(), detail)


def refusal(says: str = "", *, rule: str = "access/sign-in", next_step: str = "") -> Refused:
    """What is said to somebody who does not get in; without words, what fits every reason."""
    return Refused(
        says or "This opens no account here, or the account is locked.",
        rules=(rule,),
        status=401,
        next_step=next_step
        or "Five attempts in fifteen minutes lock an account for fifteen minutes. An administrator can help.",
    )


def failed(
    db: Database, caller: Caller, error: Refused, *, account: str | None = None, agency: str | None = None
) -> LapelError:
    """Count a failure of this source and, of an account that is known, enter it. Returns the error to raise."""
    with db.tx(store.NOBODY) as conn:
        store.count_failure(conn, caller.source, clock.now())
    if account is not None and agency is not None:
        subject = f"account:{account}"
        scope = Scope("system:sign-in", (agency,), caller.source)
        log.record_refusal(db, scope, error, act="sign_in", subject=subject, agency=agency)
    return error
