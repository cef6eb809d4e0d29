"""What would be proved of a text that is no rule yet? A draft is proved when it is handed in, and shown on the board."""

from __future__ import annotations

from dataclasses import dataclass

from lapel.base import clock
from lapel.base.errors import Invalid, Refused
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.policy import store, trial
from lapel.policy.paper import Paper
from lapel.policy.record import Draft
from lapel.policy.sentences import who
from lapel.policy.verdict import Failing, digest_of, of_text
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope


@dataclass(frozen=True, slots=True)
class Handed:
    """A draft on the board, and the findings that would stand in the way of its adoption."""

    draft: Draft
    failing: tuple[Failing, ...]

    @property
    def says(self) -> str:
        """What came of it, in a sentence."""
        draft = self.draft
        count = len(self.failing)
        stands = "1 finding stands" if count == 1 else f"{count} findings stand"
        verdict = f"{stands} in the way of its adoption" if count else "every check holds"
        return f"{who(draft.policy)} draft of {draft.version}: {verdict}; proved in {draft.took_ms / 1000:.1f} s."


def hand_in(archive: Archive, scope: Scope, body: str, file: str, by: str) -> Handed:
    """Prove a draft of an agency's policy and keep it in the place of the one before.

    Raises `Invalid` for a text that cannot be read, does not fit or is no agency's policy, `Refused` for an agency out of view.
    """
    paper = Paper(body, file, by, clock.now().date())
    if paper.is_vocabulary or paper.is_waiver:
        raise Invalid(f"{file} is no policy.", next_step="Hand in the draft of an agency's policy.")
    with archive.db.tx(scope) as conn:
        row, proved, failing = trial.try_out(conn, paper)
        if row.agency is None:
            raise Invalid(
                f"{file} is no agency's policy.",
                next_step="Prove the department's drafts with lapel policy prove.",
            )
        if row.agency not in scope.agencies:
            raise Refused(
                f"You do not act for {row.agency}.", rules=("policy/draft-needs-own-agency",),
                next_step=f"Somebody of {row.agency} can hand in its draft.",
            )  # fmt: skip
        verdict = of_text(proved.verdict, row.sha256)
        draft = Draft(
            new_id(), row.agency, row.policy, row.version, file, body, row.sha256, verdict, not failing, proved.prover,
            proved.took_ms, paper.by, clock.now(),
        )  # fmt: skip
        store.put_draft(conn, draft)
        log.record(
            conn, actor=scope.actor, agency=row.agency, act="drafted", subject=f"directive:{row.policy}",
            detail={"version": str(row.version), "sha256": row.sha256, "by": by, "holds": not failing, "proof": digest_of(verdict)},
        )  # fmt: skip
    return Handed(draft, tuple(failing))
