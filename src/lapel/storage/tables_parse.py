"""What do the bytes of a table say? CSV and spreadsheets as numbered rows of text; `tables_trees` reads the others. Runs in the cell only."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from lapel.storage import tables_trees
from lapel.storage.ranges import RemoteFile
from lapel.storage.tables_trees import CHUNK, UNREADABLE, Head, NotATableError, Raw, Rows

_TOTALS = re.compile(r"(grand[ -]|sub-?)?totals?\s*:?", re.IGNORECASE)
_TOTALS_ROW = "it is a totals row"


def parse(remote: RemoteFile, asked: Mapping[str, Any]) -> tuple[Head, Rows]:
    """What the table is, and its rows. `asked`: format, encoding, delimiter, sheet, skip_rows, header_rows, records."""
    start = remote.read(4096)
    kind = asked["format"] or _kind(start)
    remote.seek(0)
    if kind == "csv":
        return _csv(remote, start, asked)
    if kind == "xlsx":
        return _sheet(remote, asked)
    if kind == "json":
        return tables_trees.json_rows(remote, asked)
    if kind == "xml":
        return tables_trees.xml_rows(remote, asked)
    raise NotATableError(f"“{str(kind)[:20]}” is no format that is read here: csv, xlsx, json, xml.")


def _kind(start: bytes) -> str:
    """What the content is, whatever the file is called."""
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return "xlsx"
    if start.startswith(b"%PDF"):
        raise NotATableError("This is a PDF; ask for the table as CSV or as a spreadsheet.")
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html", b"<table")):
        raise NotATableError("This is a web page that is named like a spreadsheet; save it as CSV.")
    if text.startswith(b"<"):
        return "xml"
    return "json" if text.startswith((b"[", b"{")) else "csv"


# ---- text ------------------------------------------------------------------------------------------------------------


def _encoding(remote: RemoteFile, start: bytes, wanted: str) -> str:
    if wanted:
        return wanted
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if start.count(0) * 4 > len(start):
        raise NotATableError("It is UTF-16 without a mark at its beginning; say so with encoding: utf-16-le.")
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := remote.read(CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    finally:
        remote.seek(0)
    return "utf-8"


def _csv(remote: RemoteFile, start: bytes, asked: Mapping[str, Any]) -> tuple[Head, Rows]:
    encoding = _encoding(remote, start, asked["encoding"])
    delimiter = asked["delimiter"] or _delimiter(start.decode(encoding, "replace"))
    text = io.TextIOWrapper(
        io.BufferedReader(Raw(remote), CHUNK), encoding=encoding, errors="replace", newline=""
    )
    # What was sound UTF-8 has its own reasons for a replacement character; one that we had to put there is a defect.
    rows = _csv_rows(
        text, delimiter, doubtful=bool(asked["encoding"]) or encoding not in ("utf-8", "utf-8-sig")
    )
    for _ in range(asked["skip_rows"]):
        next(rows, None)
    columns = _columns([cells for _, cells, _ in _first(rows, asked["header_rows"])])
    head = {"format": "csv", "encoding": encoding, "delimiter": delimiter, "sheets": [], "columns": columns}
    return head, _checked(rows, columns)


def _delimiter(text: str) -> str:
    """The one that cuts the first lines into the most cells, as evenly as any."""
    lines = text.splitlines()[:20]
    lines = lines[:-1] or lines  # the last one may be cut off
    best = (0, ",")
    for delimiter in ",;\t|":
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        common = max(set(widths), key=widths.count, default=0)
        best = max(best, ((common > 1) * widths.count(common) * 100 + common, delimiter))
    return best[1] if best[0] > 1 else ","


def _csv_rows(
    text: io.TextIOWrapper, delimiter: str, *, doubtful: bool
) -> Iterator[tuple[int, list[str], str]]:
    rows = csv.reader(text, delimiter=delimiter, strict=True)
    while True:
        number = rows.line_num + 1
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            lost = rows.line_num - number
            swallowed = f", and {lost} more lines were taken for a part of it" if lost else ""
            yield number, [], f"its quotes or cells make no sense ({error}){swallowed}"
        else:
            unreadable = doubtful and any("\ufffd" in cell for cell in cells)
            yield number, cells, UNREADABLE if unreadable else ""


# ---- spreadsheets ----------------------------------------------------------------------------------------------------


def _sheet(remote: RemoteFile, asked: Mapping[str, Any]) -> tuple[Head, Rows]:
    import python_calamine

    whole = bytearray()
    while chunk := remote.read(CHUNK):
        whole += chunk
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(whole))
    except python_calamine.PasswordError:
        raise NotATableError("The spreadsheet is locked with a password; save it without one.") from None
    except Exception as error:
        raise NotATableError(
            f"It looks like a spreadsheet but cannot be opened: {str(error)[:120]}."
        ) from None
    names = list(book.sheet_names)
    wanted = asked["sheet"] or (names[0] if names else "")
    if wanted not in names:
        raise NotATableError(f"There is no sheet “{wanted[:60]}”; there are: {', '.join(names)[:300]}.")
    sheet = book.get_sheet_by_name(wanted)
    first = (sheet.start or (0, 0))[0]
    numbered = ((first + at + 1, [_text(cell) for cell in row]) for at, row in enumerate(sheet.iter_rows()))
    rows = ((number, cells, "") for number, cells in numbered if number > asked["skip_rows"])
    columns = _columns([cells for _, cells, _ in _first(rows, asked["header_rows"])])
    head = {"format": "xlsx", "encoding": "", "delimiter": "", "sheets": names, "columns": columns}
    return head, _checked(rows, columns)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        seconds = round(value.total_seconds())
        return f"{seconds // 3600:02}:{seconds % 3600 // 60:02}:{seconds % 60:02}"
    return "" if value is None else str(value)


# ---- headings --------------------------------------------------------------------------------------------------------


def _first(rows: Iterator[tuple[int, list[str], str]], count: int) -> list[tuple[int, list[str], str]]:
    """The heading's rows; blank lines above a heading are passed over."""
    found: list[tuple[int, list[str], str]] = []
    while len(found) < count:
        row = next(rows, None)
        if row is None:
            raise NotATableError("There is no heading: the file is empty or ends before it.")
        if found or any(cell.strip() for cell in row[1]):
            found.append(row)
    return found


def _columns(heading: list[list[str]]) -> list[str]:
    """One name for each column: headings of several rows joined by a space, doubles numbered, a missing one its letter.

    No heading at all: the letters of a spreadsheet, found when the first row comes.
    """
    width = max((len(row) for row in heading), default=0)
    seen: dict[str, int] = {}
    names = []
    for at in range(width):
        parts = [" ".join(row[at].split()) for row in heading if at < len(row) and row[at].strip()]
        name = " ".join(parts) or letter(at)
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    filled = [at for at in range(width) if any(at < len(row) and row[at].strip() for row in heading)]
    return (
        names[: filled[-1] + 1] if filled else []
    )  # no names for empty cells to the right of the last heading


def letter(at: int) -> str:
    """The name of a column as spreadsheets count: A, B … Z, AA."""
    name = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        name = chr(65 + rest) + name
    return name


def _checked(rows: Iterator[tuple[int, list[str], str]], columns: list[str]) -> Rows:
    """The rows with their defects named; short or long ones are never made to fit silently."""
    for number, cells, known in rows:
        defect = known
        if not columns:
            yield number, {letter(at): cell for at, cell in enumerate(cells)}, defect
            continue
        while len(cells) > len(columns) and not cells[-1].strip():
            cells.pop()
        filled = [cell for cell in cells if cell.strip()]
        if not defect and filled and len(cells) != len(columns):
            defect = f"it has {len(cells)} cells and the heading {len(columns)}"
        if not defect and any("\0" in cell for cell in cells):
            defect = "it holds a NUL byte"
        if filled and _TOTALS.fullmatch(filled[0].strip()):
            defect = _TOTALS_ROW
        yield number, cells[: len(columns)], defect
