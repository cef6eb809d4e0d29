"""What can be done with deliveries from a terminal? `lapel intake connect` and `lapel footage …`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lapel.base.errors import Invalid
from lapel.footage.who_commands import add_who

if TYPE_CHECKING:
    from lapel.base.digest import Value
    from lapel.footage.by_hand import Added, Worn
    from lapel.footage.export import Export
    from lapel.storage.archive import Archive
    from lapel.storage.postgres import Scope

# Opens the archive for the person at the command line, with every agency they see, for as long as the block lasts.
Opened = Callable[[], AbstractContextManager[tuple["Archive", "Scope"]]]


def intake_commands(opened: Opened, door: Callable[[], tuple[Sequence[str], bytes | None]]) -> typer.Typer:
    """`lapel intake …`. `door` tells the addresses camera systems reach and the certificate (PEM), if it has one."""
    app = typer.Typer(help="Connect the systems that deliver footage.", no_args_is_help=True)

    @app.callback()
    def intake() -> None:
        """Connect the systems that deliver footage."""

    @app.command()
    def connect(
        site: Annotated[str, typer.Option(help="What people call this system, e.g. the place it stands.")],
        agency: Annotated[str, typer.Option(help="The agency whose footage it delivers.")],
        out: Annotated[
            Path | None, typer.Option(help="Write the file here; without it, it is printed.")
        ] = None,
        url: Annotated[list[str] | None, typer.Option(help="An address it reaches us at; up to ten.")] = None,
    ) -> None:
        """Make the connection file that a camera system's administrator imports. Asked again for a site, its key is renewed."""
        from lapel.footage.axis_connect import connect as make

        addresses, certificate = door()
        with opened() as (archive, scope):
            content = make(archive, scope, agency, site, url or addresses, certificate)
        if out is None:
            typer.echo(content.decode(), nl=False)
            return
        _write_secret(out, content)
        typer.echo(f"{out} holds the key of {site}. Import it into the camera system, then delete it.")

    return app


def footage_commands(opened: Opened) -> typer.Typer:
    """`lapel footage …`."""
    app = typer.Typer(help="Add footage by hand, and hand it out.", no_args_is_help=True)

    @app.callback()
    def footage() -> None:
        """Add footage by hand, and hand it out."""

    @app.command()
    def add(
        files: Annotated[list[Path], typer.Argument(help="The files, each a recording of its own.")],
        wearer: Annotated[str, typer.Option(help="The badge number of who wore the camera.")],
        camera: Annotated[str, typer.Option(help="The camera's serial number.")],
        started_at: Annotated[
            str | None, typer.Option(help="When it began, e.g. 2026-11-24T10:15:00-05:00; for one file.")
        ] = None,
        agency: Annotated[
            str | None, typer.Option(help="The agency; needed where there are several.")
        ] = None,
    ) -> None:
        """Add files as recordings. A file that is there already, whatever it is called, is not added again."""
        from lapel.base.clock import read_stamp
        from lapel.footage.by_hand import Worn

        if started_at is not None and len(files) > 1:
            raise Invalid("One start time cannot hold for several files.", next_step="Add them one by one.")
        worn = Worn(wearer, camera, read_stamp(started_at) if started_at else None)
        with opened() as (archive, scope):
            chosen = _agency(scope.agencies, agency)
            for path in files:
                _tell(path, _add(archive, scope, chosen, path, worn))

    add_who(app, opened)
    return app


def add_export(app: typer.Typer, opened: Opened, trust: Callable[[], Path]) -> None:
    """`lapel footage export`. `trust`: where the department's trust file lies, which goes into the export."""

    @app.command()
    def export(
        recording: Annotated[str, typer.Argument(help="The recording's number.")],
        out: Annotated[
            Path, typer.Option(help="The folder to write into; the file is named after the recording.")
        ],
        purpose: Annotated[
            str,
            typer.Option(
                "--for", help="For what: “case” and its number, or “reason” and its code; words behind it."
            ),
        ],
    ) -> None:
        """Write a zip with the originals, receipts and how to verify them. Its begin and end are entered in the log."""
        from lapel.base.ids import read_number
        from lapel.footage import looking, store
        from lapel.footage.export import prepare

        lies, said = trust(), looking.read(purpose)
        with opened() as (archive, scope):
            with archive.db.tx(scope) as conn:
                why = looking.operators(conn, said)
                there = store.recording_by_number(conn, read_number(recording) or recording)
            made = prepare(archive, scope, there, lies.read_bytes() if lies.exists() else b"")
            target = out / made.file_name
            _write_export(archive, scope, made, target, why)
        typer.echo(f"{target}: {target.stat().st_size:,} bytes. README.txt in it says how to verify it.")


def _write_export(
    archive: Archive, scope: Scope, made: Export, target: Path, why: Mapping[str, Value]
) -> None:
    """Written beside its name, and given it when it is whole. Raises `Invalid` when it is there or cannot be written."""
    import os
    import tempfile

    from rich.console import Console
    from rich.progress import Progress

    from lapel.footage.export import stream

    if target.exists():
        raise Invalid(f"{target} is there already.", next_step="Remove it or give another folder.")
    whole = sum(original.size_bytes for _, original in made.originals)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    except OSError as fault:
        raise Invalid(f"{target.parent} cannot be written to: {fault.strerror}.") from None
    try:
        with (
            open(handle, "wb") as file,
            Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar,
        ):
            task = bar.add_task(target.name, total=whole)
            for chunk in stream(archive, scope, made, why):
                file.write(chunk)
                bar.advance(task, len(chunk))
            file.flush()
            os.fsync(file.fileno())
        Path(beside).replace(target)
    finally:
        Path(beside).unlink(missing_ok=True)


def _add(archive: Archive, scope: Scope, agency: str, path: Path, worn: Worn) -> Added:
    from rich.console import Console
    from rich.progress import Progress

    from lapel.footage.by_hand import add

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(path.name, total=path.stat().st_size if path.is_file() else None)
        return add(archive, scope, agency, path, worn, read=lambda n: bar.advance(task, n))


def _tell(path: Path, added: Added) -> None:
    if added.already:
        typer.echo(f"{path}: is there already, as {added.recording.number}.")
        return
    flags = f" To look at: {', '.join(added.recording.flags)}." if added.recording.flags else ""
    typer.echo(
        f"{path}: kept as {added.recording.number}, {added.original.size_bytes:,} bytes, "
        f"SHA-256 {added.original.sha256}.{flags}"
    )


def _agency(agencies: Sequence[str], wanted: str | None) -> str:
    if wanted is not None and wanted in agencies:
        return wanted
    if wanted is None and len(agencies) == 1:
        return agencies[0]
    raise Invalid(
        f"There is no agency {wanted[:40]}." if wanted else "It is not said whose footage this is.",
        next_step=f"Give --agency, one of: {', '.join(agencies)}.",
    )


def _write_secret(path: Path, content: bytes) -> None:
    """Write a file that only its user can read. Raises `Invalid` when there is one already."""
    import os

    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Invalid(f"{path} is there already.", next_step="Remove it or give another name.") from None
    except OSError as fault:
        raise Invalid(f"{path} cannot be written: {fault.strerror}.") from None
    with open(handle, "wb") as file:
        file.write(content)
