"""`lapel activation`: what can be asked about duties and recordings from the command line?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lapel.activation.register_commands import add_registers
from lapel.activation.run_commands import Opened, add_runs


def activation_commands(opened: Opened) -> typer.Typer:
    """`lapel activation`."""
    app = typer.Typer(no_args_is_help=True, help="Was the camera on when it had to be?")

    @app.callback()
    def activation() -> None:
        """Was the camera on when it had to be?"""

    add_runs(app, opened)
    add_registers(app, opened)
    add_reconcile(app)
    return app


def add_reconcile(app: typer.Typer) -> None:
    """`lapel activation reconcile`, which needs no database."""

    @app.command()
    def reconcile(
        recordings: Annotated[Path, typer.Option(help="The recordings: CSV, spreadsheet or JSON.")],
        recordings_mapping: Annotated[Path, typer.Option(help="What its columns mean (YAML).")],
        events: Annotated[Path, typer.Option(help="The events: CSV, spreadsheet, JSON or XML.")],
        events_mapping: Annotated[Path, typer.Option(help="What its columns mean (YAML).")],
        out: Annotated[Path, typer.Option(help="The folder for the tables and the page.")],
        policy: Annotated[
            Path | None, typer.Option(help="A folder of directives; without it every event is a duty.")
        ] = None,
        agency: Annotated[str, typer.Option(help="Whose policy, with --policy.")] = "",
        people: Annotated[
            Path | None,
            typer.Option(help="A personnel table: groups of those without events, training, service."),
        ] = None,
        people_mapping: Annotated[
            Path | None, typer.Option(help="What its columns mean (YAML), with --people.")
        ] = None,
    ) -> None:
        """Hold the recordings of one file against the events of another. Needs no database."""
        from lapel.activation.reconcile import reconcile as hold
        from lapel.activation.tally import HOUR_US

        found = hold(
            recordings, recordings_mapping, events, events_mapping, out, policy=policy, agency=agency,
            people=people, people_mapping=people_mapping,
        )  # fmt: skip
        total = found.total
        typer.echo(
            f"Of {total.duty_us / HOUR_US:,.1f} hours of duty {total.recorded_us / HOUR_US:,.1f} were recorded and"
            f" {total.missing_us / HOUR_US:,.1f} were not; {total.outside_us / HOUR_US:,.1f} hours were recorded outside duty."
        )
        typer.echo(found.fit.says(), err=found.fit.doubtful)
        for note in found.notes:
            typer.echo(note, err=True)
        read = (found.recordings, found.events, found.people)
        rejected = sum(len(one.rejected) for one in read if one is not None)
        typer.echo(
            f"{rejected:,} rows count for nothing; {out / 'rejected.csv'} says why. The page: {out / 'report.html'}"
        )
