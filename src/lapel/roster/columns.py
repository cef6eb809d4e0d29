"""Which cell of a row is meant? The parts that the mappings of the roster and of the cameras share; docs/formats/roster-mapping.md.

No I/O. Every fault names file, line and column, as the policy language does, because it is read the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from lapel.base.digest import sha256_hex
from lapel.base.errors import Invalid
from lapel.policy.document import Fields, Node, Place, Text, fields_of, nearest, read, text_of, texts_of
from lapel.storage.tables import Layout, is_formula

VERSION = "1"
MOST_CHARACTERS = 200
_LAYOUT = {
    "format": "format", "encoding": "encoding", "delimiter": "delimiter", "sheet": "sheet", "skip rows": "skip_rows",
    "header rows": "header_rows", "records": "records",
}  # fmt: skip
SHARED = ("mapping", "version", "source", "agency", "file", "dates", "empty", "as of", "note")


@dataclass(frozen=True, slots=True)
class Cell:
    """What a row says of one thing: its columns joined by a space, through `values` (lower case) where the mapping has
    them; without a column, always `constant`. `given`: the mapping speaks of it at all."""

    names: tuple[str, ...] = ()
    constant: str = ""
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def given(self) -> bool:
        return bool(self.names or self.constant)

    def of(self, cells: Mapping[str, str], empty: frozenset[str]) -> str:
        """The text; “” for nothing. Raises `Invalid` for a formula, a text that is too long, or one that `values` lacks."""
        if not self.names:
            return self.constant
        said = " ".join(part for name in self.names if (part := " ".join(cells.get(name, "").split())))
        if said.casefold() in empty:
            return ""
        if is_formula(said) or len(said) > MOST_CHARACTERS:
            raise Invalid(f"“{said[:30]}” in {' + '.join(self.names)} is no name or number")
        if not self.values:
            return said
        if said.casefold() not in self.values:
            raise Invalid(f"the mapping does not say what “{said[:30]}” in {' + '.join(self.names)} means")
        return self.values[said.casefold()]


@dataclass(frozen=True, slots=True)
class Shared:
    """What every such mapping says: where the table lies, how its days are written, which cells count as empty, of which
    agency its rows are, and the day it speaks of."""

    source: str
    file: str
    text: str
    layout: Layout
    agency: Cell
    dates: tuple[str, ...]
    empty: frozenset[str]
    as_of: date

    @property
    def sha256(self) -> str:
        return sha256_hex(self.text.encode())

    def day(self, cell: Cell, cells: Mapping[str, str]) -> date | None:
        """The day in a cell, None for nothing. Raises `Invalid` for what is none."""
        said = cell.of(cells, self.empty)
        return read_day(said, self.dates) if said else None


def read_day(said: str, formats: tuple[str, ...] = ()) -> date:
    """A day: ISO 8601 (what a spreadsheet gives, also with a time at midnight), or in one of the formats. Raises `Invalid`."""
    found: date | None = None
    try:
        found = date.fromisoformat(said.removesuffix("T00:00:00").removesuffix(" 00:00:00"))
    except ValueError:
        for one in formats:
            try:
                found = datetime.strptime(said, one).date()  # noqa: DTZ007  a day has no zone
                break
            except ValueError:
                continue
    if found is None or not date(1900, 1, 1) <= found < date(2200, 1, 1):
        raise Invalid(f"“{said[:30]}” is no day that the mapping can read")
    return found


def open_mapping(text: str, file: str, what: str, keys: tuple[str, ...]) -> tuple[Fields, Shared]:
    """A mapping's fields, and what every mapping says. Raises `Invalid` with file, line and column."""
    fields = read(text, file)
    said = word(fields, "mapping")
    if said != what:
        raise place(fields, "mapping").fault(f"this is a mapping of {said}, not of {what}.", "Give the other file.")  # fmt: skip
    fields.only((*SHARED, *keys))
    if word(fields, "version") != VERSION:
        raise place(fields, "version").fault("this version is not known.", f"Write version: {VERSION}.")
    agency = cell(fields, "agency")
    if not agency.given:
        raise fields.place.fault("agency is missing.", "Write its short name, or the column.")
    try:
        as_of = read_day(word(fields, "as of"))
    except Invalid as error:
        raise place(fields, "as of").fault(f"{error.says}.", "Write it like 2026-11-01.") from None
    shared = Shared(
        word(fields, "source"), file, text, _layout(fields), agency, _words(fields, "dates"),
        frozenset({"", *(one.casefold() for one in _words(fields, "empty"))}), as_of,
    )  # fmt: skip
    return fields, shared


def place(fields: Fields, key: str) -> Place:
    """Where a key stands, or what it is missing from."""
    return fields.keys.get(key, fields.place)


def word(fields: Fields, key: str, default: str | None = None) -> str:
    """The text after a key. Raises `Invalid` when there is none and no default."""
    node = fields.entries.get(key)
    return default if node is None and default is not None else text_of(node, place(fields, key), key).value


def yes(fields: Fields, key: str) -> bool:
    """`yes` or `no`; no when nothing is said. Raises `Invalid`."""
    said = word(fields, key, "no")
    if said not in ("yes", "no"):
        raise place(fields, key).fault(f"“{said[:20]}” is neither yes nor no.", "Write yes or no.")
    return said == "yes"


def cell(fields: Fields, key: str, *, constant: bool | None = None) -> Cell:
    """What stands under a key: a column, a list of columns, or {column, values, always}.

    A lone word under `agency` is always that agency; elsewhere it is a column. `constant` says otherwise.
    """
    node = fields.entries.get(key)
    if node is None:
        return Cell()
    if isinstance(node, Fields):
        node.only(("column", "values", "always"))
        if "always" in node.entries:
            return Cell(constant=word(node, "always"))
        names = _names(node.entries.get("column"), node.place, "column")
        return Cell(names, values=_values(node))
    lone = constant if constant is not None else key == "agency"
    return (
        Cell(constant=node.value)
        if lone and isinstance(node, Text)
        else Cell(_names(node, place(fields, key), key))
    )


def columns_are_there(cells: list[Cell], there: tuple[str, ...], file: str, mapping: str) -> None:
    """Raises `Invalid` for a column that the mapping names and the table does not have."""
    missing = [name for one in cells for name in one.names if name not in there]
    if missing and there:
        near = nearest(missing[0], there)
        raise Invalid(
            f"{file} has no column “{missing[0][:40]}”, which {mapping} names.",
            next_step=f"{near} Its columns are: {', '.join(there)[:400]}. Has the heading more than one row? Say header rows: 2.",
        )


def _names(node: Node | None, where: Place, what: str) -> tuple[str, ...]:
    return tuple(one.value for one in texts_of(node, where, what))


def _values(fields: Fields) -> dict[str, str]:
    node = fields.entries.get("values")
    if node is None:
        return {}
    return {
        said.casefold(): text_of(means, fields.place, said).value
        for said, means in fields_of(node, fields.place, "values")
    }


def _words(fields: Fields, key: str) -> tuple[str, ...]:
    node = fields.entries.get(key)
    return () if node is None else _names(node, place(fields, key), key)


def _layout(fields: Fields) -> Layout:
    node = fields.entries.get("file")
    if node is None:
        return Layout()
    inner = fields_of(node, place(fields, "file"), "file")
    inner.only(tuple(_LAYOUT))
    said: dict[str, Any] = {}
    for key, value in inner:
        text = text_of(value, inner.keys[key], key)
        if key in ("skip rows", "header rows"):
            if not text.value.isascii() or not text.value.isdigit() or len(text.value) > 4:
                raise text.place.fault(f"“{text.value[:20]}” is no number of rows.", "Write a whole number.")
            said[_LAYOUT[key]] = int(text.value)
        else:
            said[_LAYOUT[key]] = text.value.replace("\\t", "\t")
    try:
        return Layout(**said)
    except Invalid as error:
        raise place(fields, "file").fault(error.says, error.next_step) from None
