"""Whatever is given, restricted, opened by breaking the glass, taken back or over, in any order: all see what a small model says."""

from __future__ import annotations

from dataclasses import replace

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
from lapel.access.actor import Actor, Grant
from lapel.access.permit import decide
from lapel.base.errors import NotFound
from lapel.cases import contents, files, shares
from lapel.cases.model import Case, Ref, Share
from lapel.cases.shares import What
from lapel.footage import glass, restricting, standing, store
from lapel.footage.model import Recording
from lapel.footage.restricting import Apart
from lapel.storage.postgres import Connection
from staffed import Staffed, staffed

AGENCIES = ("cbp", "ice", "usss")
any_of = st.integers(0, 99)


def machine(
    here: Staffed, owned: dict[str, Recording], case: Case, people: dict[str, Actor]
) -> type[RuleBasedStateMachine]:
    names = sorted(owned)
    ours = [name for name in names if owned[name].agency == "cbp"]

    class Sharing(RuleBasedStateMachine):
        """The model: what is in the case, what is restricted, and the shares that last."""

        def __init__(self) -> None:
            super().__init__()
            self.inside: set[str] = set()
            self.lasting: dict[
                str, tuple[Share, str, str]
            ] = {}  # the share, to whom, what (a name or the case)
            self.named: dict[str, set[str]] = {}  # of what is restricted: who is named
            self.glass: set[tuple[str, str]] = set()  # who has broken it, for what

        def may_see(self, agency: str) -> set[str]:
            """Who may see what."""
            found = {owned[name].id for name in names if owned[name].agency == agency}
            for _, to, what in self.lasting.values():
                if to == agency:
                    given = self.inside if what == "the case" else {what}
                    found |= {owned[name].id for name in given if name not in self.named}
            return found

        def may_look(self, who: str, name: str) -> bool:
            """May one of our own people look, with a reason: the custodian by role, the officer by broken glass; if named."""
            by_role = who == "custodian" or (who, name) in self.glass
            return by_role if name not in self.named else who in self.named[name]

        @rule(pick=any_of, whom=st.sampled_from(("custodian", "officer")))
        def restricts(self, pick: int, whom: str) -> None:
            name = ours[pick % len(ours)]
            if name in self.named:
                return
            with here.archive.db.tx(people["custodian"].scope()) as conn:
                scope = people["custodian"].scope()
                restricting.restrict(
                    conn, here.archive, scope, owned[name].id, "technique", "A drone", [people[whom].account]
                )
            self.named[name] = {whom}

        @precondition(lambda self: self.named)
        @rule(pick=any_of)
        def lifts(self, pick: int) -> None:
            name = sorted(self.named)[pick % len(self.named)]
            self.lifted(name)

        def lifted(self, name: str) -> None:
            there = Apart(owned[name].id, "cbp", None, None)
            for act, who in ((restricting.ask_to_lift, "custodian"), (restricting.lift, "officer")):
                with here.archive.db.tx(people[who].scope()) as conn:
                    act(conn, here.archive, people[who].scope(), there, "Known by now")
            del self.named[name]

        @rule(pick=any_of)
        def breaks_the_glass(self, pick: int) -> None:
            name = ours[pick % len(ours)]
            if ("officer", name) in self.glass or name in self.named:
                return
            with here.archive.db.tx(people["officer"].scope()) as conn:
                words = "A child is missing, and nobody answers."
                glass.break_glass(conn, here.archive, people["officer"].scope(), owned[name], words)
            self.glass.add(("officer", name))

        @precondition(lambda self: self.glass)
        @rule(pick=any_of)
        def ends_the_glass(self, pick: int) -> None:
            _, name = sorted(self.glass)[pick % len(self.glass)]
            if name not in self.named:
                with here.archive.db.tx(people["officer"].scope()) as conn:
                    glass.close(conn, here.archive, people["officer"].scope(), owned[name])
                self.glass.remove(("officer", name))

        @invariant()
        def our_own_people_look_at_what_the_model_says(self) -> None:
            for who, actor in people.items():
                with here.archive.db.tx(actor.scope()) as conn:
                    for name in ours:
                        assert looks(conn, actor, owned[name]) == self.may_look(who, name), (who, name)

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
            name = ours[pick % 2]
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
            for name in list(self.named):
                self.lifted(name)
            for _, name in list(self.glass):
                with here.archive.db.tx(people["officer"].scope()) as conn:
                    glass.close(conn, here.archive, people["officer"].scope(), owned[name])
            for share, _, _ in self.lasting.values():
                shares.revoke(here.archive, here.house.scope(share.agency), share.id, "The run is over")
            for name in self.inside:
                contents.remove_recording(
                    here.archive, here.house.scope(), case.id, Ref(owned[name].id, "cbp"), "The run is over"
                )

    return Sharing


def looks(conn: Connection, actor: Actor, there: Recording) -> bool:
    """Would the page show it, to who says a reason?"""
    try:
        recording = store.recording(conn, there.id)
    except NotFound:
        return False
    facts = replace(standing.facts(conn, actor, recording), purpose="reason")
    return decide(actor, "footage.view", "cbp", facts).allowed


def test_each_agency_sees_what_the_model_says_after_any_acts(house: House) -> None:
    here = staffed(house)
    owned = {f"{agency} {i}": here.announce(agency) for agency in ("cbp", "ice") for i in range(2)}
    case = files.open_case(here.archive, here.house.scope(), "cbp", "criminal", "Bridge")
    people = {}
    for role in ("custodian", "officer"):
        account = here.account(name=f"Our {role}").account
        here.give(account, role)
        people[role] = Actor(account, role, "cbp", frozenset({Grant("cbp", role)}))  # type: ignore[arg-type]
    run_state_machine_as_test(
        machine(here, owned, case, people),
        settings=settings(
            max_examples=12, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
