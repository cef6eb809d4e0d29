"""Which rows does an inspection need that no other act does?"""

from __future__ import annotations

from lapel.storage.postgres import Connection


def agency_of(conn: Connection, original_id: str) -> str | None:
    """Whose an original is, whatever the transaction may see; None when there is none. For the worker only."""
    row = conn.execute("SELECT agency_of_original(%s) AS agency", (original_id,)).fetchone()
    return None if row is None else row["agency"]


def lock_waiting(conn: Connection, original_id: str) -> bool:
    """Hold the original's row for this transaction; True while nobody has inspected it yet."""
    row = conn.execute("SELECT state FROM original WHERE id = %s FOR UPDATE", (original_id,)).fetchone()
    return row is not None and row["state"] == "waiting"
