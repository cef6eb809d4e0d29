"""Looking into footage: good clips give their facts, bad ones a reason, and none of them an exception."""

from __future__ import annotations

import io
import os
import resource
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
import bad_footage
import pytest
from bad_footage import HARMFUL, UNREADABLE
from footage_clips import clip, installed, reader, remuxed, shared, tree

from lapel.base.errors import EvidenceFault
from lapel.footage.examine import examine
from lapel.footage.inspection import Inspection
from lapel.storage.confined import Limits

SEED = bytes(range(32))


def look(content: bytes, **rest: Any) -> Inspection:
    return examine(reader(content), len(content), seed=SEED, **rest)


@pytest.mark.parametrize(("make", "reason"), UNREADABLE.items(), ids=[make.__name__ for make in UNREADABLE])
def test_what_cannot_be_read_says_why(make: Callable[[], bytes], reason: str) -> None:
    found = look(make())
    assert not found.readable
    assert reason in found.reason
    assert found.reason.endswith(".")
    assert "not made for" not in found.reason  # our own mistakes do not hide as the file's
    assert found.media is None


@pytest.mark.parametrize("make", HARMFUL, ids=[make.__name__ for make in HARMFUL])
def test_what_would_harm_a_parser_harms_nothing(make: Callable[[], bytes]) -> None:
    found = look(make())
    assert found.readable or found.reason
    assert found.peak_bytes < 1 << 30
    assert "not made for" not in found.reason


def test_a_picture_too_large_for_the_cell_is_named_and_the_clip_kept_readable() -> None:
    found = look(bad_footage.pictures_that_claim_32_thousand_pixels())
    assert found.readable
    assert "The first picture could not be decoded." in found.notes


def test_a_video_that_makes_the_parser_eat_memory_is_stopped_and_named() -> None:
    head, size = bad_footage.one_picture_of_800_megabytes(), 1500 << 20

    def read(offset: int, length: int) -> bytes:
        return head[offset : offset + length].ljust(length, b"\0")

    found = examine(read, size, limits=Limits(memory_bytes=512 << 20))
    assert not found.complete
    assert "used more than 0.5 GiB of memory" in found.reason


def test_a_file_that_takes_too_long_is_stopped() -> None:
    content = installed("bigbuckbunny.mp4")

    def slowly(offset: int, length: int) -> bytes:
        import time

        time.sleep(1.2)
        return content[offset : offset + length]

    found = examine(slowly, len(content), limits=Limits(cpu_s=1, cpu_s_per_gib=0, wall_s_per_cpu_s=1))
    assert not found.readable
    assert "took longer than 1 s" in found.reason


@pytest.mark.parametrize("make", [bad_footage.cut_behind_the_index, bad_footage.mkv_cut_in_the_middle])
def test_a_clip_that_breaks_off_is_readable_and_not_complete(make: Callable[[], bytes]) -> None:
    found = look(make())
    assert found.readable
    assert not found.complete
    assert "cut off" in found.reason
    assert found.media is not None
    assert 0 < found.media.packets[0] < 100
    assert found.thumbnails


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts", "mov", "avi"])
def test_the_facts_of_a_clip(container: str) -> None:
    content = clip(container, frames=50, width=96, height=64)
    found = look(content)
    assert (found.readable, found.complete, found.reason) == (True, True, "")
    (video,) = found.tracks
    assert (video.kind, video.codec, video.width_px, video.height_px) == ("video", "h264", 96, 64)
    assert video.packets == 50
    assert video.pixel_format == "yuv420p"
    assert found.duration_ms is not None
    assert 1950 <= found.duration_ms <= 2050
    assert found.media is not None
    assert found.media.units == (5,)
    assert found.media.root == tree(content, SEED).root.hex()
    assert len(found.thumbnails) == 5
    assert found.media_seed == SEED


def test_what_was_enforced_is_told() -> None:
    assert {"memory", "cpu-time", "no-core-dump", "no-new-files"} <= set(look(clip()).enforced)


def test_b_frames_and_hevc() -> None:
    for content in (clip(b_frames=2), clip(codec="libx265", b_frames=2), clip("mkv", codec="libx265")):
        found = look(content)
        assert found.readable
        assert found.media is not None
        assert found.media.packets == (50,)


def test_a_variable_rate_keeps_its_length() -> None:
    found = look(clip(pts=[n + n // 10 * 25 for n in range(50)]))
    assert found.duration_ms is not None
    assert 5950 <= found.duration_ms <= 6050


@pytest.mark.parametrize(
    ("turned", "clockwise", "upright"), [(90, 270, (48, 64)), (-90, 90, (48, 64)), (180, 180, (64, 48))]
)
def test_a_clip_filmed_on_its_side_has_upright_thumbnails(
    turned: float, clockwise: int, upright: tuple[int, int]
) -> None:
    found = look(clip(rotation=turned))
    assert found.tracks[0].rotation == clockwise
    assert (found.thumbnails[0].width_px, found.thumbnails[0].height_px) == upright
    with av.open(io.BytesIO(found.thumbnails[0].jpeg)) as picture:
        frame = next(picture.decode(video=0))
        assert (frame.width, frame.height) == upright


def test_a_live_mkv_without_a_duration_is_measured() -> None:
    out = io.BytesIO()
    with (
        av.open(io.BytesIO(clip())) as source,
        av.open(out, "w", format="matroska", options={"live": "1"}) as box,
    ):
        made = box.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.stream = made
                box.mux(packet)
    found = look(out.getvalue())
    assert found.declared_duration_ms is None
    assert found.duration_ms is not None
    assert 1950 <= found.duration_ms <= 2050


def test_thumbnails_are_few_small_and_spread() -> None:
    found = look(clip(frames=50, gop=5, width=480, height=270))
    assert len(found.thumbnails) == 8
    at = [thumbnail.at_ms for thumbnail in found.thumbnails]
    assert at == sorted(set(at))
    assert at[-1] - at[0] >= 1400
    for thumbnail in found.thumbnails:
        assert (thumbnail.width_px, thumbnail.height_px) == (320, 180)
        assert len(thumbnail.jpeg) < 65536


def test_sound_alone_is_footage() -> None:
    out = io.BytesIO()
    with av.open(out, "w", format="wav") as box:
        stream: Any = box.add_stream("pcm_s16le", rate=8000, layout="mono")
        for number in range(25):
            frame = av.AudioFrame("s16", "mono", 800)
            frame.sample_rate, frame.pts = 8000, number * 800
            frame.planes[0].update(bytes(1600))
            box.mux(stream.encode(frame))
    found = look(out.getvalue())
    assert found.readable
    assert found.tracks[0].kind == "audio"
    assert found.duration_ms == 2500
    assert found.thumbnails == ()
    assert found.media is not None


def test_very_many_packets_are_counted_in_bounded_memory() -> None:
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as box:
        stream: Any = box.add_stream("pcm_s16le", rate=8000, layout="mono")
        for number in range(60_000):
            packet = av.Packet(b"\1\2")
            packet.stream, packet.pts, packet.dts, packet.duration = stream, number, number, 1
            packet.time_base = Fraction(1, 8000)
            box.mux(packet)
    found = look(out.getvalue())
    assert found.media is not None
    assert found.media.packets == (60_000,)
    assert found.peak_bytes < 128 << 20


def test_memory_does_not_grow_with_the_file() -> None:
    """A file of 1.5 GiB, most of it a hole: neither the cell nor its keeper holds more than a few MiB of it."""
    content = bad_footage.index_first(clip())
    hole = (1536 << 20) - len(content) - 16
    head = content + (1).to_bytes(4, "big") + b"free" + (hole + 16).to_bytes(8, "big")
    size = len(head) + hole

    def read(offset: int, length: int) -> bytes:
        return head[offset : offset + length].ljust(length, b"\0") if offset < len(head) else bytes(length)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = examine(read, size)
    assert found.readable
    assert found.peak_bytes < 160 << 20
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < 64 << 20


def test_a_fault_of_the_store_comes_through() -> None:
    def broken(offset: int, length: int) -> bytes:
        raise EvidenceFault("A frame does not open.")

    with pytest.raises(EvidenceFault):
        examine(broken, 1000)


def test_texts_out_of_the_file_are_safe_to_show() -> None:
    found = look(clip("mkv", metadata={"creation_time": "2026-11-24T03:37:44.000000Z", "title": "<script>"}))
    assert found.clock == {"created_at": "2026-11-24T03:37:44.000000Z"}
    assert "script" not in repr(found.clock)


def test_installed_clips_are_read() -> None:
    for name in ("bikes.mp4", "bigbuckbunny.mp4", "carphone_pristine.mp4"):
        found = look(installed(name))
        assert (found.readable, found.complete, found.notes) == (True, True, ())
        assert found.thumbnails


def test_a_clip_of_an_action_camera_brings_its_trail_and_clock() -> None:
    found = look(shared("video/walk_with_gps_track.mp4"))
    assert len(found.trail.points) == 11
    assert found.trail.skipped == 0
    first = found.trail.points[0]
    assert (first.latitude_e7 // 10**5, first.longitude_e7 // 10**5) == (3312, -11733)
    assert found.clock["first_fix_at"] == "2019-11-18T23:45:14.000Z"
    assert found.clock["created_at"].startswith("2019-11-18T15:45:32")
    assert [track.kind for track in found.tracks] == ["video", "audio"]


def test_a_signed_clip_is_told_from_its_unsigned_twin() -> None:
    (signed,) = look(shared("signed_video/test_signed_h264.mp4")).signed
    assert (signed.scheme, signed.signatures, signed.manufacturer) == (
        "onvif-media-signing",
        4,
        "Signed Media Framework",
    )
    assert look(shared("signed_video/test_h264.mp4")).signed == ()


def test_a_remux_keeps_the_signature_and_the_payloads() -> None:
    content = shared("signed_video/test_signed_h264.mp4")
    assert look(remuxed(content, "mkv")).signed == look(content).signed


def test_nothing_is_written_to_disk(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    look(clip())
    assert os.listdir(tmp_path) == []
