"""The media tree keeps what its page promises: against a second implementation, on real clips, and by its laws."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import second_media_tree
from footage_clips import clip, installed, packets, remuxed, shared, tree, tree_of
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lapel.base.errors import Invalid
from lapel.footage import nal
from lapel.footage.mediatree import Track, TreeBuilder
from lapel.footage.treehash import payload_digest, rest_key, salt, unit_key

CASES = json.loads((Path(__file__).parents[1] / "vectors" / "mediatree.json").read_text())["cases"]
SEED = bytes(range(32))


def second(tracks: list[Track], found: list[Any], seed: bytes = SEED) -> bytes:
    plain = [
        {
            "kind": t.kind,
            "codec": t.codec,
            "time_base": t.time_base,
            "extradata": t.extradata,
            "facts": t.facts,
        }
        for t in tracks
    ]
    return second_media_tree.root(seed, plain, found)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_published_vectors_come_out(case: dict[str, Any]) -> None:
    seed = bytes.fromhex(case["seed"])
    tracks = [
        Track(t["kind"], t["codec"], tuple(t["time_base"]), bytes.fromhex(t["extradata"]), t["facts"])
        for t in case["tracks"]
    ]
    found = [(p[0], bytes.fromhex(p[1]), *p[2:]) for p in case["packets"]]
    built = tree_of(tracks, found, seed=seed)
    assert built.header.decode() == case["header"]
    assert built.leaves.hex() == "".join(case["leaf_hashes"])
    assert built.root.hex() == case["root"]
    assert second(tracks, found, seed) == built.root
    assert unit_key(seed, 0, 0).hex() == case["unit_key_0_0"]
    assert rest_key(seed, 0, 0).hex() == case["rest_key_0_0"]
    assert salt(unit_key(seed, 0, 0), 1).hex() == case["salt_0_0_1"]


@pytest.mark.parametrize("codec", ["libx264", "libx265", "mpeg4"])
@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
def test_a_second_implementation_agrees_on_made_clips(codec: str, container: str) -> None:
    tracks, found = packets(clip(container, codec=codec, b_frames=2))
    assert tree_of(tracks, found, seed=SEED).root == second(tracks, found)


@pytest.mark.parametrize("name", ["bikes.mp4", "bigbuckbunny.mp4", "carphone_pristine.mp4"])
def test_a_second_implementation_agrees_on_installed_clips(name: str) -> None:
    tracks, found = packets(installed(name))
    assert tree_of(tracks, found, seed=SEED).root == second(tracks, found)


@pytest.mark.parametrize(
    "name",
    ["video/walk_with_gps_track.mp4", "video/podium_faces_640x360.mp4", "video/street_8_frames_1080p.mp4",
     "signed_video/test_signed_h264.mp4", "signed_video/test_h264.mp4"],
)  # fmt: skip
def test_a_second_implementation_agrees_on_camera_clips(name: str) -> None:
    tracks, found = packets(shared(name))
    assert tree_of(tracks, found, seed=SEED).root == second(tracks, found)


def payloads(content: bytes) -> list[bytes]:
    """The unsalted payload digests of the first video track."""
    tracks, found = packets(content)
    codec = nal.CODECS[tracks[0].codec]
    width = nal.length_bytes(codec, tracks[0].extradata)
    digests = []
    for track, body, *_ in found:
        if track == 0:
            view = memoryview(body)
            units = nal.split_start_codes(view) if width is None else nal.split_prefixed(view, width)
            digests.append(payload_digest([u for u in units if codec.parts[codec.type_of(u[0])] <= 1]))
    return digests


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("container", ["mkv", "mov", "ts"])
def test_the_same_pictures_have_the_same_payloads_in_every_container(codec: str, container: str) -> None:
    content = clip(codec=codec, b_frames=2)
    assert payloads(content) == payloads(remuxed(content, container))


def test_a_remux_from_mp4_to_mp4_has_the_same_root() -> None:
    content = clip(b_frames=0)
    once = remuxed(content, "mp4")
    assert tree(once).root == tree(remuxed(once, "mp4")).root


def test_another_seed_gives_another_root() -> None:
    content = clip()
    assert tree(content, seed=bytes(32)).root != tree(content, seed=bytes(31) + b"\1").root


def test_a_seed_that_is_too_short_is_refused() -> None:
    with pytest.raises(Invalid, match="32 bytes"):
        TreeBuilder(bytes(31), [])


MADE = packets(clip(frames=30, b_frames=1))
ROOT = tree_of(*MADE, seed=SEED).root


@settings(deadline=None)
@given(st.data())
def test_a_flipped_bit_of_a_picture_changes_the_root(data: st.DataObject) -> None:
    tracks, found = MADE
    number = data.draw(st.integers(0, len(found) - 1))
    track, body, pts, dts, key = found[number]
    byte = data.draw(st.integers(5, len(body) - 2))
    flipped = bytearray(body)
    flipped[byte] ^= 1 << data.draw(st.integers(0, 7))
    changed = [*found[:number], (track, bytes(flipped), pts, dts, key), *found[number + 1 :]]
    assert tree_of(tracks, changed, seed=SEED).root != ROOT


@settings(deadline=None)
@given(
    st.integers(0, 28),
    st.sampled_from(["swapped", "dropped", "repeated", "later by a tick", "decoded later"]),
)
def test_a_change_of_order_or_time_changes_the_root(at: int, change: str) -> None:
    tracks, found = MADE
    changed = list(found)
    track, body, pts, dts, key = found[at]
    if change == "swapped":
        changed[at], changed[at + 1] = (
            (track, found[at + 1][1], pts, dts, key),
            (*found[at + 1][:1], body, *found[at + 1][2:]),
        )
    elif change == "dropped":
        del changed[at]
    elif change == "repeated":
        changed.insert(at, found[at])
    elif change == "later by a tick":
        changed[at] = (track, body, pts + 1, dts, key)
    else:
        changed[at] = (track, body, pts, dts + 1, key)
    assert tree_of(tracks, changed, seed=SEED).root != ROOT


SPS, PPS = second_media_tree.configured("h264", MADE[0][0].extradata)[1]
UNIT = st.one_of(
    st.sampled_from([SPS, PPS, PPS[:-1] + b"\x55", b"\x09\xf0", b"\x0c\xff", b"\x68", b"\x67\x64"]),
    st.builds(
        lambda kind, body: bytes([0x60 | kind]) + body,
        st.sampled_from([1, 1, 5, 6, 7, 8, 10, 11, 19]),
        st.binary(max_size=12).map(lambda b: b.replace(b"\0\0", b"\0\2") + b"\x80"),
    ),
)
PACKET = st.one_of(
    st.lists(UNIT, max_size=4).map(lambda units: b"".join(len(u).to_bytes(4, "big") + u for u in units)),
    st.binary(max_size=9),
)
TIME = st.one_of(st.none(), st.integers(-(2**62), 2**62))


@settings(deadline=None)
@given(st.lists(st.tuples(st.just(0), PACKET, TIME, TIME, st.booleans()), max_size=12))
@example(
    [  # a set that changes and changes back between two pictures
        (0, b"\0\0\0\2\x68\x80", None, None, False),
        (0, bytes(9), None, None, False),
        (0, b"\0\0\0\6\x68\xeb\xe3\xcb\x22\xc0\0\0\0\2\x68\x80", None, None, False),
        (0, b"\0", None, None, False),
    ]
)
def test_both_implementations_agree_whatever_comes(found: list[Any]) -> None:
    tracks = [Track("video", "h264", (1, 90000), MADE[0][0].extradata)]
    found = [packet for packet in found if packet[1]]
    assert tree_of(tracks, found, seed=SEED).root == second(tracks, found)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.just(0), st.binary(min_size=1, max_size=4), TIME, TIME, st.booleans()), max_size=12)
)
def test_both_implementations_agree_on_sound(found: list[Any]) -> None:
    tracks = [Track("audio", "aac", (1, 8), b"\x11\x90")]
    assert tree_of(tracks, found, seed=SEED).root == second(tracks, found)


def test_a_delimiter_and_filler_do_not_count_and_sei_does() -> None:
    tracks, found = MADE
    track, body, *rest = found[3]

    def with_unit(unit: bytes) -> bytes:
        changed = [*found[:3], (track, len(unit).to_bytes(4, "big") + unit + body, *rest), *found[4:]]
        return tree_of(tracks, changed, seed=SEED).root

    assert with_unit(b"\x09\xf0") == ROOT
    assert with_unit(b"\x0c\xff\xff") == ROOT
    assert with_unit(b"\x06\x05\x01a\x80") != ROOT


def test_sound_is_cut_into_seconds() -> None:
    tracks = [Track("audio", "aac", (1, 48000), b"\x11\x90")]
    found = [(0, b"x", n * 1024, n * 1024, True) for n in range(470)]
    assert tree_of(tracks, found).units == (10,)


def test_what_is_kept_does_not_grow_with_the_packets() -> None:
    builder = TreeBuilder(SEED, [Track("video", "h264", (1, 25), MADE[0][0].extradata)])
    body = b"\0\0\x40\0" + b"\x41" + bytes(range(1, 256)) * 64 + b"\1" * 63
    for number in range(2000):
        builder.add(0, body, pts=number, dts=number, key=False)
    assert builder.finish().units == (1,)
    assert len(builder.finish().leaves) == 64
