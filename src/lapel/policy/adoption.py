"""How does a text become the rule? By an accountable person, on a day, and not while a proof fails.

All of it or none: the texts, their proofs, their custody entries and their sidecars stand before the transaction
commits. The department may excuse a failed check by a dated waiver, which goes on record with the policy it excuses.
Lateness is a fact that is told and never a reason to refuse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from lapel.base import clock
from lapel.base.digest import Value
from lapel.base.errors import Refused
from lapel.custody import log
from lapel.policy import proving, sidecars, store, trial
from lapel.policy.coverage import coverage
from lapel.policy.paper import VOCABULARY, Paper, check_paper
from lapel.policy.record import DEPARTMENT, Adopted, Proved, Record, recorded
from lapel.policy.sentences import who
from lapel.policy.verdict import digest_of
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope


@dataclass(frozen=True, slots=True)
class Adoption:
    """What one text became. `days_late` None: not an agency's policy. `excused`: findings that a waiver covers."""

    row: Adopted
    in_force_from: date
    days_late: int | None
    excused: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was adopted, and every proof that was made for it."""

    adoptions: tuple[Adoption, ...]
    proofs: tuple[Proved, ...]


def adopt(archive: Archive, scope: Scope, papers: Sequence[Paper], *, waiver: Paper | None = None) -> Outcome:
    """Put texts on record together.

    Raises `Invalid` for a text that cannot be read or does not fit, `Conflict` for a version that is there, `Refused`
    with the counterexample while a proof fails (the refusal is entered in the custody log), `Unavailable` without a prover.
    """
    whole = Scope(scope.actor, (*scope.agencies, DEPARTMENT))
    for paper in (*papers, *([waiver] if waiver else [])):
        check_paper(paper, clock.now().date())
    try:
        with archive.db.tx(whole) as conn:
            store.one_at_a_time(conn)
            before = store.record(conn)
            rows = trial.rows(before, papers, waiver)
            after = recorded((*before.rows, *rows))
            proofs = trial.missing_proofs(conn, after)
            excused = trial.judge(conn, after, rows, {p.policy: p for p in proofs})
            rows = _enter(conn, archive, whole, rows, after, proofs)
            return Outcome(tuple(_adoption(after, row, excused) for row in rows), tuple(proofs))
    except Refused as refused:
        policy = _policy_of(papers[-1])
        agency = policy if policy in scope.agencies else DEPARTMENT
        log.record_refusal(
            archive.db, whole, refused, act="adopt", subject=f"directive:{policy}", agency=agency
        )
        raise


def _policy_of(paper: Paper) -> str:
    from lapel.policy.document import Text, read

    named = read(paper.body, paper.file).entries.get("policy")
    return named.value if isinstance(named, Text) else VOCABULARY


def _enter(
    conn: Connection,
    archive: Archive,
    scope: Scope,
    rows: Sequence[Adopted],
    after: Record,
    proofs: Sequence[Proved],
) -> list[Adopted]:
    """Write rows, entries, sidecars and proofs; a draft that has become the rule goes. The rows with their entries."""
    proved = {p.policy: p for p in proofs}
    waived = {row.id: row for row in rows if row.kind == "waiver"}
    written = []
    for row in rows:
        owner = row.agency or DEPARTMENT
        detail: dict[str, Value] = {
            "kind": row.kind, "version": str(row.version), "sha256": row.sha256, "by": row.adopted_by, "on": str(row.adopted_on),
        }  # fmt: skip
        if row.waiver:
            detail["waiver"] = waived[row.waiver].sha256
        if row.policy in proved:
            detail["proof"] = digest_of(proved[row.policy].verdict)
        entry = log.prepare(
            conn, actor=scope.actor, agency=owner, act="waived" if row.kind == "waiver" else "adopted",
            subject=f"directive:{row.policy}", detail=detail,
        )  # fmt: skip
        logged = replace(row, entry=entry.id)
        written.append(logged)
        store.add(conn, logged)
        log.insert(conn, entry)
        sidecars.put(archive, owner, entry, logged)
        if row.agency:
            store.drop_draft(conn, row.policy)
    signed = {row.policy for row in rows}
    for proof in proofs:
        store.add_proof(conn, after.agency_of(proof.policy), proof)
        if proof.policy not in signed:  # another text changed what this policy is held to
            proving.enter(conn, scope.actor, after.agency_of(proof.policy), proof)
    proving.ask_again(conn)
    return written


def _adoption(after: Record, row: Adopted, excused: dict[str, int]) -> Adoption:
    start = row.version
    late: int | None = None
    if row.kind not in ("waiver", "vocabulary"):
        directive = next(d for d in after.directives.versions(row.policy) if d.version == row.version)
        start = directive.life.start or row.version
    if row.agency:
        due = [c for c in coverage(after.directives, max(start, row.adopted_on)) if c.agency == row.agency]
        late = max((c.days_late for c in due), default=0)
    return Adoption(row, start, late, excused.get(row.id, 0))


def said(adoption: Adoption) -> str:
    """One adoption in a sentence."""
    row = adoption.row
    late = ""
    if adoption.days_late is not None:
        late = f"; {adoption.days_late} days late" if adoption.days_late else "; in time"
    excused = f"; {adoption.excused} findings excused by a waiver" if adoption.excused else ""
    return (
        f"{who(row.policy)} of {row.version}: adopted by {row.adopted_by} on {row.adopted_on}, in force from"
        f" {adoption.in_force_from}{late}{excused}; SHA-256 {row.sha256[:16]}…"
    )
