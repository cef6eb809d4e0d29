"""How are events read from a CSV or Parquet file and answers written to one, some thousands of rows at a time?"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from errno import EDQUOT, ENOSPC
from itertools import islice
from pathlib import Path
from typing import Any

from lapel.base.errors import Invalid, NotFound, Unavailable

ROWS = 1 << 16
Table = dict[str, list[str | None]]


def _duckdb() -> Any:
    """The library that reads and writes Parquet; it takes a while to load, and most commands need none."""
    import duckdb

    return duckdb


def blocks(path: Path) -> Iterator[Table]:
    """The rows of a file as columns of text, at most `ROWS` at a time; one block without rows if there are none.

    Raises `NotFound` or `Invalid`.
    """
    if not path.is_file():
        raise NotFound(f"There is no file {path}.", next_step="Check the path.")
    kinds: dict[str, Callable[[Path], Iterator[Table]]] = {".csv": _csv_blocks, ".parquet": _parquet_blocks}
    if path.suffix not in kinds:
        raise Invalid(f"{path} is neither .csv nor .parquet.", next_step="Convert it.")
    yield from kinds[path.suffix](path)


def _csv_blocks(path: Path) -> Iterator[Table]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            names = _names(next(rows, []), path)
            first = True
            while (block := list(islice(rows, ROWS))) or first:
                first = False
                for row in block:
                    if len(row) != len(names):
                        raise Invalid(
                            f"{path}:{rows.line_num}: a row has {len(row)} cells, the heading {len(names)}.",
                            next_step="Quote cells that hold commas.",
                        )
                yield {name: [row[i] for row in block] for i, name in enumerate(names)}
    except (UnicodeDecodeError, csv.Error) as error:
        raise Invalid(f"{path} cannot be read as CSV: {error}.", next_step="Save it as UTF-8 CSV.") from None


def _names(heading: list[str], path: Path) -> list[str]:
    names = [name.strip() for name in heading]
    if not names or len(set(names)) != len(names):
        raise Invalid(
            f"{path}: the heading is empty or names a column twice.", next_step="Give each column one name."
        )
    return names


def _parquet_blocks(path: Path) -> Iterator[Table]:
    duckdb = _duckdb()
    try:
        with duckdb.connect() as database:
            found = database.execute("SELECT * FROM read_parquet(?)", [str(path)])
            names = [column[0] for column in found.description]
            first = True
            while (rows := found.fetchmany(ROWS)) or first:
                first = False
                yield {name: [_cell(row[i]) for row in rows] for i, name in enumerate(names)}
    except duckdb.Error as error:
        said = str(error).splitlines()[0][:80]
        raise Invalid(f"{path} cannot be read as Parquet: {said}.", next_step="Write it anew.") from None


def _cell(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return "|".join(map(str, value)) or "-"
    return str(value)


Write = Callable[[Table], None]


@contextmanager
def writer(path: Path, names: Sequence[str]) -> Iterator[Write]:
    """A function that writes blocks of columns to a .csv or .parquet file; the file is there once all are written.

    Raises `Invalid` for a place where no file can be written, `Unavailable` when the disk is full.
    """
    if path.suffix not in {".csv", ".parquet"}:
        raise Invalid(f"{path} is neither .csv nor .parquet.", next_step="End --out in one of the two.")
    if path.suffix == ".parquet":
        _duckdb()  # rather said now than when every row has been answered
    waiting = path.with_name(path.name + ".part")
    try:
        with waiting.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(names)
            yield lambda table: rows.writerows(zip(*(_blank(table[name]) for name in names), strict=True))
        if path.suffix == ".parquet":
            _to_parquet(waiting)
        waiting.replace(path)
    except OSError as error:
        full = error.errno in {ENOSPC, EDQUOT}
        raise (Unavailable if full else Invalid)(
            f"{path} cannot be written: {error.strerror}.", next_step="Choose another place for --out."
        ) from None
    finally:
        with suppress(OSError):
            waiting.unlink(missing_ok=True)


def _blank(column: list[str | None]) -> list[str]:
    return ["" if cell is None else cell for cell in column]


def _to_parquet(path: Path) -> None:
    """Turns a CSV file into a Parquet file of the same name: every column a text."""
    done = path.with_name(path.name + "q")
    try:
        with _duckdb().connect() as database:
            source = database.read_csv(str(path), header=True, all_varchar=True, delimiter=",", quotechar='"')
            source.write_parquet(str(done))
        done.replace(path)
    finally:
        done.unlink(missing_ok=True)
