"""A second writer of sealed objects, made from docs/formats/sealed.md and not from the code. It makes the vectors.

python tests/storage/seal_by_the_page.py      writes tests/vectors/sealed.json and tests/vectors/sealed/
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

VECTORS = Path(__file__).parents[1] / "vectors"
KEY = bytes(range(32))
OBJECT = "00112233445566778899aabbccddeeff"
OTHER_OBJECT = "ffeeddccbbaa99887766554433221100"
KEY_ID = "test-key"
FRAME = 16
PLAIN = bytes(range(100, 140))  # 16 + 16 + 8


def header(object_id: str = OBJECT, frame: int = FRAME, key_id: str = KEY_ID) -> bytes:
    encoded = key_id.encode("ascii")
    return b"LSEAL\x01" + frame.to_bytes(4) + bytes.fromhex(object_id) + bytes([len(encoded)]) + encoded


def nonce(number: int) -> bytes:
    """Only for vectors: a real nonce is random."""
    return bytes([0xA0 + number]) * 12


def frame(plain: bytes, number: int, last: bool, head: bytes, key: bytes = KEY) -> bytes:
    gcm = Cipher(algorithms.AES(key), modes.GCM(nonce(number))).encryptor()
    gcm.authenticate_additional_data(hashlib.sha256(head).digest() + number.to_bytes(8) + bytes([last]))
    sealed = gcm.update(plain) + gcm.finalize()
    return nonce(number) + sealed + gcm.tag


def frames(plain: bytes, size: int = FRAME, head: bytes | None = None, key: bytes = KEY) -> list[bytes]:
    pieces = [plain[at : at + size] for at in range(0, len(plain), size)] or [b""]
    head = header(frame=size) if head is None else head
    return [frame(piece, n, n == len(pieces) - 1, head, key) for n, piece in enumerate(pieces)]


def sealed(plain: bytes, size: int = FRAME) -> bytes:
    return header(frame=size) + b"".join(frames(plain, size))


def damaged() -> dict[str, bytes]:
    """Objects that stand where one of PLAIN should be, by what is wrong with them."""
    head, (one, two, three) = header(), frames(PLAIN)
    whole = head + one + two + three
    other = header(OTHER_OBJECT)
    return {
        "truncated-at-a-frame-border": head + one + two,
        "truncated-at-a-frame-border-and-sealed-as-if-it-ended-there": head
        + one
        + frame(PLAIN[16:32], 1, True, head),
        "truncated-in-a-frame": whole[:-5],
        "truncated-in-the-header": whole[:20],
        "empty-file": b"",
        "two-frames-swapped": head + two + one + three,
        "a-frame-repeated": head + one + one + three,
        "a-frame-of-another-object": head + one + frames(PLAIN, head=other)[1] + three,
        "a-frame-under-another-key": head + one + frames(PLAIN, key=bytes(32))[1] + three,
        "another-object": other + b"".join(frames(PLAIN, head=other)),
        "a-bit-of-the-key-id-flipped": flipped(whole, 27),
        "a-bit-of-the-object-id-flipped": flipped(whole, 12),
        "a-bit-of-the-frame-size-flipped": flipped(whole, 9),
        "a-bit-of-a-nonce-flipped": flipped(whole, len(head)),
        "a-bit-of-the-ciphertext-flipped": flipped(whole, len(head) + 44 + 20),
        "a-bit-of-the-last-tag-flipped": flipped(whole, len(whole) - 1),
        "a-frame-appended": whole + frame(b"more", 3, True, head),
        "a-byte-appended": whole + b"\0",
        "the-last-frame-not-marked-last": head + one + two + frame(PLAIN[32:], 2, False, head),
        "a-middle-frame-marked-last": head + one + frame(PLAIN[16:32], 1, True, head) + three,
        "version-2": flipped(whole, 5, 3),
        "frames-of-four-gigabytes": head[:6] + b"\xff\xff\xff\xff" + head[10:] + one + two + three,
        "frames-of-no-bytes": head[:6] + b"\0\0\0\0" + head[10:] + one + two + three,
        "a-key-id-of-no-bytes": head[:26] + b"\0" + one + two + three,
        "not-sealed-at-all": PLAIN * 4,
    }


def flipped(whole: bytes, at: int, mask: int = 1) -> bytes:
    return whole[:at] + bytes([whole[at] ^ mask]) + whole[at + 1 :]


def main() -> None:
    good = [
        {"says": says, "plain": plain.hex(), "frame_bytes": size, "sealed": sealed(plain, size).hex()}
        for says, plain, size in (
            ("empty: one empty last frame", b"", 16),
            ("one byte", b"L", 16),
            ("exactly one frame: no empty frame follows", PLAIN[:16], 16),
            ("one byte more than a frame", PLAIN[:17], 16),
            ("three frames, the last one short", PLAIN, 16),
            ("frames of one byte", b"abc", 1),
        )
    ]
    vectors = {
        "format": "LSEAL 1",
        "key": KEY.hex(),
        "object": OBJECT,
        "key_id": KEY_ID,
        "nonces": "frame i: the byte 0xa0 + i, twelve times",
        "good": good,
        "damaged": {"plain": PLAIN.hex(), "plain_bytes": len(PLAIN), "files": sorted(damaged())},
    }
    (VECTORS / "sealed").mkdir(parents=True, exist_ok=True)
    (VECTORS / "sealed.json").write_text(json.dumps(vectors, indent=1) + "\n")
    for name, content in damaged().items():
        (VECTORS / "sealed" / f"{name}.lseal").write_bytes(content)


if __name__ == "__main__":
    main()
