"""Whatever is given, taken back, restricted or runs out, in any order: each agency sees what twenty lines of model say."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from test_shares import give, of, seen, time_passes

from house import House
from lapel.cases import contents, files, shares
from lapel.cases.model import Case, Ref, Share
from lapel.cases.shares import What
from lapel.footage.model import Recording
from staffed import Staffed, staffed

AGENCIES = ("cbp", "ice", "usss")
any_of = st.integers(0, 99)


def machine(here: Staffed, owned: dict[str, Recording], case: Case) -> type[RuleBasedStateMachine]:
    names = sorted(owned)

    class Sharing(RuleBasedStateMachine):
        """The model: what is in the case, what is restricted, and the shares that last."""

        def __init__(self) -> None:
            super().__init__()
            self.inside: set[str] = set()
            self.lasting: dict[
                str, tuple[Share, str, str]
            ] = {}  # the share, to whom, what (a name or the case)

        def may_see(self, agency: str) -> set[str]:
            """Who may see what."""
            found = {owned[name].id for name in names if owned[name].agency == agency}
            for _, to, what in self.lasting.values():
                if to == agency:
                    given = self.inside if what == "the case" else {what}
                    found |= {owned[name].id for name in given}
            return found

        @rule(pick=any_of, to=st.sampled_from(AGENCIES))
        def gives_a_recording(self, pick: int, to: str) -> None:
            name = names[pick % len(names)]
            if owned[name].agency != to:
                share = give(here, of(owned[name]), agency=owned[name].agency, to=to)
                self.lasting[share.id] = (share, to, name)

        @rule(to=st.sampled_from(AGENCIES[1:]))
        def gives_the_case(self, to: str) -> None:
            share = give(here, What(case=case.id), to=to)
            self.lasting[share.id] = (share, to, "the case")

        @rule(pick=any_of)
        def puts_into_the_case(self, pick: int) -> None:
            name = [n for n in names if owned[n].agency == "cbp"][pick % 2]
            contents.add_recordings(here.archive, here.house.scope(), case.id, [Ref(owned[name].id, "cbp")])
            self.inside.add(name)

        @precondition(lambda self: self.inside)
        @rule(pick=any_of)
        def takes_out_of_the_case(self, pick: int) -> None:
            name = sorted(self.inside)[pick % len(self.inside)]
            contents.remove_recording(
                here.archive, here.house.scope(), case.id, Ref(owned[name].id, "cbp"), "Another matter"
            )
            self.inside.remove(name)

        @precondition(lambda self: self.lasting)
        @rule(pick=any_of, runs_out=st.booleans())
        def ends(self, pick: int, runs_out: bool) -> None:
            share, _, _ = self.lasting.pop(sorted(self.lasting)[pick % len(self.lasting)])
            if runs_out:
                time_passes(here, share)
            else:
                shares.revoke(here.archive, here.house.scope(share.agency), share.id, "Enough")

        @invariant()
        def each_agency_sees_what_the_model_says(self) -> None:
            for agency in AGENCIES:
                assert seen(here, agency) == self.may_see(agency), agency

        def teardown(self) -> None:
            for share, _, _ in self.lasting.values():
                shares.revoke(here.archive, here.house.scope(share.agency), share.id, "The run is over")
            for name in self.inside:
                contents.remove_recording(
                    here.archive, here.house.scope(), case.id, Ref(owned[name].id, "cbp"), "The run is over"
                )

    return Sharing


def test_each_agency_sees_what_the_model_says_after_any_acts(house: House) -> None:
    here = staffed(house)
    owned = {f"{agency} {i}": here.announce(agency) for agency in ("cbp", "ice") for i in range(2)}
    case = files.open_case(here.archive, here.house.scope(), "cbp", "criminal", "Bridge")
    run_state_machine_as_test(
        machine(here, owned, case),
        settings=settings(
            max_examples=12, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
