"""How are events read from a CSV or Parquet file and answers written to one, some thousands of rows at a time?"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from lapel.base.errors import Invalid, NotFound, Unavailable

ROWS = 1 << 16
Table = dict[str, list[str | None]]


def _parquet() -> Any:
    try:
        import pyarrow.parquet
    except ImportError:
        raise Unavailable("Parquet is not installed.", next_step="Run: pip install 'lapel[scale]'") from None
    return pyarrow.parquet


def blocks(path: Path) -> Iterator[Table]:
    """The rows of a file as columns of text, at most `ROWS` at a time. Raises `NotFound` or `Invalid`."""
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
            while block := list(islice(rows, ROWS)):
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
    parquet = _parquet()
    try:
        for batch in parquet.ParquetFile(path).iter_batches(batch_size=ROWS):
            yield {
                name: [_cell(v) for v in column.to_pylist()]
                for name, column in zip(batch.schema.names, batch.columns, strict=True)
            }
    except (OSError, ValueError) as error:
        raise Invalid(
            f"{path} cannot be read as Parquet: {str(error)[:80]}.", next_step="Write it anew."
        ) from None


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
    """A function that writes blocks of columns to a .csv or .parquet file; the file is there once all are written."""
    waiting = path.with_name(path.name + ".part")
    try:
        if path.suffix == ".csv":
            with waiting.open("w", newline="", encoding="utf-8") as file:
                rows = csv.writer(file, lineterminator="\n")
                rows.writerow(names)
                yield lambda table: rows.writerows(zip(*(_blank(table[name]) for name in names), strict=True))
        elif path.suffix == ".parquet":
            with _parquet_writer(waiting, names) as write:
                yield write
        else:
            raise Invalid(f"{path} is neither .csv nor .parquet.", next_step="End --out in one of the two.")
        waiting.replace(path)
    finally:
        waiting.unlink(missing_ok=True)


def _blank(column: list[str | None]) -> list[str]:
    return ["" if cell is None else cell for cell in column]


@contextmanager
def _parquet_writer(path: Path, names: Sequence[str]) -> Iterator[Write]:
    import pyarrow as arrow

    schema = arrow.schema([(name, arrow.string()) for name in names])
    with _parquet().ParquetWriter(path, schema) as out:
        yield lambda table: out.write_table(arrow.table({name: table[name] for name in names}, schema=schema))
