"""Can a custodian open a case, share it and take it back on the pages, and does the other agency see that?"""

from __future__ import annotations

from datetime import timedelta

from test_shares import give, of

from lapel.base import clock
from staffed import Person, Staffed


def test_a_case_is_opened_filled_shared_and_taken_back_by_the_forms(here: Staffed) -> None:
    recording = here.recording()
    ours = Person(here.app(), here.account(("cbp",), "Custodian 12").token)
    theirs = Person(here.app(), here.account(("ice",), "Custodian 31").token)
    answer = ours.fill("/cases", {"agency": "cbp", "kind": "criminal", "title": "Bridge"}, "/cases")
    case = answer.headers["location"]
    number = case.rsplit("/", 1)[-1]
    target = f"/recordings/{recording.number}"
    assert ours.fill(f"{target}/case", {"case": number}, target).status_code == 303
    assert recording.number in ours.get(case).text
    assert number in ours.get(target).text
    assert theirs.get(case).status_code == 404
    form = f"/shares/new?case={number}&agency=cbp"
    last_day = str((clock.now() + timedelta(days=3)).date())
    said = {"case": number, "agency": "cbp", "to": "ice", "act": ["view", "play"], "purpose": "Joint", "last_day": last_day}  # fmt: skip
    share = ours.fill("/shares", said, form).headers["location"]
    assert recording.number in theirs.get(share).text
    assert number in theirs.get("/shares").text
    assert theirs.get(target).status_code == 200
    assert theirs.get(f"{share}/receipt").status_code == 503
    here.publish()
    assert theirs.get(f"{share}/receipt").json()["opened"]["case_number"]["value"] == number
    assert theirs.post(f"{share}/revoke", data={"form_token": theirs.form_token(share), "reason": "x"}).status_code == 403  # fmt: skip
    assert ours.fill(f"{share}/revoke", {"reason": "Enough"}, share).status_code == 303
    assert "over, taken back: Enough" in theirs.get("/shares").text
    assert theirs.get(target).status_code == 403


def test_what_is_shared_is_not_handed_on(here: Staffed) -> None:
    recording = here.recording()
    here.publish()
    give(here, of(recording), acts=("view", "play", "download"))
    theirs = Person(here.app(), here.account(("ice",)).token)
    for target in (f"/recordings/{recording.number}/export.zip", f"/shares/new?recording={recording.number}"):
        answer = theirs.get(target, headers={"accept": "application/json"})
        assert (answer.status_code, answer.json()["rules"]) == (403, ["cases/only-the-owner-hands-on"])
