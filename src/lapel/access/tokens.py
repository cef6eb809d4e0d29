"""Which program is this, and what may it do? A token of its account's holder: some acts, some agencies, until a day; shown once.

A token can do nothing that its account cannot. It is kept in `session` by a digest of a domain of its own, so that what
stands in a cookie is no token and a token is no session. It comes in the header `Authorization: Bearer`, never in an address.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from lapel.access import store, store_ways
from lapel.access.actor import Actor
from lapel.access.permit import ACTS
from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.errors import Invalid, LapelError, NotFound, Refused, Unavailable
from lapel.custody import log
from lapel.storage.postgres import Database, Scope

LONGEST: Final = timedelta(days=366)
MARK: Final = "lapel_"  # so that scanners for secrets find one that was put where it does not belong
COUNTED: Final = "token:"  # how failures are counted apart from those of people
MAX_FAILURES_A_MINUTE = 30
MAX_NAME = 80
_MAX_TOKEN = 64
_NEVER_IDLE = LONGEST * 2
# What opens more than its own scope, and the second person's part: a person does it.
_NOT_BY_TOKEN = ("access.", "footage.break_glass", "footage.unrestrict")
SCOPES: Final = tuple(act for act in ACTS if not act.startswith(_NOT_BY_TOKEN))


@dataclass(frozen=True, slots=True)
class Made:
    """A new token. `text` is shown once and kept nowhere."""

    id: str
    text: str = field(repr=False)
    ends_at: datetime


def make(
    db: Database,
    scope: Scope,
    account: str,
    home: str,
    name: str,
    acts: Sequence[str],
    agencies: Sequence[str],
    days: int,
) -> Made:
    """A token for an account whose home agency is in `scope`. Raises `Invalid` for a name, an act, an agency or a length that cannot be.

    Which acts and agencies the account has is asked at each use: a token given more gets no more.
    """
    name, at = " ".join(name.split()), clock.now()
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise Invalid(
            f"A token's name has 1 to {MAX_NAME} visible characters.", next_step="Say what it is for."
        )
    acts, agencies = tuple(dict.fromkeys(acts)), tuple(dict.fromkeys(agencies))
    if not acts or set(acts) - set(SCOPES):
        raise Invalid(
            "It is not said what the token may do, or it is nothing a token can be made for.",
            next_step=f"Choose among: {', '.join(SCOPES)}.",
        )
    if not agencies:
        raise Invalid("It is not said in which agency the token counts.", next_step="Choose one of yours.")
    if not 1 <= days <= LONGEST.days:
        raise Invalid(f"A token lasts 1 to {LONGEST.days} days.", next_step="Make a new one then.")
    text, ends_at = MARK + secrets.token_urlsafe(32), at + timedelta(days=days)
    with db.tx(scope) as conn:
        token = store_ways.make_token(
            conn, _digest(text), account, name, acts, agencies, at, ends_at, scope.actor
        )
        said: dict[str, Value] = {
            "token": token, "name": name, "acts": list(acts), "agencies": list(agencies), "until": clock.stamp(ends_at),
        }  # fmt: skip
        log.record(
            conn, actor=scope.actor, agency=home, act="token_made", subject=f"account:{account}", detail=said, at=at
        )  # fmt: skip
    return Made(token, text, ends_at)


def revoke(db: Database, scope: Scope, token: str, *, account: str | None = None) -> str:
    """Revoke a token in view, of this account if one is given; its name. Raises `NotFound`."""
    at = clock.now()
    with db.tx(scope) as conn:
        was = store_ways.revoke_token(conn, token, at, scope.actor)
        if was is None or account not in (None, was["account"]):
            raise NotFound("There is no such token any more.", next_step="Load the page again.")
        said: dict[str, Value] = {"token": token, "name": was["name"]}
        subject = f"account:{was['account']}"
        log.record(
            conn, actor=scope.actor, agency=was["agency"], act="token_revoked", subject=subject, detail=said, at=at
        )  # fmt: skip
    return str(was["name"])


def read(db: Database, text: str, source: str) -> Actor | None:
    """Who acts by this token: its account, narrowed to the token's acts and agencies. None when it is unknown, over or revoked."""
    if not text.startswith(MARK) or len(text) > _MAX_TOKEN:
        return None
    at, digest = clock.now(), _digest(text)
    with db.tx(store.NOBODY) as conn:
        actor = store.session_actor(conn, digest, at, _NEVER_IDLE)
        right = store_ways.token_right(conn, digest, at) if actor else None
    if actor is None or right is None:
        return None
    actor = replace(
        actor,
        grants=frozenset(grant for grant in actor.grants if grant.agency in right.agencies),
        agency_in_view=None,
        source=f"{source} token:{right.id[:8]}",
        acts=frozenset(right.acts),
    )
    if right.enter:
        with db.tx(actor.home()) as conn:
            detail: dict[str, Value] = {"token": right.id, "name": right.name}
            log.record(
                conn, actor=actor.id, agency=actor.agency, act="token_used", subject=actor.id, detail=detail
            )
    return actor


def not_known(db: Database, source: str) -> LapelError:
    """Count that a token from here opened nothing, and return the error to raise; 30 in a minute make a source wait."""
    at, counted = clock.now(), COUNTED + source
    with db.tx(store.NOBODY) as conn:
        often = store.failures_of(conn, counted, at - timedelta(minutes=1))
        if often < MAX_FAILURES_A_MINUTE:
            store.count_failure(conn, counted, at)
    if often >= MAX_FAILURES_A_MINUTE:
        return Unavailable(
            "Too many tokens from here opened nothing.",
            status=429,
            next_step="Wait a minute.",
            retry_after_s=60,
        )
    return Refused(
        "This token is unknown, past its end or revoked.",
        rules=("access/token",),
        status=401,
        next_step="Make a new one on the account page.",
    )


def _digest(text: str) -> bytes:
    return hashlib.sha256(b"lapel api token\0" + text.encode("utf-8", "surrogatepass")).digest()
