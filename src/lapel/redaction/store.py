"""Where do redactions and the revisions of their plans stand in the database?"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import sql
from psycopg.rows import class_row

from lapel.base.errors import Conflict, Invalid, NotFound
from lapel.base.ids import new_id
from lapel.footage.model import Recording
from lapel.redaction.model import Redaction, Revision
from lapel.storage import queue
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection

MAX_PLAN_BYTES = 16 << 20
# The tables whose rows the acts of this room write, and which a rebuild may therefore write back.
TABLES = ("redaction", "redaction_plan", "redacted_copy", "manifest_key")
JOBS = {"proposing": "redaction.propose", "rendering": "redaction.render"}


def check_none_running(conn: Connection, original_id: str) -> None:
    """Raises `Conflict` when a redaction of this clip is under way; nobody else begins one until the transaction ends."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 24))", (original_id,))
    running = conn.execute(
        "SELECT id FROM redaction WHERE original = %s AND state NOT IN ('rendered', 'stopped')",
        (original_id,),
    ).fetchone()
    if running is not None:
        raise Conflict(
            "A redaction of this clip is under way already.", next_step="Open it from the list of redactions."
        )


def redaction(conn: Connection, redaction_id: str, *, lock: bool = False) -> Redaction:
    """The redaction with this id. Raises `NotFound` when there is none in view; `lock` holds it for this transaction."""
    if lock:
        conn.execute("SELECT FROM redaction WHERE id = %s::text FOR UPDATE", (redaction_id,))
    with conn.cursor(row_factory=class_row(Redaction)) as cursor:
        row = cursor.execute(
            "SELECT r.*, c.number, o.name AS clip FROM redaction r JOIN recording c ON c.id = r.recording"
            " JOIN original o ON o.id = r.original WHERE r.id = %s::text",
            (redaction_id,),
        ).fetchone()
    if row is None:
        raise NotFound(f"There is no redaction {redaction_id[:40]} that you can see.")
    return row


def redactions(
    conn: Connection, agencies: Sequence[str], *, done: bool = False, recording: str | None = None
) -> list[Redaction]:
    """Redactions under way (or, with `done`, made) of these agencies, the oldest first (made: newest first); 500 at most."""
    order = "r.rendered_at DESC" if done else "r.due_on NULLS LAST, r.asked_at"
    with conn.cursor(row_factory=class_row(Redaction)) as cursor:
        return cursor.execute(
            sql.SQL(
                "SELECT r.*, c.number, o.name AS clip FROM redaction r JOIN recording c ON c.id = r.recording"
                " JOIN original o ON o.id = r.original WHERE r.agency = ANY(%s::text[])"
                " AND (r.state = 'rendered') = %s AND (%s::text IS NULL OR r.recording = %s::text) ORDER BY {} LIMIT 500"
            ).format(sql.SQL(order)),
            (list(agencies), done, recording, recording),
        ).fetchall()


def change(conn: Connection, redaction_id: str, **changes: Any) -> None:
    """Some columns of a redaction."""
    names = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in changes
    )
    conn.execute(
        sql.SQL("UPDATE redaction SET {} WHERE id = %(which)s").format(names),
        {**changes, "which": redaction_id},
    )


def revision_row(
    archive: Archive,
    there: Redaction,
    recording: Recording,
    plan: bytes,
    *,
    says: str,
    by: str,
    at: datetime,
    undoes: int | None = None,
) -> dict[str, Any]:
    """The row of the next revision: the plan sealed under the recording's key. Raises `Invalid` beyond 16 MiB."""
    if len(plan) > MAX_PLAN_BYTES:
        raise Invalid(
            f"The plan has {len(plan)} bytes; {MAX_PLAN_BYTES} is the most that is kept.",
            next_step="Remove key frames, or redact the clip in parts.",
        )
    revision = there.revision + 1
    sealed = archive.keys.wrap(
        there.agency, _purpose(there.id, revision), zlib.compress(plan), under=recording.wrapped_key
    )
    return {
        "id": new_id(),
        "redaction": there.id,
        "revision": revision,
        "agency": there.agency,
        "plan": sealed,
        "says": says[:500],
        "undoes": undoes,
        "made_by": by,
        "made_at": at,
    }


def plan_text(
    conn: Connection, archive: Archive, there: Redaction, recording: Recording, revision: int
) -> str:
    """The plan of a revision. Raises `NotFound`, and `EvidenceFault` when it does not open."""
    row = conn.execute(
        "SELECT plan FROM redaction_plan WHERE redaction = %s AND revision = %s", (there.id, revision)
    ).fetchone()
    if row is None:
        raise NotFound(f"The plan has no revision {revision}.")
    opened = archive.keys.unwrap(
        there.agency, _purpose(there.id, revision), bytes(row["plan"]), under=recording.wrapped_key
    )
    return zlib.decompress(opened).decode()


def revisions(conn: Connection, redaction_id: str, *, limit: int = 500) -> list[Revision]:
    """What was done to the plan, newest first."""
    with conn.cursor(row_factory=class_row(Revision)) as cursor:
        return cursor.execute(
            "SELECT revision, says, undoes, made_by, made_at FROM redaction_plan WHERE redaction = %s"
            " ORDER BY revision DESC LIMIT %s",
            (redaction_id, limit),
        ).fetchall()


def watched(conn: Connection, redaction_id: str) -> list[tuple[int, int]]:
    """The spans that anybody watched, in microseconds from the clip's beginning, apart and in order."""
    rows = conn.execute(
        "SELECT begins_us, ends_us FROM redaction_watched WHERE redaction = %s ORDER BY begins_us, ends_us",
        (redaction_id,),
    ).fetchall()
    joined: list[tuple[int, int]] = []
    for row in rows:
        if joined and row["begins_us"] <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], row["ends_us"]))
        else:
            joined.append((row["begins_us"], row["ends_us"]))
    return joined


def add_watched(
    conn: Connection, there: Redaction, account: str, spans: Sequence[tuple[int, int]], at: datetime
) -> None:
    """Keep what one person watched; spans of theirs that touch become one row."""
    for begins, ends in spans:
        merged = conn.execute(
            "DELETE FROM redaction_watched WHERE redaction = %s AND account = %s AND begins_us <= %s AND ends_us >= %s"
            " RETURNING begins_us, ends_us",
            (there.id, account, ends, begins),
        ).fetchall()
        first = min([begins, *(row["begins_us"] for row in merged)])
        last = max([ends, *(row["ends_us"] for row in merged)])
        conn.execute(
            "INSERT INTO redaction_watched (redaction, agency, account, begins_us, ends_us, at) VALUES (%s, %s, %s, %s, %s, %s)",
            (there.id, there.agency, account, first, last, at),
        )


def agency_of(conn: Connection, redaction_id: str) -> str:
    """Whose redaction this is, for a worker. Raises `NotFound`."""
    row = conn.execute("SELECT agency_of_redaction(%s) AS agency", (redaction_id,)).fetchone()
    if row is None or row["agency"] is None:
        raise NotFound(f"There is no redaction {redaction_id[:40]}.")
    return str(row["agency"])


def accepted_plan(conn: Connection, original_id: str, digest: str) -> Redaction | None:
    """The redaction of this clip whose plan of this digest two people agreed on, None when there is none."""
    with conn.cursor(row_factory=class_row(Redaction)) as cursor:
        return cursor.execute(
            "SELECT r.*, c.number, o.name AS clip FROM redaction r JOIN recording c ON c.id = r.recording"
            " JOIN original o ON o.id = r.original WHERE r.original = %s AND r.plan_sha256 = %s"
            " AND r.second_by IS NOT NULL AND r.state IN ('second_read', 'rendering', 'rendered') ORDER BY r.asked_at DESC LIMIT 1",
            (original_id, digest),
        ).fetchone()


def agreed(conn: Connection, recording_id: str) -> list[Redaction]:
    """The newest redaction of each clip of a recording whose plan two people agreed on."""
    with conn.cursor(row_factory=class_row(Redaction)) as cursor:
        return cursor.execute(
            "SELECT DISTINCT ON (r.original) r.*, c.number, o.name AS clip FROM redaction r JOIN recording c ON c.id = r.recording"
            " JOIN original o ON o.id = r.original WHERE r.recording = %s AND r.second_by IS NOT NULL"
            " AND r.state IN ('second_read', 'rendering', 'rendered') ORDER BY r.original, r.asked_at DESC",
            (recording_id,),
        ).fetchall()


def resume(conn: Connection) -> int:
    """After a rebuild: ask again for what was under way, and for a proposal where the plan did not come back. Returns how many."""
    conn.execute(
        "UPDATE redaction r SET state = 'proposing', revision = 0, says = 'The plan was lost with the database; it is proposed anew.',"
        " accepted_by = NULL, accepted_at = NULL, second_by = NULL, second_at = NULL, plan_sha256 = NULL"
        " WHERE state NOT IN ('rendered', 'stopped', 'proposing') AND NOT EXISTS"
        " (SELECT FROM redaction_plan p WHERE p.redaction = r.id AND p.revision = r.revision)"
    )
    rows = conn.execute(
        "SELECT id, state FROM redaction WHERE state IN ('proposing', 'rendering')"
    ).fetchall()
    for row in rows:
        queue.defer(conn, JOBS[row["state"]], redaction=row["id"])
    return len(rows)


def _purpose(redaction_id: str, revision: int) -> str:
    return f"redaction-plan:{redaction_id}:{revision}"
