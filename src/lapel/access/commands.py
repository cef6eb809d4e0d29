"""Who may come in, from a terminal? `lapel access link`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated

import typer

from lapel.base.errors import Invalid

if TYPE_CHECKING:
    from lapel.storage.postgres import Database

# Opens the database as the owner of its tables, with every agency there is, for as long as the block lasts.
Owned = Callable[[], AbstractContextManager[tuple["Database", Sequence[str]]]]


def access_commands(owned: Owned, address: Callable[[str], str], made_by: Callable[[], str]) -> typer.Typer:
    """`lapel access …`. `address` turns a link's token into what a browser opens; `made_by` names the operator (`cli:…`)."""
    app = typer.Typer(help="Let people in.", no_args_is_help=True)

    @app.callback()
    def access() -> None:
        """Let people in."""

    @app.command()
    def link(
        agency: Annotated[
            list[str] | None, typer.Option(help="An agency of the account; again for more; without it, all.")
        ] = None,
    ) -> None:
        """Make a one-use link, good for 24 hours: it makes an account that is custodian and administrator."""
        from lapel.access import signin

        with owned() as (owner, agencies):
            wanted = tuple(dict.fromkeys(agency or agencies))
            if unknown := set(wanted) - set(agencies):
                raise Invalid(
                    f"There is no agency {min(unknown)[:20]}.", next_step=f"There are {', '.join(agencies)}."
                )
            token = signin.make_link(owner, wanted, made_by=made_by())
        typer.echo(address(token))

    return app
