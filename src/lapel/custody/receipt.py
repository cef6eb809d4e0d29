"""What can be handed to an outsider, so that they can check one act without asking us?"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection
from typing import Any

from lapel.base.errors import Invalid, NotFound, Unavailable
from lapel.custody.checkpoint import Proof, read_checkpoint
from lapel.custody.entry import VERSION, field_commitment, leaf_data, read_openings
from lapel.custody.note import Note, read_note
from lapel.custody.tiles import CHECKPOINT, WIDTH, Tile, nodes_from
from lapel.custody.tree import inclusion_proof
from lapel.storage.objects import ObjectStore
from lapel.storage.postgres import Connection

ALWAYS_OPEN = ("at", "act", "agency")

_ENTRY = """
    SELECT o.openings::text AS openings, e.commitment, l.index, l.tag
      FROM custody_opening o JOIN custody_entry e ON e.id = o.entry
      LEFT JOIN custody_leaf l ON l.entry = o.entry WHERE o.entry = %s"""


def prove(
    conn: Connection, public: ObjectStore, entry_id: str, open_fields: Collection[str] = ALWAYS_OPEN
) -> dict[str, Any]:
    """The receipt of one entry, showing these fields, against the checkpoint that is public now.

    Raises `NotFound` when the entry is not there or not in view, `Invalid` for a field it has not (or not any more), and
    `Unavailable` while no published checkpoint covers it; the next one will.
    """
    row = conn.execute(_ENTRY, (entry_id,)).fetchone()
    if row is None:
        raise NotFound(f"There is no custody entry {entry_id[:40]}.")
    openings = read_openings(row["openings"])
    if missing := set(open_fields) - openings.opened.keys():
        there = ", ".join(openings.opened)
        raise Invalid(f"The entry has no field “{min(missing)[:40]}” to show.", next_step=f"It has {there}.")
    head_note = _published(public)
    head = read_checkpoint(head_note.text)
    if row["index"] is None or row["index"] >= head.size:
        raise Unavailable(
            "The entry is not in the published log yet.", next_step="Wait for the next checkpoint."
        )
    shown = {name: opened for name, opened in sorted(openings.opened.items()) if name in open_fields}
    hidden = {n: field_commitment(*o) for n, o in openings.opened.items() if n not in open_fields}
    closed = sorted({**hidden, **openings.closed}.items())
    path = inclusion_proof(
        row["index"], head.size, nodes_from(lambda tile: read_tile(public, tile), head.size)
    )
    return {
        "receipt": 1,
        "v": VERSION,
        "opened": {name: {"salt": salt.hex(), "value": value} for name, (salt, value) in shown.items()},
        "closed": {name: digest.hex() for name, digest in closed},
        "leaf": b64encode(leaf_data(row["tag"], row["commitment"])).decode(),
        "index": row["index"],
        "proof": str(Proof(row["index"], tuple(path), head_note)),
    }


def _published(public: ObjectStore) -> Note:
    try:
        return read_note(public.read(CHECKPOINT))
    except NotFound:
        raise Unavailable(
            "The log is not published yet.", next_step="Wait for the first checkpoint."
        ) from None


def read_tile(public: ObjectStore, tile: Tile) -> bytes:
    """A tile's bytes; the beginning of the full one where a partial one is not kept any more. Raises `NotFound`."""
    try:
        return public.read(tile.name)
    except NotFound:
        if tile.width == WIDTH:
            raise
        return public.read(Tile(tile.level, tile.index, WIDTH).name, 0, tile.width * 32)
