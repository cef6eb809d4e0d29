"""What do the pages say and do?"""

from __future__ import annotations

import json

from test_staff_doors import routes

from lapel.app import staff
from lapel.custody import log
from lapel.custody.verify import verify_receipt
from lapel.footage import acts, model
from staffed import Person, Staffed, sample


def seen(here: Staffed, recording: str, agency: str = "cbp") -> list[str]:
    with here.archive.db.tx(here.house.scope(agency)) as conn:
        return [act.act for act in log.history(conn, f"recording:{recording}")]


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
    assert page["history"][-3]["says"] == "said that Officer 4471 wore the camera"
    assert page["history"][-3]["more"] == "Sign-out sheet"


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
