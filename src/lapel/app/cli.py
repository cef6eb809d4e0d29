"""What can be done from a terminal? One command a line, grouped by the room that does it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lapel.base.errors import EvidenceFault, Invalid, LapelError

if TYPE_CHECKING:
    from lapel.app.department import Department
    from lapel.app.settings import Settings
    from lapel.cases.model import Ref
    from lapel.storage.archive import Archive
    from lapel.storage.postgres import Connection, Database, Scope

APP: dict[str, Any] = {
    "name": "lapel",
    "help": "A body-worn camera programme that an outsider can check.",
    "no_args_is_help": True,
    "add_completion": False,
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}
app = typer.Typer()  # the commands of no room
BEGIN, POLICY, EVIDENCE, LOOK_AFTER = "Begin and run", "Policy", "Evidence", "Look after"


def settings() -> Settings:
    """The settings of this invocation. Raises `Invalid` naming the environment variables that cannot be."""
    from pydantic import ValidationError

    from lapel.app.settings import Settings

    try:
        return Settings()
    except ValidationError as fault:
        wrong = [f"LAPEL_{str(e['loc'][0]).upper()}: {e['msg']}." for e in fault.errors(include_input=False)]
        raise Invalid(" ".join(wrong), next_step="Correct or unset it.") from None


@contextmanager
def opened() -> Iterator[Department]:
    """The department with its database and key agent answering: those that run, or ones started for this command."""
    from lapel.app.department import department, read_secrets, running_database
    from lapel.app.running import key_agent

    chosen = settings()
    read_secrets(chosen)  # before a database is made in a folder that was named by mistake
    with running_database(chosen) as admin_url, key_agent(chosen):
        yield department(chosen, admin_url)


@app.command(rich_help_panel=BEGIN)
def init(
    name: Annotated[str, typer.Option(help="The department's name.")],
    origin: Annotated[str, typer.Option(help="The custody log's name, fixed for ever: example.gov/lapel.")],
    agencies: Annotated[
        Path | None,
        typer.Option(help="CSV with the columns id, name, zone; without it the nine of the model."),
    ] = None,
) -> None:
    """Make a department: keys, database, agencies, an empty custody log. Prints the first sign-in link."""
    from lapel.app.department import MODEL_AGENCIES
    from lapel.app.founding import found, read_agencies, sign_in_link

    chosen = read_agencies(agencies) if agencies else MODEL_AGENCIES
    found(settings(), name, origin, chosen, told=typer.echo)
    with opened() as made:
        typer.echo(
            f"Run `lapel serve`, then make the first account here, once, within 24 hours:\n{sign_in_link(made)}"
        )


@app.command(rich_help_panel=BEGIN)
def serve(
    only: Annotated[
        str | None, typer.Option(help="Run one process: keys, sequencer, worker, intake, staff or proxied.")
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(help="Certificate chain (PEM) for both doors, instead of LAPEL_TLS_CERT.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(help="Its private key (PEM), instead of LAPEL_TLS_KEY.")
    ] = None,
) -> None:
    """Run Lapel: database, key agent, custody log, intake, worker, staff pages."""
    import os
    import signal
    import threading

    from lapel.app import logs, process
    from lapel.app.department import read_secrets
    from lapel.app.running import Stack
    from lapel.app.serving import need_tls_files

    for variable, path in (("LAPEL_TLS_CERT", tls_cert), ("LAPEL_TLS_KEY", tls_key)):
        if path is not None:
            os.environ[variable] = str(path.absolute())  # where the processes that are started look
    chosen = settings()
    need_tls_files(chosen.tls_cert, chosen.tls_key)
    read_secrets(chosen)
    if only is not None:
        if only not in process.PROCESSES:
            raise typer.BadParameter(f"There is no process {only}; there are {', '.join(process.PROCESSES)}.")
        raise typer.Exit(process.main(only))
    logs.begin("serve", chosen.log_level)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    stack = Stack(chosen)
    stack.start()
    scheme = "https" if chosen.tls_cert else "http"
    typer.echo(
        f"Staff pages: {chosen.staff_url or f'{scheme}://{chosen.staff_bind}'}/"
        f"   Cameras deliver to: {scheme}://{chosen.intake_bind}/"
    )
    stack.run(stop)


@app.command(rich_help_panel=LOOK_AFTER)
def fsck(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check the whole log, every original, key, row and sidecar. Ends with 0 when clean, 90 when something disagrees."""
    from lapel.app.upkeep import check

    with opened() as here:
        status = check(here, as_json=as_json)
    raise typer.Exit(status)


@app.command(rich_help_panel=LOOK_AFTER)
def rebuild() -> None:
    """Bring a lost database back from the objects: the custody log, every recording and every act on it."""
    from lapel.app.upkeep import bring_back

    log, footage, policy = bring_back(settings())
    typer.echo(f"The custody log has {log.size} entries again ({log.published} of them published).")
    typer.echo(
        f"{footage.recordings} recordings with {footage.originals} originals are back, by {footage.acts} acts."
    )
    typer.echo(f"{policy.adoptions} adopted texts are on record again; the worker proves the policies anew.")
    for name in (*footage.left_out, *policy.left_out):
        typer.echo(f"left out: {name}, which was never acknowledged and contradicts what is there.")
    for name in footage.damaged:
        typer.secho(f"damaged: {name} does not open, or does not fit what is there.", fg="red")
    typer.echo("Accounts and sessions do not come back: make a link with `lapel access link`.")
    if footage.damaged:
        raise typer.Exit(EvidenceFault.exit_status)


@contextmanager
def archived() -> Iterator[tuple[Archive, Scope]]:
    """The archive as the person at the command line may use it, with every agency in view."""
    with opened() as here:
        yield here.operator()


@contextmanager
def _worker() -> Iterator[tuple[Archive, Scope, bytes]]:
    """The archive as the worker has it, which alone signs manifests, for the person at the command line."""
    with opened() as here:
        yield here.archive("worker"), here.operator()[1], here.settings.trust.read_bytes()


@contextmanager
def _owned() -> Iterator[tuple[Database, Sequence[str]]]:
    from lapel.storage.postgres import Database

    with opened() as here:
        owner = Database(here.urls["owner"], door="terminal")
        try:
            yield owner, here.agency_ids
        finally:
            owner.close()


def _subject_of(conn: Connection, said: str) -> str:
    return f"recording:{_ref_of(conn, said).id}"


def _ref_of(conn: Connection, said: str) -> Ref:
    from lapel.base.ids import is_id, read_number
    from lapel.cases.model import Ref
    from lapel.footage import store

    if is_id(said):
        there = store.recording(conn, said)
    else:
        there = store.recording_by_number(conn, read_number(said) or said)
    return Ref(there.id, there.agency)


def _door() -> tuple[list[str], bytes | None]:
    chosen = settings()
    scheme = "https" if chosen.tls_cert else "http"
    certificate = chosen.tls_cert.read_bytes() if chosen.tls_cert else None
    return [chosen.intake_url or f"{scheme}://{chosen.intake_bind}"], certificate


def _link_address(token: str) -> str:
    from lapel.app.founding import link_address

    return link_address(settings(), token)


def _operator() -> str:
    from lapel.app.department import login_name

    return f"cli:{login_name()}"


def _footage() -> typer.Typer:
    from lapel.footage.commands import add_export, footage_commands

    footage = footage_commands(archived)
    add_export(footage, archived, lambda: settings().trust)
    return footage


def _redact() -> typer.Typer:
    from lapel.redaction.propose_commands import add_propose
    from lapel.redaction.render_commands import redact_commands

    redact = redact_commands(_worker)
    add_propose(redact, archived)
    return redact


def _policy() -> typer.Typer:
    from lapel.policy import commands as policy
    from lapel.policy.adopt_commands import add_record_commands

    add_record_commands(policy.app, archived)
    return policy.app


def _of(module: str, made_by: str, *needs: Callable[..., Any]) -> Callable[[], typer.Typer]:
    """The commands of a room, whose file is read when they are asked for."""
    return lambda: getattr(import_module(f"lapel.{module}"), made_by)(*needs)


ROOMS: dict[str, tuple[str, Callable[[], typer.Typer]]] = {
    "footage": (EVIDENCE, _footage),
    "case": (EVIDENCE, _of("cases.commands", "case_commands", archived, _ref_of)),
    "share": (EVIDENCE, _of("cases.commands", "share_commands", archived, _ref_of)),
    "activation": (EVIDENCE, _of("activation.commands", "activation_commands", archived)),
    "custody": (EVIDENCE, _of("custody.commands", "custody_commands", archived, _subject_of)),
    "redact": (EVIDENCE, _redact),
    "roster": (EVIDENCE, _of("roster.commands", "roster_commands", archived)),
    "fleet": (EVIDENCE, _of("fleet.commands", "fleet_commands", archived)),
    "policy": (POLICY, _policy),
    "intake": (BEGIN, _of("footage.commands", "intake_commands", archived, _door)),
    "access": (BEGIN, _of("access.commands", "access_commands", _owned, _link_address, _operator)),
    "accounts": (BEGIN, _of("access.account_commands", "account_commands", _owned, _link_address, _operator)),
    "grants": (BEGIN, _of("access.account_commands", "grant_commands", _owned, _operator)),
    "tokens": (BEGIN, _of("access.account_commands", "token_commands", _owned, _operator)),
}


def command_line(asked: str | None = None) -> typer.Typer:
    """The commands: those of the room that is asked for, or all, since reading every room takes longer than most answers."""
    from lapel.custody.commands import add_verify
    from lapel.redaction.render_commands import verify_release_folder

    whole = typer.Typer(**APP)
    whole.registered_commands += app.registered_commands
    add_verify(whole, verify_release_folder, rich_help_panel=EVIDENCE)
    known = {
        *ROOMS,
        *(command.callback.__name__ for command in whole.registered_commands if command.callback),
    }
    for name, (panel, made) in ROOMS.items():
        if name == asked or asked not in known:
            whole.add_typer(made(), name=name, rich_help_panel=panel)
    return whole


def main() -> None:
    """Run the command line; an error of ours is one or two sentences and its own exit status."""
    try:
        command_line(sys.argv[1] if len(sys.argv) > 1 else None)()
    except EvidenceFault as fault:
        typer.secho(f"Evidence fault: {fault.says}", fg="red", bold=True, err=True)
        typer.echo(
            fault.next_step or "Stop, keep everything as it is, and have a second person look.", err=True
        )
        sys.exit(fault.exit_status)
    except LapelError as error:
        typer.secho(error.says, fg="red", err=True)
        if error.next_step:
            typer.echo(error.next_step, err=True)
        sys.exit(error.exit_status)
