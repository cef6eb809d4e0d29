"""How is a location trail drawn without a map service? As a line in its own proportions, north up."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from lapel.footage.shown import ClipShown, PointShown, StretchShown

WIDTH_PX, HEIGHT_PX, MARGIN_PX = 600, 300, 24
MOST_POINTS = 600


def trail_path(trail: Sequence[PointShown]) -> Markup:
    """The inside of an SVG of 600 × 300: the line, its first and last point, a scale bar, and the marker that moves."""
    middle = math.radians(sum(p.latitude for p in trail) / len(trail))
    # Equal lengths look equal: a degree of longitude shrinks with the cosine of the latitude.
    flat = [(p.longitude * math.cos(middle), -p.latitude) for p in trail[:: -(-len(trail) // MOST_POINTS)]]
    left, top = min(x for x, _ in flat), min(y for _, y in flat)
    wide, high = max(x for x, _ in flat) - left, max(y for _, y in flat) - top
    room_x, room_y = WIDTH_PX - 2 * MARGIN_PX, HEIGHT_PX - 2 * MARGIN_PX
    scale = min(room_x / wide if wide else math.inf, room_y / high if high else math.inf)
    if not math.isfinite(scale):
        scale = 1.0
    off_x, off_y = (WIDTH_PX - wide * scale) / 2, (HEIGHT_PX - high * scale) / 2
    points = [((x - left) * scale + off_x, (y - top) * scale + off_y) for x, y in flat]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    (x1, y1), (x2, y2) = points[0], points[-1]
    return Markup(
        '<polyline class="trail-line" points="{}"/><circle class="trail-start" cx="{}" cy="{}" r="6"/>'
        '<circle class="trail-end" cx="{}" cy="{}" r="6"/><circle class="trail-now" cx="{}" cy="{}" r="8" data-now/>'
    ).format(path, *(f"{v:.1f}" for v in (x1, y1, x2, y2, x1, y1)))


def trail_json(point: PointShown) -> list[float]:
    """A point as the page's script reads it: seconds, longitude, latitude."""
    return [point.at_s, point.longitude, point.latitude]


def clip_json(clip: ClipShown, stretches: Sequence[StretchShown]) -> dict[str, str | float | None]:
    """A clip as the player reads it: its address and its place on the line of time, in seconds."""
    place = next(s for s in stretches if s.original == clip.id)
    return {
        "url": clip.play_url,
        "type": clip.media_type,
        "start_s": place.start_s,
        "end_s": place.end_s,
        "frame_s": 1 / clip.frame_rate if clip.frame_rate else 0.04,
        "codec": ", ".join(clip.tracks),
        "download": clip.download_url,
    }
