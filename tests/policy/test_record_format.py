"""Do the digests of the record stay what they are? A fixed record, and the bytes its formats give."""

from __future__ import annotations

from datetime import UTC, date, datetime

from policy_samples import WORDS, clause, head

from lapel.base.digest import canonical, sha256_hex
from lapel.policy.paper import Paper
from lapel.policy.proof import intervals
from lapel.policy.record import Adopted, recorded
from lapel.policy.verdict import digest_of, verdict_of

AT = datetime(2024, 6, 1, tzinfo=UTC)
DEPARTMENT = head("dept") + clause("D1", "record: required", "armed")
NORTH = head("north") + clause("N1", "record: required", "armed or alone")
BROKEN = head("north") + clause("N1", "record: required", "armed and alone")


def row(kind: str, policy: str, body: str, version: date) -> Adopted:
    paper = Paper(body, f"{policy}.yaml", "Somebody", version)
    agency = "north" if kind == "agency" else None
    return Adopted(
        policy, agency, kind, policy, version, paper.file, body, paper.sha256, version, paper.by, None, AT, "0" * 32,  # type: ignore[arg-type]
    )  # fmt: skip


def rows(north: str) -> list[Adopted]:
    return [
        row("vocabulary", "vocabulary", WORDS, date(2024, 1, 1)),
        row("department", "dept", DEPARTMENT, date(2024, 1, 1)),
        row("agency", "north", north, date(2024, 2, 1)),
    ]


def test_inputs_are_the_digest_of_the_texts_and_their_days() -> None:
    there = recorded(rows(NORTH))
    expected = [
        sha256_hex(WORDS.encode()),
        ["dept", sha256_hex(DEPARTMENT.encode()), "2024-01-01", "None"],
        ["north", sha256_hex(NORTH.encode()), "2024-02-01", "None"],
    ]
    assert there.inputs("north") == sha256_hex(canonical(expected))
    assert there.inputs("dept") == sha256_hex(canonical(expected[:2]))
    assert there.inputs("north") != recorded(rows(BROKEN)).inputs("north")


def test_a_verdict_is_the_same_whenever_it_is_made() -> None:
    library = recorded(rows(BROKEN)).directives
    verdict = verdict_of(library, intervals(library, "north"))
    assert digest_of(verdict) == digest_of(verdict_of(library, intervals(library, "north")))
    (interval,) = verdict
    assert (interval["from"], interval["until"], interval["holds"]) == ("2024-02-01", None, False)
    assert [file for file, _ in interval["texts"]] == ["vocabulary.yaml", "dept.yaml", "north.yaml"]
    conforms = next(check for check in interval["checks"] if check["check"] == "conforms")
    (finding,) = conforms["findings"]
    assert finding["clauses"] == ["dept:D1"]
    assert finding["against"] == []  # nothing speaks: silence is what breaks the department's policy
    assert finding["facts"]["armed"] == "yes"
    assert digest_of(verdict) == sha256_hex(canonical(verdict))
