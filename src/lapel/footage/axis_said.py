"""What does that mean for a recording? From the protocol's words to ours; no I/O.

Nothing is refused here. What is missing or cannot be right is kept as it was said, and flagged for a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lapel.footage import model
from lapel.footage.axis import (
    Container,
    Metadata,
    Name,
    fit,
    instant,
    read_location,
    read_recording_name,
    read_tags,
    time_in_name,
)
from lapel.footage.model import Announced, Kind, Said

EARLIEST = datetime(2010, 1, 1, tzinfo=UTC)  # before any camera of this protocol was made
OLDEST = timedelta(days=90)
LATEST = timedelta(days=1)

# No fact of the recording: it names the container that this came in.
_OF_THE_CONTAINER = ("ContainerName",)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a container says of its recording, before the wearer and the camera are looked up by the names given."""

    external_id: str
    user: str | None
    serial: str | None
    model: str | None
    firmware: str | None
    started_at: datetime | None
    ended_at: datetime | None
    zone: str | None
    facts: Mapping[str, str]
    flags: tuple[str, ...]
    complete: bool

    def announced(self, *, wearer: str | None, camera: str | None, flags: tuple[str, ...] = ()) -> Announced:
        """The same with the ids of the officer and the camera."""
        return Announced(
            external_id=self.external_id,
            wearer=wearer,
            camera=camera,
            started_at=self.started_at,
            ended_at=self.ended_at,
            zone=self.zone,
            facts=self.facts,
            flags=(*self.flags, *flags),
        )


def recorded(container: Container, metadata: Metadata, received_at: datetime) -> Recorded:
    """Read a recording's container, or one of rejected content: then the recording is the one it was meant for.

    Times: `StartTime` (pre-event buffer included) before `TriggerOnTime` before the one in the name.
    """
    flags = {*container.flags, *metadata.flags}
    named = container
    if container.kind == "rejected":
        flags.add(model.REJECTED_BY_CAMERA)
        meant = metadata.get("RejectedContentOriginalContainer")
        if meant:
            named = read_recording_name(fit(meant))
    started_at = instant(metadata, "StartTime") or instant(metadata, "TriggerOnTime") or named.at
    ended_at = instant(metadata, "StopTime") or instant(metadata, "TriggerOffTime")
    if clock_is_off(started_at, received_at) or clock_is_off(ended_at, received_at):
        flags.add(model.CLOCK_OFF)
    return Recorded(
        external_id=named.name,
        user=metadata.get("UserID") or named.user,
        serial=metadata.get("BWCSerialNumber") or named.camera,
        model=metadata.get("BWCModel"),
        firmware=metadata.get("FirmwareVersion"),
        started_at=started_at,
        ended_at=ended_at,
        zone=metadata.get("TimeZone"),
        facts={k: v for k, v in metadata.values.items() if k not in _OF_THE_CONTAINER},
        flags=tuple(sorted(flags)),
        complete=container.kind == "recording" and (metadata.get("Status") or "").lower() == "complete",
    )


def said(name: Name, kind: Kind, metadata: Metadata, received_at: datetime, *, rejected: bool) -> Said:
    """What is said of one file of a recording."""
    started_at = instant(metadata, "StartTime") or time_in_name(name.text)
    ended_at = instant(metadata, "StopTime")
    flags = {*name.flags, *metadata.flags}
    if kind == "clip" and not _has_duration(started_at, ended_at):
        flags.add(model.NO_DURATION)
    if clock_is_off(started_at, received_at) or clock_is_off(ended_at, received_at):
        flags.add(model.CLOCK_OFF)
    if rejected:
        flags.add(model.REJECTED_BY_CAMERA)
    return Said(
        kind=kind,
        name=name.text,
        started_at=started_at,
        ended_at=ended_at,
        facts=metadata.values,
        flags=tuple(sorted(flags)),
    )


def bookmark(name: Name, metadata: Metadata, body: bytes | None) -> dict[str, Any]:
    """What a bookmark object says, for `acts.add_bookmark`; `body` None when only its metadata is told again.

    A bookmark without a start time marks the whole recording. Words that are not UTF-8 keep their bytes as `\\xNN`.
    """
    facts: dict[str, Any] = dict(metadata.values)
    flags = [*name.flags, *metadata.flags]
    marked: dict[str, Any] = {
        "external_id": name.text,
        "at": instant(metadata, "StartTime"),
        "until": instant(metadata, "EndTime"),
    }
    if body is not None:
        words = body.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")
        marked["words"] = words
        if words.encode() != body:
            flags.append(model.BAD_ENCODING)
    place = read_location(metadata.get("Location") or "")
    if place is not None:
        facts["latitude"], facts["longitude"] = str(place.latitude), str(place.longitude)
    tags = read_tags(metadata.get("Tags") or "")
    if tags:
        facts["tags"] = tags
    if flags:
        facts["flags"] = sorted(set(flags))
    marked["facts"] = facts
    return marked


def clock_is_off(at: datetime | None, received_at: datetime) -> bool:
    """Can the camera's clock not have been right? More than a day ahead, 90 days behind, or before 2010."""
    if at is None:
        return False
    return at < EARLIEST or at > received_at + LATEST or at < received_at - OLDEST


def _has_duration(started_at: datetime | None, ended_at: datetime | None) -> bool:
    return started_at is not None and ended_at is not None and ended_at > started_at
