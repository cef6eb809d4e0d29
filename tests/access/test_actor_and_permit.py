"""Who is asking, and may they?"""

from __future__ import annotations

import cedarpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from who_may import AGENCY, ELSEWHERE, GROUPS, RELATIONS, ROLES, Cell, person, read

from lapel.access import permit
from lapel.access.actor import FOOTAGE, WHOLE, Actor, Grant
from lapel.access.permit import ACTS, Facts
from lapel.access.words import ROLES as SAID
from lapel.base.errors import Refused

AGENCIES = ("cbp", "ice", "usss")
OFFICES = ("1" * 32, "2" * 32)
GRANTS = st.frozensets(
    st.builds(Grant, st.sampled_from(AGENCIES), st.sampled_from(ROLES), st.sampled_from((None, *OFFICES)))
)
FACTS = st.builds(
    Facts,
    own=st.booleans(),
    own_unit=st.booleans(),
    restricted=st.booleans(),
    restricted_to_me=st.booleans(),
    under_investigation=st.booleans(),
    own_before_report=st.sampled_from(("", "may", "may_not", "unknown")),
    shared=st.frozensets(st.sampled_from(ACTS), max_size=2),
    purpose=st.sampled_from(("", "case", "reason")),
    broken_glass=st.booleans(),
    office=st.sampled_from((None, *OFFICES)),
)
CELLS = list(read())


def actor(*grants: Grant, view: str | None = None) -> Actor:
    return Actor("a" * 32, "Custodian 12", "cbp", frozenset(grants), view)


def test_the_table_has_every_role_every_relation_and_every_act() -> None:
    assert [(c.role, c.relation) for c in CELLS if c.group == "list"] == [
        (role, relation) for role in ROLES for relation in RELATIONS
    ]
    assert {cell.group for cell in CELLS} == set(GROUPS)
    assert {act for acts in GROUPS.values() for act in acts} == set(ACTS)


@pytest.mark.parametrize("role", ROLES)
def test_who_may_do_what_is_what_the_table_says(role: str) -> None:
    wrong = [(cell, found) for cell in CELLS if cell.role == role for found in answers(cell) - {cell.says}]
    assert wrong == []


def answers(cell: Cell) -> set[str]:
    found = set()
    for act in GROUPS[cell.group]:
        agency = ELSEWHERE if cell.relation == "other agency" else AGENCY
        decision = permit.decide(person(cell.role), act, agency, RELATIONS[cell.relation])
        forbids = "+".join(rule.id for rule in decision.rules if not rule.permits)
        found.add("yes" if decision.allowed else forbids or "-")
    return found


def test_the_policies_speak_only_of_what_the_schema_knows_and_fit_on_two_printed_pages() -> None:
    assert cedarpy.validate_policies(permit.policy_text(), permit.schema_text()).errors == []
    lines = permit.policy_text().splitlines()
    assert len(lines) <= 130
    assert {rule.id for rule in permit.rules()} >= {cell.says for cell in CELLS} - {"yes", "-"}
    assert set(SAID) == set(ROLES)


def test_every_rule_speaks_of_some_act_and_says_why_and_who_decides() -> None:
    for rule in permit.rules():
        assert rule.says, rule
        assert bool(rule.next) != rule.permits, rule
        assert any(rule in permit.speaking_of(act) for act in ACTS), rule


def test_an_administrator_sees_no_footage_by_being_one() -> None:
    administrator = actor(Grant("cbp", "administrator"))
    assert administrator.agencies == ("cbp",)
    assert administrator.scope().agencies == ()
    assert administrator.reach() == type(administrator.reach())()
    with pytest.raises(Refused) as refused:
        permit.permit_lists(administrator)
    assert refused.value.rules


@given(st.sampled_from(ACTS), FACTS)
def test_no_administrator_and_no_stranger_looks_by_any_facts_but_a_share_a_name_or_broken_glass(
    act: permit.Act, facts: Facts
) -> None:
    someone = actor(Grant("cbp", "administrator"), Grant("cbp", "policy"))
    if act.startswith("footage.") and permit.decide(someone, act, "cbp", facts).allowed:
        assert facts.shared or facts.restricted_to_me or facts.broken_glass


@given(GRANTS, st.sampled_from(ACTS), FACTS)
def test_whoever_may_without_a_reason_may_with_one(
    grants: frozenset[Grant], act: permit.Act, facts: Facts
) -> None:
    from dataclasses import replace

    someone = actor(*grants)
    if permit.decide(someone, act, "cbp", replace(facts, purpose="")).allowed:
        assert permit.decide(someone, act, "cbp", replace(facts, purpose="case")).allowed


@given(GRANTS, GRANTS, st.sampled_from(ACTS), FACTS)
def test_more_roles_never_allow_less(
    some: frozenset[Grant], more: frozenset[Grant], act: permit.Act, facts: Facts
) -> None:
    if permit.decide(actor(*some), act, "cbp", facts).allowed:
        assert permit.decide(actor(*some, *more), act, "cbp", facts).allowed


@given(GRANTS, st.sampled_from(ACTS), FACTS)
def test_the_roles_held_in_one_agency_count_nowhere_else(
    grants: frozenset[Grant], act: permit.Act, facts: Facts
) -> None:
    elsewhere = actor(*(grant for grant in grants if grant.agency != "cbp"))
    nobody = actor()
    assert permit.decide(elsewhere, act, "cbp", facts) == permit.decide(nobody, act, "cbp", facts)


def test_a_role_for_one_office_counts_for_nothing_of_another() -> None:
    custodian = actor(Grant("cbp", "custodian", OFFICES[0]))
    inside, outside = (Facts(office=office, purpose="reason") for office in OFFICES)
    permit.permit(custodian, "footage.play", "cbp", inside)
    for facts in (outside, Facts(purpose="reason")):
        with pytest.raises(Refused):
            permit.permit(custodian, "footage.play", "cbp", facts)
    assert permit.may_each(custodian, "footage.play", [("cbp", inside), ("cbp", outside)]) == [True, False]


def test_a_refusal_names_its_rules_and_who_can_decide() -> None:
    with pytest.raises(Refused) as refused:
        permit.permit(actor(Grant("cbp", "custodian")), "footage.play", "ice", Facts(purpose="case"))
    assert "access/custodian-keeps" in refused.value.rules
    assert "administrator of ice" in refused.value.next_step
    with pytest.raises(Refused) as refused:
        permit.permit(actor(Grant("cbp", "custodian")), "footage.play", "cbp")
    assert refused.value.rules == ("access/purpose",)


def test_who_may_not_do_it_for_any_reason_is_not_asked_for_one() -> None:
    with pytest.raises(Refused) as refused:
        permit.permit(actor(Grant("cbp", "officer")), "footage.view", "cbp")
    assert "access/purpose" not in refused.value.rules


@given(GRANTS, st.sampled_from((*AGENCIES, None, "fema")))
def test_the_agency_in_view_never_shows_more_than_the_grants(
    grants: frozenset[Grant], view: str | None
) -> None:
    someone = actor(*grants, view=view)
    assert set(someone.in_view) <= set(someone.footage_of)
    assert set(someone.scope().agencies) == {g.agency for g in grants if g.role in FOOTAGE}


@given(GRANTS)
def test_lists_reach_what_the_roles_list_and_nothing_else(grants: frozenset[Grant]) -> None:
    someone = actor(*grants)
    reach = someone.reach()
    for agency in AGENCIES:
        for office in (None, *OFFICES):
            listed = agency in reach.whole or (office in reach.offices and agency in reach.agencies)
            facts = Facts(office=office, own_unit=office in someone.offices_as("supervisor", agency))
            if permit.decide(someone, "footage.list", agency, facts).allowed:
                assert listed
    assert set(reach.whole) == {g.agency for g in grants if g.role in WHOLE and not g.office}
