"""What happened to the footage, in plain words, and does it hold when somebody checks it?"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lapel.app.department import Department
from lapel.base.errors import EvidenceFault, Unavailable
from lapel.custody import log, receipt
from lapel.custody.trust import read_trust
from lapel.custody.verify import Verdict, verify_receipt
from lapel.fleet import store as fleet
from lapel.footage import store
from lapel.footage.model import Original, Recording
from lapel.roster import store as roster

_SHOWN = ("at", "act", "agency", "sha256")


def report(here: Department, numbers: Sequence[str], console: Console, *, new: int) -> None:
    """Print what came in and verify a receipt of every arrival. Raises `EvidenceFault` when one does not hold.

    `new`: how many of the recordings were not there before.
    """
    table = Table(title=_came(new, len(numbers) - new), title_justify="left")
    for column in ("recording", "wearer", "camera", "original", "what was found", "receipt"):
        table.add_column(column, overflow="fold")
    verdicts: list[Verdict] = []
    for number in numbers:
        for row, verdict in _rows(here, number):
            table.add_row(*map(escape, row))
            verdicts += [verdict] if verdict else []
    console.print(table)
    if wrong := [verdict for verdict in verdicts if verdict.status != 0]:
        raise EvidenceFault(f"{len(wrong)} of {len(verdicts)} receipts do not hold.")
    if not verdicts:
        return
    console.print(
        f"{len(verdicts)} receipts checked by the verifier, with the standard library alone and {here.settings.trust.name}."
    )
    for sentence in verdicts[-1].proved:
        console.print(f"  proved: {sentence}", soft_wrap=True)
    for sentence in verdicts[-1].not_proved:
        console.print(f"  not proved: {sentence}", soft_wrap=True)


def _came(new: int, again: int) -> str:
    """The title. What is delivered again is acknowledged, and not kept twice."""
    said = []
    if new or not again:
        said.append(f"{_recordings(new)} came in over the camera protocol")
    if again:
        was = "was" if again == 1 else "were"
        said.append(f"{_recordings(again)} {was} there already, delivered again and not kept twice")
    return "; ".join(said)


def _recordings(count: int) -> str:
    return f"{count} recording{'' if count == 1 else 's'}"


def _rows(here: Department, number: str) -> list[tuple[list[str], Verdict | None]]:
    archive, scope = here.operator()
    with archive.db.tx(scope) as conn:
        recording = store.recording_by_number(conn, number)
        wearer = roster.officer(conn, recording.wearer).label if recording.wearer else "unknown"
        camera = fleet.camera(conn, recording.camera).label if recording.camera else "unknown"
        originals = store.originals(conn, recording.id)
        acts = log.history(conn, f"recording:{recording.id}")
    rows: list[tuple[list[str], Verdict | None]] = []
    if not originals:
        where = "these bytes are kept already, in another recording"
        rows.append(([number, wearer, camera, "delivered again", where, ""], None))
    for original in originals:
        entry = next(
            act.entry for act in acts if act.act == "received" and act.detail.get("original") == original.id
        )
        verdict = _checked(here, entry)
        held = "holds" if verdict.status == 0 else "does not hold"
        rows.append(([number, wearer, camera, _size(original), _found(recording, original), held], verdict))
    return rows


def _checked(here: Department, entry: str) -> Verdict:
    """The receipt of one entry, verified as an outsider would; waits for the checkpoint that covers it."""
    archive, scope = here.operator()
    deadline = time.monotonic() + 60
    while True:
        try:
            with archive.db.tx(scope) as conn:
                made = receipt.prove(conn, archive.stores.public, entry, _SHOWN)
            break
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
    return verify_receipt(json.dumps(made), trust=read_trust(here.settings.trust.read_bytes()))


def _size(original: Original) -> str:
    return f"{original.kind}, {original.size_bytes / 1e6:.2f} MB"


def _found(recording: Recording, original: Original) -> str:
    if original.state == "unreadable":
        return f"kept, sealed and logged; it could not be read: {original.reason}"
    if original.kind != "clip":
        return "kept, sealed and logged"
    seconds = (original.inspection or {}).get("duration_ms", 0) / 1000
    tree = f"media tree {original.media_root[:12]}…" if original.media_root else "no media tree"
    return f"{seconds:.1f} s, {tree}"
