"""Where are licence plates in a picture? Lines of text of a plate's shape, read; what reads like a plate scores high.

The text detector and the recogniser are those of PP-OCR that the package `rapidocr-onnxruntime` carries (Apache-2.0). Nothing
permissive was found that is good on US plates: what has the shape and does not read like a plate is a weak sighting, and
goes to a person.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from lapel.base.errors import Unavailable
from lapel.redaction.detector import NOTHING, Model, Seen, apart
from lapel.redaction.network import Network, Picture, Runtime, Scaling, load
from lapel.redaction.onnxfile import metadata
from lapel.redaction.track import Kind

LONG_PX = 1280
LINE_PX, LINE_LONG_PX = 48, 192
MOST_LINES = 24
# Letters and digits of US plates and most others: five to eight, at least one digit among them.
PLATE = re.compile(r"(?=.*\d)[A-Z0-9]{4,8}\Z")
_FINDS = Scaling((123.675, 116.28, 103.53), (1 / 58.395, 1 / 57.12, 1 / 57.375))
_READS = Scaling((127.5, 127.5, 127.5), (1 / 127.5, 1 / 127.5, 1 / 127.5))


class Plates:
    """Plates in upright pictures of one size. Scores: 0.9 reads like a plate, 0.35 has only its shape."""

    kind: Kind = "plate"

    def __init__(self, width: int, height: int, *, threads: int = 1, runtime: Runtime | None = None) -> None:
        """Raises `Unavailable` where the package is not installed."""
        finds, reads = _weights("det"), _weights("rec")
        scale = min(1.0, LONG_PX / max(width, height))
        self._size = (_fitting(width * scale), _fitting(height * scale))
        self._across, self._down = self._size[0] / width, self._size[1] / height
        self._finds: Network = load(finds, scaling=_FINDS, threads=threads, runtime=runtime)
        self._reads: Network = load(reads, scaling=_READS, threads=threads, runtime=runtime)
        self._letters = _alphabet(reads)
        self.models: Sequence[Model] = tuple(
            Model(
                name,
                hashlib.sha256(content).hexdigest(),
                "Apache-2.0",
                "rapidocr-onnxruntime",
                self._finds.runtime,
            )
            for name, content in (("pp-ocr-lines", finds), ("pp-ocr-letters", reads))
        )

    def look(self, picture: Picture, floor: float) -> Seen:
        """See `Detector.look`."""
        sized = np.asarray(cv2.resize(picture, self._size, interpolation=cv2.INTER_AREA), np.uint8)
        heat = self._finds(np.ascontiguousarray(sized[..., ::-1]))[0][0, 0]
        found = []
        for x, y, w, h in _lines(heat):
            left, top = x / self._across, y / self._down
            right, bottom = (x + w) / self._across, (y + h) / self._down
            score = self._sure(picture, left, top, right, bottom)
            if score >= floor:
                # The plate is larger than its letters.
                out = (bottom - top) * 0.35
                found.append((left - out * 0.6, top - out, right + out * 0.6, bottom + out, score))
        if not found:
            return NOTHING.copy()
        boxes = np.array(found, np.float32)
        boxes[:, 0:4:2] = np.clip(boxes[:, 0:4:2], 0, picture.shape[1])
        boxes[:, 1:4:2] = np.clip(boxes[:, 1:4:2], 0, picture.shape[0])
        return apart(boxes, 0.3)

    def _sure(self, picture: Picture, left: float, top: float, right: float, bottom: float) -> float:
        """How sure one may be that this line of text is a plate's."""
        out = (bottom - top) * 0.15
        rows = slice(max(0, round(top - out)), round(bottom + out))
        columns = slice(max(0, round(left - out)), round(right + out))
        crop = picture[rows, columns, ::-1]
        if crop.shape[0] < 4 or crop.shape[1] < 8:
            return 0.0
        wide = min(LINE_LONG_PX, max(8, round(crop.shape[1] * LINE_PX / crop.shape[0])))
        line = np.full((LINE_PX, LINE_LONG_PX, 3), 127, np.uint8)
        line[:, :wide] = cv2.resize(np.ascontiguousarray(crop), (wide, LINE_PX))
        text, sure = _read(self._reads(line)[0][0], self._letters)
        letters = re.sub(r"[^A-Z0-9]", "", text.upper())
        if PLATE.match(letters) and sure > 0.5:
            return 0.6 + 0.35 * sure
        # Words have no digits; a plate that is too small or slanted to be read comes out short or garbled.
        return 0.15 if letters.isalpha() and len(letters) > 3 and sure > 0.8 else 0.35


def _lines(heat: NDArray[np.float32]) -> list[tuple[float, float, float, float]]:
    """Lines of text with a plate's shape: left, top, width, height in px of the network's input, most text first."""
    text = (heat > 0.3).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(text)
    found = []
    for x, y, w, h, area in stats[1:count].tolist():
        # PP-OCR marks the core of a line; the line itself is larger by about its area over its outline.
        grow = 1.6 * w * h / (2 * (w + h))
        wide, tall = w + 2 * grow, h + 2 * grow
        if h >= 2 and tall >= 7 and 1.2 <= wide / tall <= 7 and area >= 0.4 * w * h:
            found.append((x - grow, y - grow, wide, tall))
    return sorted(found, key=lambda line: -line[2] * line[3])[:MOST_LINES]


def _read(chances: NDArray[np.float32], letters: Sequence[str]) -> tuple[str, float]:
    """The text of a line and how sure it is (CTC, the likeliest letter each): blanks and repeats are left out."""
    best, sure = chances.argmax(axis=1), chances.max(axis=1)
    kept = [n for n in range(len(best)) if best[n] > 0 and (n == 0 or best[n] != best[n - 1])]
    text = "".join(letters[best[n] - 1] for n in kept if best[n] - 1 < len(letters))
    return text, float(sure[kept].mean()) if kept else 0.0


@lru_cache(maxsize=2)
def _weights(which: str) -> bytes:
    """The model for lines (`det`) or letters (`rec`); kept, since a process that is locked down reads no file."""
    found = importlib.util.find_spec("rapidocr_onnxruntime")
    if found is None or found.origin is None:
        raise Unavailable(
            "There are no models for finding plates.",
            next_step="Install the extra lapel[redaction], or give --no-plates.",
        )
    (model,) = (Path(found.origin).parent / "models").glob(f"*_{which}_infer.onnx")
    return model.read_bytes()


def _alphabet(model: bytes) -> list[str]:
    return [*metadata(model).get("character", "").splitlines(), " "]


def _fitting(length: float) -> int:
    return max(32, round(length / 32) * 32)
