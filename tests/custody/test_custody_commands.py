"""Can it all be asked from a terminal, in words that a person reads and a status that a script reads?"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import receipts
import typer
from logs import ORIGIN, record, sequenced, sequencer
from typer.testing import CliRunner

from house import House
from lapel.base.errors import LapelError, NotFound
from lapel.custody import log
from lapel.custody.commands import add_verify, custody_commands
from lapel.custody.trust import first_trust
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope


def cli(house: House | None = None) -> typer.Typer:
    app = typer.Typer()

    @contextmanager
    def opened() -> Iterator[tuple[Archive, Scope]]:
        assert house is not None
        yield (
            Archive(db=house.db(), stores=house.stores, keys=house.keys("admin")),
            house.scope(actor="cli:test"),
        )

    def subject_of(conn: Connection, rec: str) -> str:
        if not rec.startswith("R-"):
            raise NotFound("There is no such recording.")
        return f"recording:{rec[2:]}"

    app.add_typer(custody_commands(opened, subject_of), name="custody")
    add_verify(app)
    return app


def run(app: typer.Typer, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(arguments))
    if isinstance(done.exception, LapelError):
        return done.exception.exit_status, str(done.exception)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout


def test_show_tells_when_what_and_by_whom(house: House) -> None:
    (entry,) = record(house, 1)
    status, told = run(cli(house), "custody", "show", "R-cbp0")
    assert status == 0
    assert "viewed  by account:a  (waits for its place)" in told
    assert f"entry id: {entry}" in told
    assert "name: n0" in told
    sequenced(house)
    assert "(entry 0, published)" in run(cli(house), "custody", "show", "R-cbp0")[1]


def test_what_the_log_does_not_know_is_not_found(house: House) -> None:
    assert run(cli(house), "custody", "show", "R-nothing")[0] == 4
    assert run(cli(house), "custody", "show", "nothing")[0] == 4


def test_prove_waits_for_the_next_checkpoint_and_verify_takes_what_it_prints(
    house: House, tmp_path: Path
) -> None:
    with house.db().tx(house.scope()) as conn:
        log.record(conn, actor="site:s", agency="cbp", act="announced", subject="recording:1")
        digest = receipts.entry(0).fields["sha256"]
        log.record(
            conn,
            actor="site:s",
            agency="cbp",
            act="received",
            subject="recording:1",
            detail={"sha256": digest},
        )
    stop = threading.Event()
    thread = threading.Thread(target=lambda: (time.sleep(1), sequencer(house, interval_s=0.2).run(stop)))
    thread.start()
    try:
        status, printed = run(cli(house), "custody", "prove", "R-1", "--open", "sha256, actor")
    finally:
        stop.set()
        thread.join()
    assert status == 0
    receipt = json.loads(printed[printed.index("{") :])
    assert set(receipt["opened"]) == {"act", "actor", "agency", "at", "sha256"}
    assert receipt["opened"]["act"]["value"] == "received"  # the act that carries the file's digest
    (tmp_path / "receipt.json").write_text(json.dumps(receipt))
    (tmp_path / "clip.mp4").write_bytes(receipts.FILE)
    trust = first_trust(ORIGIN, house.keys("sequencer").public_key("log"))
    (tmp_path / "trust.json").write_text(json.dumps(trust.to_json()))
    paths = [str(tmp_path / name) for name in ("receipt.json", "clip.mp4", "trust.json")]
    status, told = run(cli(), "verify", paths[0], paths[1], "--trust", paths[2])
    assert status == 0
    assert "Seen by no outside party" in told
    assert run(cli(), "verify", paths[0])[0] == 8


def test_prove_takes_an_act_or_an_entry_by_name(house: House) -> None:
    (entry,) = record(house, 1)
    sequenced(house)
    app = cli(house)
    assert json.loads(run(app, "custody", "prove", "R-cbp0", "--act", "viewed")[1])["index"] == 0
    assert json.loads(run(app, "custody", "prove", "R-cbp0", "--entry", entry)[1])["index"] == 0
    status, says = run(app, "custody", "prove", "R-cbp0", "--act", "danced")
    assert (status, "Its acts are: viewed" in says) == (4, True)
    assert run(app, "custody", "prove", "R-cbp0", "--open", "weather")[0] == 5


def test_verify_tells_the_outcomes_apart(tmp_path: Path) -> None:
    def file(name: str, text: str) -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    app = cli()
    good = file("good.json", receipts.text(receipts.receipt()))
    trust = file("trust.json", json.dumps(receipts.trust().to_json()))
    other = file("other.mp4", "other")
    assert run(app, "verify", good, "--trust", trust)[0] == 0
    assert run(app, "verify", good)[0] == 8
    assert run(app, "verify", good, other, "--trust", trust)[0] == 90
    assert (
        run(app, "verify", file("closed.json", receipts.text(receipts.receipt(opened=("act",)))), other)[0]
        == 1
    )
    assert run(app, "verify", file("broken.json", "{"))[0] == 5
    assert run(app, "verify", str(tmp_path / "nothing.json"))[0] == 4
    assert run(app, "verify", good, str(tmp_path))[0] == 4


def test_verify_opens_no_department_and_loads_no_heavy_library() -> None:
    program = (
        "import sys, lapel.custody.commands;"
        "print([n for n in ('psycopg', 'cryptography', 'alembic', 'fastapi', 'pydantic') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["custody", "verify"])
def test_help_says_what_it_is_for(name: str) -> None:
    status, told = run(cli(), name, "--help")
    assert status == 0
    assert "recording" in told or "receipt" in told
