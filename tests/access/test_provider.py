"""Whom does the identity provider let in, and whose word is not believed?"""

from __future__ import annotations

import base64
import hmac
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from joserfc.jws import JWSRegistry
from providers import CLIENT, SECRET, Says, lying_provider, new_key, real_provider, sign_in_there

from house import House
from lapel.access import identities, oidc
from lapel.access.doors import Doors
from lapel.access.oidc import Provider
from lapel.base.errors import Invalid, Refused, Unavailable
from lapel.custody import log
from staffed import NAME, Person, Staffed, staffed

BACK = "http://lapel.test/sign-in/provider/back"
PRIVATE = new_key("first")


@pytest.fixture
def desk(house: House) -> Staffed:
    return staffed(house)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with real_provider(free_port(), BACK, PRIVATE) as there:
        yield there


def doors(issuer: str) -> Doors:
    return Doors(url="http://lapel.test", provider=Provider(issuer, CLIENT, SECRET))


def ask(person: Person, page: str = "/sign-in", target: str = "/sign-in/provider", **fields: str) -> str:
    """Send the form; where the browser is led to."""
    answer = person.fill(target, fields, page)
    assert answer.status_code == 200, answer.text
    address = answer.text.split('href="http://127.0.0.1')[1].split('"')[0]
    return "http://127.0.0.1" + address.replace("&amp;", "&")


def come_back(person: Person, address: str) -> Any:
    parts = urlsplit(address)
    return person.get(f"{parts.path}?{parts.query}")


def test_an_owner_links_their_account_and_signs_in_at_the_provider(desk: Staffed, issuer: str) -> None:
    app, opened = desk.app(doors=doors(issuer)), desk.account()
    owner = Person(app, opened.token)
    answer = come_back(owner, sign_in_there(ask(owner, "/account", "/account/identities"), "officer-4471"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert "officer-4471" in owner.get("/account").text
    browser = Person(app)
    answer = come_back(browser, sign_in_there(ask(browser, next="/recordings"), "officer-4471"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/recordings")
    assert browser.get("/account.json").json()["name"] == NAME
    with desk.archive.db.tx(desk.house.scope()) as conn:
        acts = log.history(conn, f"account:{opened.account}")
    assert {act.act for act in acts} == {"account_made", "identity_linked", "signed_in"}
    assert {act.detail["method"] for act in acts if act.act == "signed_in"} == {"link", "oidc"}


def test_an_administrators_link_opens_the_account_and_a_stranger_at_the_provider_opens_none(
    desk: Staffed, issuer: str
) -> None:
    app, opened = desk.app(doors=doors(issuer)), desk.account()
    scope = desk.house.scope("cbp", "account:" + "a" * 32)
    identities.link(desk.archive.db, scope, opened.account, "cbp", "oidc", issuer, "officer-9")
    stranger = Person(app)
    answer = come_back(stranger, sign_in_there(ask(stranger), "officer-10"))
    assert answer.status_code == 401
    assert "officer-10" in answer.text
    assert "linked" in answer.text
    person = Person(app)
    assert come_back(person, sign_in_there(ask(person), "officer-9")).status_code == 303


def test_an_answer_works_once_and_in_the_browser_that_asked(desk: Staffed, issuer: str) -> None:
    app, opened = desk.app(doors=doors(issuer)), desk.account()
    identities.link(
        desk.archive.db, desk.house.scope(), opened.account, "cbp", "oidc", issuer, "officer-4471"
    )
    victim, thief = Person(app), Person(app)
    thief.get("/sign-in")
    address = sign_in_there(ask(victim), "officer-4471")
    assert come_back(thief, address).status_code == 401  # another's answer signs nobody in
    assert come_back(victim, address).status_code == 401  # and it is used up
    address = sign_in_there(ask(victim), "officer-4471")
    assert come_back(victim, address).status_code == 303
    victim.cookies.clear()
    victim.get("/sign-in")
    assert come_back(victim, address).status_code == 401


def test_a_code_is_exchanged_once(issuer: str) -> None:
    provider = Provider(issuer, CLIENT, SECRET)
    asked = provider.ask(BACK)
    code = parse_qs(urlsplit(sign_in_there(asked.address, "officer-1")).query)["code"][0]
    assert provider.subject(BACK, code, asked.nonce, asked.verifier, issuer=issuer) == "officer-1"
    with pytest.raises(Refused):
        provider.subject(BACK, code, asked.nonce, asked.verifier, issuer=issuer)


@pytest.mark.parametrize("wrong", ["verifier", "nonce", "secret", "issuer", "no issuer"])
def test_a_code_is_worth_nothing_to_whoever_did_not_ask(issuer: str, wrong: str) -> None:
    provider = Provider(issuer, CLIENT, SECRET)
    asked = provider.ask(BACK)
    code = parse_qs(urlsplit(sign_in_there(asked.address, "officer-1")).query)["code"][0]
    by = Provider(issuer, CLIENT, "guessed") if wrong == "secret" else provider
    named = {"issuer": "https://elsewhere.test", "no issuer": ""}.get(wrong, issuer)
    other = "x" * 43
    with pytest.raises(Refused):
        by.subject(
            BACK,
            code,
            other if wrong == "nonce" else asked.nonce,
            other if wrong == "verifier" else asked.verifier,
            issuer=named,
        )


def test_when_the_provider_changes_its_key_nobody_has_to_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc, "AGAIN_AFTER", oidc.timedelta(0))
    port = free_port()
    with real_provider(port, BACK, PRIVATE) as there:
        provider = Provider(there, CLIENT, SECRET)
        assert _whole(provider) == "officer-1"
    with real_provider(port, BACK, new_key("second")):
        assert _whole(provider) == "officer-1"


def _whole(provider: Provider) -> str:
    asked = provider.ask(BACK)
    code = parse_qs(urlsplit(sign_in_there(asked.address, "officer-1")).query)["code"][0]
    return provider.subject(BACK, code, asked.nonce, asked.verifier, issuer=provider.issuer)


def test_a_locked_session_asks_the_provider_to_see_its_holder_again(issuer: str) -> None:
    provider = Provider(issuer, CLIENT, SECRET)
    asked = provider.ask(BACK, again=True)
    query = parse_qs(urlsplit(asked.address).query)
    assert (query["prompt"], query["max_age"]) == (["login"], ["60"])
    code = parse_qs(urlsplit(sign_in_there(asked.address, "officer-1")).query)["code"][0]
    assert provider.subject(BACK, code, asked.nonce, asked.verifier, issuer=issuer, again=True) == "officer-1"


@pytest.fixture
def liar() -> Iterator[Says]:
    with lying_provider() as says:
        says.keys = [PRIVATE.as_dict(private=False)]
        yield says


def token(
    says: Says, nonce: str, key: Any = PRIVATE, header: dict[str, Any] | None = None, **more: Any
) -> str:
    now = int(time.time())
    claims = {
        "iss": says.issuer,
        "sub": "officer-1",
        "aud": CLIENT,
        "iat": now,
        "exp": now + 300,
        "nonce": nonce,
    }
    claims = {name: value for name, value in {**claims, **more}.items() if value is not None}
    head = header or {"alg": "RS256", "kid": "first"}
    registry = JWSRegistry(algorithms=["none", "HS256", "RS256"])
    return str(jwt.encode(head, claims, key, registry=registry))


def answered(says: Says, nonce: str = "n" * 43, **more: Any) -> str:
    provider = Provider(says.issuer, CLIENT, SECRET)
    says.id_token = lambda: token(says, nonce, **more)
    return provider.subject(BACK, "code", nonce, "v" * 43)


def test_what_the_provider_says_well_is_believed(liar: Says) -> None:
    assert answered(liar) == "officer-1"
    assert liar.exchanged[0]["code_verifier"] == ["v" * 43]
    assert answered(liar, aud=[CLIENT]) == "officer-1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"nonce": "m" * 43},
        {"nonce": None},
        {"iss": "https://elsewhere.test"},
        {"iss": None},
        {"aud": "another-client"},
        {"aud": ["another-client", "third"]},
        {"aud": [CLIENT, "another-client"]},
        {"azp": "another-client"},
        {"exp": 1_700_000_000},
        {"exp": None},
        {"iat": 4_000_000_000},
        {"nbf": 4_000_000_000},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "a\nb"},
        {"sub": "x" * 256},
    ],
    ids=str,
)
def test_claims_that_are_wrong_are_not_believed(liar: Says, wrong: dict[str, Any]) -> None:
    nonce = "n" * 43
    provider = Provider(liar.issuer, CLIENT, SECRET)
    liar.id_token = lambda: token(liar, **{"nonce": nonce, **wrong})
    with pytest.raises(Refused):
        provider.subject(BACK, "code", nonce, "v" * 43)


def test_a_token_that_is_signed_by_nobody_or_by_another_is_not_believed(liar: Says) -> None:
    forged: list[tuple[Any, dict[str, Any]]] = [
        (OctKey.import_key("x" * 32), {"alg": "none"}),
        (OctKey.import_key(SECRET), {"alg": "HS256"}),
        (new_key("first"), {"alg": "RS256", "kid": "first"}),
        (new_key("unknown"), {"alg": "RS256", "kid": "unknown"}),
        (new_key("first"), {"alg": "RS256"}),
    ]
    for key, header in forged:
        with pytest.raises(Refused):
            answered(liar, key=key, header=header)
    # The public key as if it were a shared secret.
    head, body, _ = token(liar, "n" * 43, OctKey.import_key("x" * 32), {"alg": "HS256"}).split(".")
    mac = hmac.digest(PRIVATE.as_pem(private=False), f"{head}.{body}".encode(), "sha256")
    confused = f"{head}.{body}." + base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
    for text in (confused, "", "a.b.c", "a" * 100_000, "\0", "e30.e30."):
        provider = Provider(liar.issuer, CLIENT, SECRET)
        liar.id_token = lambda text=text: text  # type: ignore[misc]
        with pytest.raises(Refused):
            provider.subject(BACK, "code", "n" * 43, "v" * 43)


def test_a_key_that_the_token_brings_itself_is_not_used(liar: Says) -> None:
    own: RSAKey = new_key("own")
    for header in (
        {"alg": "RS256", "jwk": own.as_dict(private=False)},
        {"alg": "RS256", "kid": "own", "jku": liar.issuer + "/jwks"},
    ):
        with pytest.raises(Refused):
            answered(liar, key=own, header=header)


def test_unknown_keys_do_not_make_us_ask_the_provider_again_and_again(liar: Says) -> None:
    provider = Provider(liar.issuer, CLIENT, SECRET)
    nonce = "n" * 43
    liar.id_token = lambda: token(liar, nonce, new_key("other"), {"alg": "RS256", "kid": "other"})
    for _ in range(3):
        with pytest.raises(Refused):
            provider.subject(BACK, "code", nonce, "v" * 43)
    assert liar.asked_for_keys == 1


def test_a_provider_that_calls_itself_by_another_name_is_not_asked(liar: Says) -> None:
    liar.metadata = {"issuer": "https://elsewhere.test"}
    with pytest.raises(Unavailable):
        Provider(liar.issuer, CLIENT, SECRET).ask(BACK)
    liar.metadata = {"token_endpoint": "http://elsewhere.test/token"}
    with pytest.raises(Invalid):
        Provider(liar.issuer, CLIENT, SECRET).ask(BACK)


@pytest.mark.parametrize("address", ["http://id.example.gov", "ftp://id.example.gov", "", "id.example.gov"])
def test_a_provider_over_which_a_stranger_could_answer_cannot_be_set(address: str) -> None:
    with pytest.raises(Invalid):
        Provider(address, CLIENT, SECRET)


def test_a_provider_that_is_away_keeps_nobody_from_the_password(desk: Staffed) -> None:
    app = desk.app(doors=doors(f"http://127.0.0.1:{free_port()}"))
    desk.account()
    person = Person(app)
    assert person.fill("/sign-in/provider", {}, "/sign-in").status_code == 503
    assert person.get("/sign-in").status_code == 200
