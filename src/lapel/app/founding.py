"""How does a department begin? Its keys, its database, its agencies, an empty custody log, and the trust file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from lapel.app.department import Agency, Department, department, make_secrets, running_database
from lapel.app.running import key_agent
from lapel.app.settings import Settings
from lapel.base.errors import Invalid
from lapel.base.ids import new_id
from lapel.custody import checkpoint, sequencer
from lapel.custody.checkpoint import valid_origin
from lapel.footage.model import FIRST_CATEGORIES
from lapel.storage import migrate, roles
from lapel.storage.keyring import create_keyring
from lapel.storage.postgres import Scope, connect

Told = Callable[[str], None]


def found(
    settings: Settings, name: str, origin: str, agencies: Sequence[Agency], told: Told = print
) -> Department:
    """Make a department in an empty data folder; `told` hears each step and every warning.

    Raises `Conflict` when there is one already, `Invalid` for an origin or an agency that cannot be. When a step fails,
    what the earlier ones made is removed, so that trying again begins anew.
    """
    if not valid_origin(origin):
        raise Invalid(
            f"“{origin}” cannot name a custody log.",
            next_step="Write it like example.gov/lapel: a host and a path.",
        )
    if len({agency.id for agency in agencies}) != len(agencies) or not agencies:
        raise Invalid("A department has at least one agency, and no two of one name.")
    secrets = make_secrets(settings)
    try:
        with ExitStack() as stack:
            told(create_keyring(settings.keyring, [agency.id for agency in agencies]))
            admin_url = stack.enter_context(running_database(settings))
            urls = roles.bootstrap(admin_url, settings.database_name, secrets)
            migrate.upgrade(urls["owner"])
            with connect(urls["owner"]) as conn, conn.transaction():
                conn.execute("INSERT INTO department (name, origin) VALUES (%s, %s)", (name, origin))
                for agency in agencies:
                    conn.execute(
                        "INSERT INTO agency (id, name, zone) VALUES (%s, %s, %s)",
                        (agency.id, agency.name, agency.zone),
                    )
            stack.enter_context(key_agent(settings))
            made = department(settings, admin_url)
            _first_categories(made)
            _first_checkpoint(made)
            told(
                f"{name} has {len(agencies)} agencies; its custody log is {origin}, and {settings.trust} says whom to trust."
            )
            return made
    except BaseException:
        settings.secrets.unlink(missing_ok=True)
        shutil.rmtree(settings.keyring.parent, ignore_errors=True)
        raise


def _first_categories(made: Department) -> None:
    archive = made.archive("staff")
    with archive.db.tx(Scope("system:init", made.agency_ids)) as conn:
        for agency in made.agencies:
            for name in FIRST_CATEGORIES:
                conn.execute(
                    "INSERT INTO category (id, agency, name) VALUES (%s, %s, %s)", (new_id(), agency.id, name)
                )


def _first_checkpoint(made: Department) -> None:
    archive = made.archive("sequencer")
    sequencer.Sequencer(made.urls["sequencer"], archive.keys, archive.stores, made.origin).publish()
    key = checkpoint.verifier_key(made.origin, archive.keys.public_key("log"))
    trust = {
        "v": 1,
        "origin": made.origin,
        "log_keys": [{"key": key, "from_size": 0}],
        "witnesses": [],
        "quorum": 0,
    }
    made.settings.trust.write_text(json.dumps(trust, indent=2) + "\n")
