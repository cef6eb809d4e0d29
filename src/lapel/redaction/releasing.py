"""How does a redacted clip leave the house? As a folder with the render, its signed manifest, and the receipts there are.

The folder appears at once and whole: everything is made beside it under a name that says it is not finished, checked by
the verifier that an outsider runs, and then renamed. What fails leaves nothing that looks finished.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lapel.base import clock
from lapel.base.digest import canonical
from lapel.base.errors import Conflict, EvidenceFault, Invalid, NotFound, Unavailable
from lapel.redaction import manifest as manifests
from lapel.redaction.finding import Unaccounted
from lapel.redaction.manifest import MANIFEST, SIGNATURE, SIGNED
from lapel.redaction.plan import Plan, check_source, hides, left_to_look_at
from lapel.redaction.rendering import Clip, Progress, render_clip
from lapel.redaction.reporting import Worked, report
from lapel.redaction.second_look import Look, StillSeen
from lapel.redaction.verify import Verdict
from lapel.redaction.verify_folder import verify_folder

PROGRAM = "lapel 0.1.0"
LEFT_OUT = (
    "Metadata, names, dates and serial numbers of the file.",
    "Supplemental information in the picture stream (SEI), the camera's own signature included.",
    "Tracks that are neither picture nor sound: location, telemetry, captions, time code; cover pictures.",
    "Edit lists, the pictures and sound that they hide, and the priming of the sound.",
)
SEEN = "A detector still sees faces in the render that nothing hides; nobody has looked at them."
UNDONE = "Pixelated or blurred regions can be undone, in part or whole; opaque masks cannot."


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs a manifest: the public key, its agency (empty: nobody's), and the act of signing."""

    key: bytes
    agency: str
    sign: Callable[[bytes], bytes]


def throw_away() -> Signer:
    """A key made for one manifest and forgotten: it shows that the manifest is unchanged since, and nothing of by whom."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = Ed25519PrivateKey.generate()
    return Signer(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw), "", key.sign)


def release_file(
    source: Path, plan: Plan, out: Path, *, auto: bool, told: Progress, look: Look | None = None
) -> Verdict:
    """Render a bare file into a new folder. Its root is in no log, which the verdict (status 8) says.

    `look`: the second look, over the render (`second_look.look_again`); without it the report says that nobody looked.

    Raises `NotFound` for a file that cannot be read, `Conflict` when the folder is there, `Invalid` for what cannot be
    rendered or a plan of another file, `Unavailable` (507) when the disk is full.
    """
    try:
        with source.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.seek(0, os.SEEK_END)

            def read(offset: int, length: int) -> bytes:
                return os.pread(file.fileno(), length, offset)

            check_source(plan, digest, size)
            clip = Clip(read, size, digest, secrets.token_bytes(32))
            return release([(clip, plan)], out, throw_away(), auto=auto, told=told, look=look)
    except (FileNotFoundError, PermissionError, IsADirectoryError) as fault:
        raise NotFound(f"{source} cannot be read: {fault.strerror}.") from None


def release(
    clips: Sequence[tuple[Clip, Plan] | str],
    out: Path,
    signer: Signer,
    *,
    auto: bool,
    told: Progress,
    recording: str = "",
    look: Look | None = None,
) -> Verdict:
    """Make a release of these clips; a text stands for one that is withheld, and is its root or empty.

    Raises as above, and `StillSeen` when the second look finds what nothing accounts for (with `auto` it is only told).
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Conflict(
            f"{out} is there already and not empty.", next_step="Name a folder that is not there yet."
        )
    _check_reviewed([one[1] for one in clips if not isinstance(one, str)], auto=auto)
    part = out.with_name(f".{out.name}.unfinished-{secrets.token_hex(4)}")
    try:
        part.mkdir(parents=True)
        verdict = _make(part, clips, signer, auto, told, recording, look)
        if out.exists():
            out.rmdir()
        part.rename(out)
        _sync(out.parent)
        return verdict
    except OSError as fault:
        if fault.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Unavailable(
                f"The disk is full: the release {out} was not made, and nothing is left of it.",
                next_step="Make room, or name a folder on another disk.",
                status=507,
            ) from None
        if fault.errno in (errno.EACCES, errno.EROFS, errno.EIO, errno.ENOTDIR, errno.EFBIG):
            raise Unavailable(f"The release {out} cannot be written: {fault.strerror}.") from None
        raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _check_reviewed(plans: Sequence[Plan], *, auto: bool) -> None:
    for plan in plans:
        if auto:
            continue
        tracks, sound, suspects = left_to_look_at(plan)
        if plan.reviewed is None or tracks or sound:
            raise Invalid(
                f"The plan waits for a person: {tracks} tracks, {sound} stretches of sound and {suspects} suspects are open"
                f"{'' if plan.reviewed else ', and nobody has accepted it'}.",
                next_step="Finish it at the desk, or render it with --auto, which marks the result as unreviewed.",
            )


def _make(
    part: Path,
    clips: Sequence[tuple[Clip, Plan] | str],
    signer: Signer,
    auto: bool,
    told: Progress,
    recording: str,
    look: Look | None,
) -> Verdict:
    said: list[dict[str, Any]] = []
    work: list[Worked] = []
    seen: dict[str, Sequence[Unaccounted]] = {}
    for number, one in enumerate(clips, 1):
        if isinstance(one, str):
            said.append({"clip": number, "there": False, "why": "withheld", "root": one or None})
            continue
        name = f"clip-{number}.mp4"
        rendered = render_clip(one[0], one[1], part / name, auto=auto, told=told)
        sightings = look(part / name, one[1], auto) if look is not None else None
        if sightings:
            seen[one[0].sha256] = sightings
        still = None if sightings is None else len(sightings)
        work.append(Worked(one[1], rendered.units, rendered.touched, one[0].watched_milli, still))
        said.append(
            {
                "clip": number, "there": True, "file": name, "size_bytes": rendered.size_bytes,
                "sha256": rendered.sha256, "broken_off": rendered.broken_off, **rendered.record,
            }
        )  # fmt: skip
    if seen and not auto:
        raise StillSeen(seen)
    text = canonical(_manifest(said, work, signer, auto=auto, recording=recording))
    signature = manifests.signature_text(signer.key, signer.sign(SIGNED + text)).encode()
    _write(part / MANIFEST, text)
    _write(part / SIGNATURE, signature)
    verdict = verify_folder(part)
    if verdict.wrong:
        raise EvidenceFault(
            f"The render does not pass its own check and was thrown away: {verdict.wrong[0]}",
            next_step="Keep the original as it is and report this: it is a defect of Lapel, or of its encoder.",
        )
    _sync(part)
    return verdict


def _manifest(
    said: list[dict[str, Any]], work: Sequence[Worked], signer: Signer, *, auto: bool, recording: str
) -> dict[str, Any]:
    plans = [one.plan for one in work]
    undone = any(t.mask != "opaque" for plan in plans for t in plan.tracks if hides(t, auto=auto))
    seen = any(one.still_seen for one in work)
    first = plans[0].reviewed if plans else None
    reviewed = {"by": first.by, "at": first.at, "second": first.second} if first and not auto else None
    return {
        "format": manifests.FORMAT,
        "v": manifests.VERSION,
        "program": PROGRAM,
        "made_at": clock.stamp(clock.now()),
        "signer": {"key": signer.key.hex(), "agency": signer.agency},
        "recording": recording,
        "state": "unreviewed" if auto else "reviewed",
        "reviewed": reviewed,
        "warnings": [*([UNDONE] if undone else []), *([SEEN] if seen else [])],
        "left_out": list(LEFT_OUT),
        "report": report(work),
        "clips": said,
    }


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
