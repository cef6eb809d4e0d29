"""How are proofs and differences kept? As plain values that can be stored, digested, shown, and asked again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from lapel.base.digest import canonical, sha256_hex
from lapel.policy.book import Book, agency_book
from lapel.policy.case import Check, Finding
from lapel.policy.diff import Change
from lapel.policy.engine import Engine
from lapel.policy.library import Library
from lapel.policy.proof import Proof
from lapel.policy.sentences import scene
from lapel.policy.vocabulary import NEVER_PRESUMED, Situation, Vocabulary
from lapel.policy.waiver import Waiver

Verdict = list[dict[str, Any]]


def verdict_of(library: Library, found: Sequence[Proof]) -> Verdict:
    """The proofs of one policy: each interval with its texts, checks, counterexamples and notes."""
    return [
        {
            "from": str(proof.start), "until": str(proof.until) if proof.until else None, "holds": proof.holds,
            "texts": [[file, digest] for file, digest in proof.texts],
            "checks": [_check(library, proof, check) for check in proof.checks],
        }
        for proof in found
    ]  # fmt: skip


def _check(library: Library, proof: Proof, check: Check) -> dict[str, Any]:
    return {
        "check": check.name, "holds": check.holds, "notes": list(check.notes),
        "findings": [
            {
                "clauses": list(f.clauses), "says": f.says, "against": _against(library, proof, f),
                "facts": asked(library.vocabulary, f.situation) if f.situation else None,
            }
            for f in check.findings
        ],
    }  # fmt: skip


def _against(library: Library, proof: Proof, finding: Finding) -> list[str]:
    """The agency's clauses that speak in a counterexample, about the questions that it is about."""
    if finding.situation is None or proof.of not in library.agencies:
        return []
    engine = Engine(agency_book(library, proof.of, proof.start))
    named = {rule.key: rule.question for rule in engine.book.rules}
    department = library.in_force(library.department, proof.start)
    if department:
        named |= {f"{department.policy}:{clause.id}": clause.question for clause in department.clauses}
    questions = [named.get(name, name) for name in finding.clauses]
    spoken = engine.decide(finding.situation)
    keys = [key for question in questions if question in spoken for key in spoken[question].clauses]
    return [key for key in dict.fromkeys(keys) if key not in finding.clauses]


def asked(words: Vocabulary, situation: Situation) -> dict[str, str]:
    """A situation as it is asked again: what is not ordinary, and what is never presumed; the rest is presumed."""
    presumed = {presumption.fact for presumption in words.presume}
    return {
        name: fact.show(situation[name])
        for name, fact in words.facts.items()
        if name in situation
        and name != "agency"
        and (situation[name] != words.ordinary[name] or name in NEVER_PRESUMED or name not in presumed)
    }


def changes_of(new: Book, found: Iterable[Change]) -> list[dict[str, Any]]:
    """The classes of situations that a version changes."""
    return [
        {
            "question": change.question, "old": change.old, "new": change.new, "clauses": list(change.clauses),
            "old_by": list(change.old_by), "new_by": list(change.new_by), "scene": scene(new, change.witness),
            "facts": asked(new.vocabulary, change.witness),
        }
        for change in found
    ]  # fmt: skip


def digest_of(verdict: Verdict) -> str:
    """SHA-256 of the canonical JSON of a verdict."""
    return sha256_hex(canonical(verdict))


def in_interval(verdict: Verdict, on: date) -> dict[str, Any] | None:
    """The interval of a verdict that a day lies in."""
    for interval in verdict:
        if interval["from"] <= str(on) and (interval["until"] is None or str(on) < interval["until"]):
            return interval
    return None


def of_text(verdict: Verdict, digest: str) -> Verdict:
    """The intervals in which a text is in force."""
    return [interval for interval in verdict if any(digest == sha for _, sha in interval["texts"])]


@dataclass(frozen=True, slots=True)
class Failing:
    """A finding that no waiver covers."""

    check: str
    says: str
    clauses: tuple[str, ...]
    facts: Mapping[str, str] | None


def failing(policy: str, verdict: Verdict, waivers: Iterable[Waiver], on: date) -> list[Failing]:
    """The findings of a verdict that no waiver covers on a day."""
    granted = list(waivers)
    return [
        Failing(check["check"], finding["says"], tuple(finding["clauses"]), finding["facts"])
        for interval in verdict
        for check in interval["checks"]
        for finding in check["findings"]
        if not any(covers(waiver, policy, check["check"], finding["clauses"], on) for waiver in granted)
    ]


def covers(waiver: Waiver, policy: str, check: str, clauses: Sequence[str], on: date) -> bool:
    """Does a waiver excuse this finding of a policy on a day? The same rule as `Waiver.covers`, on kept values."""
    finding = Finding(check, tuple(clauses), "")
    named = not waiver.clauses or bool(set(waiver.clauses) & set(finding.clauses))
    return waiver.agency == policy and check in waiver.excuses and named and waiver.life.covers(on)
