"""What does the page of one policy show? Each clause with its text, its answer, whom it binds, its source and how sure it is."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime

from pydantic import BaseModel

from lapel.base.errors import NotFound
from lapel.policy.condition import text
from lapel.policy.coverage import coverage
from lapel.policy.directive import CONFIDENCES, Clause, Directive, Grant
from lapel.policy.document import clip, nearest
from lapel.policy.phrases import SURE, conditions, outcome_of, phrase, plain, question_of
from lapel.policy.record import Record
from lapel.policy.sentences import who
from lapel.policy.vocabulary import Vocabulary


class ClauseShown(BaseModel):
    """One clause. `when`: what has to be so, all of it (empty: always); `rule`: the same as the prover reads it."""

    id: str
    key: str
    says: str
    question: str
    answer: str
    when: list[str]
    rule: str
    subject_to: list[str]
    under: str
    binds: str
    addresses: list[str]
    measured_by: str
    confidence: str
    sure: str
    source: str
    provisions: list[str]
    note: str
    life: str


class Section(BaseModel):
    """Clauses that answer the same question."""

    title: str
    clauses: list[ClauseShown]


class GrantShown(BaseModel):
    """An opening that the department makes. `hedged`: its source is not sure that it exists."""

    id: str
    to: list[str]
    when: str
    answers: list[str]
    says: str
    note: str
    hedged: bool


class WordShown(BaseModel):
    """A word: the bounds the department sets, or what an agency means by it."""

    term: str
    means: str
    rule: str


class VersionShown(BaseModel):
    """One version of a policy, as a link."""

    version: date
    url: str
    adopted_on: date
    here: bool


class WaiverShown(BaseModel):
    """A failed check that the department excused."""

    id: str
    says: str
    excuses: list[str]
    granted_by: str
    until: date
    over: bool


class PolicyShown(BaseModel):
    """A directive as a person reads it."""

    policy: str
    name: str
    role: str
    title: str
    version: date
    in_force_from: date
    until: date | None
    adopted_by: str
    adopted_on: date
    entered_at: datetime
    sha256: str
    entry: str
    follows: str
    authority: str
    note: str
    days_late: int | None
    due_on: date | None
    counts: dict[str, int]
    sure: dict[str, str]
    sections: list[Section]
    grants: list[GrantShown]
    words: list[WordShown]
    topics: list[str]
    within_days: int | None
    waivers: list[WaiverShown]
    versions: list[VersionShown]
    others: dict[str, str]


def policy_shown(there: Record, policy: str, version: date | None, today: date) -> PolicyShown:
    """A policy in the version in force, or another one. Raises `NotFound` with the nearest name."""
    library = there.directives
    versions = library.versions(policy)
    if not versions:
        known = list(dict.fromkeys(d.policy for d in library.directives))
        raise NotFound(f"No policy “{clip(policy)}” is on record.", next_step=nearest(policy, known))
    wanted = next((d for d in versions if d.version == version), None) if version else None
    if version and wanted is None:
        raise NotFound(
            f"{who(policy)} has no version of {version}.",
            next_step=f"There are {', '.join(str(d.version) for d in versions)}.",
        )
    directive = wanted or library.in_force(policy, today) or versions[-1]
    row, words = there.row(directive), library.vocabulary
    late = [c for c in coverage(library, today) if c.agency == policy]
    within = {t.within_days for t in directive.must_address}
    return PolicyShown(
        policy=policy, name=who(policy), role=directive.role, title=directive.title, version=directive.version,
        in_force_from=directive.life.start or directive.version, until=directive.life.until, adopted_by=row.adopted_by,
        adopted_on=row.adopted_on, entered_at=row.entered_at, sha256=row.sha256, entry=row.entry,
        follows=f"{who(directive.follows[0])} of {directive.follows[1]}" if directive.follows else "",
        authority=directive.order.authority if directive.order else "", note=directive.note,
        days_late=max((c.days_late for c in late), default=None), due_on=min((c.due_on for c in late), default=None),
        counts={c: n for c in CONFIDENCES if (n := Counter(x.cite.confidence for x in directive.clauses)[c])},
        sure={str(name): says for name, says in SURE.items()}, sections=sections(directive, words),
        grants=[grant_shown(g, words) for g in directive.grants], words=_words(directive, words),
        topics=[plain(t) for topics in directive.must_address for t in topics.topics], within_days=max(within, default=None),
        waivers=waivers(there, policy, today),
        versions=[
            VersionShown(version=d.version, url=f"/policy/read/{policy}?version={d.version}",
                         adopted_on=there.row(d).adopted_on, here=d is directive) for d in versions
        ],
        others=_others(there),
    )  # fmt: skip


def _others(there: Record) -> dict[str, str]:
    """Every policy with what people call it: the department's, the agencies' in the vocabulary's order, then the orders."""
    library = there.directives
    found = {name: who(name) for name in (library.department, *library.agencies)}
    return found | {d.policy: d.title for d in library.directives if d.role == "order"}


def sections(directive: Directive, words: Vocabulary) -> list[Section]:
    """The clauses by question, in the vocabulary's order; what answers no question last."""
    found = []
    for name in (*words.questions, ""):
        clauses = [clause_shown(directive.policy, c, words) for c in directive.clauses if c.question == name]
        if clauses:
            found.append(Section(title=question_of(name) if name else "What else it says", clauses=clauses))
    return found


def clause_shown(policy: str, clause: Clause, words: Vocabulary) -> ClauseShown:
    """A clause with everything a reader may ask about it."""
    question = words.questions.get(clause.question)
    days = [
        f"from {clause.life.start}" if clause.life.start else "",
        f"until {clause.life.until}" if clause.life.until else "",
    ]
    return ClauseShown(
        id=clause.id, key=f"{policy}:{clause.id}", says=clause.says, question=clause.question,
        answer=outcome_of(question, clause.outcome) if question and clause.outcome else "",
        when=conditions(clause.when, words), rule=text(clause.when), subject_to=list(clause.subject_to), under=clause.under,
        binds=clause.binds or "officer", addresses=[plain(t) for t in clause.addresses],
        measured_by=clause.measured_by if clause.measured_by != "none" else "", confidence=clause.cite.confidence,
        sure=SURE[clause.cite.confidence], source=clause.cite.source if clause.cite.source != "none" else "",
        provisions=list(clause.cite.provisions), note=clause.cite.note or clause.note, life=" ".join(d for d in days if d),
    )  # fmt: skip


def grant_shown(grant: Grant, words: Vocabulary) -> GrantShown:
    """An opening; one that says of itself that it is hedged is shown so."""
    hedged = "hedged" in grant.says
    return GrantShown(
        id=grant.id, to=list(grant.to), when=phrase(grant.when, words),
        answers=[outcome_of(words.questions[n], o) for n, listed in grant.lists.items() for o in listed],
        says=grant.says.removeprefix("hedged: "), note=getattr(grant, "note", ""), hedged=hedged,
    )  # fmt: skip


def waivers(there: Record, agency: str, today: date) -> list[WaiverShown]:
    """The waivers on record for an agency, newest first."""
    return [
        WaiverShown(
            id=w.id, says=w.says, excuses=list(w.excuses), granted_by=w.granted_by, until=w.life.until or today,
            over=not w.life.covers(today),
        )
        for _, w in there.granted(agency)
    ]  # fmt: skip


def _words(directive: Directive, words: Vocabulary) -> list[WordShown]:
    found = [
        WordShown(term=plain(t), means=phrase(c, words), rule=text(c)) for t, c in directive.terms.items()
    ]
    for left in directive.left:
        cover = f"must cover: {phrase(left.must_cover, words)}" if left.must_cover is not None else ""
        reach = (
            f"may not reach: {phrase(left.may_not_reach, words)}" if left.may_not_reach is not None else ""
        )
        means = "; ".join(part for part in (cover, reach) if part)
        found.append(
            WordShown(term=plain(left.term), means=f"left to each agency; {means or 'no bounds'}", rule="")
        )
    return found
