"""Is whoever asks too often told to wait, how long, and nobody else?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from house import House
from lapel.access.limits import Buckets, Limits, Patience, Rate
from lapel.app.entrance import limits
from lapel.app.settings import Settings
from lapel.base.errors import Unavailable
from staffed import Person, Staffed, staffed


@pytest.fixture(scope="module")
def desk(shared_house: House) -> Staffed:
    return staffed(shared_house)


class Seconds:
    """Time that passes when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.integers(1, 50), st.lists(st.floats(0, 90), max_size=60))
def test_in_no_stretch_of_time_more_comes_through_than_the_bucket_holds_and_gains(
    rate: int, waits: list[float]
) -> None:
    time = Seconds()
    buckets, passed = Buckets(Rate(rate), now=time), []
    for wait in waits:
        time.now += wait
        for _ in range(3):
            if buckets.take("one") == 0:
                passed.append(time.now)
    for i, begun in enumerate(passed):
        for j in range(i, len(passed)):
            assert j - i + 1 <= rate + (passed[j] - begun) * rate / 60 + 1e-6


@given(st.integers(1, 600))
def test_who_waits_as_long_as_they_are_told_gets_through(rate: int) -> None:
    time = Seconds()
    buckets = Buckets(Rate(rate), now=time)
    while (wait := buckets.take("one")) == 0:
        pass
    assert buckets.take("another") == 0
    time.now += wait + 1e-6
    assert buckets.take("one") == 0


def test_what_is_kept_stays_small() -> None:
    buckets = Buckets(Rate(1), now=Seconds(), most=3)
    for i in range(10):
        buckets.take(str(i))
    assert len(buckets._kept) == 3


def test_each_bucket_names_who_it_is_of() -> None:
    for said, asked in (
        (Limits(account=1), ("this account", "a" * 32, False)),
        (Limits(changes=1), ("each changing something", "a" * 32, True)),
        (Limits(stranger=1), ("without being signed in", None, False)),
    ):
        patience, (words, account, changes) = Patience(said, now=Seconds()), asked
        patience.ask("192.0.2.1", account, changes=changes)
        with pytest.raises(Unavailable, match=words):
            patience.ask("192.0.2.1", account, changes=changes)
    patience = Patience(Limits(address=1), now=Seconds())
    patience.arrive("192.0.2.1")
    patience.arrive("192.0.2.2")
    with pytest.raises(Unavailable, match="this address"):
        patience.arrive("192.0.2.1")


def test_every_address_of_the_app_counts_and_the_answer_says_how_long(desk: Staffed) -> None:
    app = desk.app(limits=Limits(account=20, stranger=4))
    stranger = Person(app)
    # Also where there is no such page, and at the doors that are open to everyone.
    codes = [
        stranger.get(path).status_code
        for path in ("/health", "/sign-in", "/nowhere", "/work.json", "/health")
    ]
    assert codes == [200, 200, 303, 401, 429]
    answer = stranger.get("/nowhere", headers={"accept": "application/json"})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["retry-after"] in answer.json()["next_step"]
    person, other = Person(app, desk.account().token), Person(app, desk.account(name="Custodian 31").token)
    codes = [person.get("/account.json").status_code for _ in range(25)]
    assert codes == [200] * 20 + [429] * 5
    assert "Wait" in person.get("/account").text
    assert other.get("/account.json").status_code == 200


def test_changes_have_a_limit_of_their_own(desk: Staffed) -> None:
    app = desk.app(limits=Limits(changes=2))
    person = Person(app, desk.account(name="Custodian 44").token)
    codes = [person.fill("/view", {"agency": ""}).status_code for _ in range(4)]
    assert codes == [303, 303, 429, 429]


def test_what_the_operator_sets_is_what_the_door_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    said = limits(Settings())
    assert min(said.account, said.changes, said.address, said.stranger) > 0
    monkeypatch.setenv("LAPEL_REQUESTS_A_MINUTE", "7")
    monkeypatch.setenv("LAPEL_CHANGES_A_MINUTE", "0")
    assert limits(Settings()) == Limits(account=7, changes=0, address=said.address, stranger=said.stranger)
