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
    """The cases in view, open ones first."""

    rows: list[CaseRow]
    kinds: list[str]
    agencies: list[str]


class InCase(BaseModel):
    number: str
    agency: str
    added_at: datetime
    url: str


class PartShown(BaseModel):
    who: str
    part: str


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


class CaseShown(BaseModel):
    """One case: what is in it, who works on it, and with whom its recordings are shared."""

    case: CaseRow
    ours: bool
    recordings: list[InCase]
    members: list[PartShown]
    joint: list[str]
    shares: list[ShareRow]


class Shares(BaseModel):
    """What was shared with us, and what we gave; the newest first."""

    had: list[ShareRow]
    given: list[ShareRow]


class ShareShown(BaseModel):
    """One share, and the recordings it gives now to whom it was given."""

    share: ShareRow
    ours: bool
    recordings: list[str]
    receipt_url: str


class NewShare(BaseModel):
    """The form that shares something. `recording` and `case` come from the page it was opened on."""

    recording: str
    case: str
    what: str
    agency: str
    agencies: list[str]
    acts: list[str]
