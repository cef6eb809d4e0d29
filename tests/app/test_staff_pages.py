"""What do the pages say and do?"""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

import pytest
from test_staff_doors import routes

from lapel.app import staff
from lapel.custody import log
from lapel.custody.verify import verify_receipt
from lapel.footage import acts, model
from scene import set_scene
from staffed import BEGAN, Person, Staffed, sample


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
    assert text.count("Why is this here?") == sum(map(len, waiting.values()))


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
    assert len(everything) == 8
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


def test_looking_at_a_recording_is_an_entry_each_time(here: Staffed) -> None:
    recording = here.recording()
    person = Person(here.app(), here.account().token)
    assert person.get(f"/recordings/{recording.number}").status_code == 200
    person.get(f"/recordings/{recording.number}.json")
    assert seen(here, recording.id).count("viewed") == 2


def test_a_recording_shows_facts_flags_and_badge_numbers_but_no_names(here: Staffed) -> None:
    office = here.office()
    wearer = here.officer("4471", office=office)
    with here.archive.db.tx(here.house.scope()) as conn:
        conn.execute("UPDATE officer SET name = 'Imaginary Person' WHERE id = %s", (wearer,))
    recording = here.recording(wearer=wearer, camera=here.camera(off_s=3840), flags=(model.CLOCK_OFF,))
    here.inspect(recording)
    text = Person(here.app(), here.account().token).get(f"/recordings/{recording.number}").text
    for words in (
        "Officer 4471",
        "El Paso Station",
        "1 h 4 min ahead",
        "clock cannot have been right",
        "H.264 video, 176 × 144 px",
        "4 s",
    ):
        assert words in text, words
    assert "Imaginary" not in text


def test_times_are_in_the_agencys_zone_with_utc_on_hover(here: Staffed) -> None:
    recording = here.recording()
    text = Person(here.app(), here.account().token).get(f"/recordings/{recording.number}").text
    assert 'datetime="2026-11-20T14:03:05.000Z" title="2026-11-20 14:03:05 UTC">Nov 20, 2026, 09:03' in text


def test_a_category_is_a_persons_choice_and_a_suggestion_does_not_change_it(here: Staffed) -> None:
    recording, categories = here.recording(), here.categories()
    person = Person(here.app(), here.account().token)
    answer = person.fill(f"/recordings/{recording.number}/category", {"category": categories["Patrol"]})
    assert answer.status_code == 303
    acts.suggest_category(here.archive, here.house.scope(), recording.id, categories["Arrest"])
    page = person.get(f"/recordings/{recording.number}.json").json()
    assert (page["category"], page["suggested_category"], page["category_by"]) == (
        "Patrol",
        "Arrest",
        "Custodian 12",
    )


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


def test_a_bookmark_stands_at_its_place_on_the_line(here: Staffed) -> None:
    recording = here.recording()
    person = Person(here.app(), here.account().token)
    base = f"/recordings/{recording.number}"
    person.fill(f"{base}/bookmarks", {"words": "A hat falls", "at_s": "2.5"})
    person.fill(f"{base}/bookmarks", {"words": "All of it", "at_s": ""})
    assert person.fill(f"{base}/bookmarks", {"words": " "}).status_code == 422
    assert person.fill(f"{base}/bookmarks", {"words": "x", "at_s": "-1"}).status_code == 422
    assert person.fill(f"{base}/bookmarks", {"words": "x", "at_s": "nan"}).status_code == 422
    marks = person.get(f"{base}.json").json()["bookmarks"]
    assert [(m["words"], m["at_s"]) for m in marks] == [("All of it", None), ("A hat falls", 2.5)]


def test_correcting_the_wearer_needs_a_badge_and_a_reason(here: Staffed) -> None:
    recording = here.recording(flags=(model.WEARER_UNKNOWN,))
    here.officer("4471")
    person = Person(here.app(), here.account().token)
    base = f"/recordings/{recording.number}"
    assert person.fill(f"{base}/wearer", {"badge": "4471", "reason": " "}).status_code == 422
    assert person.fill(f"{base}/wearer", {"badge": "9999", "reason": "x"}).status_code == 422
    assert person.fill(f"{base}/wearer", {"badge": "4471", "reason": "Sign-out sheet"}).status_code == 303
    page = person.get(f"{base}.json").json()
    assert (page["wearer"], page["flags"]) == ("Officer 4471", [])
    assert page["history"][-2]["says"] == "said that Officer 4471 wore the camera"
    assert page["history"][-2]["more"] == "Sign-out sheet"


def test_an_act_is_proved_once_a_checkpoint_covers_it(here: Staffed) -> None:
    recording = here.recording()
    person = Person(here.app(), here.account().token)
    base = f"/recordings/{recording.number}"
    received = next(a for a in person.get(f"{base}.json").json()["history"] if a["act"] == "received")
    pending = person.get(received["proof_url"] + ".json").json()
    assert (pending["pending"], pending["receipt"]) == (True, None)
    assert "Not yet." in person.get(received["proof_url"]).text
    assert person.get(received["proof_url"] + "/receipt").status_code == 503
    here.publish()
    proved = person.get(received["proof_url"] + ".json").json()
    assert (proved["pending"], proved["wrong"]) == (False, [])
    assert any("no trust file" in words for words in proved["not_proved"])
    assert {"sha256", "name"} <= set(proved["hidden"])
    file = person.get(received["proof_url"] + "/receipt")
    assert "attachment" in file.headers["content-disposition"]
    assert verify_receipt(file.text).status == 8
    opened = person.get(received["proof_url"] + "/receipt?open_field=sha256&open_field=at").json()["opened"]
    assert set(opened) == {"sha256", "at"}


def test_an_act_of_another_recording_is_not_proved_here(here: Staffed) -> None:
    mine, other = here.recording(), here.recording(salt=b"1")
    person = Person(here.app(), here.account().token)
    entry = person.get(f"/recordings/{other.number}.json").json()["history"][0]["entry"]
    assert person.get(f"/recordings/{mine.number}/history/{entry}").status_code == 404


def test_the_agency_in_view_narrows_lists_and_not_links(here: Staffed) -> None:
    mine, theirs = here.recording("cbp"), here.recording("ice", salt=b"1")
    person = Person(here.app(), here.account(("cbp", "ice")).token)
    person.fill("/view", {"agency": "ice"})
    assert [r["number"] for r in person.get("/recordings.json").json()["rows"]] == [theirs.number]
    assert person.get("/work.json").json()["agencies"] == ["ice"]
    assert person.get(f"/recordings/{mine.number}").status_code == 200
    assert person.fill("/view", {"agency": "oig"}).status_code == 422


def test_a_clip_the_store_lost_is_a_fault_and_an_entry(here: Staffed) -> None:
    recording = here.recording()
    with here.archive.db.tx(here.house.scope()) as conn:
        row = conn.execute("SELECT id, object FROM original").fetchone()
    assert row is not None
    here.house.stores.originals.delete(row["object"])
    person = Person(here.app(), here.account().token)
    answer = person.get(f"/recordings/{recording.number}/originals/{row['id']}/play")
    assert answer.status_code == 500
    assert "not in the store" in answer.text
    assert seen(here, recording.id)[-1] == "found_fault"


def test_an_officer_of_two_agencies_with_one_badge_number_shows_both(here: Staffed) -> None:
    one = here.recording("cbp", wearer=here.officer("77", "cbp"))
    two = here.recording("ice", salt=b"1", wearer=here.officer("77", "ice"))
    person = Person(here.app(), here.account(("cbp", "ice")).token)
    assert {r["number"] for r in person.get("/recordings.json?wearer=77").json()["rows"]} == {
        one.number,
        two.number,
    }


def test_every_route_is_described(here: Staffed) -> None:
    app = here.app()
    described = app.openapi()["paths"]
    for route in routes(app):
        for method in route.methods or ():
            said = described[route.path.replace("{name:path}", "{name}")][method.lower()]
            assert said["summary"], route.path
            assert said["description"], route.path
            assert said["tags"], route.path
            contents = [
                content for answer in said["responses"].values() for content in answer.get("content", {})
            ]
            assert contents or method == "HEAD", route.path
            for parameter in said.get("parameters", ()):
                assert parameter["schema"], route.path


def test_every_page_is_json_too(here: Staffed) -> None:
    paths = {route.path for route in routes(here.app())}
    pages = {
        "/work",
        "/recordings",
        "/recordings/{number}",
        "/recordings/{number}/history/{entry}",
        "/log",
        "/account",
    }
    assert pages <= paths
    assert {f"{page}.json" for page in pages} <= paths


def test_the_description_is_for_those_who_are_signed_in(here: Staffed) -> None:
    answer = Person(here.app(), here.account().token).get("/openapi.json")
    assert answer.json()["info"]["title"] == "Lapel staff pages"


def test_it_says_that_it_runs(here: Staffed) -> None:
    assert Person(here.app()).get("/health").json() == {"ok": True}


def test_housekeeping_enters_what_is_over(here: Staffed) -> None:
    recording = here.recording()
    opened = here.account()
    person = Person(here.app(), opened.token)
    clip = person.get(f"/recordings/{recording.number}.json").json()["clips"][0]
    content = sample("carphone_pristine")
    for part in ("bytes=0-999", "bytes=1000-1999", "bytes=0-0"):
        assert person.get(clip["play_url"], headers={"range": part}).status_code == 206
    assert person.get(clip["play_url"]).content == content
    assert seen(here, recording.id).count("played") == 1
    staff.tidy(here.archive)
    assert "play_ended" not in seen(here, recording.id)
    _ten_minutes_pass(here)
    staff.tidy(here.archive)
    staff.tidy(here.archive)
    with here.archive.db.tx(here.house.scope()) as conn:
        ended = [a for a in log.history(conn, f"recording:{recording.id}") if a.act == "play_ended"]
    assert [(a.actor, a.detail["bytes"]) for a in ended] == [
        (f"account:{opened.account}", 2001 + len(content))
    ]
    assert person.get(clip["play_url"], headers={"range": "bytes=0-9"}).status_code == 206
    assert seen(here, recording.id).count("played") == 2


def _ten_minutes_pass(here: Staffed) -> None:
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    from lapel.storage.postgres import connect

    name = conninfo_to_dict(here.house.urls["owner"])["dbname"]
    with connect(make_conninfo(here.house.superuser_url, dbname=str(name))) as conn:
        conn.execute("UPDATE lapel.play_grant SET ends_at = now() - interval '1 second'")


def test_the_log_page_tells_the_last_checkpoint(here: Staffed) -> None:
    person = Person(here.app(), here.account().token)
    assert "has not been published yet" in person.get("/log").text
    here.publish()
    page = person.get("/log.json").json()
    assert page["origin"] == "example.gov/lapel"
    assert person.get("/log/checkpoint").text == page["checkpoint"]
    assert json.loads(json.dumps(page))["size"] > 0
