"""What must every detector keep to? Laws, each a function of a way to make one; an agency's own weights pass the same ones.

`made(width, height)` gives a detector for upright pictures of that size. `seen`: a picture (height x width x 3, RGB) and where in
it the thing is that the detector is for (left, top, right, bottom). A law that is broken raises `AssertionError`, in words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lapel.redaction.detector import Detector, common, share
from lapel.redaction.network import Picture
from lapel.redaction.track import KINDS

Made = Callable[[int, int], Detector]


@dataclass(frozen=True)
class Sight:
    """A picture with one thing in it that must be found, and its box."""

    picture: Picture
    box: tuple[float, float, float, float]

    @property
    def size(self) -> tuple[int, int]:
        return self.picture.shape[1], self.picture.shape[0]


def says_what_it_is(made: Made, seen: Sight) -> None:
    """Kind, name, digest of its weights, licence and source are written into every plan: none may be empty."""
    detector = made(*seen.size)
    assert detector.kind in KINDS, f"the kind {detector.kind!r} is none of {KINDS}"
    assert detector.models, "it names no model"
    for model in detector.models:
        assert re.fullmatch(r"[0-9a-f]{64}", model.digest), "the digest of its weights is no SHA-256"
        assert all((model.name, model.licence, model.source, model.runtime)), (
            "name, licence, source or runtime is empty"
        )


def answers_in_rows(made: Made, seen: Sight) -> None:
    """n rows of left, top, right, bottom, score; also where there is nothing, and for sizes that nothing divides."""
    for width, height in (seen.size, (97, 131), (33, 35)):
        found = made(width, height).look(np.full((height, width, 3), 128, np.uint8), 0.5)
        assert found.ndim == 2, "the answer is no table"
        assert found.shape[1] == 5, f"a row has {found.shape[1]} numbers, not five"
        assert found.dtype == np.float32, f"the numbers are {found.dtype}, not float32"


def finds_the_thing(made: Made, seen: Sight) -> None:
    """Half of it lies in a box that is at most four times as large."""
    wanted = np.array([seen.box], np.float32)
    found = made(*seen.size).look(seen.picture, 0.3)
    assert len(found), "nothing is found"
    area = float((wanted[0, 2] - wanted[0, 0]) * (wanted[0, 3] - wanted[0, 1]))
    sizes = (found[:, 2] - found[:, 0]) * (found[:, 3] - found[:, 1])
    fits = (common(wanted, found[:, :4])[0] >= area / 2) & (sizes <= 4 * area)
    assert fits.any(), "the thing is not among what is found"


def leaves_the_picture(made: Made, seen: Sight) -> None:
    """The picture is another's: it may not be changed."""
    picture = seen.picture.copy()
    made(*seen.size).look(picture, 0.1)
    assert (picture == seen.picture).all(), "the picture was changed"


def says_the_same_again(made: Made, seen: Sight) -> None:
    """The same picture gives the same boxes, from one detector and from a second one."""
    one, other = made(*seen.size), made(*seen.size)
    first = one.look(seen.picture, 0.1)
    one.look(255 - seen.picture, 0.1)
    for again in (one.look(seen.picture, 0.1), other.look(seen.picture, 0.1)):
        assert first.shape == again.shape, "the same picture gives another number of boxes"
        assert np.allclose(first, again, atol=1e-3), "the same picture gives other boxes"


def stays_inside(made: Made, seen: Sight) -> None:
    """Boxes are clipped to the picture and have a size, also where the thing is cut by its edge."""
    width, height = seen.size
    middle = round((seen.box[0] + seen.box[2]) / 2)
    cut = np.ascontiguousarray(seen.picture[:, middle:])
    for picture in (seen.picture, cut):
        found = made(picture.shape[1], height).look(picture, 0.05)
        assert (found[:, :2] >= 0).all(), "a box begins outside"
        assert (found[:, 2] <= picture.shape[1]).all(), "a box ends outside"
        assert (found[:, 3] <= height).all(), "a box ends outside"
        assert (found[:, 2:4] > found[:, :2]).all(), "a box has no size"
    assert width > middle


def keeps_to_the_floor(made: Made, seen: Sight) -> None:
    """Scores lie between the floor and one, the best first; a higher floor gives the same boxes but for the weak ones."""
    detector = made(*seen.size)
    low, high = detector.look(seen.picture, 0.1), detector.look(seen.picture, 0.5)
    for found, floor in ((low, 0.1), (high, 0.5)):
        assert ((found[:, 4] >= floor) & (found[:, 4] <= 1)).all(), (
            "a score lies below the floor, or above one"
        )
        assert (np.diff(found[:, 4]) <= 0).all(), "the best is not first"
    assert np.allclose(low[low[:, 4] >= 0.5], high, atol=1e-3), "a higher floor gives other boxes"


def says_each_once(made: Made, seen: Sight) -> None:
    """Two boxes that are mostly the same are one thing, said twice."""
    found = made(*seen.size).look(seen.picture, 0.1)
    overlap = share(found[:, :4], found[:, :4]) - np.eye(len(found), dtype=np.float32)
    assert not (overlap > 0.6).any(), "a thing is said twice"


def follows_the_picture(made: Made, seen: Sight) -> None:
    """In the mirror the thing is on the other side: places are those of the picture given."""
    width, _ = seen.size
    left, top, right, bottom = seen.box
    mirrored = Sight(np.ascontiguousarray(seen.picture[:, ::-1]), (width - right, top, width - left, bottom))
    finds_the_thing(made, mirrored)


LAWS: tuple[Callable[[Made, Sight], None], ...] = (
    says_what_it_is,
    answers_in_rows,
    finds_the_thing,
    leaves_the_picture,
    says_the_same_again,
    stays_inside,
    keeps_to_the_floor,
    says_each_once,
    follows_the_picture,
)
