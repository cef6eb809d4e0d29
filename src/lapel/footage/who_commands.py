"""What can be decided from a terminal about who sees a recording? `lapel footage restrict`, `unrestrict`, `name`, `mark`, `report-given`, `glass`.

By the same code as on the pages; the custody log names the login. An operator sees nothing of a recording by it, and no
glass is broken from a terminal: that is a person's own, in their own session.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated

import typer

from lapel.base.errors import Invalid

if TYPE_CHECKING:
    from lapel.footage.model import Recording
    from lapel.footage.restricting import Apart
    from lapel.storage.archive import Archive
    from lapel.storage.postgres import Connection, Scope

Opened = Callable[[], AbstractContextManager[tuple["Archive", "Scope"]]]
Number = Annotated[str, typer.Argument(help="The recording's number.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept in the custody log.")]


def add_who(app: typer.Typer, opened: Opened) -> None:
    """Add the commands to `lapel footage`."""
    _add_restrictions(app, opened)
    _add_marks(app, opened)


def _add_restrictions(app: typer.Typer, opened: Opened) -> None:
    @app.command()
    def restrict(
        number: Number,
        kind: Annotated[
            str, typer.Option(help="technique, undercover, internal_affairs, forbidden or other.")
        ],
        reason: Reason,
        name: Annotated[
            list[str] | None, typer.Option(help="An account's id that still sees it; none: the inspectors.")
        ] = None,
    ) -> None:
        """Set a recording apart at once, for the people named and nobody else."""
        from lapel.footage import restricting

        with opened() as (archive, scope), archive.db.tx(scope) as conn:
            there = _found(conn, number)
            made = restricting.restrict(conn, archive, scope, there.id, kind, reason, name or ())  # type: ignore[arg-type]
            typer.echo(f"{there.number} is restricted: {restricting.KINDS[made.kind].lower()}.")

    @app.command()
    def unrestrict(
        number: Number,
        reason: Reason,
        answer: Annotated[str, typer.Option(help="ask; then lift or keep, by a second person.")] = "ask",
    ) -> None:
        """Lift a restriction: one person asks, another lifts it."""
        from lapel.footage import restricting

        acts = {
            "ask": (restricting.ask_to_lift, "it is asked for; a second person lifts it"),
            "lift": (restricting.lift, "it is not restricted any more"),
            "keep": (restricting.refuse_to_lift, "it stays restricted"),
        }
        if answer not in acts:
            raise Invalid(f"“{answer[:20]}” is no answer.", next_step="One of: ask, lift, keep.")
        act, says = acts[answer]
        with opened() as (archive, scope), archive.db.tx(scope) as conn:
            there = _found(conn, number)
            act(conn, archive, scope, _apart(there), reason)
        typer.echo(f"{there.number}: {says}.")

    @app.command()
    def name(
        number: Number,
        account: Annotated[str, typer.Argument(help="An account's id.")],
        reason: Reason,
        end: Annotated[bool, typer.Option("--end", help="End that they are named.")] = False,
    ) -> None:
        """Name an account for a restricted recording, or end it."""
        from lapel.footage import restricting

        with opened() as (archive, scope), archive.db.tx(scope) as conn:
            act = restricting.unname if end else restricting.name
            act(conn, archive, scope, _apart(_found(conn, number)), account, reason)
        typer.echo("They are not named any more." if end else "They are named.")


def _add_marks(app: typer.Typer, opened: Opened) -> None:
    @app.command()
    def mark(
        number: Number,
        kind: Annotated[str, typer.Argument(help="use_of_force or investigated.")],
        reason: Reason,
        end: Annotated[bool, typer.Option("--end", help="End the mark.")] = False,
    ) -> None:
        """Say that a recording shows a use of force, or is evidence in an investigation of its wearer."""
        from lapel.footage import marking

        which = marking.mark_kind(kind)
        with opened() as (archive, scope):
            with archive.db.tx(scope) as conn:
                there = _found(conn, number)
            (marking.unmark if end else marking.mark)(archive, scope, there.id, which, reason)
        typer.echo(
            f"{there.number}: the mark is ended." if end else f"{there.number} {marking.MARKS[which]}."
        )

    @app.command("report-given")
    def report_given(
        number: Number,
        at: Annotated[str, typer.Argument(help="When, e.g. 2026-11-24T10:15:00-05:00.")],
    ) -> None:
        """Enter when the wearer had given the first report on a use of force."""
        from lapel.base.clock import read_stamp
        from lapel.footage import marking

        with opened() as (archive, scope):
            with archive.db.tx(scope) as conn:
                there = _found(conn, number)
            marking.report_given(archive, scope, there.id, read_stamp(at))
        typer.echo(f"{there.number}: it is entered that the report was given.")

    @app.command()
    def glass(
        answered: Annotated[bool, typer.Option("--answered", help="Those that were looked into.")] = False,
    ) -> None:
        """List broken glass that no inspector general has answered yet; they answer on their page."""
        from rich.console import Console
        from rich.table import Table

        from lapel.base import clock
        from lapel.footage import glass as broken
        from lapel.footage import history, store_looks

        with opened() as (archive, scope), archive.db.tx(scope) as conn:
            rows = store_looks.glasses(conn, scope.agencies, seen=answered, limit=500)
            names = history.actor_names(conn, sorted({f"account:{one.account}" for one in rows}))
            numbers = store_looks.numbers(conn, [one.recording for one in rows])
        table = Table("Who", "Agency", "Recording", "From", "Until", "Why", "What it was")
        for one in rows:
            outcome = broken.OUTCOMES.get(one.seen_as, "")
            table.add_row(
                names[f"account:{one.account}"], one.agency, numbers.get(one.recording, ""), clock.stamp(one.begun_at),
                clock.stamp(one.ends_at), one.words, outcome,
            )  # fmt: skip
        Console().print(table)


def _found(conn: Connection, number: str) -> Recording:
    from lapel.base.ids import read_number
    from lapel.footage import store

    return store.recording_by_number(conn, read_number(number) or number)


def _apart(there: Recording) -> Apart:
    from lapel.footage.restricting import Apart

    return Apart(there.id, there.agency, there.office, there.wearer, bytes(there.wrapped_key))
