"""Are places followed through real movement of pictures, forward and back, and is a strange picture no movement?"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from lapel.redaction.motion import LOST_SHARE, Motion

NONE = np.zeros((0, 4), np.float32)


def scene(width: int, height: int, seed: int = 3) -> np.ndarray:
    grain = np.random.default_rng(seed).integers(0, 255, (height, width)).astype(np.uint8)
    return np.asarray(
        cv2.normalize(cv2.GaussianBlur(grain, (0, 0), 6), None, 0, 255, cv2.NORM_MINMAX), np.uint8
    )


def frame(grey: np.ndarray) -> Any:
    """A decoded frame as far as `motion` looks at one: its lines are longer in memory than the picture is wide."""
    height, width = grey.shape
    line = -(-width // 64) * 64
    plane = np.zeros((height, line), np.uint8)
    plane[:, :width] = grey

    class Plane(bytes):
        line_size = line

    return SimpleNamespace(
        width=width, height=height, format=SimpleNamespace(name="yuv420p"), planes=[Plane(plane.tobytes())]
    )


@pytest.mark.parametrize("size", [(320, 240), (1920, 1080), (2880, 1620)])
def test_places_go_with_the_picture_and_come_back(size: tuple[int, int]) -> None:
    wide = scene(size[0] + 200, size[1])
    motion, place = Motion(*size), np.array([[150, 100, 210, 180]], np.float32)
    there = place
    for n in range(6):
        there, unrest = motion.step(frame(wide[:, 100 - 8 * n : 100 - 8 * n + size[0]]), there)
    assert np.allclose(there, place + np.array([40, 0, 40, 0]), atol=2)
    assert unrest == pytest.approx(8 / max(size), rel=0.2)
    back = motion.back(there, 6)
    assert len(back) == 6
    assert np.allclose(back[0], place, atol=3)


def test_a_thing_that_moves_alone_is_followed_and_the_picture_counts_as_still() -> None:
    ground, thing = scene(640, 360), scene(80, 80, seed=8)
    motion, there = Motion(640, 360), np.array([[100, 100, 180, 180], [400, 200, 460, 260]], np.float32)
    for n in range(5):
        drawn = ground.copy()
        drawn[100:180, 100 + 6 * n : 180 + 6 * n] = thing
        there, unrest = motion.step(frame(drawn), there)
    assert np.allclose(there[0], (124, 100, 204, 180), atol=2)
    assert np.allclose(there[1], (400, 200, 460, 260), atol=0.5)
    assert unrest < 0.001


def test_after_a_cut_the_picture_counts_as_moved() -> None:
    motion = Motion(640, 360)
    motion.step(frame(scene(640, 360)), NONE)
    _, unrest = motion.step(frame(scene(640, 360, seed=99)), NONE)
    assert unrest >= LOST_SHARE


@pytest.mark.parametrize("dark_first", [True, False])
def test_after_a_cut_out_of_the_dark_or_into_it_it_is_time_to_look(dark_first: bool) -> None:
    motion, dark, light = Motion(640, 360), np.zeros((360, 640), np.uint8), scene(640, 360)
    motion.step(frame(dark if dark_first else light), NONE)
    assert motion.step(frame(light if dark_first else dark), NONE)[1] == 1.0
    assert motion.step(frame(light if dark_first else dark), NONE)[1] == pytest.approx(0.0, abs=1e-3)


def test_a_thin_picture_has_its_places_where_they_are() -> None:
    motion, place = Motion(4000, 20), np.array([[100, 2, 140, 18]], np.float32)
    thin = scene(4000, 20)
    for _ in range(4):
        there, _ = motion.step(frame(thin), place)
    assert np.allclose(there, place, atol=1)


def test_in_a_flat_picture_nothing_moves_and_nothing_is_lost_on_the_way() -> None:
    motion, place = Motion(320, 240), np.array([[10, 10, 60, 60]], np.float32)
    for _ in range(3):
        there, _ = motion.step(frame(np.full((240, 320), 90, np.uint8)), place)
    assert np.isfinite(there).all()


def test_a_picture_of_another_size_counts_as_the_same_one_scaled() -> None:
    wide = scene(340, 240)
    motion, there = Motion(320, 240), np.array([[100, 100, 160, 160]], np.float32)
    for n in range(4):
        moved = wide[:, 18 - 6 * n : 18 - 6 * n + 320]
        there, _ = motion.step(frame(np.ascontiguousarray(moved[::2, ::2]) if n > 1 else moved), there)
    assert np.allclose(there, (118, 100, 178, 160), atol=2)
    assert np.allclose(motion.back(there, 4)[0], (100, 100, 160, 160), atol=3)


def test_only_as_many_pictures_are_kept_as_are_asked_for() -> None:
    motion = Motion(320, 240)
    for _ in range(9):
        motion.step(frame(scene(320, 240)), NONE)
    motion.forget(4)
    assert motion.kept == 4
    assert len(motion.back(np.zeros((1, 4), np.float32), 9)) == 4
