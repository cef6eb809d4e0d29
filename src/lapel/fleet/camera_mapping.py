"""Which cameras does a list name? Its mapping, its rows, and what would change; docs/formats/roster-mapping.md. No I/O but the reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from lapel.base.errors import Invalid
from lapel.custody.sidecar import Write
from lapel.fleet.keeping import STATUSES, status_writes
from lapel.fleet.model import Camera
from lapel.roster.changes import Changes, Told
from lapel.roster.columns import Cell, Shared, cell, columns_are_there, open_mapping
from lapel.roster.reading import Rejected, check_share
from lapel.storage import tables

KEYS = ("serial", "maker", "model", "firmware", "label", "status", "office", "buffer")
_TEXTS = (("maker", "maker"), ("model", "model"), ("firmware", "firmware"), ("label", "name"))


@dataclass(frozen=True, slots=True)
class CameraMapping:
    """A mapping as read: what every mapping says, and the cell of each of `KEYS`."""

    shared: Shared
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class SaidOfCamera:
    """What a row says: the columns of a camera that it speaks of. `office`: by name or code, "" for nothing."""

    number: int
    cells: Mapping[str, str]
    agency: str
    serial: str
    facts: Mapping[str, Any]
    office: str


@dataclass(slots=True)
class CameraReading:
    """What one file said."""

    mapping: CameraMapping
    file: str
    sha256: str
    rows: list[SaidOfCamera] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


def read_mapping(text: str, file: str) -> CameraMapping:
    """The mapping in a text. Raises `Invalid` with file, line and column."""
    fields, shared = open_mapping(text, file, "cameras", KEYS)
    cells = {key: cell(fields, key) for key in KEYS}
    if not cells["serial"].names:
        raise fields.place.fault("serial is missing.", "Name the column with the serial numbers.")
    return CameraMapping(shared, cells)


def read_file(path: Path, mapping: CameraMapping) -> CameraReading:
    """Every row of a file. Raises `NotFound`, `Invalid`."""
    reading = CameraReading(mapping, path.name, tables.digest(path))
    seen: dict[tuple[str, str], int] = {}
    with tables.opened(path, mapping.shared.layout) as table:
        named = [mapping.shared.agency, *mapping.cells.values()]
        columns_are_there(named, table.columns, path.name, mapping.shared.file)
        for row in table:
            try:
                if row.defect:
                    raise Invalid(row.defect)
                said = _said(mapping, row.number, row.cells)
                if (said.agency, said.serial) in seen:
                    raise Invalid(f"row {seen[said.agency, said.serial]} speaks of this camera already")
            except Invalid as error:
                reading.rejected.append(Rejected(row.number, "row", error.says, row.cells))
                continue
            seen[said.agency, said.serial] = row.number
            reading.rows.append(said)
        rows = table.count - table.blank
    check_share(len(reading.rejected), rows, path.name, mapping.shared, reading.rejected)
    return reading


def _said(mapping: CameraMapping, number: int, cells: Mapping[str, str]) -> SaidOfCamera:
    empty = mapping.shared.empty
    told = {key: one.of(cells, empty) for key, one in mapping.cells.items()}
    agency = mapping.shared.agency.of(cells, empty)
    if not agency or not told["serial"]:
        raise Invalid("it has no serial number" if agency else "it names no agency")
    facts: dict[str, Any] = {column: told[key] for key, column in _TEXTS if told[key]}
    if status := told["status"].lower():
        if status not in STATUSES:
            raise Invalid(f"“{status[:30]}” is no status; there are {', '.join(STATUSES)}")
        facts["status"] = status
    if buffer := told["buffer"]:
        if not buffer.isascii() or not buffer.isdigit() or len(buffer) > 4 or int(buffer) > 600:
            raise Invalid(f"“{buffer[:20]}” is no pre-event buffer of 0 to 600 seconds")
        facts["buffer_s"] = int(buffer)
    return SaidOfCamera(number, cells, agency, told["serial"], facts, told["office"])


def work_out(
    reading: CameraReading, agency: str, there: Mapping[str, Camera], offices: Mapping[str, str], *, at: datetime, by: str,
    new_id: Callable[[], str],
) -> Changes:  # fmt: skip
    """The changes of one agency. `there`: its cameras by serial number; `offices`: ids by name and by code."""
    changes = Changes(agency)
    because = f"{reading.mapping.shared.source}, {reading.file}"
    for row in reading.rows:
        if row.agency != agency:
            continue
        facts = dict(row.facts)
        if row.office:
            if row.office in offices:
                facts["office"] = offices[row.office]
            else:
                changes.rejected.append(Rejected(row.number, "office", f"nobody knows an office {row.office[:40]} in {agency}", row.cells))  # fmt: skip
        camera = there.get(row.serial)
        status = facts.get("status")
        if camera is None:
            made = {
                "id": new_id(), "agency": agency, "serial": row.serial, "known": True, "last_seen_at": at,
                "active": status != "retired", **facts,
            }  # fmt: skip
            changes.writes.append(Write("camera", made))
            if status:
                changes.writes.append(Write("camera_status", {"id": new_id(), "agency": agency, "camera": made["id"], "status": status, "at": at, "reason": because, "by": by}))  # fmt: skip
            changes.told.append(Told("camera", "added", row.serial, _words(row.facts)))
            continue
        changed = {k: v for k, v in {"known": True, **facts}.items() if getattr(camera, k) != v}
        if not changed:
            continue
        if "status" in changed:
            changes.writes += status_writes(camera, changed["status"], at, because, by)
        plain = {k: v for k, v in changed.items() if k != "status"}
        if plain:
            changes.writes.append(Write("camera", {"id": camera.id, **plain}, change=True))
        what = "ended" if changed.get("status") in ("lost", "retired") else "changed"
        changes.told.append(Told("camera", what, row.serial, _words({k: v for k, v in changed.items() if k != "office"})))  # fmt: skip
    return changes


def _words(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.replace('_s', '')}: {value}" for name, value in facts.items())
