"""Are the log's objects (tiles, bundles, checkpoint, private copies) what the rows say?"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from lapel.base.errors import EvidenceFault, Invalid, NotFound
from lapel.custody.checkpoint import Checkpoint, LogKey, read_checkpoint, signed_by_log
from lapel.custody.fsck import Fault
from lapel.custody.note import LOG_KEY, Note, VerifierKey, read_note
from lapel.custody.private import (
    KEY_OWNER,
    Kept,
    kept_name,
    open_rest,
    open_stretch,
    purpose,
    split_keys,
    stretch_name,
)
from lapel.custody.tiles import CHECKPOINT, WIDTH, Tile, bundle_path, encode_bundle
from lapel.custody.tree import TILE_HEIGHT, leaf_hash
from lapel.storage.keys import Keys
from lapel.storage.objects import ObjectStore, Stores
from lapel.storage.postgres import Connection

_NAME = re.compile(r"log/tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([0-9]{1,3}))?")
_LOOKS = 3
_BETWEEN_LOOKS_S = 0.2
_STRETCH = """
    SELECT l.index, o.entry, o.agency, l.n, o.openings::text AS openings, o.subject
      FROM custody_leaf l LEFT JOIN custody_opening o ON o.entry = l.entry
     WHERE l.index BETWEEN %s AND %s ORDER BY l.index"""


def published_size(conn: Connection) -> int:
    """The largest size whose checkpoint was published."""
    row = conn.execute("SELECT COALESCE(max(size), 0) AS size FROM custody_publication").fetchone()
    return int(row["size"]) if row else 0


def placed_size(conn: Connection) -> int:
    """How many entries have a place. While a publication goes on its tiles are there before its checkpoint."""
    row = conn.execute("SELECT COALESCE(max(size), 0) AS size FROM custody_batch").fetchone()
    return int(row["size"]) if row else 0


class TileCheck:
    """Fed with the leaves in order, compares every tile and bundle of the published log. Holds one tile a level."""

    def __init__(self, public: ObjectStore, size: int) -> None:
        self._public = public
        self._size = size
        self._leaves: list[bytes] = []
        self._hashes: dict[int, list[bytes]] = {}

    def leaf(self, index: int, leaf: bytes, nodes: list[tuple[int, int, bytes]]) -> Iterator[Fault]:
        """The next leaf, and the hashes of the tiles that it filled."""
        if index >= self._size:
            return
        self._leaves.append(leaf)
        last = index + 1 == self._size
        if len(self._leaves) == WIDTH or last:
            number, width = index // WIDTH, len(self._leaves)
            yield from self._compare(bundle_path(number, width), encode_bundle(self._leaves))
            yield from self._compare(Tile(0, number, width).path, b"".join(map(leaf_hash, self._leaves)))
            self._leaves = []
        for level, position, digest in nodes:
            row = self._hashes.setdefault(level, [])
            row.append(digest)
            if len(row) == WIDTH:
                yield from self._compare(Tile(level, position // WIDTH, WIDTH).path, b"".join(row))
                row.clear()
        if last:
            for level, row in self._hashes.items():
                if row:
                    number = (self._size >> TILE_HEIGHT * level) // WIDTH
                    yield from self._compare(Tile(level, number, len(row)).path, b"".join(row))

    def surplus(self, conn: Connection) -> Iterator[Fault]:
        """Objects under log/ that neither the published log has nor the one that may be being published."""
        suspects = [n for n in self._public.list("log/") if n != CHECKPOINT and not _belongs(n, self._size)]
        # Objects first, rows after: what is being published meanwhile is then no surplus.
        size = placed_size(conn)
        for name in suspects:
            if not _belongs(name, size):
                yield Fault("extra", name, "The published log has no such object.")

    def _compare(self, path: str, expected: bytes) -> Iterator[Fault]:
        name = f"log/{path}"
        try:
            if self._public.read(name) != expected:
                yield Fault("altered", name, "The public object is not what the rows say.")
        except NotFound:
            yield Fault("lost", name, "The public log lacks this object.")


def _belongs(name: str, size: int) -> bool:
    match = _NAME.fullmatch(name)
    if match is None:
        return False
    level = 0 if match[1] == "entries" else int(match[1])
    number = int(match[2].replace("x", "").replace("/", ""))
    width = int(match[3]) if match[3] else WIDTH
    # A partial one of an earlier size stays; none may go beyond.
    return (number * WIDTH + width) << TILE_HEIGHT * level <= size


def check_checkpoint(conn: Connection, public: ObjectStore, keys: Keys | None) -> Iterator[Fault]:
    """Is what the world reads the newest checkpoint that was published, with all its signatures?"""
    found: list[Fault] = []
    for _ in range(_LOOKS):
        found = list(_look_at_checkpoint(conn, public, keys))
        if not found:
            return
        time.sleep(_BETWEEN_LOOKS_S)  # the object is written just before its row is committed
    yield from found


def _look_at_checkpoint(conn: Connection, public: ObjectStore, keys: Keys | None) -> Iterator[Fault]:
    row = conn.execute(
        "SELECT c.size, c.root, d.origin FROM custody_publication p JOIN custody_checkpoint c ON c.size = p.size"
        " LEFT JOIN department d ON true ORDER BY c.size DESC LIMIT 1"
    ).fetchone()
    try:
        note = read_note(public.read(CHECKPOINT))
        head = read_checkpoint(note.text)
    except NotFound:
        if row is not None:
            yield Fault("lost", CHECKPOINT, "The published checkpoint is gone.")
        return
    except Invalid as fault:
        yield Fault("altered", CHECKPOINT, fault.says)
        return
    if row is None or head.size > row["size"]:
        yield Fault(
            "lost", f"rows up to {head.size}", "More was published than the database knows: it is an old one."
        )
        return
    if (head.size, head.root) != (row["size"], row["root"]) or row["origin"] not in (None, head.origin):
        yield Fault(
            "altered", CHECKPOINT, f"It is not the checkpoint of size {row['size']} that was published."
        )
    kept = conn.execute("SELECT line FROM custody_signature WHERE size = %s", (row["size"],)).fetchall()
    if {str(s).rstrip("\n") for s in note.signatures} != {r["line"] for r in kept}:
        yield Fault("altered", CHECKPOINT, "Its signatures are not those that the rows keep.")
    if keys is not None and not _is_signed(note, head, keys):
        yield Fault("altered", CHECKPOINT, "The log's key has not signed this text.")


def _is_signed(note: Note, head: Checkpoint, keys: Keys) -> bool:
    key = LogKey(VerifierKey(head.origin, LOG_KEY, keys.public_key("log")))
    try:
        return bool(signed_by_log(note, head.size, [key]))
    except EvidenceFault:
        return False


def check_private(conn: Connection, stores: Stores, keys: Keys | None) -> Iterator[Fault]:
    """Are the private copies there, and (with the administrator's keys) do they say what the rows say?"""
    # Objects first, rows after: what is sealed meanwhile is then no surplus.
    there = {"log-private": [*stores.log_private.list()], "log-keys": [*stores.log_keys.list()]}
    expected: set[str] = set()
    for row in conn.execute("SELECT first, last FROM custody_sealed ORDER BY first").fetchall():
        name = stretch_name(row["first"], row["last"])
        expected.add(name)
        try:
            data, blob = stores.log_private.read(name), stores.log_keys.read(name)
        except NotFound as fault:
            yield Fault("lost", f"log-private/{name}", fault.says)
            continue
        if keys is not None:
            try:
                yield from _compare_stretch(conn, stores, keys, row["first"], row["last"], data, blob)
            except EvidenceFault as fault:
                yield Fault("altered", f"log-private/{name}", fault.says)
    for called, names in there.items():
        for name in names:
            if name not in expected and not name.startswith("kept/") and not _being_sealed(conn, name):
                yield Fault("extra", f"{called}/{name}", "The database knows no such stretch of the log.")


def _compare_stretch(
    conn: Connection, stores: Stores, keys: Keys, first: int, last: int, data: bytes, blob: bytes
) -> Iterator[Fault]:
    own = split_keys(keys.unwrap(KEY_OWNER, purpose(first, last), blob), first, last)
    rows = conn.execute(_STRETCH, (first, last)).fetchall()
    if len(rows) != len(own):
        return  # told already, where the leaves were checked
    for row, key, (index, sealed) in zip(rows, own, open_stretch(data, first, last, own), strict=True):
        kept: Kept | None = sealed
        if kept is None:
            try:
                kept = open_rest(index, stores.log_private.read(kept_name(index, key)), key)
            except NotFound:
                yield Fault("lost", f"private copy of entry {row['entry']}", "Nothing opens with its key.")
                continue
        was = (kept.entry, kept.agency, kept.n, kept.openings, kept.subject)
        if was != (row["entry"], row["agency"], row["n"], row["openings"], row["subject"]):
            yield Fault(
                "altered", f"private copy of entry {row['entry']}", "It does not say what the row says."
            )


def _being_sealed(conn: Connection, name: str) -> bool:
    """Does it belong to the stretch that is being written just now?"""
    row = conn.execute("SELECT COALESCE(max(last) + 1, 0) AS first FROM custody_sealed").fetchone()
    return row is not None and name.startswith(f"{row['first']:016d}-")
