"""What can be done with cases and shares from a terminal? `lapel case …` and `lapel share …`, by the code of the pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lapel.cases.model import Ref
    from lapel.storage.archive import Archive
    from lapel.storage.postgres import Connection, Scope

# Opens the archive for the person at the command line, with every agency they see, for as long as the block lasts.
Opened = Callable[[], AbstractContextManager[tuple["Archive", "Scope"]]]
# Which recording somebody means by a number or an id.
Meant = Callable[["Connection", str], "Ref"]
Number = Annotated[str, typer.Argument(help="The case's number.")]
Agency = Annotated[str | None, typer.Option(help="Whose case, where two agencies gave the same number.")]
Reason = Annotated[str, typer.Option(help="Why.")]
Recordings = Annotated[list[str], typer.Argument(help="Recordings, by number.")]


def case_commands(opened: Opened, meant: Meant) -> typer.Typer:
    """`lapel case …`."""
    app = typer.Typer(help="Open, fill and close cases.", no_args_is_help=True)

    @app.command("list")
    def list_(
        words: Annotated[str, typer.Argument(help="Part of a number or a title.")] = "",
        open_only: Annotated[bool, typer.Option("--open", help="Only those that are open.")] = False,
    ) -> None:
        """List cases."""
        from lapel.cases import store

        with opened() as (archive, scope), archive.db.tx(scope) as conn:
            rows = store.cases(conn, open_only=open_only, words=words)
            counts = store.count_placed(conn, [row.id for row in rows])
        _table(
            ("Case", "Agency", "Kind", "Title", "Recordings", "State"),
            [
                (c.number, c.agency, c.kind, c.title, str(counts.get(c.id, 0)), "closed" if c.closed_at else "open")
                for c in rows
            ],
        )  # fmt: skip

    @app.command("open")
    def open_(
        title: Annotated[str, typer.Argument(help="What it is about.")],
        agency: Annotated[str, typer.Option(help="Whose case it is.")],
        kind: Annotated[str, typer.Option(help="criminal, civil, use of force, …")] = "criminal",
        number: Annotated[
            str, typer.Option(help="Its number; without it the agency's next of the year.")
        ] = "",
    ) -> None:
        """Open a case and print its number."""
        from lapel.cases import files

        with opened() as (archive, scope):
            typer.echo(files.open_case(archive, scope, _agency(scope, agency), kind, title, number).number)

    @app.command()
    def add(number: Number, recordings: Recordings, agency: Agency = None, reason: Reason = "") -> None:
        """Put recordings into a case: all of them or, on any error, none."""
        from lapel.cases import contents

        with opened() as (archive, scope):
            case, refs = _case(archive, scope, number, agency), _refs(archive, scope, recordings, meant)
            new = contents.add_recordings(archive, scope, case, refs, reason)
        typer.echo(f"{new} of {len(refs)} were not in it yet.")

    @app.command()
    def remove(number: Number, recording: str, reason: Reason, agency: Agency = None) -> None:
        """Take a recording out of a case."""
        from lapel.cases import contents

        with opened() as (archive, scope):
            case = _case(archive, scope, number, agency)
            contents.remove_recording(
                archive, scope, case, _refs(archive, scope, [recording], meant)[0], reason
            )

    @app.command()
    def close(number: Number, reason: Reason, agency: Agency = None) -> None:
        """Close a case; its shares last until they end or are taken back."""
        from lapel.cases import files

        with opened() as (archive, scope):
            files.close_case(archive, scope, _case(archive, scope, number, agency), reason)

    @app.command()
    def reopen(number: Number, reason: Reason, agency: Agency = None) -> None:
        """Open a closed case again."""
        from lapel.cases import files

        with opened() as (archive, scope):
            files.reopen_case(archive, scope, _case(archive, scope, number, agency), reason)

    @app.command()
    def member(
        number: Number,
        who: Annotated[str, typer.Argument(help="An office or badge number.")],
        part: Annotated[str, typer.Option(help="investigator, prosecutor, defender, …")],
        agency: Agency = None,
    ) -> None:
        """Give somebody a part in a case."""
        from lapel.cases import members

        with opened() as (archive, scope):
            members.add_member(archive, scope, _case(archive, scope, number, agency), who, part)

    @app.command()
    def join(
        number: Number,
        joint: Annotated[str, typer.Argument(help="The agency that joins.")],
        task_force: Annotated[str, typer.Option(help="What they do it as.")] = "",
        agency: Agency = None,
    ) -> None:
        """Let another agency see a case and put its own recordings into it."""
        from lapel.cases import members

        with opened() as (archive, scope):
            members.add_joint(archive, scope, _case(archive, scope, number, agency), joint, task_force)

    return app


def share_commands(opened: Opened, meant: Meant) -> typer.Typer:
    """`lapel share …`."""
    app = typer.Typer(help="Share footage with another agency, and take it back.", no_args_is_help=True)

    @app.command("list")
    def list_() -> None:
        """List every share, the newest first, also those that are over."""
        from lapel.base import clock
        from lapel.cases import store

        with opened() as (archive, scope), archive.db.tx(scope) as conn:
            rows = store.shares_given(conn, scope.agencies)
        at = clock.now()
        _table(
            ("Share", "From", "To", "What", "May", "Until", "State"),
            [
                (
                    s.id, s.agency, "a person" if s.to_account else s.to_agency, s.kind, ", ".join(s.acts),
                    f"{s.ends_at:%Y-%m-%d %H:%M}", "lasts" if s.is_live(at) else "over",
                )
                for s in rows
            ],
        )  # fmt: skip

    @app.command()
    def give(
        agency: Annotated[str, typer.Option(help="Who gives.")],
        to: Annotated[str, typer.Option(help="The agency it is given to.")],
        purpose: Annotated[str, typer.Option(help="For what.")],
        until: Annotated[datetime, typer.Option(help="When it ends (UTC), e.g. 2026-12-31.", formats=["%Y-%m-%d"])],
        recording: Annotated[str | None, typer.Option(help="A recording, by number.")] = None,
        case: Annotated[str | None, typer.Option(help="Or a case, by number: the giver's recordings in it.")] = None,
        search: Annotated[str | None, typer.Option(help="Or a saved search, by name: what it finds.")] = None,
        act: Annotated[list[str] | None, typer.Option(help="play or download; to view is always given.")] = None,
    ) -> None:  # fmt: skip
        """Share a recording, a case or a saved search, and print the share's id."""
        from datetime import UTC

        from lapel.base.errors import Invalid
        from lapel.cases import shares
        from lapel.cases.shares import What

        if len([one for one in (recording, case, search) if one]) != 1:
            raise Invalid("One thing is shared at a time.", next_step="Give --recording, --case or --search.")
        with opened() as (archive, scope):
            what = What(
                recording=_refs(archive, scope, [recording], meant)[0] if recording else None,
                case=_case(archive, scope, case, None) if case else None,
                search=_search(archive, scope, _agency(scope, agency), search) if search else None,
            )
            made = shares.give(
                archive, scope, _agency(scope, agency), to, what,
                acts=act or [], purpose=purpose, expires_at=until.replace(tzinfo=UTC),
            )  # fmt: skip
        typer.echo(made.id)

    @app.command()
    def revoke(share: Annotated[str, typer.Argument(help="The share's id.")], reason: Reason) -> None:
        """Take a share back: from now on nothing is seen by it."""
        from lapel.cases import shares

        with opened() as (archive, scope):
            shares.revoke(archive, scope, share, reason)

    return app


def _agency(scope: Scope, wanted: str) -> str:
    from lapel.cases.entering import one_of

    return one_of(wanted, scope.agencies, "agency")


def _case(archive: Archive, scope: Scope, number: str, agency: str | None) -> str:
    from lapel.cases import store

    with archive.db.tx(scope) as conn:
        return store.case_numbered(conn, number, agency).id


def _refs(archive: Archive, scope: Scope, said: Sequence[str], meant: Meant) -> list[Ref]:
    with archive.db.tx(scope) as conn:
        return [meant(conn, one) for one in said]


def _search(archive: Archive, scope: Scope, agency: str, name: str) -> str:
    from lapel.base.errors import NotFound
    from lapel.cases import store

    with archive.db.tx(scope) as conn:
        for one in store.saved_searches(conn, (agency,)):
            if one.name == name:
                return one.id
    raise NotFound(f"{agency} has no saved search “{name[:40]}”.", next_step="Save it on the list's page.")


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None, header_style="bold")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
