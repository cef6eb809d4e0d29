"""What does somebody gain who has a stolen cookie, an old form, a planted session or a forged header? Over a real socket, too."""

from __future__ import annotations

import http.client
import itertools
from urllib.parse import urlencode, urlsplit

from structlog.testing import capture_logs

from lapel.access import sessions
from lapel.base.ids import new_id
from lapel.custody import log
from staffed import NAME, PASSWORD, Person, Staffed, serving


def ask(
    url: str, method: str, path: str, headers: list[tuple[str, str]], body: str = ""
) -> tuple[int, str, str]:
    """One request with exactly these headers, doubled ones too. Status, the cookie that was set, text."""
    conn = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    conn.putrequest(method, path, skip_accept_encoding=True)
    for name, value in (*headers, ("Content-Length", str(len(body)))):
        conn.putheader(name, value)
    conn.endheaders(body.encode())
    answer = conn.getresponse()
    text = answer.read().decode(errors="replace")
    conn.close()
    return answer.status, answer.headers.get("set-cookie", ""), text


FORGED = [
    [("X-Client-Verify", "SUCCESS")],
    [("x-client-verify", "SUCCESS"), ("X-CLIENT-VERIFY", "NONE")],
    [("X-Client-Cert", "-----BEGIN%20CERTIFICATE-----"), ("X-Client-Verify", "SUCCESS")],
    [("X-Client-Verify", "SUCCESS"), ("X-Real-IP", "10.0.0.1"), ("X-Forwarded-For", "10.0.0.1")],
]


def test_a_card_claimed_at_the_open_door_over_a_real_socket_opens_nothing(here: Staffed) -> None:
    here.account()
    with capture_logs(), serving(here.app()) as url:
        status, cookie, _ = ask(url, "GET", "/sign-in", [])
        assert status == 200
        visitor = cookie.split(";")[0]
        token = sessions.form_token(visitor.split("=", 1)[1])
        form = [("Content-Type", "application/x-www-form-urlencoded"), ("Cookie", visitor)]
        for headers, path in itertools.product(FORGED, ("/sign-in/certificate", "/sign-in")):
            body = urlencode({"form_token": token, "name": NAME, "password": PASSWORD})
            status, cookie, _ = ask(url, "POST", path, [*form, *headers], body)
            assert (status, "lapel=" in cookie.replace("lapel_visitor=", "")) == (403, False)
            assert ask(url, "GET", "/work", headers)[0] in (303, 401, 403)
    with here.house.db("owner").tx(here.house.scope()) as conn:
        assert conn.execute("SELECT count(*) AS n FROM session WHERE method = 'certificate'").fetchone() == {
            "n": 0
        }


def test_a_name_with_underscores_is_no_card_header_either(here: Staffed) -> None:
    """Some servers write `-` and `_` alike: ours does not take the one for the other, and grants nothing for either."""
    opened = here.account()
    with capture_logs(), serving(here.app()) as url:
        cookie = ("Cookie", f"lapel={opened.token}")
        token = sessions.form_token(opened.token)
        body = urlencode({"form_token": token})
        kind = ("Content-Type", "application/x-www-form-urlencoded")
        status, _, _ = ask(
            url, "POST", "/sign-in/certificate", [cookie, kind, ("X_Client_Verify", "SUCCESS")], body
        )
        assert status in (400, 403, 404)


def test_a_request_that_is_sent_again_after_signing_out_does_nothing(here: Staffed) -> None:
    recording = here.recording()
    person = Person(here.app(), here.account().token)
    path, token = f"/recordings/{recording.number}/note", person.form_token("/account")
    caught = {
        "cookies": {"lapel": str(person.cookies.get("lapel"))},
        "data": {"form_token": token, "note": "x"},
    }
    person.fill("/sign-out", {})
    again = Person(here.app())
    again.cookies.set("lapel", caught["cookies"]["lapel"])
    answer = again.post(path, data=caught["data"], headers={"accept": "application/json"})
    assert answer.status_code == 401
    person.fill("/sign-in", {"name": NAME, "password": PASSWORD}, "/sign-in")
    assert person.post(path, data=caught["data"]).status_code == 403  # the old form in the new session
    with here.archive.db.tx(here.house.scope()) as conn:
        assert "noted" not in {a.act for a in log.history(conn, f"recording:{recording.id}")}


def test_a_session_that_was_planted_is_not_the_one_that_signing_in_opens(here: Staffed) -> None:
    here.account()
    planted, visitor = sessions.new_token(), sessions.new_token()
    victim = Person(here.app())
    victim.cookies.set("lapel", planted)
    victim.cookies.set("lapel_visitor", visitor)
    token = sessions.form_token(visitor)
    answer = victim.post("/sign-in", data={"form_token": token, "name": NAME, "password": PASSWORD})
    assert answer.status_code == 303
    assert planted not in answer.headers["set-cookie"]
    assert sessions.read(here.archive.db, planted) is None
    assert sessions.read(here.archive.db, visitor) is None


def test_a_stolen_cookie_is_seen_by_the_address_it_is_used_from(here: Staffed) -> None:
    """A session is not tied to an address (people move), so the log must tell: each act names where it came from."""
    recording, opened = here.recording(), here.account()
    app = here.app()
    for address in ("192.0.2.1", "198.51.100.66"):
        person = Person(app, opened.token)
        person._transport.client = (address, 50000)  # type: ignore[attr-defined]
        assert person.get(f"/recordings/{recording.number}").status_code == 200
    with here.archive.db.tx(here.house.scope()) as conn:
        viewed = [
            a.detail.get("source")
            for a in log.history(conn, f"recording:{recording.id}")
            if a.act == "viewed"
        ]
    assert viewed == ["192.0.2.1", "198.51.100.66"]


def test_asking_for_what_is_not_there_is_entered_as_a_read_that_failed(here: Staffed) -> None:
    theirs = here.recording("ice")
    opened = here.account()
    person = Person(here.app(), opened.token)
    for number in (theirs.number, "R-00000-00000"):
        assert person.get(f"/recordings/{number}.json").status_code == 404
    with here.archive.db.tx(here.house.scope()) as conn:
        failed = [a for a in log.history(conn, f"account:{opened.account}") if a.act == "failed"]
    assert [(a.detail["code"], a.detail["attempted"]) for a in failed] == [
        ("not-found", "recording_json")
    ] * 2
    assert theirs.number in str(failed[0].detail["says"])


def test_no_form_that_leads_on_leads_to_another_site(here: Staffed) -> None:
    person = Person(here.app(), here.account(name=f"Somebody {new_id()[:6]}").token)
    forms = (
        ("/view", {"agency": "cbp"}),
        ("/recordings/categorise", {"number": "R-00000-00000", "category": "0" * 32}),
    )
    for target in (
        "//elsewhere.test",
        "https://elsewhere.test/",
        "/\\elsewhere.test",
        "%2f%2felsewhere.test",
    ):
        for path, fields in forms:
            where = person.fill(path, {**fields, "next": target}).headers.get("location", "/")
            assert where.startswith("/")
            assert not where.startswith(("//", "/\\"))
