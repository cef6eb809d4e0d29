"""Which recordings does somebody mean? Filters, pages of a list, and one field that understands what is typed into it."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from lapel.access.actor import Reach
from lapel.base.clock import read_stamp
from lapel.base.errors import Invalid
from lapel.base.ids import is_id, read_number
from lapel.cases import store as cases
from lapel.storage.postgres import Connection

PAGE_ROWS = 50
MAX_ROWS = 5000


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; empty means everything. Dates are days of `zone`, both included.

    `wearer` is a badge number, `camera` a serial number, `office` and `category` are names; `none` as a category means
    that none was chosen yet.
    """

    reach: Reach
    office: str = ""
    wearer: str = ""
    camera: str = ""
    category: str = ""
    first_day: date | None = None
    last_day: date | None = None
    text: str = ""
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page of the list ended: the last row's time and id."""

    at: datetime
    id: str

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(f"{self.at.isoformat()} {self.id}".encode()).decode().rstrip("=")


def read_position(text: str) -> Position:
    """The position in an address. Raises `Invalid` when it is none of ours."""
    try:
        plain = base64.urlsafe_b64decode(text[:120] + "=" * (-len(text[:120]) % 4)).decode()
        at, _, row_id = plain.partition(" ")
        if not is_id(row_id):
            raise Invalid("")
        return Position(read_stamp(at), row_id)
    except (binascii.Error, ValueError, Invalid):
        raise Invalid(
            "This is not a place in the list.", next_step="Go back to the list's first page."
        ) from None


# As CASE and not COALESCE: only so does a place in the list become a place in an index (migration 0028).
AT = "CASE WHEN r.started_at IS NULL THEN r.announced_at ELSE r.started_at END"
_SELECT = f"""
SELECT r.id, r.number, r.agency, r.state, r.source, r.started_at, r.ended_at, r.announced_at, r.flags,
       {AT} AS at,
       o.name AS office, w.badge, w.external_id AS wearer_external, w.id AS wearer_id, c.serial AS camera,
       k.name AS category, s.name AS suggested_category, r.note,
       f.clips, f.bytes, f.duration_ms, f.unreadable
FROM recording r
LEFT JOIN office o ON o.id = r.office
LEFT JOIN officer w ON w.id = r.wearer
LEFT JOIN camera c ON c.id = r.camera
LEFT JOIN category k ON k.id = r.category
LEFT JOIN category s ON s.id = r.suggested_category
LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE x.kind = 'clip' AND NOT x.beside) AS clips,
           COALESCE(sum(x.size_bytes), 0)::bigint AS bytes,
           sum(COALESCE((x.inspection->>'duration_ms')::bigint,
                        (1000 * extract(epoch FROM x.ended_at - x.started_at))::bigint))
               FILTER (WHERE x.kind = 'clip' AND NOT x.beside)::bigint AS duration_ms,
           count(*) FILTER (WHERE x.state IN ('unreadable', 'fault')) AS unreadable
    FROM original x WHERE x.recording = r.id) f ON true
"""  # noqa: S608  our own text
_ORDER = f" ORDER BY {AT} DESC, r.id DESC LIMIT %(limit)s"


def find(
    conn: Connection, filters: Filters, after: Position | None = None, limit: int = PAGE_ROWS
) -> tuple[list[dict[str, Any]], Position | None]:
    """Up to `limit` rows of the list, newest first, and where the next ones begin (None: that was all)."""
    where, values = _where(filters)
    if after is not None:
        where.append(f"({AT}, r.id) < (%(after_at)s, %(after_id)s::text)")
        values |= {"after_at": after.at, "after_id": after.id}
    query = _SELECT + " WHERE " + " AND ".join(where) + _ORDER
    rows = conn.execute(query.encode(), {**values, "limit": limit + 1}).fetchall()
    if len(rows) <= limit:
        return rows, None
    rows = rows[:limit]
    return rows, Position(rows[-1]["at"], rows[-1]["id"])


def by_ids(conn: Connection, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The same rows for these recordings, by id."""
    query = _SELECT + " WHERE r.id = ANY(%s::text[])"
    return {row["id"]: row for row in conn.execute(query.encode(), (list(ids),))}


def within(reach: Reach) -> tuple[str, dict[str, Any]]:
    """The condition, with its values, that keeps a query of `recording r` to what somebody's lists hold."""
    values: dict[str, Any] = {
        "agencies": list(reach.agencies),
        "whole": list(reach.whole),
        "offices": list(reach.offices),
        "wearers": list(reach.wearers),
    }
    if reach.whole == reach.agencies:
        return "r.agency = ANY(%(agencies)s::text[])", values
    some = [
        clause
        for clause, given in (
            ("r.agency = ANY(%(whole)s::text[])", reach.whole),
            ("r.office = ANY(%(offices)s::text[])", reach.offices),
            ("r.wearer = ANY(%(wearers)s::text[])", reach.wearers),
        )
        if given
    ]
    return f"r.agency = ANY(%(agencies)s::text[]) AND ({' OR '.join(some) or 'false'})", values


def _where(filters: Filters) -> tuple[list[str], dict[str, Any]]:
    clause, values = within(filters.reach)
    where = [clause]
    for clause, value in (
        ("o.name = %(office)s", filters.office),
        ("w.badge = %(wearer)s", filters.wearer),
        ("c.serial = %(camera)s", filters.camera),
    ):
        if value:
            where.append(clause)
            values[clause.split("%(")[1].split(")")[0]] = value
    if filters.category == "none":
        where.append("r.category IS NULL")
    elif filters.category:
        where.append("k.name = %(category)s")
        values["category"] = filters.category
    zone = ZoneInfo(filters.zone)
    if filters.first_day:
        where.append(f"{AT} >= %(from)s")
        values["from"] = datetime.combine(filters.first_day, time(), zone)
    if filters.last_day and filters.last_day < date.max:
        where.append(f"{AT} < %(to)s")
        values["to"] = datetime.combine(filters.last_day + timedelta(days=1), time(), zone)
    if filters.text:
        where.append("r.id IN (SELECT recordings_with_words(%(text)s))")
        values["text"] = filters.text
    return where, values


@dataclass(frozen=True, slots=True)
class Meant:
    """What was typed into the search field: one recording by its number, cases by theirs, or filters for the list.

    `cases`: agency and number of each; two agencies may have given the same number.
    """

    number: str | None = None
    cases: tuple[tuple[str, str], ...] = ()
    wearer: str = ""
    camera: str = ""
    day: date | None = None
    last_day: date | None = None
    text: str = ""


_DAY_FORMS = ("%Y-%m-%d", "%m/%d/%Y", "%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%d %b %Y")


def understand(conn: Connection, typed: str) -> Meant:
    """A recording's number, a case's number, a badge number, a camera's serial number, a day or a month, or words; in this order."""
    typed = " ".join(typed.replace("\0", " ").split())[:200]
    number = read_number(typed)
    if number and conn.execute("SELECT FROM recording WHERE number = %s", (number,)).fetchone() is not None:
        return Meant(number=number)
    found = cases.cases_numbered(conn, typed)
    if found:
        return Meant(cases=tuple((case.agency, case.number) for case in found))
    if conn.execute("SELECT FROM officer WHERE badge = %s LIMIT 1", (typed,)).fetchone() is not None:
        return Meant(wearer=typed)
    camera = conn.execute(
        "SELECT serial FROM camera WHERE upper(serial) = upper(%s) LIMIT 1", (typed,)
    ).fetchone()
    if camera is not None:
        return Meant(camera=camera["serial"])
    days = read_days(typed)
    if days is not None:
        return Meant(day=days[0], last_day=days[1])
    return Meant(text=typed)


def read_days(typed: str) -> tuple[date, date] | None:
    """The first and last day of what a person wrote as a day or a month (`2026-11-24`, `11/24/2026`, `2026-11`), or None."""
    for form in _DAY_FORMS:
        try:
            day = datetime.strptime(typed, form).date()  # noqa: DTZ007  a day has no zone
        except ValueError:
            continue
        return day, day
    month = re.fullmatch(r"(\d{4})-(\d{2})", typed)
    if month and 1 <= int(month[2]) <= 12 and 1 <= int(month[1]) < 9999:
        first = date(int(month[1]), int(month[2]), 1)
        return first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return None
