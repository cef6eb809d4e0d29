"""Is the database as this version of Lapel needs it, and if not, how does it become so?

Migrations are plain SQL files, `migrations/NNNN_name.sql`, so that an auditor can read what was done to the tables.
Alembic applies them in the order of their numbers, each in one transaction as lapel_owner, and keeps its version table.
Beside it we keep the digest of every file that was applied: a file that changed afterwards is refused, because then
nobody could say what the tables are.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import psycopg

from lapel.base.errors import EvidenceFault, Invalid
from lapel.storage.postgres import connect

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext
    from alembic.script.revision import RevisionMap

    from lapel.storage.postgres import Connection

MIGRATIONS = Path(__file__).with_name("migrations")
_FILE = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_INCLUDE = re.compile(r"^-- lapel:include procrastinate after (\S+) through (\S+)$", re.MULTILINE)
_ONE_AT_A_TIME = 0x1A9E2


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, name and text as written (includes not yet filled in)."""

    number: str
    name: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def known(directory: Path = MIGRATIONS) -> list[Migration]:
    """The migrations of this version in their order. Raises `Invalid` for a misnamed file or a number used twice."""
    found: dict[str, Migration] = {}
    for path in sorted(directory.glob("*.sql")):
        match = _FILE.fullmatch(path.name)
        if match is None:
            raise Invalid(f"{path.name} is not named like a migration, 0001_name.sql.")
        if match[1] in found:
            raise Invalid(f"Two migrations have the number {match[1]}.")
        found[match[1]] = Migration(match[1], match[2], path.read_text(encoding="utf-8"))
    return list(found.values())


def current(owner_url: str) -> str | None:
    """The number of the last migration that was applied, or None."""
    with connect(owner_url) as conn:
        applied = _applied(conn)
    return max(applied, default=None)


def pending(owner_url: str, directory: Path = MIGRATIONS) -> list[Migration]:
    """What `upgrade` would apply. Raises `EvidenceFault` as it does."""
    with connect(owner_url) as conn:
        applied = _applied(conn)
    migrations = known(directory)
    _compare(applied, migrations)
    return [migration for migration in migrations if migration.number not in applied]


def upgrade(owner_url: str, directory: Path = MIGRATIONS) -> list[str]:
    """Apply what is missing and return the numbers applied; nothing of a migration that fails stays.

    Raises `EvidenceFault` when an applied file was edited or is unknown here, `Invalid` naming the file whose SQL
    fails, `Unavailable` when the server does not answer.
    """
    with connect(owner_url) as lock:
        lock.execute("SELECT pg_advisory_lock(%s)", (_ONE_AT_A_TIME,))
        lock.execute("CREATE SCHEMA IF NOT EXISTS lapel AUTHORIZATION lapel_owner")
        # Nobody but the owner makes things in `public` on a server that was older than 15 when it was set up.
        lock.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        lock.execute(
            "CREATE TABLE IF NOT EXISTS lapel.migration_file (number text PRIMARY KEY, name text NOT NULL,"
            " sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        missing = pending(owner_url, directory)
        if missing:
            _run_alembic(owner_url, known(directory))
        return [migration.number for migration in missing]


def _applied(conn: Connection) -> dict[str, str]:
    there = conn.execute("SELECT to_regclass('lapel.migration_file') AS it").fetchone()
    if there is None or there["it"] is None:
        return {}
    rows = conn.execute("SELECT number, sha256 FROM lapel.migration_file").fetchall()
    return {row["number"]: row["sha256"] for row in rows}


def _compare(applied: dict[str, str], migrations: list[Migration]) -> None:
    here = {migration.number: migration for migration in migrations}
    for number, sha256 in sorted(applied.items()):
        if number not in here:
            raise EvidenceFault(
                f"The database has migration {number}, which this version of Lapel does not know.",
                next_step="Start the newer version that applied it.",
            )
        if here[number].sha256 != sha256:
            raise EvidenceFault(
                f"Migration {number}_{here[number].name}.sql was edited after it was applied to this database.",
                next_step="Restore the file, and put the change into a migration with a new number.",
            )


def _run_alembic(owner_url: str, migrations: list[Migration]) -> None:
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    def connection() -> psycopg.Connection[Any]:
        return psycopg.connect(owner_url, options="-c search_path=lapel,public")

    engine = create_engine("postgresql+psycopg://", creator=connection, poolclass=NullPool)
    with engine.connect() as alembic_connection:
        revisions: list[RevisionMap] = []
        context = MigrationContext.configure(
            alembic_connection,
            opts={
                "fn": lambda heads, _: _steps(revisions[0], heads),
                "transaction_per_migration": True,
                "version_table_schema": "lapel",
            },
        )
        revisions.append(_revisions(migrations, context))
        with Operations.context(context):
            context.run_migrations()


def _steps(revisions: RevisionMap, heads: tuple[str, ...]) -> Iterable[Any]:
    from alembic.runtime.migration import MigrationStep

    towards = revisions.iterate_revisions("heads", heads or "base", implicit_base=True)
    return [MigrationStep.upgrade_from_script(revisions, script) for script in reversed(list(towards))]  # type: ignore[arg-type]


def _revisions(migrations: list[Migration], context: MigrationContext) -> RevisionMap:
    from alembic.script import Script
    from alembic.script.revision import RevisionMap

    scripts = []
    previous: str | None = None
    for migration in migrations:
        module = ModuleType(f"lapel_migration_{migration.number}", migration.name)
        vars(module).update(down_revision=previous, upgrade=partial(_apply, migration, context))
        scripts.append(Script(module, migration.number, f"{migration.number}_{migration.name}.sql"))
        previous = migration.number
    return RevisionMap(lambda: scripts)


def _apply(migration: Migration, context: MigrationContext) -> None:
    bind = context.connection
    if bind is None:  # only in Alembic's offline mode, which is never configured here
        raise Invalid("Migrations run on a connection.")
    driver: Any = bind.connection.driver_connection
    try:
        driver.execute(_filled(migration.text).encode())
    except psycopg.Error as fault:
        raise Invalid(f"Migration {migration.number}_{migration.name}.sql fails: {fault}") from fault
    driver.execute(
        "INSERT INTO lapel.migration_file (number, name, sha256) VALUES (%s, %s, %s)",
        (migration.number, migration.name, migration.sha256),
    )


def _filled(text: str) -> str:
    """The text with each include line replaced by procrastinate's own migrations between the two names.

    The queue's tables are made by its author's files, which are installed and not copied into this repository. Naming
    the last one keeps the outcome the same whichever later version is installed.
    """

    def files(match: re.Match[str]) -> str:
        from procrastinate.schema import migrations_path

        after, through = match[1], match[2]
        chosen = [path for path in sorted(migrations_path.glob("*.sql")) if after < path.stem <= through]
        if not chosen or chosen[-1].stem != through:
            raise Invalid(
                f"The installed procrastinate has no migration {through}.",
                next_step="Install the pinned requirements.",
            )
        return "\n".join(path.read_text(encoding="utf-8") for path in chosen)

    return _INCLUDE.sub(files, text)
