"""What did a supervisor see in a recording that was drawn? Coded outcomes, once each, by nobody who is in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

from lapel.activation import store_review
from lapel.base import clock
from lapel.base.errors import Conflict, Invalid, Refused
from lapel.custody import log
from lapel.custody.sidecar import Under, Write, perform
from lapel.footage import store as footage
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope

Outcome = Literal[
    "in_order", "commended", "late_or_short", "training", "equipment", "category", "policy", "referred", "not_viewable"
]  # fmt: skip
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
OUTCOME_SAYS: Final[Mapping[Outcome, str]] = {
    "in_order": "In order",
    "commended": "Good work to be shown to others",
    "late_or_short": "The camera came on late or went off early",
    "training": "Training would help",
    "equipment": "The equipment did not work as it should",
    "category": "The category is wrong",
    "policy": "The policy is unclear here",
    "referred": "Referred: somebody else has to look at it",
    "not_viewable": "It could not be viewed",
}


def settle(
    archive: Archive,
    scope: Scope,
    review_id: str,
    outcome: str,
    words: str = "",
    *,
    reviewer_is: str | None = None,
) -> None:
    """Say what was seen. Raises `Refused` to the officer who is seen, `Invalid` for an outcome that is none or needs
    words, `Conflict` when somebody has said it already."""
    words = words.replace("\0", "").strip()
    if outcome not in OUTCOMES:
        raise Invalid(f"“{outcome[:30]}” is no outcome.", next_step=f"One of: {', '.join(OUTCOMES)}.")
    if len(words) > 4000 or (outcome not in ("in_order", "commended") and not words):
        raise Invalid(
            "Say in 1 to 4,000 characters what was seen.", next_step="Only “in order” needs no words."
        )
    with archive.db.tx(scope) as conn:
        there = store_review.review(conn, review_id, lock=True)
        if reviewer_is is not None and reviewer_is == there.officer:
            raise Refused(
                "Nobody reviews a recording of their own.",
                rules=("activation/review-needs-another-person",),
                next_step="Another supervisor of the unit can.",
            )
        if there.outcome is not None:
            raise Conflict(
                "This review was done already.", next_step="Read it again; a review is not changed."
            )
        recording = footage.recording(conn, there.recording)
        detail: dict[str, Any] = {"review": there.id, "outcome": outcome, "officer": there.officer}
        if words:
            detail["words"] = words
        entry = log.prepare(
            conn, actor=scope.actor, agency=there.agency, act="reviewed", subject=f"recording:{there.recording}",
            detail=detail,
        )  # fmt: skip
        change = {
            "id": there.id, "outcome": outcome, "words": words, "done_by": scope.actor, "done_at": clock.now(),
            "entry": entry.id,
        }  # fmt: skip
        under = Under(recording.id, recording.wrapped_key)
        perform(
            conn, archive, entry, [Write("review", change, change=True)], agency=there.agency, under=under
        )
