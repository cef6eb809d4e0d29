"""Does the proof refuse the drafts that break the department's policy, in words that a person can check?"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from lapel.policy.book import agency_book, floor_book
from lapel.policy.case import Finding
from lapel.policy.engine import Engine
from lapel.policy.library import Library, assemble
from lapel.policy.proof import prove
from lapel.policy.shelf import directive_at, vocabulary_at

ROOT = Path(__file__).resolve().parents[2]
DRAFTS = ROOT / "tests" / "policy" / "drafts"
DAY = date(2024, 6, 1)


def with_draft(name: str) -> Library:
    words = vocabulary_at(ROOT / "directives" / "vocabulary.yaml")
    files = (ROOT / "directives" / "department.yaml", DRAFTS / f"{name}.yaml")
    return assemble(words, [directive_at(file, words) for file in files])


def findings(library: Library) -> list[Finding]:
    return [f for proof in prove(library, ["tsa"]) for check in proof.checks for f in check.findings]


def test_a_draft_that_leaves_emergency_calls_out_gets_its_counterexample() -> None:
    library = with_draft("tsa_no_emergency_calls")
    (finding,) = findings(library)
    assert finding.check == "conforms"
    for words in ("TSA", "emergency call", "engaged with the public", "Department D1", "T17"):
        assert words in finding.says


def test_a_draft_that_keeps_recordings_14_days_gets_its_counterexample() -> None:
    (finding,) = findings(with_draft("tsa_short_retention"))
    for words in ("Department D41", "90 days", "14 days", "T13"):
        assert words in finding.says


@pytest.mark.parametrize(
    ("draft", "question", "floor", "own"),
    [
        ("tsa_no_emergency_calls", "record", "required", "permitted"),
        ("tsa_short_retention", "retain", "90 days from recorded", "14 days from recorded"),
    ],
)
def test_the_counterexample_replays_to_what_it_says(draft: str, question: str, floor: str, own: str) -> None:
    library = with_draft(draft)
    (finding,) = findings(library)
    assert finding.situation is not None
    unit = library.vocabulary.question(question).unit
    said = {
        book.policy: Engine(book).decide(finding.situation)[question].joined.show(unit)
        for book in (floor_book(library, "tsa", DAY), agency_book(library, "tsa", DAY))
    }
    assert said == {"department": floor, "tsa": own}
