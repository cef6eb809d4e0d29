"""How does a file come in that no camera system delivers? Somebody adds it, and says who wore the camera and which it was.

A file is added once in an agency, whatever it is called: the same bytes again change nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lapel.base.errors import Invalid, NotFound
from lapel.footage import model, people, store
from lapel.footage.announce import complete, open_recording
from lapel.footage.incoming import Incoming, Stored
from lapel.footage.model import Announced, Kind, Original, Recording, Said
from lapel.footage.receive import accept
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope

CHUNK_BYTES = 1 << 20
_MAX_NAME_BYTES = 256


@dataclass(frozen=True, slots=True)
class Worn:
    """What somebody says of a file: the wearer's badge number, the camera's serial number, and when it began."""

    badge: str
    serial: str
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """The original that holds the file's bytes, its recording, and whether they were there before."""

    recording: Recording
    original: Original
    already: bool


def add(
    archive: Archive,
    scope: Scope,
    agency: str,
    path: Path,
    worn: Worn,
    *,
    read: Callable[[int], None] = lambda _: None,
) -> Added:
    """Add one file as a recording of its own; `read` hears the bytes of each chunk. Durable on return.

    Raises `NotFound` when there is no such file, `Invalid` when it is no file or cannot be read, `Unavailable` when it
    cannot be stored now. A wearer or camera nobody knows is kept and flagged.
    """
    with Incoming(archive) as incoming:
        _read(path, incoming, read)
        stored = incoming.finish()
        with archive.db.tx(scope) as conn:
            same = store.original_by_digest(conn, agency, stored.sha256)
            there = store.recording(conn, same.recording) if same else None
        if same is not None and there is not None:
            if there.source == "hand" and there.state == "receiving":
                there = complete(archive, scope, there.id)  # an earlier attempt ended between its two steps
            return Added(there, same, already=True)
        return _keep(archive, scope, agency, path, worn, stored)


def _keep(archive: Archive, scope: Scope, agency: str, path: Path, worn: Worn, stored: Stored) -> Added:
    wearer, wearer_known = people.wearer_with_badge(archive, scope, agency, worn.badge)
    camera, camera_known = people.camera(archive, scope, agency, worn.serial)
    flags = [] if wearer_known else [model.WEARER_UNKNOWN]
    flags += [] if camera_known else [model.CAMERA_UNKNOWN]
    announced = Announced(
        # So that an attempt that broke off is gone on with, and leaves no empty recording. Empty files are never the same.
        external_id=f"file:{stored.sha256}" if stored.size_bytes else None,
        wearer=wearer,
        camera=camera,
        started_at=worn.started_at,
        facts={"file": _name(path)},
        flags=tuple(flags),
    )
    recording = open_recording(archive, scope, agency, announced, source="hand")
    said = Said(kind=_kind(path), name=_name(path), started_at=worn.started_at)
    original = accept(archive, scope, recording, stored, said)
    return Added(complete(archive, scope, recording.id), original, already=original.recording != recording.id)


def _read(path: Path, incoming: Incoming, read: Callable[[int], None]) -> None:
    try:
        with path.open("rb", buffering=0) as file:
            while chunk := file.read(CHUNK_BYTES):
                incoming.write(chunk)
                read(len(chunk))
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}.") from None
    except (IsADirectoryError, PermissionError) as fault:
        raise Invalid(
            f"{path} cannot be read: {fault.strerror}.", next_step="Give files that you may read."
        ) from None


def _name(path: Path) -> str:
    """The file's own name as data: what is no UTF-8 or cannot be shown is written as escapes."""
    name = path.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
    return shown.encode()[:_MAX_NAME_BYTES].decode("utf-8", "ignore")


def _kind(path: Path) -> Kind:
    return "trail" if path.name.lower().endswith("_gpstrail.json") else "clip"
