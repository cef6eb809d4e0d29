"""Does somebody hear of it within the hour when the custody log does not work, and is nothing done that cannot be logged?"""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from structlog.testing import capture_logs

from house import House
from lapel.access import signin
from lapel.app import alarms
from lapel.app.alarms import Watch
from lapel.base.errors import Unavailable
from lapel.custody import health, log
from lapel.custody.health import DEPARTMENT, SCOPE, State
from lapel.footage import acts, store
from lapel.storage.postgres import Database, Scope
from staffed import NAME, PASSWORD, Person, Staffed

WELL = State(
    waiting=0, oldest_s=None, size=10, published=10, published_at=datetime(2026, 11, 20, tzinfo=UTC),
    unpublished_s=None, free=1 << 40, total=1 << 41,
)  # fmt: skip
LATE = timedelta(minutes=10)


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({}, []),
        ({"waiting": 3, "oldest_s": 599.0}, []),
        ({"waiting": 3, "oldest_s": 601.0}, ["sequencer-behind"]),
        ({"unpublished_s": 601.0}, ["not-published"]),
        ({"unpublished_s": 601.0, "published": None, "published_at": None}, ["not-published"]),
        ({"free": (1 << 30) - 1}, ["disk-nearly-full"]),
        ({"free": 1 << 36}, ["disk-nearly-full"]),
        ({"oldest_s": 1e6, "unpublished_s": 1e6, "free": 0}, ["sequencer-behind", "not-published", "disk-nearly-full"]),
    ],
)  # fmt: skip
def test_what_waits_too_long_or_has_no_room_is_trouble(changes: dict[str, object], kinds: list[str]) -> None:
    found = list(health.troubles(replace(WELL, **changes), LATE))  # type: ignore[arg-type]
    assert [trouble.kind for trouble in found] == kinds
    assert all(trouble.says.endswith(".") for trouble in found)


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """Where the operator's command writes what it is told."""
    return tmp_path / "told"


@pytest.fixture
def watch(here: Staffed, tmp_path: Path, told: Path) -> Watch:
    script = tmp_path / "tell.py"
    script.write_text(
        "import os, sys\n"
        f"with open({str(told)!r}, 'a') as out:\n"
        "    out.write(sys.stdin.read() + str([n for n in os.environ if n.startswith('LAPEL_')]) + '\\n')\n"
    )
    return Watch(here.archive.db, tmp_path, LATE, f"{sys.executable} {script}")


def wait_for_ever(house: House) -> None:
    """Entries that have waited for an hour: nobody sequences."""
    with house.db().tx(SCOPE) as conn:
        log.record(conn, actor="system:test", agency=DEPARTMENT, act="tried", subject="log:department")
    with psycopg.connect(superuser(house)) as conn:
        conn.execute("UPDATE lapel.custody_pending SET pending_at = pending_at - interval '1 hour'")


def superuser(house: House) -> str:
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    return make_conninfo(house.superuser_url, dbname=str(conninfo_to_dict(house.urls["staff"])["dbname"]))


def test_a_sequencer_that_stands_still_is_told_once_and_told_again_when_it_is_over(
    here: Staffed, watch: Watch, told: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAPEL_DATABASE_URL", "postgresql://somebody:secret@db.test/x")
    watch.check()
    assert not told.exists()
    assert {t.kind for t in watch.look().troubles} <= {"disk-nearly-full"}
    wait_for_ever(here.house)
    other = Watch(here.house.db("worker"), watch.objects, LATE, watch.command)
    with capture_logs() as written:
        assert "sequencer-behind" in {t.kind for t in watch.check().troubles}
        watch.check()
        other.check()  # the worker's: it sees the same and tells nobody
    assert [w["alarm"] for w in written if w["event"] == "custody log alarm" and w["log_level"] == "critical"] == ["sequencer-behind"]  # fmt: skip
    text = told.read_text()
    assert text.count("sequencer-behind") == 1
    assert "See whether the sequencer runs." in text
    assert "[]" in text
    assert "secret" not in text
    here.publish()
    other.check()
    assert "Over: sequencer-behind" in told.read_text()
    with here.archive.db.tx(SCOPE) as conn:
        entered = [(a.act, a.detail.get("alarm")) for a in log.history(conn, "log:department")]
    assert ("alarm_raised", "sequencer-behind") in entered
    assert ("alarm_over", "sequencer-behind") in entered


def test_the_page_and_the_probe_show_it_to_whom_it_concerns(here: Staffed) -> None:
    opened = here.account()
    here.give(opened.account, "inspector")
    plain = here.account(name="Custodian 13")
    here.give(plain.account, "custodian")
    app = here.app(watch=Watch(here.archive.db, Path("/"), LATE))
    app.state.watch.last = (float("inf"), alarms.Health(WELL, ()))
    stranger = Person(app)
    assert stranger.get("/health/log").json() == {"ok": True}
    wait_for_ever(here.house)
    app.state.watch.check()
    app.state.watch.last = None
    answer = stranger.get("/health/log", headers={"accept": "application/json"})
    assert answer.status_code == 503
    assert "sequencer" not in answer.text
    shown = Person(app, opened.token).get("/audit/health.json").json()
    assert shown["ok"] is False
    assert (shown["alarms"][0]["kind"], shown["alarms"][0]["over_at"]) == ("sequencer-behind", None)
    assert shown["witnesses"] == 0
    assert "needs somebody to look" in Person(app, opened.token).get("/audit/health").text
    assert Person(app, plain.token).get("/audit/health.json").status_code == 403


def test_a_database_that_is_gone_is_told_by_each_process_once_an_hour(watch: Watch, told: Path) -> None:
    gone = Watch(
        Database("host=127.0.0.1 port=1 user=x dbname=x", wait_s=0.1), watch.objects, LATE, watch.command
    )
    with capture_logs() as written:
        gone.check()
        gone.check()
    assert [w["alarm"] for w in written if w["event"] == "custody log alarm"] == ["cannot-write"]
    assert told.read_text().count("No entry can be written") == 1


@pytest.mark.parametrize("command", ["/does/not/exist", f"{sys.executable} -c 'raise SystemExit(3)'", "'"])
def test_a_command_that_fails_is_named_and_stops_nothing(command: str) -> None:
    with capture_logs() as written:
        assert not alarms.run(command, "text")
    assert [w["event"] for w in written] == ["alarm command failed"]
    assert not alarms.run("", "nobody to tell")


def test_an_act_whose_entry_cannot_be_written_is_not_done(here: Staffed, watch: Watch) -> None:
    opened, recording = here.account(), here.recording()
    with here.house.db("owner").tx(Scope("cli:test", ())) as conn:
        conn.execute("REVOKE INSERT ON custody_entry FROM lapel_app")
    assert [t.kind for t in watch.look().troubles if t.kind != "disk-nearly-full"] == ["cannot-write"]
    person = Person(here.app(), opened.token)
    scope = here.house.scope("cbp", f"account:{opened.account}")
    with capture_logs():
        for path in ("", ".json"):  # looking
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                person.get(f"/recordings/{recording.number}{path}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):  # writing
            acts.note(here.archive, scope, recording.id, "north gate")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):  # signing in
            signin.sign_in(here.archive.db, NAME, PASSWORD, "192.0.2.1")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):  # taking in
            here.recording(salt=b"1")
    with here.archive.db.tx(scope) as conn:
        assert store.recording(conn, recording.id).note == ""
        row = conn.execute("SELECT count(*) AS n FROM recording").fetchone()
    assert row == {"n": 1}
    with here.house.db("owner").tx(Scope("cli:test", ("cbp",))) as conn:
        row = conn.execute("SELECT count(*) AS n FROM session").fetchone()
    assert row == {"n": 1}


def test_a_probe_leaves_nothing_behind(here: Staffed, watch: Watch) -> None:
    watch.look()
    with here.archive.db.tx(SCOPE) as conn:
        assert log.history(conn, "log:department") == []
    with pytest.raises(Unavailable):
        alarms.need_well(alarms.Health(None, (health.Trouble("x", "y"),)))
