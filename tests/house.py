"""What does a test stand on? A fresh migrated database, empty stores and a key agent, gone when the test ends."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import sql

from lapel.storage.postgres import Database, Scope, connect
from lapel.storage.roles import LOGIN_ROLES, addresses, bootstrap, create_database

if TYPE_CHECKING:
    from lapel.storage.keys import Keys
    from lapel.storage.objects import Stores

AGENCIES = {
    "cbp": ("Customs and Border Protection", "America/New_York"),
    "ice": ("Immigration and Customs Enforcement", "America/New_York"),
    "usss": ("Secret Service", "America/New_York"),
    "fps": ("Federal Protective Service", "America/New_York"),
    "tsa": ("Transportation Security Administration", "America/New_York"),
    "uscg": ("Coast Guard", "America/New_York"),
    "fema": ("Federal Emergency Management Agency", "America/Chicago"),
    "ocso": ("Office of the Chief Security Officer", "America/New_York"),
    "oig": ("Office of Inspector General", "America/New_York"),
}
SECRETS = {role: f"only-in-tests-{role}" for role in LOGIN_ROLES}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A database server for one pytest process: its superuser's address, and a migrated database to copy."""

    url: str
    template: str

    @contextlib.contextmanager
    def fresh(self, name: str) -> Iterator[dict[str, str]]:
        """A copy of the migrated database named `name`; yields each role's address of it."""
        with connect(self.url) as conn:
            create_database(conn, name, template=self.template)
        try:
            yield addresses(self.url, name, SECRETS)
        finally:
            drop(self.url, name)


@dataclass(slots=True)
class House:
    """See tests/conftest.py, fixture `house`."""

    urls: dict[str, str]
    place: Path
    superuser_url: str
    _ends: list[Callable[[], None]] = field(default_factory=list)
    _databases: dict[str, Database] = field(default_factory=dict)
    _keys: dict[str, Keys] = field(default_factory=dict)
    _stores: Stores | None = None
    _agent: Path | None = None

    def db(self, role: str = "staff") -> Database:
        """The pool of one login role, closed when the test ends."""
        if role not in self._databases:
            self._databases[role] = Database(self.urls[role])
            self._ends.append(self._databases[role].close)
        return self._databases[role]

    @property
    def stores(self) -> Stores:
        """Empty local stores in the test's own directory."""
        from lapel.storage.localstore import local_stores

        if self._stores is None:
            self._stores = local_stores(self.place / "objects")
        return self._stores

    def keys(self, role: str = "staff") -> Keys:
        """The key agent as one role sees it; the agent starts with the first call."""
        from lapel.storage.keys import AgentKeys

        if self._agent is None:
            self._agent = self._start_agent()
        if role not in self._keys:
            self._keys[role] = AgentKeys(self._agent / f"{role}.sock")
            self._ends.append(self._keys[role].close)
        return self._keys[role]

    def scope(self, agency: str = "cbp", actor: str = "account:test") -> Scope:
        return Scope(actor, (agency,))

    def end(self) -> None:
        for end in reversed(self._ends):
            end()

    def _start_agent(self) -> Path:
        from lapel.storage.keyagent import KeyAgent
        from lapel.storage.keyring import create_keyring

        sockets = Path(tempfile.mkdtemp(prefix="lapel-"))
        self._ends.append(lambda: shutil.rmtree(sockets, ignore_errors=True))
        keyring = self.place / "keyring.json"
        create_keyring(keyring, tuple(AGENCIES))
        agent = KeyAgent(keyring, sockets)
        agent.start()
        self._ends.append(agent.stop)
        return sockets


def make_template(admin_url: str, name: str) -> None:
    """A database with every migration that is present and the nine agencies."""
    from lapel.storage.migrate import upgrade

    urls = bootstrap(admin_url, name, SECRETS)
    upgrade(urls["owner"])
    with connect(urls["owner"]) as conn:
        for agency, (title, zone) in AGENCIES.items():
            conn.execute("INSERT INTO agency (id, name, zone) VALUES (%s, %s, %s)", (agency, title, zone))


def drop(admin_url: str, name: str) -> None:
    """Drop a database, whoever is still connected."""
    with connect(admin_url) as conn:
        conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
