"""How does a person get in? A one-use link makes the first account; after that, a name and a password.

Five attempts in fifteen minutes lock an account for fifteen; a source that fails too often waits. What is said to
somebody who fails is always the same, and takes as long: it tells nobody which names exist.
"""

from __future__ import annotations

import ipaddress
import unicodedata
from collections.abc import Sequence
from datetime import timedelta
from typing import NoReturn

import psycopg

from lapel.access import opening, passwords, sessions, store
from lapel.access.opening import Caller, Opened
from lapel.base import clock
from lapel.base.errors import Invalid, NotFound
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.storage.postgres import Database, Scope

MAX_NAME = 80
LINK_LENGTH = timedelta(hours=24)
MAX_FAILURES_OF_SOURCE = sessions.MAX_FAILURES_OF_SOURCE
_SPOOF, _TOKEN = "card:", "token:"


def make_link(owner: Database, agencies: Sequence[str], *, made_by: str) -> str:
    """A one-use link for the first account, custodian and administrator of these agencies. Returns its token, good for 24 hours.

    `owner` is the database as the owner of the tables: the right to make a link is the right to run the installation.
    """
    if not agencies:
        raise Invalid("A sign-in link needs at least one agency.")
    token, at = sessions.new_token(), clock.now()
    with owner.tx(Scope(made_by, tuple(agencies))) as conn:
        store.make_link(conn, sessions.token_hash(token), agencies, made_by, at, at + LINK_LENGTH)
    return token


def read_link(db: Database, token: str) -> store.Link:
    """What a link would make. Raises `NotFound` when it is used, over or unknown."""
    with db.tx(store.NOBODY) as conn:
        link = store.read_link(conn, sessions.token_hash(token), clock.now())
    if link is None:
        raise NotFound(
            "This link has been used, is older than 24 hours, or was never made.",
            next_step="The operator makes a new one with: lapel access link",
        )
    return link


def first_account(db: Database, token: str, name: str, password: str, source: str) -> Opened:
    """Use a link up: make its account, or set the password of the one it is for, and open a session.

    Raises `NotFound`, `Invalid` (name, password), in one transaction.
    """
    link = read_link(db, token)
    if link.account is not None:
        passwords.check(link.name or "", password)
        return _first_password(db, token, link.account, link.agencies[0], passwords.hashed(password), source)
    name = clean_name(name)
    passwords.check(name, password)
    hashed = passwords.hashed(password)
    account, at, home = new_id(), clock.now(), link.agencies[0]
    actor = f"account:{account}"
    with db.tx(Scope(actor, (home,), source)) as conn:
        try:
            used = store.use_link(conn, sessions.token_hash(token), at, account, name, name_key(name), hashed)
        except psycopg.errors.UniqueViolation:
            raise Invalid("There is an account with this name.", next_step="Choose another name.") from None
        if not used:
            raise NotFound("This link has just been used.", next_step="Sign in with the account it made.")
        log.record(
            conn,
            actor=actor,
            agency=home,
            act="account_made",
            subject=actor,
            detail={
                "made_by": link.made_by,
                "agencies": list(link.agencies),
                "grants": ["administrator", "custodian"],
            },
            at=at,
        )
        return opening.open_session(conn, account, home, "link", Caller(source), at)


def _first_password(db: Database, token: str, account: str, home: str, hashed: str, source: str) -> Opened:
    actor, at = f"account:{account}", clock.now()
    with db.tx(Scope(actor, (home,), source)) as conn:
        if store.set_password(conn, sessions.token_hash(token), at, hashed) is None:
            raise NotFound("This link has just been used.", next_step="Sign in, or ask for a new link.")
        log.record(conn, actor=actor, agency=home, act="password_set", subject=actor, at=at)
        return opening.open_session(conn, account, home, "link", Caller(source), at)


def sign_in(
    db: Database, name: str, password: str, source: str, *, before: str | None = None, banner: str = ""
) -> Opened:
    """Open a session. Raises `Refused` (401) with one sentence for every reason, `Unavailable` (429) when a source fails too often.

    `before`: the token of the session this browser had; `banner`: the digest of the notice that was acknowledged.
    """
    caller = Caller(source, before, banner)
    opening.need_patience(db, source)
    with db.tx(store.NOBODY) as conn:
        attempt = store.begin_attempt(conn, name_key(name), clock.now())
    right = passwords.matches(attempt.password if attempt else None, password)
    if attempt is None or not right:
        _fail(db, attempt, caller)
    return opening.opened(db, attempt.account, attempt.agency, "password", caller)


def enter_failures(db: Database, agency: str) -> int:
    """Write the failures of the minutes that are over into the custody log, one entry per source and minute.

    They are failures of nobody known, so they stand under `agency`, the one that keeps the department's own entries.
    Returns how many entries were made.
    """
    with db.tx(Scope("system:sign-in", (agency,))) as conn:
        over = store.failures_over(conn, clock.now())
        for row in over:
            kind, source = _counted(row["source"])
            log.record(
                conn,
                actor="system:sign-in",
                agency=agency,
                act=kind,
                subject=f"source:{source}",
                detail={"source": source, "minute": clock.stamp(row["minute"]), "failures": row["failures"]},
            )
    return len(over)


def _counted(what: str) -> tuple[str, str]:
    """What failed, as the log calls it, and where from."""
    for mark, act in ((_SPOOF, "client_certificate_spoofed"), (_TOKEN, "token_refused")):
        if what.startswith(mark):
            return act, what.removeprefix(mark)
    return "sign_in_failed", what


def count_spoof(db: Database, source: str) -> None:
    """Count that a card was claimed at a door that takes none, by nobody known; one entry a minute like other failures."""
    with db.tx(store.NOBODY) as conn:
        store.count_failure(conn, _SPOOF + source, clock.now())


def clean_name(name: str) -> str:
    """A name as it is kept: no space around it, no control characters. Raises `Invalid`."""
    kept = unicodedata.normalize("NFC", " ".join(name.split()))
    if not kept or len(kept) > MAX_NAME or any(unicodedata.category(c).startswith("C") for c in kept):
        raise Invalid(f"A name has 1 to {MAX_NAME} visible characters.", next_step="Choose another name.")
    return kept


def name_key(name: str) -> str:
    """A name as sign-in compares it: forgiving of case, width and spaces."""
    key = unicodedata.normalize("NFKC", " ".join(name.split())[:MAX_NAME]).casefold()
    return key.replace("\0", "")


def source_of(host: str | None) -> str:
    """What failures are counted by: an IPv4 address, or the /64 of an IPv6 address, which one household has as a whole."""
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _fail(db: Database, attempt: store.Attempt | None, caller: Caller) -> NoReturn:
    """Enter a failed attempt and say so, in the one sentence that fits every reason."""
    error = opening.refusal(
        "That name and password do not open an account here, or the account is locked.",
        next_step="Check both. Five attempts in fifteen minutes lock an account for fifteen minutes.",
    )
    # A locked account is attacked by nobody known: entering each attempt would let anyone fill the log.
    known = attempt if attempt is not None and attempt.password is not None else None
    raise opening.failed(
        db,
        caller,
        error,
        account=known.account if known else None,
        agency=known.agency if known else None,
    )
