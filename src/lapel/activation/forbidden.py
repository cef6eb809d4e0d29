"""What becomes of a recording that was made though it was forbidden? Decided with a reason.

It is kept while it is evidence or there is a complaint; otherwise it is to be disposed of. The decision is recorded here; the
disposal itself, by two people, is the business of retention. The last decision counts, and none is ever changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from lapel.activation import shown_registers as shown
from lapel.activation import store_watch
from lapel.activation.findings import FORBIDDEN, Finding, duty_number
from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.errors import Conflict, Invalid
from lapel.base.ids import new_id, read_number
from lapel.custody import log
from lapel.custody.sidecar import Under, Write, perform
from lapel.footage import store as footage
from lapel.footage.history import actor_names
from lapel.policy.sentences import named
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

Decision = Literal["evidence", "complaint", "dispose", "allowed"]
DECISIONS: Final[Mapping[str, str]] = {
    "evidence": "Keep: it is evidence",
    "complaint": "Keep: there is a complaint",
    "dispose": "To be disposed of",
    "allowed": "Allowed after all: the finding is wrong",
}
MAX_WORDS = 4000


def decide(archive: Archive, scope: Scope, finding: Finding, number: str, decision: str, words: str) -> str:
    """Record what is to become of it; returns the decision's id. Raises `Invalid`, `Conflict` (nothing forbidden), `NotFound`."""
    words = words.replace("\0", "").strip()
    if decision not in DECISIONS:
        raise Invalid(f"“{decision[:20]}” is no decision.", next_step=f"One of: {', '.join(DECISIONS)}.")
    if not words or len(words) > MAX_WORDS:
        raise Invalid(f"Say in 1 to {MAX_WORDS:,} characters why.", next_step="The reason is kept for ever.")
    if finding.outcome not in FORBIDDEN:
        raise Conflict("Nothing of this duty was forbidden to record.", next_step="Load the list again.")
    with archive.db.tx(scope) as conn:
        recording = footage.recording_by_number(conn, read_number(number) or number)
        touched = store_watch.recordings_of(conn, finding.officer or "", finding.begins_at, finding.ends_at)
        if recording.id not in {one["id"] for one in touched}:
            raise Invalid(
                f"{recording.number} is not the recording of that time.",
                next_step="Take the one that is listed.",
            )
        detail: dict[str, Value] = {"decision": decision, "words": words, "duty": finding.duty}
        detail["clauses"] = list(finding.why.clauses)
        entry = log.prepare(
            conn, actor=scope.actor, agency=finding.agency, act="forbidden_decided", subject=f"recording:{recording.id}",
            detail=detail,
        )  # fmt: skip
        row = {
            "id": new_id(), "agency": finding.agency, "recording": recording.id, "duty": finding.duty, "decision": decision,
            "words": words, "decided_by": scope.actor, "decided_at": clock.now(), "entry": entry.id,
        }  # fmt: skip
        under = Under(recording.id, recording.wrapped_key)
        perform(conn, archive, entry, [Write("forbidden_decision", row)], agency=finding.agency, under=under)
    return str(row["id"])


def rows_shown(conn: Connection, rows: Sequence[dict[str, Any]]) -> list[shown.ForbiddenRow]:
    """Rows of `store_pages.forbidden` as the page shows them."""
    people = actor_names(conn, sorted({str(r["decided_by"]) for r in rows if r["decided_by"]}))
    clauses = store_watch.clauses_of(conn, [str(r["duty"]) for r in rows])
    return [
        shown.ForbiddenRow(
            duty=duty_number(row["duty"]),
            duty_url=f"/activation/duties/{duty_number(row['duty'])}",
            agency=row["agency"],
            office=row["office_name"],
            officer=f"Officer {row['badge']}",
            leader=f"Officer {row['leader_badge']}" if row["leader_badge"] else None,
            outcome=row["outcome"],
            begins_at=row["begins_at"],
            recorded_s=row["covered_us"] / 1_000_000,
            clauses=[named(key) for key in clauses.get(row["duty"], [])],
            number=row["number"],
            recording_url=f"/recordings/{row['number']}" if row["number"] else None,
            restricted=bool(row["restricted"]),
            decision=row["decision"],
            decision_says=DECISIONS.get(row["decision"] or ""),
            decided_at=row["decided_at"],
            decided_by=people.get(row["decided_by"] or ""),
            words=row["words"],
        )
        for row in rows
    ]
