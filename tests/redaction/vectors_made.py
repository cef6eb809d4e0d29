"""Makes tests/vectors/redaction.json anew: two small releases whole, what is inside them step by step, and broken ones.

    python tests/redaction/vectors_made.py

Encoders differ, so the file is kept; run this only when the format changes.
"""

from __future__ import annotations

import base64
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from releases import film, plan_of
from tampering import at_path, index_changed, packed, unchanged

from lapel.redaction.plan import Plan
from lapel.redaction.plan_reading import written
from lapel.redaction.releasing import release, throw_away
from lapel.redaction.rendering import Clip
from lapel.redaction.verify_folder import verify_folder
from lapel.redaction.verify_pictures import salt_of

VECTORS = Path(__file__).parents[1] / "vectors" / "redaction.json"
SEED = bytes(range(32))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        cases = [_case(name, codec, sound, Path(folder) / name) for name, codec, sound in
                 (("h264 with sound", "libx264", 1), ("hevc without sound", "libx265", 0))]  # fmt: skip
    VECTORS.write_text(json.dumps({"v": 1, "cases": cases}, indent=1) + "\n")
    print(VECTORS, VECTORS.stat().st_size, "bytes")


def _case(name: str, codec: str, sound: int, out: Path) -> dict[str, Any]:
    content = film(codec, frames=30, sound=sound)
    plan: Plan = replace(plan_of(content, spans=((500_000, 600_000),), mute=bool(sound)))
    clip = Clip(lambda at, count: content[at : at + count], len(content), plan.source.sha256, SEED)
    release([(clip, plan)], out, throw_away(), auto=False, told=lambda _done, _total: None)
    manifest = (out / "manifest.json").read_text()
    render = (out / "clip-1.mp4").read_bytes()
    copied = next(g for g in json.loads(manifest)["clips"][0]["tracks"][0]["groups"] if g["is"] == "copied")
    return {
        "name": name,
        "seed": SEED.hex(),
        "plan": written(plan).decode(),
        "manifest": manifest,
        "signature": (out / "manifest.sig").read_text(),
        "clip": base64.b64encode(render).decode(),
        "packed_again": base64.b64encode(packed(render, unchanged, "matroska")).decode() if sound else "",
        "salts_of_the_first_copied_group": [salt_of(bytes.fromhex(copied["key"]), k).hex() for k in range(3)],
        "status": 8,
        "broken": [_broken(out, what, made, render) for what, made in _attacks(render).items()],
    }


def _attacks(render: bytes) -> dict[str, bytes]:
    def name_added(index: bytes) -> bytes:
        return at_path(index, (b"trak", b"mdia", b"hdlr"), lambda body: body[:-1] + b"somebody\0")

    flipped = bytearray(render)
    flipped[-40] ^= 1
    return {
        "a track that carries a name": index_changed(render, name_added),
        "a bit of a picture or sound flipped": bytes(flipped),
        "a date": index_changed(render, lambda index: index.replace(b"mvhd\1\0\0\0\0", b"mvhd\1\0\0\0\1")),
        "bytes behind the end": render + b"\0\0\0\x09free\1",
    }


def _broken(out: Path, what: str, made: bytes, render: bytes) -> dict[str, Any]:
    (out / "clip-1.mp4").write_bytes(made)
    verdict = verify_folder(out)
    (out / "clip-1.mp4").write_bytes(render)
    return {
        "what": what,
        **_splice(render, made),
        "status": verdict.status,
        "wrong": verdict.wrong,
    }


def _splice(before: bytes, after: bytes) -> dict[str, Any]:
    """At which byte so many are taken out, and what (hex) is put there."""
    at = next(
        (n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b),
        min(len(before), len(after)),
    )
    most = min(len(before), len(after)) - at
    same = next((n for n in range(most) if before[-1 - n] != after[-1 - n]), most)
    return {"at": at, "take": len(before) - same - at, "put": after[at : len(after) - same].hex()}


if __name__ == "__main__":
    main()
