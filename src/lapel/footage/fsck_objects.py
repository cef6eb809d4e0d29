"""Has every act its sidecar, and is every object somebody's?"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from lapel.base.errors import EvidenceFault, NotFound
from lapel.custody import sidecar
from lapel.custody.fsck import Fault
from lapel.footage.model import Original, Recording
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope

LEFT_BEHIND = "No row and no log entry names it: an interrupted act left it, and it was never acknowledged."
_LOST = "It is not in the store; without it a lost database cannot be rebuilt."
_PAGE = 500

# The acts that change rows. Of the others (somebody viewed, was refused …) the log alone tells.
_WRITING = (
    "announced", "described", "completed", "received", "received_again", "inspected", "seen", "container_made",
    "connected", "key_renewed", "category_added", "category_suggested", "categorised", "noted", "wearer_corrected",
    "bookmarked", "assigned", "returned", "assignment_withdrawn", "redaction_begun", "redaction_accepted",
    "redaction_second_read", "redaction_given_back", "redaction_render_asked", "redaction_stopped", "redacted",
    "manifest_key_logged",
)  # fmt: skip
_ACTS = """
    SELECT o.entry, o.agency, o.subject, e.commitment FROM custody_opening o JOIN custody_entry e ON e.id = o.entry
     WHERE o.openings #>> '{act,1}' = ANY(%s) AND o.subject IS NOT NULL AND o.entry > %s ORDER BY o.entry LIMIT %s"""


def check_sidecar_of(archive: Archive, recording: Recording, original: Original) -> Iterator[Fault]:
    """Does the sidecar of an arrival tell of the original that came? One that is not there is `check_sidecars`' to tell."""
    try:
        name = sidecar.name_of(recording.agency, recording.id, original.entry)
        _, writes = sidecar.read(archive, name)
    except (NotFound, EvidenceFault):
        return
    rows = [write.row for write in writes if write.table == "original" and not write.change]
    if not any(row["id"] == original.id and row["sha256"] == original.sha256 for row in rows):
        thing = f"sidecar of original {original.id} of {recording.number}"
        yield Fault("altered", thing, "It tells of another original than the row.")


def check_sidecars(archive: Archive, scope: Scope) -> Iterator[Fault]:
    """Every act that changed rows has its sidecar, which opens and holds the entry that was logged."""
    after = ""
    while True:
        with archive.db.tx(scope) as conn:
            rows = conn.execute(_ACTS, (list(_WRITING), after, _PAGE)).fetchall()
        for row in rows:
            kind, _, which = row["subject"].partition(":")
            name = sidecar.name_of(row["agency"], which if kind == "recording" else None, row["entry"])
            try:
                entry, _ = sidecar.read(archive, name)
            except NotFound:
                yield Fault("lost", f"sidecar {name}", _LOST)
            except EvidenceFault as fault:
                yield Fault("altered", f"sidecar {name}", fault.says)
            else:
                if entry.id != row["entry"] or entry.commitment != row["commitment"]:
                    yield Fault("altered", f"sidecar {name}", "It tells of another act than the log.")
        if len(rows) < _PAGE:
            return
        after = rows[-1]["entry"]


def left_behind(archive: Archive, scope: Scope, lost: Sequence[str]) -> Iterator[Fault]:
    """The objects that nothing names. `lost`: the entries of arrivals whose rows are gone; their objects are not meant."""
    stores = archive.stores
    spared = set(_objects_of(archive, set(lost)))
    originals = (name for name in stores.originals.list() if name not in spared)
    sidecars = (name for name in stores.sidecars.list() if name.count("/") == 2)
    for called, query, names in (
        ("object", "SELECT object AS id FROM original WHERE object = ANY(%s)", originals),
        ("derived object", "SELECT object AS id FROM derived WHERE object = ANY(%s)", stores.derived.list()),
        ("sidecar", "SELECT id FROM custody_entry WHERE id = ANY(%s)", sidecars),
        ("key", "SELECT id FROM recording WHERE id = ANY(%s)", stores.keys.list()),
    ):
        # Objects first, rows after: an act that ends meanwhile has both.
        for page in _pages(names):
            with archive.db.tx(scope) as conn:
                ids = [name.rsplit("/", 1)[-1] for name in page]
                named = {row["id"] for row in conn.execute(query.encode(), (ids,))}
            for name, one in zip(page, ids, strict=True):
                if one not in named:
                    yield Fault("extra", f"{called} {name}", LEFT_BEHIND)


def _objects_of(archive: Archive, entries: set[str]) -> Iterator[str]:
    if not entries:
        return
    for name in archive.stores.sidecars.list():
        if name.rsplit("/", 1)[-1] in entries:
            with contextlib.suppress(NotFound, EvidenceFault):  # told by `check_sidecars`
                _, writes = sidecar.read(archive, name)
                yield from (str(write.row["object"]) for write in writes if "object" in write.row)


def _pages(names: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(names)
    while page := list(islice(rest, _PAGE)):
        yield page
