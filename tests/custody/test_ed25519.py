"""Does our own verification say the same as RFC 8032 and as a library that others rely on?"""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from lapel.custody import ed25519

ORDER = 2**252 + 27742317777372353535851937790883648493
P = 2**255 - 19

# RFC 8032 §7.1, tests 1 to 3: key, message, signature.
RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]
# The eight points of small order, and encodings of them that are not canonical.
SMALL_ORDER = [
    (1).to_bytes(32, "little"),
    (0).to_bytes(32, "little"),
    (P - 1).to_bytes(32, "little"),
    (1 << 255).to_bytes(32, "little"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"),
]
NOT_CANONICAL = [
    P.to_bytes(32, "little"),
    (P + 1).to_bytes(32, "little"),
    (P | 1 << 255).to_bytes(32, "little"),
    (1 | 1 << 255).to_bytes(32, "little"),  # x is 0 and its sign is set
    b"\xff" * 32,
]


@pytest.mark.parametrize(("key", "message", "signature"), RFC_8032)
def test_the_vectors_of_the_rfc(key: str, message: str, signature: str) -> None:
    assert ed25519.verify(bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature))
    assert not ed25519.verify(bytes.fromhex(key), bytes.fromhex(message) + b"x", bytes.fromhex(signature))


@settings(max_examples=25, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200))
def test_what_the_library_signs_verifies(seed: bytes, message: bytes) -> None:
    signer = Ed25519PrivateKey.from_private_bytes(seed)
    assert ed25519.verify(signer.public_key().public_bytes_raw(), message, signer.sign(message))


@settings(max_examples=40, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=64), st.integers(0, 95), st.integers(0, 7))
def test_one_bit_changed_in_key_or_signature_is_judged_as_the_library_judges(
    seed: bytes, message: bytes, place: int, bit: int
) -> None:
    signer = Ed25519PrivateKey.from_private_bytes(seed)
    both = bytearray(signer.public_key().public_bytes_raw() + signer.sign(message))
    both[place] ^= 1 << bit
    key, signature = bytes(both[:32]), bytes(both[32:])
    assert ed25519.verify(key, message, signature) == library(key, message, signature)


def test_s_plus_the_order_is_turned_away() -> None:
    signer = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
    signature = signer.sign(b"m")
    s = int.from_bytes(signature[32:], "little") + ORDER
    twin = signature[:32] + s.to_bytes(32, "little")
    assert not ed25519.verify(signer.public_key().public_bytes_raw(), b"m", twin)


@pytest.mark.parametrize("key", SMALL_ORDER, ids=lambda key: key.hex()[:8])
def test_a_key_of_small_order_verifies_nothing(key: bytes) -> None:
    # With such a key one signature fits many messages: R the neutral point, S zero.
    forged = (1).to_bytes(32, "little") + bytes(32)
    assert not ed25519.is_key(key)
    assert not any(ed25519.verify(key, bytes([i]), forged) for i in range(16))


@pytest.mark.parametrize("key", NOT_CANONICAL, ids=lambda key: key.hex()[:8])
def test_a_key_or_r_that_is_not_canonical_verifies_nothing(key: bytes) -> None:
    assert not ed25519.is_key(key)
    assert not ed25519.verify(key, b"m", (1).to_bytes(32, "little") + bytes(32))
    signer = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
    assert not ed25519.verify(signer.public_key().public_bytes_raw(), b"m", key + signer.sign(b"m")[32:])


def test_lengths_other_than_32_and_64_verify_nothing() -> None:
    signer = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
    key, signature = signer.public_key().public_bytes_raw(), signer.sign(b"m")
    for bad_key, bad_signature in (
        (key[:-1], signature),
        (key + b"x", signature),
        (key, signature[:-1]),
        (key, b""),
    ):
        assert not ed25519.verify(bad_key, b"m", bad_signature)
    assert not ed25519.is_key(key[:-1])


def library(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True
