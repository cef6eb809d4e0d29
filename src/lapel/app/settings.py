"""What can an operator set? Every setting is an environment variable `LAPEL_…` and stands in docs/operate.md (a test compares)."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from lapel.base.errors import Refused

_SOCKET_PATH_LIMIT = 80  # a unix socket's whole path may have 107 bytes; the longest name of ours has 20


class Settings(BaseSettings):
    """The settings of one department's installation."""

    model_config = SettingsConfigDict(env_prefix="LAPEL_", extra="ignore")

    data: Path = Field(
        default=Path.home() / ".local/share/lapel",
        description="The folder that holds the embedded database, the objects, the keyring and the secrets.",
    )
    database_url: str = Field(
        default="",
        description="A PostgreSQL server (15 to 18) to use instead of the embedded one: the address of a role that may create roles and databases.",
    )
    database_name: str = Field(default="lapel", description="The name of the database on that server.")
    staff_bind: str = Field(default="127.0.0.1:8460", description="Address and port of the staff app.")
    staff_url: str = Field(
        default="",
        description="The address people open the staff pages at: https://lapel.example.gov. Passkeys are bound to its name.",
    )
    intake_bind: str = Field(
        default="127.0.0.1:8461", description="Address and port that camera systems deliver to."
    )
    intake_url: str = Field(
        default="",
        description="The address camera systems are told to deliver to, when it differs from LAPEL_INTAKE_BIND.",
    )
    tls_cert: Path | None = Field(
        default=None, description="Certificate chain (PEM) for both doors; without it they speak plain HTTP."
    )
    tls_key: Path | None = Field(default=None, description="Private key (PEM) of that certificate.")
    proxy_socket: Path | None = Field(
        default=None,
        description="A unix socket for the named reverse proxy; only there a client certificate (PIV, CAC) is believed.",
    )
    banner: str = Field(default="", description="A notice that everybody acknowledges before signing in.")
    passwords: bool = Field(
        default=True,
        description="Whether a name and a password open a session; no once everybody has better.",
    )
    oidc_issuer: str = Field(
        default="", description="The identity provider's issuer, exactly as its metadata says it."
    )
    oidc_client_id: str = Field(default="", description="What the identity provider calls this installation.")
    oidc_client_secret_file: Path | None = Field(
        default=None, description="The file that holds the secret shared with the identity provider."
    )
    requests_a_minute: int = Field(
        default=1200, ge=0, description="Requests a minute that one account may send; 0 for no limit."
    )
    changes_a_minute: int = Field(
        default=120,
        ge=0,
        description="Requests a minute by which one account may change something; 0 for no limit.",
    )
    requests_a_minute_of_address: int = Field(
        default=6000, ge=0, description="Requests a minute from one address, whoever asks; 0 for no limit."
    )
    requests_a_minute_of_stranger: int = Field(
        default=120,
        ge=0,
        description="Requests a minute from one address by people who are not signed in; 0 for no limit.",
    )
    publish_every_s: float = Field(
        default=60,
        ge=0.2,
        le=3600,
        description="Seconds between two published checkpoints of the custody log.",
    )
    undelivered_after_h: float = Field(
        default=4,
        gt=0,
        description="Hours after which a recording that was announced and not delivered is on the work list.",
    )
    docked_within_h: float = Field(
        default=24,
        gt=0,
        description="Hours after it was in use within which a camera has to be docked; later it is on the list of missing footage.",
    )
    review_within_days: float = Field(
        default=30,
        gt=0,
        description="Days after it was drawn within which a recording has to be reviewed; later the review is overdue.",
    )
    alarm_command: str = Field(
        default="",
        description="A command that is run with the text of an alarm on its standard input when the custody log does not work.",
    )
    alarm_after_min: float = Field(
        default=10,
        ge=1,
        le=50,
        description="Minutes that entries may wait for their place, or for being published, before that is an alarm.",
    )
    purpose_holds_min: float = Field(
        default=60,
        gt=0,
        le=720,
        description="Minutes for which it holds what somebody said they look at a recording for, in the same session.",
    )
    glass_holds_min: float = Field(
        default=60,
        gt=0,
        le=720,
        description="Minutes after which a broken glass ends by itself.",
    )
    npm: Path = Field(
        default=Path(__file__).parents[3] / "node_modules",
        description="The folder of the front-end packages (scripts/setup makes it).",
    )
    log_level: str = Field(
        default="info",
        description="How much the processes write to standard error: debug, info, warning, error.",
    )

    @field_validator("staff_url")
    @classmethod
    def _an_origin(cls, said: str) -> str:
        parts = urlsplit(said)
        if said and (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or parts.path.strip("/")
            or parts.query
        ):
            raise ValueError("an address without a path, like https://lapel.example.gov")
        return f"{parts.scheme}://{parts.netloc}".lower() if said else ""

    @property
    def secure(self) -> bool:
        """Do people reach the staff pages by https, ours or the proxy's?"""
        return self.tls_cert is not None or self.staff_url.startswith("https://")

    @property
    def objects(self) -> Path:
        return self.data / "objects"

    @property
    def keyring(self) -> Path:
        return self.data / "keyring" / "keyring.json"

    @property
    def secrets(self) -> Path:
        return self.data / "secrets.json"

    @property
    def trust(self) -> Path:
        return self.data / "trust.json"

    @property
    def sockets(self) -> Path:
        """Where the key agent's sockets lie: in the data folder, or in a short private one when that path is too long."""
        wanted = self.data.absolute() / "sockets"
        if len(str(wanted)) <= _SOCKET_PATH_LIMIT:
            return wanted
        name = hashlib.sha256(str(wanted).encode()).hexdigest()[:16]
        return _own(Path(tempfile.gettempdir()) / f"lapel-{os.getuid()}-{name}")


def _own(folder: Path) -> Path:
    """The folder, made when it is absent. Raises `Refused` when another user could put a false key agent into it."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o711)
    there = folder.lstat()
    if there.st_uid != os.getuid() or not stat.S_ISDIR(there.st_mode) or there.st_mode & 0o022:
        raise Refused(
            f"{folder} is not a folder that only its owner, you, can write to: somebody else may have made it.",
            rules=("app/sockets",),
            next_step="Remove it, or set LAPEL_DATA to a folder with a shorter path.",
        )
    return folder
