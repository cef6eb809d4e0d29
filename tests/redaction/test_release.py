"""Does a release prove what it says, and does the verifier name what was changed?"""

from __future__ import annotations

import io
import json
import random
import sys
from pathlib import Path
from typing import Any

import av
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from releases import decoded, film, plan_of, release, repacked
from tampering import signed_again

from lapel.base.errors import Conflict, Invalid, NotFound
from lapel.redaction.verify_folder import verify_folder


@pytest.mark.parametrize(("codec", "b_frames"), [("libx264", 0), ("libx264", 2), ("libx265", 0)])
def test_only_the_groups_that_hold_something_are_encoded_again(
    codec: str, b_frames: int, tmp_path: Path
) -> None:
    content = film(codec, b_frames=b_frames)
    out, verdict = release(content, tmp_path)
    assert verdict.status == 8, str(verdict)
    assert "2 but for silence, 1 are declared redacted" in str(verdict)
    render = (out / "clip-1.mp4").read_bytes()
    before, after = decoded(content), decoded(render)
    untouched = [number for number in range(50) if number // 10 != 2]
    assert [before[n] for n in untouched] == [after[n] for n in untouched]
    with av.open(io.BytesIO(render)) as box:
        frames = list(box.decode(video=0))
    hidden = [frame.to_ndarray()[14:18, 14:18] for frame in frames[22:25]]
    assert all(int(patch.max()) < 40 for patch in hidden)
    assert int(frames[5].to_ndarray()[14:18, 14:18].max()) > 60
    assert verify_folder(out).status == 8


def test_a_plain_remux_is_accepted(tmp_path: Path) -> None:
    out, _ = release(film(b_frames=2), tmp_path)
    place = out / "clip-1.mp4"
    place.write_bytes(repacked(place.read_bytes()))
    verdict = verify_folder(out)
    assert verdict.status == 8, str(verdict)
    assert "packed again" in str(verdict)


def swapped(packets: list[Any], _streams: list[Any]) -> list[Any]:
    first, second = packets[1], packets[2]
    times = first.pts, first.dts
    first.pts, first.dts = second.pts, second.dts
    second.pts, second.dts = times
    return [packets[0], second, first, *packets[3:]]


def last_dropped(packets: list[Any], streams: list[Any]) -> list[Any]:
    last = max(n for n, p in enumerate(packets) if p.stream_index == streams[0].index)
    return packets[:last] + packets[last + 1 :]


def shifted(packets: list[Any], streams: list[Any]) -> list[Any]:
    for packet in packets:
        if packet.stream_index == streams[1].index:
            packet.pts, packet.dts = packet.pts + 80, packet.dts + 80
    return packets


@pytest.mark.parametrize(
    ("attack", "named"),
    [(swapped, "picture group 0"), (last_dropped, "picture group 4"), (shifted, "sound group")],
)
def test_packets_that_were_moved_or_removed_are_named(attack: Any, named: str, tmp_path: Path) -> None:
    out, _ = release(film(), tmp_path)
    place = out / "clip-1.mp4"
    place.write_bytes(repacked(place.read_bytes(), attack))
    verdict = verify_folder(out)
    assert verdict.status == 90
    assert named in verdict.wrong[0]


def test_entries_swapped_and_another_root_are_caught_whoever_signs(tmp_path: Path) -> None:
    out, _ = release(film(), tmp_path, plan_of(film(), spans=((500_000, 700_000), (900_000, 1_000_000))))
    kept = (out / "manifest.json").read_bytes(), (out / "manifest.sig").read_bytes()

    def swap_leaves(claim: Any) -> None:
        groups = claim["clips"][0]["tracks"][0]["groups"]
        redacted = [group for group in groups if group["is"] == "redacted"]
        redacted[0]["leaf"], redacted[1]["leaf"] = redacted[1]["leaf"], redacted[0]["leaf"]

    def other_root(claim: Any) -> None:
        claim["clips"][0]["root"] = "00" * 32

    for change in (swap_leaves, other_root):
        signed_again(out, change)
        verdict = verify_folder(out)
        assert verdict.status == 90
        assert "root" in verdict.wrong[0]
        (out / "manifest.json").write_bytes(kept[0])
        (out / "manifest.sig").write_bytes(kept[1])
    (out / "manifest.json").write_bytes(kept[0].replace(b"b(6)", b"b(5)", 1))
    assert "not what was signed" in verify_folder(out).wrong[0]


def test_a_flipped_bit_verifies_only_where_it_changes_nothing_that_is_shown(tmp_path: Path) -> None:
    out, _ = release(film(), tmp_path)
    place = out / "clip-1.mp4"
    whole = place.read_bytes()
    shown = decoded(whole)
    used = [n for n in range(len(whole)) if whole[max(0, n - 64) : n + 64] != bytes(128)]
    chance = random.Random(6)
    for _ in range(250):
        at = chance.choice(used)
        changed = bytearray(whole)
        changed[at] ^= 1 << chance.randrange(8)
        place.write_bytes(changed)
        if verify_folder(out).status != 90:
            assert decoded(bytes(changed)) == shown, f"byte {at}"


def test_unreviewed_plans_need_auto_and_say_so(tmp_path: Path) -> None:
    from dataclasses import replace

    content = film()
    plan = replace(plan_of(content), reviewed=None)
    with pytest.raises(Invalid, match="waits for a person"):
        release(content, tmp_path, plan)
    out, verdict = release(content, tmp_path, plan, auto=True)
    assert "UNREVIEWED" in str(verdict)
    assert json.loads((out / "manifest.json").read_text())["state"] == "unreviewed"
    with pytest.raises(Conflict):
        release(content, tmp_path, plan, auto=True)


def test_a_plan_of_another_clip_and_an_empty_file_leave_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="another file"):
        release(film(), tmp_path, plan_of(film(frames=30)))
    with pytest.raises(Invalid, match="empty"):
        release(b"", tmp_path, plan_of(b""))
    assert [path.name for path in tmp_path.iterdir()] == ["clip.bin"]
    with pytest.raises(NotFound):
        verify_folder(tmp_path / "release")


@pytest.mark.parametrize("tracks", [0, 2])
def test_no_sound_and_two_tracks_of_sound_are_rendered(tracks: int, tmp_path: Path) -> None:
    out, verdict = release(film(sound=tracks), tmp_path)
    assert verdict.status == 8, str(verdict)
    with av.open(str(out / "clip-1.mp4")) as box:
        assert len(box.streams.audio) == tracks


def test_mpeg4_part_2_is_encoded_again_as_a_whole_with_the_reason(tmp_path: Path) -> None:
    _, verdict = release(film("mpeg4"), tmp_path)
    assert verdict.status == 8, str(verdict)
    assert "encoded again as a whole: the picture is mpeg4" in str(verdict)


def test_a_full_disk_leaves_no_release_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lapel.base.errors import Unavailable
    from lapel.redaction.mp4_writing import Mp4Writer

    def full(*_args: Any, **_named: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Mp4Writer, "finish", full)
    with pytest.raises(Unavailable, match="disk is full"):
        release(film(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.bin"]
