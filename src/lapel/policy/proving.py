"""What was proved of the policies on record, and is it up to date? Proofs are made when something changes, and kept."""

from __future__ import annotations

import time
from datetime import datetime
from itertools import pairwise

from lapel.base import clock
from lapel.custody import log
from lapel.policy import store
from lapel.policy.book import lone_book
from lapel.policy.library import Library
from lapel.policy.proof import intervals
from lapel.policy.record import DEPARTMENT, Proved, Record
from lapel.policy.verdict import changes_of, digest_of, verdict_of
from lapel.storage import queue
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope

JOB = "policy.prove"


def prover_name() -> str:
    """The prover with its version. Raises `Unavailable`, with what to install, when it is not there."""
    from lapel.policy.ground import prover

    return f"z3 {prover().get_version_string()}"


def prove_policy(there: Record, policy: str) -> Proved:
    """Prove one policy of the record, the department's alone or an agency's, in every interval."""
    library, prover = there.directives, prover_name()
    begun = time.monotonic()
    found = intervals(library, None if policy == library.department else policy)
    took_ms = round((time.monotonic() - begun) * 1000)
    verdict = verdict_of(library, found)
    return Proved(
        policy, there.inputs(policy), verdict, all(one.holds for one in found), prover, took_ms, clock.now()
    )


def ask_again(conn: Connection, since: datetime | None = None) -> None:
    """Ask, in this transaction, that what has no proof be proved; with `since`, also what was last proved before it."""
    queue.defer(conn, JOB, since=since.isoformat() if since else "")


def prove_again(archive: Archive, since: str = "") -> None:
    """The job of `ask_again`. Compares each version with the one before it, too. Safe to do twice.

    Many requests are one proof: what was proved after `since` is left alone.
    """
    at = datetime.fromisoformat(since) if since else None
    with archive.db.tx(Scope("system:worker", ())) as conn:
        there = store.record(conn)
        if there.library is None:
            return
        known = store.proofs(conn, there)
    for policy, proved in known.items():
        if proved is None or (at and proved.proved_at < at):
            keep(archive, there, prove_policy(there, policy))
    _compare(archive, there.library)


def keep(archive: Archive, there: Record, proved: Proved) -> None:
    """Store a proof and enter in the custody log that it was made, and of what."""
    agency = there.agency_of(proved.policy)
    with archive.db.tx(Scope("system:worker", (agency or DEPARTMENT,))) as conn:
        store.add_proof(conn, agency, proved)
        enter(conn, "system:worker", agency, proved)


def enter(conn: Connection, actor: str, agency: str | None, proved: Proved) -> None:
    """Write into the custody log that a proof was made, and of what."""
    log.record(
        conn, actor=actor, agency=agency or DEPARTMENT, act="proved", subject=f"directive:{proved.policy}",
        detail={"inputs": proved.inputs, "verdict": digest_of(proved.verdict), "holds": proved.holds},
    )  # fmt: skip


def _compare(archive: Archive, library: Library) -> None:
    from lapel.policy.diff import diff

    for policy in dict.fromkeys(d.policy for d in library.directives):
        versions = library.versions(policy)
        agency = policy if versions[0].role == "agency" else None
        scope = Scope("system:worker", (agency or DEPARTMENT,))
        for old, new in pairwise(versions):
            with archive.db.tx(scope) as conn:
                known = store.changes(conn, old.digest, new.digest)
            if known is not None:
                continue
            books = lone_book(library.vocabulary, old), lone_book(library.vocabulary, new)
            classes = changes_of(books[1], diff(*books))
            with archive.db.tx(scope) as conn:
                store.add_changes(conn, agency, policy, old.digest, new.digest, classes)
