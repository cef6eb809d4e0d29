"""What may each caller ask of the key agent, and what is the answer? No sockets here, only the rule and the keys."""

from __future__ import annotations

import os
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lapel.base.errors import EvidenceFault, Invalid, Refused
from lapel.storage import keyblob
from lapel.storage.keyblob import Kind
from lapel.storage.keyring import DEPARTMENT, MANIFEST, Keyring, check_owner

# A public key is no secret, so everybody may ask for one.
MAY = {
    "intake": {"new_recording_key", "wrap", "public_key"},
    "staff": {"new_recording_key", "wrap", "unwrap", "public_key"},
    "worker": {"wrap", "unwrap", "sign", "public_key"},
    "sequencer": {"wrap", "sign", "public_key"},
    "admin": {"new_recording_key", "wrap", "unwrap", "public_key", "begin_epoch", "destroy"},
}
# The log's own secrets are the sequencer's to write and the administrator's to read; agencies' are not the sequencer's.
OF_DEPARTMENT = ("sequencer", "admin")
NOT_OF_AGENCIES = ("sequencer",)
# Who signs what: the log's checkpoints are the sequencer's alone, an agency's manifests the worker's alone.
SIGNS = {"sequencer": "log", "worker": MANIFEST}


def answer(keyring: Keyring, caller: str, fields: list[bytes]) -> bytes:
    """Do what the fields ask, when the caller may. Raises `Refused`, `Invalid`, `NotFound`, `EvidenceFault`, `Conflict`."""
    try:
        operation, *arguments = (fields[0].decode("ascii"), *fields[1:])
    except (IndexError, UnicodeDecodeError):
        raise Invalid("A request to the key agent begins with its operation.") from None
    act = _ACTS.get(str(operation))
    if act is None:
        raise Invalid("The key agent knows no such operation.")
    if operation not in MAY[caller]:
        raise Refused(f"The key agent does not let {caller} {operation}.", rules=(f"keyagent.{caller}",))
    parameters, do = act
    if len(arguments) != parameters:
        raise Invalid(f"`{operation}` takes {parameters} fields.")
    return do(keyring, caller, *arguments)


def _new_recording_key(keyring: Keyring, caller: str, agency: bytes) -> bytes:
    owner = _owner(caller, agency)
    epoch, cipher = keyring.current(owner)
    return keyblob.seal(cipher, Kind.RECORDING, owner, epoch, keyblob.RECORDING_PURPOSE, os.urandom(32))


def _wrap(keyring: Keyring, caller: str, agency: bytes, purpose: bytes, plain: bytes, under: bytes) -> bytes:
    owner = _owner(caller, agency)
    if not under:
        epoch, cipher = keyring.current(owner)
        return keyblob.seal(cipher, Kind.SECRET, owner, epoch, _text(purpose), plain)
    recording, epoch = _recording_cipher(keyring, owner, under)
    return keyblob.seal(recording, Kind.SECRET_OF_RECORDING, owner, epoch, _text(purpose), plain, under=under)


def _unwrap(
    keyring: Keyring, caller: str, agency: bytes, purpose: bytes, sealed: bytes, under: bytes
) -> bytes:
    owner = _owner(caller, agency)
    blob = keyblob.read(sealed)
    wanted = Kind.SECRET_OF_RECORDING if under else Kind.SECRET
    if blob.owner != owner or blob.kind is not wanted:
        raise EvidenceFault(
            f"A wrapped key was taken for one of {owner}, and is another's or of another kind."
        )
    if not under:
        return keyblob.unseal(keyring.cipher(owner, blob.epoch), blob, _text(purpose))
    if blob.under != keyblob.named(under):
        raise EvidenceFault(f"A wrapped key of {owner} hangs under another recording than this one.")
    return keyblob.unseal(_recording_cipher(keyring, owner, under)[0], blob, _text(purpose))


def _sign(keyring: Keyring, caller: str, name: bytes, message: bytes) -> bytes:
    wanted, own = _text(name), SIGNS[caller]
    if not (wanted.startswith(own) if own.endswith(":") else wanted == own):
        raise Refused(f"The key “{wanted[:40]}” is not for {caller}.", rules=(f"keyagent.{caller}",))
    return keyring.signer(wanted).sign(message)


def _public_key(keyring: Keyring, _caller: str, name: bytes) -> bytes:
    key: Ed25519PrivateKey = keyring.signer(_text(name))
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _begin_epoch(keyring: Keyring, _caller: str, agency: bytes) -> bytes:
    return str(keyring.begin_epoch(_text(agency))).encode()


def _destroy(keyring: Keyring, _caller: str, agency: bytes, epoch: bytes) -> bytes:
    number = _text(epoch)
    if not number.isdecimal() or len(number) > 9:
        raise Invalid("An epoch is a number.")
    keyring.destroy(_text(agency), int(number))
    return b""


_ACTS: dict[str, tuple[int, Callable[..., bytes]]] = {
    "new_recording_key": (1, _new_recording_key),
    "wrap": (4, _wrap),
    "unwrap": (4, _unwrap),
    "sign": (2, _sign),
    "public_key": (1, _public_key),
    "begin_epoch": (1, _begin_epoch),
    "destroy": (2, _destroy),
}


def _recording_cipher(keyring: Keyring, owner: str, wrapped: bytes) -> tuple[AESGCM, int]:
    blob = keyblob.read(wrapped)
    if blob.owner != owner or blob.kind is not Kind.RECORDING:
        raise EvidenceFault(
            f"What was given as a recording's key of {owner} is another's or of another kind."
        )
    key = keyblob.unseal(keyring.cipher(owner, blob.epoch), blob, keyblob.RECORDING_PURPOSE)
    return AESGCM(key), blob.epoch


def _owner(caller: str, agency: bytes) -> str:
    owner = check_owner(_text(agency))
    outside = caller not in OF_DEPARTMENT if owner == DEPARTMENT else caller in NOT_OF_AGENCIES
    if outside:
        raise Refused(f"The keys of {owner} are not for {caller}.", rules=(f"keyagent.{caller}",))
    return owner


def _text(field: bytes) -> str:
    try:
        return field.decode()
    except UnicodeDecodeError:
        raise Invalid("A field of a request to the key agent is not text.") from None
