"""Which system delivers footage, and whose is it? A *site* is one delivering system of one agency.

A site signs in with a username and a key and gets a token for fifteen minutes. The key is 256 random bits that we make,
so its plain SHA-256 is as good as a slow one: there is no password to guess. Here lie only digests of keys and tokens.
Before a site has signed in nobody knows its agency; two functions of the database answer for that (migration 0006).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from lapel.access import store
from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.errors import Invalid, LapelError, NotFound, Refused, Unavailable
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.custody.sidecar import Under, Write, perform
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Database, Scope

TOKEN_LENGTH = timedelta(minutes=15)
FAILURES_A_MINUTE = 30
MAX_SITE_NAME = 64

NOBODY = Scope("system:intake", ())


@dataclass(frozen=True, slots=True)
class Site:
    """A system that has shown who it is."""

    id: str
    agency: str

    @property
    def scope(self) -> Scope:
        """What a transaction of this system sees: its own agency."""
        return Scope(f"site:{self.id}", (self.agency,))


@dataclass(frozen=True, slots=True)
class Token:
    """What a site shows with each request; kept by its digest only."""

    text: str = field(repr=False)
    ends_at: datetime
    site: Site


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a site is connected with. `key` is shown once, in the connection file, and kept nowhere."""

    site: str
    username: str
    key: str = field(repr=False)


def new_site(agency: str, name: str, made_by: str) -> tuple[Credentials, Mapping[str, Any]]:
    """Fresh credentials for a new site, and its row. Raises `Invalid` for a name that is empty, long or not printable."""
    if not name.strip() or len(name) > MAX_SITE_NAME or not name.isprintable():
        raise Invalid(
            f"A site's name has 1 to {MAX_SITE_NAME} visible characters.", next_step="Choose another name."
        )
    site_id = new_id()
    made = Credentials(site_id, f"{agency}:{site_id[:16]}", _new_secret())
    row = {
        "id": site_id,
        "agency": agency,
        "name": name.strip(),
        "username": made.username,
        "key_sha256": _digest(made.key),
        "made_at": clock.now(),
        "made_by": made_by,
    }
    return made, row


def renewed(site_id: str, username: str) -> tuple[Credentials, Mapping[str, Any]]:
    """A fresh key for a site that is there, and the columns to change; the key before opens nothing any more."""
    made = Credentials(site_id, username, _new_secret())
    return made, {"id": site_id, "key_sha256": _digest(made.key)}


def site_named(conn: Connection, agency: str, name: str) -> Mapping[str, Any] | None:
    """`id` and `username` of the agency's site with this name that is not closed, or None."""
    return conn.execute(
        "SELECT id, username FROM site WHERE agency = %s AND name = %s AND closed_at IS NULL",
        (agency, name.strip()),
    ).fetchone()


def close(archive: Archive, scope: Scope, site: str) -> str:
    """Its key and its tokens open nothing any more; its name. Raises `NotFound` when there is none in view that is open."""
    at = clock.now()
    with archive.db.tx(scope) as conn:
        there = conn.execute(
            "SELECT id, agency, name FROM site WHERE id = %s AND closed_at IS NULL", (site,)
        ).fetchone()
        if there is None:
            raise NotFound("There is no such system any more.", next_step="Load the page again.")
        subject, said = f"site:{site}", {"name": there["name"]}
        entry = log.prepare(
            conn, actor=scope.actor, agency=there["agency"], act="site_closed", subject=subject, detail=said, at=at
        )  # fmt: skip
        writes = [Write("site", {"id": site, "closed_at": at}, change=True)]
        perform(conn, archive, entry, writes, agency=there["agency"], under=Under())
    return str(there["name"])


def sign_in(db: Database, username: str, key: str, source: str) -> Token:
    """A fresh token for right credentials.

    Raises `Refused` (401) for wrong ones, and `Unavailable` (429) for wrong ones beyond 30 a minute from one source.
    Right ones always count: a stranger at the same address must not keep a camera from delivering.
    """
    at = clock.now()
    with db.tx(NOBODY) as conn:
        row = conn.execute("SELECT * FROM site_by_username(%s)", (username.replace("\0", ""),)).fetchone()
    expected = bytes(row["key_sha256"]) if row else bytes(32)
    if not hmac.compare_digest(_digest(key), expected) or row is None:
        raise refused(db, source, "That username and key open nothing here.")
    token = Token(_new_secret(), at + TOKEN_LENGTH, Site(row["id"], row["agency"]))
    with db.tx(token.site.scope) as conn:
        conn.execute("DELETE FROM site_token WHERE agency = %s AND ends_at < %s", (token.site.agency, at))
        conn.execute(
            "INSERT INTO site_token (token_sha256, site, agency, ends_at) VALUES (%s, %s, %s, %s)",
            (_digest(token.text), token.site.id, token.site.agency, token.ends_at),
        )
        who = token.site.scope.actor
        said: dict[str, Value] = {"source": source, "method": "key"}
        log.record(
            conn, actor=who, agency=token.site.agency, act="signed_in", subject=who, detail=said, at=at
        )
    return token


def site_of(db: Database, token: str | None, source: str) -> Site:
    """Whose token this is. Raises `Refused` (401) when it is missing, unknown or over."""
    if token is not None:
        with db.tx(NOBODY) as conn:
            row = conn.execute(
                "SELECT * FROM site_of_token(%s, %s)", (_digest(token), clock.now())
            ).fetchone()
        if row is not None:
            return Site(row["id"], row["agency"])
    raise refused(db, source, "The token is missing, unknown or over.")


def refused(db: Database, source: str, says: str) -> LapelError:
    """Count that this source was refused in this minute, and return the error to raise; the count becomes one custody entry.

    Beyond 30 a minute nothing more is counted: the limit is on what a stranger can make us write.
    """
    at, counted = clock.now(), f"intake:{source}"
    with db.tx(NOBODY) as conn:
        often = store.failures_of(conn, counted, at - timedelta(minutes=1))
        if often < FAILURES_A_MINUTE:
            store.count_failure(conn, counted, at)
    if often >= FAILURES_A_MINUTE:
        return Unavailable(
            "Too many requests from here were refused.", status=429, next_step="Wait a minute."
        )
    return Refused(says, status=401, rules=("access/devices",), next_step="Sign in again for a fresh token.")


def _new_secret() -> str:
    return secrets.token_urlsafe(32)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
