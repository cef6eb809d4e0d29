"""What can be done from a terminal? One command a line, grouped by the room that does it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lapel.base.errors import EvidenceFault, LapelError

if TYPE_CHECKING:
    from lapel.app.department import Department
    from lapel.app.settings import Settings

app = typer.Typer(
    name="lapel",
    help="A body-worn camera programme that an outsider can check.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
BEGIN, LOOK_AFTER = "Begin and run", "Look after"


def settings() -> Settings:
    """The settings of this invocation."""
    from lapel.app.settings import Settings

    return Settings()


@contextmanager
def opened() -> Iterator[Department]:
    """The department with its database and key agent answering: those that run, or ones started for this command."""
    from lapel.app.department import department, running_database
    from lapel.app.running import key_agent

    chosen = settings()
    with running_database(chosen) as admin_url, key_agent(chosen):
        yield department(chosen, admin_url)


@app.command(rich_help_panel=BEGIN)
def init(
    name: Annotated[str, typer.Option(help="The department's name.")],
    origin: Annotated[str, typer.Option(help="The custody log's name, fixed for ever: example.gov/lapel.")],
    agencies: Annotated[
        Path | None,
        typer.Option(help="CSV with the columns id, name, zone; without it the nine of the model."),
    ] = None,
) -> None:
    """Make a department: keys, database, agencies, an empty custody log. Prints the first sign-in link."""
    from lapel.app.department import MODEL_AGENCIES
    from lapel.app.founding import found, read_agencies, sign_in_link

    chosen = read_agencies(agencies) if agencies else MODEL_AGENCIES
    found(settings(), name, origin, chosen, told=typer.echo)
    with opened() as made:
        typer.echo(
            f"Run `lapel serve`, then make the first account here, once, within 24 hours:\n{sign_in_link(made)}"
        )


@app.command(rich_help_panel=BEGIN)
def serve(
    only: Annotated[
        str | None, typer.Option(help="Run one process: keys, sequencer, worker, intake or staff.")
    ] = None,
) -> None:
    """Run Lapel: database, key agent, custody log, intake, worker, staff pages."""
    import signal
    import threading

    from lapel.app import logs, process
    from lapel.app.department import read_secrets
    from lapel.app.running import Stack

    chosen = settings()
    read_secrets(chosen)
    if only is not None:
        if only not in process.PROCESSES:
            raise typer.BadParameter(f"There is no process {only}; there are {', '.join(process.PROCESSES)}.")
        raise typer.Exit(process.main(only))
    logs.begin("serve", chosen.log_level)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    stack = Stack(chosen)
    stack.start()
    typer.echo(f"Staff pages: http://{chosen.staff_bind}/   Cameras deliver to: http://{chosen.intake_bind}/")
    stack.run(stop)


def main() -> None:
    """Run the command line; an error of ours is one or two sentences and its own exit status."""
    try:
        app()
    except EvidenceFault as fault:
        typer.secho(f"Evidence fault: {fault.says}", fg="red", bold=True, err=True)
        typer.echo(
            fault.next_step or "Stop, keep everything as it is, and have a second person look.", err=True
        )
        sys.exit(fault.exit_status)
    except LapelError as error:
        typer.secho(error.says, fg="red", err=True)
        if error.next_step:
            typer.echo(error.next_step, err=True)
        sys.exit(error.exit_status)
