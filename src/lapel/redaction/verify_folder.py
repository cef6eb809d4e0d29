"""Where does a verifier find a release? In a folder; it reads the files that a release has and no others.

Standard library only, as everything that the bundled verifier carries.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from lapel.base.errors import NotFound
from lapel.redaction.manifest import MANIFEST, RECEIPTS, SIGNATURE
from lapel.redaction.manifest_values import MAX_BYTES
from lapel.redaction.verify import Release, Verdict, verify_release

# What a copy from an archive brings along; anybody could have put others in their place.
BROUGHT = {"README.txt", "lapel-verify.py", "trust.json"}


def verify_folder(folder: Path, trust: bytes | None = None) -> Verdict:
    """Check the release in a folder. Raises `NotFound` when there is none, `Invalid` as `verify_release` does."""
    try:
        manifest = _small(folder / MANIFEST)
        signature = _small(folder / SIGNATURE)
        receipts = {path.name: _small(path) for path in sorted((folder / RECEIPTS).glob("*.json"))}
    except OSError as fault:
        raise NotFound(f"There is no release in {folder}: {fault.strerror}.") from None
    opened = {MANIFEST, SIGNATURE, RECEIPTS}

    def open_clip(name: str) -> BinaryIO:
        place = folder / name
        packed_again = place.with_suffix(".mkv")
        if not place.exists() and packed_again.exists():
            place = packed_again
        opened.add(place.name)
        return place.open("rb")

    verdict = verify_release(Release(manifest, signature, receipts, open_clip), trust)
    if not verdict.wrong:
        more = {path.name for path in folder.iterdir()} - opened
        verdict.not_proved += [
            f"{name} lies in the folder and is no part of the release: nothing is known of it."
            for name in sorted(more - BROUGHT)
        ]
        if brought := sorted(more & BROUGHT):
            verdict.not_proved.append(
                f"{', '.join(brought)} came along and nobody vouches for them: get them by another way too, and compare."
            )
    return verdict


def _small(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)
