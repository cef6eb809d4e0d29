"""Who is asking, and may they?"""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapel.access import permit
from lapel.access.actor import Actor
from lapel.base.errors import Refused

AGENCIES = ("cbp", "ice", "usss")
GRANTS = st.frozensets(st.tuples(st.sampled_from(AGENCIES), st.sampled_from(("custodian", "administrator"))))


def actor(*grants: tuple[str, str], view: str | None = None) -> Actor:
    return Actor("a" * 32, "Custodian 12", "cbp", frozenset(grants), view)  # type: ignore[arg-type]


@given(GRANTS, st.sampled_from(AGENCIES), st.sampled_from(get_args(permit.Act)))
def test_an_act_is_permitted_exactly_where_the_custodian_grant_is_held(
    grants: frozenset[tuple[str, str]], agency: str, act: permit.Act
) -> None:
    someone = actor(*grants)
    if (agency, "custodian") in grants:
        permit.permit(someone, act, agency)
    else:
        with pytest.raises(Refused):
            permit.permit(someone, act, agency)


def test_an_administrator_sees_no_footage_by_being_one() -> None:
    administrator = actor(("cbp", "administrator"))
    assert administrator.agencies == ("cbp",)
    assert administrator.scope().agencies == ()
    with pytest.raises(Refused) as refused:
        permit.permit_lists(administrator)
    assert refused.value.rules


def test_a_refusal_names_its_rule_and_who_can_decide() -> None:
    with pytest.raises(Refused) as refused:
        permit.permit(actor(("cbp", "custodian")), "footage.play", "ice")
    assert refused.value.rules == ("access/footage.play-needs-custodian",)
    assert "administrator of ice" in refused.value.next_step


@given(GRANTS, st.sampled_from((*AGENCIES, None, "fema")))
def test_the_agency_in_view_never_shows_more_than_the_grants(
    grants: frozenset[tuple[str, str]], view: str | None
) -> None:
    someone = actor(*grants, view=view)
    assert set(someone.in_view) <= set(someone.custodian_of)
    assert set(someone.scope().agencies) == set(someone.custodian_of)
