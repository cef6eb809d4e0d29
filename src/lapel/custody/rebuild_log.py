"""How do the log's rows come back when the database is lost, or is an old one?

From the public bundles (tags and commitments, up to the published checkpoint) and log-private/ with log-keys/ (openings,
subjects, and what was sealed and not yet published). Stretch by stretch the leaves are held against the bundles, and at
the end the tree against the published checkpoint: what comes back is the log that the world has seen, or nothing does.
What was forgotten stays forgotten: its key is gone. Entries only in sidecars are then brought in by the footage room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lapel.base.errors import EvidenceFault, NotFound
from lapel.custody import rebuild_rows
from lapel.custody.checkpoint import Checkpoint, LogKey, read_checkpoint, signed_by_log
from lapel.custody.entry import Openings, leaf_data, read_leaf, read_openings, tag
from lapel.custody.note import LOG_KEY, Note, VerifierKey, read_note
from lapel.custody.private import (
    KEY_OWNER,
    Kept,
    kept_name,
    open_rest,
    open_stretch,
    purpose,
    read_stretch_name,
    split_keys,
    stretch_name,
)
from lapel.custody.tiles import CHECKPOINT, WIDTH, bundle_path, decode_bundle
from lapel.custody.tree import Frontier, leaf_hash
from lapel.storage.keys import Keys
from lapel.storage.objects import ObjectStore, Stores
from lapel.storage.postgres import Connection, Database, Scope


@dataclass(frozen=True, slots=True)
class RebuiltLog:
    """How many entries the log has now, how many of them came back, and the size that was published."""

    size: int
    brought_back: int
    published: int


@dataclass(frozen=True, slots=True)
class _Restored:
    """An entry as it comes back. `key` is its subject's, empty where the subject was forgotten and its key not found."""

    index: int
    kept: Kept
    openings: Openings
    tag: bytes
    key: bytes

    @property
    def leaf(self) -> bytes:
        return leaf_data(self.tag, self.openings.commitment())


def rebuild_log(
    db: Database, stores: Stores, keys: Keys, told: Callable[[int], None] = lambda _: None
) -> RebuiltLog:
    """Bring back the rows of the log after those that are there. `db` is the owner's, `keys` the administrator's.

    Safe to repeat: each stretch is a transaction. Raises `EvidenceFault` when what is found is not the published log, or
    not a continuation of the rows that are there.
    """
    scope = Scope("system:rebuild", ())
    with db.tx(scope) as conn:
        frontier = rebuild_rows.frontier(conn)
    begun = frontier.size
    public = _public(stores.public, keys)
    head = public[1] if public else None
    _meet(frontier, head)
    for first, last in _stretches(stores.log_private, begun):
        with db.tx(scope) as conn:
            restored = [*_read(conn, stores, keys, first, last, head.size if head else 0)]
            rebuild_rows.same_so_far(
                conn, [(r.index, r.kept.entry) for r in restored if r.index < frontier.size]
            )
            new = [r for r in restored if r.index >= frontier.size]
            before = head.size - frontier.size if head and frontier.size < head.size <= last + 1 else 0
            for part in (new[:before], new[before:]):
                if part:
                    _write(conn, frontier, part)
                    _meet(frontier, head)
            rebuild_rows.sealed(conn, first, last)
        told(frontier.size)
    if head and frontier.size < head.size:
        raise EvidenceFault(
            f"{head.size} entries were published, but log-private/ holds only {frontier.size}.",
            next_step="Restore log-private/ and log-keys/ from their copies.",
        )
    if public:
        with db.tx(scope) as conn:
            rebuild_rows.checkpoint(conn, public[1], [str(s).rstrip("\n") for s in public[0].signatures])
    return RebuiltLog(frontier.size, frontier.size - begun, head.size if head else 0)


def _public(store: ObjectStore, keys: Keys) -> tuple[Note, Checkpoint] | None:
    """The published checkpoint, when there is one. Raises `EvidenceFault` when the log's key has not signed it."""
    try:
        note = read_note(store.read(CHECKPOINT))
    except NotFound:
        return None
    head = read_checkpoint(note.text)
    key = VerifierKey(head.origin, LOG_KEY, keys.public_key("log"))
    if not signed_by_log(note, head.size, [LogKey(key)]):
        raise EvidenceFault("The published checkpoint is not signed with the log's key.")
    return note, head


def _meet(frontier: Frontier, head: Checkpoint | None) -> None:
    """Where the rows are as many as were published, they must be the same log."""
    if head and frontier.size == head.size and frontier.root() != head.root:
        raise EvidenceFault(
            f"The {head.size} entries here are not the {head.size} that were published.",
            next_step="Do not delete anything; begin again with an empty database.",
        )


def _stretches(private: ObjectStore, begun: int) -> Iterator[tuple[int, int]]:
    """The stretches that hold what comes after the first `begun` entries. Raises `EvidenceFault` for a gap."""
    expected = begun
    for name in private.list():
        if name.startswith("kept/"):
            continue
        first, last = read_stretch_name(name)
        if last < begun:
            continue
        if first > expected or (first < expected and expected != begun):
            raise EvidenceFault(f"log-private/{name} does not follow on entry {expected - 1}.")
        yield first, last
        expected = last + 1


def _read(
    conn: Connection, stores: Stores, keys: Keys, first: int, last: int, published: int
) -> Iterator[_Restored]:
    """The entries of a stretch, each held against the public log as far as that goes."""
    name = stretch_name(first, last)
    own = split_keys(keys.unwrap(KEY_OWNER, purpose(first, last), stores.log_keys.read(name)), first, last)
    leaves = _leaves(stores.public, first, min(last + 1, published), published)
    known: dict[str, bytes] = {}
    for index, sealed in open_stretch(stores.log_private.read(name), first, last, own):
        key = own[index - first]
        kept = sealed or open_rest(index, stores.log_private.read(kept_name(index, key)), key)
        if kept.subject and kept.subject_key:
            known[kept.subject] = kept.subject_key
        openings = read_openings(kept.openings)
        subject_key = rebuild_rows.key_of(conn, kept, known)
        public = next(leaves, None)
        if public is None and not subject_key:
            raise EvidenceFault(f"The key of the subject of entry {index} is nowhere.")
        entry_tag = read_leaf(public)[0] if public else tag(subject_key, kept.n)
        one = _Restored(index, kept, openings, entry_tag, subject_key)
        if (public and public != one.leaf) or (subject_key and entry_tag != tag(subject_key, kept.n)):
            raise EvidenceFault(f"The private copy of entry {index} is not the entry that was published.")
        yield one


def _leaves(public: ObjectStore, first: int, end: int, published: int) -> Iterator[bytes]:
    """The public leaves [first, end) of a log of `published` entries."""
    for number in range(first // WIDTH, -(-end // WIDTH)):
        width = min(published - number * WIDTH, WIDTH)
        leaves = decode_bundle(public.read(f"log/{bundle_path(number, width)}"))
        yield from leaves[max(first - number * WIDTH, 0) : max(end - number * WIDTH, 0)]


def _write(conn: Connection, frontier: Frontier, new: Sequence[_Restored]) -> None:
    rebuild_rows.entries(conn, [r.kept for r in new], [r.openings.commitment() for r in new])
    rebuild_rows.places(conn, [(r.index, r.kept.entry, r.tag, r.kept.n) for r in new], [r.key for r in new])
    nodes = frontier.extend([leaf_hash(r.leaf) for r in new])
    rebuild_rows.batch(conn, frontier, nodes)
    for one in new:
        if one.openings.closed:
            rebuild_rows.was_forgotten(conn, one.kept, sorted(one.openings.closed))
    for one in new:
        if "act" in one.openings.opened and one.openings.opened["act"][1] == "forgotten":
            rebuild_rows.forget_again(conn, one.kept.entry, one.openings)
