"""With whose key is a manifest signed? With the agency's, which the key agent keeps and the custody log knows first."""

from __future__ import annotations

from lapel.base import clock
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.custody.sidecar import Under, Write, perform
from lapel.redaction import store_copies
from lapel.redaction.releasing import Signer
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope

LOGGED = "manifest_key_logged"
ACTOR = "system:worker"


def signer_of(archive: Archive, agency: str) -> tuple[str, Signer]:
    """The id of the agency's manifest key and the act of signing with it; `archive` is the worker's.

    The log has an entry of the public half, by itself, before anything is signed.
    """
    name = f"manifest:{agency}"
    key = archive.keys.public_key(name)
    with archive.db.tx(Scope(ACTOR, (agency,))) as conn:
        there = store_copies.manifest_key(conn, agency, key.hex())
        if there is None:
            entry = log.prepare(
                conn,
                actor=ACTOR,
                agency=agency,
                act=LOGGED,
                subject=f"agency:{agency}",
                detail={"manifest_key": key.hex()},
            )
            there = new_id()
            row = {"id": there, "agency": agency, "key": key.hex(), "entry": entry.id, "made_at": clock.now()}
            perform(conn, archive, entry, [Write("manifest_key", row)], agency=agency, under=Under())
    return there, Signer(key, agency, lambda message: archive.keys.sign(name, message))
