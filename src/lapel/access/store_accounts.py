"""Where do accounts and roles stand in the database, for who gives and takes them? Seen are those of the agencies in view."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lapel.base.ids import is_id
from lapel.storage.postgres import Connection

MOST = 500

_ACCOUNT = """
SELECT a.id, a.name, a.agency, a.active, a.made_at, a.made_by, a.officer, o.badge, o.agency AS badge_of,
       CASE WHEN a.locked_until > %(at)s THEN a.locked_until END AS locked_until,
       (SELECT max(s.seen_at) FROM session s WHERE s.account = a.id AND s.method <> 'token') AS seen_at
  FROM account a LEFT JOIN officer o ON o.id = a.officer
"""
_GRANT = """
SELECT g.id, g.account, a.name AS of, g.agency, g.permission AS role, g.office, f.name AS office_name, g.until, g.waiting,
       g.given_at, g.given_by, g.approved_by
  FROM account_grant g JOIN account a ON a.id = g.account LEFT JOIN office f ON f.id = g.office
 WHERE g.ended_at IS NULL AND (g.until IS NULL OR g.until > %(at)s)
"""


def accounts(conn: Connection, at: datetime, words: str = "", limit: int = MOST) -> list[dict[str, Any]]:
    """The accounts in view whose name or badge number holds the words, by name: those of the agency and those with a role in it."""
    query = (
        _ACCOUNT + " WHERE %(words)s::text = '' OR strpos(lower(a.name), lower(%(words)s)) > 0"
        " OR o.badge = %(words)s ORDER BY a.name, a.id LIMIT %(limit)s"
    )
    return conn.execute(query.encode(), {"at": at, "words": words, "limit": limit}).fetchall()


def account(conn: Connection, said: str, at: datetime) -> dict[str, Any] | None:
    """One account in view by its id or, exactly, by its name; None when there is none."""
    column = "a.id" if is_id(said) else "a.name"
    query = _ACCOUNT + f" WHERE {column} = %(said)s"
    return conn.execute(query.encode(), {"at": at, "said": said}).fetchone()


def locked(conn: Connection, at: datetime) -> list[dict[str, Any]]:
    """The open accounts in view that too many attempts have locked, the longest first."""
    query = _ACCOUNT + " WHERE a.active AND a.locked_until > %(at)s ORDER BY a.locked_until, a.id LIMIT 500"
    return conn.execute(query.encode(), {"at": at}).fetchall()


def add_account(conn: Connection, row: Mapping[str, Any]) -> None:
    """Write a new account. Raises psycopg's UniqueViolation for a name or an officer that is taken."""
    conn.execute(
        "INSERT INTO account (id, agency, name, name_key, password, officer, made_at, made_by) VALUES"
        " (%(id)s, %(agency)s, %(name)s, %(name_key)s, %(password)s, %(officer)s, %(made_at)s, %(made_by)s)",
        row,
    )


def offer_link(
    conn: Connection, token_hash: bytes, account: str, at: datetime, ends_at: datetime, by: str
) -> bool:
    """Keep a one-use link that sets this account's password; False for who does not administer its home agency."""
    row = conn.execute(
        "SELECT link_offer(%s, %s, %s, %s, %s) AS done", (token_hash, account, at, ends_at, by)
    ).fetchone()
    return bool(row and row["done"])


def set_active(conn: Connection, account: str, active: bool) -> bool:
    """Open or close an account; False when it was so already or is not in view."""
    changed = conn.execute(
        "UPDATE account SET active = %s WHERE id = %s AND active <> %s", (active, account, active)
    )
    return changed.rowcount == 1


def set_officer(conn: Connection, account: str, officer: str | None) -> None:
    """Tie an account to an officer, or to none. Raises psycopg's UniqueViolation, and IntegrityConstraintViolation while it is one's role."""
    conn.execute("UPDATE account SET officer = %s WHERE id = %s", (officer, account))


def unlock(conn: Connection, account: str) -> None:
    """Forget the failed attempts of an account."""
    conn.execute("UPDATE account SET attempts = '{}', locked_until = NULL WHERE id = %s", (account,))


def officer_with_badge(conn: Connection, agency: str, badge: str) -> str | None:
    """The id of the agency's officer with this badge number."""
    row = conn.execute("SELECT id FROM officer WHERE agency = %s AND badge = %s", (agency, badge)).fetchone()
    return str(row["id"]) if row else None


def offices(conn: Connection) -> list[dict[str, Any]]:
    """The offices in view, by name: `id`, `agency`, `name`."""
    return conn.execute("SELECT id, agency, name FROM office ORDER BY name, agency").fetchall()


def grants(conn: Connection, at: datetime, *, account: str | None = None) -> list[dict[str, Any]]:
    """The roles in view that are held or asked for, of one account or of every one; what waits longest first."""
    query = (
        _GRANT
        + (" AND g.account = %(account)s" if account else "")
        + " ORDER BY NOT g.waiting, g.given_at, g.id LIMIT 1000"
    )
    return conn.execute(query.encode(), {"at": at, "account": account}).fetchall()


def grant(conn: Connection, grant_id: str, at: datetime) -> dict[str, Any] | None:
    """One role in view that is held or asked for, locked for this transaction; None when there is none."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 21))", (grant_id,))
    query = _GRANT + " AND g.id = %(id)s"
    return conn.execute(query.encode(), {"at": at, "id": grant_id}).fetchone()


def add_grant(conn: Connection, row: Mapping[str, Any]) -> None:
    """Write a role, given or asked for; one that is past its end makes room. Raises psycopg's UniqueViolation for one that is there."""
    conn.execute(
        "UPDATE account_grant SET ended_at = until, ended_by = 'system:until' WHERE account = %(account)s AND agency = %(agency)s"
        " AND permission = %(permission)s AND COALESCE(office, '') = COALESCE(%(office)s, '')"
        " AND ended_at IS NULL AND until <= %(given_at)s",
        row,
    )
    conn.execute(
        "INSERT INTO account_grant (id, account, agency, permission, office, until, waiting, given_at, given_by) VALUES"
        " (%(id)s, %(account)s, %(agency)s, %(permission)s, %(office)s, %(until)s, %(waiting)s, %(given_at)s, %(given_by)s)",
        row,
    )


def approve_grant(conn: Connection, grant_id: str, by: str) -> None:
    """It counts from now on."""
    conn.execute("UPDATE account_grant SET waiting = false, approved_by = %s WHERE id = %s", (by, grant_id))


def end_grant(conn: Connection, grant_id: str, at: datetime, by: str) -> None:
    """It counts no more, or is not given."""
    conn.execute("UPDATE account_grant SET ended_at = %s, ended_by = %s WHERE id = %s", (at, by, grant_id))


def roles_wait_again(conn: Connection, account: str, at: datetime, by: str) -> list[str]:
    """Every role of an account that takes two people waits for a second one again. Returns them: `agency role`, `agency role office`."""
    rows = conn.execute("SELECT roles_wait_again(%s, %s, %s) AS held", (account, at, by))
    return [row["held"] for row in rows]


def sites(conn: Connection) -> list[dict[str, Any]]:
    """The systems that deliver footage in view, those that may first: `id`, `agency`, `name`, `username`, `made_at`, `made_by`, `closed_at`."""
    return conn.execute(
        "SELECT id, agency, name, username, made_at, made_by, closed_at FROM site"
        " ORDER BY closed_at IS NOT NULL, name, id LIMIT 500"
    ).fetchall()
