"""How does a department begin? Its keys, its database, its agencies, an empty custody log, and the trust file."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lapel.access import signin
from lapel.app.attempt import begun
from lapel.app.department import (
    Agency,
    Department,
    department,
    keep_secrets,
    login_name,
    new_secrets,
    running_database,
)
from lapel.app.running import key_agent
from lapel.app.settings import Settings
from lapel.base import clock
from lapel.base.errors import Invalid, NotFound
from lapel.custody.sequencer import Sequencer
from lapel.custody.trust import check_origin, first_trust
from lapel.footage.acts import add_category
from lapel.footage.model import FIRST_CATEGORIES
from lapel.storage import migrate, roles
from lapel.storage.keyring import DEPARTMENT, create_keyring
from lapel.storage.postgres import Connection, Database, Scope, connect

Told = Callable[[str], None]

_AGENCY_ID = re.compile(r"[a-z][a-z0-9_]{1,15}")  # as the database has it


def found(
    settings: Settings, name: str, origin: str, agencies: Sequence[Agency], told: Told = print
) -> Department:
    """Make a department in an empty data folder; `told` hears each step and every warning.

    Raises `Conflict` when there is one already, `Invalid` for an origin or an agency that cannot be. When a step fails,
    what the earlier ones made is removed, so that trying again begins anew.
    """
    check_origin(origin)
    _check(name, agencies)
    # What runs is ended last: what a failed attempt made is taken back while its database still answers.
    with ExitStack() as running, begun(settings) as attempt:
        warning = create_keyring(settings.keyring, [agency.id for agency in agencies])
        admin_url = running.enter_context(running_database(settings))
        attempt.takes_database(admin_url)
        secrets = new_secrets()
        urls = roles.bootstrap(admin_url, settings.database_name, secrets)
        migrate.upgrade(urls["owner"])
        begun_at = clock.now()
        with connect(urls["owner"]) as conn, conn.transaction():
            write_department(conn, name, origin, agencies, begun_at)
        running.enter_context(key_agent(settings))
        made = department(settings, admin_url, secrets)
        _describe(made, begun_at)
        _first_checkpoint(made)
        _first_categories(made)
        told(warning)
        told(
            f"{name} has {len(agencies)} agencies; its custody log is {origin}, and {settings.trust} says whom to trust."
        )
        keep_secrets(settings, secrets)
        return made


def _check(name: str, agencies: Sequence[Agency]) -> None:
    if not name.strip() or not name.isprintable():
        raise Invalid("A department has a name.", next_step="Give --name, e.g. “Example Department”.")
    if len({agency.id for agency in agencies}) != len(agencies) or not agencies:
        raise Invalid("A department has at least one agency, and no two of one name.")
    for agency in agencies:
        if not _is_agency(agency):
            raise Invalid(
                f"“{agency.id[:40]}” cannot be an agency.",
                next_step="Its id is two to sixteen lower case letters and digits, and it has a name.",
            )


def write_department(
    conn: Connection, name: str, origin: str, agencies: Sequence[Agency], begun_at: datetime | None = None
) -> None:
    """The rows that everything else hangs on, in an empty database, as its owner; `begun_at` None is now."""
    conn.execute(
        "INSERT INTO department (name, origin, begun_at) VALUES (%s, %s, %s)",
        (name, origin, begun_at or clock.now()),
    )
    for agency in agencies:
        conn.execute(
            "INSERT INTO agency (id, name, zone) VALUES (%s, %s, %s)", (agency.id, agency.name, agency.zone)
        )


def sign_in_link(made: Department) -> str:
    """A fresh one-use link for the first account, custodian and administrator of every agency; good for 24 hours."""
    owner = Database(made.urls["owner"])
    try:
        token = signin.make_link(owner, made.agency_ids, made_by=f"cli:{login_name()}")
    finally:
        owner.close()
    return link_address(made.settings, token)


def link_address(settings: Settings, token: str) -> str:
    """What a browser opens to use a one-use link."""
    base = settings.staff_url or f"{'https' if settings.tls_cert else 'http'}://{settings.staff_bind}"
    return f"{base}/begin/{token}"


def read_agencies(path: Path) -> list[Agency]:
    """Agencies from a CSV file with the columns id, name and, if wanted, zone.

    Raises `NotFound` for a file that cannot be read, `Invalid` naming the line that is wrong.
    """
    agencies = []
    line = 1
    try:
        with path.open(newline="", encoding="utf-8-sig") as source:
            reader = csv.DictReader(source)
            if not {"id", "name"} <= set(reader.fieldnames or ()):
                raise KeyError
            for row in reader:
                line = reader.line_num
                agencies.append(_agency(row))
    except OSError as fault:
        raise NotFound(f"{path} cannot be read: {fault.strerror}.") from None
    except (KeyError, AttributeError, ValueError, csv.Error):
        raise Invalid(
            f"Line {line} of {path} names no agency.",
            next_step="The file is UTF-8, with a first line id,name,zone. An id is lower case letters and digits; a zone"
            " is one of IANA's, like America/Chicago.",
        ) from None
    return agencies


def _agency(row: Mapping[str, str]) -> Agency:
    """Raises what says that it is none: `KeyError`, `AttributeError` (a cell is missing), `ValueError`."""
    zone = (row.get("zone") or "America/New_York").strip()
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, OSError):
        raise ValueError(zone) from None
    found = Agency(row["id"].strip(), row["name"].strip(), zone)
    if not _is_agency(found):
        raise ValueError(found.id)
    return found


def _is_agency(agency: Agency) -> bool:
    named = bool(agency.name) and agency.name.isprintable()
    return named and agency.id != DEPARTMENT and _AGENCY_ID.fullmatch(agency.id) is not None


def _first_categories(made: Department) -> None:
    archive, scope = made.archive("staff"), Scope("system:init", made.agency_ids)
    for agency in made.agencies:
        for name in FIRST_CATEGORIES:
            add_category(archive, scope, agency.id, name)


def _first_checkpoint(made: Department) -> None:
    archive = made.archive("sequencer")
    first = Sequencer(made.urls["sequencer"], archive.keys, archive.stores, made.origin)
    if first.start():
        first.publish()
    first.stop()
    trust = first_trust(made.origin, archive.keys.public_key("log"))
    made.settings.trust.write_text(json.dumps(trust.to_json(), indent=2) + "\n")


def _describe(made: Department, begun_at: datetime) -> None:
    """Lay the department's description beside the sidecars: a rebuild begins with it. Nothing in it is secret."""
    agencies = [{"id": agency.id, "name": agency.name, "zone": agency.zone} for agency in made.agencies]
    said = {
        "v": 1,
        "name": made.name,
        "origin": made.origin,
        "begun_at": begun_at.isoformat(),
        "agencies": agencies,
    }
    made.stores.sidecars.put_new("department.json", json.dumps(said, indent=1).encode())
