"""Does a release prove what it says, and does the verifier name what was changed?"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "footage"))

from footage_clips import clip

from lapel.redaction.plan import Plan, Reviewed, Source
from lapel.redaction.releasing import release_file, verify_folder
from lapel.redaction.track import Keyframe, Track


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_only_the_group_that_holds_something_to_hide_is_encoded_again(codec: str, tmp_path: Path) -> None:
    content = clip(codec=codec)
    source = tmp_path / "clip.mp4"
    source.write_bytes(content)
    face = Track(
        "f1",
        "face",
        900_000,
        1_000_000,
        (Keyframe(900_000, 8, 8, 16, 16),),
        state="accepted",
        by="B-1",
        exemption="b(6)",
    )
    plan = Plan(
        Source(hashlib.sha256(content).hexdigest(), len(content)), 64, 48, (face,),
        reviewed=Reviewed("B-1", "2026-11-24T10:00:00Z"),
    )  # fmt: skip
    out = tmp_path / "release"
    verdict = release_file(source, plan, out, auto=False, told=lambda _done, _total: None)
    assert verdict.status == 8, str(verdict)
    assert "3 groups are bit for bit" in str(verdict)
    assert source.read_bytes() == content
    render = bytearray((out / "clip-1.mp4").read_bytes())
    render[-20] ^= 1
    (out / "clip-1.mp4").write_bytes(render)
    changed = verify_folder(out)
    assert changed.status == 90
    assert "picture group 4" in changed.wrong[0]
