"""Is this the passkey that was registered here, used by its holder, now, for this site? (WebAuthn Level 3)

A challenge is random, good for five minutes, for one browser, once. The holder's device must have verified its holder
(fingerprint, face, PIN). Which account it is, the passkey itself says: nobody types a name that could be guessed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import psycopg

from lapel.access import opening, sessions, store, store_ways
from lapel.access.actor import Actor
from lapel.access.doors import relying_party
from lapel.access.opening import Caller, Opened
from lapel.base import clock
from lapel.base.errors import Conflict, Invalid, NotFound
from lapel.base.ids import new_id
from lapel.custody import log
from lapel.storage.postgres import Database

CHALLENGE_LENGTH = timedelta(minutes=5)
MAX_ANSWER = 20_000
MAX_PASSKEYS = 20
MAX_NAME = 80


def to_sign_in(db: Database, origin: str, browser: str) -> dict[str, Any]:
    """What a browser passes to `navigator.credentials.get`, as JSON. `browser`: the secret of its cookie."""
    from webauthn import generate_authentication_options
    from webauthn.helpers.structs import UserVerificationRequirement

    options = generate_authentication_options(
        rp_id=relying_party(origin),
        challenge=_asked(db, "passkey", browser),
        timeout=_milliseconds(),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return _as_json(options)


def sign_in(db: Database, origin: str, browser: str, answer: str, caller: Caller) -> Opened:
    """Open a session for what the browser answered. Raises `Refused` (401), `Unavailable` (429)."""
    from webauthn import verify_authentication_response
    from webauthn.helpers.exceptions import WebAuthnException

    opening.need_patience(db, caller.source)
    said = _read(answer)
    challenge = _taken(db, "passkey", browser, said)
    with db.tx(store.NOBODY) as conn:
        passkey = store_ways.passkey_of(conn, _bytes(said.get("rawId")))
    if challenge is None or passkey is None or passkey.rp != relying_party(origin):
        raise opening.failed(db, caller, opening.refusal("This passkey opens no account here."))
    agency = opening.begin(db, passkey.account, caller)
    try:
        shown = verify_authentication_response(
            credential=said,
            expected_challenge=challenge,
            expected_rp_id=passkey.rp,
            expected_origin=origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError) as fault:
        copied = "sign count" in str(fault)
        says = "This passkey was used before in a way that its own counter does not know: it may have been copied."
        error = opening.refusal(
            says if copied else "This passkey did not show what it should.", rule="access/passkey"
        )
        raise opening.failed(db, caller, error, account=passkey.account, agency=agency) from None
    with db.tx(store.NOBODY) as conn:
        grew = store_ways.use_passkey(conn, passkey.id, shown.new_sign_count, clock.now())
    if not grew:
        error = opening.refusal(
            "This passkey was used twice at once, or has been removed.", rule="access/passkey"
        )
        raise opening.failed(db, caller, error, account=passkey.account, agency=agency)
    return opening.opened(db, passkey.account, agency, "passkey", caller, {"passkey": passkey.id})


def to_register(db: Database, origin: str, browser: str, actor: Actor) -> dict[str, Any]:
    """What a browser passes to `navigator.credentials.create`, as JSON. Raises `Invalid` when there are enough."""
    from webauthn import generate_registration_options
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        PublicKeyCredentialDescriptor,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    with db.tx(actor.home()) as conn:
        there = store_ways.passkeys(conn, actor.account)
    if len(there) >= MAX_PASSKEYS:
        raise Invalid(f"An account has at most {MAX_PASSKEYS} passkeys.", next_step="Remove one first.")
    options = generate_registration_options(
        rp_id=relying_party(origin),
        rp_name="Lapel",
        user_id=bytes.fromhex(actor.account),
        user_name=actor.name,
        challenge=_asked(db, "new-passkey", browser),
        timeout=_milliseconds(),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=bytes(row["credential"])) for row in there],
    )
    return _as_json(options)


def register(db: Database, origin: str, browser: str, actor: Actor, name: str, answer: str) -> str:
    """Keep the passkey that the browser made. Returns its id. Raises `Invalid`, `Conflict` for one that is there."""
    from webauthn import verify_registration_response
    from webauthn.helpers.exceptions import WebAuthnException

    called = " ".join(name.split())
    if not called or len(called) > MAX_NAME or not called.isprintable():
        raise Invalid(f"A passkey's name has 1 to {MAX_NAME} visible characters.")
    said = _read(answer)
    challenge = _taken(db, "new-passkey", browser, said)
    if challenge is None:
        raise Invalid("This took too long, or was answered twice.", next_step="Begin again.")
    try:
        made = verify_registration_response(
            credential=said,
            expected_challenge=challenge,
            expected_rp_id=relying_party(origin),
            expected_origin=origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError):
        raise Invalid("The device did not make a passkey for this site.", next_step="Begin again.") from None
    row: dict[str, Any] = {
        "id": new_id(),
        "agency": actor.agency,
        "account": actor.account,
        "rp": relying_party(origin),
        "credential": made.credential_id,
        "public_key": made.credential_public_key,
        "sign_count": made.sign_count,
        "synced": made.credential_backed_up,
        "name": called,
        "made_at": clock.now(),
    }
    with db.tx(actor.home()) as conn:
        try:
            store_ways.add_passkey(conn, row)
        except psycopg.errors.UniqueViolation:
            raise Conflict("This passkey is here already.") from None
        log.record(
            conn,
            actor=actor.id,
            agency=actor.agency,
            act="passkey_added",
            subject=actor.id,
            detail={"passkey": row["id"], "synced": row["synced"]},
        )
    return str(row["id"])


def remove(db: Database, actor: Actor, passkey: str) -> str:
    """Remove one of the actor's own passkeys; returns its name. Raises `NotFound`."""
    with db.tx(actor.home()) as conn:
        name = store_ways.remove_passkey(conn, actor.account, passkey, clock.now())
        if name is None:
            raise NotFound("You have no such passkey.", next_step="Look at your account page.")
        log.record(
            conn,
            actor=actor.id,
            agency=actor.agency,
            act="passkey_removed",
            subject=actor.id,
            detail={"passkey": passkey},
        )
    return name


def _asked(db: Database, kind: str, browser: str) -> bytes:
    """A fresh challenge, remembered for this browser."""
    challenge, at = sessions.new_token().encode(), clock.now()
    with db.tx(store.NOBODY) as conn:
        store_ways.keep_challenge(
            conn,
            sessions.token_hash(challenge.decode()),
            kind,
            sessions.token_hash(browser),
            at,
            at + CHALLENGE_LENGTH,
        )
    return challenge


def _taken(db: Database, kind: str, browser: str, said: Mapping[str, Any]) -> bytes | None:
    """The challenge that this answers, used up now; None when this browser was not asked it, or not just now."""
    challenge = b""
    with suppress(ValueError, TypeError, AttributeError, KeyError):
        client = json.loads(_bytes(said["response"]["clientDataJSON"]))
        challenge = _bytes(client["challenge"])
    with db.tx(store.NOBODY) as conn:
        kept = store_ways.take_challenge(
            conn,
            sessions.token_hash(challenge.decode("latin-1")),
            kind,
            sessions.token_hash(browser),
            clock.now(),
        )
    return None if kept is None else challenge


def _read(answer: str) -> dict[str, Any]:
    """The browser's answer as a mapping of the form that WebAuthn gives it. Raises `Invalid`."""
    said: Any = None
    if len(answer) <= MAX_ANSWER:
        with suppress(ValueError, RecursionError):
            said = json.loads(answer)
    if not isinstance(said, dict) or not isinstance(said.get("response"), dict):
        raise Invalid("This is not a browser's answer to a request for a passkey.")
    return said


def _bytes(text: Any) -> bytes:
    """Bytes from base64url; nothing from anything else."""
    from webauthn import base64url_to_bytes

    with suppress(ValueError, TypeError, AttributeError):
        return base64url_to_bytes(text)
    return b""


def _as_json(options: Any) -> dict[str, Any]:
    from webauthn import options_to_json

    return dict(json.loads(options_to_json(options)))


def _milliseconds() -> int:
    return int(CHALLENGE_LENGTH.total_seconds() * 1000)
