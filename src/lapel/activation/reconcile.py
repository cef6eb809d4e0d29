"""Was the camera on during the events, as two files tell it? Without a database: tables out, and one page.

Writes duties.parquet, by_wearer.csv, by_group.csv, rejected.csv and report.html; docs/formats/reconcile.md says what is in them.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lapel.activation import duties, tally
from lapel.activation.costs import Cost, costs
from lapel.activation.duties import Judge, Owed, owed
from lapel.activation.event import DAY_ONLY, FLAGS, event_id
from lapel.activation.findings import OUTCOMES, Why
from lapel.activation.fit import Fit, fit
from lapel.activation.happening import ALL_UNKNOWN, Books, happened
from lapel.activation.instants import days_of
from lapel.activation.mapping_text import read_mapping
from lapel.activation.match import Measured, Spans, match
from lapel.activation.outcomes import NOTHING, duty_id, outcomes
from lapel.activation.reading import Reading, Taken, read_file
from lapel.activation.tally import COLUMNS, Figures, Held
from lapel.base.errors import Invalid
from lapel.policy.library import Library
from lapel.policy.shelf import library_at, text_at

NO_POLICY = Why(says="No policy was given, so every event is a duty from beginning to end.")


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Everything that the tables and the page show."""

    recordings: Reading
    events: Reading
    held: Held
    wearers: list[Figures]
    groups: dict[str, Figures]
    total: Figures
    costs: list[Cost]
    fit: Fit
    counts: dict[str, int]
    notes: list[str]


def reconcile(
    recordings: Path, recordings_mapping: Path, events: Path, events_mapping: Path, out: Path, *,
    policy: Path | None = None, agency: str = "",
) -> Reconciled:  # fmt: skip
    """Hold the recordings of one file against the events of another, and write what came of it into the folder `out`.

    Raises `NotFound` and `Invalid` for files and mappings that cannot be read, and mappings that disagree.
    """
    first = read_mapping(text_at(recordings_mapping), str(recordings_mapping), "recordings")
    second = read_mapping(text_at(events_mapping), str(events_mapping), "events")
    if first.days.key != second.days.key:
        raise Invalid(
            f"The two mappings disagree: {first.file} counts days in {first.days.key}, {second.file} in {second.days.key}.",
            next_step="Give both the same `days`.",
        )
    library = library_at(policy) if policy else None
    if library is not None and not agency:
        raise Invalid("Whose policy?", next_step=f"Give --agency, one of: {', '.join(library.agencies)}.")
    seen = read_file(recordings, first)
    told = read_file(events, second, library.vocabulary if library else None)
    parts = [(row, badge) for row in told.rows for badge in row.badges]
    due = _owed(parts, library, agency, told) if library else _every_event(parts)
    folder(out)
    return _written(seen, told, parts, due, out)


def folder(out: Path) -> None:
    """Make a folder for what is written. Raises `Invalid` where there can be none."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Invalid(f"{out} cannot be made: {error.strerror}.", next_step="Choose another place.") from None


def _every_event(parts: Sequence[tuple[Taken, str]]) -> Owed:
    count = len(parts)
    zeros = np.zeros(count, np.int64)
    # A day without a time of day is no stretch that can be measured.
    status = np.array(
        [duties.UNDETERMINED if DAY_ONLY in row.flags else duties.OWED for row, _ in parts], np.uint8
    )
    return Owed(
        np.arange(count), zeros.astype(np.int32), np.array([row.begin for row, _ in parts], np.int64),
        np.array([row.end for row, _ in parts], np.int64), zeros, zeros.astype(np.uint8), status,
        zeros.astype(np.int32), (NO_POLICY,),
    )  # fmt: skip


def _owed(parts: Sequence[tuple[Taken, str]], library: Library, agency: str, told: Reading) -> Owed:
    rows = told.rows
    place = {row.id: i for i, row in enumerate(rows)}
    begin = np.array([row.begin for row in rows], np.int64)
    stories = {row.story.id: row.story for row in rows}
    code = {name: i for i, name in enumerate(stories)}
    columns, reasons = happened(
        begin=begin, end=np.array([row.end for row in rows], np.int64), days=days_of(begin, told.mapping.days),
        story=np.array([code[row.story.id] for row in rows], np.int32), stories=list(stories.values()),
        part=np.array([place[row.id] for row, _ in parts], np.int32),
        camera=np.full(len(parts), ALL_UNKNOWN, np.int32), books=Books(library, agency),
    )  # fmt: skip
    return owed(columns, Judge(), reasons)


def _written(
    seen: Reading, told: Reading, parts: Sequence[tuple[Taken, str]], due: Owed, out: Path
) -> Reconciled:
    answerable = (due.kind == duties.DUTY) & (due.status == duties.OWED)
    rows = [parts[i] for i in due.part[answerable].tolist()]
    stretches = zip(rows, due.begin[answerable].tolist(), due.end[answerable].tolist(), strict=True)
    there = tally.held(seen.rows, [(badge, begin, end, row.group) for (row, badge), begin, end in stretches])
    wearers = tally.by_wearer(there, seen.mapping.days)
    total = sum(wearers, Figures())
    counts = _write_duties(out / "duties.parquet", parts, due, there, told.mapping.source)
    groups = tally.by_group(there, wearers)
    _write_figures(out / "by_wearer.csv", "wearer", zip(there.wearers, wearers, strict=True))
    _write_figures(out / "by_group.csv", "group", groups.items())
    _write_rejected(out / "rejected.csv", (seen, told))
    found = Reconciled(
        seen, told, there, wearers, groups, total,
        costs(seen, told, there, total, [row.shown for row, _ in rows]), fit(there.duties, there.clips), counts,
        [f"{reading.file}: {note}" for reading in (seen, told) for note in reading.notes],
    )  # fmt: skip
    from lapel.activation.reconcile_page import page

    (out / "report.html").write_text(page(found), encoding="utf-8")
    return found


def _measured(parts: Sequence[tuple[Taken, str]], due: Owed, there: Held) -> Measured:
    """Every stretch, also those that nobody answers for, against the wearer's clips."""
    code = {name: i for i, name in enumerate(there.wearers)}
    nobody = len(code)  # an officer without any clip or duty of the kind that is counted
    officer = np.array([code.get(parts[i][1], nobody) for i in due.part.tolist()], np.int32)
    return match(Spans(officer, due.begin, due.end), there.clips, due.within)


def _write_duties(
    path: Path, parts: Sequence[tuple[Taken, str]], due: Owed, there: Held, source: str
) -> dict[str, int]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    measured = _measured(parts, due, there)
    outcome = outcomes(due, measured)
    kept = np.flatnonzero(outcome != NOTHING)
    who = [parts[i] for i in due.part[kept].tolist()]
    ids = [event_id("", source, row.id) for row, _ in who]
    kinds, places = due.kind[kept].tolist(), due.piece[kept].tolist()
    whys = [due.whys[i] for i in due.why[kept].tolist()]
    words = [OUTCOMES[i] for i in outcome[kept].tolist()]
    length = due.end[kept] - due.begin[kept]
    instant = pa.timestamp("us", tz="UTC")
    table = pa.table(
        {
            "duty": [duty_id(event, badge, kind, place) for event, (_, badge), kind, place in zip(ids, who, kinds, places, strict=True)],
            "event": [row.id for row, _ in who],
            "row": pa.array([row.number for row, _ in who], pa.int64()),
            "wearer": [badge for _, badge in who],
            "group": [row.group for row, _ in who],
            "event_kind": [row.kind for row, _ in who],
            "kind": [duties.KINDS[kind] for kind in kinds],
            "begins_at": pa.array(due.begin[kept], instant),
            "ends_at": pa.array(due.end[kept], instant),
            "duty_hours": length / tally.HOUR_US,
            "duty_hours_recorded": measured.covered[kept] / tally.HOUR_US,
            "duty_hours_missing": (length - measured.covered[kept]) / tally.HOUR_US,
            "within_s": due.within[kept] / 1e6,
            "late_s": measured.late[kept] / 1e6,
            "stopped_early_s": measured.early[kept] / 1e6,
            "interrupted_s": measured.gap[kept] / 1e6,
            "interruptions": pa.array(measured.gaps[kept], pa.int32()),
            "outcome": words,
            "clauses": [" ".join(why.clauses) for why in whys],
            "presumed": [" ".join(why.presumed) for why in whys],
            "missing_facts": [" ".join(why.missing) for why in whys],
            "says": [" ".join([why.says, *(f"{FLAGS[f]}." for f in row.flags)]).strip() for why, (row, _) in zip(whys, who, strict=True)],
        }
    )  # fmt: skip
    pq.write_table(table, path, compression="zstd")
    return {word: words.count(word) for word in OUTCOMES if word in words}


def _write_figures(path: Path, first: str, rows: object) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((first, *COLUMNS))
        for name, figures in rows:  # type: ignore[attr-defined]
            writer.writerow((_safe(name), *figures.row()))


def _write_rejected(path: Path, readings: Sequence[Reading]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("file", "row", "reason", "cells"))
        for reading in readings:
            for one in reading.rejected:
                cells = json.dumps(dict(one.cells), ensure_ascii=False)
                writer.writerow((_safe(reading.file), one.number, one.reason, cells))


def _safe(text: str) -> str:
    """A text that no spreadsheet runs as a formula."""
    return f"'{text}" if text.startswith(("=", "+", "@", "-")) else text
