"""Is this a place on Earth at a time of ours? Turns what a receiver said into a point, or into nothing."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from lapel.footage.inspection import Point

MAX_AT_MS = 7 * 24 * 3600 * 1000


def point(
    at_ms: float, latitude: float, longitude: float, altitude_m: float | None, utc: datetime | None
) -> Point | None:
    """The point, or None when it is outside ±90°/±180°, is no number, or is not within a week of the start.

    Exactly 0°, 0° is what receivers say before they know better, and is refused.
    """
    if not all(map(math.isfinite, (at_ms, latitude, longitude))) or not 0 <= at_ms <= MAX_AT_MS:
        return None
    if abs(latitude) > 90 or abs(longitude) > 180 or (latitude == 0 and longitude == 0):
        return None
    has_altitude = altitude_m is not None and math.isfinite(altitude_m) and abs(altitude_m) < 100_000
    return Point(
        at_ms=round(at_ms),
        latitude_e7=round(latitude * 1e7),
        longitude_e7=round(longitude * 1e7),
        altitude_mm=round(altitude_m * 1000) if has_altitude and altitude_m is not None else None,
        utc=utc.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if utc else None,
    )
