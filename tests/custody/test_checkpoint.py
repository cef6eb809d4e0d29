"""Do we read notes, checkpoints, cosignatures and proofs as the rest of the world writes them?

Examples of others, with where they are from: the signed note of golang.org/x/mod/sumdb/note's own tests; signed tree
heads that sum.golang.org served; the examples in C2SP's signed-note, tlog-checkpoint, tlog-cosignature and tlog-proof.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from lapel.base.errors import EvidenceFault, Invalid
from lapel.custody.checkpoint import (
    Checkpoint,
    LogKey,
    Proof,
    cosigned_text,
    log_signature,
    read_checkpoint,
    read_proof,
    seen_by,
    signed_by_log,
)
from lapel.custody.note import LOG_KEY, WITNESS_KEY, Note, Signature, VerifierKey, read_key, read_note

NEUMANN_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
SUMDB_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
SUMDB = [
    "go.sum database tree\n31700353\nqINS1GRFhWHwdkUeqLEoP4yEMkTBBzxBkGwGQlVlVcs=\n\n— sum.golang.org "
    "Az3grnmrIUEDFqHzAElIQCPNoRFRAAdFo47fooyWKMHb89k11GJh5zHIfNCOBmwn/C3YI8oW9/C8DJ87F61QqspBYwM=\n",
    "go.sum database tree\n49189689\nftjbAOzaupaIvaPo/G+Dk63nxOZ2s1OPOKIaPtXs7S4=\n\n— sum.golang.org "
    "Az3grlKZssqRoMNPpZfKt0TphbbcF+pzXqElURJKRNFKfaUAgqeI5k2AORH0QAhg/ebRwyIqD/OqP4oLtLnNumvOBAM=\n",
]
QUASIMODO = (
    "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n"
    "— quasimodo.example/salvatore "
    "NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
)
SOFA = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 "
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)
ORIGIN = "police.example.gov/lapel"
NOW_S = 1_700_000_000


def signer(seed: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed.encode().ljust(32, b"."))


def key_of(name: str, kind: int, private: Ed25519PrivateKey) -> VerifierKey:
    return VerifierKey(name, kind, private.public_key().public_bytes_raw())


LOG, NEXT, WITNESS = signer("log"), signer("next"), signer("witness")
LOG_PUBLIC = key_of(ORIGIN, LOG_KEY, LOG)
NEXT_PUBLIC = key_of(ORIGIN, LOG_KEY, NEXT)
WITNESS_PUBLIC = key_of("witness.example/1", WITNESS_KEY, WITNESS)
TEXT = Checkpoint(ORIGIN, 7, b"r" * 32).text


def log_line(private: Ed25519PrivateKey, text: str = TEXT) -> Signature:
    return log_signature(ORIGIN, private.public_key().public_bytes_raw(), private.sign(text.encode()))


def witness_line(at_s: int, *, text: str = TEXT, private: Ed25519PrivateKey = WITNESS) -> Signature:
    body = at_s.to_bytes(8, "big") + private.sign(cosigned_text(text, at_s))
    return Signature(WITNESS_PUBLIC.name, WITNESS_PUBLIC.id, body)


def test_the_note_of_the_go_library_verifies() -> None:
    note, key = read_note(NEUMANN), read_key(NEUMANN_KEY, LOG_KEY)
    assert signed_by_log(note, 0, [LogKey(key)]) == [LogKey(key)]
    with pytest.raises(EvidenceFault):
        signed_by_log(replace(note, text=note.text.replace("crypt", "Crypt")), 0, [LogKey(key)])


@pytest.mark.parametrize("text", SUMDB, ids=["31700353", "49189689"])
def test_the_tree_heads_of_the_go_checksum_database_verify(text: str) -> None:
    note, key = read_note(text), read_key(SUMDB_KEY, LOG_KEY)
    head = read_checkpoint(note.text)
    assert head.origin == "go.sum database tree"
    assert signed_by_log(note, head.size, [LogKey(key)]) == [LogKey(key)]
    assert str(note) == text
    assert str(key) == SUMDB_KEY


def test_the_example_of_the_note_specification_is_read_as_it_is_written() -> None:
    note = read_note(QUASIMODO.encode())
    assert note.text.endswith("di sole:\n\ned è subito sera.\n")
    assert [s.name for s in note.signatures] == ["quasimodo.example/salvatore"]
    assert str(note) == QUASIMODO


def test_the_example_with_a_cosignature_is_read_as_it_is_written() -> None:
    note = read_note(SOFA)
    head = read_checkpoint(note.text)
    assert (head.origin, head.size) == ("example.com/behind-the-sofa", 20852163)
    witness = note.signatures[1]
    assert int.from_bytes(witness.body[:8], "big") == 1679315147
    assert len(witness.body) == 72
    assert cosigned_text(note.text, 1679315147).decode() == f"cosignature/v1\ntime 1679315147\n{note.text}"
    assert str(note) == SOFA


def test_every_mangling_of_a_verifier_key_is_turned_away() -> None:
    for i in range(len(NEUMANN_KEY)):
        for j in range(i + 1, len(NEUMANN_KEY) + 1):
            if j - i != len(NEUMANN_KEY):
                refused(NEUMANN_KEY[i:j])
        refused(NEUMANN_KEY[:i] + chr(ord(NEUMANN_KEY[i]) + 1) + NEUMANN_KEY[i + 1 :])
    refused(NEUMANN_KEY, WITNESS_KEY)
    refused(str(VerifierKey("x", LOG_KEY, (1).to_bytes(32, "little"))))  # of small order
    refused(str(VerifierKey("x", LOG_KEY, b"k" * 31)))


def refused(text: str, kind: int = LOG_KEY) -> None:
    with pytest.raises(Invalid):
        read_key(text, kind)


@pytest.mark.parametrize(
    ("defect", "text"),
    {
        "no empty line": "a\n— n AAAAAAAA\n",
        "no signature": "a\n\n",
        "no newline at the end": NEUMANN[:-1],
        "a hyphen for the dash": NEUMANN.replace("—", "-"),
        "two spaces": NEUMANN.replace("— P", "—  P"),
        "a plus in the name": "a\n\n— a+b AAAAAAAA\n",
        "no name": "a\n\n—  AAAAAAAA\n",
        "base64 without padding": NEUMANN.replace("AM=", "AM"),
        "base64 with stray bits": NEUMANN.replace("AM=", "AN="),
        "base64url": NEUMANN.replace("/", "_"),
        "too short a signature": "a\n\n— n AAAA\n",
        "a carriage return": NEUMANN.replace("\n\n", "\r\n\n"),
        "a tab": NEUMANN.replace("you", "\tyou"),
        "seventeen signatures": "a\n\n" + "— n AAAAAAAA\n" * 17,
        "more than 128 KiB": "a" * 131_073 + NEUMANN,
        "half a surrogate": "\ud800" + NEUMANN,
    }.items(),
)
def test_a_malformed_note_is_turned_away(defect: str, text: str) -> None:
    with pytest.raises(Invalid):
        read_note(text)


def test_sixteen_signatures_are_read_and_bytes_that_are_not_utf8_are_not() -> None:
    assert len(read_note("a\n\n" + "— n AAAAAAAA\n" * 16).signatures) == 16
    with pytest.raises(Invalid):
        read_note(b"\xff" + NEUMANN.encode())


@pytest.mark.parametrize(
    ("defect", "text"),
    {
        "two lines": "o\n1\n",
        "a leading zero": f"o\n01\n{b64encode(b'r' * 32).decode()}\n",
        "a sign": f"o\n+1\n{b64encode(b'r' * 32).decode()}\n",
        "arabic digits": f"o\n١\n{b64encode(b'r' * 32).decode()}\n",
        "beyond 2^63": f"o\n{2**63}\n{b64encode(b'r' * 32).decode()}\n",
        "a root of 31 bytes": f"o\n1\n{b64encode(b'r' * 31).decode()}\n",
        "an empty origin": f"\n1\n{b64encode(b'r' * 32).decode()}\n",
        "an empty extension line": f"o\n1\n{b64encode(b'r' * 32).decode()}\n\n",
        "no newline at the end": f"o\n1\n{b64encode(b'r' * 32).decode()}",
    }.items(),
)
def test_a_malformed_checkpoint_is_turned_away(defect: str, text: str) -> None:
    with pytest.raises(Invalid):
        read_checkpoint(text)


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_is_read_as_it_was_written(size: int, root: bytes) -> None:
    head = Checkpoint(ORIGIN, size, root)
    assert read_checkpoint(head.text) == head


def test_the_example_of_the_proof_specification_is_read_as_it_is_written() -> None:
    steps = ["gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=", "B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA="]
    text = f"c2sp.org/tlog-proof@v1\nextra AQI=\nindex 73894\n{steps[0]}\n{steps[1]}\n\n{SOFA}"
    proof = read_proof(text)
    assert (proof.index, len(proof.path), proof.extra) == (73894, 2, b"\x01\x02")
    assert str(proof) == text
    bare = Proof(0, (), read_note(SOFA))
    assert read_proof(str(bare)) == bare


@pytest.mark.parametrize(
    ("defect", "text"),
    {
        "another header": "c2sp.org/tlog-proof@v2\nindex 0\n\n" + SOFA,
        "no index": "c2sp.org/tlog-proof@v1\n\n" + SOFA,
        "a leading zero": "c2sp.org/tlog-proof@v1\nindex 00\n\n" + SOFA,
        "extra after index": "c2sp.org/tlog-proof@v1\nindex 0\nextra AQI=\n\n" + SOFA,
        "a hash of 31 bytes": f"c2sp.org/tlog-proof@v1\nindex 0\n{b64encode(b'x' * 31).decode()}\n\n" + SOFA,
        "64 hashes": "c2sp.org/tlog-proof@v1\nindex 0\n"
        + f"{b64encode(b'x' * 32).decode()}\n" * 64
        + "\n"
        + SOFA,
        "no checkpoint": "c2sp.org/tlog-proof@v1\nindex 0\n\n",
        "too long": "c2sp.org/tlog-proof@v1\nindex 0\n\n" + "x" * 140_000,
    }.items(),
)
def test_a_malformed_proof_is_turned_away(defect: str, text: str) -> None:
    with pytest.raises(Invalid):
        read_proof(text)


def test_during_a_rotation_either_key_of_the_log_is_enough() -> None:
    note = Note(TEXT, (log_line(LOG), log_line(NEXT)))
    old, new = LogKey(LOG_PUBLIC, 0, 10), LogKey(NEXT_PUBLIC, 5)
    assert signed_by_log(note, 7, [old]) == [old]
    assert signed_by_log(note, 7, [new]) == [new]
    assert signed_by_log(note, 7, [old, new]) == [old, new]


def test_a_key_does_not_sign_for_sizes_outside_its_range() -> None:
    note = Note(TEXT, (log_line(LOG),))
    assert signed_by_log(note, 7, [LogKey(LOG_PUBLIC, 8)]) == []
    assert signed_by_log(note, 7, [LogKey(LOG_PUBLIC, 0, 6)]) == []


def test_a_known_line_that_fails_voids_the_note_and_unknown_ones_are_ignored() -> None:
    unknown = Signature(ORIGIN, b"abcd", bytes(64))
    namesake = Signature("somebody.else/log", LOG_PUBLIC.id, bytes(64))
    assert signed_by_log(Note(TEXT, (unknown, namesake, log_line(LOG))), 7, [LogKey(LOG_PUBLIC)])
    broken = Signature(ORIGIN, NEXT_PUBLIC.id, bytes(64))
    with pytest.raises(EvidenceFault):
        signed_by_log(Note(TEXT, (log_line(LOG), broken)), 7, [LogKey(LOG_PUBLIC), LogKey(NEXT_PUBLIC, 0, 1)])


def test_a_cosignature_counts_once_per_witness_with_its_latest_time() -> None:
    note = Note(TEXT, (log_line(LOG), witness_line(NOW_S - 60), witness_line(NOW_S)))
    seen = seen_by(note, [WITNESS_PUBLIC], NOW_S)
    assert [(w.key, w.at_s) for w in seen] == [(WITNESS_PUBLIC, NOW_S)]


@pytest.mark.parametrize("at_s", [0, NOW_S + 301, 2**64 - 1])
def test_a_cosignature_at_time_zero_or_far_ahead_is_turned_away(at_s: int) -> None:
    with pytest.raises(EvidenceFault):
        seen_by(Note(TEXT, (witness_line(at_s),)), [WITNESS_PUBLIC], NOW_S)
    assert seen_by(Note(TEXT, (witness_line(NOW_S + 300),)), [WITNESS_PUBLIC], NOW_S)


def test_a_cosignature_of_another_text_or_key_or_length_is_turned_away() -> None:
    other = Checkpoint(ORIGIN, 8, b"r" * 32).text
    short = Signature(WITNESS_PUBLIC.name, WITNESS_PUBLIC.id, witness_line(NOW_S).body[:-1])
    for line in (witness_line(NOW_S, text=other), witness_line(NOW_S, private=LOG), short):
        with pytest.raises(EvidenceFault):
            seen_by(Note(TEXT, (line,)), [WITNESS_PUBLIC], NOW_S)


def test_a_log_signature_is_no_cosignature() -> None:
    as_witness = key_of(ORIGIN, WITNESS_KEY, LOG)
    assert seen_by(Note(TEXT, (log_line(LOG),)), [as_witness], NOW_S) == []
