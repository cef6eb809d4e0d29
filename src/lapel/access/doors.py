"""Which ways in does this installation offer, under which name, and what must be read before? Values only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lapel.base.errors import Refused

if TYPE_CHECKING:
    from lapel.access.oidc import Provider


@dataclass(frozen=True, slots=True)
class Doors:
    """What an installation is set to.

    `url`: the address people open, without a path; empty when nobody said. `banner`: the text to acknowledge before
    signing in, or empty. `passwords`: a name and a password open a session. `provider`: the OpenID provider, if any.
    `proxied`: this is the door behind the named proxy, the only one where a client certificate may be handed over.
    """

    url: str = ""
    banner: str = ""
    passwords: bool = True
    provider: Provider | None = None
    proxied: bool = False

    def origin(self, host: str | None, scheme: str = "http") -> str | None:
        """The origin that passkeys are bound to. None: this address has no name that a passkey could be bound to.

        What a request says of its host is believed only for `localhost`, which no other machine can be.
        """
        if self.url:
            return self.url
        if host is not None and urlsplit(f"//{host}").hostname == "localhost":
            return f"{scheme}://{host}"
        return None

    @property
    def banner_digest(self) -> str:
        """What a sign-in brings back to say that this very text was acknowledged; empty without a banner."""
        return hashlib.sha256(self.banner.encode()).hexdigest() if self.banner else ""

    def check_banner(self, sent: str) -> str:
        """The digest of the banner, when it was acknowledged. Raises `Refused`."""
        if sent != self.banner_digest and self.banner:
            raise Refused(
                "The notice has to be acknowledged first.",
                rules=("access/banner",),
                next_step="Read it, tick that you have, and sign in again.",
            )
        return self.banner_digest


def relying_party(origin: str) -> str:
    """The host name of an origin, which is what a passkey is good for."""
    return urlsplit(origin).hostname or ""
