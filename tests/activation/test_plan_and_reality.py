"""The adopted plan beside what happened: what was planned without a camera, and what was planned and is not heard of."""

from __future__ import annotations

from watched import Watched

from lapel.fleet import adopting, plan_file
from lapel.fleet.plan import Means, Office, make
from lapel.fleet.quarters import quarters_from
from staffed import Person


def test_the_page_reads_the_adopted_plan_by_office_and_quarter(watched: Watched) -> None:
    s = watched.staffed
    watched.finding("recorded")
    s.office("fps", "Region 9")
    s.office("fps", "Region 3")
    means = Means(quarters_from("2026-Q4", 2), (9, 9), (None, None), (None, None))
    names = ("Region 2", "Region 9", "Region 3")
    offices = [Office("fps", name, 4, 4, 50.0, earliest=int(name == "Region 3")) for name in names]
    text = plan_file.to_json(make(offices, means), "0" * 64)
    adopting.adopt(s.archive, watched.scope("cli:test"), text, "decision 7")
    me = Person(s.app(), s.account(("fps",), name="Custodian 61").token)
    page = me.get("/activation/plan.json?from=2026-10-01&to=2026-12-31").json()
    assert page["headline"] == "1 of 1 duties in the deployment plan had a camera"
    told = [(r["office"], r["quarter"], r["planned_cameras"], r["duties"], r["says"]) for r in page["rows"]]
    assert told == [
        ("Region 2", "2026-Q4", 4, 1, "as planned"),
        ("Region 9", "2026-Q4", 4, 0, "planned, and no duty is known"),
    ]
    assert "Region 9" in me.get("/activation/plan?from=2026-10-01&to=2026-12-31").text
