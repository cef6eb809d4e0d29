"""How does a list of cameras get into the fleet? As the roster does: worked out, shown, and taken as one act."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lapel.base import clock
from lapel.base.ids import new_id
from lapel.fleet import store
from lapel.fleet.camera_mapping import CameraReading, read_file, read_mapping, work_out
from lapel.roster import store as roster
from lapel.roster.changes import Changes
from lapel.roster.importing import enter
from lapel.roster.reading import Rejected
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope


@dataclass(frozen=True, slots=True)
class Imported:
    """What a list came to."""

    reading: CameraReading
    changes: tuple[Changes, ...]
    rejected: tuple[Rejected, ...]


def take_cameras(
    archive: Archive, scope: Scope, path: Path, mapping_text: str, mapping_file: str, *, dry_run: bool
) -> Imported:
    """Take a list of cameras over. Raises `Invalid` for a mapping or file that cannot be read, `NotFound`."""
    reading = read_file(path, read_mapping(mapping_text, mapping_file))
    rejected = list(reading.rejected)
    for row in reading.rows:
        if row.agency not in scope.agencies:
            rejected.append(
                Rejected(row.number, "row", f"nobody knows an agency {row.agency[:20]}", row.cells)
            )
    changes = []
    with archive.db.tx(scope) as conn:
        conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('fleet', 24))")
        at = clock.now()
        for agency in sorted({row.agency for row in reading.rows} & set(scope.agencies)):
            there = roster.offices(conn, agency)
            offices = {o.code: o.id for o in there if o.code} | {o.name: o.id for o in there}
            cameras = {camera.serial: camera for camera in store.cameras(conn, agency)}
            one = work_out(reading, agency, cameras, offices, at=at, by=scope.actor, new_id=new_id)
            changes.append(one)
            rejected += one.rejected
        if not dry_run:
            for one in changes:
                if one.writes:
                    enter(conn, archive, scope, "cameras", reading, one, len(rejected))
    return Imported(reading, tuple(changes), tuple(sorted(rejected, key=lambda r: r.number)))
