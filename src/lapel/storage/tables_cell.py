"""The reader of tables in its cell: what rows are in this CSV, spreadsheet, JSON or XML file from outside?

Started by `tables`, never imported there. It says blocks of rows (JSON: `[number, cells, defect]`) and, in the end, how
many. Everything becomes text, nothing is calculated: a formula of a CSV file is the text it is, one of a spreadsheet the
value that was saved with it.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lapel.storage import lockdown
from lapel.storage.ranges import KeeperGoneError, Line, RemoteFile

BLOCK_BYTES = 256 << 10
MAX_ROW_BYTES = 512 << 10
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1")
Found = tuple[int, Sequence[str] | Mapping[str, str], str]


def main() -> None:
    """Answer one request and end."""
    line = Line(0)
    _, body = line.receive()
    request = json.loads(body)
    lockdown.limit_resources(memory_bytes=request["memory_bytes"], cpu_s=request["cpu_s"])
    _load_parsers()
    line.send(b"S", json.dumps(lockdown.lock_down()).encode())
    from lapel.storage import tables_parse, tables_trees

    try:
        head, rows = tables_parse.parse(RemoteFile(line, request["size"]), request)
        line.send(b"B", json.dumps(head).encode())
        answer = _say(line, rows)
    except MemoryError:
        line.send(b"X", _reason("The file needs more memory than a table may; split it, or save it as CSV."))
    except KeeperGoneError:
        return
    except tables_trees.NotATableError as error:
        line.send(b"X", _reason(str(error)))
    except (
        BaseException
    ) as error:  # whatever a parsing library raises or panics with is a fact about the file
        line.send(b"X", _reason(f"It cannot be read as a table: {str(error)[:200] or type(error).__name__}."))
    else:
        line.send(b"J", json.dumps(answer).encode())


def _load_parsers() -> None:
    """Load everything now: once locked down, a module that is imported on first use could not be read any more."""
    import csv  # noqa: F401
    import xml.etree.ElementTree
    import xml.parsers.expat  # noqa: F401

    import defusedxml.ElementTree  # noqa: F401
    import python_calamine  # noqa: F401

    from lapel.storage import tables_parse, tables_trees  # noqa: F401

    for encoding in ENCODINGS:
        codecs.lookup(encoding)


def _say(line: Line, rows: Iterator[Found]) -> dict[str, Any]:
    """Send the rows in blocks; blank ones are only counted."""
    count = blank = size = 0
    block: list[str] = []
    for number, cells, defect in rows:
        values = cells.values() if isinstance(cells, Mapping) else cells
        if not defect and not any(value.strip() for value in values):
            blank += 1
            continue
        count += 1
        said = json.dumps([number, cells, defect], ensure_ascii=False)
        if len(said) > MAX_ROW_BYTES:
            said = json.dumps([number, [], "it is longer than a row may be (512 KiB)"])
        block.append(said)
        size += len(said)
        if size >= BLOCK_BYTES:
            _send(line, block)
            block, size = [], 0
    _send(line, block)
    return {"rows": count, "blank": blank}


def _send(line: Line, block: list[str]) -> None:
    if block:
        line.send(b"B", f"[{','.join(block)}]".encode("utf-8", "replace"))


def _reason(text: str) -> bytes:
    return json.dumps({"reason": text}).encode()


if __name__ == "__main__":
    main()
