"""What does an audit leave behind, and what does a commander read? Tables as CSV and Parquet, a summary as CSV and JSON.

The bytes hang on nothing but the rows, the directives and the code: twice gives the same (docs/formats/activation-run.md).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from lapel.activation.audit import Done, as_text, findings_csv
from lapel.activation.figures import SHOWN, Group, grouped, headline, total
from lapel.activation.findings import FORBIDDEN
from lapel.activation.partition import Found
from lapel.base import clock
from lapel.base.errors import Invalid

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = 1
COLUMNS = ("duties", "owed", *SHOWN, *FORBIDDEN, "owed_h", "recorded_h", "share")
NO_OFFICE = "no office"
_US_PER_H = 3_600_000_000


def write(done: Sequence[Done], out: Path, zone: ZoneInfo, offices: Mapping[str, str]) -> list[str]:
    """Write everything into a folder; the names of the files. Raises `Invalid` where there can be none."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Invalid(f"{out} cannot be made: {error.strerror}.", next_step="Choose another place.") from None
    import pyarrow.parquet as pq

    names = []
    for one in done:
        day = one.run.since.astimezone(zone).date().isoformat()
        (out / f"findings-{day}.csv").write_bytes(findings_csv(as_text(one.found.table)))
        _write_reasons(out / f"reasons-{day}.csv", one.found)
        pq.write_table(_told(one.found, offices), out / f"findings-{day}.parquet", compression="zstd")
        names += [f"findings-{day}.csv", f"reasons-{day}.csv", f"findings-{day}.parquet"]
    groups = by_office(done, offices)
    _write_summary(out / "summary.csv", groups)
    (out / "summary.json").write_text(json.dumps(_summary(done, groups), indent=1, sort_keys=True) + "\n")
    return [*names, "summary.csv", "summary.json"]


def by_office(done: Sequence[Done], offices: Mapping[str, str]) -> list[Group]:
    """The figures of each office, by name."""
    rows: list[dict[str, Any]] = []
    for one in done:
        if not len(one.found):
            continue
        rows += _counted(one.found.table, offices)
    return sorted(grouped(rows), key=lambda group: (group.name == NO_OFFICE, group.name))


def _counted(table: pa.Table, offices: Mapping[str, str]) -> list[dict[str, Any]]:
    import pyarrow.compute as pc

    owed = pc.subtract(table["ends_at"].cast("int64"), table["begins_at"].cast("int64"))
    small = table.select(["office", "outcome", "covered_us"]).append_column("owed_us", owed)
    sums = small.group_by(["office", "outcome"]).aggregate(
        [("owed_us", "count"), ("owed_us", "sum"), ("covered_us", "sum")]
    )
    return [
        {
            "part": offices.get(row["office"], NO_OFFICE) if row["office"] else NO_OFFICE, "outcome": row["outcome"],
            "findings": row["owed_us_count"], "owed_us": row["owed_us_sum"], "covered_us": row["covered_us_sum"],
        }
        for row in sums.to_pylist()
    ]  # fmt: skip


def row_of(group: Group) -> dict[str, object]:
    """A group as COLUMNS names it; the share of an office that owed nothing is empty."""
    return {
        "duties": group.duties, "owed": group.owed, **{o: group.of(o) for o in (*SHOWN, *FORBIDDEN)},
        "owed_h": f"{group.owed_us / _US_PER_H:.4f}", "recorded_h": f"{group.covered_us / _US_PER_H:.4f}",
        "share": "" if group.share is None else f"{group.share:.6f}",
    }  # fmt: skip


def says(done: Sequence[Done], groups: Sequence[Group]) -> list[str]:
    """What a commander takes away, in sentences."""
    whole = total(groups)
    banned = sum(whole.of(outcome) for outcome in FORBIDDEN)
    told = [f"{headline(whole)}."]
    if banned:
        told.append(f"{banned:,} recordings were made though that was forbidden, or went on past the stop.")
    notes = dict.fromkeys(note for one in done for note in one.run.notes)
    return [*told, *notes]


def _write_summary(path: Path, groups: Sequence[Group]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("office", *COLUMNS))
        for name, group in [*((_safe(g.name), g) for g in groups), ("all", total(groups))]:
            row = row_of(group)
            writer.writerow((name, *(row[column] for column in COLUMNS)))


def _summary(done: Sequence[Done], groups: Sequence[Group]) -> dict[str, Any]:
    return {
        "version": VERSION,
        "agency": done[0].run.agency if done else None,
        "says": says(done, groups),
        "offices": [{"office": group.name, **row_of(group)} for group in groups],
        "all": row_of(total(groups)),
        "runs": [
            {
                "since": clock.stamp(one.run.since), "until": clock.stamp(one.run.until), "code": one.run.code,
                "inputs": one.run.inputs, "directives": one.run.directives, "counts": one.run.counts,
                "findings_sha256": one.run.findings_sha256, "notes": one.run.notes,
            }
            for one in done
        ],
    }  # fmt: skip


def _write_reasons(path: Path, found: Found) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("why", "clauses", "presumed", "missing", "lacking", "says"))
        for name, why in sorted(found.reasons.items()):
            cells = [" ".join(words) for words in (why.clauses, why.presumed, why.missing, why.lacking)]
            writer.writerow((name, *map(_safe, cells), _safe(why.says)))


def _told(found: Found, offices: Mapping[str, str]) -> pa.Table:
    """The findings with their reasons, the office's name and the recorded share (0 for a duty with no recording)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = found.table
    length = pc.subtract(table["ends_at"].cast("int64"), table["begins_at"].cast("int64"))
    table = table.append_column(
        "share", pc.divide(table["covered_us"].cast("float64"), length.cast("float64"))
    )

    def behind(column: str, names: Mapping[str, str]) -> pa.ChunkedArray:
        place = pc.index_in(table[column], value_set=pa.array(list(names), pa.string()))
        return pc.take(pa.array(list(names.values()), pa.string()), place)

    table = table.append_column("office_name", behind("office", offices))
    for column in ("clauses", "presumed", "missing", "lacking"):
        words = {name: " ".join(getattr(why, column)) for name, why in found.reasons.items()}
        table = table.append_column(column, behind("why", words))
    return table.append_column("says", behind("why", {name: why.says for name, why in found.reasons.items()}))


def _safe(text: str) -> str:
    """A text that no spreadsheet runs as a formula."""
    return f"'{text}" if text.startswith(("=", "+", "@", "-")) else text
