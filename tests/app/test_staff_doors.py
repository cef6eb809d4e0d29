"""Can anybody reach what is not theirs? The doors of the staff app, tried by somebody hostile."""

from __future__ import annotations

import re

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from lapel.access import guard_web
from lapel.access.page_web import own_path
from lapel.custody import log
from staffed import NAME, PASSWORD, Person, Staffed

ID = "0" * 32


def routes(app: FastAPI) -> list[APIRoute]:
    """Every route, those of included routers too."""
    found: list[APIRoute] = []

    def walk(some: list[object]) -> None:
        for route in some:
            if isinstance(route, APIRoute):
                found.append(route)
            elif hasattr(route, "original_router"):
                walk(route.original_router.routes)

    walk(list(app.routes))
    assert len(found) > 20
    return found


def address_of(route: APIRoute) -> str:
    path = route.path.replace("{original}", ID).replace("{thumbnail}", ID).replace("{entry}", ID)
    return (
        path.replace("{number}", "R-00000-00000")
        .replace("{name:path}", "checkpoint")
        .replace("{link}", "x" * 43)
    )


def test_no_page_opens_without_a_session(here: Staffed) -> None:
    app = here.app()
    stranger = Person(app)
    for route in routes(app):
        path = address_of(route)
        if path in guard_web.OPEN_PATHS or path.startswith(guard_web.OPEN_FOLDERS):
            continue
        for method in route.methods or ():
            answer = stranger.request(method, path, headers={"accept": "application/json"})
            assert answer.status_code == 401, (method, path, answer.status_code)
            assert answer.headers["content-type"] == ("application/problem+json")


def test_a_stranger_is_led_to_sign_in_and_not_told_which_pages_exist(here: Staffed) -> None:
    stranger = Person(here.app())
    for path in ("/work", "/recordings/R-00000-00000", "/nowhere", "/docs", "/openapi.json", "/admin"):
        answer = stranger.get(path, headers={"accept": "text/html"})
        if path.endswith(".json"):
            assert answer.status_code == 401
        else:
            assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next={path}")


def test_signing_in_and_out_by_the_forms(here: Staffed) -> None:
    here.account()
    person = Person(here.app())
    answer = person.fill("/sign-in", {"name": NAME, "password": PASSWORD, "next": "/recordings"}, "/sign-in")
    assert (answer.status_code, answer.headers["location"]) == (303, "/recordings")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert person.get("/work").status_code == 200
    answer = person.fill("/sign-out", {})
    assert answer.headers["location"] == "/sign-in"
    assert person.get("/work").status_code == 303


def test_a_wrong_password_shows_the_form_again_and_why(here: Staffed) -> None:
    here.account()
    person = Person(here.app())
    answer = person.fill("/sign-in", {"name": NAME, "password": "wrong password"}, "/sign-in")
    assert answer.status_code == 401
    assert "do not open an account" in answer.text
    assert "wrong password" not in answer.text


def test_the_first_account_is_made_by_the_link(here: Staffed) -> None:
    from lapel.access import signin

    link = signin.make_link(here.house.db("owner"), ("cbp", "ice"), made_by="cli:test")
    person = Person(here.app())
    page = f"/begin/{link}"
    answer = person.fill(page, {"name": "A", "password": "x" * 14, "again": "y" * 14}, page)
    assert answer.status_code == 422
    answer = person.fill(page, {"name": "Custodian 1", "password": PASSWORD, "again": PASSWORD}, page)
    assert answer.headers["location"] == "/work"
    assert person.get("/work").status_code == 200
    assert Person(here.app()).get(page).status_code == 404


def test_programs_sign_in_by_json(here: Staffed) -> None:
    here.account()
    program = Person(here.app())
    json = {"accept": "application/json"}
    token = program.get("/sign-in.json").json()["form_token"]
    answer = program.post(
        "/sign-in", data={"name": NAME, "password": PASSWORD, "form_token": token}, headers=json
    )
    assert answer.json()["says"] == "You are signed in."
    token = program.get("/account.json").json()["form_token"]
    answer = program.post("/view", data={"agency": "cbp"}, headers={**json, "x-form-token": token})
    assert answer.status_code == 200
    assert program.get("/account.json").json()["agency_in_view"] == "cbp"


def test_with_tls_the_cookie_is_bound_to_this_host(here: Staffed) -> None:
    here.account()
    person = Person(here.app(secure=True))
    person.base_url = "https://lapel.test"  # type: ignore[assignment]
    answer = person.fill("/sign-in", {"name": NAME, "password": PASSWORD}, "/sign-in")
    assert re.match(
        r"__Host-lapel=[\w-]{43}; HttpOnly; .*Path=/; SameSite=lax; Secure", answer.headers["set-cookie"]
    )
    assert "max-age=63072000" in answer.headers["strict-transport-security"]


def test_every_form_must_bring_the_token_of_its_own_page(here: Staffed) -> None:
    app = here.app()
    person, other = Person(app, here.account().token), Person(app, here.account(name="Somebody else").token)
    foreign = other.form_token("/account")
    whole = {"name": "x", "password": "x" * 12, "again": "x" * 12}  # so that nothing is missing but the token
    tried = 0
    for route in routes(app):
        for method in (route.methods or set()) - {"GET", "HEAD"}:
            for token in ({}, {"form_token": ""}, {"form_token": foreign}):
                answer = person.request(method, address_of(route), data={**whole, **token})
                assert answer.status_code == 403, (route.path, answer.status_code)
                tried += 1
    assert tried >= 27
    assert person.get("/work").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://elsewhere.test"},
        {"origin": "null"},
    ],
)
def test_a_form_sent_by_another_site_does_nothing_even_with_the_token(
    here: Staffed, headers: dict[str, str]
) -> None:
    person = Person(here.app(), here.account().token)
    token = person.form_token("/account")
    answer = person.post("/view", data={"form_token": token, "agency": "cbp"}, headers=headers)
    assert answer.status_code == 403
    assert person.get("/account.json").json()["agency_in_view"] is None


def test_a_refusal_is_an_entry_of_the_person_refused(here: Staffed) -> None:
    opened = here.account()
    Person(here.app(), opened.token).post("/view", data={"agency": "cbp"})
    with here.archive.db.tx(here.house.scope()) as conn:
        last = log.history(conn, f"account:{opened.account}")[-1]
    assert (last.act, last.detail["attempted"], last.detail["rules"]) == (
        "refused",
        "view",
        ["access/form-token"],
    )


def test_another_agencys_recording_is_not_there(here: Staffed) -> None:
    theirs = here.recording("ice")
    with here.archive.db.tx(here.house.scope("ice")) as conn:
        original = conn.execute("SELECT id FROM original WHERE recording = %s", (theirs.id,)).fetchone()
    assert original is not None
    person = Person(here.app(), here.account(("cbp",)).token)
    base = f"/recordings/{theirs.number}"
    for path in (
        "",
        ".json",
        f"/originals/{original['id']}/play",
        f"/originals/{original['id']}/download",
        f"/history/{ID}",
    ):
        assert person.get(base + path).status_code == 404, path
    for path in ("/category", "/note", "/wearer", "/bookmarks"):
        answer = person.fill(base + path, {"category": ID, "words": "x", "badge": "1", "reason": "y"})
        assert answer.status_code == 404, path
    assert theirs.number not in person.get("/recordings").text
    assert person.get(f"/search?q={theirs.number}").headers["location"].startswith("/recordings?")
    assert person.get("/recordings?agency=ice").status_code == 403
    assert here.archive.db  # and nothing of it was entered in their history
    with here.archive.db.tx(here.house.scope("ice")) as conn:
        acts = {act.act for act in log.history(conn, f"recording:{theirs.id}")}
    assert acts == {"announced", "received", "completed"}


def test_an_original_is_reached_through_its_own_recording_only(here: Staffed) -> None:
    mine, other = here.recording(), here.recording(salt=b"1")
    with here.archive.db.tx(here.house.scope()) as conn:
        row = conn.execute("SELECT id FROM original WHERE recording = %s", (other.id,)).fetchone()
    assert row is not None
    person = Person(here.app(), here.account().token)
    assert person.get(f"/recordings/{mine.number}/originals/{row['id']}/play").status_code == 404


@pytest.mark.parametrize(
    "target",
    ["//elsewhere.test", "/\\elsewhere.test", "https://elsewhere.test", "javascript:alert(1)", "\t//elsewhere.test", "/a\r\nSet-Cookie: x", "work", "/" + "a" * 3000],
)  # fmt: skip
def test_signing_in_never_leads_to_another_site(here: Staffed, target: str) -> None:
    here.account()
    person = Person(here.app())
    answer = person.fill("/sign-in", {"name": NAME, "password": PASSWORD, "next": target}, "/sign-in")
    assert answer.headers["location"] == "/work"
    assert own_path(target) == "/work"
