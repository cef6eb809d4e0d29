"""Which department is this, where is its database, and what may a process of it open?"""

from __future__ import annotations

import getpass
import json
import os
import secrets as random
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lapel.app.settings import Settings
from lapel.base.errors import Conflict, NotFound, Unavailable
from lapel.storage.archive import Archive
from lapel.storage.keys import AgentKeys
from lapel.storage.localstore import local_stores
from lapel.storage.objects import Stores
from lapel.storage.postgres import Database, Scope, connect
from lapel.storage.roles import LOGIN_ROLES, addresses

if TYPE_CHECKING:
    from lapel.storage.embedded import EmbeddedPostgres


@dataclass(frozen=True, slots=True)
class Agency:
    """One agency of a department: its short name in every row, the name people read, the zone its times are written in."""

    id: str
    name: str
    zone: str = "America/New_York"


# The model: a federal department with nine law-enforcement agencies.
MODEL_AGENCIES = (
    Agency("cbp", "Customs and Border Protection"),
    Agency("ice", "Immigration and Customs Enforcement"),
    Agency("usss", "Secret Service"),
    Agency("fps", "Federal Protective Service"),
    Agency("tsa", "Transportation Security Administration"),
    Agency("uscg", "Coast Guard Investigative Service"),
    Agency("fema", "Federal Emergency Management Agency"),
    Agency("ocso", "Office of the Chief Security Officer"),
    Agency("oig", "Office of Inspector General"),
)


@dataclass(frozen=True, slots=True)
class Department:
    """A department whose database answers. `urls`: each role's address, passwords inside."""

    settings: Settings
    urls: dict[str, str] = field(repr=False)
    name: str
    origin: str
    agencies: tuple[Agency, ...]

    @property
    def agency_ids(self) -> tuple[str, ...]:
        return tuple(agency.id for agency in self.agencies)

    @property
    def stores(self) -> Stores:
        return local_stores(self.settings.objects)

    def archive(self, role: str, *, keys: str | None = None, door: str = "") -> Archive:
        """The archive as one role sees it: its database role, its own socket of the key agent, the door it is."""
        socket = self.settings.sockets / f"{keys or role}.sock"
        return Archive(
            db=Database(self.urls[role], door=door or role), stores=self.stores, keys=AgentKeys(socket)
        )

    def operator(self) -> tuple[Archive, Scope]:
        """What the person at the command line works with: every agency in view, every act under their own login name."""
        return self.archive("staff", keys="admin", door="terminal"), Scope(
            f"cli:{login_name()}", self.agency_ids
        )


def login_name() -> str:
    """The login name of who runs this, for the custody log; the number of the user where it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def read_secrets(settings: Settings) -> dict[str, str]:
    """The database passwords of this installation. Raises `NotFound` before `lapel init`."""
    try:
        return dict(json.loads(settings.secrets.read_text()))
    except FileNotFoundError:
        raise NotFound(
            f"There is no department in {settings.data.absolute()}.",
            next_step="Run `lapel init`, or set LAPEL_DATA to the folder that has one.",
        ) from None


def new_secrets() -> dict[str, str]:
    """New passwords for a new installation."""
    return {role: random.token_urlsafe(24) for role in LOGIN_ROLES}


def keep_secrets(settings: Settings, made: Mapping[str, str]) -> None:
    """Write the passwords, whole and durably or not at all, to a file only its user reads."""
    half = settings.secrets.with_suffix(".new")
    with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump(dict(made), out)
        out.flush()
        os.fsync(out.fileno())
    half.rename(settings.secrets)
    folder = os.open(settings.data, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


@contextmanager
def running_database(settings: Settings) -> Iterator[str]:
    """The administrator's address of a database that answers: the server that was set, the embedded one that runs, or
    one started for as long as the block lasts."""
    if settings.database_url:
        yield settings.database_url
        return
    with ExitStack() as stack:
        server = embedded(settings)
        try:
            stack.enter_context(server)
        except Conflict:
            yield attached(settings)
            return
        note_address(settings, server)
        yield server.url


def embedded(settings: Settings) -> EmbeddedPostgres:
    """The embedded server of this installation, not started."""
    from lapel.storage.embedded import EmbeddedPostgres

    return EmbeddedPostgres(settings.data / "postgres")


def note_address(settings: Settings, server: EmbeddedPostgres) -> None:
    """Write down where the server answers, for the other processes of this installation."""
    half = _address_file(settings).with_suffix(".new")
    half.write_text("")
    half.chmod(0o600)
    half.write_text(server.url)
    half.rename(_address_file(settings))


def attached(settings: Settings) -> str:
    """The address of the embedded server that another process runs. Raises `Unavailable` when it does not answer."""
    try:
        url = _address_file(settings).read_text()
    except FileNotFoundError:
        raise Unavailable(
            "The embedded database is being started by another process.", next_step="Try again in a moment."
        ) from None
    connect(url).close()
    return url


def _address_file(settings: Settings) -> Path:
    return settings.data / "database-address"


def department(settings: Settings, admin_url: str, secrets: Mapping[str, str] | None = None) -> Department:
    """Read the department from its running database. Raises `NotFound` before `lapel init`."""
    urls = addresses(admin_url, settings.database_name, secrets or read_secrets(settings))
    with Database(urls["staff"]).tx(Scope("system:start", ())) as conn:
        row = conn.execute("SELECT name, origin FROM department").fetchone()
        agencies = conn.execute("SELECT id, name, zone FROM agency ORDER BY name").fetchall()
    if row is None:
        raise NotFound(f"The database of {settings.data} holds no department.", next_step="Run `lapel init`.")
    return Department(
        settings=settings,
        urls=urls,
        name=row["name"],
        origin=row["origin"],
        agencies=tuple(Agency(**agency) for agency in agencies),
    )
