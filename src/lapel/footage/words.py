"""How is a stored fact said to a person? Flags, states, codecs and signatures in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lapel.footage import model

_FLAGS = {
    model.WEARER_UNKNOWN: "No officer fits what the camera said of its wearer.",
    model.CAMERA_UNKNOWN: "The camera is not on the agency's list; it is known from this footage only.",
    model.CLOCK_OFF: "The camera's clock cannot have been right. Its times are kept as it said them.",
    model.NO_DURATION: "The sender did not say how long this clip is.",
    model.REJECTED_BY_CAMERA: "The camera system could not deliver this in its place and handed it over as rejected.",
    model.SAME_NAME_OTHER_BYTES: "A file of this name was there already, with other bytes. Both are kept.",
    model.REPLACED: "A newer delivery under the same name is shown in its place. This one is kept.",
    model.LATE: "It arrived after the sender had said that the recording was complete.",
    model.NAME_UNREADABLE: "Its name could not be read as the protocol writes names; it is kept as it came.",
    model.CUT: "Something said of it was too long and was cut.",
    model.BAD_ENCODING: "What was said of it was not in valid text; it is kept as the bytes came.",
}
_SCHEMES = {"signed-video": "Signed Video", "onvif-media-signing": "ONVIF Media Signing"}
_CODECS = {
    "h264": "H.264", "hevc": "H.265", "mpeg4": "MPEG-4 part 2", "mjpeg": "Motion JPEG", "aac": "AAC", "opus": "Opus",
    "pcm_s16le": "PCM", "av1": "AV1", "vp9": "VP9",
}  # fmt: skip
STATES = {
    "waiting": "Received and sealed; it has not been looked into yet.",
    "inspected": "Read back and agrees with what was received.",
    "unreadable": "Kept and sealed as it came, but it cannot be read as video.",
    "fault": "What lies in the store no longer agrees with what was received.",
}


def flag(name: str) -> str:
    """What a flag means; a flag nobody explained is shown as it is."""
    return _FLAGS.get(name, f"Flagged: {name}.")


def tracks(inspection: Mapping[str, Any] | None) -> list[str]:
    """The tracks of a file, one line each: `H.264 video, 1280 × 720 px, 25 frames a second`."""
    return [_track(track) for track in (inspection or {}).get("tracks", ()) if isinstance(track, Mapping)]


def _track(track: Mapping[str, Any]) -> str:
    codec = str(track.get("codec") or "unknown")
    said = [
        f"{_CODECS.get(codec, codec)} {'sound' if track.get('kind') == 'audio' else track.get('kind', 'track')}"
    ]
    if track.get("width_px") and track.get("height_px"):
        said.append(f"{track['width_px']} × {track['height_px']} px")
    rate = track.get("rate")
    if isinstance(rate, list | tuple) and len(rate) == 2 and rate[1]:
        said.append(f"{rate[0] / rate[1]:.4g} frames a second")
    if track.get("rotation"):
        said.append(f"turned by {track['rotation']}°")
    if track.get("sample_rate"):
        said.append(f"{track['sample_rate'] / 1000:.4g} kHz")
    if track.get("channels"):
        said.append("mono" if track["channels"] == 1 else f"{track['channels']} channels")
    return ", ".join(said)


def signed(inspection: Mapping[str, Any] | None) -> str:
    """Whether the camera signed a file and who it says it is; says too that reading is not verifying."""
    if inspection is None:
        return "Not looked into yet."
    found = [one for one in inspection.get("signed", ()) if isinstance(one, Mapping)]
    if not found:
        return "No signature of a camera was found in it."
    said = []
    for one in found:
        maker = " ".join(str(one[k]) for k in ("manufacturer", "hardware") if one.get(k))
        serial = f", serial number {one['serial']}" if one.get("serial") else ""
        scheme = _SCHEMES.get(str(one.get("scheme")), str(one.get("scheme")))
        said.append(
            f"{one.get('signatures', 0)} {scheme} signatures by {maker or 'an unnamed maker'}{serial}"
        )
    return "; ".join(said) + ". They were read, not verified."


def clock(off_s: int | None, compared: str) -> str:
    """How far a camera's clock was off; `compared` says with what and when."""
    if off_s is None:
        return "Nobody has compared the camera's clock."
    if abs(off_s) < 2:
        return f"The camera's clock was right to within two seconds ({compared})."
    side = "ahead" if off_s > 0 else "behind"
    return f"The camera's clock was {length(abs(off_s))} {side} ({compared}); times are shown as the camera said them."


def length(seconds: float | None) -> str:
    """A duration: `9 s`, `3 min 40 s`, `2 h 5 min`, `3 days`."""
    if seconds is None:
        return "unknown"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    if whole < 48 * 3600:
        minutes = whole % 3600 // 60
        return f"{whole // 3600} h {minutes} min" if minutes else f"{whole // 3600} h"
    return f"{whole // 86400} days"


def size(count: int) -> str:
    """A size in bytes for people: `512 bytes`, `1.2 MB` (powers of ten)."""
    if count < 1000:
        return f"{count} byte" if count == 1 else f"{count} bytes"
    value = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.5:
            return f"{value:.3g} {unit}"
    return f"{value:.0f} TB"


def case_act(act: str, detail: Mapping[str, Any]) -> str:
    """What was done to a case, in words that follow who did it."""
    number, who = str(detail.get("recording_number", "a recording")), str(detail.get("who", "somebody"))
    task_force = f" as {detail['task_force']}" if detail.get("task_force") else ""
    return {
        "case_opened": f"opened the case “{detail.get('title', '')}”",
        "case_closed": "closed the case",
        "case_reopened": "opened the case again",
        "recording_added": f"put {number} into it",
        "recording_removed": f"took {number} out of it",
        "member_added": f"made {who} {detail.get('part', 'a member')}",
        "member_ended": f"ended that {who} is {detail.get('part', 'a member')}",
        "agency_joined": f"let {str(detail.get('joint', '')).upper()} join{task_force}",
        "agency_left": f"ended that {str(detail.get('joint', '')).upper()} is joined",
        "shared": f"shared its recordings with {share_to(detail)}",
        "share_revoked": f"took the share with {share_to(detail)} back",
    }.get(act, act.replace("_", " "))


def share_to(detail: Mapping[str, Any]) -> str:
    """With whom a share is, as its entry says it."""
    return (
        "one person from outside"
        if detail.get("to_account")
        else str(detail.get("to", "another agency")).upper()
    )
