"""What do the lists show, and what is found?"""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest

from lapel.custody import log
from lapel.footage import acts
from scene import set_scene
from staffed import BEGAN, Person, Staffed


def seen(here: Staffed, recording: str, agency: str = "cbp") -> list[str]:
    with here.archive.db.tx(here.house.scope(agency)) as conn:
        return [act.act for act in log.history(conn, f"recording:{recording}")]


def test_the_work_list_says_what_waits_and_why(here: Staffed) -> None:
    scene = set_scene(here)
    person = Person(here.app(), scene.token)
    work = person.get("/work.json").json()
    waiting = {
        group["key"]: [item["recording"]["number"] for item in group["items"]] for group in work["groups"]
    }
    assert waiting["undelivered"] == [scene.undelivered]
    assert waiting["faults"] == [scene.broken]
    assert waiting["wearer-unknown"] == [scene.unknown]
    assert waiting["empty"] == []
    assert {scene.watched, scene.broken, scene.unknown} <= set(waiting["uncategorised"])
    assert scene.undelivered not in waiting["uncategorised"]
    text = person.get("/work").text
    assert "things wait for you; the oldest for 9 h" in text
    more = sum(len(group["items"]) for group in work["more"])
    assert text.count("Why is this here?") == sum(map(len, waiting.values())) + more


def test_an_empty_work_list_says_so(here: Staffed) -> None:
    assert "Nothing waits for you" in Person(here.app(), here.account().token).get("/work").text


def test_what_was_done_leaves_the_work_list(here: Staffed) -> None:
    scene = set_scene(here)
    person = Person(here.app(), scene.token)
    patrol = here.categories()["Patrol"]
    person.fill(f"/recordings/{scene.broken}/category", {"category": patrol})
    person.fill(
        f"/recordings/{scene.unknown}/wearer", {"badge": "4471", "reason": "Sign-out sheet of the day"}
    )
    groups = {g["key"]: g["count"] for g in person.get("/work.json").json()["groups"]}
    assert groups["faults"] == 0  # looked at by a person, so it no longer asks for one
    assert groups["wearer-unknown"] == 0


def test_recordings_come_newest_first_page_by_page_and_none_is_lost(here: Staffed) -> None:
    numbers = [here.announce(started_at=BEGAN - timedelta(hours=i % 7, seconds=i)).number for i in range(61)]
    person = Person(here.app(), here.account().token)
    found, target, pages = [], "/recordings.json", 0
    while target:
        page = person.get(target.replace("/recordings?", "/recordings.json?")).json()
        found += [row["number"] for row in page["rows"]]
        target, pages = page["next"], pages + 1
    assert pages == 2
    assert sorted(found) == sorted(numbers)


def test_filters_narrow_the_list(here: Staffed) -> None:
    scene = set_scene(here)
    person = Person(here.app(), scene.token)

    def numbers(query: str) -> set[str]:
        return {row["number"] for row in person.get(f"/recordings.json?{query}").json()["rows"]}

    everything = numbers("")
    assert len(everything) == 11
    assert numbers("wearer=4471") == {scene.watched, scene.undelivered}
    assert numbers("camera=T60012") == {scene.unknown}
    assert numbers("office=El+Paso+Station") == {scene.watched, scene.undelivered}
    assert numbers("category=Patrol").isdisjoint(numbers("category=none"))
    assert numbers("from=2026-11-20&to=2026-11-20") == {scene.watched}
    assert numbers("text=bridge+riders") == {scene.watched}
    assert numbers("text=second+camera") == {scene.watched}  # the words of a bookmark
    assert numbers(f"text={scene.broken}") == {scene.broken}
    assert numbers("agency=ice") | numbers("agency=cbp") == everything
    assert numbers("wearer=nobody") == set()
    assert person.get("/recordings.json?from=never").status_code == 422
    assert person.get("/recordings.json?after=nonsense").status_code == 422


def test_words_of_another_agency_are_never_found(here: Staffed) -> None:
    theirs = here.recording("ice")
    acts.note(here.archive, here.house.scope("ice"), theirs.id, "a secret bridge")
    person = Person(here.app(), here.account(("cbp",)).token)
    assert person.get("/recordings.json?text=bridge").json()["rows"] == []
    with here.archive.db.tx(here.house.scope("cbp")) as conn:
        assert conn.execute("SELECT recordings_with_words('bridge')").fetchall() == []


def test_the_table_and_the_page_show_the_same_rows(here: Staffed) -> None:
    scene = set_scene(here)
    person = Person(here.app(), scene.token)
    query = "wearer=4471"
    rows = list(csv.DictReader(io.StringIO(person.get(f"/recordings.csv?{query}").text)))
    shown = person.get(f"/recordings.json?{query}").json()["rows"]
    assert [row["number"] for row in rows] == [row["number"] for row in shown]
    assert [row["wearer"] for row in rows] == [row["wearer"] for row in shown]


def test_a_table_runs_nothing_in_a_spreadsheet(here: Staffed) -> None:
    recording = here.recording()
    acts.note(here.archive, here.house.scope(), recording.id, "=HYPERLINK(1)")
    text = Person(here.app(), here.account().token).get("/recordings.csv").text
    assert ",'=HYPERLINK(1)," in text


@pytest.mark.parametrize(
    ("typed", "leads_to"),
    [
        ("4471", "/recordings?wearer=4471"),
        ("acc8e0a1b2", "/recordings?camera=ACC8E0A1B2"),
        ("2026-11-20", "/recordings?from=2026-11-20&to=2026-11-20"),
        ("11/20/2026", "/recordings?from=2026-11-20&to=2026-11-20"),
        ("Nov 20, 2026", "/recordings?from=2026-11-20&to=2026-11-20"),
        ("2026-11", "/recordings?from=2026-11-01&to=2026-11-30"),
        ("two riders", "/recordings?text=two+riders"),
        ("", "/recordings"),
        ("\0%00'\"", "/recordings?text=%2500%27%22"),
    ],
)
def test_the_search_field_understands_what_is_typed(here: Staffed, typed: str, leads_to: str) -> None:
    here.officer("4471")
    here.camera()
    person = Person(here.app(), here.account().token)
    assert person.get("/search", params={"q": typed}).headers["location"] == leads_to


def test_the_search_field_finds_a_number_however_it_is_typed(here: Staffed) -> None:
    number = here.recording().number
    person = Person(here.app(), here.account().token)
    for typed in (number, number.lower(), number.replace("-", " "), f"  {number[2:]} "):
        assert person.get("/search", params={"q": typed}).headers["location"] == f"/recordings/{number}"


def test_several_are_categorised_at_once_or_none(here: Staffed) -> None:
    mine, more, theirs = here.recording(), here.recording(salt=b"1"), here.recording("ice", salt=b"2")
    person = Person(here.app(), here.account(("cbp", "ice")).token)
    patrol, of_ice = here.categories()["Patrol"], here.categories("ice")["Patrol"]
    everything = [mine.number, more.number, theirs.number]
    for numbers, category in (
        (everything, patrol),
        (everything, of_ice),
        ([], patrol),
        ([mine.number, "R-00000-00000"], patrol),
        ([mine.number], "0" * 32),
    ):
        answer = person.fill("/recordings/categorise", {"number": numbers, "category": category})
        assert answer.status_code == 422
    assert "categorised" not in seen(here, mine.id)
    answer = person.fill(
        "/recordings/categorise",
        {"number": [mine.number, more.number], "category": patrol, "next": "//elsewhere.test"},
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/recordings")
    rows = person.get("/recordings.json?category=Patrol").json()["rows"]
    assert {row["number"] for row in rows} == {mine.number, more.number}


def test_the_agency_in_view_narrows_lists_and_not_links(here: Staffed) -> None:
    mine, theirs = here.recording("cbp"), here.recording("ice", salt=b"1")
    person = Person(here.app(), here.account(("cbp", "ice")).token)
    person.fill("/view", {"agency": "ice"})
    assert [r["number"] for r in person.get("/recordings.json").json()["rows"]] == [theirs.number]
    assert person.get("/work.json").json()["agencies"] == ["ice"]
    assert person.get(f"/recordings/{mine.number}").status_code == 200
    assert person.fill("/view", {"agency": "oig"}).status_code == 422


def test_an_officer_of_two_agencies_with_one_badge_number_shows_both(here: Staffed) -> None:
    one = here.recording("cbp", wearer=here.officer("77", "cbp"))
    two = here.recording("ice", salt=b"1", wearer=here.officer("77", "ice"))
    person = Person(here.app(), here.account(("cbp", "ice")).token)
    assert {r["number"] for r in person.get("/recordings.json?wearer=77").json()["rows"]} == {
        one.number,
        two.number,
    }
