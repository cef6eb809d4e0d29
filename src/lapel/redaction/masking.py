"""How is a region of a picture made unreadable? On the planes of an 8-bit planar picture, in the parser's cell.

Opaque is one grey. Pixelation (at most 8 squares across) and blur (the same squares, smoothed) keep a few numbers of what
was there, which can be enough to recognise somebody: the manifest warns of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lapel.redaction.plan import Region

CELLS = 8
GREYS = (16, 128)  # an opaque sample of brightness, and of colour


def painted(frame: Any, regions: Iterable[Region], *, even: bool = False) -> Any:
    """A copy of the picture with the regions hidden; the planes given are references of later pictures and stay.

    `even`: the copy is made one px wider or higher where the source's size is odd.
    """
    import av
    import numpy as np

    width = frame.width + (frame.width & 1 if even else 0)
    height = frame.height + (frame.height & 1 if even else 0)
    made: Any = av.VideoFrame(width, height, frame.format.name)
    planes = []
    for source, target in zip(frame.planes, made.planes, strict=True):
        seen = np.frombuffer(source, np.uint8)[: source.height * source.line_size]
        seen = seen.reshape(source.height, source.line_size)[:, : source.width]
        plane = np.frombuffer(target, np.uint8)[: target.height * target.line_size]
        plane = plane.reshape(target.height, target.line_size)
        shape = (target.height - source.height, target.width - source.width)
        plane[:, : target.width] = (
            np.pad(seen, ((0, shape[0]), (0, shape[1])), mode="edge") if any(shape) else seen
        )
        planes.append(plane[:, : target.width])
    for region in regions:
        _hide(planes, region, width, height)
    made.pts = frame.pts
    return made


def _hide(planes: list[Any], region: Region, width: int, height: int) -> None:
    for number, plane in enumerate(planes):
        # How many px of the picture one sample of this plane stands for.
        step_x, step_y = round(width / plane.shape[1]), round(height / plane.shape[0])
        box = region.box
        left, top = box.x // step_x, box.y // step_y
        right, bottom = -(-(box.x + box.w) // step_x), -(-(box.y + box.h) // step_y)
        part = plane[top:bottom, left:right]
        if not part.size:
            continue
        inside = _inside(region, part.shape, left, top, step_x, step_y)
        part[inside] = GREYS[number > 0] if region.mask == "opaque" else _filled(region.mask, part)[inside]


def _inside(region: Region, shape: tuple[int, int], left: int, top: int, step_x: int, step_y: int) -> Any:
    """Which samples the mask covers: all, or those of which a corner lies in the ellipse inscribed in the whole box."""
    import numpy as np

    if region.shape == "box":
        return np.ones(shape, bool)
    whole = region.whole
    middle_x, middle_y = whole.x + whole.w / 2, whole.y + whole.h / 2
    x = (np.arange(shape[1]) + left) * step_x
    y = (np.arange(shape[0]) + top) * step_y
    # The nearest point of each sample to the middle.
    near_x = np.maximum(x, np.minimum(middle_x, x + step_x)) - middle_x
    near_y = np.maximum(y, np.minimum(middle_y, y + step_y)) - middle_y
    across, down = near_x / (whole.w / 2), near_y / (whole.h / 2)
    return across[None, :] ** 2 + down[:, None] ** 2 <= 1.0


def _filled(mask: str, part: Any) -> Any:
    import numpy as np

    rows, columns = min(CELLS, part.shape[0]), min(CELLS, part.shape[1])
    row_of = np.arange(part.shape[0]) * rows // part.shape[0]
    column_of = np.arange(part.shape[1]) * columns // part.shape[1]
    cell = row_of[:, None] * columns + column_of[None, :]
    counts = np.bincount(cell.ravel(), minlength=rows * columns)
    means = np.bincount(cell.ravel(), part.ravel(), minlength=rows * columns) / np.maximum(counts, 1)
    grid = means.reshape(rows, columns)
    if mask == "blur":
        return _smooth(grid, part.shape)
    return grid[row_of[:, None], column_of[None, :]].astype(np.uint8)


def _smooth(grid: Any, shape: tuple[int, int]) -> Any:
    """The cells, drawn with straight lines between their middles."""
    import numpy as np

    rows = np.clip((np.arange(shape[0]) + 0.5) * grid.shape[0] / shape[0] - 0.5, 0, grid.shape[0] - 1)
    columns = np.clip((np.arange(shape[1]) + 0.5) * grid.shape[1] / shape[1] - 0.5, 0, grid.shape[1] - 1)
    low_r, low_c = rows.astype(int), columns.astype(int)
    high_r, high_c = np.minimum(low_r + 1, grid.shape[0] - 1), np.minimum(low_c + 1, grid.shape[1] - 1)
    part_r, part_c = (rows - low_r)[:, None], (columns - low_c)[None, :]
    upper = grid[low_r][:, low_c] * (1 - part_c) + grid[low_r][:, high_c] * part_c
    lower = grid[high_r][:, low_c] * (1 - part_c) + grid[high_r][:, high_c] * part_c
    return (upper * (1 - part_r) + lower * part_r).astype(np.uint8)
