"""What do the pages of who may come in show? The models behind them and their `.json`; instants are UTC."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from lapel.access.account_web import Linked, Session


class RoleShown(BaseModel):
    """A role that is held or, `waiting`, asked for. `mine`: asked for by who looks, so that somebody else
    approves it. `given_by`, `approved_by`: names, or `account:…` and `cli:…` of who is not in view."""

    id: str
    account: str
    of: str
    url: str
    agency: str
    role: str
    office_name: str | None
    until: datetime | None
    waiting: bool
    given_at: datetime
    given_by: str
    approved_by: str | None
    mine: bool


class AccountRow(BaseModel):
    """An account. `badge`: of the officer it is; `locked_until`: after too many attempts; `seen_at`: when it was last used."""

    id: str
    url: str
    name: str
    agency: str
    active: bool
    badge: str | None
    locked_until: datetime | None
    seen_at: datetime | None
    made_at: datetime
    made_by: str
    roles: list[str]


class Accounts(BaseModel):
    """The accounts of the agencies that who looks administers, and what waits for a second person."""

    agencies: list[str]
    words: str
    waiting: list[RoleShown]
    rows: list[AccountRow]


class TokenShown(BaseModel):
    """A program's token: `acts` in `agencies`, until `ends_at`."""

    id: str
    account: str
    of: str
    agency: str
    name: str
    acts: list[str]
    agencies: list[str]
    made_at: datetime
    ends_at: datetime
    used_at: datetime | None


class SiteShown(BaseModel):
    """A system that delivers footage. Its key was shown once; `closed_at`: since when it may not."""

    id: str
    agency: str
    name: str
    username: str
    made_at: datetime
    closed_at: datetime | None


class SessionOf(Session):
    """A session, and whose it is."""

    account: str
    of: str
    agency: str


class Sessions(BaseModel):
    """Who of the agencies is signed in, the last used first."""

    rows: list[SessionOf]


class Programs(BaseModel):
    """The tokens of programs, and the systems that deliver footage."""

    tokens: list[TokenShown]
    sites: list[SiteShown]


class OfficeChoice(BaseModel):
    id: str
    agency: str
    name: str


class AccountShown(BaseModel):
    """One account. `home`: who looks administers its home agency, and so may change how it is let in. `own`: it is theirs."""

    account: AccountRow
    home: bool
    own: bool
    roles: list[RoleShown]
    choices: list[str]
    alone: list[str]
    agencies: list[str]
    offices: list[OfficeChoice]
    sessions: list[Session]
    tokens: list[TokenShown]
    identities: list[Linked]
    provider: str


class LinkShown(BaseModel):
    """A one-use link for the holder of an account; shown once. `waiting`: roles that wait for a second person again."""

    account: str
    name: str
    link: str
    hours: int
    waiting: list[str]


class TokenMade(BaseModel):
    """A new token; `token` is shown once."""

    id: str
    name: str
    token: str
    ends_at: datetime
