"""`lapel policy adopt` and `lapel policy draft`: how does a text come on record from the command line?"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lapel.base.errors import CHECK_DOES_NOT_HOLD

if TYPE_CHECKING:
    from lapel.storage.archive import Archive
    from lapel.storage.postgres import Scope

# Opens the archive for the person at the command line, with every agency they see, for as long as the block lasts.
Opened = Callable[[], AbstractContextManager[tuple["Archive", "Scope"]]]


def add_record_commands(app: typer.Typer, opened: Opened) -> None:
    """Add the commands that need a department and its database to those that work on files alone."""

    @app.command()
    def adopt(
        files: Annotated[
            list[Path], typer.Argument(help="The vocabulary, a policy or an order; several go together.")
        ],
        by: Annotated[str, typer.Option("--by", help="Who adopts it: a name or an office.")],
        on: Annotated[str, typer.Option("--on", help="The day it was signed, YYYY-MM-DD.")],
        waiver: Annotated[
            Path | None, typer.Option("--waiver", help="The department's waiver of a check that fails.")
        ] = None,
    ) -> None:
        """Adopt directives: refused while a proof fails (exit 3), all of them or none; each is an entry in the custody log."""
        from lapel.policy import adoption, shelf
        from lapel.policy.commands import day_of
        from lapel.policy.paper import Paper

        day = day_of(on)
        papers = [Paper(shelf.text_at(path), path.name, by, day) for path in files]
        granted = Paper(shelf.text_at(waiver), waiver.name, by, day) if waiver else None
        with opened() as (archive, scope):
            outcome = adoption.adopt(archive, scope, papers, waiver=granted)
        for one in outcome.adoptions:
            typer.echo(adoption.said(one))
        failing = [proof.policy for proof in outcome.proofs if not proof.holds]
        took_s = sum(proof.took_ms for proof in outcome.proofs) / 1000
        many = "policy" if len(outcome.proofs) == 1 else "policies"
        typer.echo(f"{len(outcome.proofs)} {many} proved in {took_s:.1f} s" + (
            f"; not every check holds for {', '.join(failing)}: see the board" if failing else ": every check holds"
        ) if outcome.proofs else "Nothing had to be proved.")  # fmt: skip

    @app.command()
    def draft(
        file: Annotated[Path, typer.Argument(help="The draft of an agency's policy.")],
        by: Annotated[str, typer.Option("--by", help="Who hands it in.")],
    ) -> None:
        """Hand in a draft: it is proved as if it were adopted and shown on the board, and is no rule. Exit 1 when a check fails."""
        from lapel.policy import drafts, shelf

        with opened() as (archive, scope):
            handed = drafts.hand_in(archive, scope, shelf.text_at(file), file.name, by)
        for finding in handed.failing:
            typer.echo(f"{finding.check}: {finding.says}")
        typer.echo(handed.says)
        if handed.failing:
            raise typer.Exit(CHECK_DOES_NOT_HOLD)
