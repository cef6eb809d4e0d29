"""Are the words that give a person away found, and only muted words replaced?"""

from __future__ import annotations

import json

import pytest

from lapel.base.errors import Invalid
from lapel.redaction import edits
from lapel.redaction.plan import Plan, Source
from lapel.redaction.speech import Transcript, as_json, read_transcript
from lapel.redaction.spoken import Word, propose, redacted, search


def heard(text: str) -> list[Word]:
    return [Word(one, n * 400_000, n * 400_000 + 350_000) for n, one in enumerate(text.split())]


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("Well my name is Walter Johnson. Go on.", "name", "Walter Johnson."),
        ("call me at five five five two three six seven one oh nine please", "phone", "five five five two three six seven one oh nine"),
        ("it is 555-236-7109 now", "phone", "555-236-7109"),
        ("I live at 124 Maple Street apartment 4 here", "address", "124 Maple Street apartment 4"),
        ("my date of birth is March 3rd, 1984. ok", "birth", "March 3rd, 1984."),
    ],
)  # fmt: skip
def test_what_gives_a_person_away_is_proposed(text: str, kind: str, words: str) -> None:
    assert [(one.kind, one.words) for one in propose(heard(text)) if one.kind == kind] == [(kind, words)]


def test_ordinary_talk_is_left_alone() -> None:
    assert propose(heard("And so I said to you, wait for one minute there. Okay? We go at ten.")) == []


def test_a_word_is_found_in_any_case_and_punctuation() -> None:
    assert search(heard("Stop! Put the Knife, down."), "knife down") == [(3, 5)]


def test_a_transcript_that_goes_out_has_codes_in_place_of_muted_words() -> None:
    words = heard("my name is Walter. Thank you very much")
    plan = Plan(Source("0" * 64, 1), 10, 10, sound=tuple(propose(words)))
    assert redacted(words, plan) == words
    accepted = edits.accept(plan, ["w1"], by="B-1", exemption="b(6)")
    said = [word.word for word in redacted(words, accepted)]
    assert "[b(6)]" in said
    assert "Walter." not in said
    assert said[-1] == "much"


def test_a_transcript_reads_back_and_a_word_without_time_does_not() -> None:
    made = Transcript(Source("0" * 64, 1), {"name": "x"}, tuple(heard("one two")))
    assert read_transcript(json.dumps(as_json(made))) == made
    body = as_json(made)
    body["words"][0]["ends_us"] = 0
    with pytest.raises(Invalid, match=r"words\[0\] has times"):
        read_transcript(json.dumps(body))
