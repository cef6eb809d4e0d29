"""Does the page of a case do everything that is done to a case, for who may and nobody else? And a search that is shared?"""

from __future__ import annotations

from datetime import timedelta

import pytest
from fastapi import FastAPI

from house import House
from lapel.access import accounts, grants, signin
from lapel.base import clock
from lapel.base.ids import new_id
from staffed import PASSWORD, Person, Staffed, staffed


@pytest.fixture(scope="module")
def here(shared_house: House) -> Staffed:
    return staffed(shared_house)


@pytest.fixture(scope="module")
def app(here: Staffed) -> FastAPI:
    return here.app()


@pytest.fixture(scope="module")
def ours(here: Staffed, app: FastAPI) -> Person:
    return Person(app, here.account(("cbp",), "Custodian 12").token)


@pytest.fixture(scope="module")
def theirs(here: Staffed, app: FastAPI) -> Person:
    return Person(app, here.account(("ice",), "Custodian 31").token)


def opened(person: Person, **said: str) -> str:
    """A new case; the address of its page."""
    wanted = {"agency": "cbp", "kind": "criminal", "title": "Bridge", **said}
    return person.fill("/cases", wanted, "/cases").headers["location"]


def outsider(here: Staffed, app: FastAPI, name: str, *roles: str) -> tuple[str, Person]:
    """Somebody new in cbp with these roles, in a session."""
    db, scopes = here.archive.db, []
    for _ in range(2):
        account = here.account(("cbp",), f"Administrator {new_id()[:6]}").account
        scopes.append(here.house.scope("cbp", f"account:{account}"))
    made = accounts.make(db, scopes[0], "cbp", name)
    for role in roles:
        grants.ask(db, scopes[0], made.account, "cbp", role)
    from lapel.access import store_accounts

    with db.tx(scopes[1]) as conn:
        waiting = [
            g["id"] for g in store_accounts.grants(conn, clock.now(), account=made.account) if g["waiting"]
        ]
    for grant in waiting:
        grants.approve(db, scopes[1], grant)
    return made.account, Person(app, signin.first_account(db, made.token, "", PASSWORD, "192.0.2.3").token)


def test_a_case_is_closed_for_a_reason_and_opened_again(here: Staffed, ours: Person, theirs: Person) -> None:
    case, recording = opened(ours), here.recording(salt=b"\0")
    number = case.rsplit("/", 1)[-1]
    target = f"/recordings/{recording.number}"
    assert ours.fill(f"{case}/close", {"reason": " "}, case).status_code == 422
    assert theirs.fill(f"{case}/close", {"reason": "Mine now"}).status_code == 404
    assert ours.fill(f"{case}/close", {"reason": "Pleaded"}, case).status_code == 303
    assert ours.fill(f"{target}/case", {"case": number}, target).status_code == 409
    assert ours.fill(f"{case}/reopen", {"reason": "Appeal"}, case).status_code == 303
    assert ours.fill(f"{case}/reopen", {"reason": "Appeal"}, case).status_code == 409
    assert ours.fill(f"{target}/case", {"case": number}, target).status_code == 303
    assert "put it into case" in ours.get(target).text
    told = [act["says"] for act in ours.get(f"{case}.json").json()["history"]]
    assert told == [
        "opened the case “Bridge”", "closed the case", "opened the case again", f"put {recording.number} into it",
    ]  # fmt: skip
    assert (
        ours.fill(f"{case}/remove", {"recording": recording.number, "reason": "Wrong one"}, case).status_code
        == 303
    )
    assert recording.number not in str(ours.get(f"{case}.json").json()["recordings"])


def test_members_and_joint_agencies_come_and_go(here: Staffed, ours: Person, theirs: Person) -> None:
    case = opened(ours, title="Port of entry")
    assert ours.fill(f"{case}/members", {"who": "Custodian 12", "part": "custodian"}, case).status_code == 303
    assert (
        ours.fill(f"{case}/members", {"who": "County prosecutor", "part": "prosecutor"}, case).status_code
        == 303
    )
    members = ours.get(f"{case}.json").json()["members"]
    assert [(m["who"], m["account"] is not None) for m in members] == [
        ("Custodian 12", True), ("County prosecutor", False),
    ]  # fmt: skip
    assert ours.fill(f"{case}/members/{members[1]['id']}/end", {}, case).status_code == 303
    assert "County prosecutor" not in str(ours.get(f"{case}.json").json()["members"])
    assert ours.fill(f"{case}/joint", {"joint": "ice", "task_force": "Port Six"}, case).status_code == 303
    assert "Port Six" in theirs.get(case).text
    theirs_of = here.recording("ice", salt=b"\0\0")
    target = f"/recordings/{theirs_of.number}"
    assert theirs.fill(f"{target}/case", {"case": case.rsplit("/", 1)[-1]}, target).status_code == 303
    # Being joint changes nothing in a case that is another agency's, and shows no footage.
    assert theirs.fill(f"{case}/joint", {"joint": "tsa"}).status_code == 403
    assert ours.get(target).status_code == 404
    assert ours.fill(f"{case}/joint/ice/end", {}, case).status_code == 303
    assert theirs.get(case).status_code == 404


def test_the_search_field_takes_a_case_number(ours: Person, theirs: Person) -> None:
    case = opened(ours, number="26/CR-0815", title="Warehouse")
    assert ours.get("/search?q=26/cr-0815").headers["location"] == case == "/cases/cbp/26~CR-0815"
    assert "26/CR-0815" in ours.get(case).text
    assert theirs.get("/search?q=26/CR-0815").headers["location"].startswith("/recordings?text=")
    theirs.fill(
        "/cases", {"agency": "ice", "kind": "other", "title": "Theirs", "number": "26/CR-0815"}, "/cases"
    )
    case_of = theirs.get("/search?q=26/CR-0815").headers["location"]
    assert theirs.fill(f"{case_of}/joint", {"joint": "cbp"}, case_of).status_code == 303
    assert ours.get("/search?q=26/CR-0815").headers["location"] == "/cases?words=26%2FCR-0815"
    assert len(ours.get("/cases.json?words=cr-0815").json()["rows"]) == 2


def test_a_saved_search_that_is_shared_gives_what_it_finds_when_it_is_looked_at(
    here: Staffed, ours: Person, theirs: Person
) -> None:
    here.officer("7031")
    before = here.recording(salt=b"\1", wearer=here.officer("7030"))
    listed = "/recordings?wearer=7030"
    assert ours.fill("/searches", {"agency": "cbp", "name": "All"}, listed).status_code == 422
    saved = ours.fill("/searches", {"agency": "cbp", "name": "Officer 7030", "wearer": "7030"}, listed)
    page = saved.headers["location"]
    assert ours.get(f"{page}.json").json()["recordings"] == [before.number]
    assert theirs.get(page).status_code == 404
    form = f"/shares/new?search={page.rsplit('/', 1)[-1]}"
    last_day = str((clock.now() + timedelta(days=3)).date())
    said = {
        "search": page.rsplit("/", 1)[-1],
        "to": "ice",
        "act": ["view"],
        "purpose": "Joint review",
        "last_day": last_day,
    }
    share = ours.fill("/shares", said, form).headers["location"]
    assert theirs.get(f"{share}.json").json()["recordings"] == [before.number]
    with here.archive.db.tx(here.house.scope()) as conn:
        wearer = conn.execute("SELECT id FROM officer WHERE badge = '7030'").fetchone()
    assert wearer is not None
    after = here.recording(salt=b"\2", wearer=wearer["id"])
    assert set(theirs.get(f"{share}.json").json()["recordings"]) == {before.number, after.number}
    assert theirs.get(f"/recordings/{after.number}").status_code == 200
    assert ours.fill(f"{share}/revoke", {"reason": "Over"}, share).status_code == 303
    assert theirs.get(f"/recordings/{after.number}").status_code == 403


def test_somebody_from_outside_sees_what_was_shared_with_them_and_nothing_else(
    here: Staffed, app: FastAPI, ours: Person
) -> None:
    given, kept = here.recording(salt=b"\3"), here.recording(salt=b"\4")
    account, defender = outsider(here, app, "Defender 5", "outside")
    _, other = outsider(here, app, "Prosecutor 9", "outside")
    form = f"/shares/new?recording={given.number}"
    assert "Defender 5" in ours.get(form).text
    last_day = str((clock.now() + timedelta(days=3)).date())
    said = {"recording": given.number, "act": ["view", "play"], "purpose": "Defense", "last_day": last_day}
    assert ours.fill("/shares", {**said, "to": "account:" + "0" * 32}, form).status_code == 422
    share = ours.fill("/shares", {**said, "to": f"account:{account}"}, form).headers["location"]
    assert given.number in defender.get(share).text
    assert share in defender.get("/shares").text
    assert defender.get(f"/recordings/{given.number}").status_code == 200
    assert defender.get(f"/recordings/{given.number}/export.zip").status_code == 403
    for path in (f"/recordings/{kept.number}", "/recordings", "/accounts"):
        assert defender.get(path).status_code in (403, 404), path
    for path in (share, f"/recordings/{given.number}"):
        assert other.get(path).status_code == 404, path
    # What they do is in the giver's log, and it ends with the role as it does with the share.
    seen = str(ours.get(f"/recordings/{given.number}.json").json()["history"])
    assert "Defender 5" in seen
    assert "shared it with one person from outside" in seen
    from lapel.access import store_accounts

    scope = here.house.scope("cbp", f"account:{here.account(('cbp',), 'Administrator 77').account}")
    with here.archive.db.tx(scope) as conn:
        (held,) = store_accounts.grants(conn, clock.now(), account=account)
    grants.end(here.archive.db, scope, held["id"])
    assert defender.get(f"/recordings/{given.number}").status_code in (403, 404)
    assert defender.get("/shares").status_code == 403


def test_an_investigator_opens_a_case_and_an_inspector_does_not(here: Staffed, app: FastAPI) -> None:
    _, investigator = outsider(here, app, "Investigator 4", "investigator")
    _, inspector = outsider(here, app, "Inspector 2", "inspector")
    said = {"agency": "cbp", "kind": "criminal", "title": "Depot"}
    assert investigator.fill("/cases", said, "/cases").status_code == 303
    assert inspector.fill("/cases", said).status_code == 403
    assert "Open the case" not in inspector.get("/cases").text
