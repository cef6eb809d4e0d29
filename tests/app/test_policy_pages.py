"""What do the policy's pages say, and to whom?"""

from __future__ import annotations

import re
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from lapel.base import clock
from lapel.policy import adoption, drafts, proving
from lapel.policy.paper import Paper
from lapel.storage.archive import Archive
from staffed import Person, Staffed

sys.path.insert(0, str(Path(__file__).parents[1] / "policy"))
from signed import department, office, paper, work

CHECKS = ["sane", "conforms", "granted", "no conflict", "no dead clause", "no gap", "terms", "addresses"]
PAGES = [
    "/policy", "/policy/proofs/tsa", "/policy/read/department", "/policy/read/tsa", "/policy/beside/tsa", "/policy/ask",
    "/policy/ask?agency=tsa&activity=patrol", "/policy/due", "/policy/changes/ice", "/policy/changes/tsa",
]  # fmt: skip


@pytest.fixture
def person(here: Staffed) -> Person:
    """Somebody of TSA, with three adopted policies on record."""
    department(
        here.house, paper("tsa"), paper("ice", "Director", date(2024, 1, 12)),
        paper("ice_2025", "Director", date(2025, 2, 19)),
    )  # fmt: skip
    return Person(here.app(), here.account(("tsa",)).token)


def hand_in(here: Staffed) -> None:
    draft = paper("tsa_no_emergency_calls")
    drafts.hand_in(*office(here.house), draft.body, draft.file, "Policy office")


def row_of(board: dict, policy: str, *, draft: bool = False) -> dict:  # type: ignore[type-arg]
    return next(row for row in board["rows"] if row["policy"] == policy and row["draft"] == draft)


@pytest.mark.parametrize("path", PAGES)
def test_each_page_has_its_json(person: Person, path: str) -> None:
    page = person.get(path)
    assert page.status_code == 200
    assert "<h1>" in page.text
    address, _, query = path.partition("?")
    assert person.get(f"{address}.json?{query}").status_code == 200


def test_whoever_is_signed_in_reads_every_agencys_policy(here: Staffed, person: Person) -> None:
    other = Person(here.app(), here.account(("oig",), name="Inspector").token)
    assert other.get("/policy/read/tsa.json").json()["policy"] == "tsa"
    assert Person(here.app()).get("/policy/read/tsa.json").status_code == 401


def test_before_anything_is_adopted_the_board_says_how(here: Staffed) -> None:
    person = Person(here.app(), here.account().token)
    assert "lapel policy adopt" in person.get("/policy").text
    answer = person.get("/policy/read/department.json")
    assert (answer.status_code, answer.json()["detail"]) == (404, "The department has adopted no policy yet.")
    assert person.fill("/policy/prove", {}).status_code == 404


def test_the_board_shows_what_was_proved_when_and_of_what(person: Person) -> None:
    board = person.get("/policy.json").json()
    assert list(board["checks"]) == CHECKS
    tsa = row_of(board, "tsa")
    assert [cell["state"] for cell in tsa["cells"]] == ["holds"] * 8
    assert re.fullmatch("[0-9a-f]{64}", tsa["inputs"])
    assert tsa["proved_at"] > "2020"
    assert row_of(board, "oig")["version"] is None
    assert "USSS, FPS, USCG, FEMA, OCSO and OIG have no policy" in board["headline"]


def test_days_late_are_printed(person: Person) -> None:
    board = person.get("/policy.json").json()
    assert (row_of(board, "ice")["days_late"], row_of(board, "tsa")["days_late"]) == (55, 0)
    due = person.get("/policy/due.json").json()
    assert "ICE 55 days late" in due["headline"]
    assert "55 days late" in person.get("/policy/read/ice").text
    oig = next(row for row in due["rows"] if row["agency"] == "oig")
    assert oig["adopted_on"] is None
    assert oig["days_late"] == (clock.now().date() - date(2023, 11, 18)).days


def test_a_broken_draft_shows_its_counterexample_to_its_own_agency_only(
    here: Staffed, person: Person
) -> None:
    hand_in(here)
    (one,) = row_of(person.get("/policy.json").json(), "tsa", draft=True)["counterexamples"]
    assert one["check"] == "conforms"
    assert "emergency call" in one["says"]
    assert [c["key"] for c in one["left"]] == ["department:D1"]
    assert [c["key"] for c in one["right"]] == ["tsa:T17"]
    other = Person(here.app(), here.account(("oig",), name="Inspector").token)
    assert not any(row["draft"] for row in other.get("/policy.json").json()["rows"])
    assert other.get("/policy/proofs/tsa.json?draft=true").status_code == 404
    assert other.get("/policy/ask.json?draft=tsa").status_code == 404


def test_a_counterexample_opens_the_situation_and_replays(here: Staffed, person: Person) -> None:
    hand_in(here)
    (one,) = row_of(person.get("/policy.json").json(), "tsa", draft=True)["counterexamples"]
    asked = person.get(one["ask_url"].replace("/ask?", "/ask.json?")).json()
    record = next(a for a in asked["answers"] if a["question"] == "record")
    assert (record["agency"]["value"], record["department"]["value"]) == ("permitted", "required")
    assert [c["key"] for c in record["agency"]["clauses"]] == ["tsa:T17"]
    assert record["agency"]["missing"] == []


def test_a_waiver_is_shown_wherever_the_policy_is(here: Staffed, person: Person) -> None:
    on = clock.now().date()
    waiver = Paper(
        f"waiver: W1\nagency: tsa\nexcuses: [conforms]\ngranted by: Secretary\nfrom: {on - timedelta(days=1)}\n"
        f'until: {on + timedelta(days=30)}\nsays: "until its officers are trained"\n', "w1.yaml", "Secretary", on,
    )  # fmt: skip
    adoption.adopt(*office(here.house), [paper("tsa_no_emergency_calls", on=on)], waiver=waiver)
    board = person.get("/policy.json").json()
    tsa = row_of(board, "tsa")
    assert next(c["state"] for c in tsa["cells"] if c["check"] == "conforms") == "excused"
    assert tsa["counterexamples"][0]["excused_by"] == "W1"
    assert "TSA only by a waiver" in board["headline"]
    for path in (
        "/policy",
        "/policy/proofs/tsa",
        "/policy/read/tsa",
        "/policy/beside/tsa",
        "/policy/due",
        "/policy/ask?agency=tsa",
    ):
        text = person.get(path).text
        assert "W1" in text, path
        assert "until its officers are trained" in text, path


def test_the_text_says_how_sure_it_is_and_whom_it_binds(person: Person) -> None:
    shown = person.get("/policy/read/department.json").json()
    clauses = {c["id"]: c for s in shown["sections"] for c in s["clauses"]}
    assert clauses["D1"]["confidence"] == "quoted"
    assert clauses["D1"]["answer"] == "the camera must record"
    assert "the officer is doing: patrol or emergency call" in clauses["D1"]["when"]
    assert clauses["D20"]["confidence"] == "invented"
    assert clauses["D10"]["binds"] == "agency"
    assert [g["id"] for g in shown["grants"] if g["hedged"]] == ["G1"]
    text = person.get("/policy/read/department").text
    for words in (
        "Quoted: these are the source",
        "Summary: a source says so",
        "Recalled: remembered",
        "Invented, to fill a gap",
    ):
        assert words in text
    assert "hedged: not certain" in text


def test_an_older_version_can_be_read_and_an_unknown_one_is_not_found(person: Person) -> None:
    assert person.get("/policy/read/ice.json").json()["version"] == "2025-02-19"
    assert person.get("/policy/read/ice.json?version=2024-01-12").json()["version"] == "2024-01-12"
    assert person.get("/policy/read/ice.json?version=2020-01-01").status_code == 404
    answer = person.get("/policy/read/tsaa.json")
    assert answer.status_code == 404
    assert "tsa" in answer.json()["next_step"]


def test_side_by_side_says_what_is_added_defined_and_granted(person: Person) -> None:
    beside = person.get("/policy/beside/tsa.json").json()
    record = next(pair for pair in beside["pairs"] if pair["title"].startswith("May the camera"))
    assert "T3" in record["adds"]  # stops, arrests and searches: the department asks only for planned ones
    assert "T1" not in record["adds"]
    assert {d["term"] for d in beside["defined"]} >= {"appropriate", "sensitive"}
    assert {g["grant"]["id"] for g in beside["granted"]} == {"G2", "G4"}
    assert person.get("/policy/beside/oig.json").status_code == 404
    assert person.get("/policy/beside/navy.json").status_code == 422


def test_a_word_says_what_it_leaves_out_of_each_duty(person: Person) -> None:
    defined = {d["term"]: d for d in person.get("/policy/beside/tsa.json").json()["defined"]}
    assert defined["appropriate"]["leaves_out"] == ["Department D1"]  # patrols that meet nobody
    assert defined["sensitive"]["leaves_out"] == []
    assert "Whatever is not so is left out of Department D1." in person.get("/policy/beside/tsa").text


def test_asking_explains_clauses_presumptions_and_what_is_missing(person: Person) -> None:
    query = "agency=tsa&on=2024-06-01&activity=emergency_call&with_public=yes&phase=active&in_plan=yes&equipped=yes"
    asked = person.get(f"/policy/ask.json?{query}").json()
    record = next(a for a in asked["answers"] if a["question"] == "record")["agency"]
    assert record["status"] == "undetermined"
    assert record["missing"] == ["The officer was trained before the camera was issued"]
    answered = person.get(f"/policy/ask.json?{query}&trained=yes").json()
    record = next(a for a in answered["answers"] if a["question"] == "record")["agency"]
    assert (record["value"], record["clauses"][0]["key"]) == ("required", "tsa:T1")
    assert any("undercover" in p["says"] for p in record["presumed"])
    assert all(p["rebutted"] for p in record["presumed"])
    assert {text[0] for text in answered["texts"]} == {"vocabulary", "tsa"}
    strict = person.get(f"/policy/ask.json?{query}&trained=yes&strict=true").json()
    record = next(a for a in strict["answers"] if a["question"] == "record")["agency"]
    assert (record["status"], record["presumed"]) == ("undetermined", [])


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("technique=undercover_buy&undercover_or_informant=no", "cannot be"),
        ("wether=rain", "no fact of the vocabulary"),
        ("phase=sometimes", "no value of phase"),
        ("officers=many", "whole number"),
        ("agency=oig&phase=active", "no policy"),
    ],
)
def test_a_situation_that_is_none_is_said_on_the_page(person: Person, query: str, says: str) -> None:
    query = query if "agency" in query else f"agency=tsa&{query}"
    asked = person.get(f"/policy/ask.json?{query}").json()
    assert says in asked["problem"]
    assert asked["answers"] == []
    page = person.get(f"/policy/ask?{query}")
    assert page.status_code == 200
    assert 'role="alert"' in page.text


def test_hostile_addresses_are_answered_with_a_sentence(person: Person) -> None:
    for path in (
        "/policy/ask.json?on=yesterday", "/policy/read/department.json?version=never", "/policy.json?on=0000-00-00",
        "/policy/changes/tsa.json?new=2030-01-01", "/policy/proofs/nobody.json", "/policy/changes/nobody.json",
    ):  # fmt: skip
        answer = person.get(path)
        assert answer.status_code in (404, 422), path
        assert answer.json()["detail"]
    text = person.get(
        "/policy/ask", params={"agency": "<script>alert(1)</script>", "activity": "patrol"}
    ).text
    assert "<script>alert" not in text


def test_changes_show_the_clauses_and_the_answers_that_differ(here: Staffed, person: Person) -> None:
    assert person.get("/policy/changes/ice.json").json()["classes"] is None
    assert "The worker is comparing" in person.get("/policy/changes/ice").text
    work(here.house)
    shown = person.get("/policy/changes/ice.json").json()
    assert (shown["old"], shown["new"]) == ("2024-01-12", "2025-02-19")
    assert shown["classes"]
    added = next(a for a in shown["altered"] if a["id"] == "I8")
    assert added["old"] is None
    one = next(c for c in shown["classes"] if c["new_by"] == "I8")
    answers = [
        next(
            a["agency"]["says"]
            for a in person.get(url.replace("/ask?", "/ask.json?")).json()["answers"]
            if a["title"] == one["question"]
        )
        for url in (one["ask_old"], one["ask_new"])
    ]
    assert answers[0] != answers[1]
    assert person.get("/policy/changes").headers["location"] == "/policy/changes/ice"


def test_prove_again_asks_the_worker_and_needs_the_pages_own_form(here: Staffed, person: Person) -> None:
    before = row_of(person.get("/policy.json").json(), "tsa")["proved_at"]
    assert person.post("/policy/prove").status_code == 403
    answer = person.fill("/policy/prove", {}, "/policy")
    assert (answer.status_code, answer.headers["location"]) == (303, "/policy#proved")
    with here.house.db("worker").tx(here.house.scope("tsa")) as conn:
        rows = conn.execute(
            "SELECT args FROM queue.procrastinate_jobs WHERE task_name = %s ORDER BY id", (proving.JOB,)
        ).fetchall()
    archive = Archive(here.house.db("worker"), here.house.stores, here.house.keys("worker"))
    proving.prove_again(archive, rows[-1]["args"]["since"])
    assert row_of(person.get("/policy.json").json(), "tsa")["proved_at"] > before


def test_without_a_prover_pages_still_read(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "z3", None)
    for path in PAGES:
        assert person.get(path).status_code == 200, path
