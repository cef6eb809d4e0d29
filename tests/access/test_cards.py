"""Does a card open its account at the proxy's door, and is it worth nothing at any other?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from house import House
from lapel.access import certificates, identities, signin
from lapel.access.doors import Doors
from lapel.base import clock
from lapel.base.errors import Invalid
from lapel.custody import log
from lapel.storage.postgres import Scope
from staffed import NAME, Person, Staffed, staffed

UPN = ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
NOW = datetime.now(UTC)


@pytest.fixture
def desk(house: House) -> Staffed:
    return staffed(house)


def named(*parts: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, part) for part in parts])


def card(
    serial: int = 0x1234,
    subject: str = "4471",
    upn: bytes = b"4471@example.gov",
    ends: datetime = NOW + timedelta(days=300),
    use: ObjectIdentifier | None = ExtendedKeyUsageOID.CLIENT_AUTH,
) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    made = (
        x509.CertificateBuilder()
        .subject_name(named("Example Agency", subject))
        .issuer_name(named("Example Card Issuer"))
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(NOW - timedelta(days=30))
        .not_valid_after(ends)
        .add_extension(
            x509.SubjectAlternativeName(
                [
                    x509.OtherName(UPN, bytes([0x0C, len(upn)]) + upn),
                    x509.UniformResourceIdentifier(
                        "urn:uuid:00000000-0000-4000-8000-00000000" + f"{serial:04x}"
                    ),
                ]
            ),
            False,
        )
    )
    if use is not None:
        made = made.add_extension(x509.ExtendedKeyUsage([use]), False)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def shown(pem: str, verify: str = "SUCCESS") -> dict[str, str]:
    return {"x-client-verify": verify, "x-client-cert": quote(pem), "x-real-ip": "198.51.100.7"}


def link(desk: Staffed, account: str, kind: str, pem: str) -> None:
    """What an administrator does with the public half of a card."""
    for found, issuer, subject in certificates.read(pem).identities():
        if found == kind and (kind != "certificate-name" or subject.startswith("upn:")):
            scope = desk.house.scope("cbp", "account:" + "a" * 32)
            identities.link(desk.archive.db, scope, account, "cbp", found, issuer, subject)
            return
    raise AssertionError(kind)


def try_card(desk: Staffed, pem: str, verify: str = "SUCCESS", **settings: Any) -> Any:
    person = Person(desk.app(doors=Doors(proxied=True, **settings)))
    token = person.form_token("/sign-in")
    answer = person.post("/sign-in/certificate", data={"form_token": token}, headers=shown(pem, verify))
    return person, answer


@pytest.mark.parametrize("kind", ["certificate-serial", "certificate-subject", "certificate-name"])
def test_a_card_opens_the_account_an_administrator_linked_it_to(desk: Staffed, kind: str) -> None:
    opened, pem = desk.account(), card()
    link(desk, opened.account, kind, pem)
    person, answer = try_card(desk, pem)
    assert answer.headers["location"] == "/work"
    assert person.get("/account.json").json()["name"] == NAME
    with desk.archive.db.tx(desk.house.scope()) as conn:
        entry = [a for a in log.history(conn, f"account:{opened.account}") if a.act == "signed_in"]
    assert sorted((a.detail["method"], a.detail["source"]) for a in entry) == [
        ("certificate", "198.51.100.7"),
        ("link", "192.0.2.1"),
    ]


def test_a_renewed_card_is_known_by_its_name_and_not_by_its_number(desk: Staffed) -> None:
    opened = desk.account()
    link(desk, opened.account, "certificate-serial", card())
    assert try_card(desk, card(serial=0x9999))[1].status_code == 401
    link(desk, opened.account, "certificate-name", card())
    assert try_card(desk, card(serial=0x9999))[1].status_code == 303


def test_a_card_that_would_open_two_accounts_opens_none(desk: Staffed) -> None:
    one, other, pem = desk.account(), desk.account(name="Somebody else"), card()
    link(desk, one.account, "certificate-serial", pem)
    link(desk, other.account, "certificate-name", pem)
    assert try_card(desk, pem)[1].status_code == 401


@pytest.mark.parametrize(
    "verify", ["NONE", "", "FAILED:unable to verify the first certificate", "success", "SUCCESS,SUCCESS"]
)
def test_what_the_proxy_did_not_verify_is_no_card(desk: Staffed, verify: str) -> None:
    opened, pem = desk.account(), card()
    link(desk, opened.account, "certificate-serial", pem)
    assert try_card(desk, pem, verify)[1].status_code == 401


@pytest.mark.parametrize(
    "pem",
    [
        card(ends=NOW - timedelta(days=1)),
        card(use=ExtendedKeyUsageOID.SERVER_AUTH),
        "no certificate",
        "",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "x" * 20_000,
    ],
    ids=["over", "of a server", "text", "empty", "broken", "long"],
)
def test_a_card_that_is_over_or_none_opens_nothing(desk: Staffed, pem: str) -> None:
    opened = desk.account()
    link(desk, opened.account, "certificate-serial", card())
    assert try_card(desk, pem)[1].status_code in (401, 422)


def test_the_same_card_at_the_open_door_is_refused_and_entered(desk: Staffed) -> None:
    opened, pem = desk.account(), card()
    link(desk, opened.account, "certificate-serial", pem)
    app = desk.app()
    stranger = Person(app)
    token = stranger.form_token("/sign-in")
    for header in (shown(pem), {"x-client-verify": "NONE"}, {"X-CLIENT-CERT": ""}):
        for target in ("/sign-in/certificate", "/sign-in", "/sign-in/passkey/options"):
            answer = stranger.post(
                target, data={"form_token": token, "name": "a", "password": "b"}, headers=header
            )
            assert answer.status_code == 403
        assert stranger.get("/health", headers=header).status_code == 403
    desk_clock = clock.now() + timedelta(minutes=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: desk_clock)
        signin.enter_failures(desk.archive.db, "department")
    with desk.archive.db.tx(Scope("system:test", ("department",))) as conn:
        entries = log.history(conn, "source:unknown")
    assert {act.act for act in entries} == {"client_certificate_spoofed"}
    assert sum(int(str(act.detail["failures"])) for act in entries) == 12
    known = Person(app, opened.token)
    assert known.get("/work", headers=shown(pem)).status_code == 403
    with desk.archive.db.tx(desk.house.scope()) as conn:
        last = log.history(conn, f"account:{opened.account}")[-1]
    assert last.detail["rules"] == ["access/client-certificate-header"]


def test_without_the_proxys_socket_there_is_no_door_for_cards(desk: Staffed) -> None:
    person = Person(desk.app())
    assert person.fill("/sign-in/certificate", {}, "/sign-in").status_code == 404
    assert "PIV" not in person.get("/sign-in").text


def test_where_a_person_comes_from_is_what_the_proxy_says_only_at_its_door(desk: Staffed) -> None:
    desk.account()
    for proxied, source in ((True, "203.0.113.9"), (False, "unknown")):
        person = Person(desk.app(doors=Doors(proxied=proxied)))
        person.headers["x-real-ip"] = "203.0.113.9"
        person.fill("/sign-in", {"name": NAME, "password": "wrong"}, "/sign-in")
        with desk.house.db("owner").tx(desk.house.scope()) as conn:
            rows = conn.execute("DELETE FROM sign_in_failure RETURNING source").fetchall()
        assert [row["source"] for row in rows] == [source]


def test_a_cards_facts_are_read_and_what_is_none_is_refused() -> None:
    found = certificates.read(card())
    assert found.serial == "1234"
    assert found.issuer == "CN=Example Card Issuer"
    assert "upn:4471@example.gov" in found.names
    for bad in (card(upn=b"\xff\xfe"), card(upn=b"a\nb")):
        assert not any(name.startswith("upn:") for name in certificates.read(bad).names)
    with pytest.raises(Invalid):
        certificates.read("\0" * 10)
