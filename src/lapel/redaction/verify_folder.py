"""Where does a verifier find a release? In a folder; it reads the files that a release has and no others.

Standard library only, as everything that the bundled verifier carries.
"""

from __future__ import annotations

from pathlib import Path

from lapel.base.errors import NotFound
from lapel.redaction.manifest import MANIFEST, RECEIPTS, SIGNATURE
from lapel.redaction.manifest_values import MAX_BYTES
from lapel.redaction.verify import Release, Verdict, verify_release


def verify_folder(folder: Path, trust: bytes | None = None) -> Verdict:
    """Check the release in a folder. Raises `NotFound` when there is none, `Invalid` as `verify_release` does."""
    try:
        manifest = _small(folder / MANIFEST)
        signature = _small(folder / SIGNATURE)
        receipts = {path.name: _small(path) for path in sorted((folder / RECEIPTS).glob("*.json"))}
    except OSError as fault:
        raise NotFound(f"There is no release in {folder}: {fault.strerror}.") from None
    return verify_release(
        Release(manifest, signature, receipts, lambda name: (folder / name).open("rb")), trust
    )


def _small(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)
