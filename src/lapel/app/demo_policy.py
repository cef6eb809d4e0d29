"""What does the demonstration adopt? The department's policy, the orders and nine agencies' policies, all of `directives/`."""

from __future__ import annotations

from pathlib import Path

from lapel.app.department import Department
from lapel.base import clock
from lapel.policy import adoption, proving, shelf, store
from lapel.policy.paper import Paper
from lapel.policy.sentences import who

DIRECTIVES = Path(__file__).parents[3] / "directives"


def adopt_policies(here: Department, folder: Path = DIRECTIVES) -> str:
    """Adopt every directive of a folder on the day its text bears, once, and prove them; the outcome in one line."""
    archive, scope = here.operator()
    with archive.db.tx(scope) as conn:
        adopted = store.record(conn).library is not None
    if adopted:
        proving.prove_again(here.archive("worker"), since=clock.now().isoformat())
    else:
        adoption.adopt(archive, scope, papers(folder))
    with archive.db.tx(scope) as conn:
        there = store.record(conn)
        proofs = [proof for of, proof in store.proofs(conn, there).items() if there.agency_of(of) and proof]
    failing = [who(proof.policy) for proof in proofs if not proof.holds]
    verdict = f"not every check holds for {', '.join(failing)}" if failing else "every check holds"
    intervals = sum(len(proof.verdict) for proof in proofs)
    took_s = sum(proof.took_ms for proof in proofs) / 1000
    return f"{_number(len(proofs))} agency policies proved: {verdict} in {intervals} intervals, took {took_s:.1f} s"


def _number(count: int) -> str:
    return "nine" if count == 9 else str(count)


def papers(folder: Path = DIRECTIVES) -> list[Paper]:
    """Every directive of a folder, adopted by whom and on the day it says."""
    vocabulary = folder / shelf.VOCABULARY
    words = shelf.vocabulary_at(vocabulary)
    found = []
    for path in shelf.directive_files(folder):
        directive = shelf.directive_at(path, words)
        day = directive.adopted_on or directive.version
        found.append(Paper(shelf.text_at(path), path.name, directive.adopted_by or "unnamed", day))
    first = min(paper.on for paper in found)
    return [Paper(shelf.text_at(vocabulary), vocabulary.name, "Department", first), *found]
