"""What did we learn of a file by looking into it? Values only."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TrackFacts:
    """One track as the file has it. `hidden_packets` are inside the file but never shown (an edit list cuts them)."""

    kind: str
    codec: str
    profile: str
    width_px: int | None
    height_px: int | None
    pixel_format: str | None
    aspect: tuple[int, int] | None
    rotation: int
    rate: tuple[int, int] | None
    sample_rate: int | None
    channels: int | None
    layout: str | None
    language: str
    name: str
    packets: int
    key_packets: int
    hidden_packets: int
    bytes: int
    duration_ms: int | None


@dataclass(frozen=True, slots=True)
class Signed:
    """Signatures that a camera wrote into the picture stream. What is said here was read, not verified."""

    scheme: str
    signatures: int
    manufacturer: str = ""
    hardware: str = ""
    firmware: str = ""
    serial: str = ""
    address: str = ""
    certificates_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """Where the camera was, `at_ms` after the start of the clip (or, in a recording's trail, of the recording)."""

    at_ms: int
    latitude_e7: int
    longitude_e7: int
    altitude_mm: int | None = None
    utc: str | None = None


@dataclass(frozen=True, slots=True)
class Trail:
    """Points in the order of time; `skipped` entries made no sense or had no fix."""

    points: tuple[Point, ...] = ()
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A key frame, upright, at most 320 px wide or high, as JPEG."""

    at_ms: int
    width_px: int
    height_px: int
    jpeg: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Media:
    """The media tree of a clip: what goes into the log, and what its proofs need later (`docs/formats/media-tree.md`)."""

    root: str
    header: str
    units: tuple[int, ...]
    packets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What one look into a file gave.

    `readable` False: nothing in it can be played, `reason` says why in plain words. `complete` False: it can be played,
    but `reason` says where it breaks off. `clock`: what the file itself says of the time, uncorrected (`created_at`,
    `first_fix_at`, `timecode`). `enforced`: the limits that held while it was parsed.
    """

    readable: bool
    complete: bool
    reason: str = ""
    container: str = ""
    duration_ms: int | None = None
    declared_duration_ms: int | None = None
    tracks: tuple[TrackFacts, ...] = ()
    clock: dict[str, str] = field(default_factory=dict)
    media: Media | None = None
    media_seed: bytes = field(default=b"", repr=False)
    signed: tuple[Signed, ...] = ()
    trail: Trail = Trail()
    thumbnails: tuple[Thumbnail, ...] = ()
    notes: tuple[str, ...] = ()
    enforced: tuple[str, ...] = ()
    cpu_ms: int = 0
    peak_bytes: int = 0
