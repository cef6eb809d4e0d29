"""Which tables does a reconciliation write? docs/formats/reconcile.md says what stands in each column."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lapel.activation import duties, tally
from lapel.activation.duties import Owed
from lapel.activation.event import FLAGS, event_id
from lapel.activation.findings import OUTCOMES
from lapel.activation.match import Measured, Spans, match
from lapel.activation.outcomes import NOTHING, duty_id, outcomes
from lapel.activation.reading import Rejected, Taken
from lapel.activation.tally import COLUMNS, Figures, Held


@dataclass(frozen=True, slots=True)
class Part:
    """One officer of one event, and the group that this time counts for."""

    row: Taken
    badge: str
    group: str


@dataclass(frozen=True, slots=True)
class Came:
    """What came of all stretches of one outcome: how many, how long (microseconds)."""

    count: int
    us: int


def write_duties(path: Path, parts: Sequence[Part], due: Owed, there: Held, source: str) -> dict[str, Came]:
    """Every stretch and what came of it, as Parquet. Returns what came, by outcome."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    measured = _measured(parts, due, there)
    outcome = outcomes(due, measured)
    kept = np.flatnonzero(outcome != NOTHING)
    who = [parts[i] for i in due.part[kept].tolist()]
    ids = [event_id("", source, one.row.id) for one in who]
    kinds, places = due.kind[kept].tolist(), due.piece[kept].tolist()
    whys = [due.whys[i] for i in due.why[kept].tolist()]
    words = [OUTCOMES[i] for i in outcome[kept].tolist()]
    length, covered = due.end[kept] - due.begin[kept], measured.covered[kept]
    # Hours of duty are those that somebody answers for: the rest has its `hours`, and a sum over the column is right.
    answers = (due.kind[kept] == duties.DUTY) & (due.status[kept] == duties.OWED)
    instant = pa.timestamp("us", tz="UTC")
    table = pa.table(
        {
            "duty": [duty_id(event, one.badge, kind, place) for event, one, kind, place in zip(ids, who, kinds, places, strict=True)],
            "event": [one.row.id for one in who],
            "row": pa.array([one.row.number for one in who], pa.int64()),
            "wearer": [one.badge for one in who],
            "group": [one.group for one in who],
            "event_kind": [one.row.kind for one in who],
            "kind": [duties.KINDS[kind] for kind in kinds],
            "begins_at": pa.array(due.begin[kept], instant),
            "ends_at": pa.array(due.end[kept], instant),
            "hours": length / tally.HOUR_US,
            "hours_recorded": covered / tally.HOUR_US,
            "duty_hours": length * answers / tally.HOUR_US,
            "duty_hours_recorded": covered * answers / tally.HOUR_US,
            "duty_hours_missing": (length - covered) * answers / tally.HOUR_US,
            "within_s": due.within[kept] / 1e6,
            "late_s": measured.late[kept] / 1e6,
            "stopped_early_s": measured.early[kept] / 1e6,
            "interrupted_s": measured.gap[kept] / 1e6,
            "interruptions": pa.array(measured.gaps[kept], pa.int32()),
            "outcome": words,
            "clauses": [" ".join(why.clauses) for why in whys],
            "presumed": [" ".join(why.presumed) for why in whys],
            "missing_facts": [" ".join(why.missing) for why in whys],
            "lacking": [" ".join(why.lacking) for why in whys],
            "says": [" ".join([why.says, *(f"{FLAGS[f]}." for f in one.row.flags)]).strip() for why, one in zip(whys, who, strict=True)],
        }
    )  # fmt: skip
    pq.write_table(table, path, compression="zstd")
    counts = np.bincount(outcome[kept], minlength=len(OUTCOMES)).tolist()
    totals = np.zeros(len(OUTCOMES), np.int64)
    np.add.at(totals, outcome[kept], length)
    there_are = zip(OUTCOMES, counts, totals.tolist(), strict=True)
    return {word: Came(count, us) for word, count, us in there_are if count}


def _measured(parts: Sequence[Part], due: Owed, there: Held) -> Measured:
    """Every stretch, also those that nobody answers for, against the wearer's clips."""
    code = {name: i for i, name in enumerate(there.wearers)}
    nobody = len(code)  # an officer without any clip or duty of the kind that is counted
    officer = np.array([code.get(parts[i].badge, nobody) for i in due.part.tolist()], np.int32)
    return match(Spans(officer, due.begin, due.end), there.clips, due.within)


def write_figures(path: Path, first: str, rows: Iterable[tuple[str, Figures]]) -> None:
    """Figures by wearer or by group, as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((first, *COLUMNS))
        for name, figures in rows:
            writer.writerow((_safe(name), *figures.row()))


def write_rejected(path: Path, files: Iterable[tuple[str, Sequence[Rejected]]]) -> None:
    """Each row that counts for nothing, with its reason, as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("file", "row", "reason", "cells"))
        for name, rejected in files:
            for one in rejected:
                cells = json.dumps(dict(one.cells), ensure_ascii=False)
                writer.writerow((_safe(name), one.number, one.reason, cells))


def _safe(text: str) -> str:
    """A text that no spreadsheet runs as a formula."""
    return f"'{text}" if text.startswith(("=", "+", "@", "-")) else text
