"""Is everything in this release that is not marked as redacted what the camera delivered? Asks nobody, needs no original.

The rules, in their order; one that fails ends the check with status 90 and names the clip, the track and the group:
- the manifest is, byte for byte, what the key in `manifest.sig` signed, and names that key;
- the file is a plain mp4, or a Matroska file that one was packed into, with exactly the tracks that are claimed: no other
  box, text, date, edit or byte;
- the header is a leaf of the tree; size, shape, rotation and sound are those of the header;
- walked in order, each group has its packets at its times, none overlaps, none is left over;
- a copied group hashes to its leaf with the parameter sets that its slices refer to; a silenced packet is the silence
  that is shown; a redacted group is what was signed;
- all leaves together give the root;
- the receipts show that root, and the key that signed, in the custody log (else, or without a trust file, status 8).

The parsing is the verifier's own (`verify_mp4`, `verify_mkv`, `verify_pictures`, `verify_media`): standard library and custody's pure files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from hashlib import sha256
from typing import Any, BinaryIO

from lapel.base.errors import NOT_ANCHORED, EvidenceFault, Invalid
from lapel.custody.tree import Frontier, leaf_hash
from lapel.custody.trust import Trust, read_trust
from lapel.custody.verify import verify_receipt
from lapel.redaction.manifest import (
    ClipClaim,
    Manifest,
    check_signature,
    header_of,
    read_manifest,
)
from lapel.redaction.verify_mkv import is_mkv, read_mkv
from lapel.redaction.verify_mp4 import is_mp4, read_mp4
from lapel.redaction.verify_track import TrackWalk

WRONG = EvidenceFault.exit_status


@dataclass(slots=True)
class Verdict:
    """The outcome. `status`: 0 anchored, 8 consistent but not anchored, 90 wrong."""

    status: int
    says: list[str] = field(default_factory=list)
    proved: list[str] = field(default_factory=list)
    not_proved: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "says": self.says,
            "proved": self.proved,
            "not_proved": self.not_proved,
            "wrong": self.wrong,
        }

    def __str__(self) -> str:
        says = "The manifest claims, but do not rely on it" if self.wrong else "The manifest says"
        blocks = {"WRONG": self.wrong, says: self.says, "Proved": self.proved, "Not proved": self.not_proved}
        return "\n".join(
            f"{head}:\n" + "".join(f"  - {line}\n" for line in lines)
            for head, lines in blocks.items()
            if lines
        )


@dataclass(frozen=True, slots=True)
class Release:
    """What lies in the folder: the manifest's bytes, its signature's, the receipts by name, and how to open a file."""

    manifest: bytes
    signature: bytes
    receipts: dict[str, bytes]
    opened: Callable[[str], BinaryIO]


def verify_release(
    release: Release, trust: Trust | str | bytes | None = None, *, now: datetime | None = None
) -> Verdict:
    """Check a release. Raises `Invalid` (exit 5) when the signed manifest or the trust file cannot be read."""
    known = trust if isinstance(trust, Trust) or trust is None else read_trust(trust)
    verdict = Verdict(0)
    try:
        key = check_signature(release.manifest, release.signature)
        claim = read_manifest(release.manifest)
        _say(verdict, claim)
        if claim.key != key:
            raise EvidenceFault("The manifest names another key than the one that signed it.")
        verdict.proved.append(f"The manifest is what the key {key.hex()[:16]}… signed, unchanged.")
        for clip in claim.clips:
            if clip.file:
                _Clip(clip, release.opened, verdict).check()
        _anchor(release, claim, known, verdict, now)
    except EvidenceFault as fault:
        return Verdict(WRONG, verdict.says, [], [], [fault.says])
    verdict.not_proved += [
        "What lies outside of the masks inside a redacted group: it was encoded again.",
        "That what was hidden had to be hidden: the manifest says under which exemption, not whether rightly.",
    ]
    return verdict


def _say(verdict: Verdict, claim: Manifest) -> None:
    withheld = [str(clip.number) for clip in claim.clips if not clip.file]
    verdict.says.append(
        f"{'Reviewed by a person' if claim.reviewed else 'UNREVIEWED: no person has accepted what is hidden'}, made at {claim.made_at}."
    )
    verdict.says.append(f"{len(claim.clips)} clips, withheld: {', '.join(withheld) or 'none'}.")
    verdict.says.append(_reported(claim.report))
    verdict.says += [f"Warning: {one}" for one in claim.warnings]


def _reported(report: Mapping[str, Any]) -> str:
    """What its maker reports of the work, in words: numbers only, since nothing proves them."""

    def number(name: str) -> str:
        value = report.get(name)
        return str(value) if type(value) is int and 0 <= value < 10**12 else "it is not said how many"

    accepted = report.get("accepted_by")
    people = len(accepted) if isinstance(accepted, dict) else 0
    hidden = sum(n for n in accepted.values() if type(n) is int) if isinstance(accepted, dict) else 0
    return (
        f"Its maker reports: {hidden} of {number('tracks')} tracks accepted by {people} people, {number('rejected')} left visible, "
        f"{number('suspects_looked_at')} of {number('suspects')} suspects looked at, {number('frames_watched')} of "
        f"{number('frames')} frames watched by a person, {number('still_seen')} sightings in the render that nothing accounts for."
        " No pass is called complete."
    )


def _anchor(
    release: Release, claim: Manifest, trust: Trust | None, verdict: Verdict, now: datetime | None
) -> None:
    """The root of every clip, the key, and the copy itself, in the custody log."""
    missing = False
    wanted: list[_Wanted] = []
    for clip in claim.clips:
        if clip.root is not None:
            wanted.append(_Wanted(f"clip-{clip.number}.json", "media_tree_built", "media_root", clip.root))
    wanted.append(_Wanted("signer.json", "manifest_key_logged", "manifest_key", claim.key.hex()))
    if claim.agency:
        wanted.append(_Wanted("redacted.json", "redacted", "manifest", sha256(release.manifest).hexdigest()))
    for one in wanted:
        missing |= not _receipt(release, one, claim.agency, trust, verdict, now)
    if missing:
        verdict.status = NOT_ANCHORED


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a receipt has to show: the act, and one member of it with this value."""

    name: str
    act: str
    member: str
    value: str

    @property
    def what(self) -> str:
        if self.member == "media_root":
            return f"the root of {self.name[:-5].replace('-', ' ')}"
        return "the key that signed" if self.member == "manifest_key" else "this very manifest"


def _receipt(
    release: Release,
    wanted: _Wanted,
    agency: str,
    trust: Trust | None,
    verdict: Verdict,
    now: datetime | None,
) -> bool:
    text = release.receipts.get(wanted.name)
    if text is None:
        verdict.not_proved.append(f"That {wanted.what} is in any custody log: there is no receipt of it.")
        return False
    try:
        found = verify_receipt(text, None, trust, now=now)
    except Invalid as error:
        raise EvidenceFault(f"The receipt {wanted.name} cannot be read: {error.says}") from None
    if found.wrong:
        raise EvidenceFault(f"The receipt {wanted.name}: {found.wrong[0]}")
    if found.opened.get(wanted.member) != wanted.value or found.opened.get("act") != wanted.act:
        raise EvidenceFault(
            f"The receipt {wanted.name} is of another {wanted.member.replace('_', ' ')} than the manifest's."
        )
    if agency and found.opened.get("agency") != agency:
        raise EvidenceFault(f"The receipt {wanted.name} is of another agency than the manifest's, {agency}.")
    at = found.opened.get("at", "a time that is not shown")
    verdict.proved.append(f"The custody log has {wanted.what}, entered at {at}: {found.proved[1]}")
    if found.status:
        verdict.not_proved.append(f"That this log is the department's ({wanted.name}): {found.not_proved[0]}")
    return found.status == 0


class _Clip:
    """The check of one clip's file."""

    def __init__(self, claim: ClipClaim, opened: Callable[[str], BinaryIO], verdict: Verdict) -> None:
        self._claim, self._opened, self._verdict = claim, opened, verdict
        self._shift = Fraction(*claim.shift)

    def check(self) -> None:
        """Raises `EvidenceFault` naming what is wrong."""
        try:
            with self._opened(self._claim.file) as file:
                digest = sha256()
                size = 0
                while chunk := file.read(1 << 20):
                    digest.update(chunk)
                    size += len(chunk)
                self._content(file, size)
        except EvidenceFault as fault:
            raise EvidenceFault(f"{self._claim.file}: {fault.says}.") from None
        except OSError as fault:
            raise EvidenceFault(f"{self._claim.file} cannot be read: {fault.strerror}.") from None
        if digest.hexdigest() == self._claim.sha256:
            self._verdict.proved.append(f"{self._claim.file} is, byte for byte, the file that was signed.")
        else:
            self._verdict.not_proved.append(
                f"{self._claim.file} is not the file as it was made: it was packed again, its content is the same."
            )
        if self._claim.broken_off:
            self._verdict.says.append(f"{self._claim.file}: {self._claim.broken_off}")

    def _content(self, file: BinaryIO, size: int) -> None:
        file.seek(0)
        head = file.read(12)
        if not is_mp4(head) and not is_mkv(head):
            raise EvidenceFault("this is neither an mp4 nor a Matroska file")
        found = read_mp4(file, size) if is_mp4(head) else read_mkv(file, size)
        header = header_of(self._claim)
        if len(header) != len(self._claim.tracks):
            raise EvidenceFault("the manifest does not account for every track of the original")
        kept = [track for track in self._claim.tracks if not track.left_out]
        if len(kept) != len(found.tracks):
            raise EvidenceFault(f"it has {len(found.tracks)} tracks, and the manifest {len(kept)}")
        leaves = [leaf_hash(self._claim.header.encode())]
        counts = {"copied": 0, "partly": 0, "redacted": 0}
        files = iter(found.tracks)
        for claim, facts in zip(self._claim.tracks, header, strict=True):
            own = [group.leaf for group in claim.groups] if not claim.leaves else list(claim.leaves)
            if len(own) != facts.get("units"):
                raise EvidenceFault(
                    f"track {claim.number} of the original had {facts.get('units')} groups, the manifest {len(own)}"
                )
            leaves += own
            if not claim.left_out:
                TrackWalk(claim, facts, next(files), file, self._shift).check()
                for group in claim.groups:
                    counts[group.kind] += 1
            else:
                self._verdict.says.append(f"Track {claim.number} is left out: {claim.left_out}.")
            if claim.whole:
                self._verdict.says.append(f"Track {claim.number} is encoded again as a whole: {claim.whole}.")
        tree = Frontier()
        tree.extend(leaves)
        if tree.root().hex() != self._claim.root:
            raise EvidenceFault("the groups do not give the root of the original's media tree")
        self._verdict.proved.append(
            f"{self._claim.file}: {counts['copied']} groups are bit for bit what was delivered, {counts['partly']} but for "
            f"silence, {counts['redacted']} are declared redacted; their order and times are unbroken."
        )
        self._verdict.not_proved += [f"{self._claim.file}: {one}." for one in found.unproved]
