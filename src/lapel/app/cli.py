"""What can be done from a terminal? One command a line, grouped by the room that does it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lapel.base.errors import EvidenceFault, Invalid, LapelError

if TYPE_CHECKING:
    from lapel.app.department import Department
    from lapel.app.settings import Settings
    from lapel.cases.model import Ref
    from lapel.storage.archive import Archive
    from lapel.storage.postgres import Connection, Database, Scope

app = typer.Typer(
    name="lapel",
    help="A body-worn camera programme that an outsider can check.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
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


def _rooms() -> None:
    """Mount what each room offers; called once, when the module is loaded."""
    from lapel.access.account_commands import account_commands, grant_commands, token_commands
    from lapel.access.commands import access_commands
    from lapel.activation.commands import activation_commands
    from lapel.cases.commands import case_commands, share_commands
    from lapel.custody.commands import add_verify, custody_commands
    from lapel.fleet.commands import fleet_commands
    from lapel.footage.commands import add_export, footage_commands, intake_commands
    from lapel.policy import commands as policy
    from lapel.policy.adopt_commands import add_record_commands
    from lapel.redaction.propose_commands import add_propose
    from lapel.redaction.render_commands import redact_commands, verify_release_folder
    from lapel.roster.commands import roster_commands

    footage = footage_commands(archived)
    add_export(footage, archived, lambda: settings().trust)
    app.add_typer(footage, name="footage", rich_help_panel=EVIDENCE)
    app.add_typer(case_commands(archived, _ref_of), name="case", rich_help_panel=EVIDENCE)
    app.add_typer(share_commands(archived, _ref_of), name="share", rich_help_panel=EVIDENCE)
    app.add_typer(activation_commands(archived), name="activation", rich_help_panel=EVIDENCE)
    app.add_typer(custody_commands(archived, _subject_of), name="custody", rich_help_panel=EVIDENCE)
    add_verify(app, verify_release_folder, rich_help_panel=EVIDENCE)
    redact = redact_commands(_worker)
    add_propose(redact, archived)
    app.add_typer(redact, name="redact", rich_help_panel=EVIDENCE)
    app.add_typer(roster_commands(archived), name="roster", rich_help_panel=EVIDENCE)
    app.add_typer(fleet_commands(archived), name="fleet", rich_help_panel=EVIDENCE)
    add_record_commands(policy.app, archived)
    app.add_typer(policy.app, name="policy", rich_help_panel=POLICY)
    app.add_typer(intake_commands(archived, _door), name="intake", rich_help_panel=BEGIN)
    app.add_typer(access_commands(_owned, _link_address, _operator), name="access", rich_help_panel=BEGIN)
    app.add_typer(account_commands(_owned, _link_address, _operator), name="accounts", rich_help_panel=BEGIN)
    app.add_typer(grant_commands(_owned, _operator), name="grants", rich_help_panel=BEGIN)
    app.add_typer(token_commands(_owned, _operator), name="tokens", rich_help_panel=BEGIN)


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


_rooms()


def main() -> None:
    """Run the command line; an error of ours is one or two sentences and its own exit status."""
    try:
        app()
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
