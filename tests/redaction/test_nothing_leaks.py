"""Does anything that a source carries beside its pictures and sound get into a render, and does one that holds it pass?"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from releases import film, plan_of, release

from lapel.base.errors import EvidenceFault
from lapel.redaction import mp4_writing, rendering

SECRET = b"W-4471-SECRET"


def box(kind: bytes, *inside: bytes) -> bytes:
    body = b"".join(inside)
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def four(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(4, "big") for number in numbers)


def in_moov(content: bytes, added: bytes) -> bytes:
    """The film with one more box at the end of its moov, which stands last."""
    at = content.rindex(b"moov") - 4
    size = int.from_bytes(content[at : at + 4], "big")
    assert at + size == len(content)
    return content[:at] + (size + len(added)).to_bytes(4, "big") + content[at + 4 :] + added


def with_metadata(content: bytes) -> bytes:
    named = box(b"\xa9nam", box(b"data", (1).to_bytes(4, "big"), bytes(4), SECRET))
    hdlr = box(b"hdlr", bytes(8), b"mdir", bytes(13))
    return in_moov(content, box(b"udta", box(b"meta", bytes(4), hdlr, box(b"ilst", named))))


def with_place(content: bytes) -> bytes:
    return in_moov(
        content, box(b"udta", box(b"\xa9xyz", len(SECRET).to_bytes(2, "big"), b"\x15\xc7", SECRET))
    )


def with_unknown_box(content: bytes) -> bytes:
    return content + box(b"uuid", bytes(16), SECRET) + box(b"free", SECRET)


def with_user_data(content: bytes) -> bytes:
    """Each packet begins with user data (SEI 5), as cameras write serial numbers there."""
    sei = b"\x06\x05" + bytes([16 + len(SECRET)]) + bytes(range(1, 17)) + SECRET + b"\x80"
    return remade(content, lambda body: len(sei).to_bytes(4, "big") + sei + body)


def remade(content: bytes, changed: Callable[[bytes], bytes]) -> bytes:
    out = io.BytesIO()
    with av.open(io.BytesIO(content)) as source, av.open(out, "w", format="mp4") as made:
        streams = [*source.streams.video, *source.streams.audio]
        to = {one.index: made.add_stream_from_template(one) for one in streams}
        for packet in source.demux(streams):
            if not packet.size:
                continue
            video = packet.stream_index == streams[0].index
            new = av.Packet(changed(bytes(packet)) if video else bytes(packet))
            new.pts, new.dts, new.time_base, new.duration = (
                packet.pts,
                packet.dts,
                packet.time_base,
                packet.duration,
            )
            new.is_keyframe = packet.is_keyframe
            new.stream = to[packet.stream_index]
            made.mux(new)
    return out.getvalue()


def with_captions(content: bytes) -> bytes:
    """A track of timed text beside picture and sound, written box by box."""
    text = len(SECRET).to_bytes(2, "big") + SECRET
    offset = len(content) + 8
    content += box(b"mdat", text)
    matrix = four(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    tkhd = box(b"tkhd", four(7, 0, 0, 9, 0, 1000), bytes(16), matrix, bytes(8))
    mdhd = box(b"mdhd", four(0, 0, 0, 1000, 1000), b"\x55\xc4", bytes(2))
    hdlr = box(b"hdlr", bytes(8), b"sbtl", bytes(13))
    entry = box(b"tx3g", bytes(6), b"\0\1", bytes(30), box(b"ftab", b"\0\1\0\1\5Arial"))
    stbl = box(
        b"stbl", box(b"stsd", four(0, 1), entry), box(b"stts", four(0, 1, 1, 1000)), box(b"stsc", four(0, 1, 1, 1, 1)),
        box(b"stsz", four(0, len(text), 1)), box(b"stco", four(0, 1, offset)),
    )  # fmt: skip
    dinf = box(b"dinf", box(b"dref", four(0, 1), box(b"url ", four(1))))
    trak = box(b"trak", tkhd, box(b"mdia", mdhd, hdlr, box(b"minf", box(b"nmhd", four(0)), dinf, stbl)))
    at = content.rindex(b"moov") - 4
    moov = content[at : offset - 8]
    grown = (len(moov) + len(trak)).to_bytes(4, "big") + moov[4:] + trak
    return _moved(content, at, offset - 8, grown)


def _moved(content: bytes, at: int, end: int, moov: bytes) -> bytes:
    """The moov last, a hole of its old size where it stood, so that no packet moves."""
    hole = (end - at).to_bytes(4, "big") + b"free" + bytes(end - at - 8)
    return content[:at] + hole + content[end:] + moov


SOURCES: dict[str, Callable[[bytes], bytes]] = {
    "metadata": with_metadata,
    "location": with_place,
    "unknown boxes": with_unknown_box,
    "user data in the picture stream": with_user_data,
    "captions": with_captions,
}


@pytest.mark.parametrize("name", list(SOURCES))
def test_what_a_source_carries_beside_picture_and_sound_is_left_out(name: str, tmp_path: Path) -> None:
    content = SOURCES[name](film())
    assert SECRET in content
    if name == "captions":
        with av.open(io.BytesIO(content)) as source:
            assert [stream.type for stream in source.streams] == ["video", "audio", "subtitle"]
    out, verdict = release(content, tmp_path)
    assert verdict.status == 8, str(verdict)
    assert all(SECRET not in path.read_bytes() for path in out.iterdir() if path.is_file())
    with av.open(str(out / "clip-1.mp4")) as made:
        assert [stream.type for stream in made.streams] == ["video", "audio"]
        assert not made.metadata.keys() - {"major_brand", "minor_version", "compatible_brands"}


def test_a_cover_picture_is_left_out(tmp_path: Path) -> None:
    picture = b"\xff\xd8\xff\xe0" + SECRET + b"\xff\xd9"
    art = box(b"covr", box(b"data", (13).to_bytes(4, "big"), bytes(4), picture))
    hdlr = box(b"hdlr", bytes(8), b"mdir", bytes(13))
    content = in_moov(film(), box(b"udta", box(b"meta", bytes(4), hdlr, box(b"ilst", art))))
    out, verdict = release(content, tmp_path)
    assert verdict.status == 8, str(verdict)
    assert SECRET not in (out / "clip-1.mp4").read_bytes()


def cut(content: bytes) -> bytes:
    """The film beginning at its thirteenth picture: those before it are there, and an edit list hides them."""
    media_time = content.index(b"elst") + 4 + 8 + 4
    scale = int.from_bytes(content[content.index(b"mdhd") + 16 : content.index(b"mdhd") + 20], "big")
    begins = int.from_bytes(content[media_time : media_time + 4], "big") + 12 * scale // 25
    return content[:media_time] + begins.to_bytes(4, "big") + content[media_time + 4 :]


def test_pictures_that_an_edit_list_hides_are_not_in_the_render(tmp_path: Path) -> None:
    content = cut(film(sound=0))
    with av.open(io.BytesIO(content)) as source:
        shown = sum(not packet.is_discard for packet in source.demux(video=0) if packet.size)
    assert shown < 50
    out, verdict = release(content, tmp_path, plan_of(content, mute=False))
    assert verdict.status == 8, str(verdict)
    with av.open(str(out / "clip-1.mp4")) as made:
        packets = [packet for packet in made.demux(video=0) if packet.size]
    assert not any(packet.is_discard for packet in packets)
    assert len(packets) <= shown


def test_the_priming_of_the_sound_is_not_in_the_render(tmp_path: Path) -> None:
    content = film()
    with av.open(io.BytesIO(content)) as source:
        before = [packet.pts for packet in source.demux(audio=0) if packet.size]
    assert min(before) < 0
    out, _ = release(content, tmp_path)
    with av.open(str(out / "clip-1.mp4")) as made:
        after = [packet.pts for packet in made.demux(audio=0) if packet.size]
    assert min(after) >= 0
    assert len(after) < len(before)


def added_at_the_end(path: Path) -> None:
    path.write_bytes(path.read_bytes() + box(b"udta", SECRET))


def in_the_space_before(path: Path) -> None:
    content = bytearray(path.read_bytes())
    at = content.index(b"free") + 4
    content[at : at + len(SECRET)] = SECRET
    path.write_bytes(content)


@pytest.mark.parametrize("leak", [added_at_the_end, in_the_space_before])
def test_a_render_that_still_holds_something_is_thrown_away(
    leak: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = rendering.render_clip

    def leaking(clip: Any, plan: Any, path: Path, **how: Any) -> Any:
        made = honest(clip, plan, path, **how)
        leak(path)
        return made

    monkeypatch.setattr("lapel.redaction.releasing.render_clip", leaking)
    with pytest.raises(EvidenceFault, match="thrown away"):
        release(film(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.bin"]


def test_user_data_that_got_into_a_packet_is_found_in_the_render(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sei = b"\x06\x05" + bytes([16 + len(SECRET)]) + bytes(range(1, 17)) + SECRET + b"\x80"
    honest = mp4_writing.Mp4Writer.add

    def leaking(self: Any, track: int, body: bytes, **times: Any) -> None:
        honest(self, track, (len(sei).to_bytes(4, "big") + sei if track == 0 else b"") + body, **times)

    monkeypatch.setattr(mp4_writing.Mp4Writer, "add", leaking)
    with pytest.raises(EvidenceFault, match="thrown away"):
        release(film(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.bin"]
