"""Is what a detector saw now and then hidden in every frame in between?"""

from __future__ import annotations

import numpy as np

from lapel.redaction.detector import apart, share
from lapel.redaction.follow import Follower, Following, few
from lapel.redaction.motion import Field
from lapel.redaction.watch import Cadence, turned_back

SHIFT = Field(np.full((10, 10, 2), 4, np.float32), 64)


def seen(*boxes: tuple[float, ...]) -> np.ndarray:
    return np.array(boxes, np.float32).reshape(-1, 5)


def test_a_box_that_moves_with_the_picture_is_one_path_through_all_frames() -> None:
    follower = Follower(Following(), 640, 640)
    for n in range(13):
        follower.step(n * 40_000, SHIFT if n else None)
        if n % 6 == 0:
            follower.look(seen((100 + 4 * n, 100 + 4 * n, 140 + 4 * n, 140 + 4 * n, 0.9)))
    (path,) = follower.finish()
    assert (path.keys[0][0], path.keys[-1][0], path.looks) == (0, 480_000, 3)
    assert np.allclose(path.keys[-1][1], (148, 148, 188, 188))


def test_what_is_seen_once_is_hidden_before_it_was_seen_and_after() -> None:
    follower = Follower(Following(), 640, 640)
    for n in range(19):
        follower.step(n * 40_000, SHIFT if n else None)
        if n % 6 == 0:
            follower.look(seen((300, 300, 340, 340, 0.4)) if n == 6 else seen())
    (path,) = follower.finish()
    assert (path.keys[0][0], path.keys[-1][0]) == (0, 12 * 40_000)
    assert np.allclose(path.keys[0][1][:2], (276, 276))


def test_two_things_side_by_side_stay_two() -> None:
    follower = Follower(Following(), 640, 640)
    for n in range(7):
        follower.step(n * 40_000, SHIFT if n else None)
        if n % 6 == 0:
            at = 4 * n
            follower.look(seen((50 + at, 50, 90 + at, 90, 0.9), (100 + at, 50, 140 + at, 90, 0.8)))
    assert len(follower.finish()) == 2


def test_few_places_draw_the_same_line() -> None:
    places = [np.array([n * 10, 0, n * 10 + 50, 50], np.float32) for n in range(9)]
    assert len(few(list(range(9)), places)) == 2
    places[4] = places[4] + 30
    assert len(few(list(range(9)), places)) > 2


def test_the_detector_looks_more_often_the_more_the_picture_moves() -> None:
    cadence = Cadence()
    assert not cadence.due(200_000, 0.0)
    assert cadence.due(200_000, 0.06)
    assert cadence.due(480_000, 0.0)


def test_of_boxes_on_one_another_the_best_is_left() -> None:
    boxes = seen((0, 0, 10, 10, 0.5), (1, 0, 11, 10, 0.9), (50, 50, 60, 60, 0.3))
    assert apart(boxes, 0.3)[:, 4].tolist() == np.float32([0.9, 0.3]).tolist()
    assert share(boxes[:1, :4], boxes[:1, :4])[0, 0] == 1


def test_boxes_of_a_turned_picture_come_back_to_the_coded_one() -> None:
    width, height = 40, 20
    coded = np.zeros((height, width), np.uint8)
    coded[3:7, 10:18] = 1
    for turn in (0, 90, 180, 270):
        upright = np.rot90(coded, -turn // 90)
        rows, columns = np.nonzero(upright)
        box = seen((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1, 1))
        assert turned_back(box, turn, width, height)[0, :4].tolist() == [10, 3, 18, 7]
