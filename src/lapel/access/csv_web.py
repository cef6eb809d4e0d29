"""How does a list become a table to take away? CSV of exactly the rows that the page with the same address shows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from fastapi.responses import Response
from pydantic import BaseModel


def csv_answer(
    name: str, columns: Sequence[str], rows: Iterable[BaseModel | Mapping[str, object]]
) -> Response:
    """The rows as a file `name`; each has every one of `columns`."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in rows:
        values = row.model_dump(mode="json") if isinstance(row, BaseModel) else row
        writer.writerow([cell(values[column]) for column in columns])
    return Response(
        out.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def cell(value: object) -> str:
    """A value as a cell. What begins like a formula is not one: the words came from outside, and a spreadsheet runs them."""
    text = "; ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    return (
        "'" + text
        if text[:1] in ("=", "+", "-", "@", "\t", "\r") and not isinstance(value, int | float)
        else text
    )
