"""Who may adopt what, and what is on record afterwards?"""

from __future__ import annotations

from datetime import date, timedelta

import psycopg
import pytest
from signed import SIGNED, changed, department, office, paper

from house import AGENCIES, House
from lapel.base import clock
from lapel.base.errors import Conflict, Invalid, Refused, Unavailable
from lapel.custody import log
from lapel.policy import adoption, drafts, sidecars, store
from lapel.policy.paper import Paper
from lapel.policy.verdict import digest_of
from lapel.storage.archive import Archive
from lapel.storage.postgres import Scope

WAIVER = """waiver: W1
agency: tsa
excuses: [conforms]
granted by: Secretary
from: 2024-01-01
until: 2024-12-31
says: "until its officers are trained for emergency calls"
"""


def adopt(house: House, *papers: Paper, waiver: Paper | None = None) -> adoption.Outcome:
    return adoption.adopt(*office(house), papers, waiver=waiver)


def history(house: House, policy: str, agency: str) -> list[log.LoggedAct]:
    with house.db().tx(Scope("cli:clerk", (agency, "department"))) as conn:
        return log.history(conn, f"directive:{policy}")


def on_record(house: House) -> set[tuple[str, str]]:
    with house.db().tx(Scope("cli:clerk", ())) as conn:
        return {(row.policy, str(row.version)) for row in store.adopted(conn)}


def test_an_adoption_signs_the_texts_digest_into_the_custody_log(house: House) -> None:
    outcome = department(house, paper("tsa"))
    row = outcome.adoptions[-1].row
    (act,) = history(house, "tsa", "tsa")
    assert (act.act, act.actor, act.agency, act.entry) == ("adopted", "cli:clerk", "tsa", row.entry)
    assert act.detail["sha256"] == row.sha256
    assert (act.detail["by"], act.detail["on"]) == ("Administrator", "2023-11-18")
    proof = next(p for p in outcome.proofs if p.policy == "tsa")
    assert act.detail["proof"] == digest_of(proof.verdict)
    (signed,) = history(house, "department", "department")
    assert signed.agency == "department"
    assert signed.detail["proof"] == digest_of(
        next(p.verdict for p in outcome.proofs if p.policy == "department")
    )


def test_a_policy_that_breaks_the_departments_is_refused_with_its_counterexample(house: House) -> None:
    department(house)
    with pytest.raises(Refused) as refused:
        adopt(house, paper("tsa_no_emergency_calls", on=date(2024, 6, 1)))
    for words in ("conforms", "emergency call", "Department D1 requires recording", "T17"):
        assert words in refused.value.says
    assert "department:D1" in refused.value.rules
    assert ("tsa", "2024-06-01") not in on_record(house)
    (act,) = history(house, "tsa", "tsa")
    assert act.act == "refused"


def test_a_dated_waiver_of_the_department_lets_it_pass_and_is_itself_on_record(house: House) -> None:
    department(house)
    waiver = Paper(WAIVER, "w1.yaml", "Secretary", date(2024, 6, 1))
    outcome = adopt(house, paper("tsa_no_emergency_calls", on=date(2024, 6, 1)), waiver=waiver)
    waived, adopted = outcome.adoptions
    assert (waived.row.kind, waived.row.adopted_by, adopted.row.waiver) == (
        "waiver",
        "Secretary",
        waived.row.id,
    )
    assert adopted.excused > 0
    (grant,) = history(house, "W1", "department")
    assert (grant.act, grant.detail["sha256"]) == ("waived", waived.row.sha256)
    (act,) = history(house, "tsa", "tsa")
    assert act.detail["waiver"] == waived.row.sha256


@pytest.mark.parametrize(
    ("change", "on"),
    [
        (("until: 2024-12-31", "until: 2024-03-01"), date(2024, 6, 1)),
        (("[conforms]", "[terms]"), date(2024, 6, 1)),
        (("says:", "clauses: [department:D2]\nsays:"), date(2024, 6, 1)),
    ],
    ids=["over", "of another check", "of another clause"],
)
def test_a_waiver_that_does_not_reach_excuses_nothing(
    house: House, change: tuple[str, str], on: date
) -> None:
    department(house)
    waiver = changed(Paper(WAIVER, "w1.yaml", "Secretary", on), change)
    with pytest.raises(Refused):
        adopt(house, paper("tsa_no_emergency_calls", on=on), waiver=waiver)
    assert on_record(house) == {("vocabulary", "2023-05-22"), ("department", "2023-05-22")}


def test_a_waiver_of_an_agency_whose_policy_is_not_adopted_with_it_is_invalid(house: House) -> None:
    department(house)
    with pytest.raises(Invalid, match="excuses tsa"):
        adopt(house, paper("oig"), waiver=Paper(WAIVER, "w1.yaml", "Secretary", date(2024, 6, 1)))


def test_lateness_is_told_and_never_blocks(house: House) -> None:
    outcome = department(house, paper("ice", by="Director", on=date(2024, 1, 12)), paper("tsa"))
    late = {one.row.policy: one.days_late for one in outcome.adoptions if one.row.agency}
    assert late == {"ice": 55, "tsa": 0}


def test_a_policy_is_not_in_force_before_it_was_adopted(house: House) -> None:
    department(house, paper("tsa", on=date(2024, 2, 1)))
    with house.db().tx(Scope("cli:clerk", ())) as conn:
        there = store.library(conn)
        assert there.in_force("tsa", date(2024, 1, 31)) is None
        assert there.in_force("tsa", date(2024, 2, 1)) is not None


def test_all_of_it_or_none(house: House) -> None:
    department(house)
    with pytest.raises(Refused):
        adopt(house, paper("oig", on=date(2023, 12, 1)), paper("tsa_no_emergency_calls", on=date(2024, 6, 1)))
    assert on_record(house) == {("vocabulary", "2023-05-22"), ("department", "2023-05-22")}


def test_when_the_sidecar_cannot_be_stored_nothing_is_adopted(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    department(house)

    def full(*_: object) -> None:
        raise Unavailable("The store is full.", status=507)

    monkeypatch.setattr(sidecars, "put", full)
    with pytest.raises(Unavailable):
        adopt(house, paper("tsa"))
    assert ("tsa", "2023-11-18") not in on_record(house)
    assert history(house, "tsa", "tsa") == []


def test_a_version_is_adopted_once(house: House) -> None:
    department(house, paper("tsa"))
    with pytest.raises(Conflict, match="tsa of 2023-11-18 is on record already"):
        adopt(house, paper("tsa"))


@pytest.mark.parametrize("by", ["", "  ", "x" * 121, "a\nb"])
def test_nobody_is_no_accountable_person(house: House, by: str) -> None:
    with pytest.raises(Invalid, match="adopted by a person"):
        department(house, paper("tsa", by=by))


def test_nothing_is_adopted_on_a_day_that_has_not_come(house: House) -> None:
    with pytest.raises(Invalid, match="has not come yet"):
        department(house, paper("tsa", on=clock.now().date() + timedelta(days=2)))


def test_an_agency_needs_a_department_and_a_department_a_vocabulary(house: House) -> None:
    with pytest.raises(Invalid, match="no vocabulary"):
        adopt(house, paper("department"))
    with pytest.raises(Invalid, match="no department policy"):
        adopt(house, paper("vocabulary", on=SIGNED), paper("tsa"))
    with pytest.raises(Invalid, match="which was not given"):
        department(house, changed(paper("tsa"), ("version: 2023-05-22}", "version: 2022-01-01}")))


def test_a_new_version_of_the_department_is_not_held_up_by_agencies_that_have_time_to_follow(
    house: House,
) -> None:
    department(house, paper("tsa"))
    stricter = changed(
        paper("department", "Secretary", date(2025, 3, 1)),
        ("version: 2023-05-22", "version: 2025-03-01"),
        ("start_within: {seconds: 60}", "start_within: {seconds: 5}"),
    )
    outcome = adopt(house, stricter)
    assert {p.policy: p.holds for p in outcome.proofs} == {"department": True, "tsa": False}
    adopted, proved = history(house, "tsa", "tsa")
    assert (adopted.act, proved.act, proved.detail["holds"]) == ("adopted", "proved", False)
    repaired = changed(
        paper("tsa", on=date(2025, 4, 1)),
        ("version: 2023-11-18", "version: 2025-04-01"),
        ("version: 2023-05-22}", "version: 2025-03-01}"),
    )
    with pytest.raises(Refused, match="start_within"):
        adopt(house, repaired)


def test_what_was_adopted_cannot_be_changed_or_removed(house: House) -> None:
    department(house)
    for statement in ("UPDATE directive SET body = ''", "DELETE FROM directive", "DELETE FROM policy_proof"):
        for role in ("staff", "worker", "intake"):
            with (
                pytest.raises(psycopg.errors.InsufficientPrivilege),
                house.db(role).tx(Scope("x", (*AGENCIES, "department"))) as conn,
            ):
                conn.execute(statement.encode())


def test_a_lost_database_gets_every_adoption_back(house: House) -> None:
    department(house)
    waiver = Paper(WAIVER, "w1.yaml", "Secretary", date(2024, 6, 1))
    adopt(house, paper("tsa_no_emergency_calls", on=date(2024, 6, 1)), waiver=waiver)
    archive, scope = office(house)
    with archive.db.tx(scope) as conn:
        before = store.adopted(conn)
    assert list(sidecars.check(archive, scope)) == []
    superuser_forgets(house)
    owner = Archive(house.db("owner"), house.stores, house.keys("admin"))
    back = sidecars.rebuild(owner, scope)
    assert (back.adoptions, back.left_out) == (4, ())
    assert sidecars.rebuild(owner, scope).adoptions == 4
    with archive.db.tx(scope) as conn:
        assert store.adopted(conn) == before
    assert [act.act for act in history(house, "tsa", "tsa")] == ["adopted"]
    assert list(sidecars.check(archive, scope)) == []


def test_the_check_finds_a_text_that_is_not_what_was_signed(house: House) -> None:
    department(house)
    archive, scope = office(house)
    tampered(house, "UPDATE lapel.directive SET body = body || ' ' WHERE kind = 'department'")
    assert {(fault.kind, fault.thing) for fault in sidecars.check(archive, scope)} == {
        ("altered", "directive department of 2023-05-22")
    }
    name = next(n for n in archive.stores.sidecars.list("policy/"))
    archive.stores.sidecars.delete(name)
    assert "lost" in {fault.kind for fault in sidecars.check(archive, scope)}


def test_a_draft_is_proved_and_is_no_rule(house: House) -> None:
    department(house)
    archive, scope = office(house)
    draft = paper("tsa_no_emergency_calls")
    handed = drafts.hand_in(archive, scope, draft.body, draft.file, "Policy office")
    assert "emergency call" in handed.failing[0].says
    assert ("tsa", "2024-06-01") not in on_record(house)
    assert [act.act for act in history(house, "tsa", "tsa")] == ["drafted"]
    good = changed(paper("tsa"), ("version: 2023-11-18", "version: 2024-07-01"))
    assert drafts.hand_in(archive, scope, good.body, good.file, "Policy office").draft.holds
    with house.db().tx(house.scope("tsa")) as conn:
        assert [d.version for d in store.drafts(conn)] == [date(2024, 7, 1)]
    with house.db().tx(house.scope("cbp")) as conn:
        assert store.drafts(conn) == []
    adopt(house, good)
    with house.db().tx(house.scope("tsa")) as conn:
        assert store.drafts(conn) == []


def test_a_draft_of_another_agency_is_refused(house: House) -> None:
    department(house)
    archive, _ = office(house)
    draft = paper("tsa_no_emergency_calls")
    with pytest.raises(Refused, match="do not act for tsa"):
        drafts.hand_in(archive, house.scope("cbp"), draft.body, draft.file, "Policy office")


def superuser_forgets(house: House) -> None:
    tampered(
        house,
        "TRUNCATE lapel.directive, lapel.policy_proof, lapel.policy_change, lapel.custody_entry, lapel.custody_opening,"
        " lapel.custody_pending, lapel.custody_subject, lapel.custody_leaf CASCADE",
    )


def tampered(house: House, statement: str) -> None:
    """Something that none of our roles may do."""
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    from lapel.storage.postgres import connect

    address = make_conninfo(house.superuser_url, dbname=str(conninfo_to_dict(house.urls["owner"])["dbname"]))
    with connect(address) as conn:
        conn.execute("SET session_replication_role = replica")
        conn.execute(statement.encode())
