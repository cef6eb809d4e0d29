"""What becomes of a camera, what its checks came to, and what a list of cameras says: each act once, with its reason."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from house import Cluster, House
from lapel.access.actor import Reach
from lapel.base import clock
from lapel.base.errors import Conflict, Invalid, NotFound
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.fleet import acts, adopting, keeping, plan_file, store, store_pages
from lapel.fleet.commands import fleet_commands
from lapel.fleet.importing import take_cameras
from lapel.fleet.plan import Means, Office, make
from lapel.fleet.quarters import quarters_from
from lapel.footage import people
from lapel.storage.postgres import Scope
from staffed import BEGAN, Person, Staffed, staffed

EXAMPLES = Path(__file__).parents[2] / "examples" / "roster"
MAPPING = (EXAMPLES / "cameras.yaml").read_text()
SCOPE = Scope("cli:clerk", ("cbp", "ice"))
WHOLE = Reach(("cbp",), ("cbp",))


@pytest.fixture(scope="module")
def here(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staffed]:
    """One department for all tests of this file; each uses cameras of its own."""
    with cluster.fresh(f"lapel_{new_id()[:16]}") as urls:
        house = House(urls=urls, place=tmp_path_factory.mktemp("fleet"), superuser_url=cluster.url)
        with contextlib.ExitStack() as ends:
            ends.callback(house.end)
            yield staffed(house)


def statuses(s: Staffed, camera: str) -> list[str]:
    with s.archive.db.tx(SCOPE) as conn:
        return [one.status for one in reversed(store.statuses(conn, camera))]


def test_a_camera_that_is_given_out_is_issued_and_one_that_came_back_is_in_stock(here: Staffed) -> None:
    here.officer("1001")
    camera, at = here.camera("K1"), datetime(2026, 11, 20, 8, tzinfo=UTC)
    acts.give(here.archive, SCOPE, "cbp", "K1", "1001", at, None, "issued")
    acts.take_back(here.archive, SCOPE, "cbp", "K1", at + timedelta(hours=8), "end of shift")
    assert statuses(here, camera) == ["issued", "in stock"]
    keeping.set_status(here.archive, SCOPE, "cbp", "K1", "lost", "fell into the river")
    with pytest.raises(Conflict, match="is lost already"):
        keeping.set_status(here.archive, SCOPE, "cbp", "K1", "lost", "again")
    with pytest.raises(Conflict, match="is lost, so nobody can have it from now on"):
        acts.give(here.archive, SCOPE, "cbp", "K1", "1001", at, None, "issued")
    acts.give(here.archive, SCOPE, "cbp", "K1", "1001", at, at + timedelta(hours=1), "told late")
    assert statuses(here, camera)[-1] == "lost"
    with here.archive.db.tx(SCOPE) as conn:
        told = [a.act for a in log.history(conn, f"camera:{camera}")]
    assert told == ["assigned", "returned", "status_changed", "assigned"]


@pytest.mark.parametrize(("status", "reason"), [("broken", "x"), ("lost", " "), ("lost", "x" * 4001)])
def test_a_status_that_is_none_or_has_no_reason_is_refused(here: Staffed, status: str, reason: str) -> None:
    with contextlib.suppress(Exception):
        here.camera("K2")
    with pytest.raises(Invalid):
        keeping.set_status(here.archive, SCOPE, "cbp", "K2", status, reason)


def test_a_failed_check_is_listed_until_a_sound_one_follows(here: Staffed) -> None:
    officer, _ = here.officer("1003"), here.camera("K3")
    keeping.check(here.archive, SCOPE, "cbp", "K3", "no_sound", "hiss only", officer=officer)
    with here.archive.db.tx(SCOPE) as conn:
        failing = store_pages.listed(conn, WHOLE, clock.now(), state="failing")
        assert [(c["serial"], c["check_outcome"]) for c in failing] == [("K3", "no_sound")]
        assert store_pages.counts(conn, WHOLE, clock.now())[1] == 1
    keeping.check(here.archive, SCOPE, "cbp", "K3", "sound", "", officer=officer)
    with here.archive.db.tx(SCOPE) as conn:
        assert store_pages.listed(conn, WHOLE, clock.now(), state="failing") == []
    for outcome, words, when in (("fine", "", None), ("other", "", None), ("sound", "", clock.now() + timedelta(hours=1))):  # fmt: skip
        with pytest.raises(Invalid):
            keeping.check(here.archive, SCOPE, "cbp", "K3", outcome, words, officer=None, at=when)


def test_each_recording_refreshes_the_firmware_and_says_so_once(here: Staffed) -> None:
    site = here.house.scope("cbp", "site:" + "5" * 32)
    camera, _ = people.camera(here.intake, site, "cbp", "K4", model="W120", firmware="1.0")
    for firmware in ("1.1", "1.1", None):
        assert people.camera(here.intake, site, "cbp", "K4", firmware=firmware)[0] == camera
    with here.archive.db.tx(SCOPE) as conn:
        assert store.camera(conn, camera).firmware == "1.1"
        assert [a.act for a in log.history(conn, f"camera:{camera}")] == ["seen", "described"]


def test_a_whole_delivery_docks_the_camera_and_a_clip_shows_its_clock(here: Staffed) -> None:
    camera = here.camera("K5", off_s=None)
    recording = here.announce(wearer=here.officer("1005"), camera=camera)
    here.complete(recording)
    with here.archive.db.tx(SCOPE) as conn:
        assert store.camera(conn, camera).last_docked_at is not None
        seen = people.clock_seen(conn, recording, -7, BEGAN)
        assert seen[0].row == {"id": camera, "clock_off_s": -7, "clock_seen_at": BEGAN}
        assert people.clock_seen(conn, recording, None, BEGAN) == []


def test_a_list_of_cameras_is_taken_once_and_names_what_it_could_not_take(
    here: Staffed, tmp_path: Path
) -> None:
    office = here.office("cbp", "EPT-1")
    path = tmp_path / "cameras.csv"
    path.write_text(
        (EXAMPLES / "cameras.csv").read_text() + "ACC8E0A1B2,,,,,,\n,W120,,,out,,\nX9,,,,gone,,\n"
    )
    dry = take_cameras(here.archive, SCOPE, path, MAPPING, "cameras.yaml", dry_run=True)
    done = take_cameras(here.archive, SCOPE, path, MAPPING, "cameras.yaml", dry_run=False)
    assert (
        dry.changes[0].counts == done.changes[0].counts == {"camera": {"added": 3, "changed": 0, "ended": 0}}
    )
    assert [(r.number, r.part) for r in done.rejected] == [(4, "office"), (5, "row"), (6, "row"), (7, "row")]
    with here.archive.db.tx(SCOPE) as conn:
        one = store.camera_by_serial(conn, "cbp", "ACC8E0A1B2")
        assert one is not None
        assert (one.maker, one.status, one.buffer_s, one.office, one.name) == (
            "Axis",
            "issued",
            30,
            office,
            "Blue 7",
        )
        told = log.history(conn, "cameras:cbp")
    again = take_cameras(here.archive, SCOPE, path, MAPPING, "cameras.yaml", dry_run=False)
    assert again.changes[0].counts == {}
    assert [a.act for a in told] == ["cameras_imported"]
    path.write_text(
        "Serial no.,Model,Firmware,Label,State,Kept at,Buffer (s)\nACC8E0A1B2,W120,12.5,,missing,,\n"
    )
    lost = take_cameras(here.archive, SCOPE, path, MAPPING, "cameras.yaml", dry_run=False)
    assert lost.changes[0].counts == {"camera": {"added": 0, "changed": 0, "ended": 1}}
    assert statuses(here, one.id) == ["issued", "lost"]


def test_the_commands_say_what_they_did(here: Staffed) -> None:
    here.camera("K6")
    here.officer("1006")
    run = CliRunner()
    app = fleet_commands(lambda: contextlib.nullcontext((here.archive, SCOPE)))

    def say(*words: str) -> str:
        done = run.invoke(app, [*words])
        if done.exception is not None:
            raise done.exception
        return done.output

    assert "is in repair" in say("status", "K6", "in repair", "--agency", "cbp", "--reason", "lens")
    assert "No sound" in say("check", "K6", "no_sound", "--agency", "cbp", "--badge", "1006")
    shown = say("cameras", "--agency", "cbp", "--state", "in repair", "--json")
    assert '"serial": "K6"' in shown
    assert "K6" in say("cameras", "--agency", "cbp", "--state", "in repair")
    with pytest.raises(NotFound):
        say("check", "K6", "sound", "--agency", "cbp", "--badge", "none")


def test_the_pages_show_the_fleet_and_take_what_is_told(here: Staffed) -> None:
    camera, badge = here.camera("P1"), "2001"
    here.officer(badge)
    here.officer("2002")
    me = Person(here.app(), here.account(("cbp",)).token)
    url = f"/fleet/cameras/{camera}"
    assert me.fill(f"{url}/given", {"badge": badge, "begins": "2026-11-20T08:00", "reason": "shift"}, url).status_code == 303  # fmt: skip
    page = me.get(f"{url}.json").json()
    assert page["headline"] == "Camera P1 is with Officer 2001"
    assert page["calendar"][0]["begins_at"] == "2026-11-20T13:00:00Z"  # eight o'clock in New York
    assert me.fill(f"{url}/given", {"badge": "2002", "begins": "2026-11-20T09:00", "reason": "by phone"}, url).status_code == 303  # fmt: skip
    clashes = me.get("/fleet/conflicts.json").json()
    (clash,) = [r for r in clashes["rows"] if r["first"]["camera"] == "P1"]
    assert clash["kind"] == "camera on two wearers"
    wrong = clash["second"]["id"]
    assert me.fill(f"{url}/withdrawn", {"span": wrong, "reason": "wrong camera", "next": "/fleet/conflicts"}, url).headers["location"] == "/fleet/conflicts"  # fmt: skip
    assert not [r for r in me.get("/fleet/conflicts.json").json()["rows"] if r["first"]["camera"] == "P1"]
    assert [s["id"] for s in me.get(f"{url}.json").json()["before"]] == [wrong]
    assert me.fill(f"{url}/checks", {"outcome": "battery_low"}, url).status_code == 303
    assert me.fill(f"{url}/returned", {"at": "2026-11-20T16:00", "reason": "end"}, url).status_code == 303
    assert me.fill(f"{url}/status", {"status": "in repair", "reason": "battery"}, url).status_code == 303
    last = me.get(f"{url}.json").json()
    assert (last["camera"]["status"], last["camera"]["check"]) == ("in repair", "battery_low")
    assert me.get(f"/fleet/officers/cbp/{badge}.json").json()["headline"] == "Officer 2001 has no camera"
    rows = me.get("/fleet.json?find=P1").json()["rows"]
    assert [row["serial"] for row in rows] == ["P1"]
    assert "P1" in me.get("/fleet.csv?find=P1").text
    for path in ("/fleet", url, "/fleet/conflicts", f"/fleet/officers/cbp/{badge}", "/fleet/coverage"):
        assert me.get(path).status_code == 200, path
    assert me.get("/fleet/cameras/" + "0" * 32).status_code == 404


def test_another_agency_s_cameras_are_not_there_and_an_administrator_sees_none(here: Staffed) -> None:
    camera = here.camera("Q1")
    other = Person(here.app(), here.account(("ice",), name="Custodian 44").token)
    assert other.get(f"/fleet/cameras/{camera}").status_code == 404
    assert other.get("/fleet.json?find=Q1").json()["rows"] == []
    assert other.fill(f"/fleet/cameras/{camera}/status", {"status": "lost", "reason": "x"}).status_code == 404


def test_the_page_of_the_plan_shows_each_quarter_of_how_much(here: Staffed) -> None:
    me = Person(here.app(), here.account(("cbp",), name="Custodian 45").token)
    assert me.get("/fleet/coverage.json").json()["headline"] == "No deployment plan is adopted"
    here.office("cbp", "Plan one")
    here.office("cbp", "Plan two")
    means = Means(quarters_from("2027-Q1", 2), (5, 20), (None, None), (None, None))
    plan = make([Office("cbp", "Plan one", 5, 5, 100.0), Office("cbp", "Plan two", 30, 30, 50.0)], means)
    adopting.adopt(here.archive, SCOPE, plan_file.to_json(plan, "0" * 64), "decision 7")
    shown = me.get("/fleet/coverage.json").json()
    assert shown["headline"] == "By the end of 2027-Q2, 5 of 35 officers and 67% of the duty-hours are to be in offices with cameras"  # fmt: skip
    assert [(r["quarter"], r["officers"], r["officers_of"]) for r in shown["rows"]] == [("2027-Q1", 5, 35), ("2027-Q2", 5, 35)]  # fmt: skip
    text = me.get("/fleet/coverage").text
    assert text.count("<svg role=") == 2
    assert me.get("/fleet/coverage.csv").text.count("\n") == 3
    with here.archive.db.tx(SCOPE) as conn:
        assert store.deployments(conn, "cbp")[0].from_on == date(2027, 1, 1)


def test_officers_check_the_camera_they_have_and_supervisors_keep_those_of_their_unit(here: Staffed) -> None:
    office = here.office("cbp", "Unit 9")
    officer, other = here.officer("3001", office=office), here.officer("3002")
    mine, theirs = here.camera("R1"), here.camera("R2")
    for serial, badge in (("R1", "3001"), ("R2", "3002")):
        acts.give(here.archive, SCOPE, "cbp", serial, badge, clock.now() - timedelta(hours=2), None, "shift")

    def person(name: str, *roles: str, **more: str) -> Person:
        opened = here.account(("cbp",), name=name)
        here.give(opened.account, *roles, **more)
        return Person(here.app(), opened.token)

    wearer = person("Officer 3001", "officer", officer=officer)
    leader = person("Supervisor 9", "supervisor", office=office)
    reader = person("Records 9", "records")
    clerk = person("Administrator 9", "administrator")
    assert [r["serial"] for r in wearer.get("/fleet.json").json()["rows"]] == ["R1"]
    assert [r["serial"] for r in leader.get("/fleet.json").json()["rows"]] == ["R1"]
    assert wearer.fill(f"/fleet/cameras/{mine}/checks", {"outcome": "sound"}).status_code == 303
    assert wearer.fill(f"/fleet/cameras/{mine}/status", {"status": "lost", "reason": "x"}).status_code == 403
    assert wearer.get(f"/fleet/cameras/{theirs}").status_code == 403
    assert wearer.get("/fleet/officers/cbp/3002").status_code == 403
    assert leader.fill(f"/fleet/cameras/{mine}/returned", {"reason": "end of shift"}).status_code == 303
    assert (
        leader.fill(f"/fleet/cameras/{theirs}/status", {"status": "lost", "reason": "x"}).status_code == 403
    )
    assert reader.get(f"/fleet/cameras/{theirs}.json").json()["may_keep"] is False
    assert reader.fill(f"/fleet/cameras/{theirs}/checks", {"outcome": "sound"}).status_code == 403
    assert clerk.get("/fleet").status_code == 403
    with here.archive.db.tx(SCOPE) as conn:
        (check,) = store.checks(conn, mine)
        assert (check.officer, check.by[:8]) == (officer, "account:")
        assert [a.officer for a in store.calendar(conn, "cbp", camera_id=theirs)] == [other]


@pytest.mark.parametrize(("words", "says"), [(["nowhere.json"], "cannot be read"), ([__file__], "not JSON")])
def test_what_is_no_plan_is_not_adopted(here: Staffed, words: list[str], says: str) -> None:
    app = fleet_commands(lambda: contextlib.nullcontext((here.archive, SCOPE)))
    done = CliRunner().invoke(app, ["plan", "adopt", *words, "--reason", "decision 7"])
    assert says in str(done.exception)
