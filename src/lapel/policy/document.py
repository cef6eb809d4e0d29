"""What does this YAML text say, word by word, and where does each word stand?

Everything is a string: YAML 1.1 would turn `no` into False and `2023-05-22` into a date. Anchors, tags, second
documents and doubled keys are refused, and so is depth: the tree is built from events with a stack of our own.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from lapel.base.errors import Invalid

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 12
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a word stands: file, line and column (both from 1), and the clause around it, if any."""

    file: str
    line: int
    column: int
    clause: str = ""

    def inside(self, clause: str) -> Place:
        return Place(self.file, self.line, self.column, clause)

    def fault(self, says: str, next_step: str = "") -> Invalid:
        """The error to raise about what stands here: one line."""
        around = f", clause {self.clause}" if self.clause else ""
        return Invalid(
            f"{self.file}:{self.line}:{self.column}{around}: {says}",
            next_step=next_step,
            file=self.file,
            line=self.line,
            column=self.column,
            clause=self.clause,
        )


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar. `offset`: columns between its place and its first character, or None when it is folded or escaped."""

    value: str
    place: Place
    offset: int | None = 0


@dataclass(frozen=True, slots=True)
class Items:
    """A sequence."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping whose keys are texts, each once, in the order written."""

    entries: dict[str, Node]
    keys: dict[str, Place]
    place: Place

    def __iter__(self) -> Iterator[tuple[str, Node]]:
        return iter(self.entries.items())

    def only(self, allowed: Collection[str], clause: str = "") -> None:
        """Raises `Invalid` for a key that is not allowed, with the nearest one."""
        for key, place in self.keys.items():
            if key not in allowed:
                at = place.inside(clause) if clause else place
                raise at.fault(f"the key “{clip(key)}” is not known here.", nearest(key, allowed))


Node = Text | Items | Fields


def clip(text: str, most: int = 40) -> str:
    """A text as it may stand in a one-line message."""
    line = " ".join(text.split())
    line = "".join(c if c.isprintable() else "?" for c in line)
    return line if len(line) <= most else line[: most - 1] + "…"


def nearest(word: str, known: Collection[str]) -> str:
    """“Did you mean …?”, or the whole list when it is short, or nothing."""
    close = difflib.get_close_matches(word[:60], list(known), n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]}?"
    return f"Known: {', '.join(known)}." if 0 < len(known) <= 16 else ""


@dataclass(slots=True)
class _Open:
    """A collection being read; `key` is the key that waits for its value."""

    place: Place
    mapping: bool
    items: list[Node]
    entries: dict[str, Node]
    keys: dict[str, Place]
    key: Text | None = None


def read(text: str, file: str) -> Fields:
    """The one mapping that a text holds. Raises `Invalid` with file, line and column."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise Place(file, 1, 1).fault(
            "the file is larger than 4 MiB.", "Split it, or look for what filled it."
        )
    try:
        node = _tree(text, file)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
        raise place.fault(
            f"not YAML: {clip(error.problem or 'unreadable', 80)}.", "Quote the text."
        ) from None
    except (yaml.YAMLError, UnicodeError, ValueError) as error:
        raise Place(file, 1, 1).fault(
            f"not YAML: {clip(str(error), 80)}.", "Save it as UTF-8 text."
        ) from None
    if not isinstance(node, Fields):
        raise Place(file, 1, 1).fault(
            "the file is not a mapping of keys to values.", "Start with a key such as policy:"
        )
    return node


def _tree(text: str, file: str) -> Node | None:
    stack: list[_Open] = []
    root: Node | None = None
    documents = 0
    for event in yaml.parse(text, Loader=_LOADER):
        place = _place(event, file)
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise place.fault(
                    "a second document begins here.", "One file holds one document: remove the ---."
                )
        _plain(event, place)
        node: Node | None = None
        if isinstance(event, yaml.ScalarEvent):
            node = _text(event, place)
        elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            if len(stack) >= MAX_DEPTH:
                raise place.fault(
                    f"nested deeper than {MAX_DEPTH}.", "A directive needs no such depth: flatten it."
                )
            stack.append(_Open(place, isinstance(event, yaml.MappingStartEvent), [], {}, {}))
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            done = stack.pop()
            node = (
                Fields(done.entries, done.keys, done.place)
                if done.mapping
                else Items(tuple(done.items), done.place)
            )
        if node is None:
            continue
        if stack:
            _hang(stack[-1], node)
        else:
            root = node
    return root


def _place(event: Any, file: str) -> Place:
    return Place(file, event.start_mark.line + 1, event.start_mark.column + 1)


def _plain(event: Any, place: Place) -> None:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        raise place.fault("anchors and aliases are not allowed.", "Write the value out.")
    if getattr(event, "tag", None) and not isinstance(event, yaml.DocumentStartEvent):
        raise place.fault(
            f"the tag {clip(str(event.tag))} is not allowed.", "Every value is a plain text: remove the tag."
        )


def _text(event: Any, place: Place) -> Text:
    one_line = event.start_mark.line == event.end_mark.line
    width = event.end_mark.column - event.start_mark.column
    quoted = event.style in {"'", '"'}
    straight = one_line and event.style in {None, "", "'", '"'} and len(event.value) == width - 2 * quoted
    return Text(event.value, place, int(quoted) if straight else None)


def _hang(parent: _Open, node: Node) -> None:
    if not parent.mapping:
        parent.items.append(node)
    elif parent.key is None:
        if not isinstance(node, Text):
            raise node.place.fault("a key has to be a word.", "Quote a condition that begins with a bracket.")
        if node.value in parent.entries:
            raise node.place.fault(
                f"the key “{clip(node.value)}” stands here twice.", "Remove one of the two."
            )
        parent.key = node
    else:
        parent.entries[parent.key.value] = node
        parent.keys[parent.key.value] = parent.key.place
        parent.key = None


def text_of(node: Node | None, place: Place, what: str) -> Text:
    """The node as one text; `place` is where it would stand if it is missing."""
    if isinstance(node, Text):
        return node
    if node is None:
        raise place.fault(f"{what} is missing.", "Add it.")
    raise node.place.fault(
        f"{what} has to be one text, not a list or a mapping.", "Quote it if it holds brackets or braces."
    )


def texts_of(node: Node | None, place: Place, what: str) -> tuple[Text, ...]:
    """The node as a list of texts (one text counts as a list of one)."""
    if isinstance(node, Text):
        return (node,)
    if isinstance(node, Items):
        return tuple(text_of(item, place, f"each of {what}") for item in node.items)
    raise (node.place if node else place).fault(f"{what} has to be a list.", "Write it as [a, b].")


def fields_of(node: Node | None, place: Place, what: str) -> Fields:
    """The node as a mapping."""
    if isinstance(node, Fields):
        return node
    raise (node.place if node else place).fault(f"{what} has to be a mapping.", "Write it as key: value.")


def items_of(node: Node | None, place: Place, what: str) -> tuple[Node, ...]:
    """The node as a list; a missing node is an empty list."""
    if node is None:
        return ()
    if isinstance(node, Items):
        return node.items
    raise node.place.fault(f"{what} has to be a list.", "Begin each entry with a dash.")
