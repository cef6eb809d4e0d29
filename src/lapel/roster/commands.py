"""What can be done with the roster from a terminal? `lapel roster import`."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lapel.base.errors import Invalid, NotFound

if TYPE_CHECKING:
    from lapel.roster.changes import Changes
    from lapel.roster.reading import Rejected
    from lapel.storage.archive import Archive
    from lapel.storage.postgres import Scope

Opened = Callable[[], AbstractContextManager[tuple["Archive", "Scope"]]]
SHOWN = 10

File = Annotated[Path, typer.Argument(help="The file: CSV, spreadsheet, JSON or XML.")]
MappingFile = Annotated[Path, typer.Option("--mapping", help="What its columns mean (YAML).")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]
RejectedFile = Annotated[
    Path, typer.Option("--rejected", help="Where to write what was not taken, each with its reason.")
]
ChangesFile = Annotated[
    Path | None, typer.Option("--changes", help="Where to write every change, as CSV, if anywhere.")
]


def roster_commands(opened: Opened) -> typer.Typer:
    """`lapel roster …`."""
    app = typer.Typer(help="Say who the people are and where they belong.", no_args_is_help=True)

    @app.callback()
    def roster() -> None:
        """Say who the people are and where they belong."""

    @app.command("import")
    def import_command(
        file: File,
        mapping: MappingFile,
        dry_run: DryRun = False,
        rejected: RejectedFile = Path("rejected.csv"),
        changes: ChangesFile = None,
    ) -> None:
        """Take a personnel file over: components, offices, officers, who supervises whom, training, by date."""
        from lapel.roster.importing import take_roster

        text = mapping_text(mapping)
        with opened() as (archive, scope):
            found = take_roster(archive, scope, file, text, mapping.name, dry_run=dry_run)
        tell(found.changes, found.rejected, dry_run=dry_run, rejected_file=rejected, changes_file=changes)

    return app


def mapping_text(path: Path) -> str:
    """The text of a mapping. Raises `NotFound`, `Invalid`."""
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.", next_step="Check the path.") from None
    except UnicodeDecodeError:
        raise Invalid(f"{path} is not UTF-8.", next_step="Save it as UTF-8.") from None


def tell(
    changes: Sequence[Changes], rejected: Sequence[Rejected], *, dry_run: bool, rejected_file: Path, changes_file: Path | None
) -> None:  # fmt: skip
    """What changes, by agency and table, with the first few of each; and what was not taken, all of it in a file."""
    _tell_changes(changes)
    if changes_file is not None:
        rows = [[one.agency, t.table, t.what, t.about, t.says] for one in changes for t in one.told]
        _write(changes_file, ["agency", "table", "what", "about", "says"], rows)
    if rejected:
        lines = [[str(r.number), r.part, r.reason, json.dumps(dict(r.cells), ensure_ascii=False)] for r in rejected]  # fmt: skip
        _write(rejected_file, ["row", "part", "reason", "cells"], lines)
        for r in rejected[:SHOWN]:
            typer.echo(f"not taken, row {r.number} ({r.part}): {r.reason}", err=True)
        typer.echo(f"{len(rejected):,} not taken; {rejected_file} says why for each.", err=True)
    if dry_run:
        typer.echo("This was a dry run: nothing was written.")


def _tell_changes(changes: Sequence[Changes]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("Agency", "Table", "Added", "Changed", "Ended")
    for column in table.columns[2:]:
        column.justify = "right"
    for one in changes:
        for kind, counts in one.counts.items():
            table.add_row(one.agency, kind, *(f"{counts[what]:,}" for what in ("added", "changed", "ended")))
    if table.row_count:
        Console().print(table)
        for one in changes:
            for kind in one.counts:
                told = [t for t in one.told if t.table == kind]
                for t in told[:SHOWN]:
                    typer.echo(f"{one.agency} {kind} {t.what}: {t.about}{': ' + t.says if t.says else ''}")
                if len(told) > SHOWN:
                    typer.echo(f"{one.agency} {kind}: {len(told) - SHOWN:,} more; --changes FILE writes them all.")  # fmt: skip
    else:
        typer.echo("Nothing changes.")


def _write(path: Path, heading: list[str], rows: Sequence[Sequence[str]]) -> None:
    from lapel.access.csv_web import cell

    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            out = csv.writer(file)
            out.writerow(heading)
            out.writerows([cell(value) for value in row] for row in rows)
    except OSError as error:
        raise Invalid(
            f"{path} cannot be written: {error.strerror}.", next_step="Name another place."
        ) from None
