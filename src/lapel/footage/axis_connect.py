"""How is a camera system connected? It gets credentials of its own, in a file that its administrator imports."""

from __future__ import annotations

from collections.abc import Sequence

from lapel.access import devices
from lapel.base.digest import Value
from lapel.base.errors import Invalid
from lapel.custody import log
from lapel.custody.sidecar import Under, Write, perform
from lapel.footage.axis_json import connection_file
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope


def connect(
    archive: Archive,
    scope: Scope,
    agency: str,
    name: str,
    addresses: Sequence[str],
    certificate: bytes | None = None,
) -> bytes:
    """The connection file of the agency's site `name`; a site that is there gets a fresh key, and the one before ends.

    The key stands in the file and nowhere else. Raises `Invalid` for an address or a name that is none.
    """
    if agency not in scope.agencies:
        raise Invalid(f"There is no agency {agency[:40]}.", next_step="lapel init lists them.")
    with archive.db.tx(scope) as conn:
        there = devices.site_named(conn, agency, name)
        if there is None:
            made, row = devices.new_site(agency, name, scope.actor)
        else:
            made, row = devices.renewed(there["id"], there["username"])
        content = connection_file(made, name.strip(), addresses, certificate)
        detail: dict[str, Value] = {"name": name.strip(), "username": made.username}
        entry = log.prepare(
            conn,
            actor=scope.actor,
            agency=agency,
            act="key_renewed" if there else "connected",
            subject=f"site:{made.site}",
            detail=detail,
        )
        writes = [Write("site", row, change=there is not None)]
        perform(conn, archive, entry, writes, agency=agency, under=Under())
    return content
