"""Do the published releases come out as they are said to, so that a second verifier can be held to them?"""

from __future__ import annotations

import base64
import hmac
import io
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lapel.redaction.verify import Release, verify_release

CASES = json.loads((Path(__file__).parents[1] / "vectors" / "redaction.json").read_text())["cases"]


def verdict_of(case: dict[str, Any], content: bytes) -> Any:
    return verify_release(
        Release(case["manifest"].encode(), case["signature"].encode(), {}, lambda _name: io.BytesIO(content))
    )


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_published_releases_verify_and_the_broken_ones_do_not(case: dict[str, Any]) -> None:
    whole = base64.b64decode(case["clip"])
    assert verdict_of(case, whole).status == case["status"] == 8
    if case["packed_again"]:
        assert verdict_of(case, base64.b64decode(case["packed_again"])).status == 8
    assert len(case["broken"]) == 4
    for broken in case["broken"]:
        at, put = broken["at"], bytes.fromhex(broken["put"])
        verdict = verdict_of(case, whole[:at] + put + whole[at + broken["take"] :])
        assert (verdict.status, verdict.wrong) == (broken["status"], broken["wrong"]), broken["what"]
        assert verdict.status == 90


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_formulas_of_the_page_give_what_is_published(case: dict[str, Any]) -> None:
    """Written from docs/formats/redaction-manifest.md and media-tree.md alone."""
    seed, claim = bytes.fromhex(case["seed"]), json.loads(case["manifest"])
    head, key, signature = case["signature"].splitlines()
    assert head == "lapel-redaction-manifest-signature v1"
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(
        bytes.fromhex(signature), b"lapel/redaction-manifest/1\0" + case["manifest"].encode()
    )
    clip = claim["clips"][0]
    salt = sha256(b"lapel/redaction/1/plan\0" + seed).digest()
    assert clip["plan"] == sha256(b"lapel/redaction/1/plan\0" + salt + case["plan"].encode()).hexdigest()
    copied = next(group for group in clip["tracks"][0]["groups"] if group["is"] == "copied")
    unit = b"unit" + (0).to_bytes(2, "big") + copied["n"].to_bytes(4, "big")
    own = hmac.new(seed, unit, "sha256").digest()[:16]
    assert copied["key"] == own.hex()
    salts = [hmac.new(own, number.to_bytes(4, "big"), "sha256").digest()[:16].hex() for number in range(3)]
    assert salts == case["salts_of_the_first_copied_group"]
    hashes = [sha256(b"\0" + clip["header"].encode()).digest()]
    for track in clip["tracks"]:
        hashes += [bytes.fromhex(group["leaf"]) for group in track["groups"]]
    assert tree(hashes).hex() == clip["root"]


def tree(hashes: list[bytes]) -> bytes:
    """RFC 9162 §2.1.1."""
    if len(hashes) == 1:
        return hashes[0]
    half = 1 << (len(hashes) - 1).bit_length() - 1
    return sha256(b"\1" + tree(hashes[:half]) + tree(hashes[half:])).digest()
