"""What does Lapel do, on this machine, in a minute? A camera delivers, the footage is kept, and the receipts are checked.

scripts/demo [--exit] [--footage DIR] [--data DIR]
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import socket
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn

from lapel.app import demo_activation, demo_footage, demo_redaction, founding, logs
from lapel.app.demo_camera import Controller
from lapel.app.demo_policy import adopt_policies
from lapel.app.demo_report import report
from lapel.app.department import MODEL_AGENCIES, Department, attached, department
from lapel.app.running import Stack
from lapel.app.serving import address_of
from lapel.app.settings import Settings
from lapel.base import clock
from lapel.base.errors import LapelError, Unavailable
from lapel.footage import store
from lapel.footage.axis_connect import connect
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope

console = Console(highlight=False)
AGENCY = "fps"
_ROOT = Path(__file__).parents[3]


def run(
    leave: Annotated[bool, typer.Option("--exit", help="End after the report instead of serving.")] = False,
    footage: Annotated[
        Path | None, typer.Option(help="Deliver your own .mp4 and .mkv files instead.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Where to keep the department; default .lapel in the checkout, kept between runs."),
    ] = None,
) -> None:
    """Set up a department, deliver footage as a camera does, wait until it is inspected, check the receipts, serve."""
    os.environ.setdefault("LAPEL_PUBLISH_EVERY_S", "1")
    os.environ["LAPEL_DATA"] = str((data or Path(os.environ.get("LAPEL_DATA", _ROOT / ".lapel"))).absolute())
    os.environ.setdefault("LAPEL_LOG_LEVEL", "error")
    settings = Settings()
    logs.begin("demo", settings.log_level)
    # So that everything is ended in order; Ctrl-C, too, which a script's background job has been told to ignore.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupted)
    try:
        with tempfile.TemporaryDirectory(prefix="lapel-demo-") as work:
            samples = demo_footage.own(footage) if footage else demo_footage.samples(Path(work))
            _main_job(settings, samples, leave=leave, interview=footage is None)
    except LapelError as error:
        console.print(f"[red]{escape(error.says)}[/red] {escape(error.next_step)}", soft_wrap=True)
        raise typer.Exit(error.exit_status) from None
    except KeyboardInterrupt:
        console.print("Ended before it was done. What was acknowledged is kept.")
        raise typer.Exit(130) from None


def _main_job(
    settings: Settings, samples: list[demo_footage.Sample], *, leave: bool, interview: bool
) -> None:
    if not settings.secrets.exists():
        with console.status("Making a department: keys, database, nine agencies, an empty custody log"):
            founding.found(
                settings, "Demonstration Department", "demo.lapel.example/lapel", MODEL_AGENCIES, told=_quoted
            )
    stack, stop = Stack(settings), threading.Event()
    keeper = threading.Thread(target=stack.run, args=(stop,), name="stack", daemon=True)
    try:
        with console.status("Starting database, key agent, custody log, intake, worker and pages"):
            stack.start()
            keeper.start()
            here = department(settings, settings.database_url or attached(settings))
            _wait_until_answering(settings)
        with console.status(
            "Adopting the department's policy and nine agencies' policies, and proving that they agree"
        ):
            proved = adopt_policies(here)
        console.print(proved)
        before = _recordings(here)
        numbers = _deliver(here, samples)
        _wait_until_inspected(here, numbers)
        report(here, numbers, console, new=_recordings(here) - before)
        if interview:
            demo_redaction.show(here, numbers[1], console, _pages(here))
        _duties(here, numbers)
        if not leave:
            _serve(here)
    finally:
        stop.set()
        if keeper.is_alive():
            keeper.join(30)
        else:
            stack.stop()


def _duties(here: Department, numbers: list[str]) -> None:
    """Was the camera on when it had to be? Four calls around the footage."""
    filmed = demo_activation.filmed_by(here, numbers)
    if filmed:
        with tempfile.TemporaryDirectory(prefix="lapel-demo-") as work:
            demo_activation.duties(here, filmed, Path(work), console, _pages(here))


def _deliver(here: Department, samples: list[demo_footage.Sample]) -> list[str]:
    """Deliver every sample through the camera protocol; the numbers of the recordings that came of it."""
    archive, scope = here.operator()
    address = f"http://{here.settings.intake_bind}"
    connection = json.loads(connect(archive, scope, AGENCY, "Demonstration dock", [address]))
    size = sum(path.stat().st_size for sample in samples for path in sample.files)
    names = []
    with _progress(DownloadColumn()) as progress:
        task = progress.add_task("A docking station delivers", total=size)
        controller = Controller(connection, sent=lambda count: progress.advance(task, count))
        controller.sign_in()
        first = _first_recording_at(archive, scope)
        free_at: dict[
            str, datetime
        ] = {}  # by camera, so that a clip's time hangs on nothing but its own camera
        for sample in samples:
            length_s = demo_footage.length_s(sample.files)
            started_at = free_at.get(sample.camera, first)
            names.append(controller.deliver(sample, started_at, length_s))
            free_at[sample.camera] = started_at + timedelta(seconds=length_s + 600)
    with archive.db.tx(scope) as conn:
        found = [store.recording_by_external_id(conn, AGENCY, name) for name in names]
    return [recording.number for recording in found if recording is not None]


def _recordings(here: Department) -> int:
    archive, scope = here.operator()
    with archive.db.tx(scope) as conn:
        row = conn.execute("SELECT count(*) AS n FROM recording").fetchone()
    return int(row["n"]) if row else 0


def _first_recording_at(archive: Archive, scope: Scope) -> datetime:
    """Two hours before the department began: the same at every run, so that the same footage is the same recording."""
    with archive.db.tx(scope) as conn:
        row = conn.execute("SELECT begun_at FROM department").fetchone()
    begun_at: datetime = row["begun_at"] if row else clock.now()
    return begun_at.astimezone(UTC).replace(microsecond=0) - timedelta(hours=2)


def _wait_until_inspected(here: Department, numbers: list[str]) -> None:
    archive, scope = here.operator()
    deadline = time.monotonic() + 600
    with _progress() as progress:
        task = progress.add_task("The worker reads everything back and looks inside", total=None)
        while time.monotonic() < deadline:
            with archive.db.tx(scope) as conn:
                came = [
                    o for n in numbers for o in store.originals(conn, store.recording_by_number(conn, n).id)
                ]
            waiting = sum(original.state == "waiting" for original in came)
            progress.update(task, total=len(came), completed=len(came) - waiting)
            if not waiting:
                return
            time.sleep(0.2)
    raise Unavailable(
        "The footage was not inspected within ten minutes.", next_step="Look at what the worker said above."
    )


def _wait_until_answering(settings: Settings) -> None:
    deadline = time.monotonic() + 60
    for bind in (settings.intake_bind, settings.staff_bind):
        while True:
            with contextlib.suppress(OSError), socket.create_connection(address_of(bind), timeout=1):
                break
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"Nothing answers on {bind}.",
                    next_step="Is the port taken? Set LAPEL_STAFF_BIND or LAPEL_INTAKE_BIND.",
                )
            time.sleep(0.1)


def _pages(here: Department) -> str:
    return here.settings.staff_url or f"http://{here.settings.staff_bind}"


def _serve(here: Department) -> None:
    console.print()
    console.print("Make the first account with this link; it works once, for 24 hours:")
    console.print(f"  {founding.sign_in_link(here)}", soft_wrap=True, markup=False)
    path = shlex.quote(str(here.settings.data))
    console.print(f"For the command line:  export LAPEL_DATA={path}", soft_wrap=True, markup=False)
    with contextlib.suppress(KeyboardInterrupt):
        console.print("Serving until you press Ctrl-C.")
        threading.Event().wait()


def _progress(*more: ProgressColumn) -> Progress:
    columns = [TextColumn("{task.description:<52}"), BarColumn(), *more, TimeElapsedColumn()]
    return Progress(*columns, console=console)


def _quoted(words: str) -> None:
    console.print(words, style="dim", soft_wrap=True, markup=False)


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Run the demonstration."""
    typer.run(run)


if __name__ == "__main__":
    main()
