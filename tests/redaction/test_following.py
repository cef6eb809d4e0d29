"""Is what a detector saw now and then hidden in every frame in between?"""

from __future__ import annotations

import numpy as np

from lapel.redaction.detector import apart, share
from lapel.redaction.follow import Follower, Following, few
from lapel.redaction.watch import Cadence, turned_back

STEP = 4  # px, right and down, from each frame to the next


def seen(*boxes: tuple[float, ...]) -> np.ndarray:
    return np.array(boxes, np.float32).reshape(-1, 5)


def step(follower: Follower, n: int) -> None:
    """Frame `n` of a picture that moves evenly."""
    follower.step(n * 40_000, follower.places + STEP)


def there(begins: int, n: int) -> tuple[float, ...]:
    """Where a thing that began at this place is seen in frame `n`."""
    at = begins + STEP * n
    return at, at, at + 40, at + 40, 0.9


def look(follower: Follower, boxes: np.ndarray, *, whole: bool = True) -> None:
    back = [boxes[:, :4] - STEP * n for n in reversed(range(follower.frames))]
    follower.look(boxes, back, whole=whole)


def test_a_box_that_moves_with_the_picture_is_one_path_through_all_frames() -> None:
    follower = Follower(Following(), 640, 640)
    for n in range(13):
        step(follower, n)
        if n % 6 == 0:
            look(follower, seen((100 + 4 * n, 100 + 4 * n, 140 + 4 * n, 140 + 4 * n, 0.9)))
    (path,) = follower.finish()
    assert (path.keys[0][0], path.keys[-1][0], path.looks) == (0, 480_000, 3)
    assert np.allclose(path.keys[-1][1], (148, 148, 188, 188))


def test_what_is_seen_once_is_hidden_before_it_was_seen_and_after() -> None:
    follower = Follower(Following(), 640, 640)
    for n in range(19):
        step(follower, n)
        if n % 6 == 0:
            look(follower, seen((300, 300, 340, 340, 0.4)) if n == 6 else seen())
    (path,) = follower.finish()
    assert (path.keys[0][0], path.keys[-1][0]) == (0, 12 * 40_000)
    assert np.allclose(path.keys[0][1][:2], (276, 276))


def test_two_things_side_by_side_stay_two() -> None:
    follower = Follower(Following(), 640, 640)
    for n in range(7):
        step(follower, n)
        if n % 6 == 0:
            at = 4 * n
            look(follower, seen((50 + at, 50, 90 + at, 90, 0.9), (100 + at, 50, 140 + at, 90, 0.8)))
    assert len(follower.finish()) == 2


def test_what_a_look_around_finds_anew_was_there_since_the_last_look_at_the_whole() -> None:
    follower = Follower(Following(), 640, 640)
    for n in range(13):
        step(follower, n)
        known, new = there(100, n), there(300, n)
        if n in (0, 12):
            look(follower, seen(known, new) if n else seen(known))
        elif n in (4, 8):
            look(follower, seen(known, new) if n == 8 else seen(known), whole=False)
    first, second = follower.finish()
    assert (first.looks, second.looks) == (4, 2)
    assert second.keys[0][0] == 0
    assert np.allclose(second.keys[0][1], (300, 300, 340, 340))


def test_what_a_look_around_misses_is_followed_to_there_and_goes_on_when_it_is_seen_again() -> None:
    follower = Follower(Following(), 640, 640)
    for n in range(13):
        step(follower, n)
        if n in (0, 12):
            look(follower, seen(there(100, n)))
        elif n == 6:
            look(follower, seen(), whole=False)
    (path,) = follower.finish()
    assert (path.looks, path.keys[0][0], path.keys[-1][0]) == (2, 0, 480_000)


def test_few_places_draw_the_same_line() -> None:
    places = [np.array([n * 10, 0, n * 10 + 50, 50], np.float32) for n in range(9)]
    assert len(few(list(range(9)), places)) == 2
    places[4] = places[4] + 30
    assert len(few(list(range(9)), places)) > 2


def test_the_detector_looks_more_often_the_more_the_picture_moves() -> None:
    cadence = Cadence()
    assert not cadence.due(400_000, 0.0)
    assert cadence.due(400_000, 0.12)
    assert cadence.due(960_000, 0.0)


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
