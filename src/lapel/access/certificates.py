"""Which card is this, and by what of it may an account be known? Client certificates (PIV, CAC) that a named proxy hands over.

The proxy has checked the chain, the signature of the handshake and the revocation list; without that, what stands here is
worth nothing. So it is read only at the door that only the proxy can reach, a unix socket. An administrator says by what a
card opens an account: its serial number (this card), its subject, or a name in it that outlives the card.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from lapel.access.identities import Kind
from lapel.base.errors import Invalid, Refused

if TYPE_CHECKING:
    from cryptography import x509

# What the proxy says. On any other door a request with one of these is refused, and entered.
VERIFY_HEADER: Final = "x-client-verify"
CERTIFICATE_HEADER: Final = "x-client-cert"
SOURCE_HEADER: Final = "x-real-ip"
PROXY_ONLY: Final = (VERIFY_HEADER, CERTIFICATE_HEADER)

MAX_BYTES = 16 * 1024
_UPN = "1.3.6.1.4.1.311.20.2.3"  # user principal name
_FASC_N = "2.16.840.1.101.3.6.6"  # FIPS 201: the card's number in physical access control
_CLIENT = ("1.3.6.1.5.5.7.3.2", "1.3.6.1.4.1.311.20.2.2", "2.5.29.37.0")  # client, smart card logon, any


@dataclass(frozen=True, slots=True)
class Card:
    """A client certificate's facts. `issuer` and `subject`: RFC 4514; `serial`: hexadecimal; `names`: `upn:…`, `uri:…`, …."""

    issuer: str
    subject: str
    serial: str
    names: tuple[str, ...]
    begins_at: datetime
    ends_at: datetime

    def identities(self) -> list[tuple[Kind, str, str]]:
        """Everything an account could be known by: (kind, issuer, subject)."""
        found: list[tuple[Kind, str, str]] = [("certificate-serial", self.issuer, self.serial)]
        if self.subject:
            found.append(("certificate-subject", self.issuer, self.subject))
        found += [("certificate-name", self.issuer, name) for name in self.names]
        return found


def handed_over(verify: str | None, certificate: str | None, at: datetime) -> Card:
    """The card that the proxy hands over in its two headers. Raises `Refused` (401) when it verified none."""
    if verify != "SUCCESS" or not certificate:
        raise Refused(
            "No card was shown, or the proxy does not trust it.",
            rules=("access/client-certificate",),
            status=401,
            next_step="Insert your card, close the browser's window and try again.",
        )
    card = read(unquote(certificate))
    if not card.begins_at <= at < card.ends_at:
        raise Refused(
            "This card is over, or does not count yet.",
            rules=("access/client-certificate",),
            status=401,
            next_step="Ask for a new one.",
        )
    return card


def read(pem: str) -> Card:
    """A card's facts from its certificate (PEM). Raises `Invalid` for anything else, and for one that is for no client."""
    from cryptography import x509

    try:
        if len(pem) > MAX_BYTES:
            raise ValueError
        found = x509.load_pem_x509_certificate(pem.encode())
        issuer, subject = found.issuer.rfc4514_string(), found.subject.rfc4514_string()
        names = tuple(_names(found))
        for_clients = _for_clients(found)
    except (ValueError, UnicodeError, x509.UnsupportedGeneralNameType, x509.DuplicateExtension):
        raise Invalid("This is not a certificate that can be read (PEM).") from None
    if not for_clients:
        raise Invalid("This certificate is not one that signs a person in.")
    return Card(
        issuer,
        subject,
        f"{found.serial_number:x}",
        names,
        found.not_valid_before_utc,
        found.not_valid_after_utc,
    )


def _names(found: x509.Certificate) -> list[str]:
    from cryptography import x509

    try:
        alternatives = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    names = [f"email:{name}" for name in alternatives.get_values_for_type(x509.RFC822Name)]
    names += [f"uri:{name}" for name in alternatives.get_values_for_type(x509.UniformResourceIdentifier)]
    for other in alternatives.get_values_for_type(x509.OtherName):
        with suppress(ValueError, IndexError):
            if other.type_id.dotted_string == _UPN:
                names.append(f"upn:{_content(other.value, 0x0C).decode()}")
            elif other.type_id.dotted_string == _FASC_N:
                names.append(f"fasc-n:{_content(other.value, 0x04).hex()}")
    return [name for name in names if name.isprintable() and len(name) <= 500]


def _content(der: bytes, tag: int) -> bytes:
    """What stands in a DER value of this tag, with the length in one byte or in a byte after 0x81. Raises `ValueError`."""
    start = 3 if der[1] == 0x81 else 2
    if der[0] != tag or der[start - 1] != len(der) - start:
        raise ValueError
    return der[start:]


def _for_clients(found: x509.Certificate) -> bool:
    from cryptography import x509

    try:
        uses = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return any(use.dotted_string in _CLIENT for use in uses)
