"""What is a case, and what is a share? Values only; recordings are known by their ids."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

KINDS: Final = (
    "criminal", "civil", "use of force", "complaint", "internal affairs", "accident", "missing person", "other",
)  # fmt: skip
PARTS: Final = (
    "lead investigator", "investigator", "custodian", "records officer", "prosecutor", "defender", "supervisor",
    "expert", "observer",
)  # fmt: skip
ShareAct = Literal["view", "play", "download"]
SHARE_ACTS: Final[tuple[ShareAct, ...]] = ("view", "play", "download")
ShareKind = Literal["recording", "case", "search"]


@dataclass(frozen=True, slots=True)
class Case:
    """A matter that recordings belong to. It is its agency's; joint agencies see it."""

    id: str
    agency: str
    number: str
    kind: str
    title: str
    opened_at: datetime
    opened_by: str
    closed_at: datetime | None
    closed_by: str | None

    @property
    def url(self) -> str:
        """The address of its page. A slash would end a part of an address, so it is written `~`, which no number has."""
        return case_url(self.agency, self.number)


def case_url(agency: str, number: str) -> str:
    """The address of the page of a case."""
    return f"/cases/{agency}/{number.replace('/', '~')}"


@dataclass(frozen=True, slots=True)
class Member:
    """Who has a part in a case: an account, or somebody outside by office or badge number. `part`: one of `PARTS`."""

    id: str
    agency: str
    case_file: str
    account: str | None
    who: str
    part: str
    added_at: datetime
    added_by: str
    ended_at: datetime | None
    ended_by: str | None


@dataclass(frozen=True, slots=True)
class Joint:
    """Another agency that works on a case; `task_force` names what they do it as, empty for none."""

    id: str
    agency: str
    case_file: str
    joint: str
    task_force: str
    added_at: datetime
    added_by: str
    ended_at: datetime | None
    ended_by: str | None


@dataclass(frozen=True, slots=True)
class Ref:
    """A recording as this room knows it."""

    id: str
    agency: str


@dataclass(frozen=True, slots=True)
class Placed:
    """A recording in a case. `agency` is the recording's, `case_agency` the case's."""

    id: str
    agency: str
    case_agency: str
    case_file: str
    recording: str
    reason: str
    added_at: datetime
    added_by: str
    removed_at: datetime | None
    removed_by: str | None


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A filter that was given a name. It never changes. Empty means every value; days are of `zone`, both included."""

    id: str
    agency: str
    name: str
    office: str
    wearer: str
    camera: str
    category: str
    first_day: date | None
    last_day: date | None
    zone: str
    words: str
    made_at: datetime
    made_by: str

    @property
    def narrows(self) -> bool:
        """Does it leave anything out? A search that does not is the whole agency's footage."""
        said = (
            self.office,
            self.wearer,
            self.camera,
            self.category,
            self.first_day,
            self.last_day,
            self.words,
        )
        return any(said)

    @property
    def says(self) -> str:
        """What it leaves, in words: `of officer 4471, from 2026-11-01`."""
        parts = [
            f"of officer {self.wearer}" if self.wearer else "",
            f"by camera {self.camera}" if self.camera else "",
            f"of {self.office}" if self.office else "",
            ("without a category" if self.category == "none" else f"in “{self.category}”") if self.category else "",
            f"from {self.first_day}" if self.first_day else "",
            f"to {self.last_day}" if self.last_day else "",
            f"with “{self.words}”" if self.words else "",
        ]  # fmt: skip
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Share:
    """What one agency lets another do with a recording, a case's recordings or those a saved search finds, until when.

    `to_account`: it is for this one person from outside, and `to_agency` is the giver's, who let them in.

    Exactly one of `recording`, `case_file` and `search` is set. `entry`: the custody entry the receipt is of.
    """

    id: str
    agency: str
    to_agency: str
    recording: str | None
    case_file: str | None
    search: str | None
    acts: list[ShareAct]
    purpose: str
    given_at: datetime
    given_by: str
    expires_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None
    revoke_reason: str | None
    entry: str
    to_account: str | None = None

    @property
    def kind(self) -> ShareKind:
        return "recording" if self.recording else "case" if self.case_file else "search"

    @property
    def ends_at(self) -> datetime:
        """When it ended or will end."""
        return min(self.expires_at, self.revoked_at) if self.revoked_at else self.expires_at

    def is_live(self, at: datetime) -> bool:
        """Does it give anything at this instant?"""
        return self.given_at <= at < self.ends_at


def said_acts(acts: Collection[str]) -> str:
    """The acts in words and in their order: `view, play and download`."""
    there = [act for act in SHARE_ACTS if act in acts]
    return " and ".join([", ".join(there[:-1]), there[-1]] if len(there) > 1 else there)
