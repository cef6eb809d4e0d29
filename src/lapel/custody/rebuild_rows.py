"""Which rows does a rebuild of the log write? All the SQL of it, for the owner of the tables, some thousand at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lapel.base.errors import EvidenceFault
from lapel.custody.checkpoint import Checkpoint
from lapel.custody.entry import Openings
from lapel.custody.private import Kept
from lapel.custody.tree import Frontier
from lapel.storage.postgres import Connection


def frontier(conn: Connection) -> Frontier:
    """The right edge of the log that the rows hold."""
    row = conn.execute("SELECT size, frontier FROM custody_batch ORDER BY size DESC LIMIT 1").fetchone()
    return Frontier.from_bytes(row["size"], row["frontier"]) if row else Frontier()


def same_so_far(conn: Connection, there: Sequence[tuple[int, str]]) -> None:
    """Raises `EvidenceFault` unless the rows have these entries at these places."""
    if not there:
        return
    rows = conn.execute(
        "SELECT index, entry FROM custody_leaf WHERE index = ANY(%s::int8[])",
        ([index for index, _ in there],),
    ).fetchall()
    if {(row["index"], row["entry"]) for row in rows} != set(there):
        raise EvidenceFault("The rows that are there are of another log than log-private/.")


def key_of(conn: Connection, kept: Kept, known: dict[str, bytes]) -> bytes:
    """The key of an entry's subject, empty when it is nowhere. `known` is added to."""
    name = kept.subject if kept.subject is not None else f"of {kept.of}"
    if name not in known:
        row = conn.execute(
            "SELECT key FROM custody_subject WHERE subject = %s"
            if kept.subject is not None
            else "SELECT key FROM custody_subject WHERE encode(sha256(key), 'hex') = %s",
            (kept.subject if kept.subject is not None else kept.of,),
        ).fetchone()
        known[name] = bytes(row["key"]) if row else b""
    return known[name]


def entries(conn: Connection, kept: Sequence[Kept], commitments: Sequence[bytes]) -> None:
    """Subjects, entries and openings; those that wait in the rows without a place stay as they are."""
    first = [k for k in kept if k.subject and k.subject_key]
    conn.execute(
        "INSERT INTO custody_subject (subject, agency, key) SELECT * FROM unnest(%b::text[], %b::text[], %b::bytea[])"
        " ON CONFLICT DO NOTHING",
        ([k.subject for k in first], [k.agency for k in first], [k.subject_key for k in first]),
    )
    conn.execute(
        "INSERT INTO custody_entry (id, commitment) SELECT * FROM unnest(%b::text[], %b::bytea[])"
        " ON CONFLICT DO NOTHING",
        ([k.entry for k in kept], list(commitments)),
    )
    conn.execute(
        "INSERT INTO custody_opening (entry, agency, subject, openings)"
        " SELECT e, a, s, o::json FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[]) AS k (e, a, s, o)"
        " ON CONFLICT DO NOTHING",
        (
            [k.entry for k in kept],
            [k.agency for k in kept],
            [k.subject for k in kept],
            [k.openings for k in kept],
        ),
    )
    conn.execute("DELETE FROM custody_pending WHERE entry = ANY(%s)", ([k.entry for k in kept],))


def places(
    conn: Connection, leaves: Sequence[tuple[int, str, bytes, int]], subject_keys: Sequence[bytes]
) -> None:
    """The places in the log (index, entry, tag, n), and the counts of the subjects with these keys."""
    conn.execute(
        "INSERT INTO custody_leaf (index, entry, tag, n)"
        " SELECT * FROM unnest(%b::int8[], %b::text[], %b::bytea[], %b::int8[])",
        tuple(list(column) for column in zip(*leaves, strict=True)),
    )
    highest: dict[bytes, int] = {}
    for (_, _, _, n), key in zip(leaves, subject_keys, strict=True):
        highest[key] = max(n, highest.get(key, 0))
    conn.execute(
        "INSERT INTO custody_count (subject, n) SELECT s.subject, h.n FROM unnest(%b::bytea[], %b::int8[]) AS h (key, n)"
        " JOIN custody_subject s ON s.key = h.key ON CONFLICT (subject) DO UPDATE SET n = excluded.n"
        " WHERE custody_count.n < excluded.n",
        (list(highest), list(highest.values())),
    )


def batch(conn: Connection, edge: Frontier, nodes: Sequence[tuple[int, int, bytes]]) -> None:
    """The log's size, root and edge, and the nodes of tiles that became full."""
    for node in nodes:
        conn.execute("INSERT INTO custody_node (level, index, hash) VALUES (%s, %s, %s)", node)
    conn.execute(
        "INSERT INTO custody_batch (size, root, frontier) VALUES (%s, %s, %s)",
        (edge.size, edge.root(), edge.to_bytes()),
    )


def sealed(conn: Connection, first: int, last: int) -> None:
    """This stretch lies in log-private/; nothing is being sealed."""
    conn.execute("DELETE FROM custody_sealing")
    conn.execute(
        "INSERT INTO custody_sealed (first, last) VALUES (%s, %s) ON CONFLICT DO NOTHING", (first, last)
    )


def checkpoint(conn: Connection, head: Checkpoint, lines: Sequence[str]) -> None:
    """The published checkpoint with its signatures."""
    conn.execute(
        "INSERT INTO custody_checkpoint (size, root) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        (head.size, head.root),
    )
    for line in lines:
        conn.execute(
            "INSERT INTO custody_signature (size, line) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (head.size, line),
        )
    conn.execute("INSERT INTO custody_publication (size) VALUES (%s) ON CONFLICT DO NOTHING", (head.size,))


def was_forgotten(conn: Connection, kept: Kept, fields: Sequence[str]) -> None:
    """An entry that comes back in part: what is missing was forgotten, and its key is gone already."""
    conn.execute(
        "INSERT INTO custody_forgotten (entry, agency, fields, said_by, key_digest, destroyed_at)"
        " VALUES (%s, %s, %s, %s, %s, clock_timestamp()) ON CONFLICT DO NOTHING",
        (kept.entry, kept.agency, list(fields), "0" * 32, kept.of),
    )


def forget_again(conn: Connection, said_by: str, openings: Openings) -> None:
    """Repeat what a `forgotten` entry says on rows that are older than it."""
    said: Mapping[str, object] = {name: value for name, (_, value) in openings.opened.items()}
    targets, fields = said.get("entries"), said.get("fields")
    if isinstance(targets, list) and isinstance(fields, list):
        conn.execute(
            "SELECT custody_close(o, %s::text[], %s) FROM custody_opening o WHERE o.entry = ANY(%s)",
            (fields, said_by, targets),
        )
