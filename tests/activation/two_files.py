"""A file of recordings and a file of events, small, with the mappings that fit them; and what reconciling them gives."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from lapel.activation.mapping_text import read_mapping
from lapel.activation.reading import Reading, read_file
from lapel.activation.reconcile import Reconciled, reconcile

DATA = Path(__file__).parents[3] / "shared" / "data"
BAD = Path(__file__).parent / "bad"
DIRECTIVES = Path(__file__).parents[2] / "directives"
ZONE = "America/Chicago"
RECORDINGS = f"""mapping: recordings
version: 1
source: cameras
zone: {ZONE}
id: clip
wearer: badge
camera: camera
begins: begin
ends: end
"""
EVENTS = f"""mapping: events
version: 1
source: dispatch
zone: {ZONE}
id: call
officers: badge
group: office
begins: begin
ends: end
"""
CLIP_COLUMNS = ("clip", "badge", "camera", "begin", "end")
EVENT_COLUMNS = ("call", "badge", "office", "begin", "end")
COLUMNS = {"recordings": CLIP_COLUMNS, "events": EVENT_COLUMNS}
Rows = Sequence[Sequence[str]]


def table(path: Path, columns: Sequence[str], rows: Rows) -> Path:
    """A CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def clips(rows: Sequence[tuple[str, str, str]]) -> list[tuple[str, str, str, str, str]]:
    """(badge, begin, end) as rows of the file, each a clip of its own."""
    return [(f"R{i}", badge, "X1", begin, end) for i, (badge, begin, end) in enumerate(rows)]


def events(rows: Sequence[tuple[str, str, str]], office: str = "North") -> list[tuple[str, ...]]:
    """(badge, begin, end) as rows of the file, each an event of its own."""
    return [(f"E{i}", badge, office, begin, end) for i, (badge, begin, end) in enumerate(rows)]


def read_events(path: Path, more: str = "", mapping: str = EVENTS) -> Reading:
    """A file of events as its mapping reads it."""
    return read_file(path, read_mapping(mapping + more, "events.yaml", "events"))


def held(
    place: Path, seen: Rows | Path, told: Rows | Path, *, recordings: str = RECORDINGS, happened: str = EVENTS,
    policy: Path | None = None, agency: str = "", out: str = "out",
) -> Reconciled:  # fmt: skip
    """The two held against each other; what is written lies in `place / out`."""
    first = seen if isinstance(seen, Path) else table(place / "recordings.csv", CLIP_COLUMNS, seen)
    second = told if isinstance(told, Path) else table(place / "events.csv", EVENT_COLUMNS, told)
    (place / "recordings.yaml").write_text(recordings)
    (place / "events.yaml").write_text(happened)
    return reconcile(
        first,
        place / "recordings.yaml",
        second,
        place / "events.yaml",
        place / out,
        policy=policy,
        agency=agency,
    )


def written(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
