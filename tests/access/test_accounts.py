"""Do accounts and roles take the people they should, on the pages and behind them, and does the log know?"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from house import House
from lapel.access import accounts, grants, sessions, store_accounts
from lapel.base import clock
from lapel.base.errors import Conflict, Invalid, NotFound, Refused
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.storage.postgres import Scope
from staffed import PASSWORD, Person, Staffed, staffed


@pytest.fixture(scope="module")
def desk(shared_house: House) -> Staffed:
    return staffed(shared_house)


@pytest.fixture(scope="module")
def two(desk: Staffed) -> Two:
    return Two(desk)


class Two:
    """Two administrators of one agency, who are custodians too, and somebody whom they let in."""

    def __init__(self, desk: Staffed) -> None:
        self.db, self.agency = desk.archive.db, "cbp"
        self.first = desk.account(("cbp",), "Administrator 1")
        self.second = desk.account(("cbp",), "Administrator 2")

    def scope(self, who: str) -> Scope:
        account = {"first": self.first, "second": self.second}[who].account
        return Scope(f"account:{account}", (self.agency,))

    def newcomer(self, name: str = "") -> accounts.Offered:
        return accounts.make(self.db, self.scope("first"), self.agency, name or f"Records {new_id()[:8]}")

    def waiting(self, account: str) -> list[str]:
        with self.db.tx(self.scope("first")) as conn:
            held = store_accounts.grants(conn, clock.now(), account=account)
        return [grant["id"] for grant in held if grant["waiting"]]


def roles(desk: Staffed, token: str) -> set[tuple[str, str]]:
    actor = sessions.read(desk.archive.db, token)
    return {(g.agency, g.role) for g in actor.grants} if actor else set()


def acts(desk: Staffed, account: str, agency: str = "cbp") -> list[str]:
    with desk.archive.db.tx(desk.house.scope(agency)) as conn:
        return sorted(act.act for act in log.history(conn, f"account:{account}"))


def let_in(desk: Staffed, offered: accounts.Offered) -> str:
    from lapel.access import signin

    return signin.first_account(desk.archive.db, offered.token, "", PASSWORD, "192.0.2.9").token


def test_a_role_that_shows_footage_counts_when_a_second_person_has_approved_it(
    desk: Staffed, two: Two
) -> None:
    new = two.newcomer()
    token = let_in(desk, new)
    assert grants.ask(two.db, two.scope("first"), new.account, "cbp", "records")
    (grant,) = two.waiting(new.account)
    assert roles(desk, token) == set()
    with pytest.raises(Refused) as refused:
        grants.approve(two.db, two.scope("first"), grant)
    assert refused.value.rules == ("access/two-people",)
    grants.approve(two.db, two.scope("second"), grant)
    assert roles(desk, token) == {("cbp", "records")}
    with pytest.raises(Conflict):
        grants.approve(two.db, two.scope("second"), grant)
    grants.end(two.db, two.scope("first"), grant)
    assert roles(desk, token) == set()
    assert {"account_made", "role_asked", "role_approved", "role_taken", "password_set"} <= set(
        acts(desk, new.account)
    )


def test_what_shows_no_footage_is_given_by_one(desk: Staffed, two: Two) -> None:
    new = two.newcomer()
    token = let_in(desk, new)
    for role in grants.ALONE:
        assert not grants.ask(two.db, two.scope("first"), new.account, "cbp", role)
    assert roles(desk, token) == {("cbp", role) for role in grants.ALONE}


def test_nobody_gives_themselves_a_role_nor_approves_their_own(desk: Staffed, two: Two) -> None:
    with pytest.raises(Refused):
        grants.ask(two.db, two.scope("first"), two.first.account, "cbp", "inspector")
    grants.ask(two.db, two.scope("second"), two.first.account, "cbp", "inspector")
    (grant,) = two.waiting(two.first.account)
    with pytest.raises(Refused):
        grants.approve(two.db, two.scope("first"), grant)
    grants.end(two.db, two.scope("second"), grant)


@pytest.mark.parametrize("step", ["waiting = false", "waiting = false, approved_by = 'account:somebody'"])
def test_the_database_wants_the_second_person_too(desk: Staffed, two: Two, step: str) -> None:
    new = two.newcomer()
    row = {
        "id": new_id(), "account": new.account, "agency": "cbp", "permission": "custodian", "office": None, "until": None,
        "waiting": False, "given_at": clock.now(), "given_by": two.scope("first").actor,
    }  # fmt: skip
    for wrong in ({}, {"waiting": True, "given_by": "account:somebody"}):
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            two.db.tx(two.scope("first")) as conn,
        ):
            store_accounts.add_grant(conn, {**row, **wrong})
    grants.ask(two.db, two.scope("first"), new.account, "cbp", "custodian")
    (grant,) = two.waiting(new.account)
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation), two.db.tx(two.scope("first")) as conn:
        conn.execute(f"UPDATE account_grant SET {step} WHERE id = %s".encode(), (grant,))
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation), two.db.tx(two.scope("first")) as conn:
        store_accounts.approve_grant(conn, grant, two.scope("first").actor)


def test_a_new_link_and_a_new_card_put_the_roles_back_to_waiting(desk: Staffed, two: Two) -> None:
    from lapel.access import identities

    new = two.newcomer()
    token = let_in(desk, new)
    for change in ("link", "card"):
        if not two.waiting(new.account):
            grants.ask(two.db, two.scope("first"), new.account, "cbp", "custodian")
        grants.approve(two.db, two.scope("second"), two.waiting(new.account)[0])
        assert roles(desk, token) == {("cbp", "custodian")}
        if change == "link":
            again = accounts.offer_link(two.db, two.scope("second"), new.account)
            assert again.waiting == ("cbp custodian",)
        else:
            there = {"id": new.account, "agency": "cbp"}
            identities.link_for(two.db, two.scope("second"), there, "certificate-serial", "CN=issuer", "7f")
        assert roles(desk, token) == set()
        with pytest.raises(Refused):
            grants.approve(two.db, two.scope("second"), two.waiting(new.account)[0])
        grants.end(two.db, two.scope("first"), two.waiting(new.account)[0])


def test_a_link_for_an_account_works_once_and_ends_what_was_open(desk: Staffed, two: Two) -> None:
    new = two.newcomer()
    person = Person(desk.app())
    page = person.get(f"/begin/{new.token}").text
    assert f"Choose a password, {new.name}" in page
    answer = person.post(
        f"/begin/{new.token}",
        data={"form_token": re.findall(r'name="form_token" value="(\w+)"', page)[0], "name": "Somebody else", "password": PASSWORD, "again": PASSWORD},
    )  # fmt: skip
    assert answer.status_code == 303
    assert new.name in person.get("/account").text
    assert person.get(f"/begin/{new.token}").status_code == 404
    again = accounts.offer_link(two.db, two.scope("first"), new.account)
    let_in(desk, again)
    assert person.get("/account.json").status_code == 401
    with pytest.raises(NotFound):
        let_in(desk, again)


def test_a_closed_account_is_out_at_once_and_opens_again(desk: Staffed, two: Two) -> None:
    new = two.newcomer()
    token = let_in(desk, new)
    accounts.close(two.db, two.scope("first"), new.account)
    assert sessions.read(two.db, token) is None
    with pytest.raises(Conflict):
        accounts.close(two.db, two.scope("first"), new.account)
    with pytest.raises(Invalid):
        grants.ask(two.db, two.scope("first"), new.account, "cbp", "policy")
    accounts.reopen(two.db, two.scope("first"), new.account)
    assert sessions.read(two.db, token) is None
    with pytest.raises(Refused):
        accounts.close(two.db, two.scope("first"), two.first.account)


def test_a_locked_account_is_unlocked_by_an_administrator(desk: Staffed, two: Two) -> None:
    person = Person(desk.app())
    for _ in range(5):
        person.fill("/sign-in", {"name": "Administrator 2", "password": "wrong words"}, "/sign-in")
    right = {"name": "Administrator 2", "password": PASSWORD}
    assert person.fill("/sign-in", right, "/sign-in").status_code == 401
    accounts.unlock(two.db, two.scope("first"), two.second.account)
    assert person.fill("/sign-in", right, "/sign-in").status_code == 303


def test_an_officers_role_is_for_the_officer_who_was_approved(desk: Staffed, two: Two) -> None:
    desk.officer("4471")
    desk.officer("5120")
    new = two.newcomer("Officer 4471")
    with pytest.raises(Invalid):
        grants.ask(two.db, two.scope("first"), new.account, "cbp", "officer")
    accounts.tie(two.db, two.scope("first"), new.account, "4471")
    grants.ask(two.db, two.scope("first"), new.account, "cbp", "officer")
    with pytest.raises(Conflict):
        accounts.tie(two.db, two.scope("first"), new.account, "5120")
    other = two.newcomer("Officer 5120")
    with pytest.raises(Conflict):
        accounts.tie(two.db, two.scope("first"), other.account, "4471")
    with pytest.raises(NotFound):
        accounts.tie(two.db, two.scope("first"), other.account, "no such badge")


def test_a_role_ends_by_itself_and_can_be_given_anew(
    desk: Staffed, two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = two.newcomer()
    token = let_in(desk, new)
    soon = clock.now() + timedelta(minutes=5)
    grants.ask(two.db, two.scope("first"), new.account, "cbp", "policy", until=soon)
    with pytest.raises(Conflict):
        grants.ask(two.db, two.scope("second"), new.account, "cbp", "policy")
    monkeypatch.setattr(clock, "now", lambda: soon + timedelta(minutes=1))
    assert roles(desk, token) == set()
    grants.ask(two.db, two.scope("second"), new.account, "cbp", "policy")
    assert roles(desk, token) == {("cbp", "policy")}
    with pytest.raises(Invalid):
        grants.ask(
            two.db, two.scope("first"), new.account, "cbp", "outside", until=datetime(2020, 1, 1, tzinfo=UTC)
        )


def test_administrators_of_another_agency_see_and_change_nothing(desk: Staffed, two: Two) -> None:
    stranger = desk.account(("ice",), "Administrator of ice")
    new = two.newcomer()
    app = desk.app()
    person = Person(app, stranger.token)
    assert new.name not in person.get("/accounts").text
    assert person.get(f"/accounts/{new.account}").status_code == 404
    for act in ("close", "unlock", "link", "officer", "identities"):
        assert person.fill(f"/accounts/{new.account}/{act}", {}).status_code == 404, act
    assert person.fill("/accounts", {"agency": "cbp", "name": "Mine"}).status_code == 403
    assert person.fill(f"/accounts/{new.account}/roles", {"agency": "cbp", "role": "policy"}).status_code in (
        403,
        404,
    )
    here = sessions.named(desk.archive.db, two.first.token)
    assert person.fill(f"/accounts/{two.first.account}/sessions/{here}/end", {}).status_code == 404
    assert sessions.read(desk.archive.db, two.first.token) is not None


def test_the_pages_take_two_administrators_through_the_whole_of_it(desk: Staffed, two: Two) -> None:
    app = desk.app()
    first, second = Person(app, two.first.token), Person(app, two.second.token)
    made = first.fill("/accounts", {"agency": "cbp", "name": "Investigator 3"}, "/accounts")
    assert made.status_code == 201
    link = re.findall(r"http://lapel.test(/begin/[\w-]+)", made.text)[0]
    person = Person(app)
    assert person.fill(link, {"password": PASSWORD, "again": PASSWORD}, link).status_code == 303
    account = person.get("/account.json").json()["account"]
    target = f"/accounts/{account}"
    said = {"agency": "cbp", "role": "investigator", "last_day": "2199-12-31"}
    assert first.fill(f"{target}/roles", said, target).status_code == 303
    (grant,) = [one for one in first.get("/accounts.json").json()["waiting"] if one["account"] == account]
    assert grant["mine"]
    assert person.get("/recordings").status_code == 403
    assert first.fill(f"/accounts/roles/{grant['id']}/approve", {}, target).status_code == 403
    assert second.fill(f"/accounts/roles/{grant['id']}/approve", {}, target).status_code == 303
    assert person.get("/recordings").status_code == 200
    assert "investigator in cbp" in first.get("/accounts?words=investigator").text
    (row,) = [r for r in first.get("/accounts/sessions.json").json()["rows"] if r["of"] == "Investigator 3"]
    assert first.fill(f"{target}/sessions/{row['id']}/end", {}, target).status_code == 303
    assert person.get("/recordings").status_code == 303
    assert first.get("/accounts/sessions").status_code == 200
    assert person.get("/accounts").status_code == 303


def test_who_is_no_administrator_is_told_so_and_does_not_see_the_section(desk: Staffed, two: Two) -> None:
    app = desk.app()
    person = Person(app, let_in(desk, two.newcomer()))
    answer = person.get("/accounts.json")
    assert (answer.status_code, answer.json()["rules"]) == (403, ["access/administrator-accounts"])
    assert 'href="/accounts"' not in person.get("/account").text
    assert 'href="/accounts"' in Person(app, two.first.token).get("/account").text
