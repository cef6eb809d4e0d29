"""What does it take to set a recording apart, to name somebody for it, and to lift the restriction again?"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from house import House
from lapel.base.errors import Conflict, Invalid, NotFound
from lapel.custody import log
from lapel.footage import restricting, store, store_looks
from lapel.footage.model import Recording
from lapel.footage.restricting import Apart
from lapel.storage.archive import Archive
from lapel.storage.postgres import Connection, Scope
from staffed import Staffed, staffed


@pytest.fixture
def here(house: House) -> Staffed:
    return staffed(house)


def as_account(account: str) -> Scope:
    return Scope(f"account:{account}", ("cbp",))


def seen(here: Staffed, account: str) -> set[str]:
    with here.archive.db.tx(as_account(account)) as conn:
        return {row["id"] for row in conn.execute("SELECT id FROM recording")}


def acts(here: Staffed, there: Recording) -> list[str]:
    with here.archive.db.tx(here.house.scope()) as conn:
        return [act.act for act in log.history(conn, f"recording:{there.id}")]


def apart(there: Recording) -> Apart:
    return Apart(there.id, there.agency, there.office, there.wearer)


def do(
    here: Staffed,
    account: str,
    act: Callable[[Connection, Archive, Scope, Apart, str], None],
    there: Recording,
    words: str = "Checked",
) -> None:
    with here.archive.db.tx(as_account(account)) as conn:
        act(conn, here.archive, as_account(account), apart(there), words)


def test_who_restricts_and_is_not_named_does_not_see_it_any_more(here: Staffed) -> None:
    custodian, named = here.account().account, here.account(name="Agent 7").account
    there, other = here.announce(), here.announce()
    with here.archive.db.tx(as_account(custodian)) as conn:
        made = restricting.restrict(
            conn,
            here.archive,
            as_account(custodian),
            there.id,
            "undercover",
            "An informant is heard",
            [named],
        )
    assert (made.kind, made.made_by) == ("undercover", f"account:{custodian}")
    assert seen(here, custodian) == {other.id}
    assert seen(here, named) == {there.id, other.id}
    assert acts(here, there)[-1] == "restricted"


def test_a_job_restricts_what_is_forbidden_and_those_who_decide_about_it_are_named(here: Staffed) -> None:
    inspector, custodian = here.account().account, here.account(name="Agent 7").account
    here.give(inspector, "inspector")
    there = here.announce()
    worker = Archive(here.house.db("worker"), here.house.stores, here.house.keys("worker"))
    scope = here.house.scope("cbp", "system:worker")
    for _ in range(2):  # found twice, it is restricted once
        with worker.db.tx(scope) as conn:
            restricting.restrict(
                conn, worker, scope, there.id, "forbidden", "F3 forbids it", detail={"clauses": ["cbp:F3"]}
            )
            assert store.recording(conn, there.id).restricted
    assert seen(here, inspector) == {there.id}
    assert seen(here, custodian) == {there.id}
    assert seen(here, here.account(name="Agent 8").account) == set()
    assert acts(here, there).count("restricted") == 1


def test_a_restriction_is_lifted_by_two_people_and_never_by_one(here: Staffed) -> None:
    one, two = here.account().account, here.account(name="Agent 7").account
    there = here.announce()
    with here.archive.db.tx(as_account(one)) as conn:
        restricting.restrict(conn, here.archive, as_account(one), there.id, "technique", "Drone", [two])
    with pytest.raises(Conflict, match="Nobody has asked"):
        do(here, two, restricting.lift, there)
    do(here, one, restricting.ask_to_lift, there)
    with pytest.raises(Conflict, match="second person"):
        do(here, one, restricting.lift, there)
    do(here, two, restricting.refuse_to_lift, there)
    with pytest.raises(Conflict, match="Nobody has asked"):
        do(here, two, restricting.lift, there)
    do(here, two, restricting.ask_to_lift, there)
    do(here, one, restricting.lift, there)
    assert seen(here, one) == {there.id}
    assert acts(here, there)[-4:] == ["unrestrict_asked", "unrestrict_refused", "unrestrict_asked", "unrestricted"]  # fmt: skip


def test_naming_and_ending_it_count_at_once_and_the_last_one_named_stays(here: Staffed) -> None:
    one, two = here.account().account, here.account(name="Agent 7").account
    there = here.announce()
    with here.archive.db.tx(as_account(one)) as conn:
        restricting.restrict(conn, here.archive, as_account(one), there.id, "other", "A minor", [two])

    def change(act: Callable[..., None], account: str) -> None:
        with here.archive.db.tx(as_account(one)) as conn:
            act(conn, here.archive, as_account(one), apart(there), account, "They work on it")

    with pytest.raises(Conflict, match="Nobody else"):
        change(restricting.unname, two)
    change(restricting.name, one)
    with pytest.raises(Conflict, match="already"):
        change(restricting.name, one)
    assert seen(here, one) == {there.id}
    change(restricting.unname, one)
    with pytest.raises(NotFound):
        change(restricting.unname, one)
    with pytest.raises(Invalid, match="no such account"):
        change(restricting.name, "0" * 32)
    assert seen(here, one) == set()
    with here.archive.db.tx(as_account(two)) as conn:
        assert [n.account for n in store_looks.named(conn, there.id)] == [two]


def test_nothing_is_restricted_without_a_kind_and_a_reason(here: Staffed) -> None:
    one = here.account().account
    there = here.announce()
    for kind, words in (("secret", "A reason"), ("other", "  "), ("other", "x" * 2001)):
        with here.archive.db.tx(as_account(one)) as conn, pytest.raises(Invalid):
            restricting.restrict(conn, here.archive, as_account(one), there.id, kind, words)  # type: ignore[arg-type]
    assert seen(here, one) == {there.id}
