"""The demonstration's four calls: one recorded, one not, one without a camera, one that must not be recorded."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path

from month import BEGAN, Month
from rich.console import Console
from watched import Watched

from lapel.app import demo_activation
from lapel.app.demo_activation import Filmed
from lapel.app.department import Department
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope


def test_the_four_calls_come_out_as_they_are_told_and_the_second_time_nothing_changes(
    watched: Watched, tmp_path: Path
) -> None:
    month = Month(watched, tmp_path)
    cameras = {"4471": "BWC-00117", "2038": "BWC-00254"}
    for badge, serial in cameras.items():
        watched.officer(badge)
        watched.staffed.camera(serial, "fps")
    filmed = [Filmed(badge, cameras[badge], BEGAN + timedelta(minutes=after), 20) for badge, after in (("4471", 0), ("4471", 11), ("2038", 0))]  # fmt: skip
    for one in filmed:
        minutes = (one.begins_at - BEGAN) / timedelta(minutes=1)
        month.clip(one.wearer, minutes, minutes + one.length_s / 60)

    class Here(Department):
        def operator(self) -> tuple[Archive, Scope]:
            return watched.staffed.archive, month.scope

    here = object.__new__(Here)
    said = []
    for _ in range(2):
        out = io.StringIO()
        demo_activation.duties(here, filmed, tmp_path, Console(file=out, width=300), "http://127.0.0.1:8080")
        said.append(out.getvalue())
    found = month.rows(
        "SELECT e.external_id, f.outcome FROM finding f JOIN event e ON e.id = f.event ORDER BY 1"
    )
    assert [(row["external_id"], row["outcome"]) for row in found] == [
        ("26-0113", "recorded"), ("26-0114", "missing"), ("26-0115", "no camera"), ("26-0116", "recorded though forbidden"),
    ]  # fmt: skip
    assert said[0].replace("4 taken in", "known already") == said[1]
    assert said[0].count("http://127.0.0.1:8080/activation/duties/D-") == 4
    assert (
        len(month.rows("SELECT id FROM activation_run")) == len(month.rows("SELECT id FROM restriction")) == 1
    )
    assert len(month.rows("SELECT id FROM assignment")) == 2
