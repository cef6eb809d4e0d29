"""Which failed check did the department excuse, for whom and for how long? A waiver is dated and itself on record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from lapel.base.digest import sha256_hex
from lapel.policy.case import CHECKS, Finding
from lapel.policy.directive import Life
from lapel.policy.document import clip, nearest, read, text_of, texts_of
from lapel.policy.proof import Proof
from lapel.policy.vocabulary import Vocabulary
from lapel.policy.written import life_of

KEYS = ("waiver", "agency", "excuses", "clauses", "granted by", "from", "until", "says")


@dataclass(frozen=True, slots=True)
class Waiver:
    """Excuses findings of the named checks (and, if any are named, only those about these clauses) while in force."""

    id: str
    agency: str
    excuses: tuple[str, ...]
    clauses: tuple[str, ...]
    granted_by: str
    life: Life
    says: str
    digest: str

    def covers(self, proof: Proof, finding: Finding, on: date) -> bool:
        """Does it excuse this finding on a day?"""
        named = not self.clauses or bool(set(self.clauses) & set(finding.clauses))
        return self.agency == proof.of and finding.check in self.excuses and named and self.life.covers(on)


def read_waiver(text: str, file: str, vocabulary: Vocabulary) -> Waiver:
    """A waiver, typed. Raises `Invalid` with file, line, column and the nearest word; it must say when it ends."""
    fields = read(text, file)
    fields.only(KEYS)
    get = fields.entries.get
    agency = text_of(get("agency"), fields.place, "agency")
    if agency.value not in vocabulary.agencies:
        raise agency.place.fault(
            f"“{clip(agency.value)}” is no agency.", nearest(agency.value, vocabulary.agencies)
        )
    excuses = texts_of(get("excuses"), fields.place, "excuses")
    for check in excuses:
        if check.value not in CHECKS:
            raise check.place.fault(f"“{clip(check.value)}” is no check.", nearest(check.value, CHECKS))
    life = life_of(fields, "from", "")
    if life.start is None or life.until is None:
        raise fields.place.fault("a waiver says from when and until when.", "Add from: and until:.")
    clauses = texts_of(get("clauses"), fields.place, "clauses") if get("clauses") else ()
    return Waiver(
        text_of(get("waiver"), fields.place, "waiver: its id").value, agency.value, tuple(c.value for c in excuses),
        tuple(c.value for c in clauses), text_of(get("granted by"), fields.place, "granted by").value, life,
        text_of(get("says"), fields.place, "says").value, sha256_hex(text.encode("utf-8")),
    )  # fmt: skip


def unexcused(proof: Proof, waivers: Iterable[Waiver], on: date) -> list[Finding]:
    """The findings of a proof that no waiver covers on a day; adoption needs none."""
    granted = list(waivers)
    findings = (finding for check in proof.checks for finding in check.findings)
    return [f for f in findings if not any(waiver.covers(proof, f, on) for waiver in granted)]
