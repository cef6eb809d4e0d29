"""What another agency's people meet when footage is shared with them, and what stands in the giver's log."""

from __future__ import annotations

from datetime import timedelta

import pytest
from test_shares import give, of

from lapel.cases import shares
from lapel.custody import log
from lapel.footage.model import Recording
from staffed import Person, Staffed, sample


def logged(here: Staffed, recording: Recording) -> list[log.LoggedAct]:
    with here.archive.db.tx(here.house.scope()) as conn:
        return log.history(conn, f"recording:{recording.id}")


def test_a_share_given_used_and_revoked(here: Staffed) -> None:
    wearer = here.officer("4471")
    given, kept = here.recording(wearer=wearer), here.recording(salt=b"1")
    here.inspect(given)
    opened = here.account(("ice",), "Custodian 31")
    guest = Person(here.app(), opened.token)
    assert guest.get(f"/recordings/{given.number}").status_code == 404
    share = give(here, of(given))
    page = guest.get(f"/recordings/{given.number}")
    assert page.status_code == 200
    assert "Shared by Customs and Border Protection" in page.text
    assert "Officer 4471" in page.text
    for form in ("/category", "/note", "/wearer", "/bookmarks", "/case"):
        assert f'action="/recordings/{given.number}{form}"' not in page.text
        token = guest.form_token("/account")
        answer = guest.post(f"/recordings/{given.number}{form}", data={"form_token": token, "words": "x"})
        assert answer.status_code == 403, form
    clip = guest.get(f"/recordings/{given.number}.json").json()["clips"][0]
    assert guest.get(clip["play_url"]).content == sample("carphone_pristine")
    assert guest.get(clip["play_url"], headers={"range": "bytes=0-9"}).status_code == 206
    answer = guest.get(clip["download_url"], headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()["rules"]) == (403, ["cases/share-acts"])
    assert guest.get(f"/recordings/{kept.number}").status_code == 404
    assert guest.get("/recordings.json").json()["rows"] == []

    acts = [a for a in logged(here, given) if a.actor == f"account:{opened.account}"]
    assert [a.act for a in acts] == ["viewed", "viewed", "played"]
    for act in acts:
        assert act.agency == "cbp"
        assert (act.detail["share"], act.detail["by_agency"], act.detail["by_name"]) == (share.id, "ice", "Custodian 31")  # fmt: skip
    with here.archive.db.tx(here.house.scope("cbp")) as conn:
        row = conn.execute("SELECT sent_bytes FROM play_grant").fetchone()
    assert row == {"sent_bytes": len(sample("carphone_pristine")) + 10}

    shares.revoke(here.archive, here.house.scope(), share.id, "Sent by mistake")
    for target in (f"/recordings/{given.number}", clip["play_url"]):
        answer = guest.get(target, headers={"accept": "application/json"})
        assert (answer.status_code, answer.json()["rules"]) == (403, ["cases/share-revoked"])
        assert "CBP took it back" in answer.json()["detail"]
        assert "Sent by mistake" in answer.json()["detail"]
    stranger = Person(here.app(), here.account(("usss",), "Custodian 40").token)
    assert stranger.get(f"/recordings/{given.number}").status_code == 404


def test_a_share_may_allow_the_download_of_the_exact_original(here: Staffed) -> None:
    given = here.recording()
    give(here, of(given), acts=("view", "download"))
    guest = Person(here.app(), here.account(("ice",)).token)
    clip = guest.get(f"/recordings/{given.number}.json").json()["clips"][0]
    assert guest.get(clip["download_url"]).content == sample("carphone_pristine")
    assert guest.get(clip["play_url"]).status_code == 403
    assert logged(here, given)[-1].act == "downloaded"


def test_a_guest_writes_only_in_their_own_name_and_only_while_the_share_lasts(here: Staffed) -> None:
    import psycopg

    given, kept = here.announce(), here.announce()
    give(here, of(given))
    for recording, actor in ((given, "account:somebody-else"), (kept, "account:test")):
        act = log.Act(actor, "cbp", "viewed", f"recording:{recording.id}")
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            here.archive.db.tx(here.house.scope("ice")) as conn,
        ):
            log.record_on_known(conn, act)


@pytest.mark.parametrize("ends", ["revoked", "expired"])
def test_a_player_that_goes_on_after_the_end_gets_nothing_more(here: Staffed, ends: str) -> None:
    from test_shares import time_passes

    given = here.recording()
    share = give(here, of(given))
    guest = Person(here.app(), here.account(("ice",)).token)
    clip = guest.get(f"/recordings/{given.number}.json").json()["clips"][0]
    assert guest.get(clip["play_url"], headers={"range": "bytes=0-9"}).status_code == 206
    if ends == "revoked":
        shares.revoke(here.archive, here.house.scope(), share.id, "Enough")
    else:
        time_passes(here, share)
    answer = guest.get(clip["play_url"], headers={"range": "bytes=10-19", "accept": "application/json"})
    assert (answer.status_code, answer.json()["rules"]) == (403, [f"cases/share-{ends}"])
    assert timedelta(0) < share.expires_at - share.given_at
