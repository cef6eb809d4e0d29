"""Does the demonstration do the main job, say truly what happened, and leave no process behind?"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from running_department import eventually, free_port, tiny_clip

pytestmark = pytest.mark.slow


@dataclass(slots=True)
class Stage:
    """A place for demonstrations: a data folder, doors of its own, and all processes that were started for it."""

    data: Path
    settings: dict[str, str] = field(
        default_factory=lambda: {
            "LAPEL_STAFF_BIND": f"127.0.0.1:{free_port()}",
            "LAPEL_INTAKE_BIND": f"127.0.0.1:{free_port()}",
            "LAPEL_DATABASE_URL": "",
            "COLUMNS": "400",
        }
    )

    def begin(self, *said: object, **more: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "lapel.app.demo", "--data", str(self.data), *map(str, said)]
        environment = {**os.environ, **self.settings, **more}
        return subprocess.Popen(
            command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def shown(self, status: int, *said: object, **more: str) -> str:
        """What a whole run prints; it ends with this status, and nothing of it is left running."""
        process = self.begin("--exit", *said, **more)
        out, err = process.communicate(timeout=280)
        assert process.returncode == status, out + err
        assert "Traceback" not in out + err
        self.nothing_runs()
        return out

    def nothing_runs(self) -> None:
        eventually("everything has ended", lambda: not self.running(), within_s=60)

    def running(self) -> dict[int, str]:
        """Whatever has this data folder in its arguments, its environment or, as the server has, its working directory."""
        places = [str(self.data)]
        moved = self.data / "postgres" / "moved-to"
        if moved.exists():
            places.append(moved.read_text().strip())
        return {pid: words for pid, words in _processes() if any(place in words for place in places)}


def _processes() -> Iterator[tuple[int, str]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
                words = [
                    (entry / name).read_bytes().decode(errors="replace") for name in ("cmdline", "environ")
                ]
                if state != "Z":
                    yield int(entry.name), " ".join([*words, os.readlink(entry / "cwd")])
            except OSError:
                continue  # ended meanwhile, or somebody else's


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("demo") / "department")


@pytest.fixture(scope="module")
def first(stage: Stage) -> str:
    """What the first run shows."""
    return stage.shown(0)


def table(shown: str) -> list[list[str]]:
    """The rows of the report."""
    rows = [
        [cell.strip() for cell in line.strip("│").split("│")] for line in shown.splitlines() if "R-" in line
    ]
    return [row for row in rows if re.fullmatch(r"R-\w{5}-\w{5}", row[0])]


@pytest.mark.timeout(300)
def test_it_says_in_plain_words_what_happened(first: str):
    assert "Whoever loses that file loses every recording" in first
    assert "3 recordings came in over the camera protocol" in first
    rows = table(first)
    assert len({row[0] for row in rows}) == 3
    assert sorted(row[3].split(",")[0] for row in rows) == ["clip", "clip", "clip", "clip", "trail"]
    assert {row[5] for row in rows} == {"holds"}
    assert sum("media tree" in row[4] for row in rows) == 4
    assert re.search(
        r"nine agency policies proved: every check holds in \d+ intervals, took \d+\.\d s", first
    )
    assert "5 receipts checked by the verifier, with the standard library alone" in first
    assert "not proved: Seen by no outside party" in first
    assert "1 face found in" in first
    assert "the copy verifies: status 0" in first
    assert re.search(r"one bit of it changed: status 90, clip-1\.mp4: picture group \d+", first)


@pytest.mark.timeout(300)
def test_a_second_run_keeps_nothing_twice_and_says_so(stage: Stage, first: str):
    again = stage.shown(0)
    assert "3 recordings were there already, delivered again and not kept twice" in again
    assert "came in" not in again
    assert "nine agency policies proved: every check holds" in again
    assert table(again) == table(first)
    page = re.search(r"its page: \S+(/copies/[0-9a-f]{32})", first)
    assert page is not None
    assert page[1] in again, "the copy is made once"


@pytest.mark.timeout(300)
def test_own_clips_in_the_same_department(stage: Stage, first: str, tmp_path: Path):
    folder = tmp_path / "own [clips] 世界"
    folder.mkdir()
    (folder / "one.mp4").write_bytes(tiny_clip(1))
    (folder / "TWO.MKV").write_bytes(b"This is a report, not a video.\n" * 40)
    (folder / "notes.txt").write_text("not footage")
    shown = stage.shown(0, "--footage", folder)
    assert "2 recordings came in over the camera protocol" in shown
    rows = table(shown)
    assert {row[5] for row in rows} == {"holds"}
    assert sum("it could not be read" in row[4] for row in rows) == 1
    assert not {row[0] for row in rows} & {row[0] for row in table(first)}
    # One more clip before the others: theirs are still the same recordings.
    (folder / "a-third.mp4").write_bytes(tiny_clip(3))
    shutil.copy(folder / "one.mp4", folder / "one-again.mp4")
    more = stage.shown(0, "--footage", folder)
    assert "1 recording came in" in more
    assert {row[0] for row in rows} < {row[0] for row in table(more)}
    assert len(table(more)) == 3


@pytest.mark.parametrize("there", [True, False], ids=["no clips", "no such folder"])
def test_a_folder_without_clips_says_so_and_makes_nothing(tmp_path: Path, there: bool):
    stage, folder = Stage(tmp_path / "department"), tmp_path / "empty"
    if there:
        folder.mkdir()
    shown = stage.shown(4, "--footage", folder)
    assert f"{folder} holds no .mp4 or .mkv files." in shown if there else f"{folder} cannot be read" in shown
    assert not stage.data.exists()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("door", ["LAPEL_STAFF_BIND", "LAPEL_INTAKE_BIND"])
def test_a_port_that_is_taken_is_said_in_one_sentence(stage: Stage, first: str, door: str):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        shown = stage.shown(7, **{door: bind})
    assert f"Another program answers on {bind} already." in shown
    assert "recordings" not in shown


def serving(stage: Stage) -> subprocess.Popen[str]:
    """A run that has shown its sign-in link and serves."""
    process = stage.begin()
    assert process.stdout is not None
    links = []
    for line in process.stdout:
        links += [line.strip()] if "/begin/" in line else []
        if "Serving until you press Ctrl-C." in line:
            assert [link.split("/begin/")[0] for link in links] == [
                f"http://{stage.settings['LAPEL_STAFF_BIND']}"
            ]
            return process
    raise AssertionError(process.communicate())


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_it_serves_until_it_is_told_to_end_and_leaves_nothing_running(
    stage: Stage, first: str, number: signal.Signals
):
    process = serving(stage)
    host, port = stage.settings["LAPEL_STAFF_BIND"].split(":")
    socket.create_connection((host, int(port)), timeout=10).close()
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    if number == signal.SIGKILL:  # then the others end by themselves, and may say how they were surprised
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 0, out + err
        assert "Traceback" not in out + err
    stage.nothing_runs()


@pytest.mark.timeout(300)
def test_two_at_once_in_one_department(stage: Stage, first: str):
    process = serving(stage)
    try:
        shown = stage.begin(
            "--exit",
            LAPEL_STAFF_BIND=f"127.0.0.1:{free_port()}",
            LAPEL_INTAKE_BIND=f"127.0.0.1:{free_port()}",
        )
        out, err = shown.communicate(timeout=120)
        assert shown.returncode == 6, out + err
        assert "is already run by another process." in out
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    stage.nothing_runs()


# What is there when the run has come so far; then it is killed in the middle of things.
MOMENTS = {
    "while the department is made": ("keyring/keyring.json", signal.SIGKILL),
    "while everything starts": ("trust.json", signal.SIGTERM),
    "while footage comes in": ("objects/originals/=writing/*", signal.SIGKILL),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("there", "number"), MOMENTS.values(), ids=MOMENTS.keys())
def test_killed_in_the_middle_it_leaves_nothing_running_and_can_be_run_again(
    tmp_path: Path, there: str, number: signal.Signals
):
    stage = Stage(tmp_path / "department")
    process = stage.begin("--exit")
    eventually(there, lambda: list(stage.data.glob(there)) or process.poll() is not None)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert number == signal.SIGKILL or "Traceback" not in out + err
    stage.nothing_runs()
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / "one.mp4").write_bytes(tiny_clip(1))
    assert "1 recording came in" in stage.shown(0, "--footage", folder)
