"""Is the whole custody log what it was: rows, tiles, checkpoints, commitments, openings, private copies?

Reads everything, changes nothing, in bounded memory: leaf by leaf in the log's order, the tree grown along with it.
A `lost` thing should be there and is not, an `extra` one should not be, an `altered` one disagrees with what was logged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from lapel.base.errors import EvidenceFault
from lapel.custody.entry import leaf_data, read_openings, tag
from lapel.custody.tree import Frontier, leaf_hash
from lapel.storage.keys import Keys
from lapel.storage.objects import Stores
from lapel.storage.postgres import Connection, Database, Scope

_WAITS_TOO_LONG_S = 60
_TOGETHER = 2048

_LEAVES = """
    SELECT l.index, l.entry, l.tag, l.n, e.commitment, o.openings::text AS openings, o.subject, s.key
      FROM custody_leaf l LEFT JOIN custody_entry e ON e.id = l.entry LEFT JOIN custody_opening o ON o.entry = l.entry
      LEFT JOIN custody_subject s ON s.subject = o.subject WHERE l.index < %s ORDER BY l.index"""
_NOT_IN_LOG = """
    SELECT e.id, p.entry IS NULL AS forgotten FROM custody_entry e LEFT JOIN custody_pending p ON p.entry = e.id
     WHERE NOT EXISTS (SELECT FROM custody_leaf l WHERE l.entry = e.id)
       AND (p.entry IS NULL OR p.pending_at < clock_timestamp() - make_interval(secs => %s)) ORDER BY e.id"""
_OPENINGS_ALONE = """
    SELECT o.entry FROM custody_opening o WHERE NOT EXISTS (SELECT FROM custody_entry e WHERE e.id = o.entry)"""
_COUNTS = """
    SELECT subject, max(l.n) AS highest, count(*) AS n, count(DISTINCT l.n) AS different, max(c.n) AS counted
      FROM custody_leaf l JOIN custody_opening o ON o.entry = l.entry LEFT JOIN custody_count c USING (subject)
     WHERE o.subject IS NOT NULL GROUP BY subject
    HAVING count(*) <> count(DISTINCT l.n) OR max(c.n) IS DISTINCT FROM max(l.n) ORDER BY subject"""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as it should be; `says` is a sentence for the person who looks.

    `waiting` is for an operator, not for an investigator: nothing is lost while an entry waits for its place.
    """

    kind: Literal["lost", "extra", "altered", "waiting"]
    thing: str
    says: str


def check_log(
    db: Database, stores: Stores, keys: Keys | None = None, told: Callable[[int], None] = lambda _: None
) -> Iterator[Fault]:
    """Every fault of the log. With `keys` (the administrator's) the private copies are opened and compared too.

    `told` hears the number of entries checked so far. Raises `Unavailable` when the database or a store does not answer.
    """
    from lapel.custody import fsck_objects

    scope = everything(db)
    with db.tx(scope) as conn:
        size, roots = _kept_roots(conn)
        tiles = fsck_objects.TileCheck(stores.public, fsck_objects.published_size(conn))
        yield from _check_leaves(conn, size, roots, tiles, told)
        yield from _check_rest(conn)
        yield from tiles.surplus(conn)
        yield from fsck_objects.check_checkpoint(conn, stores.public, keys)
        yield from fsck_objects.check_private(conn, stores, keys)


def everything(db: Database) -> Scope:
    """A scope with every agency in view, the department's own entries too."""
    with db.tx(Scope("system:fsck", ())) as conn:
        agencies = tuple(row["id"] for row in conn.execute("SELECT id FROM agency ORDER BY id"))
    return Scope("system:fsck", (*agencies, "department"))


def _kept_roots(conn: Connection) -> tuple[int, dict[int, list[tuple[str, bytes]]]]:
    """The log's size, and the roots that rows keep for some sizes, each with what keeps it."""
    roots: dict[int, list[tuple[str, bytes]]] = {}
    # Batches are many; the newest one and the checkpoints say as much.
    batch = conn.execute("SELECT size, root FROM custody_batch ORDER BY size DESC LIMIT 1").fetchone()
    if batch:
        roots[batch["size"]] = [("custody_batch", batch["root"])]
    for row in conn.execute("SELECT size, root FROM custody_checkpoint"):
        roots.setdefault(row["size"], []).append(("custody_checkpoint", row["root"]))
    return (batch["size"] if batch else 0), roots


def _check_leaves(
    conn: Connection,
    size: int,
    roots: dict[int, list[tuple[str, bytes]]],
    tiles: Any,
    told: Callable[[int], None],
) -> Iterator[Fault]:
    frontier = Frontier()
    with conn.cursor("custody_fsck") as cursor:
        cursor.itersize = _TOGETHER
        for row in cursor.execute(_LEAVES, (size,)):
            if row["index"] != frontier.size:
                yield Fault(
                    "lost", f"leaf {frontier.size}", "The log has no row there; what follows was not checked."
                )
                return
            if row["commitment"] is None:
                yield Fault(
                    "lost", f"entry {row['entry']}", "It has a place in the log, but its row is gone."
                )
                return
            yield from _check_entry(row)
            leaf = leaf_data(row["tag"], row["commitment"])
            nodes = frontier.extend([leaf_hash(leaf)])
            yield from tiles.leaf(row["index"], leaf, nodes)
            for kept_by, root in roots.get(frontier.size, ()):
                if root != frontier.root():
                    yield Fault(
                        "altered",
                        f"{kept_by} {frontier.size}",
                        "The root kept is not that of the entries below it.",
                    )
            if frontier.size % _TOGETHER == 0:
                told(frontier.size)
    told(frontier.size)
    if frontier.size != size:
        yield Fault("lost", f"leaves {frontier.size} to {size - 1}", "The last rows of the log are gone.")


def _check_entry(row: dict[str, Any]) -> Iterator[Fault]:
    thing = f"entry {row['entry']}"
    if row["openings"] is None:
        yield Fault("lost", thing, "Its openings are gone without having been forgotten in due form.")
        return
    try:
        openings = read_openings(row["openings"])
        if openings.commitment() != row["commitment"]:
            yield Fault("altered", thing, "Its openings are not what its commitment was made of.")
            return
    except EvidenceFault as fault:
        yield Fault("altered", thing, fault.says)
        return
    if row["subject"] is None:
        if "subject" not in openings.closed:
            yield Fault("altered", thing, "Its row names no subject, though that was not forgotten.")
        return
    if row["key"] is None:
        yield Fault("lost", f"key of {row['subject']}", "The subject's key is gone.")
        return
    if tag(row["key"], row["n"]) != row["tag"]:
        yield Fault("altered", thing, f"Its tag is not that of entry {row['n']} of {row['subject']}.")
    if "subject" in openings.opened and openings.opened["subject"][1] != row["subject"]:
        yield Fault("altered", thing, "Its row names another subject than the entry itself.")
    committed = openings.opened.get("subject_key")
    if row["n"] == 1 and (committed is None or committed[1] != sha256(row["key"]).hexdigest()):
        yield Fault(
            "altered", thing, f"The first entry of {row['subject']} does not commit to the subject's key."
        )


def _check_rest(conn: Connection) -> Iterator[Fault]:
    for row in conn.execute(_NOT_IN_LOG, (_WAITS_TOO_LONG_S,)):
        if row["forgotten"]:
            yield Fault("lost", f"place of entry {row['id']}", "Nothing will give it a place.")
        else:
            says = "It has waited for more than a minute. Is the sequencer running?"
            yield Fault("waiting", f"place of entry {row['id']}", says)
    for row in conn.execute(_OPENINGS_ALONE):
        yield Fault("extra", f"openings of {row['entry']}", "There is no such entry.")
    for row in conn.execute(_COUNTS):
        says = f"Its {row['n']} entries are numbered up to {row['highest']}, the count says {row['counted']}."
        yield Fault("altered", f"count of {row['subject']}", says)
    for row in conn.execute("SELECT DISTINCT entry FROM custody_forgotten WHERE destroyed_at IS NULL"):
        yield Fault(
            "extra", f"private copy of {row['entry']}", "What was forgotten of it can still be opened there."
        )
