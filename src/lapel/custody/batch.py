"""Which place does each pending entry get? One batch, in the caller's transaction."""

from __future__ import annotations

from typing import Any

from lapel.base.errors import EvidenceFault
from lapel.custody.entry import leaf_data, tag
from lapel.custody.tree import Frontier, leaf_hash
from lapel.storage.postgres import Connection

# What commits to a subject's key goes first: it is that subject's entry number one.
_PENDING = """
    SELECT p.seq, p.entry, p.subject, e.commitment
      FROM (SELECT seq, entry, subject, first FROM custody_pending ORDER BY seq LIMIT %s) p
      LEFT JOIN custody_entry e ON e.id = p.entry
     ORDER BY NOT p.first, p.seq"""
_SUBJECTS = """
    SELECT s.subject, s.key, COALESCE(c.n, 0) AS n
      FROM custody_subject s LEFT JOIN custody_count c ON c.subject = s.subject WHERE s.subject = ANY(%s)"""
_COUNT = """
    INSERT INTO custody_count (subject, n) SELECT * FROM unnest(%b::text[], %b::int8[])
    ON CONFLICT (subject) DO UPDATE SET n = excluded.n"""
_NODES = (
    "INSERT INTO custody_node (level, index, hash) SELECT * FROM unnest(%b::int2[], %b::int8[], %b::bytea[])"
)
# A pending row twice, for an entry that has a place, or for none that exists: no code of ours writes these.
_STRAYS = """
    DELETE FROM custody_pending p WHERE EXISTS (SELECT FROM custody_leaf l WHERE l.entry = p.entry)
        OR NOT EXISTS (SELECT FROM custody_entry e WHERE e.id = p.entry)
        OR EXISTS (SELECT FROM custody_pending q WHERE q.entry = p.entry AND q.seq < p.seq)
    RETURNING p.entry"""


def take_up(conn: Connection, limit: int) -> int:
    """Give the next places to at most `limit` pending entries; returns how many pending rows are gone.

    Writes leaf rows, the subjects' counts, the nodes of tiles that became full, and the log's new size and root.
    Raises psycopg's `UniqueViolation` when an entry has a place already, `EvidenceFault` when the rows disagree.
    """
    pending = conn.execute(_PENDING, (limit,)).fetchall()
    if not pending:
        return 0
    rows = [row for row in pending if row["commitment"] is not None]
    subjects = _subjects(conn, rows)
    rows = [row for row in rows if row["subject"] in subjects]
    frontier = _frontier(conn)
    first = frontier.size
    lines, hashes = [], []
    for index, row in enumerate(rows, first):
        subject = subjects[row["subject"]]
        subject[1] = n = subject[1] + 1
        entry_tag = tag(subject[0], n)
        hashes.append(leaf_hash(leaf_data(entry_tag, row["commitment"])))
        lines.append(f"{index}\t{row['entry']}\t\\\\x{entry_tag.hex()}\t{n}\n")
    if rows:
        with conn.cursor().copy("COPY custody_leaf (index, entry, tag, n) FROM STDIN") as copy:
            copy.write("".join(lines))
        counted = {row["subject"] for row in rows}
        conn.execute(_COUNT, (sorted(counted), [subjects[s][1] for s in sorted(counted)]))
        _extend(conn, frontier, hashes)
    conn.execute("DELETE FROM custody_pending WHERE seq = ANY(%b)", ([row["seq"] for row in pending],))
    return len(pending)


def drop_strays(conn: Connection) -> list[str]:
    """Remove pending rows that can have no place. Returns their entries."""
    return [row["entry"] for row in conn.execute(_STRAYS)]


def _subjects(conn: Connection, rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    wanted = list({row["subject"] for row in rows})
    return {row["subject"]: [row["key"], row["n"]] for row in conn.execute(_SUBJECTS, (wanted,))}


def _frontier(conn: Connection) -> Frontier:
    row = conn.execute("SELECT size, root, frontier FROM custody_batch ORDER BY size DESC LIMIT 1").fetchone()
    if row is None:
        return Frontier()
    frontier = Frontier.from_bytes(row["size"], row["frontier"])
    if frontier.root() != row["root"]:
        raise EvidenceFault(f"The root kept for the log at {row['size']} entries is not that of its tree.")
    return frontier


def _extend(conn: Connection, frontier: Frontier, hashes: list[bytes]) -> None:
    full = frontier.extend(hashes)
    if full:
        conn.execute(_NODES, ([f[0] for f in full], [f[1] for f in full], [f[2] for f in full]))
    conn.execute(
        "INSERT INTO custody_batch (size, root, frontier) VALUES (%s, %s, %s)",
        (frontier.size, frontier.root(), frontier.to_bytes()),
    )
