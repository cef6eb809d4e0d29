"""Can it be found who did what, when, from where and with what outcome, and does the log tell who looked?"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs
from typer.testing import CliRunner

from house import Cluster, House
from lapel.access import signin
from lapel.app import auditing
from lapel.base import clock
from lapel.base.errors import Invalid, Refused
from lapel.base.ids import ids_of_number, new_id, recording_number
from lapel.custody import log, store_search
from lapel.custody.commands import custody_commands
from lapel.custody.store_search import Wanted
from lapel.footage import play
from lapel.storage.archive import Archive
from lapel.storage.postgres import Database, Scope
from staffed import Person, Staffed, staffed


@dataclass(slots=True)
class Overseen:
    """Two agencies with a recording each; a custodian, an inspector and an administrator of cbp; what they did."""

    here: Staffed
    custodian: signin.Opened
    inspector: signin.Opened
    administrator: signin.Opened
    mine: Any
    theirs: Any
    app: FastAPI

    def found(self, who: str, query: str = "") -> list[dict[str, Any]]:
        return self.ask(who, f"/audit.json?{query}").json()["rows"]  # type: ignore[no-any-return]

    def ask(self, who: str, path: str) -> Any:
        return Person(self.app, getattr(self, who).token).get(path)


@pytest.fixture(scope="module")
def overseen(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Overseen]:
    with cluster.fresh(f"lapel_{new_id()[:16]}") as urls:
        house = House(urls=urls, place=tmp_path_factory.mktemp("audit"), superuser_url=cluster.url)
        house._databases["staff"] = Database(urls["staff"], door="staff")
        here = staffed(house)
        people = {
            role: here.account(("cbp",), name)
            for role, name in (
                ("custodian", "Custodian 12"),
                ("inspector", "Inspector 7"),
                ("administrator", "Administrator 3"),
            )
        }
        for role, opened in people.items():
            here.give(opened.account, role)
        there = Overseen(here, mine=here.recording(), theirs=here.recording("ice"), app=here.app(), **people)
        person = Person(there.app, there.custodian.token)
        person.get(f"/recordings/{there.mine.number}")
        person.fill(f"/recordings/{there.mine.number}/note", {"note": "At the north gate"})
        person.post("/view", data={"agency": "cbp"})  # without the form's token: refused
        with pytest.raises(Refused):
            signin.sign_in(here.archive.db, "Custodian 12", "not the password", "192.0.2.9")
        scope = here.house.scope("cbp", f"account:{there.custodian.account}")
        grant = play.begin(here.archive, scope, there.mine)
        with here.archive.db.tx(scope) as conn:
            conn.execute("UPDATE play_grant SET sent_bytes = 4096 WHERE id = %s", (grant,))
        later = clock.now() + timedelta(minutes=11)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(clock, "now", lambda: later)
            play.end_plays(here.archive)
            signin.enter_failures(here.archive.db, auditing.DEPARTMENT)
        yield there
        house._databases["staff"].close()
        house.end()


@pytest.mark.parametrize(
    ("query", "acts"),
    [
        ("who=Custodian+12&act=noted", {"noted"}),
        ("act=signed_in&address=192.0.2.1", {"signed_in"}),
        ("outcome=refused&who=Custodian+12", {"refused"}),
        ("outcome=refused&act=refused&address=192.0.2.9", {"refused"}),
        ("bytes=4096&act=play_ended", {"play_ended"}),
        ("bytes=4097&act=play_ended", set()),
        ("door=staff&act=viewed", {"viewed"}),
        ("door=proxied", set()),
        ("act=viewed&address=testclient", set()),
        ("from=2999-01-01", set()),
        ("to=2020-01-01", set()),
        ("agency=department&act=sign_in_failed&address=192.0.2.9", {"sign_in_failed"}),
    ],
)
def test_each_question_of_an_auditor_finds_its_act(overseen: Overseen, query: str, acts: set[str]) -> None:
    rows = overseen.found("inspector", query)
    assert {row["act"] for row in rows} == acts, rows
    for row in rows:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", row["at"])


def test_the_page_shows_the_same_and_says_that_looking_is_logged(overseen: Overseen) -> None:
    text = overseen.ask("inspector", "/audit?outcome=refused").text
    assert "refused: view" in text
    assert "192.0.2.9" in text
    assert "That you looked is in the log, too." in text
    assert "As an administrator" in overseen.ask("administrator", "/audit").text
    assert "Nothing in the log fits" in overseen.ask("inspector", "/audit?from=2999-01-01").text


def test_a_recording_is_found_by_its_number_even_when_its_row_is_not_in_view(overseen: Overseen) -> None:
    rows = overseen.found("inspector", f"thing={overseen.mine.number}")
    assert {"announced", "received", "completed", "viewed", "noted", "played", "play_ended"} <= {
        r["act"] for r in rows
    }
    assert {row["subject"] for row in rows} == {f"recording:{overseen.mine.id}"}
    first, beyond = ids_of_number(overseen.mine.number)
    assert first <= overseen.mine.id < beyond
    assert ids_of_number(recording_number("f" * 32))[1] > "f" * 32


def test_another_agencys_acts_are_not_there_and_cannot_be_asked_for(overseen: Overseen) -> None:
    assert overseen.found("inspector", f"thing={overseen.theirs.number}") == []
    assert {row["agency"] for row in overseen.found("inspector")} == {"cbp", "department"}
    for path in ("/audit.json?agency=ice", "/audit.csv?agency=ice", "/audit.json?agency=nasa"):
        assert overseen.ask("inspector", path).status_code == 403


def test_an_administrator_finds_what_was_done_to_accounts_and_nothing_of_footage(overseen: Overseen) -> None:
    rows = overseen.found("administrator", "agency=cbp")
    assert {"signed_in", "account_made", "refused"} <= {row["act"] for row in rows}
    assert all(row["subject"].startswith("account:") for row in rows)
    assert overseen.found("administrator", f"thing={overseen.mine.number}") == []


def test_who_neither_oversees_nor_administers_is_refused_with_the_rule(overseen: Overseen) -> None:
    answer = overseen.ask("custodian", "/audit.json")
    assert (answer.status_code, answer.json()["rules"]) == (403, ["access/inspector-oversees"])
    assert overseen.ask("custodian", "/audit.csv").status_code == 403


def test_looking_at_the_log_is_in_the_log_with_what_was_asked(overseen: Overseen) -> None:
    overseen.found("inspector", "act=viewed&from=2026-01-01&agency=cbp")
    newest = overseen.found("inspector", "act=log_searched")[0]
    assert newest["actor"] == f"account:{overseen.inspector.account}"
    assert newest["detail"]["asked_act"] == "viewed"
    assert newest["detail"]["asked_from"] == "2026-01-01"
    assert (newest["subject"], newest["outcome"]) == ("log:cbp", "done")


def test_nothing_is_shown_when_the_look_cannot_be_entered(overseen: Overseen) -> None:
    owner = overseen.here.house.db("owner")
    with owner.tx(Scope("cli:test", ())) as conn:
        conn.execute("REVOKE INSERT ON custody_entry FROM lapel_app")
    try:
        for who, path in (("inspector", "/audit.json"), ("custodian", f"/recordings/{overseen.mine.number}")):
            with capture_logs(), pytest.raises(psycopg.errors.InsufficientPrivilege):
                overseen.ask(who, path)
    finally:
        with owner.tx(Scope("cli:test", ())) as conn:
            conn.execute("GRANT INSERT ON custody_entry TO lapel_app")


def test_pages_follow_each_other_without_a_gap_and_csv_has_the_rows_of_the_page(overseen: Overseen) -> None:
    db, scope = overseen.here.archive.db, overseen.here.house.scope("cbp")
    with db.tx(scope) as conn:
        whole, end = store_search.find(conn, Wanted(("cbp",)), limit=5000)
        assert end is None
        taken, place = [], None
        while True:
            some, place = store_search.find(conn, Wanted(("cbp",)), place, limit=3)
            taken += some
            if place is None:
                break
            place = store_search.read_position(str(place))
    assert taken == whole
    assert whole == sorted(whole, key=lambda one: (clock.stamp(one.at), one.entry), reverse=True)
    text = overseen.ask("inspector", "/audit.csv?act=noted").text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["act"], row["who"]) for row in rows] == [("noted", "Custodian 12")]
    with pytest.raises(Invalid):
        store_search.read_position("nonsense")


def test_words_that_mean_nothing_are_said_to(overseen: Overseen) -> None:
    for query in (
        "outcome=perhaps",
        "bytes=many",
        "from=yesterday",
        "who=Nobody",
        "thing=no+such",
        "after=x",
    ):
        assert overseen.ask("inspector", f"/audit.json?{query}").status_code == 422, query
    assert auditing.instant("2026-03-08", "America/New_York", end=True) == auditing.instant(
        "2026-03-09T04:00:00Z", "UTC", end=False
    )


def test_what_is_forgotten_in_the_log_is_found_no_more(overseen: Overseen) -> None:
    """The columns are computed from the openings: nothing of a closed field is left beside them."""
    house = overseen.here.house
    with house.db("owner").tx(Scope("cli:test", ("cbp",))) as conn:
        row = conn.execute("SELECT * FROM custody_opening WHERE act = 'signed_in' LIMIT 1").fetchone()
        assert row is not None
        conn.execute("SELECT custody_close(o, ARRAY['actor', 'source'], %s) FROM custody_opening o WHERE entry = %s", ("0" * 32, row["entry"]))  # fmt: skip
        left = conn.execute(
            "SELECT actor, source, act FROM custody_opening WHERE entry = %s", (row["entry"],)
        ).fetchone()
    assert left == {"actor": None, "source": None, "act": "signed_in"}
    rows = overseen.found("inspector", "act=signed_in")
    assert any(one["who"].startswith("Somebody whose name was forgotten") for one in rows)


def test_the_terminal_searches_and_is_entered(overseen: Overseen) -> None:
    house = overseen.here.house

    @contextmanager
    def opened() -> Iterator[tuple[Archive, Scope]]:
        yield overseen.here.archive, Scope("cli:operator", ("cbp", "ice"))

    def subject_of(conn: Any, said: str) -> str:
        return f"recording:{said}"

    app = custody_commands(opened, subject_of)
    run = CliRunner()
    done = run.invoke(app, ["search", "--act", "received", "--json"])
    assert done.stdout.count('"act": "received"') == 2
    table = run.invoke(
        app, ["search", "--thing", overseen.mine.id, "--outcome", "done"], env={"COLUMNS": "200"}
    ).stdout
    assert "play ended" in table
    assert isinstance(run.invoke(app, ["search", "--agency", "nasa"]).exception, Invalid)
    with house.db().tx(house.scope("ice")) as conn:
        last = log.history(conn, "log:ice")[-1]
    assert (last.actor, last.act, last.detail["entries"]) == (
        "cli:operator",
        "log_searched",
        table.count("recording:"),
    )
