"""What can be done with cameras from a terminal? `lapel fleet assign`, `return` and `conflicts`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
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
