"""What do the pages that ask why, explain a refusal, break the glass and set footage apart show? Models only."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel


class Offered(BaseModel):
    """Something to choose: what the form sends, what it is called, what it means."""

    value: str
    label: str
    means: str = ""
    words: bool = False


class PurposeAsked(BaseModel):
    """Why somebody looks at a recording that is not theirs. `said`: what holds already, until when; `cases`: those they work on."""

    number: str
    url: str
    agency: str
    zone: str
    cases: list[Offered]
    reasons: list[Offered]
    minutes: float
    next: str
    said: str = ""
    until: datetime | None = None


class RuleShown(BaseModel):
    """A rule that decided, or could have. `so`: why it does or does not hold here, where that can be told."""

    id: str
    forbids: bool
    says: str
    so: str = ""


class Way(BaseModel):
    """What can be done: in words, and the page where it is done, if there is one."""

    says: str
    url: str = ""
    label: str = ""


class Why(BaseModel):
    """Why somebody may not do something: the rules, what they turn on, who can change it, what can be asked for."""

    about: str
    doing: str
    agency: str
    allowed: bool
    says: str
    rules: list[RuleShown]
    roles: list[str]
    ways: list[Way]
    back: str = ""


class GlassShown(BaseModel):
    """Breaking the glass for one recording: what it does, and until when it is broken, if it is."""

    number: str
    url: str
    agency: str
    zone: str
    minutes: float
    least_words: int
    until: datetime | None = None
    words: str = ""


class GlassAct(BaseModel):
    """Something that was done while the glass was broken."""

    at: datetime
    says: str


class GlassRow(BaseModel):
    """One broken glass, as an inspector general reads it. `number`: none where the recording is kept from them, too."""

    id: str
    agency: str
    who: str
    number: str | None
    url: str | None
    words: str
    begun_at: datetime
    ends_at: datetime
    open: bool
    acts: list[GlassAct]
    mine: bool
    outcome: str | None = None
    seen_by: str | None = None
    seen_at: datetime | None = None
    seen_says: str = ""


class InspectorShown(BaseModel):
    """What an inspector general is to look into, and what was looked into."""

    waiting: list[GlassRow]
    answered: list[GlassRow]
    outcomes: list[Offered]
    zone: str


class NamedShown(BaseModel):
    """Somebody who is named for a restricted recording."""

    account: str
    who: str
    named_at: datetime
    named_by: str


class RestrictionShown(BaseModel):
    """A restriction in force. `asked_by`: who wants it lifted; `asked_by_me`: then somebody else decides."""

    kind: str
    reason: str
    made_at: datetime
    made_by: str
    named: list[NamedShown]
    asked_by: str | None = None
    asked_by_me: bool = False
    asked_at: datetime | None = None
    asked_for: str = ""


class MarkShown(BaseModel):
    """A mark on a recording."""

    kind: Literal["use_of_force", "investigated"]
    says: str
    reason: str
    made_at: datetime
    made_by: str


class WhoMaySee(BaseModel):
    """Who may see a recording, and what the reader may decide about it. `seen`: whether the reader sees it themselves."""

    number: str
    url: str
    agency: str
    zone: str
    seen: bool
    restriction: RestrictionShown | None
    marks: list[MarkShown]
    case_investigates: bool
    report: str
    report_given_at: datetime | None
    may_restrict: bool
    may_mark: bool
    may_investigate: bool
    may_report: bool
    kinds: list[Offered]
    people: list[Offered]
