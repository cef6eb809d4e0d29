"""What can be asked of the custody log from a terminal? `lapel custody show`, `lapel custody prove`, `lapel verify`.

The room above says how a department is opened and what a person may call a thing (`subject_of` turns a recording number
into a subject). `verify` opens nothing but the files it is given.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lapel.base.clock import stamp
from lapel.base.errors import NotFound, Unavailable
from lapel.custody.search_commands import add_search
from lapel.custody.strictjson import MAX_BYTES

if TYPE_CHECKING:
    from lapel.custody.log import LoggedAct
    from lapel.storage.archive import Archive
    from lapel.storage.postgres import Connection, Scope

Opened = Callable[[], AbstractContextManager[tuple["Archive", "Scope"]]]
SubjectOf = Callable[["Connection", str], str]

_WAIT_S = 180.0


def custody_commands(opened: Opened, subject_of: SubjectOf) -> typer.Typer:
    """`lapel custody …`. `subject_of` raises `NotFound` for what is no thing of the department."""
    app = typer.Typer(
        help="Ask the custody log what was done to a recording, and prove it.", no_args_is_help=True
    )

    @app.callback()
    def custody() -> None:
        """Ask the custody log what was done to a recording, and prove it."""

    @app.command()
    def show(rec: Annotated[str, typer.Argument(help="The recording: its number or id.")]) -> None:
        """Show what was done to a recording, when and by whom."""
        with opened() as (archive, scope):
            acts = history_of(archive, scope, subject_of, rec)
        for line in lines(acts):
            typer.echo(line)

    @app.command()
    def prove(
        rec: Annotated[str, typer.Argument(help="The recording: its number or id.")],
        open_fields: Annotated[
            str, typer.Option("--open", help="The fields to show, with commas between.")
        ] = "",
        act: Annotated[
            str | None, typer.Option(help="The act to prove; without it the arrival of the footage.")
        ] = None,
        entry: Annotated[str | None, typer.Option(help="The entry to prove, by its id from `show`.")] = None,
    ) -> None:
        """Print a receipt that anybody can verify. Waits for the next checkpoint."""
        with opened() as (archive, scope):
            acts = history_of(archive, scope, subject_of, rec)
            chosen = choose(acts, act=act, entry=entry)
            fields = [name.strip() for name in open_fields.split(",") if name.strip()]
            receipt = wait_for_receipt(archive, scope, chosen.entry, fields)
        typer.echo(json.dumps(receipt, indent=2, ensure_ascii=False))

    add_search(app, opened, subject_of)
    return app


def add_verify(
    app: typer.Typer,
    of_folder: Callable[[Path, bytes | None], Any] | None = None,
    *,
    rich_help_panel: str | None = None,
) -> None:
    """Put `lapel verify` on the top level of the command line. `of_folder` gives the verdict on a redacted release."""

    @app.command(rich_help_panel=rich_help_panel)
    def verify(
        receipt: Annotated[Path, typer.Argument(help="The receipt, a JSON file, or a release, a folder.")],
        file: Annotated[Path | None, typer.Argument(help="The footage that it should be about.")] = None,
        trust: Annotated[
            Path | None, typer.Option(help="The trust file: whose log, which keys, which witnesses.")
        ] = None,
    ) -> None:
        """Verify a receipt or a redacted release and say what it proves and what not. Asks nobody, needs no department.

        Ends with 0 when it is anchored by the trust file, 8 when it is only consistent in itself, 1 when the file could
        not be compared, 90 when something disagrees, 5 when it cannot be read.
        """
        if of_folder is not None and file is None and receipt.is_dir():
            verdict = of_folder(receipt, _small(trust) if trust else None)
        else:
            verdict = verify_files(receipt, file, trust)
        typer.echo(str(verdict))
        raise typer.Exit(verdict.status)


def verify_files(receipt: Path, file: Path | None, trust: Path | None) -> Any:
    """The `Verdict` on a receipt's file. Raises `NotFound` for a file that is not there, `Invalid` as `verify` does."""
    from lapel.custody.verify import verify_receipt

    said = _small(receipt)
    known = _small(trust) if trust else None
    if file is None:
        return verify_receipt(said, None, known)
    try:
        with file.open("rb") as opened:
            return verify_receipt(said, opened, known)
    except OSError as fault:
        raise NotFound(f"{file} cannot be read: {fault.strerror}.") from None


def history_of(archive: Archive, scope: Scope, subject_of: SubjectOf, rec: str) -> list[LoggedAct]:
    """Everything the log says of what a person calls `rec`. Raises `NotFound` when that is nothing."""
    from lapel.custody import log

    with archive.db.tx(scope) as conn:
        acts = log.history(conn, subject_of(conn, rec))
    if not acts:
        raise NotFound(f"The custody log knows nothing of {rec[:60]}.")
    return acts


def choose(acts: list[LoggedAct], *, act: str | None = None, entry: str | None = None) -> LoggedAct:
    """The act to prove: the one named, else the first that carries a file's digest, else the first."""
    if entry is not None:
        fitting = [a for a in acts if a.entry == entry]
    elif act is not None:
        fitting = [a for a in acts if a.act == act]
    else:
        fitting = [a for a in acts if "sha256" in a.detail] or acts
    if not fitting:
        known = ", ".join(sorted({a.act for a in acts}))
        raise NotFound("The log has no such entry for this recording.", next_step=f"Its acts are: {known}.")
    return fitting[0]


def wait_for_receipt(
    archive: Archive, scope: Scope, entry: str, fields: list[str], *, wait_s: float = _WAIT_S
) -> dict[str, Any]:
    """The receipt of an entry with these fields shown beside when, what and whose; waits until it is published.

    Raises `Unavailable` when that takes longer than `wait_s` seconds.
    """
    from lapel.custody.receipt import ALWAYS_OPEN, prove

    deadline = time.monotonic() + wait_s
    while True:
        try:
            with archive.db.tx(scope) as conn:
                return prove(conn, archive.stores.public, entry, {*ALWAYS_OPEN, *fields})
        except Unavailable:
            if time.monotonic() >= deadline:
                raise
            print("Waiting for the next checkpoint of the log …", file=sys.stderr)
            time.sleep(min(1.0, wait_s / 10))


def lines(acts: list[LoggedAct]) -> list[str]:
    """A history as a person reads it, one act a line, its fields below."""
    told = []
    for act in acts:
        if act.published:
            place = f"entry {act.index}, published"
        elif act.index is not None:
            place = f"entry {act.index}, not published yet"
        else:
            place = "waits for its place"
        told.append(f"{stamp(act.at)}  {act.act}  by {act.actor or 'somebody who was forgotten'}  ({place})")
        told.append(f"    entry id: {act.entry}")
        told += [f"    {name}: {_plain(value)}" for name, value in act.detail.items()]
    return told


def _plain(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def _small(path: Path) -> bytes:
    """A file's bytes, one more than is ever read so that the reader refuses what is too long."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as fault:
        raise NotFound(f"{path} cannot be read: {fault.strerror}.") from None
