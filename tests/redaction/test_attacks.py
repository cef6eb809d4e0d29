"""Is each way to change a release caught, and the changed part named? H.264 and H.265, in mp4 and packed again as mkv."""

from __future__ import annotations

import random
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from releases import decoded, film, release
from tampering import (
    Piece,
    at_path,
    bodies_given,
    box,
    group,
    index_changed,
    packed,
    pictures,
    signed_again,
    unchanged,
)

from lapel.redaction.verify_folder import verify_folder

# In every film: five groups of ten pictures at 25 a second; group 2 holds a face; a name is muted in second 0 and 1.
STSD = (b"trak", b"mdia", b"minf", b"stbl", b"stsd")
Pieces = list[Piece]


@pytest.fixture(scope="module", params=["libx264", "libx265"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    place = tmp_path_factory.mktemp(request.param)
    out, verdict = release(film(request.param), place)
    assert verdict.status == 8, str(verdict)
    return request.param, out


@pytest.fixture
def out(made: tuple[str, Path], tmp_path: Path) -> Path:
    shutil.copytree(made[1], tmp_path / "release")
    return tmp_path / "release"


def wrong(out: Path, content: bytes | None = None) -> str:
    if content is not None:
        (out / "clip-1.mp4").write_bytes(content)
    verdict = verify_folder(out)
    assert verdict.status == 90, str(verdict)
    assert not verdict.proved
    return verdict.wrong[0]


def groups_swapped(pieces: Pieces) -> Pieces:
    third, fourth = group(pieces, 3), group(pieces, 4)
    taken = [pieces[n].body for n in third], [pieces[n].body for n in fourth]
    return bodies_given(bodies_given(pieces, third, taken[1]), fourth, taken[0])


def group_repeated(pieces: Pieces) -> Pieces:
    """Group 3 again in place of group 4."""
    return bodies_given(pieces, group(pieces, 4), [pieces[n].body for n in group(pieces, 3)])


def group_appended(pieces: Pieces) -> Pieces:
    step = pieces[group(pieces, 4)[0]].pts - pieces[group(pieces, 3)[0]].pts
    again = [pieces[n] for n in group(pieces, 4)]
    return [*pieces, *(replace(one, pts=one.pts + step, dts=one.dts + step) for one in again)]


def group_dropped(pieces: Pieces) -> Pieces:
    gone = set(group(pieces, 3))
    return [one for n, one in enumerate(pieces) if n not in gone]


def first_group_dropped(pieces: Pieces) -> Pieces:
    gone = set(group(pieces, 0))
    return [one for n, one in enumerate(pieces) if n not in gone]


def last_picture_dropped(pieces: Pieces) -> Pieces:
    last = pictures(pieces)[-1]
    return pieces[:last] + pieces[last + 1 :]


def picture_moved(pieces: Pieces) -> Pieces:
    """The second picture of group 3 and that of group 4 change places."""
    one, other = group(pieces, 3)[1], group(pieces, 4)[1]
    return bodies_given(pieces, [one, other], [pieces[other].body, pieces[one].body])


def bit_flipped_in_a_copied_picture(pieces: Pieces) -> Pieces:
    at = group(pieces, 3)[4]
    body = bytearray(pieces[at].body)
    body[-3] ^= 4
    return bodies_given(pieces, [at], [bytes(body)])


def bit_flipped_in_a_redacted_picture(pieces: Pieces) -> Pieces:
    at = group(pieces, 2)[4]
    body = bytearray(pieces[at].body)
    body[-3] ^= 4
    return bodies_given(pieces, [at], [bytes(body)])


def later_picture(pieces: Pieces) -> Pieces:
    at = pictures(pieces)[-1]
    one = replace(pieces[at], pts=pieces[at].pts + 80, dts=pieces[at].dts + 80)
    return [*pieces[:at], one, *pieces[at + 1 :]]


def picture_track_later(pieces: Pieces) -> Pieces:
    return [replace(one, pts=one.pts + 512, dts=one.dts + 512) if one.track == 0 else one for one in pieces]


def sound_later(pieces: Pieces) -> Pieces:
    """By ten milliseconds."""
    return [replace(one, pts=one.pts + 80, dts=one.dts + 80) if one.track else one for one in pieces]


def sound_packet_dropped(pieces: Pieces) -> Pieces:
    last = max(n for n, one in enumerate(pieces) if one.track)
    return pieces[:last] + pieces[last + 1 :]


def silence_elsewhere(pieces: Pieces) -> Pieces:
    """The silent packet that the release brings along is put in the place of sound that was copied."""
    silent = min((one.body for one in pieces if one.track), key=len)
    last = max(n for n, one in enumerate(pieces) if one.track)
    return bodies_given(pieces, [last], [silent])


def sound_put_back(pieces: Pieces) -> Pieces:
    silent = min((one.body for one in pieces if one.track), key=len)
    heard = next(one.body for one in reversed(pieces) if one.track)
    return [replace(one, body=heard) if one.body == silent else one for one in pieces]


def note_added(pieces: Pieces) -> Pieces:
    """Supplemental information, as a camera or an encoder writes it."""
    at = group(pieces, 3)[2]
    note = b"\x06\x05\x04abcd\x80"
    return bodies_given(pieces, [at], [len(note).to_bytes(4, "big") + note + pieces[at].body])


def note_added_hevc(pieces: Pieces) -> Pieces:
    at = group(pieces, 3)[2]
    note = b"\x4e\x01\x05\x04abcd\x80"
    return bodies_given(pieces, [at], [len(note).to_bytes(4, "big") + note + pieces[at].body])


PACKETS: list[tuple[Callable[[Pieces], Pieces], str]] = [
    (groups_swapped, "picture group 3"),
    (group_repeated, "picture group 4"),
    (group_appended, "belong to no group"),
    (group_dropped, "picture group 3"),
    (first_group_dropped, "group 0"),
    (last_picture_dropped, "picture group 4"),
    (picture_moved, "picture group 3"),
    (bit_flipped_in_a_copied_picture, "picture group 3 (from 1.200 s): it is declared copied"),
    (bit_flipped_in_a_redacted_picture, "picture group 2 (from 0.800 s): it is declared redacted"),
    (later_picture, "picture group 4"),
    (picture_track_later, "group 0"),
    (sound_later, "sound group 0"),
    (sound_packet_dropped, "sound group"),
    (silence_elsewhere, "sound group"),
    (sound_put_back, "a packet that is declared silent is not"),
]


@pytest.mark.parametrize("container", ["mp4", "matroska"])
@pytest.mark.parametrize(("attack", "named"), PACKETS, ids=[attack.__name__ for attack, _ in PACKETS])
def test_packets_that_are_not_as_delivered_are_named(
    out: Path, attack: Callable[[Pieces], Pieces], named: str, container: str
) -> None:
    assert named in wrong(out, packed((out / "clip-1.mp4").read_bytes(), attack, container))


@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_a_note_inside_the_picture_stream_is_named(made: tuple[str, Path], out: Path, container: str) -> None:
    attack = note_added if made[0] == "libx264" else note_added_hevc
    content = packed((out / "clip-1.mp4").read_bytes(), attack, container)
    assert "picture group 3" in (said := wrong(out, content))
    assert "supplemental information" in said


@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_a_parameter_set_given_anew_in_the_stream_is_caught(
    made: tuple[str, Path], out: Path, container: str
) -> None:
    """The payload stays what it was; only what it is decoded with changes."""
    content = (out / "clip-1.mp4").read_bytes()
    record = b"avcC" if made[0] == "libx264" else b"hvcC"
    at = content.index(record) + 4
    body = content[at : at - 8 + int.from_bytes(content[at - 8 : at - 4], "big")]
    start = (
        body.index(b"\x68", 8) if made[0] == "libx264" else body.index(b"\x44\x01")
    )  # the first set of pictures
    size = int.from_bytes(body[start - 2 : start], "big")
    pps = bytearray(body[start : start + size])
    pps[-1] ^= 0x10

    def redefined(pieces: Pieces) -> Pieces:
        first = group(pieces, 4)[0]
        unit = len(pps).to_bytes(4, "big") + bytes(pps)
        return bodies_given(pieces, [first], [unit + pieces[first].body])

    said = wrong(out, packed(content, redefined, container))
    assert "picture group 4" in said
    assert "parameter set" in said


def test_a_byte_of_the_configuration_is_caught(made: tuple[str, Path], out: Path) -> None:
    entry, record = (b"avc1", b"avcC") if made[0] == "libx264" else (b"hev1", b"hvcC")

    def changed(body: bytes) -> bytes:
        at = len(body) // 2
        return body[:at] + bytes([body[at] ^ 2]) + body[at + 1 :]

    content = index_changed(
        (out / "clip-1.mp4").read_bytes(), lambda index: at_path(index, (*STSD, entry, record), changed)
    )
    wrong(out, content)


def an_edit_that_cuts(index: bytes) -> bytes:
    cut = box(b"edts", box(b"elst", bytes(7) + b"\1" + (1000).to_bytes(4, "big") + (5120).to_bytes(4, "big") + b"\0\1\0\0"))  # fmt: skip
    return at_path(index, (b"trak",), lambda body: body + cut)


def a_second_description(index: bytes) -> bytes:
    return at_path(index, STSD, lambda body: bytes(7) + b"\2" + body[8:] * 2)


def an_extra_track(index: bytes) -> bytes:
    start = index.index(b"trak") - 4
    return index + index[start : start + int.from_bytes(index[start : start + 4], "big")]


def a_track_for_places(index: bytes) -> bytes:
    """Says that it is telemetry."""
    return at_path(index, (b"trak", b"mdia", b"hdlr"), lambda body: body.replace(b"vide", b"meta"))


def a_name(index: bytes) -> bytes:
    return index + box(b"udta", box(b"\xa9nam", b"\0\4\x55\xc4name"))


def a_date(index: bytes) -> bytes:
    return at_path(index, (b"mvhd",), lambda body: body[:4] + (3_900_000_000).to_bytes(8, "big") + body[12:])


def a_language(index: bytes) -> bytes:
    return at_path(index, (b"trak", b"mdia", b"mdhd"), lambda body: body[:-4] + b"\x15\xc7\0\0")


def turned(index: bytes) -> bytes:
    quarter = b"".join(n.to_bytes(4, "big", signed=True) for n in (0, 1 << 16, 0, -1 << 16, 0, 0, 48 << 16, 0, 1 << 30))  # fmt: skip
    return at_path(index, (b"trak", b"tkhd"), lambda body: body[:-44] + quarter + body[-8:])


def switched_off(index: bytes) -> bytes:
    return at_path(index, (b"trak", b"tkhd"), lambda body: body[:3] + b"\2" + body[4:])


def at_double_speed(index: bytes) -> bytes:
    def faster(body: bytes) -> bytes:
        place = body.index(b"stts") + 12
        return body[: place + 4] + b"\0\0\0\1" + body[place + 8 :]

    return at_path(index, (b"trak", b"mdia", b"minf"), faster)


def another_size(index: bytes) -> bytes:
    return at_path(index, STSD, lambda body: body[:40] + b"\0\x20\0\x20" + body[44:])


def fragments(index: bytes) -> bytes:
    return index + box(b"mvex", box(b"trex", bytes(24)))


INDEXES: list[tuple[Callable[[bytes], bytes], str]] = [
    (an_edit_that_cuts, "an edit list hides"),
    (a_second_description, "more than one description"),
    (an_extra_track, "two packets share bytes"),
    (a_track_for_places, "neither picture nor sound"),
    (a_name, "holds a box"),
    (a_date, "when the file was made"),
    (a_language, "a language"),
    (turned, "turned another way"),
    (switched_off, "switched off"),
    (at_double_speed, "from its time"),
    (another_size, "another size"),
    (fragments, "“moov” holds a box “mvex”"),
]


@pytest.mark.parametrize(("attack", "named"), INDEXES, ids=[attack.__name__ for attack, _ in INDEXES])
def test_an_index_that_says_more_or_other_than_the_render_is_named(
    out: Path, attack: Callable[[bytes], bytes], named: str
) -> None:
    assert named in wrong(out, index_changed((out / "clip-1.mp4").read_bytes(), attack))


def test_bytes_that_belong_to_nothing_are_named(out: Path) -> None:
    content = (out / "clip-1.mp4").read_bytes()
    assert "a box “uuid” that no render has" in wrong(out, content + box(b"uuid", bytes(32)))
    assert "a box “moof”" in wrong(out, content + box(b"moof", b""))
    assert "belong to no packet" in wrong(out, content + box(b"mdat", b"hello"))
    free = content.index(b"free") + 40
    assert "free space" in wrong(out, content[:free] + b"hello" + content[free + 5 :])
    assert "ends inside a box" in wrong(out, content + b"\0\0")
    assert "neither an mp4 nor" in wrong(out, b"not a film at all")


def test_a_matroska_file_with_more_in_it_is_named(out: Path) -> None:
    render = (out / "clip-1.mp4").read_bytes()
    whole = packed(render, unchanged, "matroska")
    segment = whole.index(b"\x18\x53\x80\x67") + 4

    def with_element(element: bytes) -> bytes:
        size = int.from_bytes(whole[segment + 1 : segment + 8], "big") + len(element)
        return whole[: segment + 1] + size.to_bytes(7, "big") + whole[segment + 8 :] + element

    assert "1941a469" in wrong(out, with_element(b"\x19\x41\xa4\x69\x81\0"))
    assert "or there twice" in wrong(out, with_element(b"\x12\x54\xc3\x67\x80"))
    assert "free space" in wrong(out, with_element(b"\xec\x81x"))
    assert "one film and nothing else" in wrong(out, whole + whole)
    assert "cannot be read" in wrong(out, whole + b"\0")
    title = packed(render, unchanged, "matroska", metadata={"title": "where it was"})
    assert "that no render has" in wrong(out, title)
    assert "tracks, and the manifest" in wrong(out, packed(render, unchanged, "matroska", twice=True))


def test_a_release_packed_as_matroska_is_accepted_under_either_name(out: Path) -> None:
    whole = packed((out / "clip-1.mp4").read_bytes(), unchanged, "matroska")
    (out / "clip-1.mp4").write_bytes(whole)
    verdict = verify_folder(out)
    assert verdict.status == 8, str(verdict)
    assert "thousandth of a second" in str(verdict)
    (out / "clip-1.mp4").rename(out / "clip-1.mkv")
    assert verify_folder(out).status == 8


def test_what_lies_beside_the_release_is_no_part_of_it(out: Path) -> None:
    (out / "clip-2.mp4").write_bytes(b"a picture of somebody")
    assert "clip-2.mp4 lies in the folder and is no part of the release" in str(verify_folder(out))


def groups(claim: Any, track: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = claim["clips"][0]["tracks"][track]["groups"]
    return found


def redacted_as_copied(claim: Any) -> None:
    one = groups(claim, 0)[2]
    for name in ("payload", "why", "hides"):
        del one[name]
    one.update({"is": "copied", "key": "00" * 16, "dts": one["pts"]})


def copied_as_redacted(claim: Any) -> None:
    one = groups(claim, 0)[3]
    del one["key"], one["dts"]
    one.pop("rest", None)
    one.update({"is": "redacted", "why": "hide", "hides": [], "payload": "00" * 32})


def times_changed(claim: Any) -> None:
    groups(claim, 0)[3]["start"] = str(int(groups(claim, 0)[3]["start"]) + 1)


def another_key(claim: Any) -> None:
    groups(claim, 0)[3]["key"] = "11" * 16


def leaf_left_out(claim: Any) -> None:
    groups(claim, 0).pop()


def sound_said_copied(claim: Any) -> None:
    for one in groups(claim, 1):
        for packet in one.get("packets", []):
            if packet[0] == "s":
                packet[:] = ["c", "22" * 16]


def header_of_another_size(claim: Any) -> None:
    clip = claim["clips"][0]
    clip["header"] = clip["header"].replace('"width":64', '"width":66')


def track_left_out(claim: Any) -> None:
    track = claim["clips"][0]["tracks"][1]
    leaves = "".join(one["leaf"] for one in track["groups"])
    claim["clips"][0]["tracks"][1] = {"track": 1, "left_out": "for no reason", "leaves": leaves}


def every_time_later(claim: Any) -> None:
    claim["clips"][0]["shift"] = [-1, 25]


CLAIMS: list[tuple[Callable[[Any], None], str]] = [
    (redacted_as_copied, "picture group 2"),
    (copied_as_redacted, "picture group 3"),
    (times_changed, "picture group 3"),
    (another_key, "picture group 3"),
    (leaf_left_out, "had 5 groups, the manifest 4"),
    (sound_said_copied, "sound group 0"),
    (header_of_another_size, "another size"),
    (track_left_out, "it has 2 tracks, and the manifest 1"),
    (every_time_later, "group 0"),
]


@pytest.mark.parametrize(("claim", "named"), CLAIMS, ids=[claim.__name__ for claim, _ in CLAIMS])
def test_a_manifest_that_claims_what_is_not_so_is_caught_whoever_signs(
    out: Path, claim: Callable[[Any], None], named: str
) -> None:
    signed_again(out, claim)
    assert named in wrong(out)


def test_a_signature_of_another_key_is_caught(out: Path) -> None:
    manifest, signature = (out / "manifest.json").read_bytes(), (out / "manifest.sig").read_text()
    (out / "manifest.json").write_bytes(manifest.replace(b'"box":[', b'"box":[1', 1))
    assert "not what was signed" in wrong(out)
    (out / "manifest.json").write_bytes(manifest)
    signed_again(out, lambda claim: None)
    (out / "manifest.json").write_bytes(manifest)
    assert "not what was signed" in wrong(out)
    (out / "manifest.sig").write_text(signature.replace("v1", "v2"))
    assert "cannot be read" in wrong(out)


@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_a_flipped_bit_verifies_only_where_it_changes_nothing_that_is_shown(
    made: tuple[str, Path], out: Path, container: str
) -> None:
    if made[0] == "libx264" and container == "mp4":
        pytest.skip("test_release flips this one")
    render = (out / "clip-1.mp4").read_bytes()
    whole = packed(render, unchanged, container)
    shown = decoded(whole)
    used = [n for n in range(len(whole)) if whole[max(0, n - 64) : n + 64] != bytes(128)]
    # Half of the bits in front of and behind the pictures, where a file says how they are to be shown.
    edge = [n for n in used if n < 1400 or n > len(whole) - 700]
    chance = random.Random(container)
    for number in range(120):
        at = chance.choice(edge if number % 2 else used)
        changed = bytearray(whole)
        changed[at] ^= 1 << chance.randrange(8)
        (out / "clip-1.mp4").write_bytes(changed)
        if verify_folder(out).status != 90:
            assert decoded(bytes(changed)) == shown, f"byte {at}"
