"""How do proofs and answers look on a terminal, and as JSON?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date

from lapel.policy.book import Book
from lapel.policy.case import Check
from lapel.policy.engine import Answer, Near
from lapel.policy.library import Library
from lapel.policy.proof import Proof
from lapel.policy.sentences import named, who


def proofs(library: Library, found: Sequence[Proof]) -> str:
    """One line for each proof that holds; every counterexample in words."""
    lines: list[str] = []
    noted: set[tuple[str, str]] = set()
    for proof in found:
        failed = [check for check in proof.checks if not check.holds]
        until = f"to {proof.until}" if proof.until else "on"
        verdict = (
            f"does not hold: {', '.join(check.name for check in failed)}" if failed else "every check holds"
        )
        lines.append(f"{who(proof.of)}, {proof.start} {until}: {verdict}")
        lines += [f"  {check.name}: {finding.says}" for check in failed for finding in check.findings]
        notes = [note for check in proof.checks for note in check.notes]
        lines += [f"  note: {note}" for note in notes if (proof.of, note) not in noted]
        noted.update((proof.of, note) for note in notes)
    good = {proof.of for proof in found} - {proof.of for proof in found if not proof.holds}
    agencies = [proof.of for proof in found if proof.of in library.vocabulary.agencies]
    names = dict.fromkeys(agencies)
    lines.append(
        f"{sum(name in good for name in names)} of {len(names)} agencies: every check holds in every interval"
    )
    return "\n".join(lines)


def proofs_json(library: Library, found: Sequence[Proof]) -> str:
    """Every proof with its checks, findings, situations and the texts it is about."""
    body = [
        {
            "of": proof.of,
            "from": str(proof.start),
            "until": str(proof.until) if proof.until else None,
            "holds": proof.holds,
            "texts": dict(proof.texts),
            "checks": [_check(library, check) for check in proof.checks],
        }
        for proof in found
    ]
    return json.dumps(
        {"holds": all(proof.holds for proof in found), "proofs": body}, ensure_ascii=False, indent=1
    )


def _check(library: Library, check: Check) -> dict[str, object]:
    facts = library.vocabulary.facts
    findings = [
        {
            "clauses": finding.clauses,
            "says": finding.says,
            "situation": {n: facts[n].show(v) if n in facts else v for n, v in finding.situation.items()}
            if finding.situation
            else None,
        }
        for finding in check.findings
    ]
    return {"check": check.name, "holds": check.holds, "findings": findings, "notes": check.notes}


def answers(book: Book, found: Mapping[str, Answer], day: date) -> str:
    """Each question with its answer, the clauses, what was presumed and what is missing."""
    lines = [f"{who(book.policy)}, {day}"]
    for answer in found.values():
        status = "" if answer.status == "answered" else f" ({answer.status})"
        by = f" by {', '.join(named(key) for key in answer.clauses)}" if answer.clauses else ""
        lines.append(f"{answer.question}: {answer.value}{status}{by}")
        lines += [
            f"    {named(rule.key)}: {rule.clause.says}" for rule in book.rules if rule.key in answer.clauses
        ]
        if answer.presumed:
            usual = book.vocabulary.ordinary
            lines.append(
                f"    presumed: {', '.join(f'{n}={book.facts[n].show(usual[n])}' for n in answer.presumed)}"
            )
        if answer.missing:
            lines.append(f"    missing: {', '.join(answer.missing)}")
        lines += [f"    nearly: {_near(near)}" for near in answer.nearly]
    return "\n".join(lines)


def _near(near: Near) -> str:
    if near.silenced_by:
        return f"{named(near.clause)}, silenced by {', '.join(named(key) for key in near.silenced_by)}"
    return f"{named(near.clause)}, if {near.fact} were {near.value}"


def answers_json(found: Mapping[str, Answer]) -> str:
    """The answers for machines."""
    body = {
        name: {
            "status": answer.status,
            "value": answer.value,
            "clauses": answer.clauses,
            "presumed": answer.presumed,
            "missing": answer.missing,
            "possible": answer.possible,
            "nearly": [
                {"clause": n.clause, "silenced_by": n.silenced_by, "fact": n.fact, "value": n.value}
                for n in answer.nearly
            ],
        }
        for name, answer in found.items()
    }
    return json.dumps(body, ensure_ascii=False, indent=1)
