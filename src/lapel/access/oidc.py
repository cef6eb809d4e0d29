"""Who does the department's identity provider say this is? (OpenID Connect Core 1.0: code flow with PKCE, RFC 9207, RFC 9700)

The answer is believed when it comes from the provider that was asked (issuer, also in the redirect), for us (audience), to
this question (state, nonce, verifier), now (expiry), and is signed with one of its keys, by no algorithm but these.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from lapel.access.sessions import new_token
from lapel.base import clock
from lapel.base.errors import Invalid, Refused, Unavailable

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
)
KEPT_FOR = timedelta(hours=1)
AGAIN_AFTER = timedelta(seconds=30)  # an unknown key is looked for at most this often
LEEWAY_S = 60
FRESH_S = 60  # of a session that was locked: how long ago its holder may have signed in at the provider
_TIMEOUT_S = 10
_WANTED = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True)
class Question:
    """One question to the provider: where the browser goes, and what to keep until it is back."""

    address: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(slots=True)
class Provider:
    """An OpenID provider that this installation trusts. Safe to share between threads.

    `issuer`: exactly as its metadata says it; https, or an address of this machine. `secret` None: a public client.
    """

    issuer: str
    client_id: str
    secret: str | None = field(default=None, repr=False)
    _metadata: dict[str, Any] = field(default_factory=dict, repr=False)
    _keys: KeySet | None = field(default=None, repr=False)
    _metadata_at: datetime | None = None
    _keys_at: datetime | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        _check_address(self.issuer)

    def ask(self, back: str, *, again: bool = False) -> Question:
        """A question for one browser. `back`: where it comes back to; `again`: its holder must show themselves anew.

        Raises `Unavailable` when the provider cannot be read.
        """
        nonce, state, verifier = new_token(), new_token(), new_token()
        more = {"prompt": "login", "max_age": FRESH_S} if again else {}
        with self._client(back) as client:
            address, _ = client.create_authorization_url(
                self._read()["authorization_endpoint"],
                state=state,
                code_verifier=verifier,
                nonce=nonce,
                **more,
            )
        return Question(address, state, nonce, verifier)

    def subject(
        self, back: str, code: str, nonce: str, verifier: str, *, issuer: str = "", again: bool = False
    ) -> str:
        """Whom the provider vouches for, as it calls them. `issuer`: the `iss` of the redirect.

        Raises `Refused` (401) for an answer that cannot be believed, `Unavailable` when the provider does not answer.
        """
        import httpx2
        from authlib.common.errors import AuthlibBaseError

        metadata = self._read()
        named = metadata.get("authorization_response_iss_parameter_supported") is True
        if (issuer or named) and issuer != self.issuer:
            raise not_believed("The answer came from another provider than the one that was asked.")
        try:
            with self._client(back) as client:
                answer = client.fetch_token(
                    metadata["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=verifier,
                )
        except AuthlibBaseError:
            raise not_believed("The provider does not know this answer, or it was used already.") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as fault:
            raise _away() from fault
        claims = self._claims(answer, nonce, again)
        if again and not _lately(claims.get("auth_time")):
            raise not_believed("The provider did not ask you to sign in again.")
        return str(claims["sub"])

    def _claims(self, answer: Any, nonce: str, again: bool) -> dict[str, Any]:
        from authlib.oidc.core import CodeIDToken
        from joserfc.errors import JoseError

        try:
            token = self._verified(str(answer["id_token"]))
            claims: dict[str, Any] = CodeIDToken(
                token.claims,
                token.header,
                {
                    "iss": {"essential": True, "value": self.issuer},
                    "aud": {"essential": True, "value": self.client_id},
                    "nonce": {"essential": True, "value": nonce},
                },
                {
                    "nonce": nonce,
                    "client_id": self.client_id,
                    "access_token": answer.get("access_token"),
                    "max_age": FRESH_S if again else None,
                },
            )
            claims.validate(leeway=LEEWAY_S)  # type: ignore[attr-defined]
        except (JoseError, ValueError, KeyError, TypeError, AttributeError):
            raise not_believed(
                "The provider's answer is not signed by it, is over, or is not for us."
            ) from None
        subject = claims.get("sub")
        if not isinstance(subject, str) or not subject or len(subject) > 255 or not subject.isprintable():
            raise not_believed("The provider's answer names nobody.")
        return claims

    def _verified(self, id_token: str) -> Any:
        """The token, signed by a key of the provider's. New keys are looked for when it names one that is unknown."""
        from joserfc import jwt
        from joserfc.errors import BadSignatureError, InvalidKeyIdError
        from joserfc.jws import JWSRegistry

        said = self._read().get("id_token_signing_alg_values_supported") or ["RS256"]
        algorithms = [name for name in said if name in ALGORITHMS]
        registry = JWSRegistry(algorithms=algorithms, strict_check_header=False)
        try:
            return jwt.decode(id_token, self._key_set(), registry=registry)
        except (InvalidKeyIdError, BadSignatureError):
            return jwt.decode(id_token, self._key_set(again=True), registry=registry)

    def _read(self) -> dict[str, Any]:
        """The provider's metadata, read again after an hour."""
        with self._lock:
            now = clock.now()
            if self._metadata_at is None or now - self._metadata_at > KEPT_FOR:
                said = self._get(self.issuer.rstrip("/") + "/.well-known/openid-configuration")
                if said.get("issuer") != self.issuer:
                    raise Unavailable("The identity provider calls itself by another name than was set.")
                for name in _WANTED:
                    _check_address(str(said.get(name)))
                self._metadata, self._metadata_at = said, now
            return self._metadata

    def _key_set(self, *, again: bool = False) -> KeySet:
        from joserfc.jwk import KeySet

        uri = self._read()["jwks_uri"]
        with self._lock:
            now = clock.now()
            age = now - self._keys_at if self._keys_at else None
            if age is None or age > KEPT_FOR or (again and age > AGAIN_AFTER) or self._keys is None:
                self._keys, self._keys_at = KeySet.import_key_set(_signing(self._get(uri))), now
            return self._keys

    def _get(self, address: str) -> dict[str, Any]:
        import httpx2

        try:
            answer = httpx2.get(address, timeout=_TIMEOUT_S, follow_redirects=False)
            answer.raise_for_status()
            said = answer.json()
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as fault:
            raise _away() from fault
        if not isinstance(said, dict):
            raise _away()
        return said

    def _client(self, back: str) -> Any:
        from authlib.integrations.httpx_client import OAuth2Client

        return OAuth2Client(
            client_id=self.client_id,
            client_secret=self.secret,
            token_endpoint_auth_method="client_secret_basic" if self.secret else "none",
            scope="openid",
            redirect_uri=back,
            code_challenge_method="S256",
            timeout=_TIMEOUT_S,
        )


def not_believed(says: str) -> Refused:
    """What is said of an answer that cannot be believed."""
    return Refused(
        says, rules=("access/provider",), status=401, next_step="Sign in again, from our sign-in page."
    )


def _signing(said: dict[str, Any]) -> Any:
    """A provider's keys without those that encrypt."""
    keys = [key for key in said.get("keys", ()) if isinstance(key, dict) and key.get("use", "sig") == "sig"]
    return {"keys": [key for key in keys if key.get("kty") in ("RSA", "EC", "OKP")]}


def _lately(auth_time: Any) -> bool:
    return isinstance(auth_time, int) and clock.now().timestamp() - auth_time <= FRESH_S + LEEWAY_S


def _away() -> Unavailable:
    return Unavailable(
        "The identity provider did not answer.", next_step="Try again soon, or sign in another way."
    )


def _check_address(address: str) -> None:
    """Raises `Invalid` for an address over which a stranger could answer."""
    parts = urlsplit(address)
    here = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and here)):
        raise Invalid(
            f"{address[:200]} is no address of an identity provider: it has to begin with https://.",
            next_step="Correct LAPEL_OIDC_ISSUER, or the provider's metadata.",
        )
