"""Which rows are in a table from outside? CSV, spreadsheets, JSON or XML, read in a cell, one row at a time, all as text.

    with tables.opened(path, Layout(header_rows=2)) as table:
        for row in table:
            row.number, row.cells["Badge"], row.defect

The format is told by the content. A row that is not as the heading says, holds what cannot be read, or is a totals row
comes with its `defect` in words: the caller lists it among the rejected, and none is dropped here. Blank rows are
counted. docs/formats/tables.md says what becomes of each kind of cell.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Generator, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lapel.base.errors import Invalid, NotFound
from lapel.storage import confined
from lapel.storage.confined import Limits

CELL = "lapel.storage.tables_cell"
# A spreadsheet of a million rows needs about 700 MB to be opened.
LIMITS = Limits(memory_bytes=2 << 30, cpu_s=60, cpu_s_per_gib=600, blobs=1 << 20, answer_bytes=2 << 20)
FORMATS = ("csv", "xlsx", "json", "xml")
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1")


@dataclass(frozen=True, slots=True)
class Layout:
    """How a table lies in its file; empty means: by its content.

    `skip_rows`: rows above the heading. `header_rows`: rows of the heading, joined with a space; 0: columns are A, B, C.
    `sheet`: of a spreadsheet, the first one without it. `records`: where JSON keeps its list (`calls.items`), and which
    element of XML is a row (its local name). Raises `Invalid` for what cannot be.
    """

    format: str = ""
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    skip_rows: int = 0
    header_rows: int = 1
    records: str = ""

    def __post_init__(self) -> None:
        for what, value, known in (
            ("format", self.format, FORMATS),
            ("encoding", self.encoding, ENCODINGS),
        ):
            if value and value not in known:
                raise Invalid(
                    f"“{value[:20]}” is no {what} of a table.", next_step=f"It is one of {', '.join(known)}."
                )
        if len(self.delimiter) > 1:
            raise Invalid("A delimiter is one character.", next_step="For a tab write \\t in quotes.")
        if not 0 <= self.skip_rows <= 1000 or not 0 <= self.header_rows <= 5:
            raise Invalid(
                "A heading has at most 5 rows, with at most 1,000 above it.", next_step="Correct the layout."
            )


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `number`: as a person counts in the file (line, row of the sheet, place of the record), from 1.

    `cells`: text by column; of a row with a `defect` as far as they could be read.
    """

    number: int
    cells: Mapping[str, str]
    defect: str = ""


class Table:
    """An open table: iterate once. `format`, `encoding`, `sheets`, `columns` (empty for JSON and XML) are known at once,
    `blank` (rows without any text) and `count` when all rows were given."""

    def __init__(self, said: Generator[bytes, None, Mapping[str, Any]]) -> None:
        self._said = said
        head = json.loads(next(said))
        self.format = str(head["format"])
        self.encoding = str(head["encoding"])
        self.sheets: tuple[str, ...] = tuple(head["sheets"])
        self.columns: tuple[str, ...] = tuple(head["columns"])
        self.blank = 0
        self.count = 0

    def __iter__(self) -> Iterator[Row]:
        columns = self.columns
        while True:
            try:
                block = json.loads(next(self._said))
            except StopIteration as end:
                self.count, self.blank = int(end.value["rows"]), int(end.value["blank"])
                return
            for number, cells, defect in block:
                there = cells if isinstance(cells, dict) else dict(zip(columns, cells, strict=False))
                yield Row(number, there, defect)


@contextlib.contextmanager
def opened(path: Path, layout: Layout | None = None, *, limits: Limits = LIMITS) -> Iterator[Table]:
    """Open a table in its cell. Raises `NotFound`, `Invalid` with the reason in plain words, `Unavailable` without a cell."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.", next_step="Check the path.") from None
    try:
        size = os.fstat(descriptor).st_size
        said = confined.stream(
            CELL, asdict(layout or Layout()), lambda at, n: os.pread(descriptor, n, at), size, limits
        )
        with contextlib.closing(said):
            yield _named(path, said)
    except Invalid as error:
        if error.says.startswith(str(path)):
            raise
        raise Invalid(f"{path}: {error.says}", next_step=error.next_step) from None
    finally:
        os.close(descriptor)


def _named(path: Path, said: Generator[bytes, None, Mapping[str, Any]]) -> Table:
    try:
        return Table(said)
    except IsADirectoryError:
        raise NotFound(f"{path} is a folder.", next_step="Name the file.") from None


def digest(path: Path) -> str:
    """The SHA-256 of a file from outside, in hex. Raises `NotFound`."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.", next_step="Check the path.") from None


def is_formula(text: str) -> bool:
    """Would a spreadsheet run this text? It was kept as text; whoever takes it for a name or a number must refuse it."""
    return text.startswith(("=", "+", "@")) or (text.startswith("-") and not text[1:2].isdigit())
