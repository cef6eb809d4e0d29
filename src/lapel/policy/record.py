"""What do all the adopted texts amount to? The rows of the record, read and fitted together into one library."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from lapel.base.digest import Value, canonical, sha256_hex
from lapel.base.errors import Invalid, NotFound
from lapel.policy.directive import Directive, Life
from lapel.policy.language import read_directive
from lapel.policy.library import Library, assemble
from lapel.policy.paper import Kind
from lapel.policy.waiver import Waiver, read_waiver
from lapel.policy.words import read_vocabulary

DEPARTMENT = "department"  # who owns what is no agency's: custody entries, keys


@dataclass(frozen=True, slots=True)
class Adopted:
    """A text as it was signed. `agency` None: the department's own. `waiver`: the id of the row that excused it."""

    id: str
    agency: str | None
    kind: Kind
    policy: str
    version: date
    file: str
    body: str
    sha256: str
    adopted_on: date
    adopted_by: str
    waiver: str | None
    entered_at: datetime
    entry: str

    @property
    def digest(self) -> str:
        """The SHA-256 of the text as it is now."""
        return sha256_hex(self.body.encode("utf-8"))


@dataclass(frozen=True, slots=True)
class Proved:
    """A stored proof of one policy, as of `inputs`. `verdict`: interval by interval (`verdict.verdict_of`)."""

    policy: str
    inputs: str
    verdict: list[dict[str, Any]]
    holds: bool
    prover: str
    took_ms: int
    proved_at: datetime


@dataclass(frozen=True, slots=True)
class Draft:
    """A text that is no rule yet, and what was proved of it as if it were one."""

    id: str
    agency: str
    policy: str
    version: date
    file: str
    body: str
    sha256: str
    verdict: list[dict[str, Any]]
    holds: bool
    prover: str
    took_ms: int
    handed_by: str
    handed_at: datetime


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """The record. `library` is None until the department has adopted a vocabulary and a policy."""

    rows: tuple[Adopted, ...]
    library: Library | None
    waivers: tuple[tuple[Adopted, Waiver], ...]

    @property
    def directives(self) -> Library:
        """Raises `NotFound` before the department has adopted anything."""
        if self.library is None:
            raise NotFound(
                "The department has adopted no policy yet.",
                next_step="Adopt the vocabulary and the department's policy: lapel policy adopt FILES.",
            )
        return self.library

    def row(self, directive: Directive) -> Adopted:
        """The row of a directive of the library."""
        return next(
            r
            for r in self.rows
            if (r.policy, r.version) == (directive.policy, directive.version) and r.kind != "waiver"
        )

    def agency_of(self, policy: str) -> str | None:
        """The agency whose policy this is; None for the department's and for orders."""
        return policy if policy in self.directives.vocabulary.agencies else None

    def granted(self, agency: str) -> list[tuple[Adopted, Waiver]]:
        """The waivers on record for an agency, newest first."""
        return [pair for pair in reversed(self.waivers) if pair[1].agency == agency]

    def inputs(self, policy: str) -> str:
        """The digest of everything that a proof of this policy depends on: texts, and the days they are in force."""
        there = self.directives
        department = there.department
        concerns = [
            d for d in there.directives
            if d.policy in (policy, department) or (d.order and policy != department and d.order.reaches(policy))
        ]  # fmt: skip
        texts: list[Value] = [
            [d.policy, d.digest, str(d.life.start), str(d.life.until)]
            for d in sorted(concerns, key=lambda d: (d.policy, d.version))
        ]
        return sha256_hex(canonical([there.vocabulary.digest, *texts]))


def recorded(rows: Sequence[Adopted]) -> Record:
    """Read and fit together. A vocabulary is adopted as a whole: the latest reads every text. Raises `Invalid`."""
    vocabularies = [row for row in rows if row.kind == "vocabulary"]
    others = [row for row in rows if row.kind not in ("vocabulary", "waiver")]
    if not vocabularies:
        if others:
            raise Invalid(
                "There is no vocabulary, so no other text can be read.",
                next_step="Adopt vocabulary.yaml first, or with it.",
            )
        return Record(tuple(rows), None, ())
    latest = max(vocabularies, key=lambda row: row.version)
    words = read_vocabulary(latest.body, latest.file)
    waivers = tuple((r, read_waiver(r.body, r.file, words)) for r in rows if r.kind == "waiver")
    if not others:
        return Record(tuple(rows), None, waivers)
    library = assemble(
        words, [as_adopted(read_directive(r.body, r.file, words), r.adopted_by, r.adopted_on) for r in others]
    )
    library.department  # noqa: B018  an order or an agency's policy alone has nothing to stand on
    return Record(tuple(rows), library, waivers)


def as_adopted(directive: Directive, by: str, on: date) -> Directive:
    """The directive as it is in force: from its version, and not before it was adopted.

    What was answered yesterday must not change because a text is signed today, whatever date it bears.
    """
    start = max(directive.life.start or directive.version, on)
    until = directive.life.until
    if until is not None and until <= start:
        raise directive.place.fault(
            f"it is over ({until}) before it would be in force ({start}).",
            "Adopt the version that follows it.",
        )
    return replace(directive, adopted_by=by, adopted_on=on, life=Life(start, until))


def texts_of(record: Record, agency: str, on: date) -> tuple[tuple[str, date, str], ...]:
    """The texts an agency's answers rest on that day: (policy, version, SHA-256), the vocabulary among them."""
    there = record.directives
    words = next(r for r in record.rows if r.kind == "vocabulary" and r.sha256 == there.vocabulary.digest)
    live: Iterable[Directive] = (there.policy_of(agency, on), *there.orders(on, agency))
    return ((words.policy, words.version, words.sha256), *((d.policy, d.version, d.digest) for d in live))


def row_values(row: Adopted) -> Mapping[str, Any]:
    """The columns of a row."""
    return {name: getattr(row, name) for name in Adopted.__slots__}
