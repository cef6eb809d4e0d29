"""Who are the people of a personnel table: where do they belong, since when and until when, and since when are they trained?

For `reconcile`, which has no roster. What the table does not say stays unknown; docs/formats/mapping.md has its mapping.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from lapel.activation.happening import ALL_UNKNOWN
from lapel.activation.instants import DAY_US, Clock
from lapel.activation.mapping import Column
from lapel.activation.mapping_text import Reader, reader_of
from lapel.activation.match import Codes
from lapel.activation.reading import Rejected
from lapel.activation.ruling import NO, UNKNOWN, YES, camera_code
from lapel.base.digest import sha256_hex
from lapel.base.errors import Invalid
from lapel.policy.document import clip
from lapel.storage import tables
from lapel.storage.tables import Layout

KEYS = (
    "mapping",
    "version",
    "source",
    "file",
    "times",
    "empty",
    "id",
    "group",
    "from",
    "until",
    "trained",
    "note",
)
_UTC = ZoneInfo("UTC")
_DAY_0 = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class PeopleMapping:
    """What the columns of a personnel table mean. Days are days; no zone is needed."""

    source: str
    file: str
    sha256: str
    layout: Layout
    formats: tuple[str, ...]
    empty: frozenset[str]
    id: Column
    group: Column
    first: Column
    last: Column
    trained: Column


@dataclass(frozen=True, slots=True)
class Person:
    """A person. Days counted from 1970: the first and the last of their service, and that of their training; None: not said."""

    group: str = ""
    first_on: int | None = None
    last_on: int | None = None
    trained_on: int | None = None


@dataclass(slots=True)
class People:
    """The table as read; `known`: by the number that recordings and events name people by."""

    mapping: PeopleMapping
    file: str
    sha256: str
    known: dict[str, Person] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    count: int = 0
    blank: int = 0

    def group(self, badge: str) -> str:
        """Where somebody belongs; “” if the table does not say."""
        person = self.known.get(badge)
        return person.group if person else ""


def read_people_mapping(text: str, file: str) -> PeopleMapping:
    """The mapping in a text. Raises `Invalid` with file, line and column."""
    said: Reader = reader_of(text, file, "people", KEYS)
    return PeopleMapping(
        said.word("source"), file, sha256_hex(text.encode()), said.layout(), tuple(t.value for t in said.texts("times")),
        frozenset({"", *(t.value.casefold() for t in said.texts("empty"))}), said.column("id", needed=True),
        said.column("group"), said.column("from"), said.column("until"), said.column("trained"),
    )  # fmt: skip


def read_people(path: Path, mapping: PeopleMapping) -> People:
    """Everybody in a table; a number that stands there twice counts as it stood first. Raises `NotFound` and `Invalid`."""
    found = People(mapping, path.name, tables.digest(path))
    clock = Clock(_UTC, offsets_ignored=True, formats=mapping.formats)
    with tables.opened(path, mapping.layout) as table:
        named = (mapping.id, mapping.group, mapping.first, mapping.last, mapping.trained)
        missing = [
            name for column in named for name in column.names if table.columns and name not in table.columns
        ]
        if missing:
            raise Invalid(
                f"it has no column “{clip(missing[0])}”, which {mapping.file} names.",
                next_step=f"Its columns are: {clip(', '.join(table.columns), 400)}.",
            )
        for row in table:
            try:
                if row.defect:
                    raise Invalid(row.defect)
                badge = mapping.id.of(row.cells)
                if badge.casefold() in mapping.empty:
                    raise Invalid("it names nobody")
                if badge in found.known:
                    raise Invalid(f"{clip(badge)} stands here twice; the first one counts")
                group = mapping.group.of(row.cells)
                days = (
                    _day(column.of(row.cells), mapping, clock)
                    for column in (mapping.first, mapping.last, mapping.trained)
                )
                found.known[badge] = Person("" if group.casefold() in mapping.empty else group, *days)
            except Invalid as error:
                found.rejected.append(Rejected(row.number, error.says.rstrip("."), row.cells))
        found.count, found.blank = table.count, table.blank
    return found


def _day(text: str, mapping: PeopleMapping, clock: Clock) -> int | None:
    return None if text.casefold() in mapping.empty else clock.read(text).us // DAY_US


def cameras(people: People | None, parts: Iterable[tuple[str, int]]) -> Codes:
    """The camera facts of each (badge, day): whether that person was trained by then, if the table says; else unknown."""
    if people is None:
        return np.full(len(list(parts)), ALL_UNKNOWN, np.int32)
    codes = []
    for badge, day in parts:
        person = people.known.get(badge)
        trained = (
            UNKNOWN
            if person is None or person.trained_on is None
            else YES
            if person.trained_on <= day
            else NO
        )
        codes.append(camera_code(UNKNOWN, UNKNOWN, trained))
    return np.array(codes, np.int32)


def doubts(people: People, what: str, rows: Iterable[tuple[str, int]]) -> list[str]:
    """What does not fit: people the table does not know, and time outside of their service. `rows`: (badge, day)."""
    strangers: dict[str, int] = {}
    outside: dict[str, int] = {}
    for badge, day in rows:
        person = people.known.get(badge)
        if person is None:
            strangers[badge] = strangers.get(badge, 0) + 1
        elif _outside(person, day):
            outside[badge] = outside.get(badge, 0) + 1
    found = []
    if strangers:
        found.append(
            f"{len(strangers):,} people of the {what} ({sum(strangers.values()):,} rows) are not in {people.file};"
            " they count all the same."
        )
    if outside:
        found.append(
            f"{len(outside):,} people have {what} ({sum(outside.values()):,} rows) before the first or after the last day"
            f" that {people.file} gives for them; they count all the same."
        )
    return found


def _outside(person: Person, day: int) -> bool:
    first, last = person.first_on, person.last_on
    return (first is not None and day < first) or (last is not None and day > last)
