"""How does a personnel file get into the roster? Read in a cell, worked out against what is there, and taken as one act.

The same file a second time changes nothing. A dry run does everything but write.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.custody.sidecar import Under, Write, perform
from lapel.roster import store
from lapel.roster.changes import Changes, There
from lapel.roster.mapping import read_mapping
from lapel.roster.reading import Reading, Rejected, check_share, read_file
from lapel.roster.spans import Span
from lapel.roster.working_out import work_out
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

PART = 1000  # rows of one custody entry: its sidecar must stay under a megabyte


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file came to. `imports`: the ids of the import, by agency; empty when nothing was to be written."""

    reading: Reading
    changes: tuple[Changes, ...]
    rejected: tuple[Rejected, ...]
    imports: tuple[tuple[str, str], ...]


def take_roster(
    archive: Archive,
    scope: Scope,
    path: Path,
    mapping_text: str,
    mapping_file: str,
    *,
    dry_run: bool,
    today: date | None = None,
) -> Imported:
    """Take a personnel file over. Raises `Invalid` for a mapping or file that cannot be read, `NotFound`."""
    reading = read_file(path, read_mapping(mapping_text, mapping_file))
    rejected = list(reading.rejected)
    for row in reading.rows:
        if row.agency not in scope.agencies:
            rejected.append(
                Rejected(row.number, "row", f"nobody knows an agency {row.agency[:20]}", row.cells)
            )
    changes, imports = [], []
    with archive.db.tx(scope) as conn:
        conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('roster', 24))")
        at = clock.now()
        for agency in sorted({row.agency for row in reading.rows} & set(scope.agencies)):
            there = _there(conn, agency)
            one = work_out(reading, agency, there, today=today or at.date(), new_id=new_id, seen_at=at)
            changes.append(one)
            rejected += one.rejected
        whole = [one for one in rejected if one.part == "row"]
        check_share(len(whole), reading.count - reading.blank, path.name, reading.mapping.shared, whole)
        if not dry_run:
            imports = [
                (one.agency, enter(conn, archive, scope, "roster", reading, one, len(rejected)))
                for one in changes if one.writes
            ]  # fmt: skip
    return Imported(reading, tuple(changes), tuple(sorted(rejected, key=lambda r: r.number)), tuple(imports))


def enter(
    conn: Connection, archive: Archive, scope: Scope, what: str, reading: Any, changes: Changes, rejected: int
) -> str:  # fmt: skip
    """Write one agency's changes: the first entry names the file, each following one more of its rows. Returns the import's id."""
    shared, at = reading.mapping.shared, clock.now()
    made = new_id()
    row = {
        "id": made, "agency": changes.agency, "what": what, "source": shared.source, "file": reading.file,
        "sha256": reading.sha256, "mapping_sha256": shared.sha256, "counts": changes.counts, "rejected": rejected,
        "at": at, "by": scope.actor,
    }  # fmt: skip
    writes = [Write("roster_import", row), *changes.writes]
    parts: list[Sequence[Write]] = [writes[at : at + PART] for at in range(0, len(writes), PART)]
    counts: dict[str, Value] = {kind: dict(one) for kind, one in changes.counts.items()}
    for number, part in enumerate(parts, 1):
        detail: dict[str, Value] = {
            "file": reading.file, "sha256": reading.sha256, "mapping_sha256": shared.sha256, "source": shared.source,
            "as_of": str(shared.as_of), "counts": counts, "rejected": rejected, "part": number, "parts": len(parts),
        }  # fmt: skip
        entry = log.prepare(
            conn, actor=scope.actor, agency=changes.agency, act=f"{what}_imported", subject=f"{what}:{changes.agency}",
            detail=detail, at=at,
        )  # fmt: skip
        perform(conn, archive, entry, part, agency=changes.agency, under=Under())
    return made


def _there(conn: Connection, agency: str) -> There:
    belongs: dict[str, list[Span]] = {}
    led: dict[str, list[Span]] = {}
    trained: dict[str, list[Span]] = {}
    for m in store.memberships(conn, agency):
        belongs.setdefault(m.officer, []).append(Span(m.office, m.from_on, m.until_on, m.id))
    for s in store.supervisions(conn, agency):
        led.setdefault(s.officer, []).append(Span(s.supervisor, s.from_on, s.until_on, s.id))
    for t in store.trainings(conn, agency):
        trained.setdefault(f"{t.officer} {t.course}", []).append(Span(t.course, t.from_on, t.until_on, t.id))
    return There(
        {one.name: one for one in store.components(conn, agency)}, store.offices(conn, agency),
        store.officers(conn, agency), belongs, led, trained,
    )  # fmt: skip
