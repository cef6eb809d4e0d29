"""How is the custody log searched from a terminal? `lapel custody search`: by who, what, when, from where, outcome, bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from lapel.base.errors import Invalid

if TYPE_CHECKING:
    from lapel.custody.store_search import Found, Wanted
    from lapel.storage.archive import Archive
    from lapel.storage.postgres import Connection, Scope

Opened = Callable[[], AbstractContextManager[tuple["Archive", "Scope"]]]
SubjectOf = Callable[["Connection", str], str]
_COLUMNS = ("at", "agency", "actor", "act", "outcome", "subject", "source", "door", "bytes", "index", "entry", "detail")  # fmt: skip
DEPARTMENT = "department"


def add_search(app: typer.Typer, opened: Opened, subject_of: SubjectOf) -> None:
    """Put `search` beside `show` and `prove`."""

    @app.command()
    def search(
        who: Annotated[str, typer.Option(help="The actor: account:<id>, site:<id>, cli:<login>.")] = "",
        act: Annotated[str, typer.Option(help="What was done: viewed, refused, signed_in, …")] = "",
        thing: Annotated[str, typer.Option(help="On what: a recording's number or id, or kind:id.")] = "",
        address: Annotated[str, typer.Option(help="From which address.")] = "",
        door: Annotated[
            str, typer.Option(help="By which door: staff, proxied, intake, terminal, worker.")
        ] = "",
        outcome: Annotated[str, typer.Option(help="done, refused or failed.")] = "",
        since: Annotated[
            str, typer.Option(help="From this day or instant on (UTC unless it names a zone).")
        ] = "",
        until: Annotated[str, typer.Option(help="Up to this day or instant, included.")] = "",
        least: Annotated[int | None, typer.Option("--bytes", help="At least so many bytes went out.")] = None,
        agency: Annotated[str, typer.Option(help="One agency, or department; without it all.")] = "",
        limit: Annotated[int, typer.Option(help="The newest so many.", min=1, max=5000)] = 50,
        as_json: Annotated[bool, typer.Option("--json", help="Print the entries as JSON.")] = False,
    ) -> None:
        """Search the custody log for acts, newest first. The search is itself entered in the log."""
        from lapel.custody import log, store_search

        if outcome not in ("", "done", "refused", "failed"):
            raise Invalid("An outcome is done, refused or failed.")
        with opened() as (archive, whole):
            scope = _narrowed(whole, agency)
            with archive.db.tx(scope) as conn:
                wanted = store_search.Wanted(
                    agencies=scope.agencies,
                    actor=who,
                    act=act,
                    subject=subject_of(conn, thing) if thing and ":" not in thing else thing,
                    source=address,
                    door=door,
                    outcome=cast(Any, outcome),
                    since=_instant(since, end=False),
                    until=_instant(until, end=True),
                    least_bytes=least,
                )
                found, _ = store_search.find(conn, wanted, limit=limit)
                log.record_many(conn, [_looked(scope, one, wanted, len(found)) for one in scope.agencies])
        rows = [_row(one) for one in found]
        if as_json:
            typer.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        else:
            _table(rows)


def _narrowed(scope: Scope, agency: str) -> Scope:
    from dataclasses import replace

    known = (*scope.agencies, DEPARTMENT)
    if agency and agency not in known:
        raise Invalid(f"There is no agency {agency[:20]}.", next_step=f"There are {', '.join(known)}.")
    return replace(scope, agencies=(agency,) if agency else known)


def _looked(scope: Scope, agency: str, wanted: Wanted, count: int) -> Any:
    from lapel.custody.log import Act

    asked = {
        f"asked_{name}": str(getattr(wanted, name))
        for name in ("actor", "act", "subject", "source", "door", "outcome", "since", "until", "least_bytes")
        if getattr(wanted, name) not in ("", None)
    }
    return Act(scope.actor, agency, "log_searched", f"log:{agency}", {**asked, "entries": count})


def _instant(text: str, *, end: bool) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(
            f"“{text[:40]}” is no day and no instant.", next_step="Write it like 2026-11-24T03:37."
        ) from None
    if len(text) == 10:
        return at.replace(tzinfo=UTC) + timedelta(days=1 if end else 0)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return at + timedelta(milliseconds=1) if end else at


def _row(one: Found) -> dict[str, Any]:
    row = {name: getattr(one, name) for name in _COLUMNS}
    return {**row, "at": one.at.isoformat(timespec="milliseconds"), "detail": dict(one.detail)}


def _table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"{len(rows)} acts, newest first", title_justify="left")
    for column in ("When (UTC)", "Agency", "Who", "What", "Outcome", "On what", "From", "Bytes"):
        table.add_column(column, overflow="fold")
    for row in rows:
        where = " ".join(str(row[name]) for name in ("source", "door") if row[name])
        what = row["act"].replace("_", " ")
        attempted = row["detail"].get("attempted")
        said = (
            row["at"][:22].replace("T", " "), row["agency"], row["actor"] or "forgotten",
            f"{what}: {attempted}" if attempted else what, row["outcome"], row["subject"] or "forgotten", where,
            "" if row["bytes"] is None else f"{row['bytes']:,}",
        )  # fmt: skip
        # Text and not markup: what an entry says came from outside.
        table.add_row(*(Text("".join(c if c.isprintable() else "?" for c in cell)) for cell in said))
    Console().print(table)
