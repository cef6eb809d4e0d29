"""Do the rows go as far as what the world has seen, and say the same? Asked before a sequencer begins.

A sequencer that went on from an older database would give places anew that were given and published: it would fork the log.
"""

from __future__ import annotations

from lapel.base.errors import EvidenceFault, NotFound
from lapel.custody import publish, sealing
from lapel.custody.tree import Frontier
from lapel.storage.objects import Stores
from lapel.storage.postgres import Connection


def agree(conn: Connection, stores: Stores, origin: str) -> None:
    """Raises `EvidenceFault`, with what to do, when the rows are behind the published log or the private copies, or differ."""
    row = conn.execute("SELECT size, root, frontier FROM custody_batch ORDER BY size DESC LIMIT 1").fetchone()
    size = row["size"] if row else 0
    leaf = conn.execute("SELECT COALESCE(max(index) + 1, 0) AS size FROM custody_leaf").fetchone()
    if row and (
        Frontier.from_bytes(size, row["frontier"]).root() != row["root"] or not leaf or leaf["size"] != size
    ):
        raise EvidenceFault(
            "The rows of the custody log do not agree with each other.", next_step="Run lapel fsck."
        )
    try:
        public = publish.published(stores.public, origin)
    except NotFound:
        public = None
    if public is not None and public.size > size:
        raise EvidenceFault(
            f"The database knows {size} entries, but {public.size} were published: it is an old one.",
            next_step="Run lapel rebuild, which brings the missing entries back.",
        )
    if public is not None and publish.root_at(conn, public.size) != public.root:
        raise EvidenceFault(
            f"The published log of {public.size} entries is not the one of this database.",
            next_step="Run lapel fsck; do not delete anything.",
        )
    if beyond := sealing.goes_beyond(conn, stores):
        raise EvidenceFault(
            f"log-private/{beyond} holds entries that the database does not know: it is an old one.",
            next_step="Run lapel rebuild, which brings the missing entries back.",
        )
