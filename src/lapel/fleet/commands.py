"""What can be done with cameras from a terminal? Who has which one, what becomes of it, and lists of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lapel.roster.commands import ChangesFile, DryRun, File, MappingFile, RejectedFile

if TYPE_CHECKING:
    from lapel.fleet.shown import CameraRow
    from lapel.storage.archive import Archive
    from lapel.storage.postgres import Scope

Opened = Callable[[], AbstractContextManager[tuple["Archive", "Scope"]]]
Agency = Annotated[str, typer.Option(help="The agency that owns the camera.")]
Serial = Annotated[str, typer.Argument(help="The camera's serial number.")]
Reason = Annotated[str, typer.Option(help="Why the calendar is told this.")]


def fleet_commands(opened: Opened) -> typer.Typer:
    """`lapel fleet …`."""
    from lapel.fleet.plan_commands import plan_commands

    app = typer.Typer(help="Say who has which camera, and who gets the next one.", no_args_is_help=True)
    app.add_typer(plan_commands(opened), name="plan")

    @app.command("assign")
    def assign_command(
        serial: Serial,
        badge: Annotated[str, typer.Argument(help="The officer's badge number.")],
        agency: Agency,
        since: Annotated[str, typer.Option("--from", help="Since when, e.g. 2026-11-24T08:00:00-05:00.")],
        reason: Reason,
        until: Annotated[str | None, typer.Option("--until", help="Until when, if that is known.")] = None,
    ) -> None:
        """An officer has a camera. A second wearer at once is kept as said and stands among the conflicts."""
        from lapel.base.clock import read_stamp
        from lapel.fleet.acts import give

        ends_at = read_stamp(until) if until else None
        with opened() as (archive, scope):
            change = give(archive, scope, agency, serial, badge, read_stamp(since), ends_at, reason)
        typer.echo(f"Camera {serial} is with officer {badge}: span {change.begun[0].id}.")

    @app.command("return")
    def return_command(
        serial: Serial,
        agency: Agency,
        at: Annotated[str, typer.Option("--at", help="When, e.g. 2026-11-24T16:00:00-05:00.")],
        reason: Reason,
    ) -> None:
        """A camera came back."""
        from lapel.base.clock import read_stamp
        from lapel.fleet.acts import take_back

        with opened() as (archive, scope):
            take_back(archive, scope, agency, serial, read_stamp(at), reason)
        typer.echo(f"Camera {serial} came back.")

    @app.command("withdraw")
    def withdraw_command(
        span: Annotated[str, typer.Argument(help="The span, as `lapel fleet conflicts` names it.")],
        agency: Agency,
        reason: Reason,
    ) -> None:
        """A span of the calendar never was; what was believed until now can still be asked for."""
        from lapel.fleet.acts import withdraw

        with opened() as (archive, scope):
            withdraw(archive, scope, agency, span, reason)
        typer.echo(f"Span {span} is believed no more.")

    _add_cameras(app, opened)

    @app.command()
    def conflicts(agency: Agency) -> None:
        """Cameras on two wearers at once, and wearers with two cameras: for a person to resolve."""
        from lapel.fleet import store
        from lapel.fleet.calendar import clashes

        with opened() as (archive, scope), archive.db.tx(scope) as conn:
            found = clashes(store.calendar(conn, agency))
        for clash in found:
            typer.echo(
                f"{clash.kind}, {clash.begins_at} to {clash.ends_at or 'now'}: {clash.first.id} and {clash.second.id}"
            )
        typer.echo(f"{len(found)} to resolve.")

    return app


def _add_cameras(app: typer.Typer, opened: Opened) -> None:
    """`cameras`, `status`, `check`, `import`."""

    @app.command()
    def cameras(
        agency: Annotated[str, typer.Option(help="One agency; without it, all.")] = "",
        state: Annotated[str, typer.Option(help="A status, unsaid, or failing (its last check).")] = "",
        as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
    ) -> None:
        """The cameras: status, with whom, last docked, clock, last check."""
        from lapel.access.actor import Reach
        from lapel.base import clock
        from lapel.fleet import pages, store_pages

        with opened() as (archive, scope), archive.db.tx(scope) as conn:
            wanted = (agency,) if agency else tuple(scope.agencies)
            found = store_pages.listed(conn, Reach(wanted, wanted), clock.now(), state=state, limit=1_000_000)
        rows = [pages.row(one) for one in found]
        if as_json:
            import json

            typer.echo(json.dumps([row.model_dump(mode="json") for row in rows], indent=1))
            return
        _show(rows)

    @app.command()
    def status(
        serial: Serial,
        status: Annotated[str, typer.Argument(help="in stock, issued, in repair, lost or retired.")],
        agency: Agency,
        reason: Reason,
    ) -> None:
        """Say what becomes of a camera."""
        from lapel.fleet.keeping import set_status

        with opened() as (archive, scope):
            set_status(archive, scope, agency, serial, status, reason)
        typer.echo(f"Camera {serial} is {status}.")

    @app.command()
    def check(
        serial: Serial,
        outcome: Annotated[str, typer.Argument(help="sound, does_not_start, does_not_record, no_picture, …")],
        agency: Agency,
        badge: Annotated[str, typer.Option(help="The officer who wears it, if one does.")] = "",
        words: Annotated[str, typer.Option(help="What was not sound, in words.")] = "",
    ) -> None:
        """Enter a check before a shift."""
        from lapel.base.errors import NotFound
        from lapel.fleet.keeping import CHECK_OUTCOMES
        from lapel.fleet.keeping import check as enter
        from lapel.roster import store as roster

        with opened() as (archive, scope):
            officer = None
            if badge:
                with archive.db.tx(scope) as conn:
                    there = roster.officer_by_badge(conn, agency, badge)
                if there is None:
                    raise NotFound(f"There is no officer with badge {badge[:40]} in {agency}.")
                officer = there.id
            enter(archive, scope, agency, serial, outcome, words, officer=officer)
        typer.echo(f"Camera {serial}: {CHECK_OUTCOMES[outcome]}.")

    @app.command("import")
    def import_command(
        file: File,
        mapping: MappingFile,
        dry_run: DryRun = False,
        rejected: RejectedFile = Path("rejected.csv"),
        changes: ChangesFile = None,
    ) -> None:
        """Take a list of cameras over."""
        from lapel.fleet.importing import take_cameras
        from lapel.roster.commands import mapping_text, tell

        text = mapping_text(mapping)
        with opened() as (archive, scope):
            found = take_cameras(archive, scope, file, text, mapping.name, dry_run=dry_run)
        tell(found.changes, found.rejected, dry_run=dry_run, rejected_file=rejected, changes_file=changes)


def _show(rows: Sequence[CameraRow]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("Agency", "Camera", "Make", "Status", "With", "Docked", "Clock (s)", "Last check")
    table.columns[1].no_wrap, table.columns[1].min_width = True, 12
    for c in rows:
        docked = c.last_docked_at.strftime("%Y-%m-%d %H:%MZ") if c.last_docked_at else "not seen"
        held = f"{c.holders} officers at once" if c.holders > 1 else c.holder or "nobody"
        off = "unknown" if c.clock_off_s is None else f"{c.clock_off_s:+d}"
        make = " ".join(filter(None, (c.maker, c.model, c.firmware)))
        table.add_row(c.agency, c.serial, make, c.status, held, docked, off, c.check_says)
    Console().print(table)
    typer.echo(f"{len(rows):,} cameras.")
