"""Do the detectors keep to the laws, and does each law tell a detector that breaks it? LAPEL_TEST_FACES: own weights to try."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "footage"))

import av
import detector_suite as suite
from detector_suite import LAWS, Sight
from footage_clips import installed

from lapel.redaction.centerface import CenterFace
from lapel.redaction.detector import Model, Seen, common, share
from lapel.redaction.narrowing import Narrowing
from lapel.redaction.network import Picture, Runtime
from lapel.redaction.plates import Plates

OWN = os.environ.get("LAPEL_TEST_FACES")


@pytest.fixture(scope="module")
def face() -> Sight:
    """The first picture of a well-known test clip: a man in a car, his face in the middle."""
    import io

    with av.open(io.BytesIO(installed("carphone_pristine.mp4"))) as box:
        picture = np.asarray(next(box.decode(video=0)).to_ndarray(format="rgb24"), np.uint8)
    return Sight(picture, (60, 25, 115, 100))


@pytest.fixture(scope="module")
def plate() -> Sight:
    """A plate drawn on a dark car."""
    picture = np.full((240, 480, 3), (60, 70, 90), np.uint8)
    cv2.rectangle(picture, (150, 100), (330, 160), (240, 240, 235), -1)
    cv2.putText(picture, "7FRK971", (158, 144), cv2.FONT_HERSHEY_SIMPLEX, 1.3, (20, 20, 60), 4)
    return Sight(picture, (150, 100, 330, 160))


def centerface(runtime: Runtime | None, weights: Path | None = None) -> suite.Made:
    licence = "as the agency says" if weights else ""
    return lambda width, height: CenterFace(width, height, runtime=runtime, weights=weights, licence=licence)


@cache
def kept(runtime: Runtime) -> suite.Made:
    """Loading a network costs more than a look: one for each size is enough where two need not agree."""
    return cache(centerface(runtime))


@cache
def plates(width: int, height: int) -> Plates:
    return Plates(width, height)


@pytest.mark.parametrize("law", LAWS, ids=[law.__name__ for law in LAWS])
@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_faces_are_found_by_the_laws(law: Callable[..., None], runtime: Runtime, face: Sight) -> None:
    fresh = law is suite.says_the_same_again
    law(centerface(runtime) if fresh else kept(runtime), face)


def narrowing(width: int, height: int) -> Narrowing:
    return Narrowing(CenterFace(width, height), width, height)


@pytest.fixture(scope="module", params=["small", "large"])
def face_in_a_street(request: pytest.FixtureRequest, face: Sight) -> Sight:
    """The same face in a picture in which it is small enough, or too large, for a closer look."""
    picture = np.random.default_rng(2).integers(90, 110, (720, 1280, 3)).astype(np.uint8)
    scale = 0.35 if request.param == "small" else 2.0
    part = np.asarray(
        cv2.resize(face.picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
    )
    left, top = 731, 203
    picture[top : top + part.shape[0], left : left + part.shape[1]] = part
    x0, y0, x1, y1 = (side * scale for side in face.box)
    return Sight(picture, (left + x0, top + y0, left + x1, top + y1))


@pytest.mark.parametrize("law", LAWS, ids=[law.__name__ for law in LAWS])
def test_looking_closer_only_where_a_face_may_be_keeps_to_the_laws(
    law: Callable[..., None], face_in_a_street: Sight
) -> None:
    law(narrowing, face_in_a_street)


def test_half_of_the_picture_first_finds_what_all_of_it_closely_finds(face_in_a_street: Sight) -> None:
    width, height = face_in_a_street.size
    closely = CenterFace(width, height).look(face_in_a_street.picture, 0.3)
    found = narrowing(width, height).look(face_in_a_street.picture, 0.3)
    assert len(found) == len(closely) == 1
    assert share(found[:, :4], closely[:, :4])[0, 0] > 0.6


def test_around_a_known_place_the_face_is_found_and_around_another_it_is_not(face_in_a_street: Sight) -> None:
    detector = narrowing(*face_in_a_street.size)
    box = np.array([face_in_a_street.box], np.float32)
    found = detector.near(face_in_a_street.picture, box + 5, 0.3)
    assert len(found) == 1
    assert common(box, found[:, :4])[0, 0] > 0.5 * float(np.prod(box[0, 2:] - box[0, :2]))
    assert not len(detector.near(face_in_a_street.picture, np.array([[100, 500, 130, 540]], np.float32), 0.3))


@pytest.mark.parametrize("law", LAWS, ids=[law.__name__ for law in LAWS])
@pytest.mark.skipif(OWN is None, reason="LAPEL_TEST_FACES names no weights")
def test_own_weights_keep_to_the_laws(law: Callable[..., None], face: Sight) -> None:
    law(centerface(None, Path(str(OWN))), face)


@pytest.mark.parametrize("law", LAWS, ids=[law.__name__ for law in LAWS])
@pytest.mark.skipif(OWN is None, reason="LAPEL_TEST_FACES names no weights")
def test_own_weights_keep_to_the_laws_where_they_look_closer(
    law: Callable[..., None], face_in_a_street: Sight
) -> None:
    law(
        lambda w, h: Narrowing(CenterFace(w, h, weights=Path(str(OWN)), licence="own"), w, h),
        face_in_a_street,
    )


# Not by the law of the mirror: letters in a mirror are no plate.
@pytest.mark.parametrize(
    "law", [law for law in LAWS if law is not suite.follows_the_picture], ids=lambda law: law.__name__
)
def test_plates_are_found_by_the_laws(law: Callable[..., None], plate: Sight) -> None:
    law(plates, plate)


class Sound:
    """A double that keeps to the laws: it finds the one bright square of the picture, and nothing in a flat one."""

    kind: Any = "face"
    models: Any = (Model("double", "0" * 64, "none needed", "these tests", "numpy"),)

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height

    def look(self, picture: Picture, floor: float) -> Seen:
        rows, columns = np.nonzero(picture[..., 0] > 200)
        if not len(rows):
            return np.zeros((0, 5), np.float32)
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        found = np.array([[*box, 0.9], [0, 0, 4, 4, 0.3]], np.float32)
        return found[found[:, 4] >= floor]


class Nameless(Sound):
    models = (replace(Sound.models[0], licence=""),)


class FourNumbers(Sound):
    def look(self, picture: Picture, floor: float) -> Seen:
        return super().look(picture, floor)[:, :4]


class Blind(Sound):
    def look(self, picture: Picture, floor: float) -> Seen:
        return super().look(picture, 2.0)


class Scribbler(Sound):
    def look(self, picture: Picture, floor: float) -> Seen:
        found = super().look(picture, floor)
        picture[0, 0] += 1
        return found


class Moody(Sound):
    """Sees with the picture before in mind."""

    before = 0.0

    def look(self, picture: Picture, floor: float) -> Seen:
        found = super().look(picture, floor)
        found[:, 2] -= self.before
        self.before = float(picture.mean() / 50)
        return found


class BeyondTheEdge(Sound):
    def look(self, picture: Picture, floor: float) -> Seen:
        found = super().look(picture, floor)
        found[:, 0] -= 2
        return found


class WorstFirst(Sound):
    def look(self, picture: Picture, floor: float) -> Seen:
        return super().look(picture, floor)[::-1].copy()


class NoFloor(Sound):
    def look(self, picture: Picture, floor: float) -> Seen:
        return super().look(picture, 0.0)


class Twice(Sound):
    def look(self, picture: Picture, floor: float) -> Seen:
        found = super().look(picture, floor)
        return np.concatenate([found[:1], found])


class OfAnotherSize(Sound):
    """Gives places in the picture that its network saw, not in the one it was given."""

    def look(self, picture: Picture, floor: float) -> Seen:
        found = super().look(picture, floor)
        found[:, :4] /= 3
        return found


SQUARE = np.zeros((60, 90, 3), np.uint8)
SQUARE[20:40, 50:70] = 255
TOY = Sight(SQUARE, (50, 20, 70, 40))


@pytest.mark.parametrize("law", LAWS, ids=[law.__name__ for law in LAWS])
def test_a_double_that_keeps_to_the_laws_passes(law: Callable[..., None]) -> None:
    law(Sound, TOY)


@pytest.mark.parametrize(
    ("broken", "law", "said"),
    [
        (Nameless, suite.says_what_it_is, "licence"),
        (FourNumbers, suite.answers_in_rows, "not five"),
        (Blind, suite.finds_the_thing, "nothing is found"),
        (Scribbler, suite.leaves_the_picture, "changed"),
        (Moody, suite.says_the_same_again, "other boxes"),
        (BeyondTheEdge, suite.stays_inside, "outside"),
        (WorstFirst, suite.keeps_to_the_floor, "best is not first"),
        (NoFloor, suite.keeps_to_the_floor, "below the floor"),
        (Twice, suite.says_each_once, "twice"),
        (OfAnotherSize, suite.finds_the_thing, "not among"),
        (OfAnotherSize, suite.follows_the_picture, "not among"),
    ],
)
def test_a_double_that_breaks_a_law_is_told(broken: Any, law: Callable[..., None], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        law(broken, TOY)
