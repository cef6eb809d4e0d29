"""Would these texts be fit to adopt? They have to be readable, fit what is on record, and pass their proofs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from lapel.base import clock
from lapel.base.errors import Conflict, Invalid, Refused
from lapel.base.ids import new_id
from lapel.policy import proving, store
from lapel.policy.paper import VOCABULARY, Kind, Paper, check_paper
from lapel.policy.record import Adopted, Proved, Record, recorded
from lapel.policy.verdict import Failing, failing, of_text
from lapel.policy.vocabulary import Vocabulary
from lapel.policy.words import read_vocabulary
from lapel.storage.postgres import Connection

# An order binds whatever an agency's policy is worth; it only must not make obedience impossible.
_OF_AN_ORDER = ("sane", "no conflict")


def try_out(conn: Connection, paper: Paper) -> tuple[Adopted, Proved, list[Failing]]:
    """What would be proved of a text if it were adopted; nothing is kept. Raises as `adopt` does, but not `Refused`."""
    check_paper(replace(paper, by=paper.by or "draft"), clock.now().date())
    before = store.record(conn)
    (row,) = rows(before, [paper], None)
    after = recorded((*before.rows, row))
    policy = row.agency or after.directives.department
    proved = proving.prove_policy(after, policy)
    return (
        row,
        proved,
        failing(policy, of_text(proved.verdict, row.sha256), [w for _, w in after.waivers], paper.on),
    )


def rows(before: Record, papers: Sequence[Paper], waiver: Paper | None) -> list[Adopted]:
    """The papers as rows, a waiver first. Raises `Invalid`, or `Conflict` for a version that is on record."""
    words = _words(before, papers)
    found: list[Adopted] = []
    excused = ""
    if waiver:
        granted = waiver.waiver(words)
        assert granted.life.start is not None
        by = replace(waiver, by=granted.granted_by)
        found.append(_row(by, None, "waiver", granted.id, granted.life.start, None))
        excused = granted.agency
    for paper in papers:
        if paper.is_waiver:
            raise Invalid(
                f"{paper.file} is a waiver.", next_step="Name it with --waiver, beside the policy it excuses."
            )
        if paper.is_vocabulary:
            found.append(_row(paper, None, "vocabulary", VOCABULARY, paper.on, None))
            continue
        read = paper.directive(words)
        agency = read.policy if read.role == "agency" else None
        found.append(
            _row(
                paper,
                agency,
                read.role,
                read.policy,
                read.version,
                found[0].id if agency and agency == excused else None,
            )
        )
    if excused and all(row.agency != excused for row in found):
        raise Invalid(
            f"{found[0].file} excuses {excused}, and none of these texts is its policy.",
            next_step="Name the policy that it excuses.",
        )
    known = {(row.kind, row.policy, row.version) for row in before.rows}
    for row in found:
        if (row.kind, row.policy, row.version) in known:
            raise Conflict(
                f"{row.file}: {row.policy} of {row.version} is on record already.",
                next_step="A new text is a new version.",
            )
    return found


def _words(before: Record, papers: Sequence[Paper]) -> Vocabulary:
    """The vocabulary that reads the papers: the one among them, else the latest on record."""
    new = [paper for paper in papers if paper.is_vocabulary]
    if len(new) > 1:
        raise Invalid("Two vocabularies cannot be adopted together.", next_step="Name one.")
    if new:
        return read_vocabulary(new[0].body, new[0].file)
    known = [row for row in before.rows if row.kind == "vocabulary"]
    if not known:
        raise Invalid(
            "There is no vocabulary on record, so no other text can be read.",
            next_step="Adopt vocabulary.yaml first, or together with it.",
        )
    latest = max(known, key=lambda row: row.version)
    return read_vocabulary(latest.body, latest.file)


def _row(
    paper: Paper, agency: str | None, kind: Kind, policy: str, version: date, waiver: str | None
) -> Adopted:
    return Adopted(
        new_id(), agency, kind, policy, version, paper.file, paper.body, paper.sha256, paper.on, paper.by.strip(), waiver,
        clock.now(), "",
    )  # fmt: skip


def missing_proofs(conn: Connection, after: Record) -> list[Proved]:
    """Proofs of every policy whose inputs are new."""
    if after.library is None:
        return []
    wanted = (after.library.department, *after.library.agencies)
    return [
        proving.prove_policy(after, policy)
        for policy in wanted
        if store.proof(conn, policy, after.inputs(policy)) is None
    ]


def judge(
    conn: Connection, after: Record, rows: Sequence[Adopted], made: Mapping[str, Proved]
) -> dict[str, int]:
    """Refuse while a proof of an adopted text fails; how many findings are excused, by row."""
    if after.library is None:
        return {}
    waivers = [waiver for _, waiver in after.waivers]
    excused: dict[str, int] = {}
    for row in rows:
        if row.kind == "waiver":
            continue
        policies = _judged_by(after, row)
        for policy in policies:
            proved = made.get(policy) or store.proof(conn, policy, after.inputs(policy))
            assert proved is not None
            verdict = proved.verdict if row.kind == "vocabulary" else of_text(proved.verdict, row.sha256)
            open_ones = failing(policy, verdict, waivers, row.adopted_on)
            if row.kind == "order":
                open_ones = [f for f in open_ones if f.check in _OF_AN_ORDER]
            if open_ones:
                raise _refusal(row, open_ones)
            excused[row.id] = excused.get(row.id, 0) + len(failing(policy, verdict, (), row.adopted_on))
    return excused


def _judged_by(after: Record, row: Adopted) -> tuple[str, ...]:
    """Whose proofs a text has to pass: an agency's its own, an order's those it binds, the department's the department's."""
    library = after.directives
    if row.kind == "agency":
        return (row.policy,)
    if row.kind == "order":
        order = next(d.order for d in library.versions(row.policy))
        return tuple(agency for agency in library.agencies if order and order.reaches(agency))
    return (library.department,)


def _refusal(row: Adopted, open_ones: Sequence[Failing]) -> Refused:
    more = f" And {len(open_ones) - 1} more." if len(open_ones) > 1 else ""
    return Refused(
        f"{row.file} cannot be adopted: {open_ones[0].check} does not hold. {open_ones[0].says}{more}",
        rules=tuple(dict.fromkeys(clause for one in open_ones for clause in one.clauses)),
        next_step="Correct the text, or ask the department for a waiver and name it with --waiver.",
    )
