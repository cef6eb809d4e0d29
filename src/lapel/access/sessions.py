"""Is this request part of a session, and did this person mean to send it?

A session is an opaque token in a cookie; the database knows its SHA-256. It ends after 12 hours, or when nothing was
asked for 30 minutes. The token against forged requests is derived from the cookie's, so a page needs no second store.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from lapel.access import store, store_ways
from lapel.access.actor import Actor
from lapel.base import clock
from lapel.base.errors import Invalid, NotFound, Refused
from lapel.custody import log
from lapel.storage.postgres import Database, Scope

LENGTH = timedelta(hours=12)
IDLE = timedelta(minutes=30)
WINDOW = timedelta(minutes=15)
MAX_FAILURES_OF_SOURCE = 30
_MAX_TOKEN = 64


def new_token() -> str:
    """A random 256-bit token for a cookie or a link."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What the database keeps of a token: SHA-256, 32 bytes. Slow hashing is for what people choose, not for 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def read(db: Database, token: str | None) -> Actor | None:
    """Who is in the session with this token, or None when there is none alive."""
    if not token or len(token) > _MAX_TOKEN:
        return None
    with db.tx(store.NOBODY) as conn:
        return store.session_actor(conn, token_hash(token), clock.now(), IDLE)


def locked(db: Database, token: str | None) -> str | None:
    """Whose session this is, by name, when nobody used it for thirty minutes: it opens again for the same person. Else None."""
    if not token or len(token) > _MAX_TOKEN:
        return None
    with db.tx(store.NOBODY) as conn:
        return store_ways.session_locked(conn, token_hash(token), clock.now(), IDLE)


def left(db: Database, token: str | None) -> tuple[datetime, datetime] | None:
    """When this session locks, and when it ends; None when it is not open."""
    if not token or len(token) > _MAX_TOKEN:
        return None
    with db.tx(store.NOBODY) as conn:
        return store_ways.session_left(conn, token_hash(token), clock.now(), IDLE)


def end(db: Database, actor: Actor, token: str) -> None:
    """Sign out: the session is over, and the custody log says so."""
    with db.tx(actor.home()) as conn:
        store.end_session(conn, token_hash(token), clock.now())
        log.record(conn, actor=actor.id, agency=actor.agency, act="signed_out", subject=actor.id)


def named(db: Database, token: str | None) -> str:
    """The id of the session with this token, which is no secret; empty when there is none."""
    if not token or len(token) > _MAX_TOKEN:
        return ""
    with db.tx(store.NOBODY) as conn:
        return store_ways.session_named(conn, token_hash(token))


def end_own(db: Database, actor: Actor, session: str) -> None:
    """End one of the actor's own sessions, wherever it is. Raises `NotFound`."""
    end_of(db, actor, actor.home(), actor.account, actor.agency, session)


def end_others(db: Database, actor: Actor, but: str) -> int:
    """End every session of the actor but one; how many there were."""
    with db.tx(actor.home()) as conn:
        ended = store_ways.end_sessions(conn, clock.now(), actor.id, account=actor.account, but=but)
        log.record_many(conn, [_ended(actor, actor.account, actor.agency, one) for one in ended])
    return len(ended)


def end_of(db: Database, actor: Actor, scope: Scope, account: str, agency: str, session: str) -> None:
    """End a session of this account, whose home agency is in `scope`. Raises `NotFound`."""
    with db.tx(scope) as conn:
        if not store_ways.end_sessions(conn, clock.now(), actor.id, account=account, session=session):
            raise NotFound("There is no such session any more.", next_step="Load the page again.")
        log.record_many(conn, [_ended(actor, account, agency, session)])


def _ended(actor: Actor, account: str, agency: str, session: str) -> log.Act:
    return log.Act(actor.id, agency, "session_ended", f"account:{account}", {"session": session})


def view(db: Database, actor: Actor, token: str, agency: str | None) -> None:
    """Show one agency in lists, or with None every agency of this person. Raises `Invalid` for one that is not theirs."""
    if agency is not None and agency not in actor.footage_of:
        raise Invalid(f"{agency[:40]} is not one of your agencies.", next_step="Choose one from the list.")
    with db.tx(store.NOBODY) as conn:
        store.view_agency(conn, token_hash(token), agency)


def form_token(token: str) -> str:
    """The value that a form must bring back to be believed: derived from the cookie's token, useless without it."""
    return hmac.new(token.encode("utf-8", "surrogatepass"), b"lapel form", hashlib.sha256).hexdigest()


def mark(token: str) -> str:
    """What tells one session of a person from another, without being a key to it: 32 hex digits."""
    return hmac.new(token.encode("utf-8", "surrogatepass"), b"lapel look", hashlib.sha256).hexdigest()[:32]


def check_form(token: str | None, sent: str | None) -> None:
    """Return when the form came from a page that was made for this cookie; otherwise raise `Refused`."""
    # Compared as bytes: a forged value may hold anything, and compare_digest refuses text that is not ASCII.
    if token and sent and hmac.compare_digest(form_token(token).encode(), sent.encode("utf-8", "replace")):
        return
    raise Refused(
        "This form was not made for your session, so nothing was done.",
        rules=("access/form-token",),
        next_step="Load the page again and repeat what you did.",
    )
