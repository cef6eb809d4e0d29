"""What is the story of one duty, in plain words? What happened, what was owed and who says so, what came of it; and each clause."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from lapel.access import store as access
from lapel.activation import shown, store, store_watch
from lapel.activation.findings import Finding, outcome_in_words
from lapel.activation.reasons import MEANINGS
from lapel.base.errors import LapelError
from lapel.policy import store as policy
from lapel.policy.phrases import outcome_of
from lapel.policy.sentences import named
from lapel.storage.postgres import Connection

_US = 1_000_000
_CAMERA = {
    "in_plan": "is in an office of the deployment plan",
    "equipped": "has a camera",
    "trained": "is trained",
}


def told(conn: Connection, finding: Finding) -> list[str]:
    """The story of one duty in plain sentences: what happened, what was owed and who says so, what came of it."""
    agency = next(a for a in access.agencies(conn) if a.id == finding.agency)
    zone, event = ZoneInfo(agency.zone), store.event(conn, finding.event)

    def clock_time(at: datetime) -> str:
        return at.astimezone(zone).strftime("%H:%M:%S")

    by = f"by {' and '.join(named(key) for key in finding.why.clauses)}" if finding.why.clauses else ""
    stretch_is = f"from {clock_time(finding.begins_at)} to {clock_time(finding.ends_at)}"
    story = [
        f"On {finding.begins_at.astimezone(zone).strftime('%B %-d, %Y')}, Officer {finding.badge} took part in"
        f" {event.kind.replace('_', ' ')} {event.external_id}, as {event.source} has it.",
        _owed(finding, stretch_is, by),
    ]
    if finding.why.says:
        story.append(finding.why.says)
    if finding.why.lacking:
        facts = _and([_CAMERA[name] for name in finding.why.lacking if name in _CAMERA])
        story.append(f"That is owed only of who {facts}; this was not so.")
    if finding.why.presumed:
        story.append(f"Nobody stated {_and(finding.why.presumed)}; what is ordinary was presumed.")
    if finding.why.missing:
        story.append(f"Nobody stated {_and(finding.why.missing)}, and the answer turns on it.")
    if finding.excuse is not None:
        story += _excused(conn, finding.excuse)
    return [*story, outcome_in_words(finding)]


def _owed(finding: Finding, stretch_is: str, by: str) -> str:
    """What was owed or forbidden, or that this cannot be said."""
    if finding.outcome == "undetermined":
        what = "was required" if finding.kind == "duty" else "was forbidden or had to stop"
        clauses = f" ({by[3:]} would decide)" if by else ""
        return f"Whether recording {what} {stretch_is} cannot be said{clauses}."
    owed = {
        "duty": "Recording would have been required" if finding.why.lacking else "Recording was required",
        "forbidden": "Recording was forbidden",
        "past the stop": "Recording had to stop",
    }[finding.kind]
    within = (
        f"; it had to start within {finding.within_us // _US} s"
        if finding.kind == "duty" and finding.within_us
        else ""
    )
    return f"{owed} {stretch_is} {by or 'by no clause'}{within}."


def _excused(conn: Connection, exception: str) -> list[str]:
    """The exception that excuses it, and the clause that allows that."""
    try:
        there = store_watch.exception(conn, exception)
    except LapelError:
        return []
    reason = MEANINGS[there.reason].says  # type: ignore[index]  # the column holds nothing else
    return [
        f"An exception was granted under {named(there.clause)}, version {there.clause_version}: {reason[0].lower()}{reason[1:]}."
    ]


def _and(words: Sequence[str]) -> str:
    plain = [word.replace("_", " ") for word in words]
    return f"{', '.join(plain[:-1])} and {plain[-1]}" if len(plain) > 1 else plain[0]


def clause(conn: Connection, agency: str, key: str, at: datetime, zone: str) -> shown.ClauseShown:
    """A clause as it was in force at an instant; one that nobody finds any more is named all the same."""
    name, _, number = key.partition(":")
    says = answer = confidence = ""
    try:
        book = policy.in_force(conn, agency, at.astimezone(ZoneInfo(zone)).date()).book
        rule = next((r for r in book.rules if r.key == key), None)
        if rule is not None:
            says, confidence = rule.clause.says, rule.clause.cite.confidence
            if rule.outcome:
                answer = outcome_of(book.vocabulary.questions[rule.question], rule.outcome)
    except LapelError:
        pass
    return shown.ClauseShown(
        key=key, policy=name, id=number, says=says, answer=answer, confidence=confidence,
        url=f"/policy/read/{name}#{name}-{number}",
    )  # fmt: skip
