"""Why was a duty not met, and does the policy allow that? A register: the officer enters it, somebody else decides it.

Rules:
- an exception has a coded reason, a clause of the policy in force on that day that allows it, and the officer's words;
- who entered it, and the officer it is about, never decide it;
- a decision is final; what was entered by mistake is withdrawn by who entered it, before it is decided;
- a granted exception excuses the duties it covers; what was measured stays beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from lapel.access import store as access
from lapel.activation import store, store_watch
from lapel.activation.findings import UNMET, Finding
from lapel.activation.reasons import MEANINGS, REASONS, Reason, allowing
from lapel.activation.store_watch import Claim
from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.errors import Conflict, Invalid, Refused
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.custody.sidecar import Under, Write, perform
from lapel.policy import store as policy
from lapel.policy.book import Rule
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

MAX_WORDS = 4000
LONGEST = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Entered:
    """What an officer says. `duty`: the id of the duty it is about; None: everything in [begins_at, ends_at)."""

    officer: str
    reason: str
    clause: str
    words: str
    begins_at: datetime
    ends_at: datetime
    duty: str | None = None


def clauses(conn: Connection, agency: str, reason: Reason, at: datetime) -> list[Rule]:
    """The clauses in force for an agency at an instant that allow a camera to be off for this reason. Raises `NotFound`."""
    zone = next(a.zone for a in access.agencies(conn) if a.id == agency)
    return allowing(policy.in_force(conn, agency, at.astimezone(ZoneInfo(zone)).date()).book, reason)


def enter(archive: Archive, scope: Scope, agency: str, said: Entered) -> str:
    """Put an exception into the register; returns its id. Raises `Invalid`, `NotFound` (no such officer, no policy)."""
    words = said.words.replace("\0", "").strip()
    if said.reason not in REASONS:
        raise Invalid(f"“{said.reason[:20]}” is no reason.", next_step=f"One of: {', '.join(REASONS)}.")
    if not words or len(words) > MAX_WORDS:
        raise Invalid(
            f"Say in 1 to {MAX_WORDS:,} characters what happened.",
            next_step="The supervisor decides by your words.",
        )
    if not timedelta(0) < said.ends_at - said.begins_at <= LONGEST:
        raise Invalid("An exception is of a time that ends after it begins, two days at most.")
    with archive.db.tx(scope) as conn:
        store_watch.check_officer(conn, agency, said.officer)
        rule, text = _allowed(conn, agency, said)
        row = {
            "id": new_id(), "agency": agency, "officer": said.officer, "duty": said.duty, "reason": said.reason,
            "clause": rule.key, "clause_version": text[1].isoformat(), "clause_sha256": text[2],
            "begins_at": said.begins_at, "ends_at": said.ends_at, "words": words,
            "entered_by": scope.actor, "entered_at": clock.now(),
        }  # fmt: skip
        detail: dict[str, Value] = {
            "officer": said.officer, "reason": said.reason, "clause": rule.key, "clause_sha256": text[2],
            "begins_at": clock.stamp(said.begins_at), "ends_at": clock.stamp(said.ends_at), "words": words,
        }  # fmt: skip
        if said.duty:
            detail["duty"] = said.duty
        entry = log.prepare(
            conn, actor=scope.actor, agency=agency, act="exception_entered", subject=f"exception:{row['id']}", detail=detail
        )  # fmt: skip
        write = Write("activation_exception", {**row, "entry": entry.id})
        perform(conn, archive, entry, [write], agency=agency, under=Under())
    return str(row["id"])


def decide(
    archive: Archive,
    scope: Scope,
    exception_id: str,
    *,
    granted: bool,
    words: str,
    decider_is: str | None = None,
) -> list[str]:
    """Grant or refuse an exception; returns the ids of the duties that it excuses. `decider_is`: the officer who decides.

    Raises `Refused` when the decider entered it or is the officer it is about, `Conflict` when it is decided already,
    `Invalid` for a refusal without words.
    """
    words = words.replace("\0", "").strip()
    with archive.db.tx(scope) as conn:
        there = store_watch.exception(conn, exception_id, lock=True)
        if scope.actor == there.entered_by or (decider_is is not None and decider_is == there.officer):
            raise Refused(
                "Nobody decides an exception that they entered, or that is about themselves.",
                rules=("activation/exception-needs-another-person",),
                next_step="Another supervisor of the unit, or the evidence custodian, can decide it.",
            )
        if len(words) > MAX_WORDS or not (granted or words):
            raise Invalid(f"A refusal says why, in 1 to {MAX_WORDS:,} characters.")
        _still_waiting(there)
        state = "granted" if granted else "refused"
        _settle(conn, archive, scope, there, state, words)
        return _excuse(conn, there) if granted else []


def withdraw(archive: Archive, scope: Scope, exception_id: str) -> None:
    """Take back what oneself entered, before it is decided. Raises `Refused`, `Conflict`."""
    with archive.db.tx(scope) as conn:
        there = store_watch.exception(conn, exception_id, lock=True)
        if scope.actor != there.entered_by:
            raise Refused(
                "Only who entered an exception withdraws it.",
                rules=("activation/exception-own",),
                next_step="Refuse it instead, and say why.",
            )
        _still_waiting(there)
        _settle(conn, archive, scope, there, "withdrawn", "")


def granted(conn: Connection, agency: str, since: datetime, until: datetime) -> list[Claim]:
    """The granted exceptions of an agency that touch [since, until), the earliest decision first: what a run excuses by."""
    return store_watch.granted(conn, agency, since, until)


def excuse_of(finding: Finding, granted_ones: Sequence[Claim]) -> str | None:
    """The id of the first of these exceptions that excuses a duty that was not met, or None."""
    if finding.kind != "duty" or finding.measured not in UNMET:
        return None
    return next((one.id for one in granted_ones if covers(one, finding)), None)


def covers(there: Claim, finding: Finding) -> bool:
    """Is an exception about this duty? By its name, or, without one, when the whole stretch lies inside its time."""
    if there.officer != finding.officer:
        return False
    if there.duty:
        return there.duty == finding.duty
    return there.begins_at <= finding.begins_at and finding.ends_at <= there.ends_at


def _allowed(conn: Connection, agency: str, said: Entered) -> tuple[Rule, tuple[str, date, str]]:
    """The clause that is named, and the text it stands in. Raises `Invalid` when it does not allow this reason."""
    reason: Reason = said.reason  # type: ignore[assignment]  # enter has looked
    zone = next(a.zone for a in access.agencies(conn) if a.id == agency)
    in_force = policy.in_force(conn, agency, said.begins_at.astimezone(ZoneInfo(zone)).date())
    fit = {rule.key: rule for rule in allowing(in_force.book, reason)}
    rule = fit.get(said.clause) or fit.get(f"{in_force.book.policy}:{said.clause}")
    if rule is None:
        meaning = MEANINGS[reason].says
        listed = ", ".join(fit) or "none: the policy allows it nowhere"
        raise Invalid(
            f"{said.clause[:60] or 'No clause'} does not allow a camera to be off because: {meaning[0].lower()}{meaning[1:]}.",
            next_step=f"Clauses in force that day that do: {listed}.",
        )
    return rule, next(text for text in in_force.texts if text[0] == rule.policy)


def _still_waiting(there: Claim) -> None:
    if there.state != "waiting":
        raise Conflict(
            f"This exception was {there.state} already.",
            next_step="A decision is final; enter a new one if it is wrong.",
        )


def _settle(conn: Connection, archive: Archive, scope: Scope, there: Claim, state: str, words: str) -> None:
    act = {"granted": "exception_granted", "refused": "exception_refused"}.get(state, "exception_withdrawn")
    detail: dict[str, Value] = {"officer": there.officer, "reason": there.reason, "clause": there.clause}
    if words:
        detail["words"] = words
    entry = log.prepare(
        conn, actor=scope.actor, agency=there.agency, act=act, subject=f"exception:{there.id}", detail=detail
    )  # fmt: skip
    change = {
        "id": there.id, "state": state, "decided_by": scope.actor, "decided_at": clock.now(), "decision": words,
        "decision_entry": entry.id,
    }  # fmt: skip
    write = Write("activation_exception", change, change=True)
    perform(conn, archive, entry, [write], agency=there.agency, under=Under())


def _excuse(conn: Connection, there: Claim) -> list[str]:
    found = store_watch.unmet_of(conn, there.officer, there.begins_at, there.ends_at, there.duty)
    excused = [finding.duty for finding in found if covers(there, finding)]
    for duty in excused:
        store.excuse(conn, duty, there.id)
    return excused
