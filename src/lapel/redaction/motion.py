"""How did the picture move from one frame to the next? A field of movements, from the pictures or from the codec.

The codec's motion vectors cost almost nothing, but say what compresses well; they follow movement where each picture
refers to the one before alone (no B-frames, one reference). Elsewhere dense inverse search (Kroeger et al., 2016) on a
small grey picture is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

SMALL_PX = 480
Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Field:
    """Movements in px of the full picture, one for each cell of `cell_px` by `cell_px` px: rows x columns x 2 (x, y)."""

    moves: NDArray[np.float32]
    cell_px: float

    def within(self, left: float, top: float, right: float, bottom: float) -> tuple[float, float]:
        """The median movement inside a box; of the nearest cell where the box is smaller than one or lies outside."""
        rows, columns = self.moves.shape[:2]
        x0 = min(max(int(left / self.cell_px), 0), columns - 1)
        y0 = min(max(int(top / self.cell_px), 0), rows - 1)
        x1 = min(max(int(np.ceil(right / self.cell_px)), x0 + 1), columns)
        y1 = min(max(int(np.ceil(bottom / self.cell_px)), y0 + 1), rows)
        inside = self.moves[y0:y1, x0:x1].reshape(-1, 2)
        middle = len(inside) // 2
        found = np.partition(inside, middle, axis=0)[middle]
        return float(found[0]), float(found[1])

    def unrest(self) -> float:
        """How much there moves, in px: nine of ten cells move at most this much."""
        few = self.moves[::4, ::4] if self.moves.shape[0] > 64 else self.moves
        lengths = np.hypot(few[..., 0], few[..., 1]).ravel()
        return float(np.partition(lengths, int(len(lengths) * 0.9))[int(len(lengths) * 0.9)])


class Motion(Protocol):
    """Tells the movement into each frame from the one before."""

    name: str

    def into(self, frame: Any) -> Field | None:
        """The movement from the last frame given to this one; None for the first, and where pictures do not compare."""


class ByPictures:
    """Dense flow between small grey pictures."""

    name = "flow"

    def __init__(self, width: int, height: int) -> None:
        self._factor = max(1, -(-max(width, height) // SMALL_PX))
        self._size = (max(16, width // self._factor), max(16, height // self._factor))
        self._cell_px = width / self._size[0]
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._last: Grey | None = None

    def into(self, frame: Any) -> Field | None:
        """See `Motion.into`."""
        grey = np.asarray(cv2.resize(grey_of(frame), self._size, interpolation=cv2.INTER_AREA), np.uint8)
        last, self._last = self._last, grey
        if last is None:
            return None
        moves = np.zeros((*grey.shape, 2), np.float32)
        self._flow.calc(last, grey, moves)
        return Field(moves * np.float32(self._cell_px), self._cell_px)


class ByCodec:
    """The codec's own motion vectors; the decoder is to be told `export` before it is opened."""

    name = "motion vectors"
    CELL_PX = 16

    def __init__(self, width: int, height: int) -> None:
        self._shape = (-(-height // self.CELL_PX), -(-width // self.CELL_PX), 2)
        self._first = True

    @staticmethod
    def export(context: Any) -> None:
        """Ask a decoder for its motion vectors (AV_CODEC_FLAG2_EXPORT_MVS)."""
        context.flags2 |= 1 << 28

    def into(self, frame: Any) -> Field | None:
        """See `Motion.into`. A key frame has no vectors: nothing moved, as far as the codec says."""
        first, self._first = self._first, False
        if first:
            return None
        moves = np.zeros(self._shape, np.float32)
        said = frame.side_data.get("MOTION_VECTORS")
        if said is not None:
            vectors = said.to_ndarray()
            vectors = vectors[vectors["source"] < 0]
            rows = np.clip(vectors["dst_y"] // self.CELL_PX, 0, self._shape[0] - 1)
            columns = np.clip(vectors["dst_x"] // self.CELL_PX, 0, self._shape[1] - 1)
            scale = vectors["motion_scale"].astype(np.float32)
            # the vector points from the block to where it was: the movement is the other way
            moves[rows, columns, 0] = -vectors["motion_x"] / scale
            moves[rows, columns, 1] = -vectors["motion_y"] / scale
        return Field(moves, float(self.CELL_PX))


def grey_of(frame: Any) -> Grey:
    """The brightness of a decoded frame, height x width; a view where the frame has such a plane."""
    if frame.format.name in {
        "yuv420p",
        "yuvj420p",
        "yuv422p",
        "yuvj422p",
        "yuv444p",
        "yuvj444p",
        "nv12",
        "gray",
    }:
        plane = frame.planes[0]
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        return rows[: frame.height, : frame.width]
    return np.asarray(frame.reformat(format="gray", threads=1).to_ndarray(), np.uint8)
