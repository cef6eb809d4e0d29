"""What records are in a tree of JSON or XML? Each flattened to one row of text. Runs in the cell only."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lapel.storage.ranges import RemoteFile

Rows = Iterator[tuple[int, Sequence[str] | Mapping[str, str], str]]
Head = dict[str, Any]
CHUNK = 1 << 20
UNREADABLE = "it holds a character that cannot be read"


class NotATableError(Exception):
    """The file is no table that is read here; the text says why, in a sentence."""


class Raw(io.RawIOBase):
    """The remote file as Python's own text layer wants it."""

    def __init__(self, remote: RemoteFile) -> None:
        self._remote = remote

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        piece = self._remote.read(len(into))
        into[: len(piece)] = piece
        return len(piece)


def json_rows(remote: RemoteFile, asked: Mapping[str, Any]) -> tuple[Head, Rows]:
    """The records of JSON: the list under `records`, or one record a line."""
    whole = bytearray()
    while chunk := remote.read(CHUNK):
        whole += chunk
    text = whole.decode(asked["encoding"] or "utf-8-sig", "replace")
    lines = False
    try:
        there = json.loads(text)
    except RecursionError:
        raise NotATableError("Its JSON is nested too deep to be a table.") from None
    except ValueError as error:
        there = [_json_line(line) for line in text.splitlines() if line.strip()]
        lines = True
        if all(isinstance(one, str) for one in there):
            raise NotATableError(f"It is not JSON: {str(error)[:120]}.") from None
    records = there if lines else _under(there, asked["records"])
    head = {"format": "json", "encoding": "utf-8", "delimiter": "", "sheets": [], "columns": []}
    return head, _records(records)


def _json_line(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return "this line is not JSON"


def _under(there: object, path: str) -> list[object]:
    for name in filter(None, path.split(".")):
        if not isinstance(there, dict) or name not in there:
            raise NotATableError(f"There is nothing under “{path[:80]}”.")
        there = there[name]
    if isinstance(there, dict):
        return [there]
    if isinstance(there, list):
        return there
    raise NotATableError("It holds no list of records; name where they are with records:.")


def _records(records: list[object]) -> Rows:
    for number, record in enumerate(records, 1):
        if isinstance(record, dict):
            cells: dict[str, str] = {}
            _flatten(record, "", cells)
            yield number, cells, UNREADABLE if any("\ufffd" in v for v in cells.values()) else ""
        else:
            yield (
                number,
                {},
                record if isinstance(record, str) and record.startswith("this line") else "it is no record",
            )


def _flatten(value: object, path: str, into: dict[str, str]) -> None:
    """Nested names joined by dots; a list of plain values joined by `|`, other lists by their place from 0."""
    if isinstance(value, dict):
        for name, inner in value.items():
            _flatten(inner, f"{path}.{name}" if path else str(name), into)
    elif isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
        for at, inner in enumerate(value):
            _flatten(inner, f"{path}.{at}", into)
    elif isinstance(value, list):
        into[path] = "|".join(_plain(one) for one in value)
    else:
        into[path] = _plain(value)


def _plain(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def xml_rows(remote: RemoteFile, asked: Mapping[str, Any]) -> tuple[Head, Rows]:
    """The elements of XML that are named `records`."""
    if not asked["records"]:
        raise NotATableError("Which element of this XML is a row? Name it with records:.")
    head = {"format": "xml", "encoding": "", "delimiter": "", "sheets": [], "columns": []}
    return head, _elements(remote, str(asked["records"]))


def _elements(remote: RemoteFile, name: str) -> Rows:
    from defusedxml.ElementTree import iterparse

    number = 0
    try:
        for _, element in iterparse(io.BufferedReader(Raw(remote), CHUNK), forbid_dtd=True):
            if _local(element.tag) == name:
                number += 1
                cells: dict[str, str] = {}
                _branch(element, "", cells)
                yield number, cells, ""
                element.clear()
    except Exception as error:
        raise NotATableError(f"Its XML cannot be read after row {number}: {str(error)[:120]}.") from None


def _local(tag: object) -> str:
    return str(tag).rpartition("}")[2]


def _branch(element: Any, path: str, into: dict[str, str]) -> None:
    """Local names joined by dots, attributes as `@name`; what stands there several times joined by `|`."""
    for name, value in element.attrib.items():
        _add(into, f"{path}.@{_local(name)}" if path else f"@{_local(name)}", value)
    text = (element.text or "").strip()
    if text:
        _add(into, path or "text", text)
    for child in element:
        _branch(child, f"{path}.{_local(child.tag)}" if path else _local(child.tag), into)


def _add(into: dict[str, str], path: str, value: str) -> None:
    into[path] = f"{into[path]}|{value}" if path in into else value
