"""What outlives the database? Beside the log, each adoption leaves a small sealed file: the text and its openings.

Name: `policy/<agency or department>.<entry id>` in the store of sidecars. Plain text: canonical JSON {v: 1, entry: …,
row: {…}}, sealed by the key agent under the owner's key (purpose `sidecar:<name>`). Proofs, comparisons and drafts are
not kept here: proofs are made again, and a draft is handed in again (docs/formats/policy-record.md).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg

from lapel.base.clock import read_stamp
from lapel.base.errors import Conflict, EvidenceFault, NotFound
from lapel.custody import log
from lapel.custody.entry import Entry
from lapel.custody.fsck import Fault
from lapel.policy import proving, store
from lapel.policy.record import DEPARTMENT, Adopted, row_values
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope

PREFIX = "policy/"
_DAYS = ("version", "adopted_on")


def put(archive: Archive, owner: str, entry: Entry, row: Adopted) -> None:
    """Seal and store the sidecar of one adoption; durable when it returns."""
    name = f"{PREFIX}{owner}.{entry.id}"
    values = {k: v.isoformat() if k in (*_DAYS, "entered_at") else v for k, v in row_values(row).items()}
    plain = json.dumps(
        {"v": 1, "entry": entry.to_json(), "row": values}, ensure_ascii=False, separators=(",", ":")
    )
    archive.stores.sidecars.put_new(name, archive.keys.wrap(owner, f"sidecar:{name}", plain.encode()))


def read(archive: Archive, name: str) -> tuple[Entry, Adopted]:
    """Open a sidecar. Raises `EvidenceFault` when it does not open or is not of version 1."""
    owner = name.removeprefix(PREFIX).partition(".")[0]
    content = json.loads(archive.keys.unwrap(owner, f"sidecar:{name}", archive.stores.sidecars.read(name)))
    if content.get("v") != 1:
        raise EvidenceFault(
            f"The sidecar {name} is of version {content.get('v')}, which this program does not know."
        )
    row: dict[str, Any] = content["row"]
    row |= {name: date.fromisoformat(row[name]) for name in _DAYS}
    return Entry.from_json(content["entry"]), Adopted(**{**row, "entered_at": read_stamp(row["entered_at"])})


@dataclass(frozen=True, slots=True)
class BroughtBack:
    """How many adoptions are on record again, and the sidecars that contradict them and were left out."""

    adoptions: int
    left_out: tuple[str, ...]


def rebuild(archive: Archive, scope: Scope) -> BroughtBack:
    """Write back every adoption, those that the log knows first; then ask for the proofs. `archive.db` is the owner's.

    Safe to repeat. Raises `EvidenceFault` when a sidecar does not open.
    """
    whole = Scope(scope.actor, (*scope.agencies, DEPARTMENT))
    found = [(name, *read(archive, name)) for name in archive.stores.sidecars.list(PREFIX)]
    with archive.db.tx(whole) as conn:
        known = {entry.id: log.is_logged(conn, entry.id) for _, entry, _ in found}
    found.sort(key=lambda one: (not known[one[1].id], one[1].at, one[2].kind != "waiver"))
    left_out = []
    for name, entry, row in found:
        with archive.db.tx(whole) as conn:
            try:
                with conn.transaction():
                    store.insert(conn, "directive", row_values(row), keep=True)
                    log.restore(conn, entry)
            except (Conflict, psycopg.errors.UniqueViolation, psycopg.errors.ForeignKeyViolation):
                left_out.append(name)
    with archive.db.tx(whole) as conn:
        if found:
            proving.ask_again(conn)
    return BroughtBack(len(found) - len(left_out), tuple(left_out))


def check(archive: Archive, scope: Scope) -> Iterator[Fault]:
    """Is every adopted text what was signed? Rows, sidecars and the custody log have to agree."""
    whole = Scope(scope.actor, (*scope.agencies, DEPARTMENT))
    with archive.db.tx(whole) as conn:
        rows = store.adopted(conn)
        logged = {
            row.entry: next(
                (a for a in log.history(conn, f"directive:{row.policy}") if a.entry == row.entry), None
            )
            for row in rows
        }
    for row in rows:
        thing = f"directive {row.policy} of {row.version}"
        act = logged[row.entry]
        if row.digest != row.sha256:
            yield Fault("altered", thing, "Its text has another SHA-256 than its row says.")
        if act is None:
            yield Fault("extra", thing, "The custody log has no adoption of it.")
        elif act.detail.get("sha256") != row.sha256:
            yield Fault("altered", thing, "The custody log says that another text was adopted.")
        name = f"{PREFIX}{row.agency or DEPARTMENT}.{row.entry}"
        try:
            if read(archive, name)[1] != row:
                yield Fault("altered", thing, "Its row says something else than its sidecar.")
        except EvidenceFault as fault:
            yield Fault("altered", thing, fault.says)
        except NotFound:
            yield Fault("lost", thing, "Its sidecar is not in the store.")
