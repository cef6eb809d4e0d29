"""How do events come out of a file and into the database? Each with its source; what cannot be taken, with its reason.

Rules:
- the same file by the same mapping is imported once, however often it is given;
- an event is known by what its source calls it: given again it is the same event, and when a later file says something
  else of it, the later file counts and what the earlier one said stays beside it;
- a row is taken, or listed among the rejected with its reason; nothing is repaired, nothing shifted;
- an officer whom the roster does not know stays a badge, and their duties are undetermined until it does;
- the import is an entry in the custody log, with the digests of the file and of the mapping.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from lapel.activation import audit, store_import, store_runs
from lapel.activation.event import event_id
from lapel.activation.fit import fit
from lapel.activation.gathering import coded
from lapel.activation.instants import day_of, to_datetime
from lapel.activation.mapping_text import read_mapping
from lapel.activation.match import Spans
from lapel.activation.reading import Reading, Rejected, Taken, read_file
from lapel.activation.store_import import Import, Known
from lapel.base import clock
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.policy import store as policy
from lapel.policy.shelf import text_at
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

_CONTROL = "it holds control characters"


@dataclass(slots=True)
class TakenIn:
    """What came of an import. `again`: when the same file had been imported before, nothing is done. `new`, `changed`,
    `same`: events; `unknown`: badges that the roster does not know; `notes`: what is doubtful of the file as a whole."""

    id: str
    reading: Reading
    new: int = 0
    changed: int = 0
    same: int = 0
    again: bool = False
    unknown: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    months: list[str] = field(default_factory=list)


def take_in(
    archive: Archive, scope: Scope, agency: str, file: Path, mapping_file: Path, *, dry_run: bool = False
) -> TakenIn:
    """Import the events of a file. With `dry_run` nothing is written, and everything is said that would be.

    Raises `NotFound` and `Invalid` for a file or mapping that cannot be read, `NotFound` before a policy is adopted, whose
    vocabulary types the facts.
    """
    zone = audit.zone_of(archive, scope, agency)
    mapping = read_mapping(text_at(mapping_file), mapping_file.name, "events")
    with archive.db.tx(scope) as conn:
        vocabulary = policy.library(conn).vocabulary
    reading = read_file(file, mapping, vocabulary)
    reading.rows = _without_control(reading)
    done = TakenIn(new_id(), reading, notes=list(reading.notes))
    with archive.db.tx(scope) as conn:
        store_runs.one_at_a_time(conn, agency)
        before = store_import.imported(conn, agency, reading.sha256, mapping.sha256)
        if before is not None:
            done.id, done.again = before, True
            return done
        _compare(conn, agency, zone, done, dry_run=dry_run, actor=scope.actor)
    return done


def _compare(
    conn: Connection, agency: str, zone: ZoneInfo, done: TakenIn, *, dry_run: bool, actor: str
) -> None:
    """Find what is new and what is said otherwise than before; write it, unless only asked."""
    reading = done.reading
    source = reading.mapping.source
    rows = {event_id(agency, source, row.id): row for row in reading.rows}
    known = store_import.known(conn, agency, list(rows))
    new = {name: row for name, row in rows.items() if name not in known}
    changed = {name: row for name, row in rows.items() if name in known and _differs(row, known[name])}
    done.new, done.changed, done.same = len(new), len(changed), len(rows) - len(new) - len(changed)
    officers = store_import.badges(
        conn, agency, sorted({badge for row in reading.rows for badge in row.badges})
    )
    done.unknown = sorted({badge for row in reading.rows for badge in row.badges} - officers.keys())
    if done.unknown:
        listed = ", ".join(done.unknown[:10]) + (" …" if len(done.unknown) > 10 else "")
        done.notes.append(f"The roster does not know {len(done.unknown):,} badges: {listed}.")
    done.notes += _zone_note(conn, agency, reading.rows, officers)
    earlier = [known[name].begin for name in changed]
    done.months = sorted(
        {
            day_of(begin, zone).strftime("%Y-%m")
            for begin in (*(r.begin for r in (*new.values(), *changed.values())), *earlier)
        }
    )
    if not dry_run:
        _write(conn, agency, actor, done, new, changed, known, officers)


def _write(
    conn: Connection, agency: str, actor: str, done: TakenIn, new: dict[str, Taken], changed: dict[str, Taken],
    known: dict[str, Known], officers: dict[str, str],
) -> None:  # fmt: skip
    reading, mapping = done.reading, done.reading.mapping
    entry = log.record(
        conn, actor=actor, agency=agency, act="events_imported", subject=f"import:{done.id}",
        detail={
            "source": mapping.source, "file": reading.file, "sha256": reading.sha256, "mapping_sha256": mapping.sha256,
            "rows": reading.count, "new": done.new, "changed": done.changed, "same": done.same,
            "rejected": len(reading.rejected),
        },
    )  # fmt: skip
    store_import.write(
        conn,
        Import(
            done.id, agency, mapping.source, reading.file, reading.sha256, mapping.text, mapping.sha256, reading.count,
            len(reading.rows), done.notes, clock.now(), actor, entry.id,
        ),
        reading.rejected, new, changed, known, officers,
    )  # fmt: skip
    for month in done.months:
        audit.ask_for_month(conn, done.id, month)


def _differs(row: Taken, there: Known) -> bool:
    """Does the file say something else of an event than what is known?"""
    said = (row.begin, row.end, row.kind, row.story.id, sorted(row.badges), sorted(row.flags))
    return said != (
        there.begin,
        there.end,
        there.kind,
        there.story,
        sorted(there.badges),
        sorted(there.flags),
    )


def _without_control(reading: Reading) -> list[Taken]:
    """The rows whose texts can be kept; the others join the rejected."""
    kept = []
    for row in reading.rows:
        if any(ord(c) < 32 for c in "".join((row.id, row.kind, *row.badges))):
            reading.rejected.append(Rejected(row.number, _CONTROL, {"id": repr(row.id)[:200]}))
        else:
            kept.append(row)
    return kept


def _zone_note(
    conn: Connection, agency: str, rows: Sequence[Taken], officers: dict[str, str]
) -> Iterable[str]:
    """Would the events fit the footage better at another offset? Said, and never shifted."""
    parts = [(officers[b], row.begin, row.end) for row in rows for b in row.badges if b in officers]
    if not parts:
        return []
    code = {name: i for i, name in enumerate(sorted({officer for officer, _, _ in parts}))}
    begin, end = np.array([p[1] for p in parts], np.int64), np.array([p[2] for p in parts], np.int64)
    around = timedelta(hours=14)
    clips = store_runs.clips(
        conn, agency, to_datetime(int(begin.min())) - around, to_datetime(int(end.max())) + around
    )
    wearer = coded(clips["wearer"], code)
    low, high = (clips[name].to_numpy().astype(np.int64) for name in ("begin", "ended"))
    mine = (wearer >= 0) & (high > low)
    events = Spans(np.array([code[p[0]] for p in parts], np.int32), begin, end)
    found = fit(events, Spans(wearer[mine], low[mine], high[mine]))
    return [found.says()] if found.doubtful else []
