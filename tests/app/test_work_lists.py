"""Is everybody's first page their own work, whatever role they hold, and nothing of anybody else's?"""

from __future__ import annotations

from datetime import timedelta

import pytest
from fastapi import FastAPI

from house import House
from lapel.access import accounts, grants
from lapel.app import store_alarms
from lapel.base import clock
from lapel.base.ids import new_id
from lapel.cases import files, shares
from lapel.cases.model import Ref
from lapel.cases.shares import What
from lapel.custody.health import SCOPE, Trouble
from staffed import Person, Staffed, staffed


@pytest.fixture(scope="module")
def here(shared_house: House) -> Staffed:
    return staffed(shared_house)


@pytest.fixture(scope="module")
def app(here: Staffed) -> FastAPI:
    return here.app()


class Somebody(Person):
    """Somebody in cbp with these roles and no others, in a session."""

    def __init__(
        self, here: Staffed, app: FastAPI, *roles: str, officer: str | None = None, office: str | None = None
    ) -> None:
        opened = here.account(("cbp",), f"{'-'.join(roles) or 'nobody'} {new_id()[:6]}")
        here.give(opened.account, *roles, officer=officer, office=office)
        super().__init__(app, opened.token)
        self.account = opened.account

    def work(self) -> dict[str, list[str]]:
        """The kinds of work that this person has, and what each holds."""
        assert self.get("/work").status_code == 200
        said = self.get("/work.json").json()
        found = {
            group["key"]: [item["recording"]["number"] for item in group["items"]] for group in said["groups"]
        }
        return found | {group["key"]: [item["label"] for item in group["items"]] for group in said["more"]}


def test_an_officer_sees_their_own_recordings_and_what_they_owe(here: Staffed, app: FastAPI) -> None:
    wearer = here.officer("6001")
    own, other = (
        here.recording(salt=b"\0\1", wearer=wearer, started_at=clock.now()),
        here.recording(salt=b"\0\2"),
    )
    officer = Somebody(here, app, "officer", officer=wearer)
    work = officer.work()
    assert work["uncategorised"] == [own.number]
    assert "wearer-unknown" not in work
    assert [row["number"] for row in officer.get("/work.json").json()["mine"]] == [own.number]
    assert other.number not in officer.get("/work").text


def test_a_supervisor_sees_the_unit_and_a_custodian_the_agency(here: Staffed, app: FastAPI) -> None:
    unit = here.office(name="Station 7")
    theirs = here.recording(salt=b"\0\3", wearer=here.officer("6002", office=unit))
    other = here.recording(salt=b"\0\4", wearer=here.officer("6003"))
    seen = Somebody(here, app, "supervisor", office=unit).work()["uncategorised"]
    assert theirs.number in seen
    assert other.number not in seen
    assert {theirs.number, other.number} <= set(Somebody(here, app, "custodian").work()["uncategorised"])


def test_an_investigator_sees_their_cases_and_no_custodians_work(here: Staffed, app: FastAPI) -> None:
    investigator = Somebody(here, app, "investigator")
    scope = here.house.scope("cbp", f"account:{investigator.account}")
    mine = files.open_case(here.archive, scope, "cbp", "criminal", "Depot")
    closed = files.open_case(here.archive, scope, "cbp", "criminal", "Done with")
    files.close_case(here.archive, scope, closed.id, "Done")
    files.open_case(here.archive, here.house.scope(), "cbp", "criminal", "Somebody else's")
    work = investigator.work()
    assert work["cases"] == [mine.number]
    assert "uncategorised" not in work


def test_somebody_from_outside_sees_what_was_shared_with_them(here: Staffed, app: FastAPI) -> None:
    given = here.recording(salt=b"\0\5")
    defender, other = Somebody(here, app, "outside"), Somebody(here, app, "outside")
    shares.give(
        here.archive, here.house.scope(), "cbp", "cbp", What(recording=Ref(given.id, "cbp")), acts=("view",),
        purpose="Defense", expires_at=clock.now() + timedelta(days=1), to_account=defender.account,
    )  # fmt: skip
    assert defender.work() == {"shares": [given.number]}
    assert other.work() == {"shares": []}


def test_the_inspector_general_sees_what_was_refused(here: Staffed, app: FastAPI) -> None:
    nosy, inspector = Somebody(here, app, "policy"), Somebody(here, app, "inspector")
    assert nosy.get("/recordings").status_code == 403
    assert "recordings" in inspector.work()["refusals"]
    assert "refusals" not in nosy.work()


def test_the_policy_office_sees_which_agency_is_late(here: Staffed, app: FastAPI) -> None:
    assert set(Somebody(here, app, "policy").work()) == {"policies"}


def test_a_records_officer_sees_redactions(here: Staffed, app: FastAPI) -> None:
    work = Somebody(here, app, "records").work()
    assert {"redactions", "second-readings"} <= set(work)
    assert "uncategorised" not in work


def test_an_administrator_sees_roles_to_approve_locked_accounts_and_no_footage(
    here: Staffed, app: FastAPI
) -> None:
    admin, asker = Somebody(here, app, "administrator"), Somebody(here, app, "administrator")
    assert set(admin.work()) == {"log-alarms", "roles", "locked", "tokens"}
    scope = here.house.scope("cbp", f"account:{asker.account}")
    new = accounts.make(here.archive.db, scope, "cbp", "Custodian 90")
    grants.ask(here.archive.db, scope, new.account, "cbp", "custodian")
    assert admin.work()["roles"] == ["custodian in CBP"]
    assert asker.work()["roles"] == []
    stranger = Person(app)
    for _ in range(5):
        stranger.fill("/sign-in", {"name": "Custodian 90", "password": "wrong words"}, "/sign-in")
    assert "Custodian 90" in admin.work()["locked"]


def test_who_holds_no_role_is_told_who_gives_one(here: Staffed, app: FastAPI) -> None:
    nobody = Somebody(here, app)
    assert "An administrator of your agency gives one" in nobody.get("/work").text
    assert nobody.work() == {}


def test_who_oversees_the_log_hears_first_that_it_stands_still(here: Staffed, app: FastAPI) -> None:
    with here.house.db("staff").tx(SCOPE) as conn:
        store_alarms.keep(conn, [Trouble("sequencer-behind", "Entries wait for their place.")], clock.now())
    for role in ("inspector", "administrator"):
        work = Somebody(here, app, role).work()
        assert work["log-alarms"] == ["sequencer behind"]
        assert next(iter(work)) == "log-alarms" or role == "administrator"
    for role in ("custodian", "officer", "records", "policy"):
        assert "log-alarms" not in Somebody(here, app, role).work()
    with here.house.db("staff").tx(SCOPE) as conn:
        store_alarms.keep(conn, [], clock.now())
    assert Somebody(here, app, "inspector").work().get("log-alarms", []) == []
