"""Where do the ways in stand in the database? Passkeys, identities kept elsewhere, tokens, and what was asked of a browser."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lapel.base.ids import new_id
from lapel.storage.postgres import Connection


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey as sign-in needs it. `public_key`: COSE; `rp`: the host name it is good for."""

    id: str
    account: str
    agency: str
    rp: str
    public_key: bytes
    sign_count: int


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody else says this is, and which account that opens."""

    id: str
    account: str
    agency: str


@dataclass(frozen=True, slots=True)
class TokenRight:
    """What a token may do. `enter`: this use of it is to be entered in the custody log."""

    id: str
    name: str
    acts: tuple[str, ...]
    agencies: tuple[str, ...]
    enter: bool


def keep_challenge(
    conn: Connection,
    token_hash: bytes,
    kind: str,
    browser: bytes,
    at: datetime,
    ends_at: datetime,
    kept: Mapping[str, str] | None = None,
) -> None:
    """Remember what was asked of a browser; what is over is forgotten."""
    conn.execute(
        "SELECT challenge_keep(%s, %s, %s, %s, %s, %s)",
        (token_hash, kind, browser, json.dumps(dict(kept or {})), at, ends_at),
    )


def take_challenge(
    conn: Connection, token_hash: bytes, kind: str, browser: bytes, at: datetime
) -> dict[str, str] | None:
    """What was kept with it, once; None when it is unknown, over, of another kind or another browser's."""
    row = _one(conn, "SELECT kept FROM challenge_take(%s, %s, %s, %s)", (token_hash, kind, browser, at))
    return dict(row["kept"]) if row else None


def add_passkey(conn: Connection, row: Mapping[str, Any]) -> None:
    """Keep a new passkey. Raises psycopg's UniqueViolation for one that is there."""
    conn.execute(
        "INSERT INTO passkey (id, agency, account, rp, credential, public_key, sign_count, synced, name, made_at) VALUES"
        " (%(id)s, %(agency)s, %(account)s, %(rp)s, %(credential)s, %(public_key)s, %(sign_count)s, %(synced)s, %(name)s, %(made_at)s)",
        row,
    )


def passkeys(conn: Connection, account: str) -> list[dict[str, Any]]:
    """The passkeys of an account in view, oldest first: `id`, `name`, `rp`, `credential`, `synced`, `made_at`, `used_at`."""
    return conn.execute(
        "SELECT id, name, rp, credential, synced, made_at, used_at FROM passkey"
        " WHERE account = %s AND removed_at IS NULL ORDER BY made_at, id",
        (account,),
    ).fetchall()


def passkey_of(conn: Connection, credential: bytes) -> Passkey | None:
    """The passkey with this credential id, whoever's."""
    row = _one(conn, "SELECT * FROM passkey_of(%s)", (credential,))
    return Passkey(**{**row, "public_key": bytes(row["public_key"])}) if row else None


def use_passkey(conn: Connection, passkey: str, sign_count: int, at: datetime) -> bool:
    """Keep the counter of this use; False when it did not grow."""
    row = _one(conn, "SELECT passkey_used(%s, %s, %s) AS grew", (passkey, sign_count, at))
    return bool(row and row["grew"])


def remove_passkey(conn: Connection, account: str, passkey: str, at: datetime) -> str | None:
    """Remove a passkey of this account; its name, or None when it has no such passkey."""
    row = _one(
        conn,
        "UPDATE passkey SET removed_at = %s WHERE id = %s AND account = %s AND removed_at IS NULL RETURNING name",
        (at, passkey, account),
    )
    return str(row["name"]) if row else None


def add_identity(conn: Connection, row: Mapping[str, Any]) -> None:
    """Link an identity to an account. Raises psycopg's UniqueViolation for one that is linked."""
    conn.execute(
        "INSERT INTO account_identity (id, agency, account, kind, issuer, subject, made_at, made_by) VALUES"
        " (%(id)s, %(agency)s, %(account)s, %(kind)s, %(issuer)s, %(subject)s, %(made_at)s, %(made_by)s)",
        row,
    )


def identities(conn: Connection, accounts: Sequence[str]) -> list[dict[str, Any]]:
    """What is linked to these accounts, as far as they are in view."""
    return conn.execute(
        "SELECT id, account, kind, issuer, subject, made_at, used_at FROM account_identity"
        " WHERE account = ANY(%s::text[]) AND removed_at IS NULL ORDER BY made_at, id",
        (list(accounts),),
    ).fetchall()


def identity_of(conn: Connection, kind: str, issuer: str, subject: str, at: datetime) -> Identity | None:
    """Which account this identity opens; None when nobody linked it."""
    row = _one(conn, "SELECT * FROM identity_of(%s, %s, %s, %s)", (kind, issuer, subject, at))
    return Identity(**row) if row else None


def remove_identity(conn: Connection, account: str, identity: str, at: datetime) -> dict[str, Any] | None:
    """Unlink; its kind, issuer and subject, or None when this account has no such link."""
    return _one(
        conn,
        "UPDATE account_identity SET removed_at = %s WHERE id = %s AND account = %s AND removed_at IS NULL"
        " RETURNING kind, issuer, subject",
        (at, identity, account),
    )


def make_token(
    conn: Connection,
    token_hash: bytes,
    account: str,
    name: str,
    acts: Sequence[str],
    agencies: Sequence[str],
    at: datetime,
    ends_at: datetime,
    made_by: str,
) -> str:
    """Keep a new token of an account in view. Returns the token's id."""
    token = new_id()
    conn.execute(
        "SELECT token_make(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            token,
            new_id(),
            token_hash,
            account,
            name,
            list(acts),
            list(agencies),
            at,
            ends_at,
            made_by,
        ),
    )
    return token


def token_right(conn: Connection, token_hash: bytes, at: datetime) -> TokenRight | None:
    """What the token with this digest may do; None when it is unknown, over or revoked."""
    row = _one(conn, "SELECT * FROM token_read(%s, %s)", (token_hash, at))
    if row is None:
        return None
    return TokenRight(row["id"], row["name"], tuple(row["acts"]), tuple(row["agencies"]), row["enter"])


def tokens(conn: Connection, accounts: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """The tokens in view that are good, of these accounts or of every one, newest first."""
    return conn.execute(
        "SELECT t.id, t.account, a.name AS of, t.agency, t.name, t.acts, t.agencies, t.made_at, t.made_by, t.ends_at,"
        " GREATEST(t.entered_at, NULLIF(s.seen_at, s.opened_at)) AS used_at"
        " FROM api_token t JOIN session s ON s.id = t.session JOIN account a ON a.id = t.account"
        " WHERE t.revoked_at IS NULL AND t.ends_at > now() AND (%(all)s OR t.account = ANY(%(accounts)s::text[]))"
        " ORDER BY t.made_at DESC, t.id",
        {"all": accounts is None, "accounts": list(accounts or ())},
    ).fetchall()


def revoke_token(conn: Connection, token: str, at: datetime, by: str) -> dict[str, Any] | None:
    """Revoke a token in view; its account, agency and name, or None when there is none that is good."""
    row = _one(
        conn,
        "UPDATE api_token SET revoked_at = %s WHERE id = %s AND revoked_at IS NULL"
        " RETURNING account, agency, name, session",
        (at, token),
    )
    if row:
        conn.execute(
            "UPDATE session SET ended_at = %s, ended_by = %s WHERE id = %s", (at, by, row["session"])
        )
    return row


def sessions(conn: Connection, at: datetime, accounts: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """The sessions in view that are not over, of these accounts or of every one; the last used first."""
    return conn.execute(
        "SELECT s.id, s.account, a.name AS of, s.agency, s.source, s.method, s.opened_at, s.seen_at, s.ends_at"
        " FROM session s JOIN account a ON a.id = s.account"
        " WHERE s.method <> 'token' AND s.ended_at IS NULL AND s.ends_at > %(at)s"
        " AND (%(all)s OR s.account = ANY(%(accounts)s::text[])) ORDER BY s.seen_at DESC, s.id",
        {"at": at, "all": accounts is None, "accounts": list(accounts or ())},
    ).fetchall()


def end_sessions(
    conn: Connection, at: datetime, by: str, *, account: str, session: str | None = None, but: str = ""
) -> list[str]:
    """End one session of an account in view, or all of them but one. Returns the ids of those that ended."""
    rows = conn.execute(
        "UPDATE session SET ended_at = %s, ended_by = %s WHERE method <> 'token' AND account = %s AND ended_at IS NULL"
        " AND ends_at > %s AND (%s::text IS NULL OR id = %s) AND id <> %s RETURNING id",
        (at, by, account, at, session, session, but),
    ).fetchall()
    return [row["id"] for row in rows]


def session_named(conn: Connection, token_hash: bytes) -> str:
    """The id of the session with this token; empty when there is none."""
    row = _one(conn, "SELECT session_named(%s) AS id", (token_hash,))
    return str(row["id"] or "") if row else ""


def session_locked(conn: Connection, token_hash: bytes, at: datetime, idle: timedelta) -> str | None:
    """The name of whose session this is, when it is locked; None when it is open or over."""
    row = _one(conn, "SELECT name FROM session_locked(%s, %s, %s)", (token_hash, at, idle))
    return str(row["name"]) if row else None


def session_left(
    conn: Connection, token_hash: bytes, at: datetime, idle: timedelta
) -> tuple[datetime, datetime] | None:
    """When this session locks, and when it ends; None when it is not open."""
    row = _one(conn, "SELECT * FROM session_left(%s, %s, %s)", (token_hash, at, idle))
    return (row["locks_at"], row["ends_at"]) if row else None


def accounts(conn: Connection) -> list[dict[str, Any]]:
    """The accounts whose home agency is in view, by name: `id`, `name`, `agency`, `active`."""
    return conn.execute(
        "SELECT id, name, agency, active FROM account WHERE in_view(agency) ORDER BY name, id"
    ).fetchall()


def account(conn: Connection, wanted: str) -> dict[str, Any] | None:
    """The account with this id, when its home agency is in view."""
    return _one(
        conn, "SELECT id, name, agency, active FROM account WHERE id = %s AND in_view(agency)", (wanted,)
    )


def _one(conn: Connection, query: str, values: tuple[Any, ...]) -> dict[str, Any] | None:
    return conn.execute(query.encode(), values).fetchone()
