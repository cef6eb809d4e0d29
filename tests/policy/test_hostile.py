"""Texts that nobody would write: what reads them answers with a value or with one line, and with nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lapel.base.errors import Invalid
from lapel.policy.document import Place, Text, read
from lapel.policy.expression import read_condition
from lapel.policy.language import read_directive
from lapel.policy.shelf import vocabulary_at
from lapel.policy.waiver import read_waiver
from lapel.policy.words import read_vocabulary

DIRECTIVES = Path(__file__).resolve().parents[2] / "directives"
VOCABULARY = vocabulary_at(DIRECTIVES / "vocabulary.yaml")
NAMES = ("department", "usss", "ice_2025", "orders/usms_task_forces")
TEXTS = {name: (DIRECTIVES / f"{name}.yaml").read_text(encoding="utf-8") for name in NAMES}
WORDS_TEXT = (DIRECTIVES / "vocabulary.yaml").read_text(encoding="utf-8")
WAIVER = (
    "waiver: W1\nagency: tsa\nexcuses: [conforms]\nclauses: [department:D1]\ngranted by: Secretary\n"
    "from: 2024-01-01\nuntil: 2024-03-01\nsays: x\n"
)
SCRAPS = [
    "no", "on", "~", "null", "2024-01-01", "0x10", "1e3", "1_0", "[", "]", "{", "}", ":", "- ", "&a ", "*a", "!!int ", "|\n", ">\n",
    "'", '"', "#", "\t", "\n", "---\n", "...\n", "\x00", "\ufeff", "\u2028", "٣", "≥", "<<: ", "? ", "record: forbidden", "when: ",
    "subject to: [D1]", "id: D1", "until: 0001-01-01", "retain: 99999999999", "not ", "has any []", "()", "9" * 5000,
]  # fmt: skip


def spoilt(text: str, seed: int) -> str:
    """The text with one to four places cut, doubled, exchanged or filled with a scrap."""
    rng = random.Random(seed)
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(len(text) + 1)
        end = min(len(text), start + rng.choice([0, 1, 1, 3, 10, 60]))
        kind = rng.randrange(4)
        middle = ["", text[start:end] * 2, text[start:end][::-1], rng.choice(SCRAPS)][kind]
        text = text[:start] + middle + text[end:]
    return text


def answered(reader: Callable[[], object]) -> bool:
    """Read, or refused in one line that a terminal can show."""
    faults = []
    try:
        reader()
    except Invalid as fault:
        faults.append(fault)
    assert all(len(str(fault)) < 600 and str(fault).isprintable() for fault in faults), faults
    return not faults


@pytest.mark.parametrize("name", NAMES)
def test_a_spoilt_directive_is_read_or_refused(name: str) -> None:
    outcomes = [
        answered(lambda s=seed: read_directive(spoilt(TEXTS[name], s), "given.yaml", VOCABULARY))  # type: ignore[misc]
        for seed in range(250)
    ]
    assert {True, False} == set(outcomes)


def test_a_spoilt_vocabulary_is_read_or_refused() -> None:
    outcomes = [
        answered(lambda s=seed: read_vocabulary(spoilt(WORDS_TEXT, s), "given.yaml"))  # type: ignore[misc]
        for seed in range(250)
    ]
    assert {True, False} == set(outcomes)


def test_a_spoilt_waiver_is_read_or_refused() -> None:
    assert answered(lambda: read_waiver(WAIVER, "given.yaml", VOCABULARY))
    outcomes = [
        answered(lambda s=seed: read_waiver(spoilt(WAIVER, s), "given.yaml", VOCABULARY))  # type: ignore[misc]
        for seed in range(400)
    ]
    assert {True, False} == set(outcomes)


PIECES = st.sampled_from(
    """and or not is in has any all ( ) [ ] { } , < <= > >= = == != 3 -1 0x3 ' " . : lambda if await yield * ** | @ % ; \\
    with_public activity patrol place home officers purpose traits True None __import__ é ٣ \x00""".split(" ")  # noqa: SIM905
)


@given(st.lists(PIECES, max_size=14).map(" ".join) | st.text(max_size=40))
@settings(max_examples=400, deadline=None)
def test_any_condition_is_read_or_refused(source: str) -> None:
    answered(lambda: read_condition(Text(source, Place("f", 1, 1, "C1")), VOCABULARY.facts, ("appropriate",)))


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda b: b.decode("latin-1")))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(source: str) -> None:
    answered(lambda: read(source, "f"))
