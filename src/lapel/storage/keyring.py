"""Which master keys are there? The file that everything hangs on.

A JSON file, 0600, read by the key agent alone and in no backup of the data (docs/formats/keys.md). Each owner (an
agency, or `department` for the log's own secrets) has keys numbered by epoch; new blobs use the current one. An epoch
that is destroyed takes everything wrapped under it along, in every backup of the blobs too.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lapel.base.errors import Conflict, Invalid, NotFound, Refused, Unavailable

FORMAT = "lapel keyring v1"
DEPARTMENT = "department"
MANIFEST = "manifest:"  # an agency's key for the manifests of its redacted copies
_OWNER = re.compile(r"[a-z][a-z0-9_]{1,15}")


def create_keyring(path: Path, agencies: Sequence[str]) -> str:
    """Write a new keyring for these agencies, the department and its log.

    Returns what the person who starts the system must read. Raises `Conflict` when the file is already there.
    """
    owners = {owner: _first_epoch() for owner in (DEPARTMENT, *agencies)}
    for owner in owners:
        check_owner(owner)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = {"format": FORMAT, "owners": owners, "signing": {"log": os.urandom(32).hex()}}
    if path.exists():
        raise Conflict(f"There is already a keyring in {path}.", next_step="Use it, or name another file.")
    _write(path, content)
    return (
        f"The keys to all footage are in {path}, and nowhere else.\n"
        "Whoever loses that file loses every recording, for ever: nobody can open them again, we neither.\n"
        "Copy it now to a place of its own (two USB sticks in two safes), not into the backup of the data:\n"
        "a backup that holds both can be read by whoever steals it, and keeps alive what must be destroyed."
    )


def check_owner(owner: str) -> str:
    """The owner's name, when it is one. Raises `Invalid`."""
    if not _OWNER.fullmatch(owner):
        raise Invalid(f"“{owner[:40]}” is not the name of an agency.")
    return owner


class Keyring:
    """The keyring in memory, written back whole and durably at each change. Safe to share between threads.

    Raises `Refused` when others may read the file, `Invalid` when it is not a keyring, `NotFound` when it is absent.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changing = threading.Lock()
        self._content = _load(path)
        try:
            self._ciphers = {
                (owner, int(epoch)): AESGCM(bytes.fromhex(key))
                for owner, epochs in self._content["owners"].items()
                for epoch, key in epochs["epochs"].items()
            }
            self._current = {
                owner: int(epochs["current"]) for owner, epochs in self._content["owners"].items()
            }
            self._signing = {
                name: Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
                for name, seed in self._content["signing"].items()
            }
        except (KeyError, TypeError, ValueError, AttributeError):
            raise Invalid(f"{path} is not a keyring of version 1.", next_step="Restore your copy.") from None

    def current(self, owner: str) -> tuple[int, AESGCM]:
        """The epoch that new blobs of this owner are wrapped under, and its cipher. Raises `NotFound`."""
        epoch = self._current.get(owner)
        if epoch is None:
            raise NotFound(f"The keyring has no keys of {owner[:40]}.")
        return epoch, self._ciphers[owner, epoch]

    def cipher(self, owner: str, epoch: int) -> AESGCM:
        """The cipher of one epoch. Raises `NotFound` when it was destroyed or never there."""
        cipher = self._ciphers.get((owner, epoch))
        if cipher is None:
            raise NotFound(
                f"The key of epoch {epoch} of {owner[:40]} is not in the keyring; it may be destroyed."
            )
        return cipher

    def signer(self, name: str) -> Ed25519PrivateKey:
        """A signing key by name: `log`, or `manifest:<agency>`, made and kept when first asked for. Raises `NotFound`."""
        with self._changing:
            if name in self._signing:
                return self._signing[name]
            owner = name.removeprefix(MANIFEST)
            if not name.startswith(MANIFEST) or owner == DEPARTMENT or owner not in self._content["owners"]:
                raise NotFound(f"The keyring has no signing key “{name[:40]}”.")
            seed = os.urandom(32)
            content = self._content | {"signing": self._content["signing"] | {name: seed.hex()}}
            _write(self._path, content)
            self._content = content
            self._signing[name] = Ed25519PrivateKey.from_private_bytes(seed)
            return self._signing[name]

    def begin_epoch(self, owner: str) -> int:
        """Give an owner, new or known, a fresh key for what is wrapped from now on; returns its epoch."""
        check_owner(owner)
        with self._changing:
            owners = self._content["owners"]
            # One more than any number that was ever current: a destroyed epoch's number is not given again.
            epoch = self._current.get(owner, 0) + 1
            key = os.urandom(32)
            known = owners.get(owner, {"epochs": {}})["epochs"]
            self._replace(owner, {"current": epoch, "epochs": {**known, str(epoch): key.hex()}})
            self._ciphers[owner, epoch] = AESGCM(key)
            self._current[owner] = epoch
            return epoch

    def destroy(self, owner: str, epoch: int) -> None:
        """Destroy an epoch's key. Raises `NotFound`, or `Conflict` when it is the current one."""
        with self._changing:
            self.cipher(owner, epoch)
            if self._current[owner] == epoch:
                raise Conflict(
                    f"Epoch {epoch} of {owner} is in use.",
                    next_step="Begin a new epoch, wrap again what must stay.",
                )
            epochs = self._content["owners"][owner]["epochs"]
            left = {number: key for number, key in epochs.items() if number != str(epoch)}
            self._replace(owner, {"current": self._current[owner], "epochs": left})
            del self._ciphers[owner, epoch]

    def _replace(self, owner: str, epochs: dict[str, Any]) -> None:
        content = self._content | {"owners": self._content["owners"] | {owner: epochs}}
        _write(self._path, content)
        self._content = content


def _first_epoch() -> dict[str, Any]:
    return {"current": 1, "epochs": {"1": os.urandom(32).hex()}}


def _load(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as source:
            mode = os.fstat(source.fileno()).st_mode
            content = json.loads(source.read(16 << 20))
    except FileNotFoundError:
        raise NotFound(f"There is no keyring in {path}.", next_step="`lapel init` makes one.") from None
    except OSError as fault:
        raise Unavailable(f"The keyring {path} cannot be read ({fault.strerror}).") from fault
    except ValueError:
        raise Invalid(f"{path} is not a keyring of version 1.", next_step="Restore your copy.") from None
    if mode & 0o077:
        raise Refused(
            f"Others may read the keyring {path} (mode {mode & 0o777:04o}).", next_step=f"chmod 600 {path}"
        )
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise Invalid(f"{path} is not a keyring of version 1.", next_step="Restore your copy.")
    return content


def _write(path: Path, content: dict[str, Any]) -> None:
    half = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            json.dump(content, out, indent=1, sort_keys=True)
            out.flush()
            os.fsync(out.fileno())
        half.rename(path)
        directory = os.open(path.parent, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)
    except OSError as fault:
        half.unlink(missing_ok=True)
        raise Unavailable(f"The keyring {path} cannot be written ({fault.strerror}).") from fault
