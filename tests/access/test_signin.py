"""Who gets in, and who does not?"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from house import House
from lapel.access import passwords, sessions, signin, store
from lapel.base import clock
from lapel.base.errors import Invalid, LapelError, NotFound, Refused, Unavailable
from lapel.custody import log
from lapel.storage.postgres import Scope

NAME, PASSWORD = "Custodian 12", "four unrelated quiet words"
SOURCE = "192.0.2.7"


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def pass_(self, **span: float) -> None:
        self.at += timedelta(**span)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    told = Clock()
    monkeypatch.setattr(clock, "now", told)
    return told  # type: ignore[return-value]


def account(house: House, agencies: tuple[str, ...] = ("cbp",), name: str = NAME) -> signin.Opened:
    link = signin.make_link(house.db("owner"), agencies, made_by="cli:test")
    return signin.first_account(house.db(), link, name, PASSWORD, SOURCE)


def acts(house: House, account: str) -> list[str]:
    with house.db().tx(house.scope()) as conn:
        return sorted(act.act for act in log.history(conn, f"account:{account}"))


def test_the_link_makes_an_account_with_two_grants_in_each_agency(house: House) -> None:
    opened = account(house, ("cbp", "ice"))
    actor = sessions.read(house.db(), opened.token)
    assert actor is not None
    assert {(g.agency, g.role) for g in actor.grants} == {
        (a, p) for a in ("cbp", "ice") for p in ("custodian", "administrator")
    }
    assert acts(house, opened.account) == ["account_made", "signed_in"]


def test_the_link_works_once(house: House) -> None:
    link = signin.make_link(house.db("owner"), ("cbp",), made_by="cli:test")
    signin.first_account(house.db(), link, NAME, PASSWORD, SOURCE)
    with pytest.raises(NotFound):
        signin.first_account(house.db(), link, "Somebody else", PASSWORD, SOURCE)


def test_of_two_who_use_the_link_at_once_one_gets_an_account(house: House) -> None:
    link = signin.make_link(house.db("owner"), ("cbp",), made_by="cli:test")

    def use(name: str) -> str:
        try:
            return signin.first_account(house.db(), link, name, PASSWORD, SOURCE).account
        except NotFound:
            return ""

    with ThreadPoolExecutor(4) as pool:
        made = [done for done in pool.map(use, ("One", "Two", "Three", "Four")) if done]
    assert len(made) == 1


def test_the_link_is_over_after_a_day(house: House, time: Clock) -> None:
    link = signin.make_link(house.db("owner"), ("cbp",), made_by="cli:test")
    time.pass_(hours=24, seconds=1)
    with pytest.raises(NotFound):
        signin.read_link(house.db(), link)


def test_the_staff_process_cannot_make_a_link(house: House) -> None:
    with pytest.raises(Exception, match="permission denied"):
        signin.make_link(house.db("staff"), ("cbp",), made_by="cli:test")


def test_the_staff_process_cannot_read_passwords_or_sessions(house: House) -> None:
    account(house)
    for query in ("SELECT password FROM account", "SELECT * FROM session", "SELECT * FROM sign_in_link"):
        with pytest.raises(Exception, match="permission denied"), house.db().tx(house.scope()) as conn:
            conn.execute(query.encode())


def test_tokens_are_kept_as_digests_only(house: House) -> None:
    opened = account(house)
    with house.db("owner").tx(Scope("cli:test", ())) as conn:
        rows = conn.execute("SELECT token_hash FROM session").fetchall()
    assert [bytes(row["token_hash"]) for row in rows] == [sessions.token_hash(opened.token)]
    assert opened.token.encode() not in bytes(rows[0]["token_hash"])


def test_a_name_and_a_password_open_a_session_forgiving_case_and_spaces(house: House) -> None:
    first = account(house)
    opened = signin.sign_in(house.db(), "  custodian   12 ", PASSWORD, SOURCE)
    assert opened.account == first.account
    assert opened.token != first.token
    assert acts(house, first.account).count("signed_in") == 2


@pytest.mark.parametrize(
    ("name", "password"),
    [
        (NAME, "four unrelated quiet word"),
        ("Nobody", PASSWORD),
        (NAME, ""),
        (NAME, "x" * 5000),
        ("", ""),
        ("Custodian 12\0", PASSWORD + "\0"),
        ("' OR 1=1 --", "' OR 1=1 --"),
    ],
)
def test_whoever_fails_is_told_the_same(house: House, name: str, password: str) -> None:
    account(house)
    with pytest.raises(Refused) as refused:
        signin.sign_in(house.db(), name, password, SOURCE)
    assert refused.value.status == 401
    assert refused.value.says.startswith("That name and password do not open")


def test_a_failed_sign_in_is_an_entry_of_the_account(house: House) -> None:
    opened = account(house)
    with pytest.raises(Refused):
        signin.sign_in(house.db(), NAME, "not the password", SOURCE)
    assert acts(house, opened.account) == ["account_made", "refused", "signed_in"]


def test_five_failures_lock_the_account_for_fifteen_minutes(house: House, time: Clock) -> None:
    account(house)
    for _ in range(5):
        with pytest.raises(Refused):
            signin.sign_in(house.db(), NAME, "wrong password", SOURCE)
    with pytest.raises(Refused):
        signin.sign_in(house.db(), NAME, PASSWORD, "198.51.100.1")
    time.pass_(minutes=15, seconds=1)
    assert signin.sign_in(house.db(), NAME, PASSWORD, SOURCE).token


def test_failures_of_more_than_fifteen_minutes_ago_do_not_count(house: House, time: Clock) -> None:
    account(house)
    for _ in range(12):
        with pytest.raises(Refused):
            signin.sign_in(house.db(), NAME, "wrong password", SOURCE)
        time.pass_(minutes=4)
    assert signin.sign_in(house.db(), NAME, PASSWORD, SOURCE).token


def test_attempts_made_at_once_do_not_slip_past_the_lock(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    account(house)
    compared = []

    def matches(kept: str | None, password: str) -> bool:
        compared.append(kept)
        return False

    monkeypatch.setattr(passwords, "matches", matches)

    def guess(n: int) -> None:
        with pytest.raises(LapelError):
            signin.sign_in(house.db(), NAME, f"guess number {n}", f"192.0.2.{n}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(guess, range(24)))
    assert len([kept for kept in compared if kept is not None]) == 5


def test_a_source_that_fails_too_often_waits_even_with_the_right_password(house: House, time: Clock) -> None:
    account(house)
    with house.db().tx(store.NOBODY) as conn:
        for _ in range(signin.MAX_FAILURES_OF_SOURCE):
            store.count_failure(conn, SOURCE, time())
    with pytest.raises(Unavailable) as waits:
        signin.sign_in(house.db(), NAME, PASSWORD, SOURCE)
    assert waits.value.status == 429
    assert signin.sign_in(house.db(), NAME, PASSWORD, "198.51.100.9").token
    time.pass_(minutes=16)
    assert signin.sign_in(house.db(), NAME, PASSWORD, SOURCE).token


def test_failures_of_nobody_are_one_entry_for_each_source_and_minute(house: House, time: Clock) -> None:
    for _ in range(3):
        with pytest.raises(Refused):
            signin.sign_in(house.db(), "Nobody", "wrong password", SOURCE)
    with pytest.raises(Refused):
        signin.sign_in(house.db(), "Nobody", "wrong password", "2001:db8:0:1::9")
    assert signin.enter_failures(house.db(), "department") == 0  # the minute is not over
    time.pass_(minutes=1)
    assert signin.enter_failures(house.db(), "department") == 2
    assert signin.enter_failures(house.db(), "department") == 0
    with house.db().tx(Scope("system:test", ("department",))) as conn:
        entry = log.history(conn, f"source:{SOURCE}")
    assert [act.detail["failures"] for act in entry] == [3]


@pytest.mark.parametrize(
    ("host", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        (None, "unknown"),
        ("not an address\0", "unknown"),
    ],
)
def test_a_source_is_an_address_or_the_household_of_one(host: str | None, source: str) -> None:
    assert signin.source_of(host) == source


def test_a_session_ends_after_twelve_hours_of_work(house: House, time: Clock) -> None:
    opened = account(house)
    for _ in range(48):
        assert sessions.read(house.db(), opened.token) is not None
        time.pass_(minutes=15)
    assert sessions.read(house.db(), opened.token) is None


def test_a_session_ends_after_thirty_idle_minutes(house: House, time: Clock) -> None:
    opened = account(house)
    time.pass_(minutes=29)
    assert sessions.read(house.db(), opened.token) is not None
    time.pass_(minutes=29)
    assert sessions.read(house.db(), opened.token) is not None
    time.pass_(minutes=31)
    assert sessions.read(house.db(), opened.token) is None


def test_signing_out_ends_the_session_and_is_an_entry(house: House) -> None:
    opened = account(house)
    actor = sessions.read(house.db(), opened.token)
    assert actor is not None
    sessions.end(house.db(), actor, opened.token)
    assert sessions.read(house.db(), opened.token) is None
    assert "signed_out" in acts(house, opened.account)


@pytest.mark.parametrize("token", [None, "", "x", "é" * 30, "a" * 10_000, "\0" * 20])
def test_no_session_opens_with_a_token_that_was_never_given(house: House, token: str | None) -> None:
    account(house)
    assert sessions.read(house.db(), token) is None


@pytest.mark.parametrize(
    "password", ["short", "            ", "aaaaaaaaaaaaaa", "custodian 12 custodian 12", "x" * 300]
)
def test_a_password_that_is_easy_to_guess_is_refused(password: str) -> None:
    with pytest.raises(Invalid):
        passwords.check(NAME, password)


def test_a_password_is_the_same_however_its_letters_are_composed() -> None:
    kept = passwords.hashed("caf\u00e9 au lait, please")
    assert passwords.matches(kept, "cafe\u0301 au lait, please")
    assert not passwords.matches(kept, "cafe au lait, please")
    assert not passwords.matches(None, "nobody has this password")


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\0b", "a\u202eb", "\ud800"])
def test_a_name_that_cannot_be_read_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        signin.clean_name(name)


def test_a_taken_name_is_refused_and_the_link_is_still_good(house: House) -> None:
    account(house)
    link = signin.make_link(house.db("owner"), ("ice",), made_by="cli:test")
    with pytest.raises(Invalid):
        signin.first_account(house.db(), link, "CUSTODIAN 12", PASSWORD, SOURCE)
    assert signin.read_link(house.db(), link).agencies == ("ice",)


def test_a_form_token_belongs_to_one_session() -> None:
    one, other = sessions.new_token(), sessions.new_token()
    sessions.check_form(one, sessions.form_token(one))
    for token, sent in (
        (one, sessions.form_token(other)),
        (one, ""),
        (one, None),
        (None, sessions.form_token(one)),
        (one, "é\0"),
    ):
        with pytest.raises(Refused):
            sessions.check_form(token, sent)
