"""Is everything here, and can it be brought back? `lapel fsck` and `lapel rebuild`, over all rooms."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import Progress, TaskID

from lapel.activation import store_watch
from lapel.app.department import Agency, Department, department, read_secrets, running_database
from lapel.app.founding import write_department
from lapel.app.running import key_agent
from lapel.app.settings import Settings
from lapel.base import clock
from lapel.base.errors import Conflict, EvidenceFault, NotFound
from lapel.custody.fsck import Fault, check_log
from lapel.custody.rebuild_log import RebuiltLog, rebuild_log
from lapel.footage.fsck import check_footage
from lapel.footage.fsck_objects import LEFT_BEHIND
from lapel.footage.rebuild import Rebuilt, rebuild
from lapel.policy import sidecars as policy
from lapel.redaction import store as redactions
from lapel.storage import migrate, roles
from lapel.storage.archive import Archive
from lapel.storage.keys import AgentKeys
from lapel.storage.postgres import Database, Scope, connect

OUT_OF_ORDER = 90


def check(here: Department, *, as_json: bool) -> int:
    """Check everything and tell what is lost, extra or altered; 0 when nothing of it is evidence, else 90."""
    archive, scope = here.operator()
    faults: list[Fault] = []
    left: list[Fault] = []
    with _bars() as progress:
        entries = progress.add_task("The custody log", total=None)
        for fault in check_log(archive.db, archive.stores, archive.keys, told=_told(progress, entries)):
            faults.append(fault)
        progress.update(entries, total=1, completed=1)
        footage = progress.add_task("Every original, read back", total=_size(archive, scope))
        for fault in check_footage(archive, scope, told=_told(progress, footage)):
            (left if fault.says == LEFT_BEHIND else faults).append(fault)
        progress.update(footage, total=1, completed=1)
        faults += policy.check(archive, scope)
    waiting = [fault for fault in faults if fault.kind == "waiting"]
    faults = [fault for fault in faults if fault.kind != "waiting"]
    if as_json:
        told = [{"kind": f.kind, "thing": f.thing, "says": f.says} for f in faults]
        typer.echo(
            json.dumps(
                {
                    "clean": not faults,
                    "faults": told,
                    "left_behind": [f.thing for f in left],
                    "waiting": len(waiting),
                },
                indent=1,
            )
        )
        return OUT_OF_ORDER if faults else 0
    for fault in faults:
        typer.secho(f"{fault.kind}: {fault.thing}. {fault.says}", fg="red")
    if waiting:
        typer.echo(
            f"{len(waiting)} entries have waited for their place for more than a minute: is the sequencer running?"
        )
    for fault in left:
        typer.echo(f"left behind: {fault.thing}. {fault.says}")
    if faults:
        typer.echo(
            f"{len(faults)} faults. Change nothing, keep everything as it is, and have a second person look."
        )
        return OUT_OF_ORDER
    typer.echo(
        "Clean: the whole log, every original read back, every adopted text, every row, key and sidecar agree."
    )
    return 0


def bring_back(settings: Settings) -> tuple[RebuiltLog, Rebuilt, policy.BroughtBack]:
    """Bring a lost database back from the objects. Safe to repeat.

    Raises `Conflict` when there are recordings in the database already, `NotFound` when the objects describe no
    department, `EvidenceFault` when what comes back is not the log that was published.
    """
    secrets = read_secrets(settings)
    with running_database(settings) as admin_url, key_agent(settings):
        urls = roles.bootstrap(admin_url, settings.database_name, secrets)
        migrate.upgrade(urls["owner"])
        _write_department_back(settings, urls["owner"])
        here = department(settings, admin_url)
        owner = Database(here.urls["owner"])
        archive = Archive(owner, here.stores, AgentKeys(settings.sockets / "admin.sock"))
        try:
            with _bars() as progress:
                entries = progress.add_task("The custody log", total=None)
                log = rebuild_log(owner, archive.stores, archive.keys, told=_told(progress, entries))
                acts = progress.add_task("Recordings and acts", total=None)
                scope = Scope("system:rebuild", here.agency_ids)
                footage = rebuild(
                    archive, scope, told=_told(progress, acts), also=(*store_watch.TABLES, *redactions.TABLES)
                )
                with owner.tx(scope) as conn:
                    redactions.resume(conn)
                return log, footage, policy.rebuild(archive, scope)
        finally:
            owner.close()


def _write_department_back(settings: Settings, owner_url: str) -> None:
    from lapel.storage.localstore import local_stores

    try:
        said = json.loads(local_stores(settings.objects).sidecars.read("department.json"))
    except NotFound:
        raise NotFound(
            f"The objects in {settings.objects} describe no department.",
            next_step="Restore the objects first.",
        ) from None
    with connect(owner_url) as conn, conn.transaction():
        row = conn.execute("SELECT origin FROM department").fetchone()
        if row is None:
            agencies = [Agency(a["id"], a["name"], a["zone"]) for a in said["agencies"]]
            write_department(conn, said["name"], said["origin"], agencies, clock.read_stamp(said["begun_at"]))
        elif row["origin"] != said["origin"]:
            raise Conflict(
                f"The database is of {row['origin']}, the objects are of {said['origin']}.",
                next_step="Name the right LAPEL_DATA or LAPEL_DATABASE_NAME.",
            )


def _size(archive: Archive, scope: Scope) -> int:
    with archive.db.tx(scope) as conn:
        row = conn.execute("SELECT COALESCE(sum(size_bytes), 0)::bigint AS bytes FROM original").fetchone()
    if row is None:
        raise EvidenceFault("The table of originals does not answer.")
    return int(row["bytes"])


@contextmanager
def _bars() -> Iterator[Progress]:
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        yield progress


def _told(progress: Progress, task: TaskID) -> Callable[[int], None]:
    return lambda done: progress.update(task, completed=done)
