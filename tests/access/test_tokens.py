"""May a program do what its token says, as long as it says, and nothing else anywhere?"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from house import House
from lapel.access import accounts, grants, sessions, tokens
from lapel.access.signin import enter_failures
from lapel.base import clock
from lapel.base.errors import Invalid
from lapel.base.ids import new_id
from lapel.custody import log
from staffed import Person, Staffed, staffed


@pytest.fixture(scope="module")
def desk(shared_house: House) -> Staffed:
    return staffed(shared_house)


@pytest.fixture(scope="module")
def app(desk: Staffed) -> FastAPI:
    return desk.app()


class Holder:
    """Somebody with both roles in an agency, and their programs."""

    def __init__(self, desk: Staffed, app: FastAPI, agencies: tuple[str, ...] = ("cbp",)) -> None:
        self.desk, self.home = desk, agencies[0]
        self.name = f"Custodian {new_id()[:8]}"
        self.opened = desk.account(agencies, self.name)
        self.person = Person(app, self.opened.token)

    def token(self, *acts: str, agency: str = "cbp", **more: Any) -> dict[str, Any]:
        said = {"name": "Nightly report", "act": list(acts), "agency": [agency], "days": 30, **more}
        answer = self.person.fill("/account/tokens", said, "/account")
        assert answer.status_code == 201, answer.text
        assert answer.headers["cache-control"] == "private, no-store"
        (row,) = [t for t in self.person.get("/account.json").json()["tokens"] if t["used_at"] is None][:1]
        return {"text": answer.text.split('class="secret">')[1].split("<")[0], **row}

    def acts(self) -> list[str]:
        with self.desk.archive.db.tx(self.desk.house.scope(self.home)) as conn:
            return [act.act for act in log.history(conn, f"account:{self.opened.account}")]


@pytest.fixture
def holder(desk: Staffed, app: FastAPI) -> Holder:
    return Holder(desk, app)


def program(app: FastAPI, token: str) -> Person:
    made = Person(app)
    made.headers["authorization"] = f"Bearer {token}"
    return made


def rules(answer: Any) -> list[str]:
    return list(answer.json().get("rules", ()))


def test_a_program_lists_what_its_token_lets_it_and_is_logged_once_a_while(
    desk: Staffed, app: FastAPI, holder: Holder
) -> None:
    desk.recording()
    made = holder.token("footage.list")
    asks = program(app, made["text"])
    assert asks.get("/recordings.json").json()["rows"]
    assert asks.get("/recordings.csv").status_code == 200
    assert holder.acts().count("token_used") == 1
    (row,) = holder.person.get("/account.json").json()["tokens"]
    assert row["used_at"] is not None


def test_a_token_does_nothing_outside_its_scope(desk: Staffed, app: FastAPI, holder: Holder) -> None:
    recording = desk.recording(salt=b"\0" * 3)
    lists, writes = holder.token("footage.list"), holder.token("footage.note", "footage.view")
    target = f"/recordings/{recording.number}"
    answer = program(app, lists["text"]).post(f"{target}/note", data={"words": "by a program"})
    assert (answer.status_code, rules(answer)) == (403, ["access/token-scope"])
    assert rules(program(app, writes["text"]).get("/recordings.json")) == ["access/token-scope"]
    done = program(app, writes["text"]).post(f"{target}/note", data={"words": "by a program"})
    assert done.status_code == 200
    assert done.json()["next"].startswith(target)


def test_a_token_counts_in_its_agencies_and_never_beyond_its_account(desk: Staffed, app: FastAPI) -> None:
    theirs = desk.recording("ice", salt=b"\0" * 4)
    both, other = Holder(desk, app, ("cbp", "ice")), Holder(desk, app)
    narrow = both.token("footage.list", "footage.view", agency="cbp")
    assert program(app, narrow["text"]).get(f"/recordings/{theirs.number}.json").status_code == 404
    assert {r["agency"] for r in program(app, narrow["text"]).get("/recordings.json").json()["rows"]} <= {
        "cbp"
    }
    wide = both.token("footage.list", "footage.view", agency="ice")
    assert program(app, wide["text"]).get(f"/recordings/{theirs.number}.json").status_code == 200
    # One that claims an agency that its account does not have has none.
    made = tokens.make(
        desk.archive.db,
        desk.house.scope("cbp"),
        other.opened.account,
        "cbp",
        "Too much",
        ["footage.list"],
        ["ice"],
        3,
    )
    assert program(app, made.text).get("/recordings.json").status_code == 403


def test_a_token_over_revoked_or_of_a_closed_account_opens_nothing(
    desk: Staffed, app: FastAPI, holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, revoked = holder.token("footage.list"), holder.token("footage.list")
    replayed = program(app, revoked["text"])
    assert replayed.get("/recordings.json").status_code == 200
    stranger = Holder(desk, app)
    assert stranger.person.fill(f"/account/tokens/{revoked['id']}/revoke", {}).status_code == 404
    assert holder.person.fill(f"/account/tokens/{revoked['id']}/revoke", {}).status_code == 303
    answer = replayed.get("/recordings.json")
    assert (answer.status_code, rules(answer)) == (401, ["access/token"])
    assert answer.headers["www-authenticate"].startswith("Bearer")
    later = clock.now() + timedelta(days=31)
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: later)
        assert program(app, kept["text"]).get("/recordings.json").status_code == 401
    admin = Holder(desk, app)
    scope = desk.house.scope("cbp", f"account:{admin.opened.account}")
    accounts.close(desk.archive.db, scope, holder.opened.account)
    assert program(app, kept["text"]).get("/recordings.json").status_code == 401
    accounts.reopen(desk.archive.db, scope, holder.opened.account)
    assert program(app, kept["text"]).get("/recordings.json").status_code == 401


def test_a_role_that_is_taken_away_is_gone_from_the_token(
    desk: Staffed, app: FastAPI, holder: Holder
) -> None:
    from lapel.access import store_accounts

    asks = program(app, holder.token("footage.list")["text"])
    assert asks.get("/recordings.json").status_code == 200
    scope = desk.house.scope("cbp", f"account:{Holder(desk, app).opened.account}")
    with desk.archive.db.tx(scope) as conn:
        held = store_accounts.grants(conn, clock.now(), account=holder.opened.account)
    for grant in held:
        grants.end(desk.archive.db, scope, grant["id"])
    assert asks.get("/recordings.json").status_code == 403


def test_a_cookie_is_no_token_and_a_token_no_cookie(desk: Staffed, app: FastAPI, holder: Holder) -> None:
    made = holder.token("footage.list")
    thief = Person(app)
    thief.cookies.set("lapel", made["text"])
    assert thief.get("/recordings.json").status_code == 401
    assert sessions.read(desk.archive.db, made["text"]) is None
    assert program(app, holder.opened.token).get("/recordings.json").status_code == 401
    # With both, the header is meant: a wrong one is not mended by the cookie beside it.
    both = Person(app, holder.opened.token)
    assert both.get("/recordings.json", headers={"authorization": "Bearer lapel_wrong"}).status_code == 401
    assert both.get("/recordings.json", headers={"authorization": "Basic bGFwZWw6eA=="}).status_code == 401


def test_a_token_in_an_address_is_refused_even_of_who_is_signed_in(app: FastAPI, holder: Holder) -> None:
    made = holder.token("footage.list")
    for asks in (Person(app), holder.person, program(app, made["text"])):
        for field in ("access_token", "token"):
            answer = asks.get(f"/recordings.json?{field}={made['text']}")
            assert answer.status_code == 422
            assert made["text"] not in answer.text


def test_no_page_and_no_way_in_is_open_to_a_token(app: FastAPI, holder: Holder) -> None:
    made = holder.token(*tokens.SCOPES)
    asks = program(app, made["text"])
    for path in (
        "/recordings",
        "/work",
        "/account",
        "/account.json",
        "/accounts.json",
        "/accounts/programs.json",
        "/work.json",
        "/redactions.json",
        "/audit.json",
        "/inspector.json",
    ):
        answer = asks.get(path)
        assert (answer.status_code, rules(answer)) == (403, ["access/not-by-token"]), path
    for path in (
        "/account/tokens",
        "/account/passkeys/options",
        "/account/sessions/end-others",
        "/accounts",
        "/view",
        "/sign-out",
    ):
        answer = asks.post(path, data={"name": "more", "act": "footage.list", "agency": "cbp"})
        assert rules(answer) == ["access/not-by-token"], path
    assert holder.person.get("/account").status_code == 200


def test_what_changes_something_and_is_open_to_tokens_asks_for_their_scope(
    app: FastAPI, holder: Holder
) -> None:
    """A token that may only prove does nothing at any address where programs may act."""
    from lapel.access.guard_web import TOKEN_FOLDERS

    asks = program(app, holder.token("custody.prove")["text"])
    tried = 0
    for path, methods in app.openapi()["paths"].items():
        if "post" not in methods or not path.startswith(TOKEN_FOLDERS):
            continue
        address = path.replace("{number}", "R-00000-00000").replace("{agency}", "cbp")
        for name in path.split("{")[1:]:
            address = address.replace("{" + name.split("}")[0] + "}", "0" * 32)
        answer = asks.post(
            address,
            data={"agency": "cbp", "kind": "other", "title": "x", "case": "1", "number": "R-00000-00000"},
        )
        assert answer.status_code in (403, 404, 422), (path, answer.status_code)
        tried += 1
    assert tried > 8
    made = asks.post("/cases", data={"agency": "cbp", "kind": "other", "title": "By a program"})
    assert rules(made) == ["access/token-scope"]


def test_a_token_without_the_scope_reads_nothing_that_is_not_for_everybody(
    desk: Staffed, app: FastAPI, holder: Holder
) -> None:
    number = desk.recording(salt=b"\0" * 11).number
    desk.give(
        holder.opened.account, "custodian", "records", "investigator", "inspector", "policy", "administrator"
    )
    asks, read = program(app, holder.token("custody.prove")["text"]), []
    for path, methods in app.openapi()["paths"].items():
        address = path.replace("{number}", number).replace("{agency}", "cbp").replace("{policy}", "cbp")
        for name in address.split("{")[1:]:
            address = address.replace("{" + name.split("}")[0] + "}", "0" * 32)
        if "get" in methods and asks.get(address).status_code == 200:
            read.append(path)
    assert [one for one in read if not one.startswith(("/health", "/openapi.json", "/policy", "/log"))] in (
        [],
        ["/recordings/{number}/why.json"],  # which rules say no, and who can decide
    )


@pytest.mark.parametrize(
    "wrong",
    [{"act": ["access.grant"]}, {"act": []}, {"agency": ["ice"]}, {"days": 367}, {"days": 0}, {"name": " "}],
)
def test_a_token_that_cannot_be_is_not_made(holder: Holder, wrong: dict[str, Any]) -> None:
    said = {"name": "Nightly", "act": ["footage.list"], "agency": ["cbp"], "days": 30, **wrong}
    assert holder.person.fill("/account/tokens", said, "/account").status_code == 422


def test_administrators_see_and_revoke_tokens_and_close_camera_systems(
    desk: Staffed, app: FastAPI, holder: Holder
) -> None:
    from lapel.access import devices
    from lapel.footage.axis_connect import connect

    made, admin = holder.token("footage.list"), Holder(desk, app)
    stranger = Holder(desk, app, ("ice",))
    connect(desk.archive, desk.house.scope("cbp"), "cbp", "East dock", ["https://dock.example.gov"])
    with desk.archive.db.tx(desk.house.scope("cbp")) as conn:
        site = devices.site_named(conn, "cbp", "East dock")
    assert site is not None
    assert made["text"] not in admin.person.get("/accounts/programs").text
    for path in (f"/accounts/programs/{made['id']}/revoke", f"/accounts/sites/{site['id']}/close"):
        assert stranger.person.fill(path, {}).status_code == 404
        assert admin.person.fill(path, {}).status_code == 303
        assert admin.person.fill(path, {}).status_code == 404
    assert program(app, made["text"]).get("/recordings.json").status_code == 401
    with desk.archive.db.tx(desk.house.scope("cbp")) as conn:
        assert devices.site_named(conn, "cbp", "East dock") is None
        assert [a.act for a in log.history(conn, f"site:{site['id']}")] == ["connected", "site_closed"]


def test_wrong_tokens_from_one_place_wait_and_are_entered_once_a_minute(
    desk: Staffed, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = clock.now() + timedelta(days=60)
    monkeypatch.setattr(clock, "now", lambda: later)
    asks = program(app, "lapel_guessed")
    codes = [asks.get("/recordings.json").status_code for _ in range(tokens.MAX_FAILURES_A_MINUTE + 1)]
    assert codes == [401] * tokens.MAX_FAILURES_A_MINUTE + [429]
    monkeypatch.setattr(clock, "now", lambda: later + timedelta(minutes=2))
    enter_failures(desk.archive.db, "department")
    with desk.archive.db.tx(desk.house.scope("department")) as conn:
        (entry,) = [
            a
            for a in log.history(conn, "source:unknown")
            if a.act == "token_refused" and a.detail["failures"] == 30
        ]
    assert entry.actor == "system:sign-in"


def test_a_token_asks_for_a_scope_there_is(desk: Staffed, holder: Holder) -> None:
    with pytest.raises(Invalid):
        tokens.make(
            desk.archive.db,
            desk.house.scope("cbp"),
            holder.opened.account,
            "cbp",
            "x",
            ["footage.break_glass"],
            ["cbp"],
            3,
        )
