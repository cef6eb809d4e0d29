"""What does Lapel do, on this machine, in a minute? A camera delivers, the footage is kept, and the receipts are checked.

    scripts/demo [--exit] [--footage DIR] [--data DIR]
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from lapel.app import demo_footage, founding, logs
from lapel.app.demo_camera import Controller
from lapel.app.department import MODEL_AGENCIES, Department, attached, department
from lapel.app.running import Stack
from lapel.app.settings import Settings
from lapel.base import clock
from lapel.base.errors import LapelError, Unavailable

console = Console(highlight=False)
_AGENCY = "fps"
_ROOT = Path(__file__).parents[3]


def run(
    leave: Annotated[bool, typer.Option("--exit", help="End after the report instead of serving.")] = False,
    footage: Annotated[Path | None, typer.Option(help="Deliver your own .mp4 and .mkv files instead.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Where to keep the department; default .lapel in the checkout, kept between runs.")
    ] = None,
) -> None:
    """Set up a department, deliver footage as a camera does, wait until it is inspected, check the receipts, serve."""
    os.environ.setdefault("LAPEL_PUBLISH_EVERY_S", "1")
    os.environ["LAPEL_DATA"] = str((data or Path(os.environ.get("LAPEL_DATA", _ROOT / ".lapel"))).absolute())
    os.environ.setdefault("LAPEL_LOG_LEVEL", "error")
    settings = Settings()
    logs.begin("demo", settings.log_level)
    try:
        with tempfile.TemporaryDirectory(prefix="lapel-demo-") as work:
            samples = demo_footage.own(footage) if footage else demo_footage.samples(Path(work))
            _main_job(settings, samples, leave=leave)
    except LapelError as error:
        console.print(f"[red]{error.says}[/red] {error.next_step}")
        raise typer.Exit(error.exit_status) from None


def _main_job(settings: Settings, samples: list[demo_footage.Sample], *, leave: bool) -> None:
    link = _found_if_new(settings)
    stack = Stack(settings)
    stop = threading.Event()
    try:
        with console.status("Starting the database, the key agent, the custody log, the intake, the worker and the pages"):
            stack.start()
            watcher = threading.Thread(target=stack.run, args=(stop,), daemon=True)
            watcher.start()
            here = department(settings, attached(settings) if not settings.database_url else settings.database_url)
            _wait_until_answering(settings)
        numbers = _deliver(here, samples)
        _wait_until_inspected(here, numbers)
        _report(here, numbers)
        if not leave:
            _serve(here, link)
    finally:
        stop.set()
        watcher.join(30)
