"""Where do accounts and sessions stand in the database? All SQL of this room.

Before a session exists no agency is known: these calls go through functions of the database that answer one question
each (migration 0003), in a transaction that sees no agency's rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from lapel.access.actor import Actor, Grant, Role
from lapel.base.ids import new_id
from lapel.storage.postgres import Connection, Scope

NOBODY = Scope("system:sign-in", ())


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is known of the account somebody tries to sign in to; `password` None means locked or closed."""

    account: str
    agency: str
    password: str | None


@dataclass(frozen=True, slots=True)
class Link:
    """A one-use link that is still good. `account` (with its `name`): whose password it sets; without, it makes an account."""

    agencies: tuple[str, ...]
    made_by: str
    account: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Agency:
    """An agency as pages name it; `zone` is the IANA zone its times are written in."""

    id: str
    name: str
    zone: str


def begin_attempt(conn: Connection, name_key: str, at: datetime) -> Attempt | None:
    """Count an attempt and return what to compare the password with; None when nobody has this name."""
    row = _one(conn, "SELECT * FROM sign_in_begin(%s, %s)", (name_key, at))
    return Attempt(row["account"], row["agency"], row["password"]) if row else None


def begin_as(conn: Connection, account: str, at: datetime) -> str | None:
    """Count an attempt by an account that is known already. Returns its home agency; None when it is locked or closed."""
    row = _one(conn, "SELECT agency FROM sign_in_begin_as(%s, %s)", (account, at))
    return str(row["agency"]) if row else None


def open_session(
    conn: Connection,
    account: str,
    token_hash: bytes,
    at: datetime,
    ends_at: datetime,
    source: str,
    *,
    method: str,
    before: bytes | None = None,
) -> str:
    """Take back the counted attempts and open a session, in place of the one this browser had `before`. Returns its id."""
    session = new_id()
    conn.execute(
        "SELECT session_open(%s, %s, %s, %s, %s, %s, %s, %s)",
        (account, session, token_hash, at, ends_at, source, method, before),
    )
    return session


def count_failure(conn: Connection, source: str, at: datetime) -> None:
    """Count a failure of this source in this minute."""
    conn.execute("SELECT sign_in_failed(%s, %s)", (source, at))


def failures_of(conn: Connection, source: str, since: datetime) -> int:
    """How often this source failed since then."""
    row = _one(conn, "SELECT sign_in_failures_of(%s, %s) AS n", (source, since))
    return int(row["n"]) if row else 0


def failures_over(conn: Connection, before: datetime) -> list[dict[str, Any]]:
    """The minutes with failures that are over and not in the custody log yet: `source`, `minute`, `failures`; once each."""
    return conn.execute("SELECT * FROM sign_in_failures_over(%s)", (before,)).fetchall()


def session_actor(conn: Connection, token_hash: bytes, at: datetime, idle: timedelta) -> Actor | None:
    """Who is in the session with this token, or None when there is none alive."""
    row = _one(conn, "SELECT * FROM session_read(%s, %s, %s)", (token_hash, at, idle))
    if row is None:
        return None
    return Actor(
        account=row["account"],
        name=row["name"],
        agency=row["agency"],
        grants=frozenset(_grant(text) for text in row["grants"]),
        agency_in_view=row["agency_in_view"],
        ends_at=row["ends_at"],
        officer=row["officer"],
    )


def _grant(text: str) -> Grant:
    agency, role, *office = text.split(" ")
    return Grant(agency, cast(Role, role), office[0] if office else None)


def end_session(conn: Connection, token_hash: bytes, at: datetime) -> None:
    """End the session with this token, if it is open."""
    conn.execute("SELECT session_end(%s, %s)", (token_hash, at))


def view_agency(conn: Connection, token_hash: bytes, agency: str | None) -> None:
    """Remember for this session which agency its lists show."""
    conn.execute("SELECT session_view(%s, %s)", (token_hash, agency))


def make_link(
    conn: Connection,
    token_hash: bytes,
    agencies: Sequence[str],
    made_by: str,
    at: datetime,
    ends_at: datetime,
) -> None:
    """Keep a one-use link. Only the owner of the tables may: no running process can make itself an administrator."""
    conn.execute(
        "INSERT INTO sign_in_link (token_hash, agencies, made_at, made_by, ends_at) VALUES (%s, %s, %s, %s, %s)",
        (token_hash, list(agencies), at, made_by, ends_at),
    )


def read_link(conn: Connection, token_hash: bytes, at: datetime) -> Link | None:
    """The link with this token, or None when it is used, past its end or unknown."""
    row = _one(conn, "SELECT * FROM link_read(%s, %s)", (token_hash, at))
    return Link(tuple(row["agencies"]), row["made_by"], row["account"], row["name"]) if row else None


def use_link(
    conn: Connection, token_hash: bytes, at: datetime, account: str, name: str, name_key: str, password: str
) -> bool:
    """Use a link up and make its account; False when it is used up already. Raises psycopg's UniqueViolation for a name that is taken."""
    row = _one(
        conn,
        "SELECT link_use(%s, %s, %s, %s, %s, %s) AS done",
        (token_hash, at, account, name, name_key, password),
    )
    return bool(row and row["done"])


def set_password(conn: Connection, token_hash: bytes, at: datetime, password: str) -> tuple[str, str] | None:
    """Use a link up and set the password of its account: the account and its home agency; None when it is used up already."""
    row = _one(conn, "SELECT * FROM link_set_password(%s, %s, %s)", (token_hash, at, password))
    return (row["account"], row["agency"]) if row else None


def agencies(conn: Connection) -> list[Agency]:
    """Every agency of the department, by name; the list is no secret."""
    rows = conn.execute("SELECT id, name, zone FROM agency ORDER BY name").fetchall()
    return [Agency(**row) for row in rows]


def account_names(conn: Connection, accounts: Sequence[str]) -> dict[str, str]:
    """The names of those of these accounts that work for an agency in view."""
    rows = conn.execute(
        "SELECT id, name FROM account WHERE id = ANY(%s::text[])", (list(accounts),)
    ).fetchall()
    return {row["id"]: row["name"] for row in rows}


def accounts_named(conn: Connection, name: str) -> list[str]:
    """The ids of the accounts in view that have this name, in whatever case."""
    rows = conn.execute("SELECT id FROM account WHERE lower(name) = lower(%s) ORDER BY id", (name,))
    return [row["id"] for row in rows]


def _one(conn: Connection, query: str, values: tuple[Any, ...]) -> dict[str, Any] | None:
    return conn.execute(query.encode(), values).fetchone()
