"""Which roles does a database server need for Lapel, and which database do they meet in?

    lapel_owner      owns the database and every table; only migrations connect as it
    lapel_staff      the staff app          |
    lapel_intake     the cameras' door      |  members of lapel_app, which tables grant common things to
    lapel_worker     jobs                   |
    lapel_sequencer  the custody log's one writer

None is a superuser, none may bypass row-level security. Roles belong to the server, so several databases on one
server share them and their passwords.
"""

from __future__ import annotations

from collections.abc import Mapping

from psycopg import sql
from psycopg.conninfo import make_conninfo

from lapel.base.errors import Refused
from lapel.storage.postgres import Connection, connect

LOGIN_ROLES = ("owner", "staff", "intake", "worker", "sequencer")
APP_MEMBERS = ("staff", "intake", "worker")
_ONE_AT_A_TIME = 0x1A9E1  # two starts on one server must not alter the same role at once


def bootstrap(admin_url: str, database: str, secrets: Mapping[str, str]) -> dict[str, str]:
    """Make the roles and the database where they are missing; set the roles' passwords.

    `admin_url`: a role that may create roles and databases (a superuser is not needed). `secrets`: a password for
    each of LOGIN_ROLES. Returns each role's address of the database. Raises `Refused` when a role of ours exists with
    rights it must not have, `Unavailable` when the server does not answer.
    """
    with connect(admin_url) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", (_ONE_AT_A_TIME,))
        _make_roles(conn, secrets)
        if not _exists(conn, "SELECT 1 FROM pg_database WHERE datname = %s", database):
            create_database(conn, database)
    return addresses(admin_url, database, secrets)


def addresses(admin_url: str, database: str, secrets: Mapping[str, str]) -> dict[str, str]:
    """How each login role reaches `database` on the server of `admin_url`."""
    return {
        role: make_conninfo(admin_url, user=f"lapel_{role}", password=secrets[role], dbname=database)
        for role in LOGIN_ROLES
    }


def create_database(conn: Connection, database: str, *, template: str = "template0") -> None:
    """Create a database that lapel_owner owns and only our roles may enter. A template's own settings are not copied."""
    name = sql.Identifier(database)
    for statement in (
        sql.SQL("CREATE DATABASE {} OWNER lapel_owner TEMPLATE {} ENCODING 'UTF8'").format(
            name, sql.Identifier(template)
        ),
        sql.SQL("ALTER DATABASE {} SET search_path = lapel, public").format(name),
        sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name),
        sql.SQL("GRANT CONNECT ON DATABASE {} TO lapel_app, lapel_sequencer").format(name),
    ):
        conn.execute(statement)


def _make_roles(conn: Connection, secrets: Mapping[str, str]) -> None:
    if not _exists(conn, "SELECT 1 FROM pg_roles WHERE rolname = %s", "lapel_app"):
        conn.execute("CREATE ROLE lapel_app NOLOGIN")
    for role in LOGIN_ROLES:
        name = sql.Identifier(f"lapel_{role}")
        if not _exists(conn, "SELECT 1 FROM pg_roles WHERE rolname = %s", f"lapel_{role}"):
            conn.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        conn.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(secrets[role])))
    for role in APP_MEMBERS:
        conn.execute(sql.SQL("GRANT lapel_app TO {}").format(sql.Identifier(f"lapel_{role}")))
    _refuse_powerful(conn)
    # Without being a member of the owner, an administrator who is no superuser may not give it a database.
    conn.execute("GRANT lapel_owner TO CURRENT_USER")


def _refuse_powerful(conn: Connection) -> None:
    wrong = conn.execute(
        "SELECT rolname FROM pg_roles WHERE rolname LIKE 'lapel\\_%'"
        " AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)"
    ).fetchall()
    if wrong:
        names = ", ".join(str(row["rolname"]) for row in wrong)
        raise Refused(
            f"These database roles have rights that would defeat row-level security: {names}.",
            next_step="ALTER ROLE … NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB NOREPLICATION.",
        )


def _exists(conn: Connection, query: str, name: str) -> bool:
    return conn.execute(query.encode(), (name,)).fetchone() is not None
