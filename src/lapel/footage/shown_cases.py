"""What do the pages of cases and shares show? The models behind them and their `.json`; instants are UTC."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel


class CaseRow(BaseModel):
    number: str
    agency: str
    title: str
    kind: str
    opened_at: datetime
    closed_at: datetime | None
    recordings: int
    url: str


class Cases(BaseModel):
    """The cases in view, open ones first. `words`: what their number or title holds; `may_open`: in which agencies a case may be opened."""

    words: str

    rows: list[CaseRow]
    kinds: list[str]
    agencies: list[str]


class InCase(BaseModel):
    number: str
    agency: str
    added_at: datetime
    url: str


class PartShown(BaseModel):
    """Somebody with a part. `account`: theirs, if they have one here."""

    id: str
    who: str
    part: str
    account: str | None


class JointShown(BaseModel):
    """Another agency on the case; `task_force`: what they do it as."""

    agency: str
    task_force: str


class ShareRow(BaseModel):
    """A share. `what`: in words; `live`: does it give anything now?"""

    id: str
    url: str
    by: str
    to: str
    what: str
    acts: list[str]
    purpose: str
    given_at: datetime
    ends_at: datetime
    live: bool
    ended: str


class ActShown(BaseModel):
    """One act on a case, in words."""

    at: datetime
    who: str
    says: str
    more: str


class CaseShown(BaseModel):
    """One case: what is in it, who works on it, and with whom its recordings are shared.

    `may_change`: who looks may change it; `may_add`: take their own agency's recordings out; `history`: every act, oldest first.
    """

    case: CaseRow
    ours: bool
    recordings: list[InCase]
    members: list[PartShown]
    joint: list[JointShown]
    shares: list[ShareRow]
    may_change: bool
    may_take_out: list[str]
    parts: list[str]
    agencies: list[str]
    history: list[ActShown]


class SearchRow(BaseModel):
    """A filter that was given a name. `says`: what it leaves, in words."""

    id: str
    url: str
    agency: str
    name: str
    says: str
    made_at: datetime


class SearchShown(BaseModel):
    """A saved search, what it finds now (the newest, at most fifty) and with whom that is shared."""

    search: SearchRow
    list_url: str
    recordings: list[str]
    more: bool
    may_share: bool
    shares: list[ShareRow]


class PersonShown(BaseModel):
    """Somebody whom the agency lets in from outside."""

    id: str
    name: str


class Shares(BaseModel):
    """What was shared with us, and what we gave; the newest first."""

    had: list[ShareRow]
    given: list[ShareRow]
    searches: list[SearchRow]


class ShareShown(BaseModel):
    """One share, and the recordings it gives now to whom it was given."""

    share: ShareRow
    ours: bool
    recordings: list[str]
    receipt_url: str


class NewShare(BaseModel):
    """The form that shares something. `recording`, `case` and `search` come from the page it was opened on."""

    recording: str
    case: str
    search: str
    people: list[PersonShown]
    what: str
    agency: str
    agencies: list[str]
    acts: list[str]
