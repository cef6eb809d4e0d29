"""Does the agency's policy honour the department's, and does it hold together? Every check, for every interval.

An interval lies between two days on which something that concerns the policy begins or ends; inside it nothing changes,
so a proof for its first day is a proof for all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import date
from pathlib import PurePath

from lapel.base.errors import Invalid
from lapel.policy import checks, conform
from lapel.policy.alive import Alive
from lapel.policy.case import CHECKS, Asked, Case, Check, Finding
from lapel.policy.condition import text
from lapel.policy.document import clip, nearest
from lapel.policy.ground import Ground
from lapel.policy.library import Library
from lapel.policy.sentences import who
from lapel.policy.smt import Script
from lapel.policy.vocabulary import AGENCY


@dataclass(frozen=True, slots=True)
class Proof:
    """What was proved of one policy (`of`) from `start` to before `until`, and of which texts (file name, SHA-256)."""

    of: str
    start: date
    until: date | None
    checks: tuple[Check, ...]
    texts: tuple[tuple[str, str], ...]

    @property
    def holds(self) -> bool:
        return all(check.holds for check in self.checks)

    def check(self, name: str) -> Check:
        return next(check for check in self.checks if check.name == name)


Keep = Callable[[str, date, Script], None]


def prove(library: Library, agencies: Collection[str] | None = None, keep: Keep | None = None) -> list[Proof]:
    """Proofs of the department alone and of each agency (`agencies` None: all that have a policy), interval by interval.

    `keep` is given each script with its claims, so that another prover can be asked the same. Raises `Invalid` for an
    agency that has no policy, or when there is no department.
    """
    wanted = library.agencies if agencies is None else tuple(agencies)
    for agency in wanted:
        _known(library, agency)
    found = [] if agencies is not None else intervals(library, None, keep)
    for agency in wanted:
        found += intervals(library, agency, keep)
    return found


def _known(library: Library, agency: str) -> None:
    """Refuses an agency without a policy: a proof of nothing would read like one of everything."""
    if agency not in library.vocabulary.agencies:
        raise Invalid(
            f"“{clip(agency)}” is no agency.", next_step=nearest(agency, library.vocabulary.agencies)
        )
    if agency not in library.agencies:
        raise Invalid(f"No policy of {agency} was given.", next_step="Name its file with --policy.")


def intervals(library: Library, agency: str | None, keep: Keep | None = None) -> list[Proof]:
    """The proofs of one policy, one for each interval in which it is in force; equal neighbours are joined."""
    of = agency or library.department
    days = library.boundaries(agency)
    found: list[Proof] = []
    seen: dict[tuple[object, ...], tuple[Check, ...]] = {}
    for start, until in zip(days, [*days[1:], None], strict=True):
        if library.in_force(of, start) is None:
            continue
        case = Case(library, agency, start)
        same = _identity(case)
        if same not in seen:
            seen[same] = prove_case(case)
            if keep:
                keep(case.policy, start, case.script)
        proof = Proof(case.policy, start, until, seen[same], _texts(case))
        if (
            found
            and found[-1].until == start
            and (found[-1].checks, found[-1].texts) == (proof.checks, proof.texts)
        ):
            found[-1] = replace(found[-1], until=until)
        else:
            found.append(proof)
    return found


def _identity(case: Case) -> tuple[object, ...]:
    """What the verdict depends on: the same on two days means the same proof."""
    books = tuple(
        tuple((rule.key, rule.clause.says_digest, rule.when, rule.above) for rule in book.rules)
        for book in case.books
    )
    return books, tuple(g.id for g in case.library.grants(case.on)), _texts(case)


def _texts(case: Case) -> tuple[tuple[str, str], ...]:
    """The texts that a proof is about."""
    orders = case.library.orders(case.on, case.agency) if case.agency else ()
    live = [d for d in (case.department, case.directive, *orders) if d]
    vocabulary = case.library.vocabulary
    names = [
        (PurePath(vocabulary.file).name, vocabulary.digest),
        *((PurePath(d.file).name, d.digest) for d in live),
    ]
    return tuple(dict.fromkeys(names))


def prove_case(case: Case) -> tuple[Check, ...]:
    """Every check of one policy on one day."""
    asked = [
        *conform.conforms(case), *conform.outside(case), *checks.conflicts(case), *checks.gaps(case), *checks.word_bounds(case),
    ]  # fmt: skip
    alive = Alive(case)
    left = checks.left_out(case)
    groups = {
        name: case.script.claim(name, f"(or false {' '.join(a.claim for a in asked if a.check == name)})")
        for name in CHECKS
    }
    ground = Ground(case.script, case.ordinary)
    if insane := _insane(case, ground):
        return tuple(Check(name, tuple(insane) if name == "sane" else ()) for name in CHECKS)
    findings = [*conform.misplaced(case), *checks.undefined(case)]
    findings += [
        finding
        for name in CHECKS
        for finding in _violations(ground, groups[name], [a for a in asked if a.check == name])
    ]
    speaking = alive.speaking(ground)
    findings += alive.dead(speaking)
    findings += _unaddressed(case, speaking)
    notes = {
        "granted": conform.grant_notes(case),
        "no dead clause": alive.restated(ground, speaking),
        "terms": [words for claim, words in left if ground.can(claim)],
    }
    return tuple(
        Check(name, tuple(f for f in findings if f.check == name), tuple(notes.get(name, ())))
        for name in CHECKS
    )


def _insane(case: Case, ground: Ground) -> list[Finding]:
    """Agencies for which nothing at all is possible."""
    words = case.library.vocabulary.agencies
    claims = (
        {a: ground.script.constant(AGENCY, a) for a in words} if case.agency is None else {case.agency: ""}
    )
    stuck = [a for a, claim in claims.items() if not ground.can(*([claim] if claim else []), bounds=False)]
    always = "; ".join(text(condition) for condition in case.library.vocabulary.always)
    return [Finding("sane", (), f"No situation at all is possible for {who(a)}: {always}.") for a in stuck]


def _violations(ground: Ground, group: str, asked: list[Asked]) -> list[Finding]:
    """The claims of one check that can be true, each with its nearest situation; one question when none can."""
    loose = [a for a in asked if not a.bounds]
    if not asked or (not loose and not ground.can(group)):
        return []
    found = []
    for a in asked:
        if ground.can(a.claim, bounds=a.bounds):
            situation = ground.nearest(a.claim, bounds=a.bounds)
            found.append(Finding(a.check, a.clauses, a.tell(situation), situation))
    return found


def _unaddressed(case: Case, speaking: set[int]) -> list[Finding]:
    """Topics that the department wants addressed and no clause is about."""
    if case.agency is None or case.department is None:
        return []
    live = {t for i, rule in enumerate(case.bare.rules) if i in speaking for t in rule.clause.addresses}
    wanted = dict.fromkeys(topic for topics in case.department.must_address for topic in topics.topics)
    return [
        Finding("addresses", (topic,), f"{who(case.policy)} says nothing of {topic.replace('_', ' ')}.")
        for topic in wanted
        if topic not in live
    ]
