"""Can each fact of an act be shown or withheld on its own, and nothing be guessed or changed?"""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapel.base.digest import canonical
from lapel.base.errors import EvidenceFault, Invalid
from lapel.custody import entry as entries
from lapel.custody.entry import Entry, new_entry

AT = datetime(2026, 11, 24, 3, 37, 44, 123000, UTC)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True).filter(lambda name: name not in entries._OWN)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def made(detail: dict[str, object] | None = None, *, key: bytes | None = None) -> Entry:
    return new_entry(
        at=AT,
        actor="account:a",
        agency="cbp",
        act="received",
        subject="recording:1",
        detail=detail or {},  # type: ignore[arg-type]
        subject_key=key,
    )


@given(st.dictionaries(NAMES, VALUES, max_size=6))
def test_the_commitment_is_the_one_the_format_page_describes(detail: dict[str, object]) -> None:
    entry = made(detail)
    committed: dict[str, object] = {"v": 1}
    for name, value in entry.fields.items():
        committed[name] = hashlib.sha256(entry.salts[name] + canonical(value)).hexdigest()
    assert entry.commitment == hashlib.sha256(canonical(committed)).digest()  # type: ignore[arg-type]
    assert entries.read_openings(entry.openings).commitment() == entry.commitment


@given(st.dictionaries(NAMES, VALUES, max_size=6))
def test_what_a_sidecar_keeps_gives_the_same_entry_back(detail: dict[str, object]) -> None:
    entry = made(detail, key=b"k" * 32)
    assert Entry.from_json(json.loads(json.dumps(entry.to_json()))) == entry


def test_fields_that_sort_after_v_keep_their_place() -> None:
    entry = made({"wearer": "x", "u": 1, "zone": "UTC", "vehicle": "y"})
    assert entries.read_openings(entry.openings).commitment() == entry.commitment


def test_no_two_entries_share_a_salt_or_a_commitment() -> None:
    two = made({"same": "same"}), made({"same": "same"})
    salts = [salt for entry in two for salt in entry.salts.values()]
    assert len(set(salts)) == len(salts)
    assert all(len(salt) == 32 for salt in salts)
    assert two[0].commitment != two[1].commitment


def test_the_first_entry_of_a_subject_commits_to_its_key() -> None:
    entry = made(key=b"k" * 32)
    assert entry.fields["subject_key"] == hashlib.sha256(b"k" * 32).hexdigest()
    assert "subject_key" not in made().fields


def test_integers_that_json_readers_would_round_become_strings() -> None:
    entry = made({"large": 2**53, "small": -(2**53), "fits": 2**53 - 1, "inside": [2**60]})
    assert entry.fields["large"] == "9007199254740992"
    assert entry.fields["small"] == "-9007199254740992"
    assert entry.fields["fits"] == 2**53 - 1
    assert entry.fields["inside"] == ["1152921504606846976"]


@pytest.mark.parametrize(
    "detail",
    [
        {"share": 0.5},
        {"At": "x"},
        {"": "x"},
        {"at": "x"},
        {"v": 2},
        {"subject_key": "x"},
        {"a b": "x"},
        {"bytes": b"x"},
        {"half": "\ud800"},
        {"nul": "a\0b"},
        {"deep": ["a\0b"]},
        {f"f{i}": i for i in range(64)},
        {"long": "x" * 600_000},
    ],
    ids=lambda detail: next(iter(detail)) or "empty",
)
def test_what_cannot_be_logged_is_refused(detail: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        made(detail)


@pytest.mark.parametrize(
    "subject", ["", "recording", "recording:", "Recording:1", "a b:1", "recording:\n", "x:é"]
)
def test_a_subject_is_a_kind_and_an_id(subject: str) -> None:
    with pytest.raises(Invalid):
        new_entry(at=AT, actor="a", agency="cbp", act="x", subject=subject, detail={}, subject_key=None)


def test_a_tag_is_the_hmac_of_the_count_under_the_subjects_key() -> None:
    expected = hmac.new(b"k" * 32, bytes(7) + b"\x03", "sha256").digest()[:16]
    assert entries.tag(b"k" * 32, 3) == expected


def test_a_leaf_has_49_bytes_version_tag_commitment() -> None:
    leaf = entries.leaf_data(b"t" * 16, b"c" * 32)
    assert leaf == b"\x01" + b"t" * 16 + b"c" * 32
    assert entries.read_leaf(leaf) == (b"t" * 16, b"c" * 32)
    for bad in (leaf[:-1], leaf + b"x", b"\x02" + leaf[1:], b""):
        with pytest.raises(Invalid):
            entries.read_leaf(bad)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"a":5}', '{"a":["zz","x"]}', '{"a":["00"]}', '{"a":"zz"}', '{"a":{}}', "null"]
)
def test_openings_that_are_none_are_a_fault_of_the_evidence(text: str) -> None:
    with pytest.raises(EvidenceFault):
        entries.read_openings(text)


def test_when_what_whose_and_digests_are_never_forgotten() -> None:
    for name in ("at", "act", "agency"):
        assert not entries.may_be_forgotten(name, "x")
    assert not entries.may_be_forgotten("sha256", "a" * 64)
    assert entries.may_be_forgotten("actor", "account:a")
    assert entries.may_be_forgotten("name", "clip.mp4")
