"""How does the log become public? Tiles of the size being published, then its checkpoint: row, signature, object.

Nothing under log/ goes beyond the checkpoint being published: names and times of finer files would tell the world when
officers are at work. Each part may be repeated: the tiles come from committed rows, so they are the same bytes again;
one text per size is ever signed, and Ed25519 signs it the same way each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass

from lapel.base.errors import EvidenceFault, NotFound, Unavailable
from lapel.custody import ed25519
from lapel.custody.checkpoint import Checkpoint, log_signature, read_checkpoint
from lapel.custody.entry import leaf_data
from lapel.custody.note import Signature, read_note
from lapel.custody.tiles import CHECKPOINT, WIDTH, Tile, bundle_path, encode_bundle, tiles_between
from lapel.custody.tree import leaf_hash
from lapel.storage.keys import Keys
from lapel.storage.objects import ObjectStore
from lapel.storage.postgres import Connection

Tx = Callable[[], AbstractContextManager[Connection]]

_TOGETHER = 16  # tiles read from the rows at a time
_WRITERS = 8  # an fsync waits for the disk, not for the processor
_LEAVES = """
    SELECT l.tag, e.commitment FROM custody_leaf l JOIN custody_entry e ON e.id = l.entry
     WHERE l.index >= %s AND l.index < %s ORDER BY l.index"""
_NODES = "SELECT hash FROM custody_node WHERE level = %s AND index >= %s AND index < %s ORDER BY index"


@dataclass(frozen=True, slots=True)
class Head:
    """A size of the log and its root. `published`: the object log/checkpoint was written for it."""

    size: int
    root: bytes
    published: bool = False


def last_checkpoint(tx: Tx) -> Head | None:
    """The newest checkpoint whose row is committed."""
    with tx() as conn:
        row = conn.execute(
            "SELECT c.size, c.root, p.size IS NOT NULL AS published FROM custody_checkpoint c"
            " LEFT JOIN custody_publication p ON p.size = c.size ORDER BY c.size DESC LIMIT 1"
        ).fetchone()
    return Head(row["size"], row["root"], row["published"]) if row else None


def last_batch(tx: Tx) -> Head | None:
    """The log as far as places have been given."""
    with tx() as conn:
        row = conn.execute("SELECT size, root FROM custody_batch ORDER BY size DESC LIMIT 1").fetchone()
    return Head(row["size"], row["root"]) if row else None


def root_at(conn: Connection, size: int) -> bytes | None:
    """The root that was committed for a checkpoint of this size."""
    row = conn.execute("SELECT root FROM custody_checkpoint WHERE size = %s", (size,)).fetchone()
    return bytes(row["root"]) if row else None


def published(public: ObjectStore, origin: str) -> Checkpoint:
    """The checkpoint that the world can read. Raises `NotFound`, `EvidenceFault` when it is of another log."""
    head = read_checkpoint(read_note(public.read(CHECKPOINT)).text)
    if head.origin != origin:
        raise EvidenceFault(f"The published log is of {head.origin}, not of {origin}.")
    return head


def write_tiles(tx: Tx, public: ObjectStore, old: int, new: int) -> None:
    """Write the tiles and bundles that the log of `new` entries has and that of `old` had not. Returns when durable.

    Raises `Conflict` when other bytes are already there.
    """
    with ThreadPoolExecutor(_WRITERS, thread_name_prefix="custody-tiles") as pool:
        for objects in _objects(tx, old, new):
            for done in [pool.submit(public.put_new, f"log/{path}", data) for path, data in objects]:
                done.result()


def commit_checkpoint(tx: Tx, previous: int | None, size: int, root: bytes) -> None:
    """Commit that this root is the one of this size, if `previous` is still the newest. Raises `Unavailable` if not."""
    with tx() as conn:
        done = conn.execute(
            "INSERT INTO custody_checkpoint (size, root) SELECT %s, %s"
            " WHERE (SELECT max(size) FROM custody_checkpoint) IS NOT DISTINCT FROM %s",
            (size, root, previous),
        )
        if done.rowcount != 1:
            raise Unavailable("Another sequencer has made a checkpoint.")


def finish(
    tx: Tx, keys: Keys, public: ObjectStore, origin: str, signing_keys: Sequence[str], size: int, root: bytes
) -> int:
    """Sign the checkpoint of this size with every key, and write the object. Returns the size."""
    text = Checkpoint(origin, size, root).text
    with tx() as conn:
        rows = conn.execute(
            "SELECT line FROM custody_signature WHERE size = %s ORDER BY signed_at, line", (size,)
        )
        lines = [row["line"] for row in rows]
    for name in signing_keys:
        line = str(_sign(keys, name, origin, text)).rstrip("\n")
        if line not in lines:
            with tx() as conn:
                conn.execute("INSERT INTO custody_signature (size, line) VALUES (%s, %s)", (size, line))
            lines.append(line)
    note = text + "\n" + "".join(f"{line}\n" for line in lines)
    # The transaction holds this sequencer's epoch: one that was replaced must not write an old checkpoint over a new one.
    with tx() as conn:
        _refuse_to_go_back(public, origin, size, root)
        public.replace(CHECKPOINT, note.encode())
        conn.execute("INSERT INTO custody_publication (size) VALUES (%s)", (size,))
    return size


def _refuse_to_go_back(public: ObjectStore, origin: str, size: int, root: bytes) -> None:
    try:
        there = published(public, origin)
    except NotFound:
        return
    if there.size > size or (there.size == size and there.root != root):
        raise EvidenceFault(f"A checkpoint of size {there.size} is public; size {size} cannot follow it.")


def _sign(keys: Keys, name: str, origin: str, text: str) -> Signature:
    public_key, signature = keys.public_key(name), keys.sign(name, text.encode())
    if not ed25519.verify(public_key, text.encode(), signature):
        raise EvidenceFault(f"The key agent's signature with the key {name} does not verify.")
    return log_signature(origin, public_key, signature)


def _objects(tx: Tx, old: int, new: int) -> Iterator[list[tuple[str, bytes]]]:
    """Names (under log/) and bytes of what is to be written, some at a time."""
    lowest = [tile for tile in tiles_between(old, new) if tile.level == 0]
    for at in range(0, len(lowest), _TOGETHER):
        group = lowest[at : at + _TOGETHER]
        first, end = group[0].index * WIDTH, group[-1].index * WIDTH + group[-1].width
        with tx() as conn:
            rows = conn.execute(_LEAVES, (first, end)).fetchall()
        leaves = [leaf_data(row["tag"], row["commitment"]) for row in rows]
        if len(leaves) != end - first:
            raise EvidenceFault(f"The log lacks rows between {first} and {end}.", next_step="Run lapel fsck.")
        objects = []
        for tile in group:
            own = leaves[tile.index * WIDTH - first :][: tile.width]
            objects.append((bundle_path(tile.index, tile.width), encode_bundle(own)))
            objects.append((tile.path, b"".join(map(leaf_hash, own))))
        yield objects
    for tile in tiles_between(old, new):
        if tile.level:
            yield [(tile.path, _hashes(tx, tile))]


def _hashes(tx: Tx, tile: Tile) -> bytes:
    first = tile.index * WIDTH
    with tx() as conn:
        rows = conn.execute(_NODES, (tile.level, first, first + tile.width)).fetchall()
    if len(rows) != tile.width:
        raise EvidenceFault(
            f"The log lacks nodes of level {tile.level} from {first} on.", next_step="Run lapel fsck."
        )
    return b"".join(row["hash"] for row in rows)
