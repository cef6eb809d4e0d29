"""A department with a recording that people redact: what every test of a copy begins from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from releases import film, plan_of

from house import House
from lapel.custody import log
from lapel.custody.trust import first_trust
from lapel.footage import store as footage
from lapel.footage.model import Original, Recording
from lapel.redaction import copies, desk, making, store, store_copies
from lapel.redaction.finding import Unaccounted
from lapel.redaction.keeping import keep
from lapel.redaction.plan import Plan
from lapel.redaction.track import Box
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope
from staffed import staffed

FIRST, SECOND = "account:" + "1" * 32, "account:" + "2" * 32


def nobody(_render: Path, _plan: Plan, _auto: bool) -> Sequence[Unaccounted]:
    return ()


def somebody(_render: Path, _plan: Plan, _auto: bool) -> Sequence[Unaccounted]:
    return [Unaccounted("face", at, Box(40, 8, 12, 12), 812) for at in (200_000, 700_000)]


class Archived:
    """A department with one recording of two clips, the first of which two people decided."""

    def __init__(self, house: House) -> None:
        self.s = staffed(house)
        self.worker = Archive(house.db("worker"), house.stores, house.keys("worker"))
        self.scope = house.scope()
        self.trust = json.dumps(
            first_trust("example.gov/lapel", house.keys("sequencer").public_key("log")).to_json()
        ).encode()
        self.recording = self.arrives(film(), film(frames=30, sound=0))

    def arrives(self, *clips: bytes) -> Recording:
        there = self.s.announce()
        for number, content in enumerate(clips):
            self.s.deliver(there, content, f"clip{number}.mp4")
        self.s.complete(there)
        self.s.inspect(there)
        return there

    def clips(self, recording: Recording | None = None) -> list[Original]:
        with self.s.archive.db.tx(self.scope) as conn:
            return footage.originals(conn, (recording or self.recording).id)

    def by(self, actor: str) -> Scope:
        return self.s.house.scope(actor=actor)

    def proposed(self, content: bytes, original: Original, plan: Plan | None = None) -> str:
        """A redaction whose plan waits for people."""
        made = desk.begin(self.s.archive, self.by(FIRST), original.id)
        with self.worker.db.tx(self.by("system:worker")) as conn:
            there = store.redaction(conn, made)
            recording = footage.recording(conn, there.recording)
            keep(
                conn,
                self.worker,
                self.by("system:worker"),
                there,
                recording,
                plan or plan_of(content),
                "proposed",
            )
            store.change(conn, made, state="open", says="")
        return made

    def agreed(self, content: bytes, original: Original) -> str:
        """A redaction whose plan two people agreed on."""
        made = self.proposed(content, original)
        desk.accept(self.s.archive, self.by(FIRST), made, 1)
        desk.second(self.s.archive, self.by(SECOND), made)
        return made

    def rendered(self, content: bytes, original: Original) -> str:
        """What the desk and the worker make of it; the id of the copy."""
        made = self.agreed(content, original)
        desk.ask_render(self.s.archive, self.by(SECOND), made)
        making.render_copy(self.worker, made, look=nobody)
        with self.s.archive.db.tx(self.scope) as conn:
            return store_copies.copies(conn, redaction=made)[0].id

    def folder(self, copy: str, out: Path) -> Path:
        self.s.publish()
        copies.write_folder(self.s.archive, copies.prepare(self.s.archive, self.scope, copy, self.trust), out)
        return out

    def acts(self, recording: Recording | None = None) -> list[log.LoggedAct]:
        with self.s.archive.db.tx(self.scope) as conn:
            return log.history(conn, f"recording:{(recording or self.recording).id}")

    def clip_named(self, name: str) -> Original:
        return next(one for one in self.clips() if one.name == name)
