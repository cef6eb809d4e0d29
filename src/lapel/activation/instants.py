"""Which instant does a cell mean? Text in, microseconds of UTC out; what no clock ever showed is refused, never moved."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from lapel.base.errors import Invalid
from lapel.policy.document import clip

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001
_US = timedelta(microseconds=1)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}$|\d{1,2}/\d{1,2}/\d{4}$")
DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Instant:
    """An instant. `doubtful`: the clock showed this time twice that night; the first was taken. `day_only`: no time was given."""

    us: int
    doubtful: bool = False
    day_only: bool = False


@dataclass(slots=True)
class Clock:
    """Reads times written in one file. `offsets_ignored`: the offsets in it are wrong, its times are the zone's."""

    zone: ZoneInfo
    offsets_ignored: bool = False
    formats: tuple[str, ...] = ()
    _known: dict[tuple[int, int], timedelta | None] = field(default_factory=dict)

    def read(self, text: str) -> Instant:
        """Raises `Invalid` with the reason for a text that is no time, and for a time that the clock skipped."""
        at = self._written(text)
        if at.tzinfo is not None and not self.offsets_ignored:
            return Instant((at.astimezone(UTC).replace(tzinfo=None) - _EPOCH) // _US)
        local = at.replace(tzinfo=None)
        return Instant(*self._local(local, text), day_only=bool(_DAY.match(text)))

    def _written(self, text: str) -> datetime:
        for shape in self.formats:
            try:
                return datetime.strptime(text, shape)  # noqa: DTZ007
            except ValueError:
                continue
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            raise Invalid(f"“{clip(text)}” is no time") from None

    def _local(self, local: datetime, text: str) -> tuple[int, bool]:
        try:
            before = self._offset(local, 0)
            after = self._offset(local, 1)
            us = (local - before - _EPOCH) // _US
        except OverflowError:
            raise Invalid(f"“{clip(text)}” is no time") from None
        if before == after:
            return us, False
        if before < after:  # in a gap fold 0 gives the offset before it, which is the smaller one
            raise Invalid(f"“{clip(text)}” does not exist in {self.zone.key}: clocks went forward over it")
        return us, True

    def _offset(self, local: datetime, fold: int) -> timedelta:
        """The zone's offset, remembered for each quarter of an hour: zones change at no finer time."""
        quarter = (local.toordinal() * 96 + local.hour * 4 + local.minute // 15, fold)
        found = self._known.get(quarter)
        if found is None:
            found = local.replace(fold=fold, tzinfo=self.zone).utcoffset() or timedelta()
            self._known[quarter] = found
        return found


def to_datetime(us: int) -> datetime:
    """The instant, aware, in UTC."""
    return (_EPOCH + timedelta(microseconds=us)).replace(tzinfo=UTC)


def to_us(at: datetime) -> int:
    """Microseconds since 1970 of an aware instant."""
    return (at.astimezone(UTC).replace(tzinfo=None) - _EPOCH) // _US


def days_of(us: NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.int64]:
    """The day on which each instant falls in a zone, counted from 1970-01-01."""
    hours, where = np.unique(us // (DAY_US // 96), return_inverse=True)
    offsets = np.array([_offset_at(int(h) * (DAY_US // 96), zone) for h in hours], np.int64)
    days: Any = (us + offsets[where]) // DAY_US
    return days if isinstance(days, np.ndarray) else np.asarray(days, np.int64)


def _offset_at(us: int, zone: ZoneInfo) -> int:
    return (to_datetime(us).astimezone(zone).utcoffset() or timedelta()) // _US


def day_of(us: int, zone: ZoneInfo) -> date:
    """The day on which an instant falls in a zone."""
    return to_datetime(us).astimezone(zone).date()


def clocks_changed(begin: int, end: int, zone: ZoneInfo) -> bool:
    """Did the zone's clocks change inside?"""
    return _offset_at(begin, zone) != _offset_at(end, zone)
