"""Is a session only its owner's, new at each sign-in, locked when idle, and over when somebody ends it?"""

from __future__ import annotations

from datetime import timedelta

import pytest

from house import House
from lapel.access import sessions
from lapel.access.doors import Doors
from lapel.base import clock
from lapel.custody import log
from staffed import NAME, PASSWORD, Person, Staffed, staffed

NOTICE = "You are using a government information system."


@pytest.fixture
def desk(house: House) -> Staffed:
    return staffed(house)


def test_each_sign_in_gives_a_new_token_and_ends_the_one_before(desk: Staffed) -> None:
    planted = desk.account().token
    person = Person(desk.app(), planted)
    token = person.form_token("/account")
    person.post("/sign-out", data={"form_token": token})
    person.cookies.set("lapel", planted)
    person.fill("/sign-in", {"name": NAME, "password": PASSWORD}, "/sign-in")
    assert sessions.read(desk.archive.db, planted) is None
    assert person.get("/work").status_code == 200


def test_a_stolen_session_is_worth_nothing_after_it_is_ended_elsewhere(desk: Staffed) -> None:
    app, stolen = desk.app(), desk.account().token
    owner = Person(app)
    owner.fill("/sign-in", {"name": NAME, "password": PASSWORD}, "/sign-in")
    thief = Person(app, stolen)
    assert thief.get("/account").status_code == 200
    owner.fill("/account/sessions/end-others", {})
    assert thief.get("/account").status_code == 303
    assert owner.get("/account").status_code == 200


def test_nobody_ends_anothers_session(desk: Staffed) -> None:
    app = desk.app()
    victim, other = desk.account(), desk.account(name="Somebody else")
    person = Person(app, other.token)
    assert person.fill(f"/account/sessions/{victim.session}/end", {}).status_code == 404
    assert sessions.read(desk.archive.db, victim.token) is not None


def test_an_idle_session_locks_and_opens_again_on_the_page_that_was_left(
    desk: Staffed, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person(desk.app(), desk.account(("cbp", "ice")).token)
    person.fill("/view", {"agency": "ice"})
    later = clock.now() + timedelta(minutes=31)
    monkeypatch.setattr(clock, "now", lambda: later)
    answer = person.get("/recordings", headers={"accept": "text/html"})
    assert answer.headers["location"] == "/sign-in?next=/recordings"
    assert person.get("/session.json").json()["state"] == "locked"
    page = person.get(answer.headers["location"]).text
    assert "Your session is locked" in page
    assert f'value="{NAME}"' in page
    answer = person.fill("/sign-in", {"name": NAME, "password": PASSWORD, "next": "/recordings"}, "/sign-in")
    assert answer.headers["location"] == "/recordings"
    assert person.get("/account.json").json()["agency_in_view"] == "ice"


def test_the_notice_is_acknowledged_before_signing_in_and_named_in_the_entry(desk: Staffed) -> None:
    opened, doors = desk.account(), Doors(banner=NOTICE)
    person = Person(desk.app(doors=doors))
    assert NOTICE in person.get("/sign-in").text
    right = {"name": NAME, "password": PASSWORD}
    for sent in ("", "0" * 64):
        assert person.fill("/sign-in", {**right, "banner": sent}, "/sign-in").status_code == 403
    assert person.fill("/sign-in", {**right, "banner": doors.banner_digest}, "/sign-in").status_code == 303
    with desk.archive.db.tx(desk.house.scope()) as conn:
        entries = [a for a in log.history(conn, f"account:{opened.account}") if a.act == "signed_in"]
    assert [a.detail.get("banner") for a in entries if a.detail["method"] == "password"] == [
        doors.banner_digest
    ]
