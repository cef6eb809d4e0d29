"""Which acts does the custody log tell of: by whom, of what kind, on what, when, from where, with what outcome, how many bytes?

Read from the columns that migrations 0012 and 0022 compute from the openings, under row-level security: a search sees the
agencies of its transaction and no other. Newest first, by keyset: a page costs the same at the millionth entry as at the
first.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from lapel.base.clock import read_stamp, stamp
from lapel.base.digest import Value
from lapel.base.errors import Invalid
from lapel.base.ids import is_id
from lapel.custody.entry import read_openings
from lapel.storage.postgres import Connection

PAGE_ROWS: Final = 50
MOST_ROWS: Final = 5000
Outcome = Literal["", "done", "refused", "failed"]
_APART = frozenset({"at", "actor", "agency", "act", "subject", "subject_key", "source", "door", "bytes"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a search is narrowed to; empty means everything. `since` is included, `until` is not.

    `actor` and `subject` are whole ids (`account:…`, `recording:…`); `subjects` those from the first up to, not including,
    the second. `accounts_only`: only acts on accounts, which is what an administrator looks after.
    """

    agencies: tuple[str, ...]
    actor: str = ""
    act: str = ""
    subject: str = ""
    subjects: tuple[str, str] | None = None
    source: str = ""
    door: str = ""
    outcome: Outcome = ""
    since: datetime | None = None
    until: datetime | None = None
    least_bytes: int | None = None
    accounts_only: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """One act. `at` as it was logged, to the millisecond. `actor` and `subject` are None when they were forgotten.

    `detail`: the other fields whose openings remain. `index`: its place in the log, None while it waits for one.
    """

    entry: str
    at: datetime
    agency: str
    actor: str | None
    act: str
    subject: str | None
    outcome: Outcome
    source: str | None
    door: str | None
    bytes: int | None
    index: int | None
    detail: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: the time and the id of its last entry."""

    at: datetime
    entry: str

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(f"{stamp(self.at)} {self.entry}".encode()).decode().rstrip("=")


def read_position(text: str) -> Position:
    """The position in an address. Raises `Invalid` when it is none of ours."""
    try:
        plain = base64.urlsafe_b64decode(text[:120] + "=" * (-len(text[:120]) % 4)).decode()
        at, _, entry = plain.partition(" ")
        if is_id(entry):
            return Position(read_stamp(at), entry)
    except (binascii.Error, ValueError, Invalid):
        pass
    raise Invalid("This is not a place in the log.", next_step="Go back to the first page of the search.")


# One ordered walk of an index for each agency, merged: a sorted union over several agencies would read all of them.
_FIND = """
SELECT f.*, l.index FROM (
    SELECT e.* FROM unnest(%(agencies)s::text[]) AS a (agency) CROSS JOIN LATERAL (
        SELECT o.entry, o.agency, o.subject, o.at, o.actor, o.act, o.outcome, o.source, o.door, o.bytes,
               o.openings::text AS openings
          FROM custody_opening o WHERE o.agency = a.agency{where}
         ORDER BY o.at DESC, o.entry DESC LIMIT %(limit)s) e
     ORDER BY e.at DESC, e.entry DESC LIMIT %(limit)s) f
  LEFT JOIN custody_leaf l ON l.entry = f.entry
 ORDER BY f.at DESC, f.entry DESC"""


def find(
    conn: Connection, wanted: Wanted, after: Position | None = None, limit: int = PAGE_ROWS
) -> tuple[list[Found], Position | None]:
    """Up to `limit` acts, newest first, and where the next ones begin (None: that was all)."""
    where, values = _where(wanted)
    if after is not None:
        where.append("(o.at, o.entry) < (%(after_at)s, %(after_entry)s)")
        values |= {"after_at": stamp(after.at), "after_entry": after.entry}
    query = _FIND.format(where="".join(f" AND {clause}" for clause in where))
    limit = min(limit, MOST_ROWS)
    rows = conn.execute(query.encode(), {**values, "limit": limit + 1}).fetchall()
    found = [_found(row) for row in rows[:limit]]
    return found, Position(found[-1].at, found[-1].entry) if len(rows) > limit else None


def acts_known(conn: Connection, agencies: Sequence[str]) -> list[str]:
    """Every kind of act that these agencies' part of the log tells of, by name."""
    # A walk from one value of the index to the next: the log has millions of entries and some fifty kinds.
    rows = conn.execute(
        """
        WITH RECURSIVE known AS (
            SELECT a.agency, (SELECT min(o.act) FROM custody_opening o WHERE o.agency = a.agency) AS act
              FROM unnest(%s::text[]) AS a (agency)
            UNION ALL
            SELECT k.agency, (SELECT min(o.act) FROM custody_opening o WHERE o.agency = k.agency AND o.act > k.act)
              FROM known k WHERE k.act IS NOT NULL)
        SELECT DISTINCT act FROM known WHERE act IS NOT NULL ORDER BY act""",
        (list(agencies),),
    ).fetchall()
    return [row["act"] for row in rows]


def _where(wanted: Wanted) -> tuple[list[str], dict[str, Any]]:
    where: list[str] = []
    values: dict[str, Any] = {"agencies": list(wanted.agencies)}
    for name in ("actor", "act", "subject", "door"):
        value = getattr(wanted, name)
        if value:
            where.append(f"o.{name} = %({name})s")
            values[name] = value
    if wanted.source:
        # A program's source is the address and its token, with a space between.
        where.append("o.source >= %(source)s AND o.source < %(source_end)s")
        values |= {"source": wanted.source, "source_end": f"{wanted.source}!"}
    if wanted.subjects is not None:
        where.append("o.subject >= %(subjects_from)s AND o.subject < %(subjects_to)s")
        values |= {"subjects_from": wanted.subjects[0], "subjects_to": wanted.subjects[1]}
    if wanted.outcome == "done":
        where.append("o.outcome IS NULL")
    elif wanted.outcome:
        where.append("o.outcome = %(outcome)s")
        values["outcome"] = wanted.outcome
    if wanted.since is not None:
        where.append("o.at >= %(since)s")
        values["since"] = stamp(wanted.since)
    if wanted.until is not None:
        where.append("o.at < %(until)s")
        values["until"] = stamp(wanted.until)
    if wanted.least_bytes is not None:
        where.append("o.bytes >= %(bytes)s")
        values["bytes"] = wanted.least_bytes
    if wanted.accounts_only:
        where.append("o.subject >= 'account:' AND o.subject < 'account;'")
    return where, values


def _found(row: Mapping[str, Any]) -> Found:
    fields = {name: value for name, (_, value) in read_openings(row["openings"]).opened.items()}
    return Found(
        entry=row["entry"],
        at=read_stamp(row["at"]),
        agency=row["agency"],
        actor=row["actor"],
        act=row["act"],
        subject=row["subject"],
        outcome=row["outcome"] or "done",
        source=row["source"],
        door=row["door"],
        bytes=row["bytes"],
        index=row["index"],
        detail={name: value for name, value in fields.items() if name not in _APART},
    )
