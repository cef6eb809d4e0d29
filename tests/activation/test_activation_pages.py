"""What do the pages of duties say, and what can be done on them?"""

from __future__ import annotations

from datetime import timedelta

import pytest
from watched import NOON, Watched

from lapel.activation import draws, store_review
from lapel.activation.exceptions import Entered, enter
from lapel.activation.findings import duty_number
from staffed import Person

PAGES = [
    "/activation", "/activation?by=agency", "/activation?by=month", "/activation/public", "/activation/gaps", "/activation/gaps?state=all",
    "/activation/exceptions", "/activation/reviews", "/activation/forbidden", "/activation/plan", "/recordings/missing",
]  # fmt: skip


@pytest.fixture
def person(watched: Watched) -> Person:
    """A custodian, with one duty of each kind that a commander asks about."""
    for outcome in (
        "recorded",
        "recorded",
        "missing",
        "no camera",
        "not in plan",
        "untrained",
        "undetermined",
    ):
        watched.finding(outcome, at=NOON + timedelta(hours=len(watched.duties)))
    watched.finding("late", badge="7002", covered=12)
    watched.finding("recorded though forbidden", badge="7003", kind="forbidden", covered=5)
    return Person(watched.staffed.app(), watched.staffed.account(("fps",)).token)


def test_each_page_has_its_json_and_each_list_its_csv(watched: Watched, person: Person) -> None:
    for path in PAGES:
        address, _, query = path.partition("?")
        page = person.get(path)
        assert page.status_code == 200, path
        assert "<h1>" in page.text
        assert person.get(f"{address}.json?{query}").status_code == 200, path
        assert person.get(f"{address}.csv?{query}").headers["content-type"].startswith("text/csv"), path
    number = duty_number(watched.duties[2])
    for path in (
        f"/activation/duties/{number}",
        "/activation/officers/fps/7001",
        "/activation/officers/fps/7001?day=2026-10-14",
    ):
        assert person.get(path).status_code == 200, path
    assert person.get("/work").status_code == 200
    assert Person(watched.staffed.app()).get("/activation.json").status_code == 401


def test_the_front_page_gives_every_outcome_its_own_number(person: Person) -> None:
    front = person.get("/activation.json").json()
    assert front["headline"] == "2 of 4 duties owed were recorded in full; 1 has no recording at all"
    counts = {o["outcome"]: o["findings"] for o in front["outcomes"]}
    assert counts == {
        "recorded": 2, "late": 1, "stopped early": 0, "interrupted": 0, "missing": 1, "excused": 0, "not in plan": 1,
        "no camera": 1, "untrained": 1, "undetermined": 1,
    }  # fmt: skip
    assert [o["findings"] for o in front["not_to_be_recorded"]] == [1, 0]
    assert front["total"]["recorded_h"] == pytest.approx(52 / 60)
    assert person.get("/activation.json?by=shoe-size").status_code == 422


def test_what_is_public_names_no_small_group(person: Person) -> None:
    assert person.get("/activation/public.json").json()["groups"] == []


def test_a_csv_holds_exactly_what_is_shown(person: Person) -> None:
    shown = person.get("/activation/gaps.json").json()["rows"]
    lines = person.get("/activation/gaps.csv").text.splitlines()
    assert len(lines) == len(shown) + 1 == 3
    assert [line.split(",")[0] for line in lines[1:]] == [row["number"] for row in shown]
    narrowed = person.get("/activation/gaps.csv?badge=7002").text.splitlines()
    assert len(narrowed) == 2


def test_a_duty_says_why_it_was_owed_who_says_so_and_how_it_can_be_excused(
    watched: Watched, person: Person
) -> None:
    number = duty_number(watched.duties[2])
    duty = person.get(f"/activation/duties/{number}.json").json()
    assert duty["clauses"][0]["url"] == "/policy/read/fps#fps-F3"
    assert "FPS F3" in duty["told"][1]
    assert {reason["reason"] for reason in duty["reasons"]} >= {"safety", "equipment"}
    assert person.get("/activation/duties/D-00000-00000").status_code == 404


def test_who_enters_an_exception_cannot_decide_it_and_somebody_else_can(
    watched: Watched, person: Person
) -> None:
    duty = watched.duties[2]
    page = f"/activation/duties/{duty_number(duty)}"
    entered = person.fill(
        f"{page}/exceptions", {"clause": "safety/fps:F7", "words": "Shots were fired."}, page
    )
    assert entered.status_code == 303
    exception = entered.headers["location"]
    assert person.get(f"{exception}.json").json()["may_decide"] is False
    assert person.fill(f"{exception}/decision", {"decision": "grant"}).status_code == 403
    assert person.get("/activation/gaps.json").json()["count"] == 1  # it is explained now
    other = Person(watched.staffed.app(), watched.staffed.account(("fps",), name="Supervisor").token)
    assert other.get(f"{exception}.json").json()["may_decide"] is True
    assert any(
        group["key"] == "exceptions" and group["count"] == 1
        for group in other.get("/work.json").json()["more"]
    )
    assert other.fill(f"{exception}/decision", {"decision": "grant", "words": "Seen."}).status_code == 303
    assert person.get(f"{page}.json").json()["outcome"] == "excused"
    assert person.get("/activation.json").json()["outcomes"][5]["findings"] == 1


def test_another_agency_sees_none_of_it(watched: Watched, person: Person) -> None:
    other = Person(watched.staffed.app(), watched.staffed.account(("cbp",), name="Elsewhere").token)
    number = duty_number(watched.duties[2])
    exception = enter(
        watched.staffed.archive, watched.scope(), "fps",
        Entered(watched.officer("7001"), "safety", "F7", "Shots.", NOON, NOON + timedelta(hours=1)),
    )  # fmt: skip
    for path in (
        f"/activation/duties/{number}",
        f"/activation/exceptions/{exception}",
        "/activation/officers/fps/7001",
    ):
        assert other.get(path).status_code == 404, path
    assert other.get("/activation.json").json()["total"]["duties"] == 0
    assert other.get("/activation/exceptions.json").json()["rows"] == []


def test_what_becomes_of_a_forbidden_recording_is_decided_with_a_reason(
    watched: Watched, person: Person
) -> None:
    recording = watched.staffed.recording("fps", wearer=watched.officers["7003"], started_at=NOON)
    row = person.get("/activation/forbidden.json").json()["rows"][0]
    assert row["number"] == recording.number
    address, fields = (
        f"/activation/forbidden/{row['duty']}",
        {"decision": "dispose", "recording": recording.number},
    )
    assert person.fill(address, {**fields, "words": " "}).status_code == 422
    assert person.fill(address, {**fields, "words": "No complaint, no case."}).status_code == 303
    assert person.get("/activation/forbidden.json").json()["rows"] == []
    decided = person.get("/activation/forbidden.json?state=all").json()["rows"][0]
    assert (decided["decision"], decided["words"]) == ("dispose", "No complaint, no case.")


def test_the_recordings_page_shows_the_duties_of_that_time(watched: Watched, person: Person) -> None:
    recording = watched.staffed.recording("fps", wearer=watched.officers["7002"], started_at=NOON)
    watched.staffed.inspect(recording)
    shown = person.get(f"/recordings/{recording.number}.json").json()
    assert [duty["outcome"] for duty in shown["duties"]] == ["late"]
    assert duty_number(watched.duties[7]) in person.get(f"/recordings/{recording.number}").text


def test_a_review_is_done_on_the_page_and_its_draw_can_be_repeated(watched: Watched, person: Person) -> None:
    watched.staffed.recording("fps", wearer=watched.officers["7001"], started_at=NOON)
    scope = watched.scope("cli:clerk")
    period = draws.Period(NOON.date().replace(day=1), NOON.date().replace(month=11, day=1))
    draws.log_populations(watched.staffed.archive, scope, "fps", period)
    watched.staffed.publish()
    draws.draw_waiting(watched.staffed.archive, scope, ["fps"])
    queue = person.get("/activation/reviews.json").json()
    assert (queue["open"], len(queue["rows"])) == (1, 1)
    draw = person.get(f"{queue['draws'][0]['url']}.json").json()
    assert draw["wrong"] == []
    with watched.staffed.archive.db.tx(scope) as conn:
        kept = store_review.draws(conn, ["fps"])[0]
    assert person.get(draw["population_url"]).text == kept.population
    assert person.fill(queue["rows"][0]["url"], {"outcome": "in_order"}).status_code == 303
    assert person.get("/activation/reviews.json").json()["open"] == 0
