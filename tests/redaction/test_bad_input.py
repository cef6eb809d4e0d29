"""Is odd footage rendered as it should be, and what cannot be refused so that nothing looks finished?"""

from __future__ import annotations

import io
import json
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "footage"))

import bad_clips
import bad_footage
from footage_clips import clip
from releases import film, plan_of, release
from tampering import packed, unchanged

from lapel.base.errors import Invalid, LapelError, Unavailable
from lapel.redaction.plan import Plan
from lapel.redaction.plan_reading import as_json
from lapel.redaction.releasing import release_file
from lapel.redaction.render_commands import render_file
from lapel.redaction.verify_folder import verify_folder


def shown(content: bytes) -> list[tuple[float, Any]]:
    """What a player shows: seconds since the first picture, and its brightness."""
    frames = []
    with av.open(io.BytesIO(content)) as box:
        for packet in box.demux(video=0):
            with suppress(av.FFmpegError):
                frames += [(float(f.pts * f.time_base), f.to_ndarray(format="gray")) for f in packet.decode()]
    return [(at - frames[0][0], grey) for at, grey in frames]


def fitting(content: bytes, **named: Any) -> Plan:
    with av.open(io.BytesIO(content)) as box:
        stream = box.streams.video[0]
        return replace(plan_of(content, **named), width=stream.width, height=stream.height)


@pytest.mark.parametrize(
    ("made", "said"), bad_clips.RENDERED.items(), ids=[made.__name__ for made in bad_clips.RENDERED]
)
def test_odd_footage_is_rendered_hidden_where_it_should_be_and_proved(
    made: Callable[[], bytes], said: str, tmp_path: Path
) -> None:
    content = made()
    out, verdict = release(content, tmp_path, fitting(content))
    assert verdict.status == 8, str(verdict)
    assert said in str(verdict)
    render = (out / "clip-1.mp4").read_bytes()
    before, after = shown(content), shown(render)
    assert len(after) == len(before)
    assert all(abs(a[0] - b[0]) < 0.0011 for a, b in zip(before, after, strict=True))
    # The face, from 0.8 to 1.1 s with its padding, lies at 8 to 24 px: in every picture that stands then.
    ends = [at for at, _ in after[1:]] + [99.0]
    standing = [grey for (at, grey), end in zip(after, ends, strict=True) if at < 1.0 and end > 0.91]
    assert standing
    assert all(int(grey[14:18, 14:18].max()) < 40 for grey in standing)
    assert not any(part.name.startswith(".") for part in tmp_path.iterdir())


def test_what_an_edit_list_hides_does_not_come_to_light(tmp_path: Path) -> None:
    content = bad_clips.cut_by_an_edit_list()
    out, _ = release(content, tmp_path, fitting(content))
    claim = json.loads((out / "manifest.json").read_text())
    groups = claim["clips"][0]["tracks"][0]["groups"]
    assert {group.get("why") for group in groups} >= {"edit list", "hide"}
    with av.open(str(out / "clip-1.mp4")) as box:
        assert sum(1 for packet in box.demux(video=0) if packet.size) == len(shown(content)) == 37


def test_a_turned_clip_stays_turned(tmp_path: Path) -> None:
    content = bad_clips.turned_a_quarter()
    out, _ = release(content, tmp_path, fitting(content))
    turned = []
    for clip_bytes in (content, (out / "clip-1.mp4").read_bytes()):
        with av.open(io.BytesIO(clip_bytes)) as box:
            turned.append(next(box.decode(video=0)).rotation)
    assert turned[0] == turned[1] != 0
    place = out / "clip-1.mp4"
    place.write_bytes(packed(place.read_bytes(), unchanged, "matroska"))
    assert verify_folder(out).status == 8


def test_pixels_that_are_not_square_stay_so(tmp_path: Path) -> None:
    content = film(sound=0, aspect="4:3")
    out, _ = release(content, tmp_path, plan_of(content, mute=False))
    place = out / "clip-1.mp4"
    with av.open(str(place)) as box:
        assert box.streams.video[0].sample_aspect_ratio == Fraction(4, 3)
    render = place.read_bytes()
    place.write_bytes(packed(render, unchanged, "matroska"))  # which leaves the shape out
    assert "another shape" in verify_folder(out).wrong[0]
    shape = render.index(b"pasp") + 4
    place.write_bytes(render[:shape] + render[shape + 4 : shape + 8] * 2 + render[shape + 8 :])
    assert "another shape" in verify_folder(out).wrong[0]


def test_a_damaged_group_is_not_copied_and_says_why(tmp_path: Path) -> None:
    content = bad_clips.damaged_packet()
    out, _ = release(content, tmp_path, fitting(content, spans=((0, 100_000),)))
    groups = json.loads((out / "manifest.json").read_text())["clips"][0]["tracks"][0]["groups"]
    assert [(group["n"], group["why"]) for group in groups if group["is"] == "redacted"] == [
        (0, "hide"),
        (2, "damaged"),
    ]


@pytest.mark.parametrize("mask", ["pixelate", "blur"])
def test_masks_that_can_be_undone_are_warned_of(mask: str, tmp_path: Path) -> None:
    content = film(sound=0)
    plan = plan_of(content, mute=False)
    out, verdict = release(content, tmp_path, replace(plan, tracks=(replace(plan.tracks[0], mask=mask),)))
    claim = json.loads((out / "manifest.json").read_text())
    assert "can be undone" in claim["warnings"][0]
    assert "Warning: Pixelated or blurred" in str(verdict)
    assert {
        hide["mask"] for group in claim["clips"][0]["tracks"][0]["groups"] for hide in group.get("hides", [])
    } == {mask}
    before, after = shown(content)[24][1], shown((out / "clip-1.mp4").read_bytes())[24][1]
    assert abs(before[8:24, 8:24].astype(int) - after[8:24, 8:24].astype(int)).max() > 8


NOTHING = (
    bad_footage.noise,
    bad_footage.index_missing,
    bad_footage.cut_before_the_index,
    bad_clips.pictures_of_zero_frames,
)


@pytest.mark.parametrize("made", NOTHING, ids=[made.__name__ for made in NOTHING])
def test_what_holds_nothing_to_render_is_refused_and_leaves_nothing(
    made: Callable[[], bytes], tmp_path: Path
) -> None:
    content = made()
    with pytest.raises(Invalid):
        release(content, tmp_path, plan_of(content))
    assert [path.name for path in tmp_path.iterdir()] == ["clip.bin"]


def another_recording(plan: dict[str, Any]) -> None:
    plan["source"]["sha256"] = "00" * 32


def a_track_outside_the_picture(plan: dict[str, Any]) -> None:
    plan["tracks"][0]["keyframes"][0]["x"] = 64


def an_exemption_code_that_nobody_knows(plan: dict[str, Any]) -> None:
    plan["tracks"][0]["exemption"] = "b(99)"


def another_picture_size(plan: dict[str, Any]) -> None:
    plan["width"] = 128


@pytest.mark.parametrize(
    ("defect", "said"),
    [
        (another_recording, "another file"),
        (a_track_outside_the_picture, "outside the picture"),
        (an_exemption_code_that_nobody_knows, r"b\(99\)"),
        (another_picture_size, "128 x 48"),
    ],
)
def test_a_plan_with_a_defect_is_refused_by_name_and_makes_nothing(
    defect: Callable[[dict[str, Any]], None], said: str, tmp_path: Path
) -> None:
    content = clip()
    plan = as_json(plan_of(content))
    plan = json.loads(json.dumps(plan))
    defect(plan)
    (tmp_path / "clip.mp4").write_bytes(content)
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    with pytest.raises(Invalid, match=said) as refused:
        render_file(tmp_path / "clip.mp4", tmp_path / "plan.json", tmp_path / "out", auto=False)
    assert refused.value.exit_status == 5
    assert (tmp_path / "clip.mp4").read_bytes() == content
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "plan.json"]


@contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    """The kernel lets no file grow beyond this: as a disk that fills up in the middle of a render."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_fills_up_in_the_middle_leaves_nothing_that_looks_finished(tmp_path: Path) -> None:
    content = film()
    source, out = tmp_path / "clip.mp4", tmp_path / "release"
    source.write_bytes(content)
    plan = plan_of(content)

    def made() -> Any:
        return release_file(source, plan, out, auto=False, told=lambda _done, _total: None)

    with files_of_at_most(12_000), pytest.raises(LapelError, match="cannot be written") as stopped:
        made()
    assert isinstance(stopped.value, Unavailable)
    assert source.read_bytes() == content
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4"]
    assert made().status == 8
