"""Why does somebody look at a recording that is not their own? For a case they work on, or for a coded reason.

A purpose is said once for one recording and one session, and holds for a stated time; each act of looking keeps it in
its custody entry. The reasons are data (purposes.json). A case counts while it is open and the person has a part in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.errors import Invalid
from lapel.base.ids import new_id
from lapel.cases import store as cases
from lapel.cases.model import Case
from lapel.custody import log
from lapel.custody.sidecar import Under, Write, perform
from lapel.footage import store_looks
from lapel.footage.model import Recording
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

HOLDS = timedelta(minutes=60)
MAX_WORDS = 500
HEADER: Final = "x-lapel-purpose"
_SAID = re.compile(r"(case|reason)\s+([A-Za-z0-9][A-Za-z0-9/._-]{0,39})(?:\s+(.{1,500}))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reason:
    """A coded reason. `words`: it has to be said in words, too."""

    code: str
    says: str
    means: str
    words: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody says they look for: a case by its number, or a reason by its code; with words or without."""

    why: Literal["case", "reason"]
    what: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """Why an account looks at a recording, from when until when. `why`: glass is the purpose of who broke it."""

    id: str
    agency: str
    recording: str
    account: str
    why: Literal["case", "reason", "glass"]
    code: str
    case_number: str
    words: str
    begun_at: datetime
    ends_at: datetime
    seen_at: datetime | None
    seen_by: str | None
    seen_says: str
    session: str
    case_file: str | None
    seen_as: str

    @property
    def says(self) -> str:
        """The purpose in words: `case 26-0113`, `complaint`."""
        if self.why == "glass":
            return "the reason given for breaking the glass"
        return f"case {self.case_number}" if self.why == "case" else reason_says(self.code)


@cache
def reasons() -> Mapping[str, Reason]:
    """The coded reasons by their codes, in the order they are offered."""
    said = json.loads(files("lapel.footage").joinpath("purposes.json").read_text("utf-8"))
    return {one["code"]: Reason(**one) for one in said["reasons"]}


def reason_says(code: str) -> str:
    """What a coded reason is called; one that this version does not know is shown by its code."""
    known = reasons().get(code)
    return known.says.lower() if known else code.replace("_", " ")


def read(text: str) -> Said:
    """What a program says in the header `X-Lapel-Purpose`: `case 26-0113`, `reason complaint`, words behind. Raises `Invalid`."""
    match = _SAID.fullmatch(text.strip())
    if match is None:
        raise Invalid(
            f"“{text[:60]}” is no purpose.",
            next_step="Write “case” and its number, or “reason” and one of: " + ", ".join(reasons()) + ".",
        )
    why: Literal["case", "reason"] = "case" if match[1] == "case" else "reason"
    return Said(why, match[2], (match[3] or "").strip())


def own_cases(conn: Connection, account: str) -> list[Case]:
    """The open cases that this account has a part in."""
    return cases.cases(conn, open_only=True, of_account=account)


def state(
    conn: Connection,
    archive: Archive,
    scope: Scope,
    recording: Recording,
    said: Said,
    holds: timedelta = HOLDS,
) -> Look:
    """Say why the acting account looks at this recording; it holds for this session until `holds` is over, with its entry.

    Said again while it holds, it is the look that is there. The caller has asked whether the person may look with it.
    Raises `Invalid` for a reason there is none of, or a case that is none of theirs (or closed): the two are not told apart.
    """
    account, at = scope.actor.removeprefix("account:"), clock.now()
    code, number, case_file = _checked(conn, account, said)
    words = said.words.replace("\0", "").strip()
    if len(words) > MAX_WORDS:
        raise Invalid(f"The words for it may have {MAX_WORDS} characters.", next_step="Shorten them.")
    for there in store_looks.running(conn, recording.id, account, scope.session, at):
        if (there.why, there.code, there.case_file) == (said.why, code, case_file):
            return there
    look = Look(
        id=new_id(), agency=recording.agency, recording=recording.id, account=account, why=said.why, code=code,
        case_number=number, words=words, begun_at=at, ends_at=at + holds, seen_at=None, seen_by=None, seen_says="",
        session=scope.session, case_file=case_file, seen_as="",
    )  # fmt: skip
    enter(conn, archive, scope, recording, look, "purpose_said", {"until": clock.stamp(look.ends_at)})
    return look


def enter(
    conn: Connection,
    archive: Archive,
    scope: Scope,
    recording: Recording,
    look: Look,
    act: str,
    more: Mapping[str, Value],
) -> None:
    """Write a look with its entry and sidecar."""
    entry = log.prepare(
        conn, actor=scope.actor, agency=recording.agency, act=act, subject=f"recording:{recording.id}",
        detail={**detail([look]), **more}, at=look.begun_at,
    )  # fmt: skip
    row: dict[str, Any] = {
        name: getattr(look, name)
        for name in ("id", "agency", "recording", "account", "why", "code", "case_number", "words", "begun_at", "ends_at")
    }  # fmt: skip
    row |= {"session": look.session, "case_file": look.case_file}
    under = Under(recording.id, recording.wrapped_key)
    perform(conn, archive, entry, [Write("look", row)], agency=recording.agency, under=under)


def detail(looks: Sequence[Look]) -> dict[str, Value]:
    """What the entry of an act of looking keeps of its purpose; empty for who needs none."""
    if not looks:
        return {}
    look = looks[0]
    said: dict[str, Value] = {"look": look.id, "for": look.says}
    if look.words:
        said["words"] = look.words
    return said


def purpose(conn: Connection, scope: Scope, recording: Recording) -> dict[str, Value]:
    """The purpose by which the acting account looks now, for its entry."""
    account = scope.actor.removeprefix("account:")
    if account == scope.actor:
        return {}
    return detail(store_looks.running(conn, recording.id, account, scope.session, clock.now()))


def operators(conn: Connection, said: Said) -> dict[str, Value]:
    """For what an operator hands something out, as its entry keeps it; they have a part in no case, so any open one in view
    counts. Raises `Invalid`."""
    if said.why == "case":
        there = [one for one in cases.cases_numbered(conn, said.what) if one.closed_at is None]
        if not there:
            raise Invalid(f"There is no open case {said.what[:40]}.", next_step="Check its number.")
        number, code = there[0].number, ""
    else:
        code, number, _ = _checked(conn, "", said)
    entry: dict[str, Value] = {"for": f"case {number}" if number else reason_says(code)}
    return {**entry, "words": said.words} if said.words else entry


def _checked(conn: Connection, account: str, said: Said) -> tuple[str, str, str | None]:
    """Code, case number and case id of what was said. Raises `Invalid`."""
    if said.why == "reason":
        known = reasons().get(said.what)
        if known is None:
            raise Invalid(
                f"“{said.what[:40]}” is none of the reasons.", next_step=f"One of: {', '.join(reasons())}."
            )
        if known.words and not said.words.strip():
            raise Invalid("This reason has to be said in words.", next_step="Say which reason it is.")
        return known.code, "", None
    mine = [one for one in own_cases(conn, account) if one.number.upper() == said.what.upper()]
    if len(mine) != 1:
        raise Invalid(
            f"You have no part in an open case {said.what[:40]}.",
            next_step="Choose one of your cases, or ask the case's agency to add you to it.",
        )
    return "", mine[0].number, mine[0].id
