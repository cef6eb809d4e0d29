"""What every browser test shares: Debian's Chromium, and the staff app with a custodian's Tuesday in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from house import House
from lapel.access import accounts, grants, tokens
from lapel.base import clock
from lapel.cases import contents, files, members, shares
from lapel.cases.model import Ref
from lapel.cases.shares import What
from lapel.custody import log
from lapel.footage.axis_connect import connect
from scene import Scene, set_scene
from staffed import Staffed, serving, staffed

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
WIDE, NARROW = (1280, 900), (320, 700)


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """Chromium. Absent, the tests are skipped and say why; LAPEL_REQUIRE=browser makes that a failure.

    One for each file: while it is open, playwright's event loop counts as running, and no other test could have one.
    """
    if not CHROMIUM.exists():
        if "browser" in os.environ.get("LAPEL_REQUIRE", ""):
            pytest.fail(f"{CHROMIUM} is not there, and LAPEL_REQUIRE asks for it.")
        pytest.skip(f"{CHROMIUM} is not there: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield chromium
        chromium.close()


def violations(window: Any) -> list[dict[str, Any]]:
    """What axe-core finds wrong on the page that is open; what it finds right is not written out, which takes most of its time."""
    found = Axe().run(window, options={"resultTypes": ["violations"]}).response["violations"]
    return list(found)


@dataclass(frozen=True, slots=True)
class Served:
    """The app answers at `url`; `scene` names its recordings."""

    url: str
    scene: Scene
    here: Staffed
    made: dict[str, str] = field(default_factory=dict)

    def matters(self) -> dict[str, str]:
        """A case that is shared, a saved search, an account that waits for a role, a token and a camera system; their pages."""
        if self.made:
            return self.made
        archive, scope, at = self.here.archive, self.here.house.scope(), clock.now()
        with archive.db.tx(scope) as conn:
            row = conn.execute("SELECT id FROM recording WHERE number = %s", (self.scene.watched,)).fetchone()
        assert row is not None
        case = files.open_case(archive, scope, "cbp", "criminal", "Bridge, November 20")
        contents.add_recordings(archive, scope, case.id, [Ref(row["id"], "cbp")])
        members.add_member(archive, scope, case.id, "County prosecutor", "prosecutor")
        members.add_joint(archive, scope, case.id, "ice", "Port Six")
        share = shares.give(
            archive, scope, "cbp", "usss", What(case=case.id), acts=("view", "play"), purpose="A joint investigation",
            expires_at=at + timedelta(days=30),
        )  # fmt: skip
        filters = dict.fromkeys(("office", "camera", "category", "words"), "") | {
            "wearer": "4471", "first_day": None, "last_day": None, "zone": "America/New_York",
        }  # fmt: skip
        saved = shares.save_search(archive, scope, "cbp", "Officer 4471", filters)
        admin = self.here.account(("cbp",), "Administrator 2").account
        asked = self.here.house.scope("cbp", f"account:{admin}")
        new = accounts.make(archive.db, asked, "cbp", "Records 8")
        grants.ask(archive.db, asked, new.account, "cbp", "records")
        grants.ask(archive.db, asked, new.account, "cbp", "outside", until=at + timedelta(days=90))
        tokens.make(archive.db, scope, new.account, "cbp", "Nightly report", ["footage.list"], ["cbp"], 30)
        connect(archive, scope, "cbp", "East dock", ["https://dock.example.gov"])
        self.made.update(
            {
                "case": case.url, "share": f"/shares/{share.id}", "search-saved": f"/searches/{saved.id}",
                "accounts": "/accounts", "accounts-one": f"/accounts/{new.account}",
                "accounts-sessions": "/accounts/sessions", "accounts-programs": "/accounts/programs",
            }
        )  # fmt: skip
        return self.made

    def pages(self) -> dict[str, str]:
        """Every page somebody signed in can open, by a name for its screenshot."""
        entry = self.entry("received")
        base = f"/recordings/{self.scene.watched}"
        return {
            "work": "/work",
            "recordings": "/recordings",
            "recordings-narrowed": "/recordings?wearer=4471&category=none&from=2026-11-01",
            "recordings-none": "/recordings?wearer=nobody",
            "recording": base,
            "recording-faulty": f"/recordings/{self.scene.broken}",
            "recording-undelivered": f"/recordings/{self.scene.undelivered}",
            "recording-flagged": f"/recordings/{self.scene.unknown}",
            "proof": f"{base}/history/{entry}",
            "proof-pending": f"{base}/history/{self.pending()}",
            "cases": "/cases",
            "shares": "/shares",
            "share-new": f"/shares/new?recording={self.scene.watched}",
            "purpose": f"/recordings/{self.scene.asked}/purpose",
            "glass": f"/recordings/{self.scene.asked}/glass",
            "glass-broken": f"/recordings/{self.scene.broken_glass}/glass",
            "who": f"{base}/who",
            "who-restricted": f"/recordings/{self.scene.restricted}/who",
            "why": f"/recordings/{self.scene.asked}/why",
            "why-act": "/why?act=footage.restrict&agency=oig",
            "inspector": "/inspector",
            "missing": "/recordings/missing",
            "activation": "/activation",
            "fleet": "/fleet",
            "fleet-camera": f"/fleet/cameras/{self.scene.camera}",
            "fleet-officer": "/fleet/officers/cbp/4471",
            "fleet-conflicts": "/fleet/conflicts",
            "fleet-coverage": "/fleet/coverage",
            "activation-plan": "/activation/plan",
            "redactions": "/redactions",
            "log": "/log",
            "audit": "/audit?agency=cbp",
            "audit-health": "/audit/health",
            "audit-none": "/audit?outcome=failed&from=2999-01-01",
            "account": "/account",
            **self.matters(),
            "not-found": "/nowhere",
        }

    def entry(self, act: str) -> str:
        return next(a.entry for a in self._history() if a.act == act)

    def pending(self) -> str:
        """An act that no checkpoint covers."""
        from lapel.footage import play, store

        scope = self.here.house.scope("cbp")
        with self.here.archive.db.tx(scope) as conn:
            recording = store.recording_by_number(conn, self.scene.watched)
        play.enter_view(self.here.archive, scope, recording)
        return next(a.entry for a in reversed(self._history()) if not a.published)

    def _history(self) -> list[log.LoggedAct]:
        with self.here.archive.db.tx(self.here.house.scope("cbp")) as conn:
            row = conn.execute("SELECT id FROM recording WHERE number = %s", (self.scene.watched,)).fetchone()
            assert row is not None
            return log.history(conn, f"recording:{row['id']}")


@pytest.fixture
def served(house: House) -> Iterator[Served]:
    """The staff app on a free port, with everything a custodian may meet."""
    here = staffed(house)
    scene = set_scene(here)
    with serving(here.app()) as url:
        yield Served(url, scene, here)
