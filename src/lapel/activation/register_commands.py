"""`lapel activation exceptions` and `reviews`: what can be done with the two registers from a terminal?"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any

import typer

from lapel.activation.run_commands import Opened
from lapel.base.errors import Invalid, NotFound

Agency = Annotated[str, typer.Option(help="The agency.")]
Words = Annotated[str, typer.Option(help="What is to be said about it.")]
Limit = Annotated[int, typer.Option(help="How many at most.", min=1, max=1000)]


def add_registers(app: typer.Typer, opened: Opened) -> None:
    """Add both to `lapel activation`."""
    app.add_typer(_exceptions(opened), name="exceptions")
    app.add_typer(_reviews(opened), name="reviews")


def _exceptions(opened: Opened) -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, help="Why duties were not met: enter, decide, list.")

    @app.command("list")
    def list_command(
        agency: Agency,
        state: Annotated[
            str, typer.Option(help="waiting, granted, refused or withdrawn; without it all.")
        ] = "",
        limit: Limit = 50,
    ) -> None:
        """The register, newest first."""
        from lapel.access.actor import Reach
        from lapel.activation import store_watch

        with opened() as (archive, scope), archive.db.tx(scope) as conn:
            reach = Reach((agency,), (agency,), (), ())
            rows = store_watch.register(conn, reach, state=state, limit=limit)
        columns = ("id", "officer", "time", "reason", "clause", "state", "words")
        _table(columns, [
            (r["id"], r["badge"], f"{r['begins_at']:%Y-%m-%d %H:%M} UTC", r["reason"], r["clause"], r["state"], r["words"])
            for r in rows
        ])  # fmt: skip

    @app.command("enter")
    def enter_command(
        duty: Annotated[str, typer.Argument(help="The duty's number, like D-7K3M9-QXD4W.")],
        reason: Annotated[str, typer.Option(help="safety, request, equipment, order …")],
        clause: Annotated[str, typer.Option(help="The clause in force that day that allows it.")],
        words: Words,
    ) -> None:
        """Say why a duty was not met. Somebody else decides."""
        from lapel.activation import exceptions, store

        with opened() as (archive, scope):
            with archive.db.tx(scope) as conn:
                found = store.finding(conn, duty)
            if found.officer is None:
                raise NotFound("The roster does not know that officer, so nobody can answer for the duty.")
            said = exceptions.Entered(
                found.officer, reason, clause, words, found.begins_at, found.ends_at, found.duty
            )
            made = exceptions.enter(archive, scope, found.agency, said)
        typer.echo(f"Exception {made} waits for a decision.")

    @app.command("decide")
    def decide_command(
        exception: Annotated[str, typer.Argument(help="The exception's id.")],
        decision: Annotated[str, typer.Argument(help="grant or refuse")],
        words: Words = "",
    ) -> None:
        """Grant or refuse an exception that somebody else entered."""
        from lapel.activation import exceptions

        if decision not in ("grant", "refuse"):
            raise Invalid(f"“{decision[:20]}” is no decision.", next_step="Say grant or refuse.")
        with opened() as (archive, scope):
            excused = exceptions.decide(archive, scope, exception, granted=decision == "grant", words=words)
        typer.echo(
            f"Granted: {len(excused)} duties are excused."
            if decision == "grant"
            else "Refused, and said why."
        )

    return app


def _reviews(opened: Opened) -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, help="What supervisors look at: draw, list, settle.")

    @app.command("list")
    def list_command(
        agency: Agency,
        state: Annotated[str, typer.Option(help="open, overdue or done.")] = "open",
        limit: Limit = 50,
    ) -> None:
        """The reviews of an agency, by due date."""
        from lapel.access.actor import Reach
        from lapel.activation import store_review
        from lapel.base import clock

        with opened() as (archive, scope), archive.db.tx(scope) as conn:
            reach = Reach((agency,), (agency,), (), ())
            rows = store_review.queue(conn, reach, None, now=clock.now(), state=state, limit=limit)
        _table(("id", "recording", "officer", "due", "why", "outcome"), [
            (r["id"], r["number"] or "restricted", r["badge"], f"{r['due_at']:%Y-%m-%d}", r["why"], r["outcome"] or "")
            for r in rows
        ])  # fmt: skip

    @app.command("draw")
    def draw_command(
        agency: Agency,
        month: Annotated[
            str, typer.Option(help="The month, like 2026-10; without it the last whole one.")
        ] = "",
    ) -> None:
        """Log who can be drawn, and draw where a checkpoint covers that. Nobody chooses, and nothing is drawn twice."""
        from lapel.activation import draws
        from lapel.base import clock

        period = _period(month) if month else draws.last_month(clock.now().date())
        with opened() as (archive, scope):
            logged = draws.log_populations(archive, scope, agency, period)
            drawn, waiting = draws.draw_waiting(archive, scope, [agency])
        typer.echo(
            f"{len(logged)} populations of {period.begins_on:%B %Y} are logged; {len(drawn)} are drawn,"
            f" {waiting} wait for the next checkpoint."
        )

    @app.command("settle")
    def settle_command(
        review: Annotated[str, typer.Argument(help="The review's id.")],
        outcome: Annotated[str, typer.Argument(help="in_order, commended, late_or_short, training …")],
        words: Words = "",
    ) -> None:
        """Say what was seen."""
        from lapel.activation.review import settle

        with opened() as (archive, scope):
            settle(archive, scope, review, outcome, words)
        typer.echo("Settled.")

    return app


def _period(month: str) -> Any:
    from lapel.activation.draws import Period

    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        raise Invalid(f"{month[:20]} is no month.", next_step="Write it as 2026-10.") from None
    return Period(first, (first + timedelta(days=32)).replace(day=1))


def _table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    console = Console()
    console.print(table if rows else "There is none.")
