"""Can the face in the sample clip be hidden so that anyone can check that nothing else was changed? The demonstration's last step.

Two readers decide at the desk, the worker renders, the copy is taken and verified as an outsider does it; one bit of it is
changed, and the verifier names where. Safe to repeat: what is made already is taken and verified again.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from lapel.app.department import Department
from lapel.base.errors import EvidenceFault, Unavailable
from lapel.footage import store as footage
from lapel.footage.model import Original
from lapel.redaction import copies, desk, store, store_copies
from lapel.redaction.copy_commands import hand_out
from lapel.redaction.model import Redaction
from lapel.redaction.plan import Plan
from lapel.redaction.verify_folder import verify_folder
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope

FIRST, SECOND = "cli:demo-records-7", "cli:demo-records-8"
_WAIT_S = 120.0


def show(here: Department, number: str, console: Console, address: str) -> None:
    """Redact the first clip of a recording and print what can be checked. Raises `EvidenceFault` when a check does not hold."""
    archive, scope = here.operator()
    with archive.db.tx(scope) as conn:
        recording = footage.recording_by_number(conn, number)
        clip = next(one for one in footage.originals(conn, recording.id) if one.kind == "clip")
    with console.status("Two readers decide what to hide in a clip, and a worker renders it"):
        there = _Desk(archive, here.agency_ids, clip).made()
        with archive.db.tx(scope) as conn:
            made = store_copies.copies(conn, redaction=there.id)[0]
        out = here.settings.data / "demo-redacted"
        shutil.rmtree(out, ignore_errors=True)
        trust = here.settings.trust.read_bytes()
        verdict = hand_out(archive, scope, made.id, out, trust, wait_s=60)
        changed = _changed(out, trust)
    hidden = sum(made.report["accepted_by"].values())
    console.print(
        f"{hidden} face{'' if hidden == 1 else 's'} found in {number}, accepted by one reader, read by a second, hidden;"
        f" the detector looked again and saw {made.report['still_seen']} that nothing accounts for.",
        soft_wrap=True,
    )
    for sentence in verdict.proved:
        console.print(f"  proved: {sentence}", soft_wrap=True, markup=False)
    console.print(f"  the copy verifies: status {verdict.status}", soft_wrap=True)
    console.print(f"  one bit of it changed: status 90, {changed}", soft_wrap=True, markup=False)
    console.print(f"  its page: {address}/copies/{made.id}", soft_wrap=True, markup=False)
    console.print(
        f"  verify it yourself: cd {out} && python3 {copies.VERIFIER} . --trust trust.json",
        soft_wrap=True,
        markup=False,
    )
    if verdict.status != 0:
        raise EvidenceFault(f"The redacted copy of {number} verifies with {verdict.status}, not 0.")


def _changed(out: Path, trust: bytes) -> str:
    """What the verifier says of the copy with one bit changed. Raises `EvidenceFault` when it does not notice."""
    other = out.with_name("demo-redacted-changed")
    shutil.rmtree(other, ignore_errors=True)
    shutil.copytree(out, other)
    try:
        render = other / "clip-1.mp4"
        content = bytearray(render.read_bytes())
        content[-1000] ^= 1
        render.write_bytes(content)
        verdict = verify_folder(other, trust)
    finally:
        shutil.rmtree(other, ignore_errors=True)
    if not verdict.wrong:
        raise EvidenceFault("The verifier did not notice a changed copy.")
    return verdict.wrong[0]


@dataclass(slots=True)
class _Desk:
    """Two readers and a worker with one clip."""

    archive: Archive
    agencies: tuple[str, ...]
    clip: Original

    def made(self) -> Redaction:
        """The redaction once its copy is made; each step that was done before is not done again."""
        there = self._there()
        deadline = time.monotonic() + _WAIT_S
        while there.state != "rendered":
            if there.state == "open":
                self._decide(there)
            elif there.state == "accepted":
                desk.second(self.archive, self._by(SECOND), there.id)
            elif there.state == "second_read":
                if there.says:
                    raise Unavailable(f"The copy was not made: {there.says}")
                desk.ask_render(self.archive, self._by(SECOND), there.id)
            elif there.state == "stopped" or time.monotonic() > deadline:
                raise Unavailable(f"The copy was not made ({there.state}): {there.says}")
            else:
                time.sleep(0.1)
            there = self._read(there.id)[0]
        return there

    def _there(self) -> Redaction:
        with self.archive.db.tx(self._by(FIRST)) as conn:
            found = [
                *store.redactions(conn, self.agencies, recording=self.clip.recording),
                *store.redactions(conn, self.agencies, recording=self.clip.recording, done=True),
            ]
        mine = [one for one in found if one.original == self.clip.id and one.state != "stopped"]
        if mine:
            return mine[0]
        return self._read(desk.begin(self.archive, self._by(FIRST), self.clip.id))[0]

    def _decide(self, there: Redaction) -> None:
        _, plan = self._read(there.id)
        assert plan is not None
        orders = [{"op": "accept", "track": track.id} for track in plan.tracks if track.state == "proposed"]
        orders += [{"op": "accept_sound", "sound": one.id} for one in plan.sound if one.state == "proposed"]
        orders += [
            {"op": "suspect_looked", "suspect": one.id} for one in plan.suspects if one.looked == "open"
        ]
        by = self._by(FIRST)
        for start in range(0, len(orders), desk.MAX_ORDERS):
            there, _, _ = desk.edit(
                self.archive, by, there.id, there.revision, orders[start : start + desk.MAX_ORDERS]
            )
        desk.accept(self.archive, by, there.id, there.revision)

    def _read(self, redaction: str) -> tuple[Redaction, Plan | None]:
        return desk.read(self.archive, self._by(FIRST), redaction)

    def _by(self, who: str) -> Scope:
        return Scope(who, self.agencies)
