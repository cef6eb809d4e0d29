"""Why does somebody look, may they, and what are they told when they may not? By the routes, as browsers and programs ask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from house import Cluster, House
from lapel.access import signin
from lapel.base import clock
from lapel.base.ids import new_id
from lapel.cases import contents, files, members
from lapel.cases.model import Ref
from lapel.custody import log
from lapel.footage.model import Recording
from staffed import PASSWORD, Person, Staffed, staffed

JSON = {"accept": "application/json"}
PAGE = {"accept": "text/html"}


@dataclass
class Place:
    """One house for the tests of this file; each takes recordings and people of its own."""

    staffed: Staffed
    people: int = 0

    def person(
        self,
        *roles: str,
        agency: str = "cbp",
        office: str | None = None,
        officer: str | None = None,
        purpose: str | None = None,
    ) -> Person:
        return self.opened(*roles, agency=agency, office=office, officer=officer, purpose=purpose)[0]

    def opened(self, *roles: str, purpose: str | None = None, **more: Any) -> tuple[Person, signin.Opened]:
        self.people += 1
        opened = self.staffed.account((more.get("agency", "cbp"),), f"Person {self.people}")
        self.staffed.give(opened.account, *roles, **more)
        return Person(self.staffed.app(), opened.token, purpose=purpose), opened

    def recording(self, **said: Any) -> Recording:
        there = self.staffed.recording(salt=new_id().encode(), **said)
        self.staffed.inspect(there)
        return there

    def acts(self, there: Recording, by: signin.Opened | None = None) -> list[log.LoggedAct]:
        with self.staffed.archive.db.tx(self.staffed.house.scope(there.agency)) as conn:
            found = log.history(conn, f"recording:{there.id}")
        return [one for one in found if by is None or one.actor == f"account:{by.account}"]

    def sql(self, query: str, values: tuple[Any, ...] = (), agency: str = "cbp") -> list[dict[str, Any]]:
        with self.staffed.house.db("owner").tx(self.staffed.house.scope(agency, "cli:test")) as conn:
            cursor = conn.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def place(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with cluster.fresh(f"lapel_{new_id()[:16]}") as urls:
        house = House(urls, tmp_path_factory.mktemp("who"), cluster.url)
        yield Place(staffed(house))
        house.end()


def addresses(there: Recording, custodian: Person) -> list[str]:
    """Every address at which the content of a recording, or a proof about it, is handed out."""
    base = f"/recordings/{there.number}"
    page = custodian.get(f"{base}.json", headers={"x-lapel-purpose": "reason audit"}).json()
    clip = page["clips"][0]
    return [
        base, f"{base}.json", clip["play_url"], clip["download_url"], page["thumbnails"][0]["url"], f"{base}/export.zip",
        page["history"][0]["proof_url"] + ".json", page["history"][0]["proof_url"] + "/receipt",
    ]  # fmt: skip


def refusal(person: Person, target: str, **headers: str) -> tuple[int, list[str]]:
    answer = person.get(target, headers={**JSON, **headers})
    return answer.status_code, answer.json().get("rules", []) if answer.status_code != 200 else []


def test_nothing_of_somebody_elses_recording_is_handed_out_before_a_purpose_is_said(place: Place) -> None:
    there, custodian = place.recording(), place.person("custodian")
    for target in addresses(there, place.person("custodian")):
        assert refusal(custodian, target) == (403, ["access/purpose"]), target
    asked = custodian.get(f"/recordings/{there.number}", headers=PAGE)
    assert asked.status_code == 303
    assert asked.headers["location"].startswith(f"/recordings/{there.number}/purpose?next=")
    page = custodian.get(asked.headers["location"])
    assert "For what do you look at this recording?" in page.text
    assert "1 h" in page.text or "60 min" in page.text
    problem = custodian.get(f"/recordings/{there.number}.json").json()
    assert problem["ask"] == f"/recordings/{there.number}/purpose"
    assert problem["why"].startswith(f"/recordings/{there.number}/why?")


def test_a_purpose_said_on_the_page_holds_for_this_recording_and_this_session_and_stands_in_each_entry(
    place: Place,
) -> None:
    there, other = place.recording(), place.recording()
    person, opened = place.opened("custodian")
    base = f"/recordings/{there.number}"
    said = person.fill(f"{base}/purpose", {"reason": "complaint", "words": "Call of Monday", "next": base})
    assert (said.status_code, said.headers["location"]) == (303, base)
    assert person.get(base, headers=PAGE).status_code == 200
    assert "complaint" in person.get(base).text
    # Replayed for another recording, or from another session of the same person, it is worth nothing.
    assert refusal(person, f"/recordings/{other.number}.json") == (403, ["access/purpose"])
    again = signin.sign_in(place.staffed.archive.db, f"Person {place.people}", PASSWORD, "192.0.2.1")
    elsewhere = Person(place.staffed.app(), again.token, purpose=None)
    assert refusal(elsewhere, f"{base}.json") == (403, ["access/purpose"])
    entries = place.acts(there, opened)
    assert [one.act for one in entries if one.act != "refused"] == ["purpose_said", "viewed", "viewed"]
    for one in entries:
        if one.act != "refused":
            assert (one.detail["for"], one.detail["words"]) == ("complaint", "Call of Monday")
    # Said again while it holds, nothing is entered twice.
    person.fill(f"{base}/purpose", {"reason": "complaint"})
    assert [one.act for one in place.acts(there, opened)].count("purpose_said") == 1


def test_a_purpose_is_over_when_its_time_is(place: Place) -> None:
    there, person = place.recording(), place.person("custodian")
    base = f"/recordings/{there.number}"
    person.fill(f"{base}/purpose", {"reason": "audit"})
    assert person.get(f"{base}.json").status_code == 200
    place.sql("UPDATE look SET ends_at = now() WHERE recording = %s", (there.id,))
    assert refusal(person, f"{base}.json") == (403, ["access/purpose"])


def test_a_case_counts_for_its_members_alone_and_only_while_it_is_open(place: Place) -> None:
    there, s = place.recording(), place.staffed
    person, opened = place.opened("investigator")
    base = f"/recordings/{there.number}"
    mine = files.open_case(s.archive, s.house.scope(), "cbp", "criminal", "Bridge")
    foreign = files.open_case(s.archive, s.house.scope(), "cbp", "criminal", "Somebody else's")
    part = members.add_member(
        s.archive, s.house.scope(), mine.id, "Investigator", "investigator", opened.account
    )
    for said in ({"case": foreign.number}, {"case": "26-9999"}, {"reason": "audit"}, {}, {"case": "1", "reason": "audit"}):  # fmt: skip
        assert person.fill(f"{base}/purpose", said).status_code == 422, said
    for header in (f"case {foreign.number}", "nonsense", "reason nosuch", "reason other"):
        assert person.get(f"{base}.json", headers={"x-lapel-purpose": header}).status_code in (403, 422), (
            header
        )
    assert refusal(person, f"{base}.json") == (403, ["access/purpose"])
    ask = person.get(f"{base}/purpose.json").json()
    assert ([c["value"] for c in ask["cases"]], ask["reasons"]) == ([mine.number], [])
    assert person.fill(f"{base}/purpose", {"case": mine.number.lower()}).status_code == 303
    assert person.get(f"{base}.json").status_code == 200
    assert place.acts(there, opened)[-1].detail["for"] == f"case {mine.number}"
    members.end_member(s.archive, s.house.scope(), mine.id, part.id)
    assert refusal(person, f"{base}.json") == (403, ["access/purpose"])


def test_a_program_says_its_purpose_in_a_header_and_never_in_an_address(place: Place) -> None:
    there, person = place.recording(), place.person("custodian")
    base = f"/recordings/{there.number}.json"
    assert refusal(person, base + "?purpose=reason+audit") == (403, ["access/purpose"])
    said = {"x-lapel-purpose": "reason records_request Request 26-77"}
    assert person.get(base, headers=said).status_code == 200
    assert person.get(base).status_code == 200, "it holds as one that was said on the page"


def test_nobody_is_asked_why_they_look_at_their_own(place: Place) -> None:
    officer = place.staffed.officer("8801")
    person, there = place.person("officer", officer=officer), place.recording(wearer=officer)
    assert person.get(f"/recordings/{there.number}", headers=PAGE).status_code == 200
    assert person.get(f"/recordings/{there.number}/purpose").status_code == 409


# ---- broken glass -------------------------------------------------------------------------------------------------


WORDS = "A child is missing, and nobody of the unit can be reached."


def test_broken_glass_is_loud_opens_one_recording_ends_and_is_answered_by_another(place: Place) -> None:
    there, other = place.recording(), place.recording()
    person, opened = place.opened("officer")
    base = f"/recordings/{there.number}"
    assert refusal(person, f"{base}.json")[0] == 403
    why = person.get(f"{base}/why.json").json()
    assert f"{base}/glass" in [way["url"] for way in why["ways"]]
    assert "inspector general" in person.get(f"{base}/glass").text
    assert person.fill(f"{base}/glass", {"words": "too short"}).status_code == 422
    assert person.fill(f"{base}/glass", {"words": WORDS}).status_code == 303
    page = person.get(base, headers=PAGE)
    assert page.status_code == 200
    assert "You have broken the glass" in page.text
    assert "You have broken the glass" in person.get("/work").text
    clip = person.get(f"{base}.json").json()["clips"][0]
    assert person.get(clip["play_url"]).status_code == 200
    assert person.get(clip["download_url"], headers=JSON).status_code == 403
    assert refusal(person, f"/recordings/{other.number}.json")[0] == 403
    assert person.fill(f"{base}/glass", {"words": WORDS}).status_code == 409

    inspector = place.person("inspector")
    row = next(r for r in inspector.get("/inspector.json").json()["waiting"] if r["number"] == there.number)
    assert (row["words"], row["open"]) == (WORDS, True)
    assert [a["says"] for a in row["acts"]][:3] == ["opened this page", "opened this page", "began to play"]
    assert "Broken glass" in inspector.get("/work").text
    assert person.get("/inspector", headers=JSON).status_code == 403
    answer = f"/inspector/{row['id']}"
    assert person.fill(answer, {"outcome": "justified", "words": "Mine"}).status_code == 403
    assert inspector.fill(answer, {"outcome": "nonsense", "words": "x"}).status_code == 422
    place.staffed.give(opened.account, "officer", "inspector")
    assert person.fill(answer, {"outcome": "justified", "words": "My own"}).status_code == 409
    place.staffed.give(opened.account, "officer")
    assert inspector.fill(answer, {"outcome": "justified", "words": "Found at 14:00."}).status_code == 303
    assert inspector.fill(answer, {"outcome": "referred", "words": "Again"}).status_code == 409
    shown = inspector.get("/inspector.json").json()
    assert there.number in [r["number"] for r in shown["answered"]]

    assert person.fill(f"{base}/glass/close", {}, page="/account").status_code == 303
    assert refusal(person, f"{base}.json")[0] == 403
    assert refusal(person, clip["play_url"])[0] == 403
    said = [one.act for one in place.acts(there) if one.act.startswith("glass")]
    assert said == ["glass_broken", "glass_answered", "glass_closed"]


def test_expired_glass_opens_nothing(place: Place) -> None:
    there, person = place.recording(), place.person("officer")
    base = f"/recordings/{there.number}"
    person.fill(f"{base}/glass", {"words": WORDS})
    assert person.get(f"{base}.json").status_code == 200
    place.sql("UPDATE look SET ends_at = now() WHERE recording = %s", (there.id,))
    assert refusal(person, f"{base}.json")[0] == 403
    assert "You have broken the glass" not in person.get("/work").text


# ---- restricted -----------------------------------------------------------------------------------------------------


def test_a_restricted_recording_leaks_by_no_door(place: Place) -> None:
    s = place.staffed
    there = place.recording(wearer=s.officer("8802"))
    custodian, kept = place.opened("custodian", purpose="reason audit")
    named, seeing = place.opened("records", purpose="reason audit")
    targets = addresses(there, place.person("custodian"))
    base = f"/recordings/{there.number}"
    case = files.open_case(s.archive, s.house.scope(), "cbp", "criminal", "Pelican")
    contents.add_recordings(s.archive, s.house.scope(), case.id, [Ref(there.id, "cbp")])
    custodian.fill(f"{base}/note", {"words": "pelican at the river"})
    custodian.fill("/shares", {"recording": there.number, "to": "ice", "act": ["play"], "purpose": "x", "last_day": str((clock.now() + timedelta(days=3)).date())})  # fmt: skip
    guest = Person(s.app(), s.account(("ice",), "Guest").token, purpose=None)
    assert guest.get(f"{base}.json").status_code == 200
    fields = {"kind": "undercover", "reason": "An informant is heard", "named": [seeing.account]}
    assert custodian.fill(f"{base}/restrict", fields).status_code == 303

    for target in targets:
        assert refusal(custodian, target) == (403, ["access/restricted"]), target
    assert guest.get(f"{base}.json").status_code in (403, 404)
    case_page = f"/cases/cbp/{case.number}"
    for target in (
        "/recordings.json", "/recordings.csv", "/recordings.json?text=pelican", "/recordings.json?wearer=8802",
        "/work.json", "/redactions.json", f"{case_page}.json", "/shares.json", "/activation/gaps.json",
    ):  # fmt: skip
        assert there.number not in custodian.get(target).text, target
        assert there.number not in guest.get(target).text, target
    share = custodian.get("/shares.json").json()
    assert there.id not in str(share)
    found = custodian.get(f"/search?q={there.number}")
    assert there.number not in custodian.get(found.headers["location"] + "&x=1").text.replace(
        f"text={there.number}", ""
    ).replace(f'value="{there.number}"', "").replace(f"“{there.number}”", "")
    for form, said in (
        ("glass", {"words": WORDS}), ("purpose", {"reason": "audit"}), ("category", {"category": "x"}),
        ("note", {"words": "x"}), ("named", {"account": kept.account, "reason": "me"}),
        ("unrestrict", {"answer": "ask", "reason": "please"}), ("marks", {"kind": "use_of_force", "reason": "x"}),
        ("case", {"case": case.number}), ("restrict", fields),
    ):  # fmt: skip
        assert custodian.fill(f"{base}/{form}", said).status_code == 403, form
    why = custodian.get(f"{base}/why.json").json()
    assert why["rules"][0]["id"] == "access/restricted"
    for secret in ("undercover", "informant", "8802"):
        assert secret not in str(why), secret
    # The named see it, and say why they look like anybody else.
    assert named.get(f"{base}.json").json()["restricted"] is True
    assert (
        named.get(f"{base}/who.json").json()["restriction"]["kind"] == "Somebody undercover, or an informant"
    )


def test_an_inspector_decides_a_restriction_without_seeing_the_recording_and_never_alone(
    place: Place,
) -> None:
    there = place.recording()
    base = f"/recordings/{there.number}"
    custodian, keeper = place.opened("custodian", purpose="reason audit")
    custodian.fill(f"{base}/restrict", {"kind": "technique", "reason": "x", "named": [keeper.account]})
    one, opened = place.opened("inspector", purpose="reason audit")
    assert refusal(one, f"{base}.json") == (403, ["access/restricted"])
    page = one.get(f"{base}/who.json").json()
    assert (page["seen"], page["restriction"]["kind"]) == (False, "A sensitive technique")
    assert one.fill(f"{base}/unrestrict", {"answer": "ask", "reason": "Known by now"}).status_code == 303
    assert one.fill(f"{base}/unrestrict", {"answer": "lift", "reason": "Myself"}).status_code == 409
    two = place.person("inspector", purpose="reason audit")
    assert two.fill(f"{base}/unrestrict", {"answer": "lift", "reason": "Agreed"}).status_code == 303
    assert two.get(f"{base}.json").status_code == 200
    del opened


# ---- force, reports, investigations, units ----------------------------------------------------------------------------


def test_before_the_first_report_the_wearer_does_not_look_and_the_supervisor_enters_it(place: Place) -> None:
    s = place.staffed
    officer, chief = s.officer("8803"), s.officer("8804")
    place.sql(
        "INSERT INTO supervision (id, agency, officer, supervisor, from_on) VALUES (%s, 'cbp', %s, %s, '2020-01-01')",
        (new_id(), officer, chief),
    )
    there = place.recording(wearer=officer)
    base = f"/recordings/{there.number}"
    wearer = place.person("officer", officer=officer)
    leader = place.person("supervisor", officer=chief, purpose="reason supervisor_review")
    assert wearer.get(f"{base}.json").status_code == 200
    assert there.number in leader.get("/recordings.json").text, "the roster says who is supervised"
    assert wearer.fill(f"{base}/marks", {"kind": "use_of_force", "reason": "x"}).status_code == 403
    assert leader.fill(f"{base}/marks", {"kind": "use_of_force", "reason": "Seen"}).status_code == 303
    # No directive is adopted here: what it says is unknown, and unknown is not yes.
    assert refusal(wearer, f"{base}.json") == (403, ["access/report-unknown"])
    assert wearer.fill(f"{base}/glass", {"words": WORDS}).status_code == 403
    assert wearer.fill(f"{base}/report", {"given_at": "2026-11-21T10:00"}).status_code == 403
    assert leader.fill(f"{base}/report", {"given_at": "2020-01-01T10:00"}).status_code == 422
    assert leader.fill(f"{base}/report", {"given_at": "soon"}).status_code == 422
    assert leader.fill(f"{base}/report", {"given_at": "2026-11-21T10:00"}).status_code == 303
    assert leader.fill(f"{base}/report", {"given_at": "2026-11-21T10:00"}).status_code == 409
    assert wearer.get(f"{base}.json").status_code == 200
    given = next(one for one in place.acts(there) if one.act == "report_given")
    assert given.detail["given_at"] == clock.stamp(datetime(2026, 11, 21, 15, tzinfo=UTC))


def test_while_it_is_investigated_neither_the_wearer_nor_their_supervisor_looks_or_decides(
    place: Place,
) -> None:
    s = place.staffed
    office = s.office(name="Unit 7")
    officer = s.officer("8805", office=office)
    there = place.recording(wearer=officer)
    place.sql("UPDATE recording SET office = %s WHERE id = %s", (office, there.id))
    base = f"/recordings/{there.number}"
    wearer = place.person("officer", officer=officer, purpose="reason audit")
    leader = place.person("supervisor", office=office, purpose="reason supervisor_review")
    inspector = place.person("inspector", purpose="reason internal_affairs")
    assert leader.get(f"{base}.json").status_code == 200
    assert (
        inspector.fill(f"{base}/marks", {"kind": "investigated", "reason": "Complaint 12"}).status_code == 303
    )
    for person in (wearer, leader):
        assert refusal(person, f"{base}.json") == (403, ["access/investigated"])
        assert person.fill(f"{base}/glass", {"words": WORDS}).status_code == 403
        assert person.fill(f"{base}/marks/end", {"kind": "investigated", "reason": "x"}).status_code == 403
    assert inspector.get(f"{base}.json").status_code == 200
    assert (
        inspector.fill(f"{base}/marks/end", {"kind": "investigated", "reason": "Closed"}).status_code == 303
    )
    assert leader.get(f"{base}.json").status_code == 200
    # An open case of internal affairs says the same, and ends with the case.
    case = files.open_case(s.archive, s.house.scope(), "cbp", "internal affairs", "Complaint 13")
    contents.add_recordings(s.archive, s.house.scope(), case.id, [Ref(there.id, "cbp")])
    assert refusal(leader, f"{base}.json") == (403, ["access/investigated"])


# ---- why not ----------------------------------------------------------------------------------------------------------


def test_why_explains_and_a_number_of_another_agency_is_answered_as_a_number_of_nobody(place: Place) -> None:
    there, foreign = place.recording(), place.recording(agency="ice")
    person = place.person("officer")
    why = person.get(f"/recordings/{there.number}/why.json").json()
    assert not why["allowed"]
    assert {r["id"] for r in why["rules"]} >= {"access/officer-own", "access/supervisor-unit"}
    assert any("administrator" in way["says"] for way in why["ways"])
    page = person.get(f"/recordings/{there.number}", headers=JSON).json()
    assert person.get(page["why"]).status_code == 200
    nobody = "R-00000-00000"
    for form in (
        "",
        ".json",
        "/why",
        "/why.json?act=footage.play",
        "/purpose",
        "/glass",
        "/who",
        "/export.zip",
    ):
        one = person.get(f"/recordings/{foreign.number}{form}", headers=PAGE)
        two = person.get(f"/recordings/{nobody}{form}", headers=PAGE)
        assert (one.status_code, two.status_code) == (404, 404), form
        assert one.text.replace(foreign.number, nobody) == two.text, form
    assert person.get("/why.json?act=footage.download&agency=ice").json()["roles"] == []
    assert person.get("/why?act=nonsense&agency=ice").status_code == 422
    assert person.get("/why?act=footage.view&agency=nowhere").status_code == 422
