"""The commands about duties: what a commander types, and what they read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from month import MAPPING, Month, call
from typer.testing import CliRunner
from watched import Watched

from lapel.activation.commands import activation_commands
from lapel.activation.findings import duty_number
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope


def test_from_a_file_to_a_decided_exception_by_commands_alone(watched: Watched, tmp_path: Path) -> None:
    month = Month(watched, tmp_path)
    month.equip("7001", "7002")
    month.clip("7001", -1, 21)
    who = ["cli:clerk"]

    @contextmanager
    def opened() -> Iterator[tuple[Archive, Scope]]:
        yield watched.staffed.archive, watched.scope(who[0])

    app = activation_commands(opened)

    def run(*said: str) -> str:
        done = CliRunner().invoke(app, said, env={"COLUMNS": "300"})
        assert done.exit_code == 0, (said, done.output, done.exception)
        return done.output

    (tmp_path / "m.yaml").write_text(MAPPING)
    file = month.file([call(1, "7001", 0, 20), call(2, "7002", 0, 20), call(3, "7002", 30, 20)])
    taking = ("import", str(file), "--agency", "fps", "--mapping", str(tmp_path / "m.yaml"))
    assert "2 events would be new" in run(*taking, "--dry-run")
    said = run(*taking, "--rejected", str(tmp_path / "rejected.csv"))
    assert "2 events are new" in said
    assert "row 4: it ends before it begins" in said
    assert (tmp_path / "rejected.csv").read_text().count("\n") == 2
    assert "imported before" in run(*taking)
    days = ("--from", "2026-10-01", "--to", "2026-11-01")
    table = run("audit", "--agency", "fps", *days, "--out", str(tmp_path / "out"))
    assert "1 of 2 duties owed were recorded in full; 1 has no recording at all." in table
    for outcome in ("missing", "excused", "not in plan", "no camera", "untrained", "undetermined"):
        assert outcome in table
    (row,) = month.rows("SELECT duty FROM finding WHERE outcome = 'missing'")
    number = duty_number(row["duty"])
    assert "0 of 20 min" in run("explain", number)
    entered = run(
        "exceptions", "enter", number, "--reason", "safety", "--clause", "F7", "--words", "Took cover."
    )
    exception = entered.split()[1]
    assert exception in run("exceptions", "list", "--agency", "fps", "--state", "waiting")
    assert (
        CliRunner().invoke(app, ["exceptions", "decide", exception, "grant"]).exit_code != 0
    )  # by who entered it
    who[0] = "cli:captain"
    assert "1 duties are excused" in run("exceptions", "decide", exception, "grant")
    assert "There is none." in run("reviews", "list", "--agency", "fps")
    assert CliRunner().invoke(app, ["audit", "--agency", "fps", "--from", "2026-10-01", "--to", "2026-10-01"]).exit_code != 0  # fmt: skip
