"""What does a mapping file say? YAML text in, a typed mapping out; every fault names file, line, column and the nearest word."""

from __future__ import annotations

from collections.abc import Mapping as Named
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lapel.activation.mapping import Column, LeftOut, Mapping, Phase, Rule, What
from lapel.base.errors import Invalid
from lapel.policy.document import (
    Fields,
    Items,
    Node,
    Place,
    Text,
    fields_of,
    items_of,
    nearest,
    read,
    text_of,
    texts_of,
)
from lapel.storage.tables import Layout

VERSION = "1"
HOUR_US = 3_600_000_000
UNITS = {"seconds": 1_000_000, "minutes": 60_000_000, "hours": HOUR_US, "days": 24 * HOUR_US}
_LAYOUT = {"format": "format", "encoding": "encoding", "delimiter": "delimiter", "sheet": "sheet", "skip rows": "skip_rows", "header rows": "header_rows", "records": "records"}  # fmt: skip
_BOTH = (
    "mapping", "version", "source", "file", "zone", "offsets", "days", "times", "empty", "id", "group", "begins", "ends",
    "lasts", "longest", "leave out", "note", "most rejected",
)  # fmt: skip
KEYS: Named[str, tuple[str, ...]] = {
    "recordings": (*_BOTH, "wearer", "camera", "pre-event buffer", "cap"),
    "events": (*_BOTH, "officers", "kind", "facts", "phases", "shown by"),
}


def read_mapping(text: str, file: str, what: What) -> Mapping:
    """The mapping in a text. Raises `Invalid` with file, line and column."""
    return reader_of(text, file, what, KEYS[what]).mapping(what)


def reader_of(text: str, file: str, what: str, keys: tuple[str, ...]) -> Reader:
    """A mapping of what is wanted, opened: its kind, its keys and its version are right. Raises `Invalid`."""
    found = Reader(read(text, file), file, text)
    said = found.word("mapping")
    if said != what:
        raise found.place("mapping").fault(
            f"this is a mapping of {said}, not of {what}.", "Give the other file."
        )
    found.fields.only(keys)
    if found.word("version") != VERSION:
        raise found.place("version").fault("this version is not known.", f"Write version: {VERSION}.")
    return found


@dataclass(frozen=True, slots=True)
class Reader:
    """The keys of one mapping, read one at a time."""

    fields: Fields
    file: str
    text: str

    def place(self, key: str) -> Place:
        return self.fields.keys.get(key, self.fields.place)

    def word(self, key: str, default: str | None = None) -> str:
        node = self.fields.entries.get(key)
        return default if node is None and default is not None else text_of(node, self.place(key), key).value

    def mapping(self, what: What) -> Mapping:
        zone = self.zone("zone")
        who = "wearer" if what == "recordings" else "officers"
        lasts, lasts_us = self.lasts()
        if "ends" in self.fields.entries and lasts.names:
            raise self.place("lasts").fault(
                "ends and a column for lasts are both given.", "Keep one of the two."
            )
        return Mapping(
            what, self.word("source"), self.file, self.text, self.layout(), zone,
            self.zone("days") if "days" in self.fields.entries else zone,
            self.one("offsets", ("as written", "ignored"), "as written") == "ignored",
            tuple(t.value for t in self.texts("times")),
            frozenset({"", *(t.value.casefold() for t in self.texts("empty"))}),
            self.column("id"), self.column(who), self.column("group"), self.column("camera"),
            self.column("begins", needed=True), self.column("ends"), lasts, lasts_us,
            self.length("longest", 48 * HOUR_US if what == "events" else 24 * HOUR_US),
            self.length("pre-event buffer", 0), self.length("cap", 0), self.share(),
            self.rule("kind", self.fields.entries.get("kind")) if "kind" in self.fields.entries
            else Rule("kind", self.fields.place, constant="event"),
            self.rules(self.fields.entries.get("facts"), self.place("facts")), self.phases(), self.left_out(),
            self.column("shown by"),
        )  # fmt: skip

    def one(self, key: str, allowed: tuple[str, ...], default: str) -> str:
        word = self.word(key, default)
        if word not in allowed:
            raise self.place(key).fault(f"“{word}” cannot stand after {key}.", nearest(word, allowed))
        return word

    def texts(self, key: str) -> tuple[Text, ...]:
        node = self.fields.entries.get(key)
        return () if node is None else texts_of(node, self.place(key), key)

    def zone(self, key: str) -> ZoneInfo:
        name = self.word(key)
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise self.place(key).fault(
                f"“{name[:40]}” is no time zone.", "Write it like America/Chicago."
            ) from None

    def layout(self) -> Layout:
        node = self.fields.entries.get("file")
        if node is None:
            return Layout()
        fields = fields_of(node, self.place("file"), "file")
        fields.only(tuple(_LAYOUT))
        said: dict[str, str | int] = {}
        for key, value in fields:
            text = text_of(value, fields.keys[key], key)
            number = key in ("skip rows", "header rows")
            said[_LAYOUT[key]] = whole(text, key) if number else text.value.replace("\\t", "\t")
        try:
            return Layout(**said)  # type: ignore[arg-type]
        except Invalid as error:
            raise self.place("file").fault(error.says, error.next_step) from None

    def column(self, key: str, *, needed: bool = False) -> Column:
        node = self.fields.entries.get(key)
        if node is None:
            if needed:
                raise self.fields.place.fault(f"{key} is missing.", "Name the column.")
            return Column()
        return column_of(node, self.place(key), key)

    def length(self, key: str, default: int) -> int:
        node = self.fields.entries.get(key)
        return default if node is None else length_of(node, self.place(key), key)

    def lasts(self) -> tuple[Column, int]:
        """The column with the length and its unit, or a length that is assumed."""
        node = self.fields.entries.get("lasts")
        if node is None:
            return Column(), 0
        fields = fields_of(node, self.place("lasts"), "lasts")
        if "column" not in fields.entries:
            return Column(), length_of(node, self.place("lasts"), "lasts")
        fields.only(("column", "unit"))
        unit = text_of(fields.entries.get("unit"), fields.place, "unit")
        if unit.value not in UNITS:
            raise unit.place.fault(f"“{unit.value}” is no unit.", nearest(unit.value, UNITS))
        return column_of(fields.entries["column"], fields.place, "column"), UNITS[unit.value]

    def share(self) -> float:
        word = self.word("most rejected", "50 %")
        number = word.removesuffix("%").strip()
        if not number.isdigit() or int(number) > 100:
            raise self.place("most rejected").fault(f"“{word}” is no share.", "Write it like 20 %.")
        return int(number) / 100

    def rules(self, node: Node | None, place: Place) -> tuple[Rule, ...]:
        if node is None:
            return ()
        return tuple(self.rule(name, inner) for name, inner in fields_of(node, place, "facts"))

    def rule(self, name: str, node: Node | None) -> Rule:
        if isinstance(node, Text):
            return Rule(name, node.place, constant=node.value)
        if isinstance(node, Items):
            members = texts_of(node, node.place, name)
            return Rule(name, node.place, constant="|".join(t.value for t in members) or "-")
        fields = fields_of(node, self.fields.place, name)
        fields.only(("column", "values", "separated by"))
        column = column_of(fields.entries.get("column"), fields.place, "column")
        cut = fields.entries.get("separated by")
        if cut is not None:
            column = Column(column.names, text_of(cut, fields.place, "separated by").value)
        return Rule(name, fields.place, column, values=self.values(fields))

    def values(self, fields: Fields) -> dict[str, str]:
        node = fields.entries.get("values")
        if node is None:
            return {}
        found: dict[str, str] = {}
        for said, means in fields_of(node, fields.place, "values"):
            if said.casefold() in found:
                raise means.place.fault(f"“{said[:40]}” has two meanings.", "Keep one of the two.")
            texts = texts_of(means, fields.place, "what it means")
            found[said.casefold()] = "|".join(t.value for t in texts if t.value != "unknown")
        return found

    def phases(self) -> tuple[Phase, ...]:
        found = []
        for node in items_of(self.fields.entries.get("phases"), self.place("phases"), "phases"):
            fields = fields_of(node, node.place, "a phase")
            fields.only(("at", "after", "facts"))
            if ("at" in fields.entries) == ("after" in fields.entries):
                raise fields.place.fault(
                    "a phase begins `at` a column's time or `after` a length.", "Give one of the two."
                )
            at, after = fields.entries.get("at"), fields.entries.get("after")
            found.append(
                Phase(
                    column_of(at, fields.place, "at") if at is not None else Column(),
                    length_of(after, fields.place, "after") if after is not None else 0,
                    self.rules(fields.entries.get("facts"), fields.place),
                )
            )
        return tuple(found)

    def left_out(self) -> tuple[LeftOut, ...]:
        found = []
        for node in items_of(self.fields.entries.get("leave out"), self.place("leave out"), "leave out"):
            fields = fields_of(node, node.place, "what is left out")
            fields.only(("column", "is", "says"))
            cells = texts_of(fields.entries.get("is"), fields.place, "is")
            found.append(
                LeftOut(
                    column_of(fields.entries.get("column"), fields.place, "column"),
                    frozenset(t.value.casefold() for t in cells),
                    text_of(fields.entries.get("says"), fields.place, "says").value,
                )
            )
        return tuple(found)


def column_of(node: Node | None, place: Place, what: str) -> Column:
    """One name, a list of names, {either: a list of names}, or {column, separated by}."""
    if isinstance(node, Fields) and "either" in node.entries:
        node.only(("either",))
        names = texts_of(node.entries["either"], node.place, "either")
        return Column(tuple(t.value for t in names), either=True)
    if isinstance(node, Fields):
        node.only(("column", "separated by"))
        inner = column_of(node.entries.get("column"), node.place, what)
        return Column(
            inner.names, text_of(node.entries.get("separated by"), node.place, "separated by").value
        )
    return Column(tuple(t.value for t in texts_of(node, place, what)))


def length_of(node: Node, place: Place, what: str) -> int:
    """{minutes: 30} in microseconds."""
    fields = fields_of(node, place, what)
    fields.only(tuple(UNITS))
    return sum(whole(text_of(n, fields.place, unit), unit) * UNITS[unit] for unit, n in fields)


def whole(text: Text, what: str) -> int:
    """A whole number of at most nine digits."""
    if not (text.value.isascii() and text.value.isdigit() and len(text.value) < 10):
        raise text.place.fault(f"“{text.value[:20]}” is no number of {what}.", "Write a whole number.")
    return int(text.value)
