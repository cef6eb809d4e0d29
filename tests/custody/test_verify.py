"""Does the verifier say what a receipt proves, what it does not, and what is wrong with a false one?"""

from __future__ import annotations

import copy
import io
import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

import pytest
import receipts
from hypothesis import given, settings
from hypothesis import strategies as st
from receipts import FILE, NOW, receipt, text, trust

from lapel.base.errors import Invalid
from lapel.custody.checkpoint import LogKey
from lapel.custody.note import LOG_KEY, VerifierKey
from lapel.custody.trust import Trust, first_trust, read_trust
from lapel.custody.verify import Verdict, verify_receipt


def judge(content: dict[str, Any], known: Trust | None = None, file: bytes | None = FILE) -> Verdict:
    return verify_receipt(text(content), io.BytesIO(file) if file is not None else None, known, now=NOW)


def says(sentences: tuple[str, ...], words: str) -> bool:
    return any(words in sentence for sentence in sentences)


def test_with_the_first_trust_file_it_is_anchored_and_seen_by_no_outside_party() -> None:
    known = first_trust(receipts.ORIGIN, receipts.LOG.key)
    verdict = judge(receipt(), read_trust(json.dumps(known.to_json())))
    assert verdict.status == 0
    assert says(verdict.not_proved, "Seen by no outside party")
    assert says(verdict.proved, "bit for bit")
    assert says(verdict.proved, "entry 3 of the 7")
    assert verdict.opened["sha256"] == receipts.entry(3).fields["sha256"]


def test_without_a_trust_file_it_is_consistent_and_not_anchored() -> None:
    verdict = judge(receipt())
    assert verdict.status == 8
    assert says(verdict.not_proved, "no trust file")
    assert not says(verdict.proved, "signed")


def test_witnesses_are_named_with_the_time_they_saw_it() -> None:
    verdict = judge(receipt(witnesses=2), trust(witnesses=2, quorum=2))
    assert verdict.status == 0
    assert says(verdict.proved, "witness.example/1, witness.example/2")
    assert not says(verdict.not_proved, "Seen by no outside party")


def test_fewer_witnesses_than_the_quorum_is_consistent_and_not_anchored() -> None:
    verdict = judge(receipt(witnesses=1), trust(witnesses=2, quorum=2))
    assert verdict.status == 8
    assert says(verdict.not_proved, "1 witnesses signed, the trust file asks for 2")
    assert not verdict.wrong


def test_a_witness_that_is_not_known_counts_for_nothing() -> None:
    assert judge(receipt(witnesses=2), trust(witnesses=0)).status == 0
    assert says(judge(receipt(witnesses=2), trust()).not_proved, "Seen by no outside party")


def test_a_file_that_the_receipt_does_not_speak_of_is_not_waved_through() -> None:
    verdict = judge(receipt(opened=("act", "at")), trust())
    assert verdict.status == 1
    assert says(verdict.not_proved, "sha256 is not shown")


def test_another_file_is_a_disagreement() -> None:
    verdict = judge(receipt(), trust(), FILE + b"x")
    assert verdict.status == 90
    assert says(verdict.wrong, "The file given is not the one")
    assert "do not rely on it" in str(verdict)


def test_no_file_given_is_no_fault() -> None:
    assert judge(receipt(), trust(), None).status == 0


def change(content: dict[str, Any], path: str, value: Any) -> None:
    *steps, last = path.split("/")
    for step in steps:
        content = content[step]
    content[last] = value


def swap_root(content: dict[str, Any]) -> None:
    content["proof"] = content["proof"].replace(
        b64encode(receipts.root(7)).decode(), b64encode(b"r" * 32).decode()
    )


def flip_signature(content: dict[str, Any]) -> None:
    head, _, blob = content["proof"].rstrip("\n").rpartition(" ")
    raw = bytearray(b64decode(blob))
    raw[20] ^= 1
    content["proof"] = f"{head} {b64encode(raw).decode()}\n"


def move_field(content: dict[str, Any]) -> None:
    content["closed"]["wearer"] = content["closed"].pop("actor")


def shorten_path(content: dict[str, Any]) -> None:
    lines = content["proof"].split("\n")
    del lines[2]
    content["proof"] = "\n".join(lines)


def other_index(content: dict[str, Any]) -> None:
    content["index"] = 4
    content["proof"] = content["proof"].replace("index 3", "index 4")


def without_signature(content: dict[str, Any]) -> None:
    stranger = receipts.private("stranger")
    key = VerifierKey(receipts.ORIGIN, LOG_KEY, stranger.public_key().public_bytes_raw())
    own = receipts.note(7)
    body = stranger.sign(own.text.encode())
    content["proof"] = content["proof"].replace(
        str(own.signatures[0]), f"— {receipts.ORIGIN} {b64encode(key.id + body).decode()}\n"
    )


def extension_line(content: dict[str, Any]) -> None:
    content["proof"] = content["proof"].replace("\n\n—", "\nextra line\n\n—")


DISAGREES: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "changed value": (lambda r: change(r, "opened/act/value", "viewed"), "not those of this entry"),
    "changed salt": (lambda r: change(r, "opened/act/salt", "0" * 64), "not those of this entry"),
    "changed commitment": (lambda r: change(r, "closed/actor", "0" * 64), "not those of this entry"),
    "renamed field": (move_field, "not those of this entry"),
    "withheld field": (lambda r: r["closed"].pop("actor"), "not those of this entry"),
    "added field": (lambda r: change(r, "closed/zz", "0" * 64), "not those of this entry"),
    "leaf of another entry": (
        lambda r: change(r, "leaf", b64encode(receipts.leaf(4)).decode()),
        "not those of this entry",
    ),
    "tag of another subject": (
        lambda r: change(r, "leaf", b64encode(b"\x01" + bytes(16) + receipts.leaf(3)[17:]).decode()),
        "does not lead",
    ),
    "two indexes": (lambda r: change(r, "index", 4), "says entry 4, its proof says 3"),
    "another index": (other_index, "does not lead"),
    "step missing": (shorten_path, "does not lead"),
    "another root": (swap_root, "does not lead"),
    "signature that fails": (flip_signature, "does not verify"),
    "signed by a stranger": (without_signature, "No key that may sign"),
    "extension line": (extension_line, "extension lines"),
}


@pytest.mark.parametrize("defect", DISAGREES)
def test_a_receipt_that_disagrees_is_named_for_its_defect(defect: str) -> None:
    spoil, words = DISAGREES[defect]
    content = receipt()
    spoil(content)
    verdict = judge(content, trust())
    assert verdict.status == 90
    assert says(verdict.wrong, words), verdict.wrong
    assert not verdict.proved


def test_a_receipt_of_another_log_is_a_disagreement() -> None:
    other = "sheriff.example.gov/lapel"
    known = Trust(other, (LogKey(VerifierKey(other, LOG_KEY, receipts.LOG.key)),))
    assert judge(receipt(), known).status == 90


def test_a_key_that_may_not_sign_for_this_size_does_not_anchor() -> None:
    known = Trust(receipts.ORIGIN, (LogKey(receipts.LOG, 8),))
    assert says(judge(receipt(), known).wrong, "No key that may sign for size 7")


UNREADABLE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "unknown version": lambda r: {**r, "receipt": 2},
    "unknown entry version": lambda r: {**r, "v": 2},
    "version true": lambda r: {**r, "index": True},
    "member missing": lambda r: {k: v for k, v in r.items() if k != "leaf"},
    "member too many": lambda r: {**r, "note": "trust me"},
    "a list": lambda r: [r],
    "field open and closed": lambda r: {**r, "closed": {**r["closed"], "act": "0" * 64}},
    "v opened": lambda r: {**r, "opened": {**r["opened"], "v": {"salt": "0" * 64, "value": 1}}},
    "salt in capitals": lambda r: {**r, "opened": {"act": {"salt": "A" * 64, "value": 1}}},
    "salt too short": lambda r: {**r, "opened": {"act": {"salt": "00", "value": 1}}},
    "opened without value": lambda r: {**r, "opened": {"act": {"salt": "0" * 64}}},
    "opened a list": lambda r: {**r, "opened": []},
    "leaf too short": lambda r: {**r, "leaf": b64encode(b"\x01" * 48).decode()},
    "leaf of version 2": lambda r: {**r, "leaf": b64encode(b"\x02" * 49).decode()},
    "leaf not base64": lambda r: {**r, "leaf": "!" * 68},
    "leaf a number": lambda r: {**r, "leaf": 5},
    "proof not a proof": lambda r: {**r, "proof": "hello"},
    "value beyond 2^53": lambda r: {**r, "opened": {"act": {"salt": "0" * 64, "value": 2**53}}},
    "half a surrogate": lambda r: {**r, "opened": {"act": {"salt": "0" * 64, "value": "\ud800"}}},
}


@pytest.mark.parametrize("defect", UNREADABLE)
def test_a_receipt_that_cannot_be_read_is_invalid(defect: str) -> None:
    with pytest.raises(Invalid):
        verify_receipt(json.dumps(UNREADABLE[defect](receipt())), None, trust())


@pytest.mark.parametrize(
    "raw",
    {
        "nothing": b"",
        "not json": b"{",
        "not utf-8": b"\xff\xfe",
        "a fraction": text(receipt()).replace('"index": 3', '"index": 3.0').encode(),
        "an exponent": text(receipt()).replace('"index": 3', '"index": 3e0').encode(),
        "infinity": text(receipt()).replace('"index": 3', '"index": Infinity').encode(),
        "a name twice": text(receipt()).replace('"index": 3', '"index": 3, "index": 3').encode(),
        "10,000 brackets": b"[" * 10_000,
        "100,000 nested objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        "a number of 10,000 digits": text(receipt())
        .replace('"index": 3', f'"index": {"9" * 10_000}')
        .encode(),
        "more than 1 MiB": b" " * (1 << 20) + text(receipt()).encode(),
    }.values(),
    ids=range(11),
)
def test_text_made_to_hurt_the_reader_is_invalid(raw: bytes) -> None:
    with pytest.raises(Invalid):
        verify_receipt(raw)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_single_changed_character_leaves_a_receipt_that_holds_and_says_something_else(
    data: st.DataObject,
) -> None:
    good = text(receipt())
    place = data.draw(st.integers(0, len(good) - 1))
    letter = data.draw(st.characters(codec="ascii", exclude_characters=good[place]))
    try:
        verdict = verify_receipt(good[:place] + letter + good[place + 1 :], None, trust(), now=NOW)
    except Invalid:
        return
    if verdict.status == 0:
        # White space between members, or a letter in the name of a key nobody knows: nothing that is said.
        assert verdict.opened == judge(receipt(), trust(), None).opened


def test_a_value_cannot_move_the_cursor_of_who_reads_the_verdict() -> None:
    content = copy.deepcopy(receipt())
    change(content, "opened/act/value", "received\x1b[2J\u202e")
    shown = str(judge(content, trust()))
    assert "\x1b" not in shown
    assert "\u202e" not in shown


GOOD_TRUST = trust(witnesses=2, quorum=1).to_json()
BAD_TRUST: dict[str, Callable[[dict[str, Any]], Any]] = {
    "unknown version": lambda t: {**t, "v": 2},
    "no log key": lambda t: {**t, "log_keys": []},
    "quorum beyond the witnesses": lambda t: {**t, "quorum": 3},
    "quorum below zero": lambda t: {**t, "quorum": -1},
    "quorum true": lambda t: {**t, "quorum": True},
    "witness twice": lambda t: {**t, "witness_keys": t["witness_keys"][:1] * 2},
    "log key as witness": lambda t: {
        **t,
        "witness_keys": [str(VerifierKey("w", 4, receipts.LOG.key))],
    },
    "key of another origin": lambda t: {**t, "origin": "other.example/lapel"},
    "origin with a scheme": lambda t: {**t, "origin": "https://police.example.gov/lapel"},
    "origin with a slash at its end": lambda t: {**t, "origin": "police.example.gov/lapel/"},
    "range the wrong way round": lambda t: {
        **t,
        "log_keys": [{**t["log_keys"][0], "first_size": 5, "last_size": 4}],
    },
    "witness key of a log's type": lambda t: {**t, "witness_keys": [str(receipts.LOG)]},
    "key a number": lambda t: {**t, "witness_keys": [5]},
    "member too many": lambda t: {**t, "comment": "x"},
}


def test_a_trust_file_is_read_as_it_was_written() -> None:
    assert read_trust(json.dumps(GOOD_TRUST)) == trust(witnesses=2, quorum=1)


@pytest.mark.parametrize("defect", BAD_TRUST)
def test_a_trust_file_with_a_defect_is_invalid(defect: str) -> None:
    with pytest.raises(Invalid):
        read_trust(json.dumps(BAD_TRUST[defect](copy.deepcopy(GOOD_TRUST))))
