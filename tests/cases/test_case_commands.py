"""Can the operator do with cases, shares, exports, accounts and tokens what the pages do?"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from house import House
from lapel.access import tokens
from lapel.access.account_commands import account_commands, grant_commands, token_commands
from lapel.app.cli import _ref_of
from lapel.base import clock
from lapel.base.errors import Invalid, Refused
from lapel.cases.commands import case_commands, share_commands
from lapel.custody import log
from lapel.footage.commands import add_export, footage_commands
from lapel.storage.archive import Archive
from lapel.storage.postgres import Database, Scope
from staffed import Staffed, sample, staffed

AGENCIES = ("cbp", "ice")


@pytest.fixture(scope="module")
def here(shared_house: House) -> Staffed:
    return staffed(shared_house)


class Terminal:
    """A terminal of an operator."""

    def __init__(self, here: Staffed, name: str = "cli:test") -> None:
        @contextmanager
        def opened() -> Iterator[tuple[Archive, Scope]]:
            yield here.archive, Scope(name, AGENCIES)

        @contextmanager
        def owned() -> Iterator[tuple[Database, Sequence[str]]]:
            yield here.house.db("owner"), AGENCIES

        footage = footage_commands(opened)
        add_export(footage, opened, lambda: here.house.place / "trust.json")
        self.rooms = {
            "case": case_commands(opened, _ref_of),
            "share": share_commands(opened, _ref_of),
            "footage": footage,
            "accounts": account_commands(
                owned, lambda token: f"http://lapel.test/begin/{token}", lambda: name
            ),
            "grants": grant_commands(owned, lambda: name),
            "tokens": token_commands(owned, lambda: name),
        }

    def __call__(self, room: str, *said: str) -> str:
        done = CliRunner().invoke(self.rooms[room], list(said), env={"COLUMNS": "200"})
        if done.exception:
            raise done.exception
        return done.stdout.strip()


def test_a_case_is_opened_filled_shared_taken_back_and_closed_from_a_terminal(here: Staffed) -> None:
    run, recording = Terminal(here), here.recording(salt=b"\0" * 9)
    number = run("case", "open", "Bridge", "--agency", "cbp", "--kind", "criminal")
    assert run("case", "add", number, recording.number) == "1 of 1 were not in it yet."
    assert run("case", "add", number, recording.number.lower()) == "0 of 1 were not in it yet."
    run("case", "member", number, "County prosecutor", "--part", "prosecutor")
    run("case", "join", number, "ice", "--task-force", "Port Six")
    assert re.search(rf"{number} +cbp +criminal +Bridge +1 +open", run("case", "list", "bridge"))
    until = str((clock.now() + timedelta(days=2)).date())
    share = run(
        "share",
        "give",
        "--agency",
        "cbp",
        "--to",
        "ice",
        "--case",
        number,
        "--purpose",
        "Joint",
        "--until",
        until,
    )
    assert re.search(rf"{share} +cbp +ice +case +view +{until}.* lasts", run("share", "list"))
    with here.archive.db.tx(here.house.scope("ice")) as conn:
        assert conn.execute("SELECT FROM recording WHERE id = %s", (recording.id,)).fetchone() is not None
    run("share", "revoke", share, "--reason", "By mistake")
    assert re.search(rf"{share} .* over", run("share", "list"))
    run("case", "remove", number, recording.number, "--reason", "Wrong one")
    run("case", "close", number, "--reason", "Pleaded")
    assert run("case", "list", "--open", number).count("\n") == 0
    run("case", "reopen", number, "--reason", "Appeal")
    with pytest.raises(Invalid):
        run("share", "give", "--agency", "cbp", "--to", "ice", "--purpose", "Nothing", "--until", until)


def test_an_export_is_written_whole_or_not_at_all(here: Staffed, tmp_path: Path) -> None:
    run, recording = Terminal(here), here.recording()
    here.publish()
    (here.house.place / "trust.json").write_bytes(b"{}")
    with pytest.raises(Invalid, match="purpose"):
        run("footage", "export", recording.number, "--out", str(tmp_path / "new"), "--for", "curiosity")
    asked = ("--out", str(tmp_path / "new"), "--for", "reason records_request Request 26-77")
    assert "README.txt" in run("footage", "export", recording.number, *asked)
    with here.archive.db.tx(here.house.scope()) as conn:
        entry = next(a for a in log.history(conn, f"recording:{recording.id}") if a.act == "exported")
    assert (entry.detail["for"], entry.detail["words"]) == ("records request", "Request 26-77")
    with zipfile.ZipFile(tmp_path / "new" / f"{recording.number}.zip") as held:
        assert held.read("originals/clip.mp4") == sample("carphone_pristine")
    with pytest.raises(Invalid):
        run("footage", "export", recording.number, *asked)
    assert [p.name for p in (tmp_path / "new").iterdir()] == [f"{recording.number}.zip"]


def test_accounts_roles_and_tokens_are_looked_after_by_two_operators(here: Staffed) -> None:
    first, second = Terminal(here, "cli:first"), Terminal(here, "cli:second")
    here.officer("8801")
    assert first("accounts", "make", "Officer 8801", "--agency", "cbp", "--badge", "8801").startswith(
        "http://"
    )
    assert (
        first("grants", "give", "Officer 8801", "officer", "--agency", "cbp")
        == "It waits for a second person."
    )
    assert first("grants", "give", "Officer 8801", "policy", "--agency", "ice") == "It is given."
    grant = re.findall(r"[0-9a-f]{32}", first("grants", "list", "--waiting"))[0]
    with pytest.raises(Refused):
        first("grants", "approve", grant)
    assert "officer in cbp" in second("grants", "approve", grant)
    assert re.search(
        r"Officer 8801 +cbp +8801 +officer in cbp; policy in ice +open", first("accounts", "list", "8801")
    )
    token = first(
        "tokens", "make", "Officer 8801", "Report", "--act", "footage.list", "--agency", "cbp", "--days", "2"
    )
    actor = tokens.read(here.archive.db, token, "192.0.2.1")
    assert actor is not None
    assert actor.acts == {"footage.list"}
    listed = first("tokens", "list")
    assert token not in listed
    first("tokens", "revoke", re.findall(r"[0-9a-f]{32}", listed)[0])
    assert tokens.read(here.archive.db, token, "192.0.2.1") is None
    assert first("accounts", "link", "Officer 8801").startswith("http://")
    assert "(waits)" in first("accounts", "list", "8801")
    first("accounts", "close", "Officer 8801")
    assert "closed" in first("accounts", "list", "8801")
    first("accounts", "reopen", "Officer 8801")
    first("grants", "end", re.findall(r"[0-9a-f]{32}", first("grants", "list", "--waiting"))[0])
    first("accounts", "tie", "Officer 8801", "")
