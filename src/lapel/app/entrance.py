"""Which ways in has the operator set, and how often may somebody ask there?"""

from __future__ import annotations

from lapel.access.doors import Doors
from lapel.access.limits import Limits
from lapel.access.oidc import Provider
from lapel.app.settings import Settings
from lapel.base.errors import Invalid, NotFound


def doors(settings: Settings, *, proxied: bool = False) -> Doors:
    """The ways in of one installation. `proxied`: at the door of the named proxy.

    Raises `NotFound` for a secret's file that cannot be read, `Invalid` for a provider that is set by half.
    """
    return Doors(
        url=settings.staff_url,
        banner=settings.banner.strip(),
        passwords=settings.passwords,
        provider=_provider(settings),
        proxied=proxied,
    )


def limits(settings: Settings) -> Limits:
    """How often somebody may ask at one door."""
    return Limits(
        account=settings.requests_a_minute,
        changes=settings.changes_a_minute,
        address=settings.requests_a_minute_of_address,
        stranger=settings.requests_a_minute_of_stranger,
    )


def _provider(settings: Settings) -> Provider | None:
    if not settings.oidc_issuer:
        return None
    if not settings.oidc_client_id:
        raise Invalid(
            "An identity provider is set, and not what it calls us.", next_step="Set LAPEL_OIDC_CLIENT_ID."
        )
    secret = None
    if settings.oidc_client_secret_file is not None:
        try:
            secret = settings.oidc_client_secret_file.read_text().strip()
        except (OSError, UnicodeError):
            raise NotFound(
                f"{settings.oidc_client_secret_file} cannot be read.",
                next_step="LAPEL_OIDC_CLIENT_SECRET_FILE names a file with the secret and nothing else.",
            ) from None
    return Provider(settings.oidc_issuer, settings.oidc_client_id, secret)
