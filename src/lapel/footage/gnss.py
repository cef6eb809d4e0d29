"""Where did the wearer go, by the trail file that a camera delivered beside its clips?

    {"CoordinateEntries": [{"LocationWKT": "POINT(lon lat)", "SecondsFromStart": 64.0, "Timestamp": "2022-08-23T11:48:10Z"}]}

WKT gives the longitude first (OGC 06-103r4 §7); seconds count from the start of the recording; entries come in any order.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from lapel.base.clock import read_stamp
from lapel.base.errors import Invalid, LapelError
from lapel.footage.inspection import Point, Trail
from lapel.footage.places import point

MAX_BYTES = 16 << 20
MAX_ENTRIES = 500_000
_NUMBER = r"([-+]?\d{1,20}(?:\.\d{0,40})?(?:[eE][-+]?\d{1,3})?)"
_POINT = re.compile(
    rf"\s{{0,9}}POINT\s{{0,9}}[ZM]{{0,2}}\s{{0,9}}\(\s{{0,9}}{_NUMBER}\s{{1,9}}{_NUMBER}(?:\s{{1,9}}{_NUMBER}){{0,2}}\s{{0,9}}\)\s{{0,9}}",
    re.IGNORECASE,
)


def read_trail(body: bytes) -> Trail:
    """The trail in the order of time. An entry that makes no sense is skipped and counted.

    Raises `Invalid` when the file as a whole is not a trail: not JSON in UTF-8, another shape, more than 16 MiB or
    500,000 entries.
    """
    if len(body) > MAX_BYTES:
        raise Invalid(f"The location trail has {len(body)} bytes; at most {MAX_BYTES} are read.")
    try:
        document = json.loads(body.decode("utf-8-sig"), parse_constant=_no_constant)
    except RecursionError:
        raise Invalid("The location trail is nested too deeply.") from None
    except ValueError:
        raise Invalid("The location trail is not JSON in UTF-8.") from None
    entries = document.get("CoordinateEntries") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise Invalid("The location trail has no list of CoordinateEntries.")
    if len(entries) > MAX_ENTRIES:
        raise Invalid(f"The location trail has {len(entries)} entries; at most {MAX_ENTRIES} are read.")
    found = [here for entry in entries if (here := _point(entry)) is not None]
    return Trail(points=tuple(sorted(found, key=lambda p: p.at_ms)), skipped=len(entries) - len(found))


def _point(entry: Any) -> Point | None:
    if not isinstance(entry, dict):
        return None
    where, seconds, stamp = (entry.get(k) for k in ("LocationWKT", "SecondsFromStart", "Timestamp"))
    if not isinstance(where, str) or isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    matched = _POINT.fullmatch(where)
    if not matched:
        return None
    longitude, latitude = float(matched[1]), float(matched[2])
    try:
        utc = read_stamp(stamp) if isinstance(stamp, str) and len(stamp) <= 40 else None
    except (LapelError, ValueError):
        utc = None
    altitude = float(matched[3]) if matched[3] else None
    try:
        return point(float(seconds) * 1000, latitude, longitude, altitude, utc)
    except OverflowError:
        return None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
