"""What does a camera system read from us? Its connection file, what we can do, and the categories. Bytes, no I/O.

Once a capability is declared it must work for ever, so only what works stands here: content encryption does not yet.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable

from lapel import __version__
from lapel.access.devices import Credentials
from lapel.base.errors import Invalid

CAPABILITIES = {
    "Read": {"ReadCategories": True},
    "Store": {
        "StoreBookmarks": True,
        "StoreRejectedContent": True,
        "StoreUserIDKey": True,
        "StoreSignedVideo": True,
        "StoreGNSSTrackRecording": True,
    },
    "StoreAndRead": {"StoreReadSystemID": True},
}
_MAX_URI = 512
_MAX_CERTIFICATE = 16 * 1024


def capabilities() -> bytes:
    """`System/Capabilities.json`."""
    return json.dumps(CAPABILITIES).encode()


def categories(names: Iterable[tuple[str, str]]) -> bytes:
    """`System/Categories.json` from names and ids."""
    return json.dumps([{"Name": name, "Id": category} for name, category in names]).encode()


def connection_file(
    credentials: Credentials, site_name: str, addresses: Iterable[str], certificate: bytes | None
) -> bytes:
    """The file an administrator imports into the camera system: where we are, and what it signs in with.

    `addresses`: up to ten base addresses of the intake (`https://host:port`); `certificate`: PEM, by which the system
    knows us; without it it speaks plain HTTP. Raises `Invalid` for an address that is none.
    """
    uris = [f"{address.rstrip('/')}/auth/v1.0" for address in addresses]
    if not 0 < len(uris) <= 10 or any(
        not uri.startswith(("http://", "https://")) or len(uri) > _MAX_URI for uri in uris
    ):
        raise Invalid(
            "A connection file needs one to ten addresses such as https://lapel.example:8461.",
            next_step="Give the address that the camera system reaches.",
        )
    content: dict[str, object] = {
        "ConnectionFileVersion": "1.0",
        "SiteName": site_name,
        "ApplicationName": "Lapel",
        "ApplicationVersion": __version__,
        "ContentDestinationAsNTPServer": False,
        "AuthenticationTokenURI": uris,
        "BlobAPIKey": credentials.key,
        "BlobAPIUserName": credentials.username,
        "ContainerType": "mp4",
        "FullStoreAndReadSupport": False,
        "WantEncryption": False,
    }
    if certificate is not None:
        encoded = base64.b64encode(certificate).decode()
        if len(encoded) > _MAX_CERTIFICATE:
            raise Invalid("The certificate is too large for a connection file.")
        content["HTTPSCertificate"] = [encoded]
    return json.dumps(content, indent=2).encode() + b"\n"
