"""Which alarms are there, and which are over? All SQL of the alarms."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from lapel.base.ids import new_id
from lapel.custody.health import DEPARTMENT, Trouble
from lapel.storage.postgres import Connection


def keep(conn: Connection, troubles: Sequence[Trouble], at: datetime) -> tuple[list[Trouble], list[str]]:
    """Keep what is wrong now: which alarms this call began, and the kinds of those that it found to be over.

    Two processes that find the same at once begin one alarm; the other waits for the row and finds it there.
    """
    begun = []
    for trouble in troubles:
        made = conn.execute(
            "INSERT INTO alarm (id, agency, kind, says, raised_at, seen_at) VALUES (%s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (agency, kind) WHERE cleared_at IS NULL DO NOTHING RETURNING id",
            (new_id(), DEPARTMENT, trouble.kind, trouble.says, at, at),
        ).fetchone()
        if made is not None:
            begun.append(trouble)
    kinds = [trouble.kind for trouble in troubles]
    conn.execute(
        "UPDATE alarm SET seen_at = %s WHERE agency = %s AND cleared_at IS NULL AND kind = ANY(%s::text[])",
        (at, DEPARTMENT, kinds),
    )
    over = conn.execute(
        "UPDATE alarm SET cleared_at = %s WHERE agency = %s AND cleared_at IS NULL AND NOT kind = ANY(%s::text[])"
        " RETURNING kind",
        (at, DEPARTMENT, kinds),
    ).fetchall()
    return begun, [row["kind"] for row in over]


def newest(conn: Connection, limit: int = 50) -> list[dict[str, Any]]:
    """The newest alarms, those that last first."""
    return conn.execute(
        "SELECT kind, says, raised_at, seen_at, cleared_at FROM alarm WHERE agency = %s"
        " ORDER BY cleared_at IS NOT NULL, raised_at DESC LIMIT %s",
        (DEPARTMENT, limit),
    ).fetchall()
