"""Who may come in, and as what, from a terminal? `lapel accounts …`, `lapel grants …`, `lapel tokens …`.

By the operator, who runs the installation: every agency is in view, and each act is entered under their own login name. A
role that takes two people takes them here too: who asked for it, on a page or here, does not approve it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from lapel.storage.postgres import Database, Scope

# Opens the database as the owner of its tables, with every agency there is, for as long as the block lasts.
Owned = Callable[[], AbstractContextManager[tuple["Database", Sequence[str]]]]
Who = Annotated[str, typer.Argument(help="The account's name, exactly, or its id.")]


def account_commands(owned: Owned, address: Callable[[str], str], made_by: Callable[[], str]) -> typer.Typer:
    """`lapel accounts …`. `address` turns a link's token into what a browser opens; `made_by` names the operator (`cli:…`)."""
    app = typer.Typer(help="Make, close and unlock accounts.", no_args_is_help=True)

    @app.command("list")
    def list_(words: Annotated[str, typer.Argument(help="Part of a name, or a badge number.")] = "") -> None:
        """List accounts with their roles."""
        from lapel.access import store_accounts
        from lapel.base import clock

        with owned() as (db, agencies):
            at = clock.now()
            with db.tx(_scope(made_by(), agencies)) as conn:
                rows = store_accounts.accounts(conn, at, words)
                held = store_accounts.grants(conn, at)
        _table(
            ("Name", "Agency", "Badge", "Roles", "State"),
            [
                (
                    row["name"], row["agency"], row["badge"] or "",
                    "; ".join(_role(grant) for grant in held if grant["account"] == row["id"]),
                    "closed" if not row["active"] else "locked" if row["locked_until"] else "open",
                )
                for row in rows
            ],
        )  # fmt: skip

    @app.command()
    def make(
        name: Annotated[str, typer.Argument(help="The new account's name.")],
        agency: Annotated[str, typer.Option(help="Its home agency.")],
        badge: Annotated[str, typer.Option(help="The badge number of the officer it is.")] = "",
    ) -> None:
        """Make an account without a role, and print the link by which its holder sets the password."""
        from lapel.access import accounts

        with owned() as (db, agencies):
            made = accounts.make(db, _scope(made_by(), agencies), _agency(agencies, agency), name, badge)
        typer.echo(address(made.token))

    @app.command()
    def link(account: Who) -> None:
        """Print a new link that sets an account's password; its roles wait for a second person again."""
        from lapel.access import accounts

        with owned() as (db, agencies):
            made = accounts.offer_link(db, _scope(made_by(), agencies), account)
        typer.echo(address(made.token))
        for role in made.waiting:
            typer.echo(f"waits for a second person again: {role}", err=True)

    @app.command()
    def tie(
        account: Who,
        badge: Annotated[str, typer.Argument(help="A badge number of its home agency; empty for none.")],
    ) -> None:
        """Say which officer an account is."""
        from lapel.access import accounts

        with owned() as (db, agencies):
            accounts.tie(db, _scope(made_by(), agencies), account, badge)

    @app.command()
    def close(account: Who) -> None:
        """Close an account: its sessions end, its tokens are revoked."""
        from lapel.access import accounts

        with owned() as (db, agencies):
            accounts.close(db, _scope(made_by(), agencies), account)

    @app.command()
    def reopen(account: Who) -> None:
        """Open a closed account."""
        from lapel.access import accounts

        with owned() as (db, agencies):
            accounts.reopen(db, _scope(made_by(), agencies), account)

    @app.command()
    def unlock(account: Who) -> None:
        """Let somebody try again who failed five times."""
        from lapel.access import accounts

        with owned() as (db, agencies):
            accounts.unlock(db, _scope(made_by(), agencies), account)

    return app


def grant_commands(owned: Owned, made_by: Callable[[], str]) -> typer.Typer:
    """`lapel grants …`."""
    app = typer.Typer(help="Give and take roles; two people give what shows footage.", no_args_is_help=True)

    @app.command("list")
    def list_(
        waiting: Annotated[
            bool, typer.Option("--waiting", help="Only those that wait for a second person.")
        ] = False,
    ) -> None:
        """List the roles that are held or asked for."""
        from lapel.access import store_accounts
        from lapel.base import clock

        with owned() as (db, agencies), db.tx(_scope(made_by(), agencies)) as conn:
            rows = [g for g in store_accounts.grants(conn, clock.now()) if g["waiting"] or not waiting]
        _table(
            ("Grant", "Who", "Role", "By", "Approved by", "Until"),
            [
                (
                    row["id"], row["of"], _role(row), row["given_by"], row["approved_by"] or "",
                    f"{row['until']:%Y-%m-%d}" if row["until"] else "",
                )
                for row in rows
            ],
        )  # fmt: skip

    @app.command()
    def give(
        account: Who,
        role: Annotated[str, typer.Argument(help="officer, supervisor, custodian, records, investigator, outside, inspector, policy or administrator.")],
        agency: Annotated[str, typer.Option(help="The agency it counts in.")],
        office: Annotated[str, typer.Option(help="The name of the office it counts in; without it, the whole agency.")] = "",
        until: Annotated[datetime | None, typer.Option(help="When it ends (UTC), e.g. 2026-12-31.", formats=["%Y-%m-%d"])] = None,
    ) -> None:  # fmt: skip
        """Give a role, or ask for one that a second person approves."""
        from datetime import UTC

        from lapel.access import grants

        with owned() as (db, agencies):
            scope = _scope(made_by(), agencies)
            waits = grants.ask(
                db, scope, account, _agency(agencies, agency), role,
                office=_office(db, scope, agency, office), until=until.replace(tzinfo=UTC) if until else None,
            )  # fmt: skip
        typer.echo("It waits for a second person." if waits else "It is given.")

    @app.command()
    def approve(grant: Annotated[str, typer.Argument(help="The grant's id, as listed.")]) -> None:
        """Approve a role that somebody else asked for."""
        from lapel.access import grants

        with owned() as (db, agencies):
            there = grants.approve(db, _scope(made_by(), agencies), grant)
        typer.echo(f"{there['of']} is {_role(there)}.")

    @app.command()
    def end(grant: Annotated[str, typer.Argument(help="The grant's id, as listed.")]) -> None:
        """Take a role away, or do not give one that waits."""
        from lapel.access import grants

        with owned() as (db, agencies):
            there = grants.end(db, _scope(made_by(), agencies), grant)
        typer.echo(f"{there['of']} is no more {_role(there)}.")

    return app


def token_commands(owned: Owned, made_by: Callable[[], str]) -> typer.Typer:
    """`lapel tokens …`."""
    app = typer.Typer(help="Tokens by which programs come in.", no_args_is_help=True)

    @app.command("list")
    def list_() -> None:
        """List the tokens that are good."""
        from lapel.access import store_ways

        with owned() as (db, agencies), db.tx(_scope(made_by(), agencies)) as conn:
            rows = store_ways.tokens(conn)
        _table(
            ("Token", "Name", "Of", "May", "In", "Until", "Last used"),
            [
                (
                    row["id"], row["name"], row["of"], ", ".join(row["acts"]), ", ".join(row["agencies"]),
                    f"{row['ends_at']:%Y-%m-%d}", f"{row['used_at']:%Y-%m-%d %H:%M}" if row["used_at"] else "never",
                )
                for row in rows
            ],
        )  # fmt: skip

    @app.command()
    def make(
        account: Who,
        name: Annotated[str, typer.Argument(help="What the token is for.")],
        act: Annotated[list[str], typer.Option(help="What it may do, e.g. footage.list; again for more.")],
        agency: Annotated[list[str], typer.Option(help="An agency it counts in; again for more.")],
        days: Annotated[int, typer.Option(help="Days it lasts, 366 at most.")] = 90,
    ) -> None:
        """Make a token of an account and print it, once. It can do nothing that the account cannot."""
        from lapel.access import grants, tokens

        with owned() as (db, agencies):
            scope = _scope(made_by(), agencies)
            with db.tx(scope) as conn:
                there = grants.someone(conn, scope, account)
            wanted = [_agency(agencies, one) for one in agency]
            made = tokens.make(db, scope, there["id"], there["agency"], name, act, wanted, days)
        typer.echo(made.text)

    @app.command()
    def revoke(token: Annotated[str, typer.Argument(help="The token's id, as listed.")]) -> None:
        """Revoke a token: it opens nothing any more."""
        from lapel.access import tokens

        with owned() as (db, agencies):
            name = tokens.revoke(db, _scope(made_by(), agencies), token)
        typer.echo(f"The token “{name}” is revoked.")

    return app


def _scope(operator: str, agencies: Sequence[str]) -> Scope:
    from lapel.storage.postgres import Scope

    return Scope(operator, tuple(agencies))


def _agency(agencies: Sequence[str], wanted: str) -> str:
    from lapel.base.errors import Invalid

    if wanted not in agencies:
        raise Invalid(f"There is no agency {wanted[:20]}.", next_step=f"There are {', '.join(agencies)}.")
    return wanted


def _office(db: Database, scope: Scope, agency: str, name: str) -> str | None:
    from lapel.access import store_accounts
    from lapel.base.errors import NotFound

    if not name:
        return None
    with db.tx(scope) as conn:
        found = [o["id"] for o in store_accounts.offices(conn) if (o["agency"], o["name"]) == (agency, name)]
    if len(found) != 1:
        raise NotFound(f"{agency} has no office called {name[:40]}, or several.")
    return str(found[0])


def _role(grant: dict[str, Any]) -> str:
    where = f", {grant['office_name']}" if grant["office_name"] else ""
    return f"{grant['role']} in {grant['agency']}{where}{' (waits)' if grant['waiting'] else ''}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None, header_style="bold")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
