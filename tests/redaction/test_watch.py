"""Does a watch over odd pictures (turned, of changing size, without end) keep places, looks and memory in order?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from lapel.redaction.detector import Model, Seen
from lapel.redaction.follow import Following, Path
from lapel.redaction.network import Picture
from lapel.redaction.watch import MOST_KEPT, Cadence, Task, Watch, turned_back

SIDE = 40


class Bright:
    """A double that sees the bright square, everywhere or around the places that it is given."""

    kind: Any = "face"
    models: Sequence[Model] = ()

    def __init__(self) -> None:
        self.sizes: list[tuple[int, ...]] = []
        self.nears = 0
        self.made: list[tuple[int, int]] = []

    def look(self, picture: Picture, floor: float) -> Seen:
        self.sizes.append(picture.shape[:2])
        rows, columns = np.nonzero(picture[..., 0] > 200)
        if not len(rows):
            return np.zeros((0, 5), np.float32)
        return np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1, 0.9]], np.float32)

    def near(self, picture: Picture, places: np.ndarray, floor: float) -> Seen:
        self.nears += 1
        seen = self.look(picture, floor)
        assert len(places) == 1
        assert np.abs(places[0, :4] - seen[0, :4]).max() < 8, (
            "it is asked where the square is, as it sees the picture"
        )
        return seen


def pictures(sizes: Sequence[tuple[int, int]], step: int = 2) -> Iterator[tuple[int, Any]]:
    """A bright square that goes right over grain; half as large in a picture half as large."""
    grain = np.random.default_rng(1).integers(60, 120, (240, 320, 1)).astype(np.uint8).repeat(3, axis=2)
    for n, (width, height) in enumerate(sizes):
        drawn = grain.copy()
        drawn[100 : 100 + SIDE, 60 + step * n : 60 + step * n + SIDE] = 250
        drawn[110:120, 70 + step * n : 85 + step * n] = 205
        frame = av.VideoFrame.from_ndarray(drawn[:: 240 // height, :: 320 // width], format="rgb24")
        yield n, frame.reformat(format="yuv420p")


def watched(detector: Bright, frames: Sequence[tuple[int, Any]], rate: int = 25, turn: int = 0) -> list[Path]:
    context = SimpleNamespace(width=320, height=240)
    packets = []
    for n, frame in frames:
        frame.pts, frame.time_base = n, Fraction(1, rate)
        packets.append(SimpleNamespace(decode=lambda one=frame: [one]))
    container = SimpleNamespace(demux=lambda _stream: packets)
    paths: list[Path] = []
    watch = Watch(SimpleNamespace(codec_context=context))
    task = Task(detector, Cadence(400_000, 10.0), Following(), detector, Cadence(160_000, 10.0))

    def made(width: int, height: int) -> Sequence[Task]:
        detector.made.append((width, height))
        return [task]

    watch.run(container, made, lambda _kind, path: paths.append(path))
    return paths


def test_a_clip_whose_pictures_change_their_size_keeps_its_places() -> None:
    detector = Bright()
    (path,) = watched(detector, list(pictures([(320, 240)] * 12 + [(160, 120)] * 12 + [(320, 240)] * 12)))
    assert set(detector.sizes) == {(240, 320)}
    assert detector.nears > 4
    assert np.allclose(path.keys[0][1], (60, 100, 100, 140), atol=3)
    assert np.allclose(path.keys[-1][1], (130, 100, 170, 140), atol=3)


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_in_a_turned_clip_it_looks_around_the_places_as_the_upright_picture_has_them(
    turn: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lapel.redaction.watch.clockwise", lambda _frame: turn)
    detector = Bright()
    (path,) = watched(detector, list(pictures([(320, 240)] * 24)))
    assert detector.nears > 2
    assert set(detector.sizes) == {(240, 320) if turn == 180 else (320, 240)}
    assert np.allclose(path.keys[-1][1], (60 + 46, 100, 100 + 46, 140), atol=3)


def test_a_clip_that_turns_in_the_middle_is_looked_at_upright_by_detectors_of_that_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns = iter([0] * 3 + [90] * 500)
    monkeypatch.setattr("lapel.redaction.watch.clockwise", lambda _frame: next(turns))
    detector = Bright()
    (path,) = watched(detector, list(pictures([(320, 240)] * 36)))
    assert set(detector.sizes) == {(240, 320), (320, 240)}
    assert set(detector.made) == {(320, 240), (240, 320)}
    assert np.allclose(path.keys[-1][1], (60 + 70, 100, 100 + 70, 140), atol=3)


def test_without_anything_to_look_for_it_runs_through() -> None:
    frame = next(pictures([(320, 240)]))[1]
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    watch = Watch(SimpleNamespace(codec_context=SimpleNamespace(width=320, height=240)))
    packets = [SimpleNamespace(decode=lambda: [frame])]
    watch.run(SimpleNamespace(demux=lambda _s: packets), lambda _w, _h: [], lambda _k, _p: None)
    assert (watch.frames, watch.looks) == (1, {})


def test_however_many_pictures_a_second_no_more_than_so_many_are_kept() -> None:
    detector = Bright()
    watched(detector, list(pictures([(320, 240)] * (3 * MOST_KEPT), step=0)), rate=2000)
    wholes = len(detector.sizes) - detector.nears
    assert wholes >= 3


def test_places_turned_and_turned_back_are_the_same() -> None:
    box = np.array([[10, 3, 18, 7, 1]], np.float32)
    for turn in (90, 180, 270):
        size = (40, 20) if turn == 180 else (20, 40)
        upright = turned_back(box, -turn % 360, *size)
        assert turned_back(upright, turn, 40, 20).tolist() == box.tolist()
