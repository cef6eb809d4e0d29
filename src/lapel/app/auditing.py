"""Whose acts may somebody search for in the custody log, and what do the words of a search mean?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from lapel.access import store as access
from lapel.access.actor import Actor
from lapel.access.permit import decide, permit
from lapel.base.errors import Invalid, Refused
from lapel.base.ids import ids_of_number, is_id, read_number, recording_number
from lapel.cases import store as cases
from lapel.custody.store_search import Found, Outcome, Wanted
from lapel.footage import history
from lapel.storage.postgres import Connection

DEPARTMENT: Final = "department"
OUTCOMES: Final = ("done", "refused", "failed")


@dataclass(frozen=True, slots=True)
class Asked:
    """The words of a search, as they were typed. `since` and `until` are days or instants, both included."""

    agency: str = ""
    who: str = ""
    act: str = ""
    thing: str = ""
    address: str = ""
    door: str = ""
    outcome: str = ""
    since: str = ""
    until: str = ""
    least: str = ""

    def said(self) -> dict[str, str]:
        """The words by the names they have in an address."""
        named = {"since": "from", "until": "to", "least": "bytes"}
        return {named.get(name, name): _clean(getattr(self, name)) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Oversight:
    """`agencies` whose part of the log is searched; `choices` that could be. `accounts_only`: acts on accounts, no others."""

    agencies: tuple[str, ...]
    choices: tuple[str, ...]
    accounts_only: bool


def oversight(actor: Actor, agency: str = "") -> Oversight:
    """What this person may search: everything as the inspector general, acts on accounts as an administrator.

    The department's own entries (failed sign-ins of nobody known, adopted policies) are for both. Raises `Refused`.
    """
    whole = tuple(a for a in actor.agencies if decide(actor, "access.audit", a).allowed)
    accounts = tuple(a for a in actor.agencies if decide(actor, "access.accounts", a).allowed)
    if not whole and not accounts:
        permit(actor, "access.audit", agency or actor.agency)
    choices = (*sorted({*whole, *accounts}), DEPARTMENT)
    if agency == DEPARTMENT:
        return Oversight((DEPARTMENT,), choices, accounts_only=False)
    if agency:
        if agency not in choices:
            permit(actor, "access.audit", agency[:20])
            raise Refused(f"You do not oversee {agency[:20]}.", rules=("access/inspector-oversees",))
        return Oversight((agency,), choices, accounts_only=agency not in whole)
    seen = whole or accounts
    if actor.agency_in_view in seen:
        seen = (actor.agency_in_view,)
    return Oversight((*seen, DEPARTMENT) if whole else seen, choices, accounts_only=not whole)


def zone_of(conn: Connection, over: Oversight, actor: Actor) -> str:
    """The zone in which the days of a search are meant and its times are written."""
    zones = {agency.id: agency.zone for agency in access.agencies(conn)}
    return zones.get(over.agencies[0]) or zones.get(actor.agency, "UTC")


def wanted(conn: Connection, asked: Asked, over: Oversight, zone: str) -> Wanted:
    """What the words of a search mean. Raises `Invalid` for words that mean nothing."""
    words = asked.said()
    if words["outcome"] and words["outcome"] not in OUTCOMES:
        raise Invalid("An outcome is done, refused or failed.", next_step="Choose one of these.")
    least = words["bytes"]
    if least and not (least.isdigit() and least.isascii() and len(least) < 18):
        raise Invalid("Bytes are a number.", next_step="Write it like 1000000.")
    subject, subjects = _thing(conn, words["thing"])
    return Wanted(
        agencies=over.agencies,
        actor=_who(conn, words["who"]),
        act=words["act"].replace(" ", "_"),
        subject=subject,
        subjects=subjects,
        source=words["address"],
        door=words["door"],
        outcome=cast(Outcome, words["outcome"]),
        since=instant(words["from"], zone, end=False),
        until=instant(words["to"], zone, end=True),
        least_bytes=int(least) if least else None,
        accounts_only=over.accounts_only,
    )


def instant(text: str, zone: str, *, end: bool) -> datetime | None:
    """A day (its begin, or with `end` its end) or an instant, in `zone` unless it names one; None for nothing.

    With `end` an instant is included: what is meant ends a millisecond later. Raises `Invalid`.
    """
    if not text:
        return None
    where = ZoneInfo(zone)
    try:
        if len(text) == 10:
            day = date.fromisoformat(text)
            return datetime.combine(day + timedelta(days=1) if end else day, time(), where)
        at = datetime.fromisoformat(text)
        at = at if at.tzinfo else at.replace(tzinfo=where)
        return at + timedelta(milliseconds=1) if end else at
    except (ValueError, OverflowError):
        raise Invalid(
            f"“{text}” is no day and no instant.",
            next_step="Write it like 2026-11-24 or 2026-11-24T03:37:44.12.",
        ) from None


@dataclass(frozen=True, slots=True)
class Names:
    """What pages call the actors and subjects of what was found."""

    actors: Mapping[str, str]

    def who(self, actor: str | None) -> str:
        """An actor in words."""
        return self.actors.get(actor, actor) if actor else history.FORGOTTEN

    def thing(self, subject: str | None) -> tuple[str, str | None]:
        """A subject in words, and its page."""
        if subject is None:
            return "Something that was forgotten", None
        kind, _, rest = subject.partition(":")
        if kind == "recording":
            number = recording_number(rest)
            return number, f"/recordings/{number}"
        if kind in ("account", "site", "cli", "system"):
            return self.actors.get(subject, subject), None
        return f"{kind} {rest[:8] if is_id(rest) else rest}".strip().replace("_", " "), None


def names(conn: Connection, found: Sequence[Found]) -> Names:
    """The names of everybody in what was found, as far as they are in view."""
    meant = {one.actor for one in found} | {one.subject for one in found}
    known = ("account:", "site:", "cli:", "system:")
    return Names(history.actor_names(conn, sorted(n for n in meant if n and n.startswith(known))))


def as_text(detail: Mapping[str, Any]) -> str:
    """The details of an entry on one line."""
    return json.dumps(detail, ensure_ascii=False, sort_keys=True)


def _clean(text: str) -> str:
    return " ".join(text.replace("\0", " ").split())


def _who(conn: Connection, text: str) -> str:
    if not text or ":" in text:
        return text
    found = access.accounts_named(conn, text)
    if not found:
        raise Invalid(
            f"No account in view is called “{text}”.",
            next_step="Write the name as the account's page has it, or an actor such as cli:operator.",
        )
    return f"account:{found[0]}"


def _thing(conn: Connection, text: str) -> tuple[str, tuple[str, str] | None]:
    if not text or (text.partition(":")[0].isalpha() and ":" in text):
        return text, None
    number = read_number(text)
    if number is not None:
        # By the number alone: of a recording that is restricted or destroyed the log still tells.
        first, beyond = ids_of_number(number)
        return "", (f"recording:{first}", f"recording:{beyond}")
    there = cases.cases_numbered(conn, text)
    if there:
        return f"case:{there[0].id}", None
    if found := access.accounts_named(conn, text):
        return f"account:{found[0]}", None
    raise Invalid(
        f"“{text}” is no recording, case or account in view.",
        next_step="Write a recording's number, a case's number, an account's name, or a subject such as log:cbp.",
    )
