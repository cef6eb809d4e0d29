"""A share shows exactly what was given, to exactly whom, exactly while it lasts."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from lapel.base import clock
from lapel.base.errors import Conflict, Invalid, NotFound
from lapel.base.ids import new_id
from lapel.cases import contents, files, shares, store
from lapel.cases.model import Ref, Share
from lapel.cases.shares import What
from lapel.custody import log, receipt
from lapel.footage.model import Recording
from lapel.storage.postgres import connect
from staffed import BEGAN, Staffed

DAY = timedelta(days=1)


def give(
    here: Staffed, what: What, agency: str = "cbp", to: str = "ice", acts: tuple[str, ...] = ("view", "play")
) -> Share:
    return shares.give(
        here.archive, here.house.scope(agency), agency, to, what,
        acts=acts, purpose="Joint investigation", expires_at=clock.now() + DAY,
    )  # fmt: skip


def of(recording: Recording) -> What:
    return What(recording=Ref(recording.id, recording.agency))


def seen(here: Staffed, agency: str) -> set[str]:
    """The recordings this agency's transactions see, checked to be the same by every table of footage."""
    with here.archive.db.tx(here.house.scope(agency)) as conn:
        found = {row["id"] for row in conn.execute("SELECT id FROM recording")}
        originals = {row["recording"] for row in conn.execute("SELECT recording FROM original")}
        assert originals <= found
    return found


def time_passes(here: Staffed, share: Share) -> None:
    """The share's last day is over: as a superuser, who alone could turn the clock."""
    name = str(conninfo_to_dict(here.house.urls["owner"])["dbname"])
    with connect(make_conninfo(here.house.superuser_url, dbname=name)) as conn:
        conn.execute(
            "UPDATE lapel.share SET given_at = now() - interval '9 days', expires_at = now() - interval '1 ms'"
            " WHERE id = %s",
            (share.id,),
        )


def test_a_shared_recording_is_seen_by_that_agency_and_no_other_until_it_is_taken_back(here: Staffed) -> None:
    given, kept = here.recording(), here.recording(salt=b"1")
    share = give(here, of(given))
    assert seen(here, "ice") == {given.id}
    assert seen(here, "usss") == set()
    with here.archive.db.tx(here.house.scope("ice")) as conn:
        assert [c.acts for c in store.covering(conn, given.id)] == [["view", "play"]]
        assert store.covering(conn, kept.id) == []
    shares.revoke(here.archive, here.house.scope(), share.id, "Sent by mistake")
    assert seen(here, "ice") == set()
    assert seen(here, "cbp") == {given.id, kept.id}
    with pytest.raises(Conflict):
        shares.revoke(here.archive, here.house.scope(), share.id, "Again")


def test_a_share_ends_by_itself_at_its_instant(here: Staffed) -> None:
    given = here.announce()
    share = give(here, of(given))
    assert seen(here, "ice") == {given.id}
    time_passes(here, share)
    assert seen(here, "ice") == set()
    with here.archive.db.tx(here.house.scope("ice")) as conn:
        assert store.over(conn, given.number) == store.share(conn, share.id)
        assert store.over(conn, "R-00000-00000") is None
    with here.archive.db.tx(here.house.scope("usss")) as conn:
        assert store.over(conn, given.number) is None


def test_a_transaction_that_is_open_when_it_is_taken_back_sees_nothing_more(here: Staffed) -> None:
    given = here.announce()
    share = give(here, of(given))
    with here.archive.db.tx(here.house.scope("ice")) as conn:
        assert conn.execute("SELECT id FROM recording").fetchall() == [{"id": given.id}]
        shares.revoke(here.archive, here.house.scope(), share.id, "Sent by mistake")
        assert conn.execute("SELECT id FROM recording").fetchall() == []


def test_a_shared_case_gives_the_givers_recordings_that_are_in_it_now(here: Staffed) -> None:
    cbp = here.house.scope()
    case = files.open_case(here.archive, cbp, "cbp", "criminal", "Bridge")
    first, later = here.announce(), here.announce()
    contents.add_recordings(here.archive, cbp, case.id, [Ref(first.id, "cbp")])
    share = give(here, What(case=case.id))
    assert seen(here, "ice") == {first.id}
    contents.add_recordings(here.archive, cbp, case.id, [Ref(later.id, "cbp")])
    assert seen(here, "ice") == {first.id, later.id}
    with here.archive.db.tx(cbp) as conn:
        said = log.history(conn, f"recording:{later.id}")[-1]
    assert said.detail["shares"] == [share.id]
    contents.remove_recording(here.archive, cbp, case.id, Ref(first.id, "cbp"), "Not the same")
    assert seen(here, "ice") == {later.id}
    with here.archive.db.tx(here.house.scope("ice")) as conn:
        assert store.case(conn, case.id).number == case.number
        assert [p.recording for p in store.placed(conn, case.id)] == [later.id]
        assert store.members(conn, case.id) == []


def test_a_saved_search_gives_what_fits_it_when_it_is_looked_at(here: Staffed) -> None:
    wearer, other = here.officer("4471"), here.officer("5120")
    fits, not_his = here.announce(wearer=wearer), here.announce(wearer=other)
    too_early = here.announce(wearer=wearer, started_at=BEGAN - 3 * DAY)
    filters = {"wearer": "4471", "first_day": BEGAN.date(), "last_day": None, "zone": "America/New_York"}
    blank = {"office": "", "camera": "", "category": "", "words": ""}
    scope = here.house.scope()
    search = shares.save_search(here.archive, scope, "cbp", "Officer 4471 since Nov 20", {**blank, **filters})
    share = give(here, What(search=search.id))
    assert seen(here, "ice") == {fits.id}
    comes_later = here.announce(wearer=wearer, started_at=BEGAN + DAY)
    assert seen(here, "ice") == {fits.id, comes_later.id}
    with here.archive.db.tx(here.house.scope("ice")) as conn:
        assert store.recordings_of_share(conn, share.id) == [comes_later.id, fits.id]
        facts = store.shared_facts(conn, [fits.id, not_his.id, too_early.id])
    assert {r: f["badge"] for r, f in facts.items()} == {fits.id: "4471"}
    with pytest.raises(Conflict):
        shares.save_search(here.archive, scope, "cbp", "Officer 4471 since Nov 20", {**blank, **filters})
    nothing = {**filters, "wearer": "", "first_day": None}
    with pytest.raises(Invalid):
        shares.save_search(here.archive, scope, "cbp", "Everything", {**blank, **nothing})


def test_what_was_announced_after_the_end_is_not_said_to_have_been_shared(here: Staffed) -> None:
    wearer, scope = here.officer("4471"), here.house.scope()
    before = here.announce(wearer=wearer)
    filters = {
        "office": "", "wearer": "4471", "camera": "", "category": "", "first_day": None, "last_day": None,
        "zone": "UTC", "words": "",
    }  # fmt: skip
    search = shares.save_search(here.archive, scope, "cbp", "4471", filters)
    share = give(here, What(search=search.id))
    shares.revoke(here.archive, scope, share.id, "Enough")
    after = here.announce(wearer=wearer)
    with here.archive.db.tx(here.house.scope("ice")) as conn:
        assert store.over(conn, before.number) is not None
        assert store.over(conn, after.number) is None


def test_nobody_shares_what_is_not_theirs(here: Staffed) -> None:
    theirs = here.announce("ice")
    with pytest.raises(Invalid):
        give(here, of(theirs), agency="cbp", to="usss")
    with pytest.raises(NotFound):
        give(here, What(case=new_id()))
    with pytest.raises(NotFound):
        give(here, What(search=new_id()))
    with pytest.raises(Invalid):
        give(here, What())
    row = (new_id(), theirs.id, new_id())
    with pytest.raises(psycopg.errors.InsufficientPrivilege), here.archive.db.tx(here.house.scope()) as conn:
        conn.execute(
            "INSERT INTO share (id, agency, to_agency, recording, acts, purpose, given_at, given_by, expires_at, entry)"
            " VALUES (%s, 'cbp', 'usss', %s, '{view}', 'x', now(), 'a', now() + interval '1 day', %s)",
            row,
        )


def test_a_recording_put_into_a_joint_case_goes_out_only_by_its_owners_share(here: Staffed) -> None:
    from lapel.cases import members

    cbp, ice = here.house.scope(), here.house.scope("ice")
    case = files.open_case(here.archive, cbp, "cbp", "criminal", "Bridge")
    members.add_joint(here.archive, cbp, case.id, "ice")
    theirs = here.announce("ice")
    contents.add_recordings(here.archive, ice, case.id, [Ref(theirs.id, "ice")])
    give(here, What(case=case.id), to="usss")
    assert seen(here, "usss") == set()
    give(here, What(case=case.id), agency="ice", to="cbp")
    assert seen(here, "cbp") == {theirs.id}


@pytest.mark.parametrize("days", [0, -1, 367])
def test_a_share_ends_within_a_year(here: Staffed, days: int) -> None:
    with pytest.raises(Invalid):
        shares.give(
            here.archive, here.house.scope(), "cbp", "ice", of(here.announce()),
            acts=["view"], purpose="x", expires_at=clock.now() + days * DAY,
        )  # fmt: skip


@pytest.mark.parametrize(("acts", "purpose", "to"), [(["edit"], "x", "ice"), ([], " ", "ice"), ([], "x", "cbp"), ([], "x", "kgb")])  # fmt: skip
def test_a_share_names_acts_a_purpose_and_another_agency(
    here: Staffed, acts: list[str], purpose: str, to: str
) -> None:
    with pytest.raises(Invalid):
        shares.give(
            here.archive, here.house.scope(), "cbp", to, of(here.announce()),
            acts=acts, purpose=purpose, expires_at=clock.now() + DAY,
        )  # fmt: skip


def test_a_share_that_was_taken_back_cannot_be_given_again_by_a_row(here: Staffed) -> None:
    share = give(here, of(here.announce()))
    shares.revoke(here.archive, here.house.scope(), share.id, "Enough")
    for change in ("revoked_at = NULL, revoked_by = NULL, revoke_reason = NULL", "revoke_reason = 'never'"):
        with (
            pytest.raises(psycopg.errors.IntegrityConstraintViolation),
            here.archive.db.tx(here.house.scope()) as conn,
        ):
            conn.execute(f"UPDATE share SET {change} WHERE id = %s".encode(), (share.id,))
    for change in ("expires_at = now() + interval '9 days'", "acts = '{view,play,download}'"):
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            here.archive.db.tx(here.house.scope()) as conn,
        ):
            conn.execute(f"UPDATE share SET {change} WHERE id = %s".encode(), (share.id,))


def test_the_other_agency_sees_only_and_changes_nothing(here: Staffed) -> None:
    given = here.recording()
    give(here, of(given))
    with here.archive.db.tx(here.house.scope("ice")) as conn:
        for change in ("note = 'x'", "flags = '{}'"):
            assert conn.execute(f"UPDATE recording SET {change}".encode()).rowcount == 0
        assert conn.execute("UPDATE original SET flags = '{}'").rowcount == 0
        for table in ("officer", "camera", "office", "category", "custody_subject"):
            assert conn.execute(f"SELECT FROM {table}".encode()).fetchall() == [], table
        assert log.history(conn, f"recording:{given.id}") == []


def test_the_receipt_of_a_share_is_for_the_agency_that_has_it_also_when_it_is_over(here: Staffed) -> None:
    given = here.announce()
    share = give(here, of(given))
    shares.revoke(here.archive, here.house.scope(), share.id, "Enough")
    here.publish()
    with here.archive.db.tx(here.house.scope("ice")) as conn:
        made = receipt.prove(conn, here.archive.stores.public, share.entry, ["at", "act", "agency", "to", "acts", "recording_number"])  # fmt: skip
    assert made["opened"]["to"]["value"] == "ice"
    assert made["opened"]["recording_number"]["value"] == given.number
    with pytest.raises(NotFound), here.archive.db.tx(here.house.scope("usss")) as conn:
        receipt.prove(conn, here.archive.stores.public, share.entry)


def test_every_act_on_a_share_is_an_entry_on_what_it_gives(here: Staffed) -> None:
    given = here.announce()
    share = give(here, of(given))
    shares.revoke(here.archive, here.house.scope(), share.id, "Enough")
    for subject in (f"recording:{given.id}", f"share:{share.id}"):
        with here.archive.db.tx(here.house.scope()) as conn:
            assert [a.act for a in log.history(conn, subject)][-2:] == ["shared", "share_revoked"]
