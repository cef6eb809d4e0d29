"""`lapel activation import`, `audit` and `explain`: how do events come in, what came of them, and what is the story of one duty?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lapel.base.errors import Invalid

if TYPE_CHECKING:
    from lapel.activation.figures import Group
    from lapel.activation.importing import TakenIn
    from lapel.storage.archive import Archive
    from lapel.storage.postgres import Scope

Opened = Callable[[], AbstractContextManager[tuple["Archive", "Scope"]]]
Agency = Annotated[str, typer.Option(help="The agency whose events they are.")]
_SHOWN_REJECTED = 20


def add_runs(app: typer.Typer, opened: Opened) -> None:
    """Add the commands that need a department and its database."""
    _add_import(app, opened)
    _add_audit(app, opened)
    _add_explain(app, opened)


def _add_import(app: typer.Typer, opened: Opened) -> None:
    @app.command("import")
    def import_command(
        file: Annotated[Path, typer.Argument(help="The events: CSV, spreadsheet, JSON or XML.")],
        agency: Agency,
        mapping: Annotated[Path, typer.Option(help="What its columns mean (YAML).")],
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Say what would come of it, and write nothing.")
        ] = False,
        rejected: Annotated[
            Path | None, typer.Option(help="Write the rejected rows with their reasons to this CSV.")
        ] = None,
    ) -> None:
        """Take events out of a file. The same file is taken once; an event that a later file corrects keeps what was said before."""
        from lapel.activation.importing import take_in

        with opened() as (archive, scope):
            done = take_in(archive, scope, agency, file, mapping, dry_run=dry_run)
        if rejected is not None:
            _write_rejected(rejected, done)
        _say_import(done, dry_run=dry_run)


def _say_import(done: TakenIn, *, dry_run: bool) -> None:
    reading = done.reading
    if done.again:
        typer.echo(f"{reading.file} was imported before by this mapping (import {done.id}); nothing is done.")
        return
    verb = "would be" if dry_run else "are"
    typer.echo(
        f"{reading.count:,} rows of {reading.file}: {done.new:,} events {verb} new, {done.changed:,} {verb} corrected,"
        f" {done.same:,} are known as they are, {len(reading.rejected):,} rows {verb} rejected, {reading.blank:,} are blank."
    )
    for one in reading.rejected[:_SHOWN_REJECTED]:
        typer.echo(f"  row {one.number}: {one.reason}")
    if len(reading.rejected) > _SHOWN_REJECTED:
        typer.echo(f"  and {len(reading.rejected) - _SHOWN_REJECTED:,} more; --rejected FILE lists them all")
    for note in done.notes:
        typer.echo(note, err=True)
    if not dry_run and done.months:
        typer.echo(f"The worker runs {len(done.months)} months anew: {', '.join(done.months[:12])}.")


def _write_rejected(path: Path, done: TakenIn) -> None:
    import csv
    import json

    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("row", "reason", "cells"))
        for one in done.reading.rejected:
            writer.writerow((one.number, one.reason, json.dumps(dict(one.cells), ensure_ascii=False)))


def _add_audit(app: typer.Typer, opened: Opened) -> None:
    @app.command("audit")
    def audit_command(
        agency: Agency,
        first: Annotated[
            str, typer.Option("--from", help="The first day, YYYY-MM-DD, in the agency's zone.")
        ],
        after: Annotated[str, typer.Option("--to", help="The first day no longer in it, YYYY-MM-DD.")],
        out: Annotated[
            Path | None, typer.Option(help="A folder for the findings (CSV, Parquet) and the summary.")
        ] = None,
    ) -> None:
        """Hold the duties of these days against the recordings, put the findings on record, and print what a commander reads.

        Twice gives the same bytes. Months are run one by one; each run is an entry in the custody log.
        """
        from lapel.activation import audit, audit_files
        from lapel.roster import store as roster

        with opened() as (archive, scope):
            zone = audit.zone_of(archive, scope, agency)
            with _progress(f"Duties of {agency} against recordings"):
                done = audit.audit(archive, scope, agency, _day(first, "--from"), _day(after, "--to"))
            with archive.db.tx(scope) as conn:
                offices = {office.id: office.name for office in roster.offices(conn, agency)}
        groups = audit_files.by_office(done, offices)
        _print(agency, first, after, groups)
        for line in audit_files.says(done, groups):
            typer.echo(line)
        for one in done:
            typer.echo(
                f"Run {one.run.id} of {one.run.since.astimezone(zone).date()}: findings SHA-256 {one.run.findings_sha256}"
                + ("" if one.written else ", as on record already")
            )
        if out is not None:
            names = audit_files.write(done, out, zone, offices)
            typer.echo(f"{len(names)} files are in {out}.")


def _print(agency: str, first: str, after: str, groups: Sequence[Group]) -> None:
    """The table; each outcome has a column of its own, always."""
    from rich.console import Console
    from rich.table import Table

    from lapel.activation.figures import SHOWN, total
    from lapel.activation.findings import FORBIDDEN

    outcomes = (*SHOWN, *FORBIDDEN)
    table = Table(title=f"Duties to record, {agency}, {first} to {after}", title_justify="left")
    table.add_column("office", no_wrap=True)
    for name in ("owed", *outcomes, "recorded of owed"):
        table.add_column(name, justify="right")
    for group in (*groups, total(groups)):
        share = "" if group.share is None else f"{group.share:.1%}"
        cells = [f"{group.owed:,}", *(f"{group.of(outcome):,}" for outcome in outcomes), share]
        table.add_row(group.name, *cells, end_section=group is groups[-1] if groups else False)
    console = Console()
    Console(width=max(console.width, 190) if not console.is_terminal else None).print(table)


def _add_explain(app: typer.Typer, opened: Opened) -> None:
    @app.command("explain")
    def explain_command(
        duty: Annotated[str, typer.Argument(help="A duty's number, like D-7K3M9-QXD4W, or its id.")],
    ) -> None:
        """Tell the story of one duty: why it was owed, who says so, what was recorded, and what proves it."""
        from lapel.activation import explaining

        with opened() as (archive, scope), archive.db.tx(scope) as conn:
            for title, lines in explaining.explain(conn, duty):
                typer.secho(title, bold=True)
                for line in lines:
                    typer.echo(f"  {line}")


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{option} {text[:20]} is no day.", next_step="Write it as 2026-10-01.") from None


def _progress(words: str) -> AbstractContextManager[object]:
    from rich.console import Console

    return Console(stderr=True).status(words) if sys.stderr.isatty() else nullcontext()
