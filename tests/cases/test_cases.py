"""What is in a case, who sees it, and what the custody log says of each act on it."""

from __future__ import annotations

import psycopg
import pytest

from lapel.base.errors import Conflict, Invalid, NotFound
from lapel.base.ids import new_id
from lapel.cases import contents, files, members, store
from lapel.cases.model import Case, Ref
from lapel.custody import log
from lapel.footage.model import Recording
from staffed import Staffed


def opened(here: Staffed, agency: str = "cbp", number: str = "") -> Case:
    return files.open_case(
        here.archive, here.house.scope(agency), agency, "criminal", "Bridge, Nov 20", number
    )


def ref(recording: Recording) -> Ref:
    return Ref(recording.id, recording.agency)


def acts_on(here: Staffed, subject: str, agency: str = "cbp") -> list[str]:
    with here.archive.db.tx(here.house.scope(agency)) as conn:
        return [act.act for act in log.history(conn, subject)]


def numbers_seen(here: Staffed, agency: str) -> list[str]:
    with here.archive.db.tx(here.house.scope(agency)) as conn:
        return [case.number for case in store.cases(conn, open_only=False)]


def test_cases_are_numbered_by_year_in_each_agency(here: Staffed) -> None:
    numbers = [opened(here).number, opened(here).number, opened(here, "ice").number]
    assert numbers == [numbers[0], numbers[0][:-1] + "2", numbers[0]]
    assert opened(here, number="2026/CR-7").number == "2026/CR-7"
    with pytest.raises(Conflict):
        opened(here, number="2026/cr-7")
    with pytest.raises(Invalid):
        opened(here, number="../etc")
    with pytest.raises(Invalid):
        files.open_case(here.archive, here.house.scope(), "cbp", "gossip", "x")


def test_a_recording_may_be_in_several_cases_and_each_act_is_an_entry_on_both(here: Staffed) -> None:
    recording, one, two = here.announce(), opened(here), opened(here)
    scope = here.house.scope()
    for case in (one, two):
        assert contents.add_recordings(here.archive, scope, case.id, [ref(recording)], "Same stop") == 1
    assert contents.add_recordings(here.archive, scope, one.id, [ref(recording)]) == 0
    with here.archive.db.tx(scope) as conn:
        assert {c.id for c in store.cases_of(conn, recording.id)} == {one.id, two.id}
    contents.remove_recording(here.archive, scope, one.id, ref(recording), "Another stop")
    with here.archive.db.tx(scope) as conn:
        assert [c.id for c in store.cases_of(conn, recording.id)] == [two.id]
    assert acts_on(here, f"recording:{recording.id}")[1:] == ["added_to_case"] * 2 + ["removed_from_case"]
    assert acts_on(here, f"case:{one.id}") == ["case_opened", "recording_added", "recording_removed"]


def test_a_closed_case_takes_nothing_more(here: Staffed) -> None:
    case, recording, scope = opened(here), here.announce(), here.house.scope()
    with pytest.raises(Invalid):
        files.close_case(here.archive, scope, case.id, "  ")
    assert files.close_case(here.archive, scope, case.id, "Declined").closed_at is not None
    for act in (
        lambda: contents.add_recordings(here.archive, scope, case.id, [ref(recording)]),
        lambda: members.add_member(here.archive, scope, case.id, "Badge 77", "investigator"),
        lambda: members.add_joint(here.archive, scope, case.id, "ice"),
        lambda: files.close_case(here.archive, scope, case.id, "Again"),
    ):
        with pytest.raises(Conflict):
            act()


def test_members_have_a_part_until_it_ends(here: Staffed) -> None:
    case, scope = opened(here), here.house.scope()
    account = here.account().account
    inside = members.add_member(here.archive, scope, case.id, "Custodian 12", "lead investigator", account)
    members.add_member(here.archive, scope, case.id, "Federal defender’s office", "defender")
    with pytest.raises(Conflict):
        members.add_member(here.archive, scope, case.id, "Custodian 12", "lead investigator", account)
    with pytest.raises(Invalid):
        members.add_member(here.archive, scope, case.id, "Nobody", "investigator", new_id())
    with here.archive.db.tx(scope) as conn:
        assert [c.id for c in store.cases(conn, open_only=True, of_account=account)] == [case.id]
    members.end_member(here.archive, scope, case.id, inside.id)
    with pytest.raises(NotFound):
        members.end_member(here.archive, scope, case.id, inside.id)
    with here.archive.db.tx(scope) as conn:
        assert store.cases(conn, open_only=True, of_account=account) == []


def test_a_joint_agency_sees_the_case_adds_its_own_recordings_and_sees_no_footage_by_it(
    here: Staffed,
) -> None:
    case, ours, theirs = opened(here), here.announce(), here.announce("ice")
    cbp, ice = here.house.scope(), here.house.scope("ice")
    contents.add_recordings(here.archive, cbp, case.id, [ref(ours)])
    assert numbers_seen(here, "ice") == []
    with pytest.raises(NotFound):
        contents.add_recordings(here.archive, ice, case.id, [ref(theirs)])
    members.add_joint(here.archive, cbp, case.id, "ice", "Border task force")
    assert numbers_seen(here, "ice") == [case.number]
    contents.add_recordings(here.archive, ice, case.id, [ref(theirs)])
    with here.archive.db.tx(ice) as conn:
        assert {p.recording for p in store.placed(conn, case.id)} == {ours.id, theirs.id}
        assert [r["id"] for r in conn.execute("SELECT id FROM recording")] == [theirs.id]
    with here.archive.db.tx(cbp) as conn:
        assert {p.recording for p in store.placed(conn, case.id)} == {ours.id, theirs.id}
        assert [r["id"] for r in conn.execute("SELECT id FROM recording")] == [ours.id]
    assert acts_on(here, f"case:{case.id}").count("recording_added") == 2  # the case's own agency reads both
    assert acts_on(here, f"case:{case.id}", "ice") == ["recording_added"]
    with pytest.raises(Invalid):
        contents.add_recordings(here.archive, ice, case.id, [ref(ours)])
    with pytest.raises(Invalid):
        members.add_joint(here.archive, ice, case.id, "usss")
    members.end_joint(here.archive, cbp, case.id, "ice")
    assert numbers_seen(here, "ice") == []


@pytest.mark.parametrize("steal", ["a case not seen", "a recording not owned"])
def test_the_database_refuses_what_the_functions_would_not_ask(here: Staffed, steal: str) -> None:
    ours, theirs, of_ice, of_cbp = here.announce(), here.announce("ice"), opened(here, "ice"), opened(here)
    case, recording = (of_cbp, theirs) if steal == "a case not seen" else (of_ice, ours)
    values = (new_id(), case.agency, case.id, recording.id)
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        here.archive.db.tx(here.house.scope("ice")) as conn,
    ):
        conn.execute(
            "INSERT INTO case_recording (id, agency, case_agency, case_file, recording, added_at, added_by)"
            " VALUES (%s, 'ice', %s, %s, %s, now(), 'account:test')",
            values,
        )
